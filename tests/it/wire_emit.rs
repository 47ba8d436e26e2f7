//! Emitted code, tried with the tools that it is for: the AWS CLI against moto, shellcheck, a parser of HCL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::moto;
use crate::scene::Scene;
use crate::wire_fix::Stage;

/// The files under a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        files.extend(if path.is_dir() { self::files(&path) } else { vec![path] });
    }
    files.sort();
    files
}

pub(crate) fn named(folder: &Path, end: &str) -> Vec<PathBuf> {
    files(folder).into_iter().filter(|file| file.to_str().unwrap().ends_with(end)).collect()
}

/// Each file of HCL as its parser reads it.
pub(crate) fn parsed(folder: &Path) -> Vec<Value> {
    let mut command = Command::new(moto::program("python"));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/hcl.py")).args(named(folder, ".tf"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What shellcheck says of the scripts.
fn complaints(folder: &Path) -> String {
    let mut command = Command::new(moto::program("shellcheck"));
    // Single quotes that keep `$(…)` from being run are what is wanted.
    command.args(["--exclude=SC2016"]).args(named(folder, ".sh"));
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

impl Stage {
    /// Runs an account's script with the AWS CLI and that account's credentials.
    fn run_script(&self, folder: &Path, account: &str) -> Output {
        let programs = moto::program("aws").parent().unwrap().to_owned();
        let own = Path::new(env!("CARGO_BIN_EXE_keymend")).parent().unwrap().to_owned();
        let path = std::env::join_paths([programs, own, "/usr/bin".into(), "/bin".into()]).unwrap();
        let mut command = Command::new(folder.join(account).join("apply.sh"));
        self.operator.run(&mut command).env("AWS_PROFILE", account).env("PATH", path).output().unwrap()
    }

    /// Both sides' texts, with this stage's own ids as words.
    pub(crate) async fn state(&self) -> Vec<String> {
        let policy = format!("arn:aws:iam::{}:policy/KmsKeyUsagePolicy", self.launcher.id);
        let get = self.launcher.iam.get_policy_version().policy_arn(&policy).version_id("v1");
        let document = get.send().await.unwrap().policy_version().unwrap().document().unwrap().to_owned();
        let mut texts = vec![self.key_policy().await, document];
        texts.extend(self.attached().await);
        let word = |text: String| {
            let text = text.replace(&self.key.id, "KEY").replace(&self.owner.id.to_string(), "OWNER");
            text.replace(&self.launcher.id.to_string(), "LAUNCHER")
        };
        texts.into_iter().map(word).collect()
    }
}

pub(crate) fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn the_scripts_leave_what_fix_leaves() {
    let (direct, scripted) = (Stage::new().await, Stage::new().await);
    assert_eq!(direct.fix(&["--yes"]).status.code(), Some(0));
    let folder = tempfile::tempdir().unwrap();
    let emitted =
        scripted.fix(&["--dry-run", "--emit", "cli", "--emit-dir", folder.path().to_str().unwrap()]);
    assert_eq!(emitted.status.code(), Some(0), "{}", told(&emitted));
    assert_eq!(complaints(folder.path()), "");
    let (owner, launcher) = (scripted.owner.id.to_string(), scripted.launcher.id.to_string());

    let stranger = self::as_account(&scripted, folder.path(), &owner, &launcher);
    assert_eq!(stranger.status.code(), Some(1), "{}", told(&stranger));
    assert!(told(&stranger).contains("these credentials serve account"), "{}", told(&stranger));

    for account in [&owner, &launcher] {
        let ran = scripted.run_script(folder.path(), account);
        assert_eq!(ran.status.code(), Some(0), "{}", told(&ran));
    }
    assert_eq!(scripted.state().await, direct.state().await);
    let again = scripted.fix(&["--yes"]);
    assert!(
        told(&again).starts_with("No changes.") || told(&again).contains("No changes."),
        "{}",
        told(&again)
    );

    let twice = scripted.run_script(folder.path(), &owner);
    assert_eq!(twice.status.code(), Some(0), "what is so already is left alone: {}", told(&twice));
    let changed = scripted.key_policy().await.replace("key-default-1", "somebody-elses");
    let put = scripted.owner.kms.put_key_policy().key_id(&scripted.key.id).policy_name("default");
    put.policy(&changed).send().await.unwrap();
    let stale = scripted.run_script(folder.path(), &owner);
    assert_eq!(stale.status.code(), Some(6), "{}", told(&stale));
    assert_eq!(scripted.key_policy().await, changed, "nothing is overwritten");
}

/// Five versions of a policy, attached to the role; what the plan makes of it serves the role alone.
#[tokio::test]
async fn a_script_replaces_no_policy_that_came_to_serve_others() {
    const SOMETHING_ELSE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#;
    let stage = Stage::new().await;
    let iam = &stage.launcher.iam;
    let policy = stage.launcher.create_policy("KmsKeyUsagePolicy", SOMETHING_ELSE).await;
    for _ in 1..5 {
        stage.launcher.create_policy_version(&policy, SOMETHING_ELSE).await;
    }
    let arn = policy.to_string();
    iam.attach_role_policy().role_name("app").policy_arn(&arn).send().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let emitted = stage.fix(&["--dry-run", "--emit", "cli", "--emit-dir", folder.path().to_str().unwrap()]);
    assert_eq!(emitted.status.code(), Some(0), "{}", told(&emitted));
    assert_eq!(complaints(folder.path()), "");
    let versions = async || -> Vec<String> {
        let listed = iam.list_policy_versions().policy_arn(&arn).send().await.unwrap();
        listed.versions().iter().filter_map(|version| version.version_id().map(str::to_owned)).collect()
    };
    let before = versions().await;
    assert_eq!(before.len(), 5);

    stage.launcher.create_user("/", "stranger").await;
    iam.attach_user_policy().user_name("stranger").policy_arn(&arn).send().await.unwrap();
    let launcher = stage.launcher.id.to_string();
    let stale = stage.run_script(folder.path(), &launcher);
    assert_eq!(stale.status.code(), Some(6), "{}", told(&stale));
    assert_eq!(versions().await, before, "no version goes either");

    iam.detach_user_policy().user_name("stranger").policy_arn(&arn).send().await.unwrap();
    let ran = stage.run_script(folder.path(), &launcher);
    assert_eq!(ran.status.code(), Some(0), "{}", told(&ran));
    let after = versions().await;
    assert!(after.contains(&"v6".to_owned()) && after.len() == 5, "{after:?}");
    let twice = stage.run_script(folder.path(), &launcher);
    assert_eq!(twice.status.code(), Some(6), "{}", told(&twice));
    assert_eq!(versions().await, after, "a second time nothing goes");
}

/// Runs an account's script with another's credentials.
fn as_account(stage: &Stage, folder: &Path, account: &str, other: &str) -> Output {
    let renamed = folder.join("elsewhere");
    fs::create_dir_all(&renamed).unwrap();
    std::os::unix::fs::symlink(folder.join(account), renamed.join(other)).unwrap();
    stage.run_script(&renamed, other)
}

#[tokio::test]
async fn an_account_without_credentials_is_served_by_its_script() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
    let launcher = stage.launcher.id.to_string();
    command.args(["fix", "--key", &stage.key.to_string(), "--principal", &stage.role, "--dry-run"]);
    command.args(["--profile", &launcher, "--emit", "cli", "--emit-dir", folder.path().to_str().unwrap()]);
    let emitted = stage.operator.run(&mut command).output().unwrap();
    assert_eq!(emitted.status.code(), Some(3), "{}", told(&emitted));
    assert_eq!(complaints(folder.path()), "");
    for account in [&stage.owner.id.to_string(), &launcher] {
        let ran = stage.run_script(folder.path(), account);
        assert_eq!(ran.status.code(), Some(0), "{}", told(&ran));
    }
    assert!(stage.key_policy().await.contains(&stage.role));
    assert_eq!(stage.attached().await, ["KmsKeyUsagePolicy"]);
}

impl Stage {
    /// Runs `fix` for the launching account's role of EC2 Auto Scaling.
    fn fix_for_autoscaling(&self, more: &[&str]) -> Output {
        let launcher = self.launcher.id.to_string();
        let profile = format!("{launcher}={launcher}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
        command.args(["fix", "--key", &self.key.to_string(), "--autoscaling", &launcher]);
        self.operator.run(command.args(["--account-profile", &profile]).args(more)).output().unwrap()
    }

    /// The grants on the key and its policy, with this stage's own ids as words.
    async fn granted(&self) -> Vec<String> {
        let listed = self.owner.kms.list_grants().key_id(self.key.to_string()).send().await.unwrap();
        let grants = listed.grants().iter();
        let mut texts: Vec<String> = grants
            .map(|grant| {
                format!("{:?} {:?} {:?}", grant.name(), grant.grantee_principal(), grant.operations())
            })
            .collect();
        texts.push(self.key_policy().await);
        let word = |text: String| {
            let text = text.replace(&self.key.id, "KEY").replace(&self.owner.id.to_string(), "OWNER");
            text.replace(&self.launcher.id.to_string(), "LAUNCHER")
        };
        texts.into_iter().map(word).collect()
    }
}

#[tokio::test]
async fn the_scripts_make_the_grant_that_fix_makes() {
    let (direct, scripted) = (Stage::new().await, Stage::new().await);
    for stage in [&direct, &scripted] {
        stage.launcher.create_role_for_autoscaling().await;
    }
    let fixed = direct.fix_for_autoscaling(&["--yes"]);
    assert_eq!(fixed.status.code(), Some(0), "{}", told(&fixed));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let emitted = scripted.fix_for_autoscaling(&["--dry-run", "--emit", "cli", "--emit-dir", path]);
    assert_eq!(emitted.status.code(), Some(0), "{}", told(&emitted));
    assert_eq!(complaints(folder.path()), "");
    for account in [scripted.owner.id.to_string(), scripted.launcher.id.to_string()] {
        let ran = scripted.run_script(folder.path(), &account);
        assert_eq!(ran.status.code(), Some(0), "{}", told(&ran));
    }
    let granted = scripted.granted().await;
    assert_eq!(granted.len(), 2, "{granted:?}");
    assert_eq!(granted, direct.granted().await);
    let again = scripted.fix_for_autoscaling(&["--yes"]);
    assert!(told(&again).contains("No changes."), "{}", told(&again));
}

#[tokio::test]
async fn what_members_need_is_made_by_a_script_or_a_module() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let mut made = Command::new(moto::program("aws"));
    made.args(["organizations", "create-organization", "--query", "Organization.Id", "--output", "text"]);
    let made = stage.operator.run(&mut made).output().unwrap();
    assert_eq!(made.status.code(), Some(0), "{}", told(&made));
    let organization = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    for (format, place) in [("cli", "script"), ("terraform", "module")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
        command.args(["fix", "--key", &stage.key.to_string(), "--organization", &organization, "--dry-run"]);
        command.args(["--emit", format, "--emit-dir", folder.path().join(place).to_str().unwrap()]);
        let emitted = stage.operator.run(&mut command).output().unwrap();
        assert_eq!(emitted.status.code(), Some(0), "{}", told(&emitted));
    }
    assert_eq!(complaints(folder.path()), "");
    let modules = parsed(&folder.path().join("module").join(&organization));
    let policy = &modules[0]["resource"][0]["\"aws_iam_policy\""]["\"policy_kmskeyusagepolicy\""];
    assert_eq!(policy["name"], "\"KmsKeyUsagePolicy\"", "{modules:#?}");

    let script = folder.path().join("script").join(&organization).join("apply.sh");
    let programs = moto::program("aws").parent().unwrap().to_owned();
    let path = std::env::join_paths([programs, "/usr/bin".into(), "/bin".into()]).unwrap();
    let mut command = Command::new(&script);
    let ran = stage.operator.run(command.arg("role/app")).env("PATH", path);
    let ran = ran.env("AWS_PROFILE", stage.launcher.id.to_string()).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", told(&ran));
    assert_eq!(stage.attached().await, ["KmsKeyUsagePolicy"]);
    let own = stage.state().await;
    let document = fs::read_to_string(script.with_file_name("KmsKeyUsagePolicy.json")).unwrap();
    let id = stage.owner.id.to_string();
    assert!(document.contains(&stage.key.to_string()), "{document}");
    assert_eq!(own[1], document.replace(&stage.key.id, "KEY").replace(&id, "OWNER"), "{own:?}");
}

#[test]
fn grants_are_hcl() {
    let scene = Scene::of("autoscaling-across-accounts");
    let ran = scene.fix("--dry-run --emit terraform --emit-dir out");
    assert_eq!(ran.status, 0, "{ran}");
    let all = parsed(&scene.path("out"));
    let resources = all.iter().filter_map(|file| file["resource"].as_array()).flatten();
    let grants: Vec<&Value> = resources.filter_map(|resource| resource.get("\"aws_kms_grant\"")).collect();
    let [grant] = grants.as_slice() else { panic!("{all:#?}") };
    let grant = grant.as_object().unwrap().values().next().unwrap();
    assert_eq!(grant["operations"].as_array().map(Vec::len), Some(8), "{grant:#}");
    assert!(grant["key_id"].as_str().is_some_and(|key| key.starts_with("\"arn:aws:kms:")), "{grant:#}");
}

const EVIL: &str = "/$(touch_x)`touch_y`${path.root}%{if}'\"\\/";

/// A world in which paths and Sids are code in somebody's language.
pub(crate) fn hostile() -> Scene {
    Scene::changed("five-versions", |world| {
        let text = world.to_string().replace(
            "policy/KmsKeyUsagePolicy",
            &format!("policy{}KmsKeyUsagePolicy", EVIL.replace('\\', "\\\\").replace('"', "\\\"")),
        );
        *world = serde_json::from_str(&text).unwrap();
        world["accounts"]["444455556666"]["policies"]["KmsKeyUsagePolicy"]["path"] = json!(EVIL);
        let key = world["keys"].as_object_mut().unwrap().values_mut().next().unwrap();
        key["policy"]["Statement"][0]["Sid"] = json!("$(touch x) ${y} %{z} '\" <script>");
    })
}

#[test]
fn what_is_hostile_stays_data_in_hcl() {
    let scene = hostile();
    let ran = scene.fix("--dry-run --emit terraform --emit-dir out");
    assert_eq!(ran.status, 0, "{ran}");
    let all = parsed(&scene.path("out"));
    assert_eq!(all.len(), 6);
    let resources: Vec<&Value> =
        all.iter().filter_map(|file| file["resource"].as_array()).flatten().collect();
    let path = resources
        .iter()
        .find_map(|resource| resource["\"aws_iam_policy\""]["\"policy_kmskeyusagepolicy\""]["path"].as_str());
    let quoted = EVIL.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "$${").replace("%{", "%%{");
    assert_eq!(path, Some(format!("\"{quoted}\"").as_str()), "{all:#?}");
}

