//! What is said of each world: before, while it is mended, and after.

use crate::scene::Scene;

/// A dry run, which shows everything and touches nothing; a run that applies; and the next one.
fn story(world: &str) -> String {
    let scene = Scene::of(world);
    let before = scene.content();
    let dry = scene.fix("--dry-run");
    assert_eq!(scene.content(), before, "a dry run touches nothing");
    let applied = scene.fix("--yes");
    let again = scene.fix("--yes");
    let after = scene.content();
    assert_eq!(scene.fix("--yes").status, again.status);
    assert_eq!(scene.content(), after, "there is nothing more to do");
    format!("{dry}\n{}\n{again}", applied.after(&dry))
}

#[test]
fn copied_ami() {
    insta::assert_snapshot!(story("copied-ami"));
}

#[test]
fn already_mended() {
    insta::assert_snapshot!(story("already-mended"));
}

#[test]
fn second_role() {
    insta::assert_snapshot!(story("second-role"));
}

#[test]
fn organization() {
    insta::assert_snapshot!(story("organization"));
}

#[test]
fn five_versions() {
    insta::assert_snapshot!(story("five-versions"));
}

#[test]
fn shared_policy() {
    insta::assert_snapshot!(story("shared-policy"));
}

#[test]
fn same_account() {
    insta::assert_snapshot!(story("same-account"));
}

#[test]
fn group_grantee() {
    insta::assert_snapshot!(story("group-grantee"));
}

#[test]
fn identity_center_role() {
    insta::assert_snapshot!(story("identity-center-role"));
}

#[test]
fn no_requester_credentials() {
    insta::assert_snapshot!(story("no-requester-credentials"));
}

#[test]
fn orphaned_principal() {
    insta::assert_snapshot!(story("orphaned-principal"));
}

#[test]
fn disabled_key() {
    insta::assert_snapshot!(story("disabled-key"));
}

#[test]
fn owned_elsewhere() {
    insta::assert_snapshot!(story("owned-elsewhere"));
}

#[test]
fn tags_that_can_not_be_read_change_nothing() {
    let denied = Scene::changed("owned-elsewhere", |world| {
        world["callers"]["111122223333"]["denied"] = serde_json::json!(["kms:ListResourceTags"]);
        world["callers"]["444455556666"]["denied"] = serde_json::json!(["iam:GetPolicy"]);
    });
    let ran = denied.fix("--yes --output json").json();
    assert_eq!((&ran["outcome"], &ran["exit_status"]), (&"applied".into(), &0.into()), "{ran:#}");
    let told = ran["findings"].as_array().unwrap().iter();
    assert!(told.clone().all(|finding| finding["code"] != "owned_elsewhere"), "{ran:#}");
}

#[test]
fn aws_managed_key() {
    insta::assert_snapshot!(story("aws-managed-key"));
}

#[test]
fn autoscaling() {
    insta::assert_snapshot!(story("autoscaling"));
}

#[test]
fn autoscaling_across_accounts() {
    insta::assert_snapshot!(story("autoscaling-across-accounts"));
}

#[test]
fn autoscaling_role_missing() {
    insta::assert_snapshot!(story("autoscaling-role-missing"));
}

#[test]
fn autoscaling_not_permitted() {
    insta::assert_snapshot!(story("autoscaling-not-permitted"));
}

#[test]
fn autoscaling_no_credentials() {
    insta::assert_snapshot!(story("autoscaling-no-credentials"));
}

#[test]
fn service_linked_roles_by_their_service() {
    let scene = Scene::of("autoscaling-across-accounts");
    let by_arn = scene.fix("--dry-run");
    let key = "--key arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let role = "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    for grantee in [
        "--autoscaling 444455556666".to_owned(),
        format!("--service-linked-role {role}"),
        format!("--principal {role}"),
        "--principal arn:aws:sts::444455556666:assumed-role/AWSServiceRoleForAutoScaling/AutoScaling"
            .to_owned(),
    ] {
        assert_eq!(scene.fix(&format!("{key} {grantee} --dry-run")).stdout, by_arn.stdout, "{grantee}");
    }
    let others = scene.fix(&format!("{key} --spot 444455556666 --autoscaling 444455556666:blue --dry-run"));
    insta::assert_snapshot!(others);
}

#[test]
fn a_grant_is_undone_with_the_rest() {
    let scene = Scene::of("autoscaling-across-accounts");
    let world = || -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(scene.path("world.json")).unwrap()).unwrap()
    };
    let before = world();
    scene.fix("--yes");
    let back = scene.run("rollback --sandbox=world.json --yes");
    assert_eq!(back.status, 0, "{back}");
    insta::assert_snapshot!(back.stdout);
    let after = world();
    let key = after["keys"].as_object().unwrap().values().next().unwrap();
    assert_eq!(key["grants"], serde_json::json!([]));
    assert_eq!(after["accounts"], before["accounts"]);
    assert_eq!(key["policy"], before["keys"].as_object().unwrap().values().next().unwrap()["policy"]);
}

#[test]
fn a_grant_that_somebody_else_made_again_is_not_revoked() {
    let scene = Scene::of("autoscaling-across-accounts");
    scene.fix("--yes");
    let others = serde_json::json!("f".repeat(64));
    scene.change(|world| {
        let key = world["keys"].as_object_mut().unwrap().values_mut().next().unwrap();
        key["grants"][0]["id"] = others.clone();
    });
    let back = scene.run("rollback --sandbox=world.json --yes");
    assert_eq!(back.status, 0, "{back}");
    assert!(!back.stdout.contains("revoke"), "{back}");
    let world: serde_json::Value =
        serde_json::from_slice(&std::fs::read(scene.path("world.json")).unwrap()).unwrap();
    let key = world["keys"].as_object().unwrap().values().next().unwrap();
    assert_eq!(key["grants"][0]["id"], others);
}

#[test]
fn a_grant_that_took_two_runs_is_revoked_once() {
    let scene = Scene::changed("autoscaling-across-accounts", |world| {
        world["faults"] =
            serde_json::json!([{"operation": "kms:CreateGrant", "times": 99, "fault": "no_answer"}]);
    });
    assert_eq!(scene.fix("--yes").status, 1);
    scene.change(|world| _ = world.as_object_mut().unwrap().remove("faults"));
    let resumed = scene.run("fix --sandbox=world.json --resume --yes");
    assert_eq!(resumed.status, 0, "{resumed}");
    let back = scene.run("rollback --sandbox=world.json --yes");
    assert_eq!(back.status, 0, "{back}");
    assert!(back.stdout.contains("Plan: 0 to create, 1 to update, 0 to attach, 1 to revoke."), "{back}");
}

#[test]
fn orphans_are_pruned_when_asked_for() {
    let scene = Scene::of("orphaned-principal");
    let pruned = scene.fix("--prune-orphans --yes");
    insta::assert_snapshot!(format!("{pruned}\n{}", scene.fix("--dry-run")));
}
