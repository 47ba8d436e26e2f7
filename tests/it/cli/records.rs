//! Records that people have, and grantees that follow from them: nobody gets what nobody asked for.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};

use super::assert_valid;
use crate::scene::{Scene, field};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const FORMS: &str = "05-cloudtrail-forms";
const OWN_ROLE: &str = "07-cloudtrail-identity-only-role";
const PLAIN_AMI: &str = "15-default-key-plain-ami";
const INSTANCE: &str = "i-0a0a0a0a0a0a0a0a0";

/// The plain event of the field's forms.
fn event() -> Value {
    let bridge = fs::read_to_string(field(FORMS).join("eventbridge.json")).unwrap();
    serde_json::from_str::<Value>(&bridge).unwrap()["detail"].clone()
}

/// The codes of a document's findings.
fn codes(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn every_form_is_read_like_the_plain_event() {
    let scene = Scene::of_field(FORMS, "world.json");
    fs::write(scene.path("plain.json"), event().to_string()).unwrap();
    let check = |file: &str| scene.run(&format!("check --sandbox=world.json --cloudtrail {file}"));
    let plain = check("plain.json");
    assert!(
        plain.status == 3 && plain.stdout.contains("role app (444455556666) can't launch yet"),
        "{plain}"
    );
    for file in ["eventbridge.json", "ndjson.json", "bom.json", "s3.json.gz"] {
        let read = check(file);
        assert_eq!((read.status, &read.stdout), (3, &plain.stdout), "{file}: {read}");
    }
    let piped = "check --sandbox=world.json --cloudtrail -";
    let zipped = fs::File::open(scene.path("s3.json.gz")).unwrap();
    let output = scene.command(piped).stdin(Stdio::from(zipped)).output().unwrap();
    assert_eq!(scene.ran(output, piped).stdout, plain.stdout);
}

#[test]
fn what_is_no_text_of_ours_is_told_with_a_way_out() {
    let scene = Scene::of_field(FORMS, "world.json");
    let utf16: Vec<u8> = format!("\u{feff}{}", event()).encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(scene.path("utf16.json"), utf16).unwrap();
    let refused = scene.run("check --sandbox=world.json --cloudtrail utf16.json");
    assert_eq!(refused.status, 2);
    assert!(
        refused.stderr.contains("hint: convert it first: iconv -f UTF-16 -t UTF-8 utf16.json"),
        "{refused}"
    );
    let mut ec2 = event();
    ec2["eventSource"] = json!("ec2.amazonaws.com");
    ec2["eventName"] = json!("RunInstances");
    ec2["errorCode"] = json!("Client.UnauthorizedOperation");
    ec2["errorMessage"] = json!("You are not authorized. Encoded authorization failure message: abc_DEF-1");
    fs::write(scene.path("ec2.json"), ec2.to_string()).unwrap();
    let refused = scene.fix("--cloudtrail ec2.json --dry-run");
    assert_eq!(refused.status, 2);
    assert!(
        refused.stderr.contains("aws sts decode-authorization-message --encoded-message abc_DEF-1"),
        "{refused}"
    );
}

/// Across accounts AWS leaves the key's ARN out.
#[test]
fn a_key_that_the_event_leaves_out_is_given_besides() {
    let scene = Scene::of_field(FORMS, "world.json");
    let mut untold = event();
    untold["errorMessage"] = json!(
        "User: arn:aws:sts::444455556666:assumed-role/app/session is not authorized to perform: \
         kms:GenerateDataKeyWithoutPlaintext on this resource because the resource does not exist in this Region, no \
         resource-based policies allow access, or a resource-based policy explicitly denies access"
    );
    fs::write(scene.path("event.json"), untold.to_string()).unwrap();
    scene.change(|world| {
        world["images"] = json!({"ami-0a0a0a0a0a0a0a0a0": {
            "owner": "111122223333", "snapshots": ["snap-0a0a0a0a0a0a0a0a0"], "shared_with": ["444455556666"],
        }});
        world["snapshots"] = json!({"snap-0a0a0a0a0a0a0a0a0": {"owner": "111122223333", "key": KEY}});
    });
    let refused = scene.fix("--cloudtrail event.json --dry-run");
    assert_eq!(refused.status, 2);
    assert!(
        refused.stderr.contains("does not tell which key it is about") && refused.stderr.contains("--key"),
        "{refused}"
    );
    for given in [format!("--key {KEY}"), "--ami ami-0a0a0a0a0a0a0a0a0".to_owned()] {
        let document = scene.fix(&format!("--cloudtrail event.json {given} --dry-run --output json")).json();
        assert_valid(&document);
        let policy = document["changes"][0]["after"].to_string();
        assert!(policy.contains("arn:aws:iam::444455556666:role/app"), "{given}: {document:#}");
        assert!(!policy.contains("444455556666:root"), "{given}: {document:#}");
    }
    scene.change(|world| {
        world["snapshots"]["snap-0a0a0a0a0a0a0a0a0"] = json!({"owner": "111122223333"});
    });
    let none = scene.fix("--cloudtrail event.json --ami ami-0a0a0a0a0a0a0a0a0 --dry-run");
    assert_eq!(none.status, 1);
    assert!(none.stderr.contains("nothing that is given leads to one"), "{none}");
}

/// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html#ebs-encryption-instance-permissions>
#[test]
fn an_identity_only_role_gets_nothing_and_the_deny_has_to_spare_it() {
    let scene = Scene::of_field(OWN_ROLE, "world.json");
    let before = scene.content();
    let dry = scene.fix("--cloudtrail event-scp.json --dry-run");
    assert_eq!(scene.fix("--cloudtrail event-scp.json --yes").status, 4);
    assert_eq!(scene.content(), before);
    let checked = scene.run("check --sandbox=world.json --cloudtrail event-scp.json");
    assert_eq!(checked.status, 4, "{checked}");
    let document = scene.fix("--cloudtrail event-scp.json --dry-run --output json").json();
    assert_valid(&document);
    assert_eq!(document["changes"], json!([]));
    assert_eq!(document["chain"]["strangers"][0]["reason"], "identity_only_role");
    insta::assert_snapshot!(dry);
}

/// Whoever is no user and no role, and whatever refused it.
#[test]
fn no_caller_becomes_its_account() {
    let account = "444455556666";
    let own = "arn:aws:sts::444455556666:assumed-role/aws:ec2-infrastructure/i-0a0a0a0a0a0a0a0a0";
    for (identity, status) in [
        (json!({"type": "AssumedRole", "arn": own, "accountId": account}), 3),
        (
            json!({"type": "AWSAccount", "principalId": "444455556666:aws:ec2-infrastructure:i-0", "accountId": account}),
            3,
        ),
        (
            json!({"type": "FederatedUser", "arn": "arn:aws:sts::444455556666:federated-user/jo", "accountId": account}),
            3,
        ),
        (json!({"type": "WebIdentityUser", "principalId": "idp:app:user", "accountId": account}), 3),
        (json!({"type": "AWSService", "invokedBy": "ec2.amazonaws.com", "accountId": account}), 3),
        (json!({"type": "AWSAccount", "principalId": "AROAEXAMPLEEXAMPLE123:s", "accountId": account}), 3),
        (json!({"type": "AWSAccount", "accountId": account}), 3),
        (json!({"type": "Root", "arn": "arn:aws:iam::444455556666:root", "accountId": account}), 3),
        (json!({"type": "Newer", "accountId": account}), 3),
        // A role that is gone can't be named in a key policy.
        (
            json!({"type": "AssumedRole", "accountId": account,
                "sessionContext": {"sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::444455556666:role/gone"}}}),
            4,
        ),
        (
            json!({"type": "AssumedRole", "arn": "arn:aws:sts::444455556666:assumed-role/gone/s", "accountId": account}),
            1,
        ),
    ] {
        let scene = Scene::of_field(FORMS, "world.json");
        let mut event = event();
        event["userIdentity"] = identity.clone();
        event["errorMessage"] = json!("because no resource-based policy allows the action");
        event["resources"] = json!([{"ARN": KEY, "accountId": "111122223333"}]);
        fs::write(scene.path("event.json"), event.to_string()).unwrap();
        let before = scene.content();
        let ran = scene.fix("--cloudtrail event.json --yes");
        assert_eq!(ran.status, status, "{identity}: {ran}");
        assert_eq!(scene.content(), before, "{identity}: {ran}");
        let checked = scene.run("check --sandbox=world.json --cloudtrail event.json");
        assert_ne!(checked.status, 0, "{identity}: {checked}");
    }
}

