//! `keymend check`: who can launch, who may use a key, and the decisions on requests.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use super::assert_valid;
use crate::scene::{Ran, Scene};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROLE: &str = "arn:aws:iam::444455556666:role/app-instances";

/// A check on a world, which touches nothing.
fn check(scene: &Scene, arguments: &str) -> Ran {
    let before = scene.content();
    let ran = scene.run(&format!("check --sandbox=world.json {arguments}"));
    assert_eq!(scene.content(), before, "a check touches nothing");
    ran
}

fn checked(world: &str, arguments: &str) -> Ran {
    check(&Scene::of(world), arguments)
}

/// A folder with the documents of a world as files of their own.
fn documents(world: &str) -> Scene {
    let scene = Scene::of(world);
    let text = fs::read_to_string(scene.path("world.json")).unwrap();
    let world: Value = serde_json::from_str(&text).unwrap();
    let policies = &world["accounts"]["444455556666"]["policies"];
    let in_force = |name: &str| policies[name]["versions"]["v1"].to_string();
    fs::write(scene.path("key-policy.json"), world["keys"][KEY]["policy"].to_string()).unwrap();
    fs::write(scene.path("identity.json"), in_force("KmsKeyUsagePolicy")).unwrap();
    fs::write(scene.path("boundary.json"), in_force("AppBoundary")).unwrap();
    let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let deny = json!({"Sid": "NoKms", "Effect": "Deny", "Action": "kms:CreateGrant", "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:PrincipalTag/team": "kms"}}});
    for (file, statement) in [("full.json", allow), ("deny.json", deny)] {
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
        fs::write(scene.path(file), policy.to_string()).unwrap();
    }
    scene
}

/// A check on files, with no trace of AWS.
fn offline(scene: &Scene, arguments: &str) -> Ran {
    scene.run(&format!(
        "check --key {KEY} --key-policy key-policy.json --principal {ROLE} --identity-policy identity.json {arguments}"
    ))
}

#[test]
fn nothing_lets_them_in_yet() {
    insta::assert_snapshot!(checked("copied-ami", ""));
}

#[test]
fn both_sides_let_them_in() {
    insta::assert_snapshot!(checked("already-mended", "--all"));
}

#[test]
fn a_boundary_is_in_the_way() {
    insta::assert_snapshot!(checked("boundary", ""));
}

#[test]
fn a_user_has_it_from_its_group() {
    insta::assert_snapshot!(checked("group-member", ""));
}

#[test]
fn an_account_without_credentials_is_left_unread() {
    insta::assert_snapshot!(checked("no-requester-credentials", ""));
}

#[test]
fn one_side_alone_is_no_answer() {
    let scene = Scene::changed("already-mended", |world| {
        world["callers"].as_object_mut().unwrap().remove("444455556666");
    });
    insta::assert_snapshot!(check(&scene, &format!("--principal {ROLE}")));
    let document = check(&scene, &format!("--principal {ROLE} --output json")).json();
    assert_valid(&document);
    assert_eq!(document["outcome"], "unknown");
}

#[test]
fn a_disabled_key_is_in_the_way() {
    insta::assert_snapshot!(checked("disabled-key", ""));
}

#[test]
fn a_service_linked_role_lacks_its_grant() {
    insta::assert_snapshot!(checked("autoscaling-across-accounts", ""));
}

#[test]
fn a_service_linked_role_of_the_keys_account_is_not_let_in() {
    insta::assert_snapshot!(checked("autoscaling", ""));
}

#[test]
fn who_may_use_a_busy_key() {
    insta::assert_snapshot!(checked("busy-key", "--users"));
}

#[test]
fn a_narrow_terminal_and_colours() {
    let scene = Scene::of("boundary");
    let mut command = scene.command("check --sandbox=world.json --color=always");
    let narrow = scene.run_command(command.env("COLUMNS", "40"), "check --color=always");
    insta::assert_snapshot!(format!("{narrow}").replace('\u{1b}', "␛"));
    let plain = check(&scene, "");
    assert!(!format!("{plain}").contains('\u{1b}'));
}

