//! Policies as people have them: found in repositories, printed by AWS's command line, open to anyone.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::scene::{Ran, Scene};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const OTHER_KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321";
const ROLE: &str = "arn:aws:iam::444455556666:role/app";

/// A file of a folder under fixtures/field.
fn found(file: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/field").join(file)).unwrap()
}

/// A folder with found files in it, by their own names.
fn folder(files: &[&str]) -> Scene {
    let scene = Scene::with_text("");
    for file in files {
        fs::write(scene.path(Path::new(file).file_name().unwrap().to_str().unwrap()), found(file)).unwrap();
    }
    scene
}

/// A found world.
fn world(file: &str) -> Scene {
    Scene::with_text(found(file))
}

fn codes(ran: &Ran) -> Vec<(String, String)> {
    let text = |finding: &Value, member: &str| finding[member].as_str().unwrap().to_owned();
    let findings = ran.json()["findings"].as_array().unwrap().clone();
    findings.iter().map(|finding| (text(finding, "code"), text(finding, "severity"))).collect()
}

#[test]
fn two_keys_in_one_policy_in_either_order() {
    let scene = folder(&["engine/min-two-keys-identity.json"]);
    for (one, other) in [(KEY, OTHER_KEY), (OTHER_KEY, KEY)] {
        let ran =
            scene.run(&format!("patch --kind identity --key {one} --key {other} min-two-keys-identity.json"));
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran}");
        let statements = ran.json()["Statement"].as_array().unwrap().clone();
        let of_key =
            |key: &str| statements.iter().filter(|one| one["Resource"].to_string().contains(key)).count();
        assert!(of_key(KEY) >= 2 && of_key(OTHER_KEY) >= 2, "{ran}");
    }
    for (one, other) in [(KEY, OTHER_KEY), (OTHER_KEY, KEY)] {
        let scene = world("engine/min-two-keys-fix-world.json");
        let ran = scene.fix(&format!("--key {one} --key {other} --dry-run --output json"));
        assert_eq!(ran.status, 0, "{ran}");
        assert!(!ran.json()["changes"].as_array().unwrap().is_empty(), "{ran}");
    }
}

/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html>: "Do not set the Principal to an
/// asterisk (*) in any key policy statement that allows permissions unless you use conditions to limit the key policy."
#[test]
fn a_key_that_is_open_to_anyone_is_warned_of() {
    let files = ["21-public-key-policy/key-policy.json", "17-patch-found-files/public-with-key-arn.json"];
    let scene = folder(&files);
    let told = "open to anyone: statement \"Enable IAM User Permissions\" of the key policy";
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for file in ["key-policy.json", "public-with-key-arn.json"] {
        let patch = scene.run(&format!("patch --check --principal {ROLE} {file}"));
        assert_eq!(patch.status, 3, "a warning does not block: {patch}");
        assert!(flat(&patch.stderr).contains(told), "{patch}");
        let users = scene.run(&format!("check --key {KEY} --key-policy {file} --output json --users"));
        let check =
            scene.run(&format!("check --key {KEY} --key-policy {file} --principal {ROLE} --output json"));
        for ran in [users, check] {
            assert!(codes(&ran).contains(&("open_to_anyone".to_owned(), "warning".to_owned())), "{ran}");
        }
    }
    let scene = world("21-public-key-policy/world.json");
    let plan = scene.fix(&format!("--key {KEY} --principal {ROLE} --dry-run --report report.html"));
    assert!(flat(&plan.stdout).contains(told), "{plan}");
    assert!(fs::read_to_string(scene.path("report.html")).unwrap().contains("open to anyone"));
    let plan = scene.fix(&format!("--key {KEY} --principal {ROLE} --dry-run --output json"));
    assert!(codes(&plan).contains(&("open_to_anyone".to_owned(), "warning".to_owned())), "{plan}");
}

#[test]
fn a_deny_that_hangs_on_the_key_is_not_judged_without_it() {
    let scene = folder(&["engine/deny-needs-the-key.json"]);
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let web = "arn:aws:iam::444455556666:role/web";
    let ran = scene.run(&format!("patch --check --principal {web} deny-needs-the-key.json"));
    let talk = flat(&ran.stderr);
    assert!(talk.contains("statement \"Allow grants through EC2\"") && talk.contains("may deny"), "{ran}");
    assert!(talk.contains("it can't be judged without the key: give --key ARN"), "{ran}");
    // With the key it is: EC2 is not spared.
    let ran = scene.run(&format!("patch --check --principal {web} --key {KEY} deny-needs-the-key.json"));
    assert_eq!(ran.status, 4, "{ran}");
}

