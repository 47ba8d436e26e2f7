//! Emitted templates, tried with the tools that they are for: cfn-lint, a parser of YAML, the AWS CLI against moto.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use keymend::arn::AccountId;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::moto::{self, Account, Moto, Operator};
use crate::scene::Scene;
use crate::wire_emit::{named, told};
use crate::wire_fix::Stage;

/// A template as a parser of YAML reads it.
fn parsed(file: &Path) -> Value {
    let mut command = Command::new(moto::program("python"));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/template.py")).arg(file);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn indented(by: &str, text: &str) -> String {
    text.lines().flat_map(|line| [by, line, "\n"]).collect()
}

/// The properties of a resource, put into a template as their comments say.
fn whole(kind: &str, properties: &str) -> String {
    let indented = indented("      ", properties);
    format!(
        "Resources:\n  Own:\n    Type: {kind}\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    \
         Properties:\n{indented}"
    )
}

/// Makes a template of each part that is none.
fn complete(folder: &Path) -> Vec<PathBuf> {
    let all = named(folder, ".yaml");
    for file in &all {
        let name = file.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(file).unwrap();
        let template = match name {
            _ if name.ends_with(".statements.yaml") => {
                let statements = indented("  ", &text);
                whole("AWS::KMS::Key", &format!("KeyPolicy:\n  Version: '2012-10-17'\n{statements}"))
            }
            _ if name.starts_with("key-policy.") => whole("AWS::KMS::Key", &text),
            _ if name.starts_with("existing.") => {
                const OWN: &str = "PolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Deny, Action: '*', Resource: '*'}]}";
                let own = if text.contains("PolicyDocument:") { "" } else { OWN };
                whole("AWS::IAM::ManagedPolicy", &format!("{text}{own}"))
            }
            _ => text,
        };
        fs::write(file, template).unwrap();
    }
    all
}

/// What cfn-lint says of templates.
fn complaints(templates: &[PathBuf]) -> String {
    let output = Command::new(moto::program("cfn-lint")).arg("--").args(templates).output().unwrap();
    assert!(output.status.code().is_some_and(|code| code < 64), "{}", told(&output));
    told(&output)
}

#[test]
fn templates_and_their_parts_are_clean() {
    const ORGANIZATIONS: &str = "--organization o-a1b2c3d4e5 --ou o-b1b2c3d4e5/r-ab12/ou-ab12-11111111/";
    let mut templates = Vec::new();
    let mut scenes = Vec::new();
    for (world, more) in [
        ("copied-ami", ""),
        ("copied-ami", ORGANIZATIONS),
        ("copied-ami", "--organization o-a1b2c3d4e5 --least-privilege --policy-name +Odd.name"),
        ("five-versions", ""),
        ("shared-policy", ""),
        ("second-role", ""),
        ("group-grantee", ""),
        ("identity-center-role", ""),
        ("no-requester-credentials", ""),
        ("autoscaling-across-accounts", ""),
    ] {
        let scene = Scene::of(world);
        let ran = scene.fix(&format!("{more} --dry-run --emit cloudformation --emit-dir out"));
        assert!([0, 3].contains(&ran.status), "{ran}");
        let own = complete(&scene.path("out"));
        assert!(!own.is_empty(), "{ran}");
        templates.extend(own);
        scenes.push(scene);
    }
    assert_eq!(complaints(&templates), "");
    fs::write(&templates[0], "Resources: {Own: {Type: 'AWS::KMS::Key', Properties: {Policy: 1}}}").unwrap();
    assert_ne!(complaints(&templates[..1]), "", "mistakes are seen");
}

/// Whatever a key policy may hold, in whatever place a policy has for text.
#[test]
fn what_is_hostile_stays_data_in_a_template() {
    let every: String = ('\u{20}'..='\u{ff}').chain(['\t', '\n', '\r']).collect();
    let texts = [
        every.as_str(),
        "a: b",
        "!Ref Own",
        "- a",
        "#c",
        "'",
        "\"\n  Own: 1\n#",
        "${AWS::AccountId}",
        "2012-10-17",
        "no",
        "0x1f",
        "1_000",
        "~",
        "",
        " a ",
        "%a",
        "&a *a",
        "|\n a",
        "é\u{85}\u{a0}\u{ad}",
        "12:30:45",
    ];
    let allow = |text: &&str| {
        json!({
            "Sid": text, "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {"StringEquals": {format!("kms:EncryptionContext:{text}"): [text, 7, true]}, "Null": {"no": false}},
        })
    };
    let statements: Vec<Value> = texts.iter().map(allow).collect();
    let scene = Scene::changed("copied-ami", |world| {
        let key = world["keys"].as_object_mut().unwrap().values_mut().next().unwrap();
        key["policy"]["Statement"].as_array_mut().unwrap().extend(statements.iter().cloned());
    });
    let ran = scene.fix("--dry-run --emit cloudformation --emit-dir out");
    assert_eq!(ran.status, 0, "{ran}");
    let plan = scene.fix("--dry-run --output json").json();
    let after = &plan["changes"][0]["after"];
    let after = after.as_str().map_or_else(|| after.clone(), |text| serde_json::from_str(text).unwrap());
    assert!(after["Statement"].as_array().unwrap().len() > texts.len(), "{plan:#}");
    let [file] = named(&scene.path("out/111122223333"), ".yaml").try_into().unwrap();
    assert_eq!(parsed(&file), json!({"KeyPolicy": after}));
}

