//! Starting stopped instances, and AWS's own statements for service-linked roles.

use serde_json::{Value, json};

use super::json::assert_valid;
use crate::scene::{Scene, field};

const STOPPED: &str = "--sandbox=world.json --instance i-0a0a0a0a0a0a0a0a0";
const SCHEDULER: &str = "--principal arn:aws:iam::444455556666:role/scheduler";
const KEY: &str = "--key arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const AUTO_SCALING: &str =
    "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";

fn input(name: &str) -> String {
    std::fs::read_to_string(field(name)).unwrap()
}

fn scheduler(world: &str) -> Scene {
    Scene::with_text(input(&format!("02-stopped-instance-scheduler/{world}.json")))
}

/// The world in which the scheduler may start, as nothing but the condition of one statement keeps it from it.
fn lights_off() -> Scene {
    Scene::with_text(input("19-start-instances-creategrant-only/world.json"))
}

fn actions(document: &Value) -> Vec<&str> {
    let actions = document["checks"][0]["actions"].as_array().unwrap();
    actions.iter().map(|action| action["action"].as_str().unwrap()).collect()
}

#[test]
fn a_start_takes_create_grant_alone() {
    for world in ["world-a", "world-b", "world-c"] {
        let scene = scheduler(world);
        let check = scene.run(&format!("check {STOPPED} {SCHEDULER} --output json"));
        let document = check.json();
        assert_valid(&document);
        assert_eq!(check.status, 3, "{check}");
        assert_eq!(document["request"]["purpose"], "start");
        assert_eq!(actions(&document), ["kms:CreateGrant"]);

        let applied = scene.fix(&format!("--instance i-0a0a0a0a0a0a0a0a0 {SCHEDULER} --yes --output json"));
        assert_eq!(applied.status, 0, "{applied}");
        let changes = applied.json()["changes"].as_array().unwrap().clone();
        let texts: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 2, "{applied}");
        assert!(
            !texts.concat().contains("kms:Decrypt") && !texts.concat().contains("kms:ListGrants"),
            "{applied}"
        );
        assert!(texts[0].contains("kms:CreateGrant"), "{applied}");
        assert_eq!(scene.run(&format!("check {STOPPED} {SCHEDULER}")).status, 0);
    }
}

#[test]
fn as_the_user_sees_it() {
    let scene = scheduler("world-a");
    insta::assert_snapshot!(scene.run(&format!("check {STOPPED} {SCHEDULER}")));
    insta::assert_snapshot!(scene.fix(&format!("--instance i-0a0a0a0a0a0a0a0a0 {SCHEDULER} --yes")));
}

#[test]
fn who_starts_it_is_not_known() {
    let scene = scheduler("world-a");
    insta::assert_snapshot!(scene.fix("--instance i-0a0a0a0a0a0a0a0a0 --yes"));
    let check = scene.run(&format!("check {STOPPED} --output json"));
    assert_valid(&check.json());
    assert_eq!((check.status, &check.json()["request"]["grantees"]), (3, &json!([])), "{check}");
    let lookup = "EventName=='\\''StartInstances'\\''";
    assert!(check.json()["findings"].to_string().contains(&lookup.replace('\\', "\\\\")), "{check}");
    // Who may use the key is a question of its own.
    assert_eq!(scene.run(&format!("check {STOPPED} --users")).status, 0);
}

#[test]
fn the_key_policy_alone_may_let_it_start() {
    let scene = lights_off();
    let paths = "--context aws:PrincipalOrgPaths=o-a1b2c3d4e5/r-ab12/ou-ab12-33333333/";
    let role = "--principal arn:aws:iam::444455556666:role/night-switch";
    // The statement is for roles of another name.
    let check = scene.run(&format!("check {STOPPED} {role} {paths}"));
    assert_eq!(check.status, 3, "{check}");
    let named = "AWSLightsOff-DoLambdaFnRole-1A2B3C4D5E6F";
    scene.change(|world| {
        let roles = world["accounts"]["444455556666"]["roles"].as_object_mut().unwrap();
        let role = roles.remove("night-switch").unwrap();
        roles.insert(named.to_owned(), role);
    });
    let role = format!("--principal arn:aws:iam::444455556666:role/{named}");
    let check = scene.run(&format!("check {STOPPED} {role} {paths}"));
    assert_eq!(check.status, 0, "{check}");
    assert!(check.stdout.contains("can start instances"), "{check}");
    let check = scene.run(&format!("check {STOPPED} {role} {paths} --purpose launch"));
    assert_eq!(check.status, 3, "{check}");
    // Without the organization's paths nobody can tell.
    assert_eq!(scene.run(&format!("check {STOPPED} {role}")).status, 3);
}

#[test]
fn a_group_starts_what_is_in_its_warm_pool() {
    let scene = scheduler("world-a");
    scene.change(|world| {
        world["instances"]["i-0a0a0a0a0a0a0a0a0"]["auto_scaling_group"] = json!("web");
        world["accounts"]["444455556666"]["roles"]["AWSServiceRoleForAutoScaling"] =
            json!({"path": "/aws-service-role/autoscaling.amazonaws.com/"});
    });
    let dry = scene.fix("--instance i-0a0a0a0a0a0a0a0a0 --dry-run --output json");
    let role = AUTO_SCALING.replace("111122223333", "444455556666");
    assert_eq!(dry.json()["request"]["grantees"], json!([role]), "{dry}");
    assert!(dry.stdout.contains("create a grant"), "{dry}");
    assert!(!dry.stdout.contains("starter_unknown"), "{dry}");
}