/// Whatever follows from the key, in either sense, is unknown without it.
#[test]
fn facts_of_a_key_that_is_made_up_are_no_facts() {
    let mine = "arn:aws:iam::444455556666:role/web";
    let scene = Scene::with_text("");
    let deny = |rest: &str| {
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Sid": "Deny it", "Effect": "Deny", "Principal": "*", "Action": "kms:*", {rest}}}]}}"#
        );
        fs::write(scene.path("key.json"), text).unwrap();
        scene.run(&format!("patch --check --principal {mine} key.json"))
    };
    let condition = |operator: &str, key: &str, value: &str| {
        format!(r#""Resource": "*", "Condition": {{"{operator}": {{"{key}": "{value}"}}}}"#)
    };
    for rest in [
        format!(r#""Resource": "{KEY}""#),
        format!(r#""NotResource": "{KEY}""#),
        r#""Resource": "arn:aws:kms:*:111122223333:key/*""#.to_owned(),
        condition("StringEquals", "kms:ViaService", "ec2.eu-west-1.amazonaws.com"),
        condition("StringNotEquals", "kms:ViaService", "ec2.eu-west-1.amazonaws.com"),
        condition("StringEquals", "aws:RequestedRegion", "eu-west-1"),
        condition("StringNotEquals", "AWS:requestedregion", "eu-west-1"),
        condition("StringNotLike", "aws:RequestedRegion", "eu-*"),
        condition("StringEquals", "aws:ResourceAccount", "111122223333"),
        condition("StringNotEquals", "aws:ResourceAccount", "111122223333"),
        condition("StringNotEquals", "aws:ResourceAccount", "${aws:PrincipalAccount}"),
        condition("Bool", "kms:MultiRegion", "false"),
    ] {
        let ran = deny(&rest);
        assert_eq!(ran.status, 3, "{rest}: {ran}");
        let talk = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(talk.contains("statement \"Deny it\"") && talk.contains("give --key ARN"), "{rest}: {ran}");
    }
    // What does not hang on the key is judged all the same.
    for (rest, status) in [
        (r#""Resource": "*""#.to_owned(), 4),
        (r#""Resource": "arn:aws:s3:::bucket""#.to_owned(), 3),
        (condition("StringNotEquals", "kms:CallerAccount", "111122223333"), 4),
        (condition("StringEquals", "kms:CallerAccount", "111122223333"), 3),
    ] {
        let ran = deny(&rest);
        assert_eq!(ran.status, status, "{rest}: {ran}");
        assert!(!ran.stderr.contains("may deny"), "{rest}: {ran}");
    }
}

/// Whether one text is the other with something put in.
fn is_kept(before: &[u8], after: &[u8]) -> bool {
    let mut rest = after.iter();
    before.iter().all(|byte| rest.any(|other| other == byte))
}

const FOUND: [&str; 14] = [
    "account-roots-kms-star.json",
    "bom.json",
    "cfn-template.json",
    "comments.json",
    "crlf-inplace.json",
    "crlf-tabs.json",
    "duplicate-sids.json",
    "get-key-policy-output.json",
    "key.yaml",
    "oneline-terraform.json",
    "public-with-key-arn.json",
    "template.json.tpl",
    "trailing-comma.json",
    "v2008-single-statement.json",
];

fn found_files() -> Scene {
    folder(&FOUND.map(|file| format!("17-patch-found-files/{file}")).each_ref().map(String::as_str))
}

#[test]
fn policies_of_every_form_keep_their_bytes() {
    let scene = found_files();
    for file in [
        "account-roots-kms-star.json",
        "bom.json",
        "crlf-tabs.json",
        "duplicate-sids.json",
        "oneline-terraform.json",
        "public-with-key-arn.json",
        "template.json.tpl",
        "v2008-single-statement.json",
    ] {
        let before = fs::read(scene.path(file)).unwrap();
        let ran = scene.run(&format!("patch --principal {ROLE} {file}"));
        assert_eq!(ran.status, 0, "{ran}");
        assert!(is_kept(&before, ran.stdout.as_bytes()), "{ran}");
        assert!(ran.stdout.len() > before.len() && ran.stdout.contains(ROLE), "{ran}");
        let count = |text: &str, what: &str| text.matches(what).count();
        if count(&String::from_utf8_lossy(&before), "\r\n") > 0 {
            assert_eq!(count(&ran.stdout, "\r\n"), count(&ran.stdout, "\n"), "{ran}");
        }
        let diff = scene.run(&format!("patch --principal {ROLE} --diff {file}"));
        assert_eq!(diff.status, 0, "{diff}");
        let in_place = scene.run(&format!("patch --principal {ROLE} --in-place {file}"));
        assert_eq!(in_place.status, 0, "{in_place}");
        assert_eq!(fs::read(scene.path(file)).unwrap(), ran.stdout.as_bytes(), "{file}");
        let again = scene.run(&format!("patch --principal {ROLE} --check {file}"));
        assert_eq!(again.status, 0, "{again}");
    }
    let marked = fs::read(scene.path("bom.json")).unwrap();
    assert!(marked.starts_with(b"\xef\xbb\xbf{") && !marked[3..].starts_with(b"\xef\xbb\xbf"));
    // Everybody asked for is there already.
    let before = fs::read(scene.path("crlf-inplace.json")).unwrap();
    let ran = scene.run(&format!("patch --principal {ROLE} --in-place crlf-inplace.json"));
    let after = fs::read(scene.path("crlf-inplace.json")).unwrap();
    assert!(ran.status == 0 && is_kept(&before, &after), "{ran}");
}

#[test]
fn what_a_command_printed_is_a_policy_too() {
    let scene = found_files();
    let printed: Value =
        serde_json::from_slice(&found("17-patch-found-files/get-key-policy-output.json")).unwrap();
    let policy = printed["Policy"].as_str().unwrap();
    fs::write(scene.path("bare.json"), policy).unwrap();
    fs::write(scene.path("text.txt"), format!("{policy}\tdefault\n")).unwrap();
    let encoded = policy.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let version = serde_json::json!({"PolicyVersion": {"Document": encoded, "VersionId": "v1"}});
    fs::write(scene.path("version.json"), version.to_string()).unwrap();
    let of = |file: &str, more: &str| scene.run(&format!("patch --principal {ROLE} {more} {file}"));
    let bare = of("bare.json", "");
    assert!(bare.status == 0 && is_kept(policy.as_bytes(), bare.stdout.as_bytes()), "{bare}");
    for file in ["get-key-policy-output.json", "text.txt", "version.json"] {
        let ran = of(file, "");
        assert_eq!((ran.status, ran.stdout.as_str()), (0, bare.stdout.as_str()), "{ran}");
        assert_eq!(of(file, "--check").status, 3);
        let before = scene.content();
        let refused = of(file, "--in-place");
        assert_eq!((refused.status, scene.content()), (2, before), "{refused}");
        let check =
            scene.run(&format!("check --key {KEY} --key-policy {file} --principal {ROLE} --output json"));
        assert!(check.status == 3 && check.json()["checks"].is_array(), "{check}");
    }
    insta::assert_snapshot!(of("get-key-policy-output.json", "--in-place"));
    // The same of IAM's: what an identity policy says is decoded.
    let identity = serde_json::json!({"RoleName": "app", "PolicyName": "kms", "PolicyDocument": {
        "Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}}});
    fs::write(scene.path("role-policy.json"), format!("\u{feff}{identity:#}")).unwrap();
    let arguments =
        format!("--key {KEY} --key-policy bare.json --principal {ROLE} --identity-policy role-policy.json");
    let check = scene.run(&format!("check {arguments} --output json"));
    assert_eq!(check.status, 3, "{check}");
    let covered = scene.run(&format!("patch --kind identity --key {KEY} --check role-policy.json"));
    assert_eq!((covered.status, covered.stderr.as_str()), (0, ""), "{covered}");
}

#[test]
fn what_is_no_policy_is_refused_with_the_way() {
    let scene = found_files();
    fs::write(scene.path("empty.json"), "\n").unwrap();
    fs::write(scene.path("main.tf"), "resource \"aws_kms_key\" \"a\" {\n  policy = jsonencode({})\n}\n")
        .unwrap();
    let utf_16: Vec<u8> = "\u{feff}{\"Statement\": []}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(scene.path("powershell.json"), utf_16).unwrap();
    let files =
        ["cfn-template.json", "key.yaml", "comments.json", "trailing-comma.json", "empty.json", "main.tf"];
    let before = scene.content();
    let mut told = Vec::new();
    for file in files {
        let ran = scene.run(&format!("patch --principal {ROLE} --in-place {file}"));
        assert_eq!((ran.status, ran.stdout.as_str()), (4, ""), "{ran}");
        told.push(ran.to_string());
        let check = scene.run(&format!("check --key {KEY} --key-policy {file} --principal {ROLE}"));
        assert!(check.status == 2 && check.stderr.contains("hint: "), "{check}");
    }
    let ran = scene.run(&format!("patch --principal {ROLE} powershell.json"));
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran}");
    told.push(ran.to_string());
    assert_eq!(scene.content(), before);
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn templates_and_repeated_names_are_warned_of() {
    let scene = found_files();
    let template = scene.run(&format!("patch --principal {ROLE} --check template.json.tpl"));
    let repeated = scene.run(&format!("patch --principal {ROLE} --check duplicate-sids.json"));
    assert_eq!((template.status, repeated.status), (3, 3), "warnings do not block");
    insta::assert_snapshot!(format!("{template}\n{repeated}"));
    let check = scene.run(&format!("check --key {KEY} --key-policy template.json.tpl --principal {ROLE}"));
    assert!(check.status == 2 && check.stderr.contains("is a template"), "{check}");
}
