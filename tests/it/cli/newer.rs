//! What AWS may answer one day, and what stands beside the key policy: read, evaluated, told, never written.

use serde_json::{Value, json};

use crate::scene::Scene;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROLE: &str = "arn:aws:iam::444455556666:role/app-instances";

fn statement(effect: &str) -> Value {
    json!({"Effect": effect, "Principal": {"AWS": "444455556666"}, "Action": "kms:*", "Resource": "*"})
}

fn policy(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// A world in which everything is mended but for one thing; the status of `check`, and what it says.
#[test]
fn a_mended_key_with_something_that_is_newer() {
    type Change = fn(&mut Value);
    let cases: [(Change, i32, &str); 9] = [
        (|_| (), 0, "can launch"),
        (
            |world| world["keys"][KEY]["state"] = json!("QuantumPending"),
            3,
            "`QuantumPending`, which keymend does not know",
        ),
        (|world| world["keys"][KEY]["state"] = json!("Disabled"), 4, "Disabled"),
        (|world| world["keys"][KEY]["spec"] = json!("SYMMETRIC_LATTICE"), 3, "`SYMMETRIC_LATTICE`"),
        (|world| world["keys"][KEY]["usage"] = json!("ENTANGLE"), 3, "`ENTANGLE`"),
        (|world| world["keys"][KEY]["manager"] = json!("PARTNER"), 3, "`PARTNER`"),
        (|world| world["keys"][KEY]["origin"] = json!("ORBIT"), 0, "can launch"),
        (|world| world["keys"][KEY]["ram_policy"] = policy(&[statement("Allow")]), 0, "can launch"),
        (|world| world["keys"][KEY]["ram_policy"] = policy(&[statement("Deny")]), 4, "policy AWS_RAM"),
    ];
    for (change, status, words) in cases {
        let scene = Scene::changed("already-mended", change);
        let ran = scene.run("check --sandbox=world.json");
        assert_eq!(ran.status, status, "{ran}");
        assert!(
            ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ").contains(words),
            "{words}: {ran}"
        );
        let planned = scene.fix("--dry-run");
        assert_eq!(planned.status, status, "{planned}");
    }
}

/// The second call of `GetKeyPolicy` is about `AWS_RAM`.
#[test]
fn a_policy_of_resource_access_manager_that_is_unread_is_unknown() {
    let scene = Scene::changed("already-mended", |world| {
        world["faults"] = json!([
            {"operation": "kms:GetKeyPolicy", "call": 2, "fault": "error", "code": "AccessDeniedException"}
        ]);
    });
    let ran = scene.run("check --sandbox=world.json");
    assert_eq!(ran.status, 3, "{ran}");
    assert!(ran.stdout.contains("AWS_RAM"), "{ran}");
}

#[test]
fn who_may_use_a_key_by_two_policies_and_odd_grants() {
    let scene = Scene::changed("already-mended", |world| {
        let key = &mut world["keys"][KEY];
        key["ram_policy"] = policy(&[
            json!({"Sid": "shared", "Effect": "Allow", "Principal": {"AWS": "999988887777"}, "Resource": "*",
                "Action": ["kms:Decrypt", "kms:DescribeKey"]}),
        ]);
        key["grants"] = json!([
            {"id": "a1", "grantee_principal": ROLE, "operations": ["Decrypt", "DecryptInBulk"],
             "source_arn": "arn:aws:quantum:eu-west-1:444455556666:lattice/1"},
            {"id": "a2", "grantee_service_principal": "quantum.amazonaws.com", "operations": ["Decrypt"],
             "source_arn": "arn:aws:quantum:eu-west-1:444455556666:lattice/1"},
            {"id": "a3", "grantee_principal": ROLE, "operations": ["Decrypt"], "other_constraints": ["NotAfter"]},
            {"id": "a4", "operations": ["Decrypt"],
             "grantee_principal": "arn:aws:sts::444455556666:assumed-role/aws:ec2-infrastructure/i-0123456789abcdef0"},
            {"id": "a5", "operations": ["Decrypt"],
             "grantee_principal": "444455556666:aws:ec2-infrastructure:i-0123456789abcdef0"},
            {"id": "a6", "grantee_principal": "quantum:444455556666/anything", "operations": []}
        ]);
    });
    let ran = scene.run("check --sandbox=world.json --users");
    insta::assert_snapshot!(ran);
    crate::cli::assert_valid(&scene.run("check --sandbox=world.json --users --output json").json());
}

/// What a run writes and takes back is the policy `default` alone.
#[test]
fn the_policy_of_resource_access_manager_is_never_written() {
    let shared = policy(&[statement("Allow")]);
    let scene = Scene::changed("copied-ami", |world| world["keys"][KEY]["ram_policy"] = shared.clone());
    let ram_policy = || -> Value {
        let world: Value = serde_json::from_slice(&std::fs::read(scene.path("world.json")).unwrap()).unwrap();
        world["keys"][KEY]["ram_policy"].clone()
    };
    let before = scene.content();
    let applied = scene.fix("--yes");
    assert_eq!(applied.status, 0, "{applied}");
    assert_ne!(scene.content(), before);
    assert_eq!(ram_policy(), shared);
    let undone = scene.run("rollback --sandbox=world.json --yes");
    assert_eq!(undone.status, 0, "{undone}");
    assert_eq!(ram_policy(), shared);
}

#[test]
fn an_image_with_something_that_is_newer() {
    const SNAPSHOT: &str = "snap-0aaaaaaaaaaaaaaaa";
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 4] = [
        (
            "ami-with-two-keys",
            |world| world["snapshots"][SNAPSHOT]["associated_keys"] = json!([KEY]),
            "further keys",
        ),
        ("ami-with-two-keys", |world| world["snapshots"][SNAPSHOT]["state"] = json!("thawing"), "`thawing`"),
        (
            "ami-with-two-keys",
            |world| world["images"]["ami-0123456789abcdef0"]["state"] = json!("hibernating"),
            "`hibernating`",
        ),
        (
            "ami-not-allowed",
            |world| {
                let setting = &mut world["accounts"]["444455556666"]["allowed_images"];
                setting["criteria"] =
                    json!([{"providers": ["111122223333"], "other": ["imageWatermarkSet"]}]);
            },
            "`imageWatermarkSet`",
        ),
    ];
    for (world, change, words) in cases {
        let scene = Scene::changed(world, change);
        let fixed = scene.fix("--yes");
        assert_eq!(fixed.status, 3, "{fixed}");
        let ran = scene.run("check --sandbox=world.json");
        assert_eq!(ran.status, 3, "{ran}");
        let told = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(words) && !told.contains("replace-image-criteria"), "{words}: {ran}");
        // The account is seen not to be shown the image that its setting may keep out.
        let concluded =
            if world == "ami-not-allowed" { "can't launch yet" } else { "may or may not be able to launch" };
        assert!(told.contains(concluded), "{ran}");
    }
}