#[test]
fn a_typed_principal_that_can_be_no_grantee_is_refused_with_a_hint() {
    let scene = Scene::of_field(OWN_ROLE, "world.json");
    for (typed, what) in [
        ("arn:aws:iam::444455556666:role/aws:ec2-infrastructure", "identity-only role"),
        ("arn:aws:iam::444455556666:role/aws:ec2-infrastructure/i-0a0a0a0a0a0a0a0a0", "identity-only role"),
        ("444455556666:aws:ec2-infrastructure:i-0a0a0a0a0a0a0a0a0", "identity-only role"),
        ("arn:aws:sts::444455556666:federated-user/jo", "federated session"),
        ("ec2.amazonaws.com", "AWS service"),
        ("AROAEXAMPLEEXAMPLE123:session", "unique id"),
    ] {
        for option in ["--principal", "--grantees"] {
            fs::write(scene.path("grantees"), typed).unwrap();
            let value = if option == "--principal" { typed } else { "grantees" };
            let ran = scene.fix(&format!("--key {KEY} {option} {value} --dry-run"));
            assert!(ran.status == 2 && ran.stderr.contains(what) && ran.stderr.contains("hint: "), "{ran}");
        }
    }
}

/// Which key failed is told by EBS, who launched by Auto Scaling.
#[test]
fn notifications_of_eventbridge_lead_to_keys_and_launchers() {
    let scene = Scene::of_field(FORMS, "world.json");
    let ebs = json!({
        "detail-type": "EBS Volume Notification", "source": "aws.ec2", "account": "444455556666", "region": "eu-west-1",
        "resources": ["arn:aws:ec2:eu-west-1:444455556666:volume/vol-0a0a0a0a0a0a0a0a0"],
        "detail": {"event": "createVolume", "result": "failed", "cause": format!("{KEY} is pending import.")},
    });
    fs::write(scene.path("ebs.json"), ebs.to_string()).unwrap();
    let nobody = scene.fix("--cloudtrail ebs.json --dry-run");
    assert!(nobody.status == 2 && nobody.stderr.contains("no grantee is given"), "{nobody}");
    let role = "--principal arn:aws:iam::444455556666:role/app";
    let named = scene.fix(&format!("--cloudtrail ebs.json {role} --dry-run"));
    assert!(named.status == 0 && named.stdout.contains("EBS failed: `createVolume:"), "{named}");
    let scaling = json!({
        "detail-type": "EC2 Instance Launch Unsuccessful", "source": "aws.autoscaling", "account": "444455556666",
        "region": "eu-west-1", "resources": [],
        "detail": {"StatusCode": "Failed", "AutoScalingGroupName": "web", "Cause": "At 2026-11-20 an instance was started",
                   "StatusMessage": "Client.InternalError: Client error on launch"},
    });
    fs::write(scene.path("scaling.json"), scaling.to_string()).unwrap();
    let keyless = scene.fix("--cloudtrail scaling.json --dry-run");
    assert!(keyless.status == 2 && keyless.stderr.contains("`web` does not tell which key"), "{keyless}");
    let asked = scene.fix(&format!("--cloudtrail scaling.json --key {KEY} --dry-run --output json")).json();
    assert_valid(&asked);
    // The world's account has no such role yet.
    assert_eq!((asked["changes"].clone(), codes(&asked)[0]), (json!([]), "no_such_principal"), "{asked:#}");
}