#[test]
fn what_is_neither_one_nor_the_other_is_told() {
    let scene = scheduler("world-a");
    scene.change(|world| {
        let mut other = world["instances"]["i-0a0a0a0a0a0a0a0a0"].clone();
        other["state"] = json!("terminated");
        other["volumes"] = json!([]);
        world["instances"]["i-0b0b0b0b0b0b0b0b0"] = other;
    });
    let both = format!("check {STOPPED} --instance i-0b0b0b0b0b0b0b0b0 {SCHEDULER}");
    for (arguments, status) in [
        (both.clone(), 2),
        (format!("{both} --purpose start"), 2),
        (format!("{both} --purpose launch"), 3),
        (format!("check {STOPPED} --ami ami-0a0a0a0a0a0a0a0a0 {SCHEDULER}"), 2),
        (format!("check --sandbox=world.json --ami ami-0a0a0a0a0a0a0a0a0 {SCHEDULER} --purpose start"), 2),
        (format!("check --sandbox=world.json {KEY} {SCHEDULER} --purpose start"), 3),
    ] {
        let ran = scene.run(&arguments);
        assert_eq!(ran.status, status, "{ran}");
    }
    insta::assert_snapshot!(scene.run(&both).stderr);
}

#[test]
fn nothing_encrypted_keeps_it_from_starting() {
    let scene = scheduler("world-a");
    scene.change(|world| {
        world["volumes"]["vol-0a0a0a0a0a0a0a0a0"].as_object_mut().unwrap().remove("key");
    });
    let check = scene.run(&format!("check {STOPPED} {SCHEDULER}"));
    assert!(check.stdout.contains("none of its volumes is encrypted"), "{check}");
}

#[test]
fn a_saved_plan_and_a_record_keep_what_they_are_for() {
    let scene = scheduler("world-a");
    let arguments = format!("--instance i-0a0a0a0a0a0a0a0a0 {SCHEDULER}");
    assert_eq!(scene.fix(&format!("{arguments} --dry-run --out plan.json")).status, 0);
    let plan: Value =
        serde_json::from_str(&std::fs::read_to_string(scene.path("plan.json")).unwrap()).unwrap();
    assert_eq!(plan["request"]["purpose"], "start");
    let applied = scene.run("apply plan.json --sandbox=world.json --yes");
    assert_eq!(applied.status, 0, "{applied}");
    assert!(applied.stdout.contains("Start the instance again"), "{applied}");
    let record = std::fs::read_to_string(&scene.journals()[0]).unwrap();
    assert!(record.contains(r#""purpose":"start""#) || record.contains(r#""purpose": "start""#), "{record}");
}

#[test]
fn the_guides_statements_cover_a_service_linked_role() {
    let scene = Scene::with_text(input("22-aws-documented-slr-statements/world.json"));
    let dry = scene.fix(&format!("{KEY} --autoscaling 111122223333 --dry-run --detailed-exitcode"));
    assert_eq!(dry.status, 0, "{dry}");
    assert!(dry.stdout.contains("No changes."), "{dry}");
    let check = scene.run(&format!("check --sandbox=world.json {KEY} --autoscaling 111122223333"));
    assert_eq!(check.status, 0, "{check}");
    let policy = input("22-aws-documented-slr-statements/key-policy.json");
    std::fs::write(scene.path("key-policy.json"), policy).unwrap();
    for key in ["", KEY] {
        let patch = scene.run(&format!("patch --check {key} --principal {AUTO_SCALING} key-policy.json"));
        assert_eq!(patch.status, 0, "{patch}");
    }
    // Another account's role is served by a grant.
    let foreign = AUTO_SCALING.replace("111122223333", "444455556666");
    assert_eq!(scene.run(&format!("patch --check --principal {foreign} key-policy.json")).status, 3);
}

#[test]
fn whose_key_it_is_has_to_be_told_where_the_policy_does_not() {
    let scene = Scene::with_text("");
    for principal in [json!("*"), json!({"AWS": ["111122223333", "444455556666"]})] {
        let policy = json!({"Statement": {"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"}});
        std::fs::write(scene.path("key-policy.json"), policy.to_string()).unwrap();
        let patch = scene.run(&format!("patch --check --principal {AUTO_SCALING} key-policy.json"));
        assert_eq!(patch.status, 2, "{patch}");
        assert!(patch.stderr.contains("give --key ARN too"), "{patch}");
    }
}

#[test]
fn a_patch_may_be_for_starts() {
    let scene = Scene::with_text("");
    let policy = json!({"Statement": []});
    std::fs::write(scene.path("policy.json"), policy.to_string()).unwrap();
    let patch = scene.run(&format!("patch --purpose start {SCHEDULER} policy.json"));
    assert_eq!(patch.status, 0, "{patch}");
    assert!(patch.stdout.contains("kms:CreateGrant") && !patch.stdout.contains("kms:Decrypt"), "{patch}");
}
