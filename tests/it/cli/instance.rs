//! The instance's own role: a launch is more than one principal. And policies of the organization, which limit both.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::assert_valid;
use crate::scene::{Ran, Scene};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const APP: &str = "arn:aws:iam::111122223333:role/app";
const INSTANCE: &str = "arn:aws:iam::111122223333:role/aws:ec2-infrastructure";
const FIELD: &str = "fixtures/field/03-deny-principalarn-allowlist";

/// A folder with what people had.
fn scene() -> Scene {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FIELD);
    let scene = Scene::with_text(fs::read(folder.join("world.json")).unwrap());
    for file in ["admin.json", "key-policy.json", "key-policy-exempt.json"] {
        fs::copy(folder.join(file), scene.path(file)).unwrap();
    }
    let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let only = json!({"Sid": "OnlyApp", "Effect": "Deny", "Action": "kms:*", "Resource": "*",
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": [APP]}}});
    let region = json!({"Sid": "Frankfurt", "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-central-1"}}});
    let org = json!({"Sid": "Ours", "Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}});
    let ec2 = json!({"Effect": "Allow", "Action": "ec2:*", "Resource": "*"});
    for (file, statement) in [
        ("full.json", allow),
        ("only.json", only),
        ("region.json", region),
        ("org.json", org),
        ("ec2.json", ec2),
    ] {
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
        fs::write(scene.path(file), policy.to_string()).unwrap();
    }
    scene
}

fn offline(policy: &str, arguments: &str) -> Ran {
    let files = format!("--key-policy {policy} --identity-policy admin.json");
    scene().run(&format!("check --key {KEY} {files} --principal {APP} {arguments}"))
}

/// "… Deny … key policies … can prevent instances from launching or starting".
///
/// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html>
#[test]
fn a_list_without_the_instances_own_role_stops_the_launch() {
    let ran = offline("key-policy.json", "");
    assert_eq!(ran.status, 4, "{ran}");
    insta::assert_snapshot!(ran);
    let ran = offline("key-policy-exempt.json", "");
    assert_eq!(ran.status, 0, "{ran}");
}

#[test]
fn so_it_is_on_a_world() {
    let scene = scene();
    let arguments = format!("--sandbox=world.json --key {KEY} --principal {APP}");
    assert_eq!(scene.run(&format!("check {arguments}")).status, 4);
    let ran = scene.run(&format!("fix {arguments} --dry-run"));
    assert_eq!(ran.status, 4, "{ran}");
    insta::assert_snapshot!(ran);
    scene.change(|world| {
        let listed = &mut world["keys"][KEY]["policy"]["Statement"][1]["Condition"]["StringNotLike"]["aws:PrincipalArn"];
        listed.as_array_mut().unwrap().push("arn:aws:iam::*:role/aws:ec2-infrastructure".into());
    });
    assert_eq!(scene.run(&format!("check {arguments}")).status, 0);
    let applied = scene.run(&format!("fix {arguments} --yes"));
    assert_eq!(applied.status, 0, "{applied}");
}

#[test]
fn a_machine_reads_of_it() {
    let ran = offline("key-policy.json", "--output json");
    let document = ran.json();
    assert_valid(&document);
    let check = &document["checks"][0];
    assert_eq!(check["conclusion"], "blocked");
    assert_eq!(check["instance"]["role"], INSTANCE);
    assert_eq!(check["instance"]["actions"][0]["action"], "kms:Decrypt");
    assert_eq!(check["instance"]["actions"][0]["decision"], "explicit_deny");
    assert_eq!(check["instance"]["exceptions"][0]["statement"]["sid"], "OnlyOurRolesDecrypt");
    let messages: Vec<&Value> =
        check["actions"].as_array().unwrap().iter().map(|action| &action["decision"]).collect();
    assert!(messages.iter().all(|decision| **decision == "allowed"), "{document:#}");
    let able = offline("key-policy-exempt.json", "--output json").json();
    assert_eq!(able["checks"][0]["instance"]["actions"][0]["decision"], "allowed");
    assert_valid(&able);
}

#[test]
fn policies_of_the_organization_stop_it_too() {
    let exempt = "key-policy-exempt.json";
    for (limits, status, sayings) in [
        ("--scp full.json --rcp full.json", 0, vec![]),
        (
            "--scp full.json --scp only.json",
            4,
            vec!["statement \"OnlyApp\"", "to the `ArnNotLike` list of `aws:PrincipalArn`"],
        ),
        ("--rcp region.json", 4, vec!["statement \"Frankfurt\"", "add the condition"]),
        ("--rcp org.json", 3, vec!["statement \"Ours\"", "aws:PrincipalOrgID"]),
        ("--rcp org.json --context aws:PrincipalOrgID=o-a1b2c3d4e5", 0, vec![]),
        (
            "--scp root=full.json --scp team=ec2.json",
            4,
            vec!["the service control policies of level 2 do not allow it"],
        ),
    ] {
        let ran = offline(exempt, limits);
        assert_eq!(ran.status, status, "{ran}");
        for saying in sayings {
            let words: Vec<&str> = ran.stdout.split_whitespace().collect();
            assert!(words.join(" ").contains(saying), "{saying}: {ran}");
        }
    }
}

#[test]
fn fix_counts_what_is_given_in_the_plan_in_the_saved_plan_and_in_the_proof() {
    let scene = Scene::of("copied-ami");
    let policy = |name: &str, statement: Value| {
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
        fs::write(scene.path(name), policy.to_string()).unwrap();
    };
    policy("full.json", json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
    policy(
        "no.json",
        json!({"Sid": "NoGrants", "Effect": "Deny", "Action": "kms:CreateGrant", "Resource": "*"}),
    );
    let blocked = scene.fix("--dry-run --scp full.json --scp no.json --out plan.json");
    assert_eq!(blocked.status, 4, "{blocked}");
    insta::assert_snapshot!(blocked);
    let applied = scene.run("apply plan.json --sandbox=world.json --yes");
    assert_eq!(applied.status, 4, "{applied}");
    let forced = scene.run("apply plan.json --sandbox=world.json --yes --allow-blocked");
    assert_eq!(forced.status, 4, "what was given holds after the writes too: {forced}");
    assert!(forced.stdout.contains("can't launch"), "{forced}");
    let open = scene.fix("--yes --scp full.json --rcp full.json --output json").json();
    assert_eq!(open["outcome"], "no_changes", "{open:#}");
}

#[test]
fn what_is_no_policy_is_refused_before_anything_is_read() {
    let scene = Scene::of("copied-ami");
    fs::write(scene.path("broken.json"), "{").unwrap();
    for (arguments, said) in [
        ("--dry-run --scp missing.json", "`missing.json` can't be read"),
        ("--yes --rcp broken.json", "`broken.json` is no policy"),
    ] {
        let before = scene.content();
        let ran = scene.fix(arguments);
        assert_eq!(ran.status, 2, "{ran}");
        assert!(ran.stderr.contains(said), "{ran}");
        assert_eq!(scene.content(), before);
    }
}