#[test]
fn a_permission_that_is_lacking_leaves_things_unread_and_fails_nothing() {
    for (permission, reason) in [
        ("kms:ListGrants", "grants (the caller lacks kms:ListGrants on"),
        ("iam:ListUserPolicies", "the caller lacks iam:ListUserPolicies on"),
        ("iam:ListGroupsForUser", "the caller lacks iam:ListGroupsForUser on"),
        ("iam:GetGroupPolicy", "the caller lacks iam:GetGroupPolicy on"),
        ("iam:GetPolicy", "the caller lacks iam:GetPolicy on"),
    ] {
        let scene = Scene::changed("group-member", |world| {
            for caller in ["111122223333", "444455556666"] {
                world["callers"][caller]["denied"] = json!([permission]);
            }
        });
        let ran = check(&scene, "");
        let status = if permission.starts_with("kms:") { 0 } else { 3 };
        assert_eq!(ran.status, status, "{permission}: {ran}");
        let text = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(reason), "{permission}: {ran}");
        let fixed = scene.fix("--dry-run");
        assert_eq!(fixed.status, status.max(scene_status("group-member")), "{permission}: {fixed}");
    }
}

fn scene_status(world: &str) -> i32 {
    Scene::of(world).fix("--dry-run").status
}

#[test]
fn an_aws_policy_that_the_world_does_not_tell_is_unread() {
    let scene = Scene::changed("group-member", |world| {
        world["aws_policies"] = json!({});
    });
    let ran = check(&scene, "");
    assert_eq!(ran.status, 3, "{ran}");
    assert!(ran.stdout.contains("`aws_policies`"), "{ran}");
}

#[test]
fn the_command_that_is_told_mends_it() {
    for (world, more) in [("copied-ami", ""), ("same-account", ""), ("orphaned-principal", "--prune-orphans")]
    {
        let scene = Scene::of(world);
        let role = if world == "same-account" {
            ROLE.replace("444455556666", "111122223333")
        } else {
            ROLE.to_owned()
        };
        let told = check(&scene, &format!("--principal {role}"));
        assert_eq!(told.status, 3, "{told}");
        let (_, command) = told.stdout.split_once("\n  keymend ").unwrap();
        assert!(command.contains(more), "{told}");
        let mended = scene.run(&format!("{} --yes", command.replace('\\', "")));
        assert_eq!(mended.status, 0, "{mended}");
        assert_eq!(check(&scene, &format!("--principal {role}")).status, 0);
    }
}

#[test]
fn files_are_enough() {
    let scene = documents("boundary");
    let able = offline(&scene, "");
    let bounded = offline(&scene, "--boundary boundary.json");
    let limited =
        offline(&scene, "--scp root=full.json --scp app=full.json --scp app=deny.json --rcp full.json");
    insta::assert_snapshot!(format!("{able}\n{bounded}\n{limited}"));
    let settled =
        |context: &str| offline(&scene, &format!("--scp full.json --scp deny.json {context}")).status;
    assert_eq!(settled("--context aws:PrincipalTag/team=kms"), 0);
    assert_eq!(settled("--context aws:PrincipalTag/team=web"), 4);
    assert_eq!(settled("--context aws:PrincipalTag/team="), 4, "an absent key is not equal");
    assert_eq!(offline(&scene, "--scp full.json --scp app=deny.json").status, 4, "each level has to allow");
}

#[test]
fn who_may_use_a_key_that_is_in_a_file() {
    let scene = documents("boundary");
    let ran = scene.run(&format!("check --key {KEY} --key-policy key-policy.json"));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran}");
    assert!(ran.stdout.contains("account 444455556666"), "{ran}");
}