#[test]
fn what_is_hostile_stays_data_in_a_script() {
    let scene = hostile();
    let ran = scene.fix("--dry-run --emit cli --emit-dir out");
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(complaints(&scene.path("out")), "");
    let program = "#!/bin/bash\nprintf '%s\\0' \"$@\" >> \"$RECORD\"\ncase $1-$2 in\n\
                   sts-*) echo 444455556666 ;;\niam-get-policy) echo \"$VERSION\" ;;\n\
                   iam-list-entities-for-policy) echo \"$SERVED\" ;;\nesac\n";
    fs::write(scene.path("aws"), program).unwrap();
    fs::set_permissions(scene.path("aws"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let plan = scene.fix("--dry-run --output json").json();
    let arn = plan["changes"].as_array().unwrap().last().unwrap()["resource"].as_str().unwrap().to_owned();
    assert!(arn.contains(EVIL), "{plan:#}");
    let before = files(&scene.path("out")).len();
    let mut command = Command::new(scene.path("out/444455556666/apply.sh"));
    let path = format!("{}:/usr/bin:/bin", scene.path("").display());
    command.env_clear().env("PATH", path).env("RECORD", scene.path("record"));
    let output = command
        .env("VERSION", "v7")
        .env("SERVED", "role/app-instances")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let record = fs::read_to_string(scene.path("record")).unwrap();
    let count = record.split('\0').filter(|argument| *argument == arn).count();
    assert_eq!(count, 6, "each command gets the ARN as it is: {record:?}");
    assert_eq!(files(&scene.path("out")).len(), before, "nothing was run but the AWS CLI");
    assert!(!scene.path("x").exists() && !scene.path("touch_x").exists());
}
