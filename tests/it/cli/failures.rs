//! Runs that stop between two changes.

use serde_json::json;

use crate::scene::Scene;

#[test]
fn a_refusal_says_what_was_applied_and_how_to_go_on() {
    let scene = Scene::changed("copied-ami", |world| {
        world["callers"]["444455556666"]["denied"] = json!(["iam:CreatePolicy"]);
    });
    let planned = scene.fix("--dry-run");
    let ran = scene.fix("--yes").after(&planned);
    insta::assert_snapshot!(ran);

    scene.change(|world| world["callers"]["444455556666"]["denied"] = json!([]));
    let resumed = scene.fix("--yes");
    assert_eq!(resumed.status, 0, "{resumed}");
    assert!(resumed.stdout.contains("\nApplied 2 changes. Both sides were read again and hold.\n"));
}

#[test]
fn each_refused_write_names_the_permission() {
    for (world, account, permission, applied) in [
        ("copied-ami", "111122223333", "kms:PutKeyPolicy", 0),
        ("copied-ami", "444455556666", "iam:CreatePolicy", 1),
        ("copied-ami", "444455556666", "iam:AttachRolePolicy", 2),
        ("five-versions", "444455556666", "iam:DeletePolicyVersion", 1),
        ("five-versions", "444455556666", "iam:CreatePolicyVersion", 2),
        ("group-grantee", "444455556666", "iam:AttachGroupPolicy", 2),
    ] {
        let scene = Scene::changed(world, |world| {
            world["callers"][account]["denied"] = json!([permission]);
        });
        let ran = scene.fix("--yes");
        assert_eq!(ran.status, 1, "{ran}");
        assert!(ran.stderr.contains(&format!("\nerror: {permission} on `arn:aws:")), "{ran}");
        assert!(ran.stderr.contains(&format!("\nhint: the caller needs {permission} on `arn:aws:")), "{ran}");
        assert_eq!(ran.stdout.matches("\n  applied ").count(), applied, "{ran}");
        assert_eq!(ran.stdout.matches("\n  failed ").count(), 1, "{ran}");
        assert_eq!(ran.stdout.matches("\n  not started ").count(), 2 - applied, "{ran}");
    }
}

#[test]
fn the_quotas_of_the_account_count_before_anything_is_written() {
    for (quotas, status, finding) in [
        (json!({"attached_per_role": 0}), 4, "it has 0 managed policies attached, and 0 is the most"),
        (json!({"policy_size": 300}), 4, "AWS takes 300 at most"),
        (json!({"attached_per_role": 1}), 0, ""),
    ] {
        let scene = Scene::changed("copied-ami", |world| {
            world["accounts"]["444455556666"]["quotas"] = quotas.clone();
        });
        let before = scene.content();
        let ran = scene.fix("--yes");
        assert_eq!(ran.status, status, "{ran}");
        assert!(ran.stdout.contains(finding), "{ran}");
        assert_eq!(scene.content() == before, status == 4, "{ran}");
    }
}