#[test]
fn a_key_that_the_launch_itself_names_is_no_verdict() {
    let role = "--principal arn:aws:iam::444455556666:role/runner-scale-up";
    let scene = Scene::of_field(PLAIN_AMI, "world-launch-template.json");
    let checked =
        scene.run(&format!("check --sandbox=world.json --instance {INSTANCE} {role} --output json"));
    assert_eq!((checked.status, checked.json()["outcome"].as_str()), (3, Some("unknown")), "{checked}");
    let dry = scene.fix(&format!("--instance {INSTANCE} {role} --dry-run"));
    assert_eq!(dry.status, 3);
    insta::assert_snapshot!(dry.stdout);
    let default = Scene::of_field(PLAIN_AMI, "world-default-key.json");
    let planned = default.fix(&format!("--instance {INSTANCE} {role} --dry-run --output json"));
    assert_eq!((planned.status, planned.json()["changes"].as_array().unwrap().len()), (0, 3), "{planned}");
    assert!(planned.stdout.contains("encrypts every new volume (encryption by default)"), "{planned}");
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html>
#[test]
fn a_failure_on_launch_may_be_a_keys_doing() {
    let role = "--principal arn:aws:iam::444455556666:role/scheduler";
    for world in ["world-a.json", "world-b.json", "world-c.json"] {
        let scene = Scene::of_field("02-stopped-instance-scheduler", world);
        let dry = scene.fix(&format!("--instance {INSTANCE} {role} --dry-run"));
        assert!(dry.stdout.contains("a key could not"), "{dry}");
        assert!(!dry.stdout.contains("again"), "{dry}");
    }
}

/// An instance tells its account, and nobody says yes to that beforehand.
#[test]
fn a_whole_account_is_let_in_only_where_somebody_named_it() {
    let scene = Scene::of("terminated-instance");
    let instance = "--instance i-0123456789abcdef0";
    let dry = scene.fix(&format!("{instance} --dry-run --out plan.json"));
    assert_eq!(dry.status, 3, "{dry}");
    assert!(dry.stdout.contains("the whole account"), "{dry}");
    let before = scene.content();
    let ran = scene.fix(&format!("{instance} --yes"));
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("--principal ARN; or the account: --account 444455556666"), "{ran}");
    let applied = scene.run("apply plan.json --sandbox=world.json --yes");
    assert_eq!(applied.status, 2, "{applied}");
    assert!(applied.stderr.contains("leave --yes out, or save the plan anew"), "{applied}");
    assert_eq!(scene.content(), before);
    let named = scene.fix(&format!("{instance} --account 444455556666 --dry-run --out named.json"));
    assert!(named.status == 0 && !named.stdout.contains("the whole account"), "{named}");
    let applied = scene.run("apply named.json --sandbox=world.json --yes");
    assert_eq!(applied.status, 0, "{applied}");
}