#[test]
fn mistakes_are_told() {
    let scene = documents("boundary");
    fs::write(scene.path("broken.json"), "{\"Statement\": [}").unwrap();
    let lines = [
        "check".to_owned(),
        format!("check --key {KEY} --key-policy none.json"),
        format!("check --key {KEY} --key-policy broken.json"),
        "check --key alias/app --key-policy key-policy.json".to_owned(),
        format!("check --key {KEY} --identity-policy identity.json --principal {ROLE}"),
        format!("check --key {KEY} --key-policy key-policy.json --sandbox --principal {ROLE}"),
        format!("check --sandbox --users --principal {ROLE}"),
        "check --requests none.jsonl".to_owned(),
        "check --requests home".to_owned(),
        "check --requests - --all".to_owned(),
    ];
    let told: Vec<String> = lines
        .iter()
        .map(|line| {
            let ran = scene.run(line);
            assert_eq!(ran.status, 2, "{ran}");
            ran.to_string()
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn every_end_is_one_valid_document() {
    for (world, arguments, outcome, status) in [
        ("copied-ami", "", "access_missing", 3),
        ("copied-ami", "--users", "listed", 0),
        ("already-mended", "--all", "can_launch", 0),
        ("no-requester-credentials", "", "access_missing", 3),
        ("boundary", "", "blocked", 4),
        ("disabled-key", "", "blocked", 4),
        ("busy-key", "--users", "listed", 0),
        ("group-member", "", "can_launch", 0),
        ("copied-ami", "--key alias/nope", "failed", 1),
        ("copied-ami", "--account 1", "failed", 2),
        ("copied-ami", "--frobnicate", "failed", 2),
    ] {
        let ran = checked(world, &format!("{arguments} --output json"));
        let document = ran.json();
        assert_valid(&document);
        assert_eq!(document["command"], "check", "{ran}");
        assert_eq!((&document["outcome"], ran.status), (&json!(outcome), status), "{world}: {ran}");
        assert_eq!(document["exit_status"], status);
        assert_eq!(document["error"].is_null(), outcome != "failed", "{ran}");
    }
}

#[test]
fn a_document_tells_what_decides() {
    let document = checked("already-mended", &format!("--principal {ROLE} --output json")).json();
    insta::assert_json_snapshot!(document["checks"][0]);
    let document = checked("busy-key", "--users --output json").json();
    insta::assert_json_snapshot!(document["users"][0]);
}

/// Runs `check --requests -` on these lines.
fn answered(lines: &str) -> Ran {
    let scene = Scene::of("copied-ami");
    let mut command = scene.command("check --requests -");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    scene.ran(child.wait_with_output().unwrap(), "check --requests -")
}

fn request(id: u32) -> String {
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "A", "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*"},
    ]});
    json!({"id": id, "principal": "arn:aws:iam::111122223333:root", "action": "kms:Decrypt", "key": KEY,
        "key_policy": policy})
    .to_string()
}

#[test]
fn requests_are_answered_line_by_line() {
    let good = answered(&format!("{}\n\n{}\n", request(1), request(2)));
    assert_eq!(good.status, 0, "{good}");
    let bad = answered(&format!("{}\n{{\"id\": 7}}\nnonsense\n", request(1)));
    assert_eq!(bad.status, 1, "{bad}");
    insta::assert_snapshot!(format!("{good}\n{bad}"));
    let scene = Scene::of("copied-ami");
    fs::write(scene.path("requests.jsonl"), request(3)).unwrap();
    assert_eq!(scene.run("check --requests requests.jsonl").status, 0);
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let scene = Scene::of("copied-ami");
    fs::write(scene.path("requests.jsonl"), format!("{}\n", request(1)).repeat(2000)).unwrap();
    for arguments in ["check --sandbox=world.json", "check --requests requests.jsonl"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = scene.command(arguments).stdin(Stdio::null()).stdout(writer).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("error") && !stderr.contains("panic"), "{stderr}");
    }
}

#[test]
fn hostile_text_is_shown_and_drives_nothing() {
    let evil = "\u{1b}[2J\u{202e}Sid\u{7}";
    let scene = Scene::changed("busy-key", |world| {
        let statements = world["keys"][KEY]["policy"]["Statement"].as_array_mut().unwrap();
        for statement in statements.iter_mut() {
            statement["Sid"] = json!(evil);
        }
        statements[0]["Condition"] = json!({evil: {evil: evil}});
        world["keys"][KEY]["grants"][1]["encryption_context_subset"] = json!({evil: evil});
        let app = &mut world["accounts"]["444455556666"]["policies"]["KmsKeyUsagePolicy"];
        app["versions"]["v1"]["Statement"][0]["Sid"] = json!(evil);
    });
    for arguments in ["--users", "--all", "--users --output json", "--all --output json"] {
        let ran = check(&scene, arguments);
        let is_harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!ran.stdout.contains(is_harmful), "{ran:?}");
        assert!(ran.stdout.contains("\\u"), "it is shown: {ran}");
    }
}