#[test]
fn what_cloudformation_would_replace_is_refused() {
    for (text, statement) in [
        ("{{resolve:ssm:x}}", json!({"Sid": "{{resolve:ssm:x}}"})),
        ("Fn::Sub", json!({"Condition": {"StringEquals": {"Fn::Sub": "x"}}})),
    ] {
        let scene = Scene::changed("copied-ami", |world| {
            let key = world["keys"].as_object_mut().unwrap().values_mut().next().unwrap();
            let own = key["policy"]["Statement"][0].as_object_mut().unwrap();
            own.extend(statement.as_object().unwrap().clone());
        });
        let ran = scene.fix("--dry-run --emit cloudformation --emit-dir out");
        assert_eq!(ran.status, 1, "{ran}");
        let words = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&format!("has `{text}`, which CloudFormation would replace")), "{ran}");
        assert!(!scene.path("out").exists(), "{ran}");
    }
}

/// The commands in a template's comments that begin so.
fn commands(template: &Path, beginnings: &[&str]) -> String {
    let text = fs::read_to_string(template).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("#   "));
    let wanted = lines.filter(|line| beginnings.iter().any(|beginning| line.starts_with(beginning)));
    wanted.flat_map(|line| [line, "\n"]).collect()
}

/// Runs commands of a template's comments beside it, with an account's credentials.
fn run(operator: &Operator, account: AccountId, folder: &Path, script: &str) -> Output {
    let programs = moto::program("aws").parent().unwrap().to_owned();
    let path = std::env::join_paths([programs, "/usr/bin".into(), "/bin".into()]).unwrap();
    let mut command = Command::new("bash");
    operator.run(command.args(["-euc", script]).current_dir(folder));
    command.env("AWS_PROFILE", account.to_string()).env("AWS_PAGER", "").env("PATH", path).output().unwrap()
}

async fn document(account: &Account) -> Value {
    let arn = format!("arn:aws:iam::{}:policy/KmsKeyUsagePolicy", account.id);
    let get = account.iam.get_policy_version().policy_arn(arn).version_id("v1").send().await.unwrap();
    let text = get.policy_version().unwrap().document().unwrap().to_owned();
    let decoded = percent_decode_str(&text).decode_utf8().unwrap();
    serde_json::from_str(&decoded).unwrap()
}

#[tokio::test]
async fn the_template_of_an_account_makes_what_fix_makes() {
    let (direct, templated) = (Stage::new().await, Stage::new().await);
    assert_eq!(direct.fix(&["--yes"]).status.code(), Some(0));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let emitted = templated.fix(&["--dry-run", "--emit", "cloudformation", "--emit-dir", path]);
    assert_eq!(emitted.status.code(), Some(0), "{}", told(&emitted));
    let launcher = templated.launcher.id;
    let own = folder.path().join(launcher.to_string());
    let script = commands(&own.join("keymend.yaml"), &["aws "]);
    assert_eq!(script.lines().count(), 1, "{script}");
    let ran = run(&templated.operator, launcher, &own, &script);
    assert_eq!(ran.status.code(), Some(0), "{}", told(&ran));
    assert_eq!(templated.attached().await, ["KmsKeyUsagePolicy"]);
    let ours = document(&direct.launcher).await.to_string();
    let ours = ours.replace(&direct.key.to_string(), &templated.key.to_string());
    assert_eq!(document(&templated.launcher).await, serde_json::from_str::<Value>(&ours).unwrap());
}

#[tokio::test]
async fn a_stack_set_takes_the_policy_to_the_members() {
    let moto = Moto::shared();
    let management = Account::new(moto).await;
    let owner = &management;
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{}:root", owner.id)}, "Action": "kms:*", "Resource": "*",
    }]});
    let key = owner.create_key(&policy.to_string()).await;
    let operator = Operator::new(moto.endpoint(), &[owner]);
    let folder = tempfile::tempdir().unwrap();
    let organization = |script: &str| {
        let ran = run(&operator, management.id, folder.path(), script);
        assert_eq!(ran.status.code(), Some(0), "{}", told(&ran));
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    };
    let id = organization(
        "aws organizations create-organization --feature-set ALL --query Organization.Id --output text",
    );
    let member: AccountId = organization(
        "aws organizations create-account --email a@example.com --account-name a --query CreateAccountStatus.AccountId \
         --output text",
    )
    .parse()
    .unwrap();

    let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
    command.args(["fix", "--key", &key.to_string(), "--organization", &id, "--dry-run"]);
    command.args(["--emit", "cloudformation", "--emit-dir", folder.path().to_str().unwrap()]);
    let emitted = operator.run(&mut command).output().unwrap();
    assert_eq!(emitted.status.code(), Some(0), "{}", told(&emitted));
    let own = folder.path().join(&id);
    let template = own.join("KmsKeyUsagePolicy.yaml");
    let script = commands(&template, &["root=", "aws cloudformation create-stack"]);
    assert_eq!(script.lines().count(), 3, "{script}");
    let ran = run(&operator, management.id, &own, &script);
    assert_eq!(ran.status.code(), Some(0), "{}", told(&ran));

    let member = Account::existing(moto, member).await;
    let made = document(&member).await;
    let read = parsed(&template);
    assert_eq!(made, read["Resources"]["Policy"]["Properties"]["PolicyDocument"]);
    assert_eq!(made["Statement"][0]["Resource"], json!([key.to_string()]));
    let whom = member.iam.list_entities_for_policy();
    let whom = whom.policy_arn(format!("arn:aws:iam::{}:policy/KmsKeyUsagePolicy", member.id)).send().await;
    assert!(whom.unwrap().policy_roles().is_empty(), "nobody was named");
}
