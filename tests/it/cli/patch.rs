//! `keymend patch`: policies in files and on standard input, without AWS.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::scene::{Ran, Scene, fixture};

const ACCOUNT: &str = "--account 444455556666";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROOT_ONLY: &str = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Sid\": \"Enable IAM User \
                         Permissions\",\n      \"Effect\": \"Allow\",\n      \"Principal\": {\"AWS\": \
                         \"arn:aws:iam::111122223333:root\"},\n      \"Action\": \"kms:*\",\n      \"Resource\": \
                         \"*\"\n    }\n  ]\n}\n";

/// A folder with some files in it.
fn folder(files: &[(&str, &str)]) -> Scene {
    let scene = Scene::with_text("");
    for (name, text) in files {
        fs::write(scene.path(name), text).unwrap();
    }
    scene
}

/// A run with something on standard input, its output as it is.
fn piped(scene: &Scene, arguments: &str, input: &str) -> (i32, String, String) {
    let mut command = scene.command(&format!("patch {arguments}"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn patch(scene: &Scene, arguments: &str) -> Ran {
    scene.run(&format!("patch {arguments}"))
}

fn text(scene: &Scene, file: &str) -> String {
    fs::read_to_string(scene.path(file)).unwrap()
}

#[test]
fn it_writes_what_fix_writes() {
    let mut compared = 0;
    for world in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/worlds")).unwrap() {
        let name = world.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        let scene = Scene::of(&name);
        let planned = scene.fix("--dry-run --output json --allow-blocked").json();
        let request = &planned["request"];
        let Some(grantees) = request["grantees"].as_array() else { continue };
        // A document is compared where the request is about one key.
        let [key] = request["keys"].as_array().unwrap().as_slice() else { continue };
        let mut arguments = format!("--key {}", key.as_str().unwrap());
        for grantee in grantees.iter().map(|grantee| grantee.as_str().unwrap()) {
            if grantee.contains(":group/") {
                arguments = format!("{arguments} --account {}", grantee.split(':').nth(4).unwrap());
            } else if let Some(root) = grantee.strip_suffix(":root") {
                arguments = format!("{arguments} --account {}", root.split(':').nth(4).unwrap());
            } else if grantee.starts_with("o-") {
                let option = if grantee.ends_with('/') { "ou" } else { "organization" };
                arguments = format!("{arguments} --{option} {grantee}");
            } else if let Some(roles) = grantee.strip_prefix("autoscaling:") {
                arguments = format!("{arguments} --autoscaling {roles}");
            } else {
                arguments = format!("{arguments} --principal {grantee}");
            }
        }
        let changes = planned["changes"].as_array().unwrap();
        for change in changes.iter().filter(|change| change["before"].is_string()) {
            let (before, after) = (change["before"].as_str().unwrap(), change["after"].as_str());
            let kind = change["kind"].as_str().unwrap();
            let key_arguments = match kind {
                "update_key_policy" => arguments.clone(),
                "create_policy_version" => format!("--kind identity --key {KEY}"),
                _ => continue,
            };
            let (status, patched, talk) = piped(&scene, &key_arguments, before);
            assert_eq!((status, Some(patched.as_str())), (0, after), "{name}: {talk}");
            compared += 1;
        }
    }
    assert!(compared >= 6, "{compared} documents were compared");
}

#[test]
fn untouched_bytes_stay_untouched() {
    let scene = folder(&[("key.json", ROOT_ONLY)]);
    let ran = patch(&scene, &format!("{ACCOUNT} key.json"));
    assert_eq!(ran.status, 0);
    let kept = ROOT_ONLY.trim_end().trim_end_matches("\n  ]\n}");
    assert!(ran.stdout.starts_with(kept) && ran.stdout.ends_with("\n  ]\n}\n"), "{ran}");
    insta::assert_snapshot!(ran);
    let (status, again, talk) = piped(&scene, ACCOUNT, &ran.stdout);
    assert_eq!(
        (status, again.as_str(), talk.as_str()),
        (0, ran.stdout.as_str(), ""),
        "patched once is enough"
    );
}

#[test]
fn a_check_tells_by_its_status_and_writes_nothing() {
    let scene = folder(&[("a.json", ROOT_ONLY), ("b.json", ROOT_ONLY)]);
    patch(&scene, &format!("{ACCOUNT} --in-place b.json"));
    let before = scene.content();
    let ran = patch(&scene, &format!("{ACCOUNT} --check a.json b.json"));
    assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (3, "", "would patch a.json\n"));
    let shown = patch(&scene, &format!("{ACCOUNT} --check --diff a.json b.json"));
    assert_eq!(shown.status, 3);
    insta::assert_snapshot!(shown);
    assert_eq!(patch(&scene, &format!("{ACCOUNT} --check b.json")).status, 0);
    assert_eq!(scene.content(), before);
}

#[test]
fn in_place_keeps_permissions_and_links() {
    let scene = folder(&[("real.json", ROOT_ONLY), ("fine.json", ROOT_ONLY)]);
    fs::set_permissions(scene.path("real.json"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real.json", scene.path("link.json")).unwrap();
    let ran = patch(&scene, &format!("{ACCOUNT} --in-place link.json fine.json"));
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""), "{ran}");
    assert_eq!(ran.stderr, "patched link.json\npatched fine.json\n");
    assert!(scene.path("link.json").is_symlink());
    assert_eq!(fs::metadata(scene.path("real.json")).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(text(&scene, "real.json"), text(&scene, "fine.json"));
    assert!(text(&scene, "real.json").contains("Allow use of the key"));
    let names: Vec<_> =
        scene.content().into_keys().filter(|path| path.to_str().unwrap().contains(".keymend")).collect();
    assert_eq!(names, Vec::<std::path::PathBuf>::new(), "nothing is left beside the files");
    assert_eq!(patch(&scene, &format!("{ACCOUNT} --in-place link.json fine.json")).stderr, "");
}

/// The last file is a pipe: when somebody can write to it, those before it are read.
#[test]
fn what_somebody_changed_after_it_was_read_is_not_overwritten() {
    let files = [("first.json", ROOT_ONLY), ("changed.json", ROOT_ONLY)];
    let scene = folder(&files);
    let pipe = scene.path("pipe.json");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let arguments = format!("patch {ACCOUNT} --in-place first.json changed.json pipe.json");
    let mut command = scene.command(&arguments);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut writer = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    let theirs = ROOT_ONLY.replace("kms:*", "kms:Get*");
    assert_ne!(theirs, ROOT_ONLY);
    fs::write(scene.path("changed.json"), &theirs).unwrap();
    writer.write_all(ROOT_ONLY.as_bytes()).unwrap();
    drop(writer);
    let ran = scene.ran(child.wait_with_output().unwrap(), &arguments);
    assert_eq!(ran.status, 6, "{ran}");
    assert!(
        ran.stderr.contains("patched first.json\nerror: `changed.json` was changed after it was read"),
        "{ran}"
    );
    assert_eq!(text(&scene, "changed.json"), theirs);
    assert!(text(&scene, "first.json").contains("444455556666"));
    let again = patch(&scene, &format!("{ACCOUNT} --in-place first.json changed.json"));
    assert_eq!((again.status, again.stderr.as_str()), (0, "patched changed.json\n"), "{again}");
}

#[test]
fn where_one_file_blocks_none_is_written() {
    let orphaned = ROOT_ONLY.replace("arn:aws:iam::111122223333:root\"}", "AIDAEXAMPLEEXAMPLE12\"}");
    let scene =
        folder(&[("good.json", ROOT_ONLY), ("orphaned.json", &orphaned), ("broken.json", "{\"Statement\":")]);
    let before = scene.content();
    for file in ["orphaned.json", "broken.json"] {
        let ran = patch(&scene, &format!("{ACCOUNT} --in-place good.json {file}"));
        assert_eq!(ran.status, 4, "{ran}");
        insta::assert_snapshot!(format!("blocked_by_{}", file.trim_end_matches(".json")), ran);
    }
    assert_eq!(patch(&scene, &format!("{ACCOUNT} --in-place good.json missing.json")).status, 2);
    assert_eq!(scene.content(), before);
    let (status, printed, _) = piped(&scene, ACCOUNT, "{");
    assert_eq!((status, printed.as_str()), (4, ""), "what is blocked prints no policy");
}

#[test]
fn orphans_go_where_that_is_asked_for() {
    let world: Value = serde_json::from_str(&fixture("orphaned-principal")).unwrap();
    let key = world["keys"].as_object().unwrap().values().next().unwrap();
    let policy = format!("{:#}", key["policy"]);
    let scene = folder(&[("key.json", &policy)]);
    assert_eq!(patch(&scene, &format!("{ACCOUNT} key.json")).status, 4);
    let ran = patch(&scene, &format!("{ACCOUNT} --prune-orphans key.json"));
    assert_eq!(ran.status, 0, "{ran}");
    assert!(!ran.stdout.contains("AROA") && !ran.stdout.contains("AIDA"), "{ran}");
    assert_eq!(patch(&scene, "--prune-orphans --check key.json").status, 3, "pruning alone");
}

#[test]
fn iam_policies_take_the_key() {
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Sid":"AllowUseOfTheKey","Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#;
    let bad_sid = policy.replace("AllowUseOfTheKey", "has space");
    let scene = folder(&[("policy.json", policy), ("bad.json", &bad_sid)]);
    let ran = patch(&scene, &format!("--kind identity --key {KEY} policy.json"));
    insta::assert_snapshot!(ran);
    let (status, again, _) = piped(&scene, &format!("--kind identity --key {KEY}"), &ran.stdout);
    assert_eq!((status, again), (0, ran.stdout));
    insta::assert_snapshot!(patch(&scene, &format!("--kind identity --key {KEY} bad.json")));
}

#[test]
fn what_the_planner_says_is_said_of_the_file() {
    let denied = ROOT_ONLY.replace(
        "\n  ]\n}",
        ",\n    {\"Sid\": \"No\", \"Effect\": \"Deny\", \"Principal\": {\"AWS\": \"arn:aws:iam::444455556666:root\"}, \
         \"Action\": \"kms:Decrypt\", \"Resource\": \"*\"}\n  ]\n}",
    );
    let scene = folder(&[("key.json", &denied)]);
    let ran = patch(&scene, &format!("{ACCOUNT} key.json"));
    assert_eq!(ran.status, 4);
    assert!(!ran.stderr.contains("unknown") && !ran.stderr.contains("000000000000"), "{ran}");
    insta::assert_snapshot!(ran);
}

#[test]
fn a_deny_under_a_condition_is_evaluated_where_the_key_is_known() {
    let denied = ROOT_ONLY.replace(
        "\n  ]\n}",
        ",\n    {\"Sid\": \"Here\", \"Effect\": \"Deny\", \"Principal\": {\"AWS\": \"*\"}, \"Action\": \"kms:*\", \
         \"Resource\": \"*\", \"Condition\": {\"StringNotEquals\": {\"kms:ViaService\": \
         \"ec2.eu-west-1.amazonaws.com\"}}}\n  ]\n}",
    );
    let scene = folder(&[("key.json", &denied)]);
    let unknown = patch(&scene, &format!("{ACCOUNT} --check key.json"));
    assert_eq!(unknown.status, 3, "{unknown}");
    assert!(unknown.stderr.contains("give --key ARN"), "{unknown}");
    let known = patch(&scene, &format!("{ACCOUNT} --key {KEY} --check key.json"));
    assert_eq!(known.status, 3, "{known}");
    assert!(!known.stderr.contains("denies it"), "{known}");
    let elsewhere = KEY.replace("eu-west-1", "us-east-1");
    assert_eq!(patch(&scene, &format!("{ACCOUNT} --key {elsewhere} --check key.json")).status, 4);
}

#[test]
fn the_least_privilege_is_that_of_fix() {
    let least = "--least-privilege";
    let world: Value = serde_json::from_str(&fixture("copied-ami")).unwrap();
    let key = world["keys"].as_object().unwrap().keys().next().unwrap().clone();
    let fixing = Scene::of("copied-ami");
    let fixed = fixing.fix("--least-privilege --dry-run --output json").json();
    let after = |at: usize| fixed["changes"][at]["after"].as_str().unwrap().to_owned();
    let before = fixed["changes"][0]["before"].as_str().unwrap();
    let grantees = "--account 444455556666 --principal arn:aws:iam::444455556666:role/app-instances";
    let (status, patched, stderr) = piped(&fixing, &format!("{grantees} --key {key} {least}"), before);
    assert_eq!((status, patched), (0, after(0)), "{stderr}");
    let empty = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let line = format!("--kind identity --key {key} --account 444455556666 {least}");
    let (status, patched, stderr) = piped(&fixing, &line, empty);
    let statements = |text: &str| serde_json::from_str::<Value>(text).unwrap()["Statement"].clone();
    assert_eq!((status, statements(&patched)), (0, statements(&after(1))), "{stderr}");
}
