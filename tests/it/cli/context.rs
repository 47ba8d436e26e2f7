//! The context of a launch: what it fixes, what AWS leaves open, and statements that look like the remedy.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::assert_valid;
use crate::scene::{Ran, Scene};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROLE: &str = "arn:aws:iam::444455556666:role/app";
const WORLDS_ROLE: &str = "arn:aws:iam::444455556666:role/app-instances";

fn field(path: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/field");
    fs::read_to_string(folder.join(path)).unwrap()
}

fn policy(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn everything() -> String {
    policy(&[json!({"Effect": "Allow", "Action": "*", "Resource": "*"})])
}

/// The statement by which the key's account lets another one in, under a condition.
fn let_in(condition: &Value) -> Value {
    json!({"Sid": "Theirs", "Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "kms:*",
        "Resource": "*", "Condition": condition})
}

/// A check on two files, with no trace of AWS.
fn offline(key_policy: &str, identity: &str, arguments: &str) -> Ran {
    let scene = Scene::of("copied-ami");
    fs::write(scene.path("key-policy.json"), key_policy).unwrap();
    fs::write(scene.path("identity.json"), identity).unwrap();
    scene.run(&format!(
        "check --key {KEY} --key-policy key-policy.json --principal {ROLE} --identity-policy identity.json {arguments}"
    ))
}

/// "The aws:ViaAWSService condition key value is set to true whenever a FAS request is made."
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html>
#[test]
fn a_launch_comes_by_way_of_a_service() {
    let folder = "27-via-aws-service";
    let (key, own) = (field(&format!("{folder}/key-policy.json")), field(&format!("{folder}/scale-up.json")));
    let ran = offline(&key, &own, "");
    assert_eq!(ran.status, 0, "{ran}");
    let directly = own.replace(r#""aws:ViaAWSService": "true""#, r#""aws:ViaAWSService": "false""#);
    let ran = offline(&key, &directly, "");
    assert_eq!(ran.status, 3, "{ran}");
    let says = "it wants `aws:ViaAWSService` = `false`, and a launch has `true`";
    assert!(unfolded(&ran.stdout).contains(says), "{ran}");
}

#[test]
fn a_plan_tells_why_it_does_not_do_with_them() {
    let scene = Scene::changed("copied-ami", |world| {
        let statements = world["keys"][KEY]["policy"]["Statement"].as_array_mut().unwrap();
        statements
            .push(json!({"Sid": "Service", "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "kms:*", "Resource": "*"}));
        statements.push(let_in(&json!({"StringEquals": {"kms:ViaService": "rds.eu-west-1.amazonaws.com"}})));
    });
    let planned = scene.fix("--dry-run");
    assert_eq!(planned.status, 0, "{planned}");
    let text = unfolded(&planned.stdout);
    for says in [
        "lets in the service `ec2.amazonaws.com`, and KMS is called as whoever wants to launch",
        "it wants `kms:ViaService` = `rds.eu-west-1.amazonaws.com`, and a launch has `ec2.eu-west-1.amazonaws.com`",
    ] {
        assert_eq!(text.matches(says).count(), 1, "{planned}");
    }
    assert_eq!(scene.fix("--yes").status, 0);
    let done = scene.fix("--dry-run");
    assert!(!unfolded(&done.stdout).contains("whoever wants to launch"), "{done}");
}

/// The text without the line ends that the width asks for.
fn unfolded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn statements_that_look_like_the_remedy_are_named() {
    let near = [
        json!({"Sid": "Service", "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "kms:*", "Resource": "*"}),
        json!({"Sid": "Session", "Effect": "Allow", "Principal": {"AWS":
            "arn:aws:sts::444455556666:assumed-role/app/deploy"}, "Action": "kms:Decrypt", "Resource": "*"}),
        let_in(&json!({"StringEquals": {"kms:ViaService": "ec2.111122223333.amazonaws.com"}})),
        json!({"Sid": "Database", "Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "kms:Decrypt",
            "Resource": "*", "Condition": {"StringLike": {"kms:ViaService": "rds.*.amazonaws.com"}}}),
        json!({"Sid": "Another account's", "Effect": "Allow", "Principal": "*", "Action": "kms:CreateGrant",
            "Resource": "*", "Condition": {"StringEquals": {"kms:CallerAccount": "777788889999"}}}),
        json!({"Sid": "Enclave", "Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:ImageSha384": "abc"}}}),
    ];
    let aliases = json!({"Sid": "ByAlias", "Effect": "Allow", "Action": "kms:*", "Resource": [
        "arn:aws:kms:eu-west-1:111122223333:alias/ami", "1234abcd-12ab-34cd-56ef-1234567890ab"]});
    let ran = offline(&policy(&near), &policy(std::slice::from_ref(&aliases)), "");
    assert_eq!(ran.status, 3, "{ran}");
    insta::assert_snapshot!(ran);
    let document = offline(&policy(&near), &policy(&[aliases]), "--output json").json();
    assert_valid(&document);
    let action = &document["checks"][0]["actions"][0];
    assert_eq!(action["action"], "kms:CreateGrant");
    let messages: Vec<&str> = action["near_misses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|miss| miss["message"].as_str().unwrap())
        .collect();
    assert_eq!(messages.len(), 5, "{messages:#?}");
    assert_eq!(action["unmet"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_fixed_is_never_asked_and_what_is_open_says_why() {
    let cases = [
        (json!({"StringEquals": {"aws:PrincipalTag/team": "web"}}), Some("aws:PrincipalTag/team=VALUE"), ""),
        (
            json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
            None,
            "aws:SourceIp (AWS's pages disagree on whether",
        ),
        (
            json!({"ForAnyValue:StringEquals": {"aws:CalledVia": "ec2.amazonaws.com"}}),
            None,
            "aws:CalledVia (AWS's page on forward access sessions",
        ),
    ];
    for (condition, asked, reason) in cases {
        let ran = offline(&policy(&[let_in(&condition)]), &everything(), "");
        assert_eq!(ran.status, 3, "{ran}");
        let text = unfolded(&ran.stdout);
        assert!(text.contains("may or may not be able to launch"), "{ran}");
        assert_eq!(text.contains("--context"), asked.is_some(), "{ran}");
        assert!(asked.is_none_or(|asked| text.contains(&format!("--context {asked}"))), "{ran}");
        assert!(text.contains(reason), "{ran}");
    }
    // What somebody tells all the same is taken.
    let by_address = policy(&[let_in(&json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}))]);
    assert_eq!(offline(&by_address, &everything(), "--context aws:SourceIp=203.0.113.9").status, 0);
}

#[test]
fn where_aws_documents_no_name_of_ec2_it_is_unknown() {
    let scene = Scene::of("copied-ami");
    let to_china = |text: &str| text.replace("arn:aws:", "arn:aws-cn:").replace("eu-west-1", "cn-north-1");
    for suffix in ["amazonaws.com", "amazonaws.com.cn"] {
        let condition = json!({"StringEquals": {"kms:ViaService": format!("ec2.cn-north-1.{suffix}")}});
        fs::write(scene.path("key-policy.json"), policy(&[let_in(&condition)])).unwrap();
        fs::write(scene.path("identity.json"), everything()).unwrap();
        let ran = scene.run(&to_china(&format!(
            "check --key {KEY} --key-policy key-policy.json --principal {ROLE} --identity-policy identity.json"
        )));
        assert_eq!(ran.status, 3, "{ran}");
        assert!(
            unfolded(&ran.stdout)
                .contains("kms:ViaService (AWS does not document EC2's name in this partition)"),
            "{ran}"
        );
        assert!(!ran.stdout.contains("--context"), "{ran}");
    }
}

/// "Using `NotPrincipal` with "Effect": "Allow" is not supported."
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>
#[test]
fn allow_with_not_principal_is_no_access() {
    let ran = offline(&field("engine/min-allow-notprincipal.json"), &everything(), "");
    assert_eq!(ran.status, 3, "{ran}");
    let text = unfolded(&ran.stdout);
    assert!(
        text.contains(
            "statement 2 of the key policy may allow it: AWS does not support NotPrincipal with Allow"
        ),
        "{ran}"
    );
}

#[test]
fn a_deny_of_one_session_leaves_the_role_unknown() {
    let says = "it names one session of the role, and which session launches is not known";
    let denying = field("engine/min-session-deny.json");
    let ran = offline(&denying, &everything(), "");
    assert_eq!(ran.status, 3, "{ran}");
    assert!(unfolded(&ran.stdout).contains(says), "{ran}");

    let scene = Scene::of("copied-ami");
    fs::write(scene.path("policy.json"), &denying).unwrap();
    let ran = scene.run(&format!("patch --key {KEY} --principal {ROLE} policy.json"));
    assert!(unfolded(&ran.stderr).contains(says), "{ran}");

    let scene = Scene::changed("already-mended", |world| {
        let statements = world["keys"][KEY]["policy"]["Statement"].as_array_mut().unwrap();
        statements.push(json!({"Sid": "No deploy", "Effect": "Deny", "Principal": {"AWS":
            "arn:aws:sts::444455556666:assumed-role/app-instances/deploy"}, "Action": "kms:*", "Resource": "*"}));
    });
    let ran = scene.run(&format!("check --sandbox=world.json --principal {WORLDS_ROLE}"));
    assert_eq!(ran.status, 3, "{ran}");
    assert!(unfolded(&ran.stdout).contains("may or may not be able to launch"), "{ran}");
    assert!(unfolded(&ran.stdout).contains(says), "{ran}");
    let ran = scene.fix(&format!("--principal {WORLDS_ROLE} --dry-run"));
    assert!(unfolded(&ran.stdout).contains(says), "{ran}");
}
