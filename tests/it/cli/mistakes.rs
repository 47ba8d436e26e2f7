//! Bad input: each has its exit status, one clear message with a hint, and nothing is written.

use std::fmt::Write as _;
use std::fs;

use serde_json::json;

use crate::scene::{Ran, Scene};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// What a run says that goes wrong, `--yes` or not.
fn refused(scene: &Scene, arguments: &str) -> Ran {
    let before = scene.content();
    let ran = scene.run(arguments);
    assert_eq!(scene.content(), before, "nothing is written: {ran}");
    assert_eq!(ran.stdout, "", "{ran}");
    assert_ne!(ran.status, 0, "{ran}");
    ran
}

/// What runs say on a copy of the first world; the sandbox's greeting is left out.
fn refusals(scene: &Scene, cases: &[&str]) -> String {
    let mut said = String::new();
    for arguments in cases {
        let ran = refused(scene, arguments);
        let lines: Vec<&str> = ran.stderr.lines().skip_while(|line| !line.starts_with("error: ")).collect();
        let is_clear = lines.iter().filter(|line| line.starts_with("error: ")).count() == 1
            && lines.iter().any(|line| line.starts_with("hint: "));
        assert!(is_clear, "one message and a hint: {ran}");
        writeln!(said, "$ keymend {arguments}\n{}\n-- exit status {}\n", lines.join("\n"), ran.status)
            .unwrap();
    }
    said
}

#[test]
fn keys_and_grantees_that_are_none() {
    let given = |grantees: &str| format!("fix --yes --key {KEY} {grantees}");
    let cases = [
        "fix --yes --account 444455556666".to_owned(),
        given(""),
        given("--account 44445555666"),
        given("--account arn:aws:iam::444455556666:role/app"),
        given("--account arn:aws:iam::444455556666:group/ops"),
        given("--principal arn:aws:s3:::bucket"),
        given("--principal arn:aws:iam::444455556666:group/ops"),
        given("--principal arn:aws:iam::444455556666:root"),
        given("--principal arn:aws:iam::444455556666:policy/p"),
        given("--principal app-instances"),
        given("--group arn:aws:iam::444455556666:role/app"),
        given("--group ops"),
        given("--autoscaling 4444"),
        given("--autoscaling 444455556666:"),
        given("--autoscaling 444455556666:a/b"),
        given(
            "--autoscaling arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
        ),
        given("--spot 444455556666:blue"),
        given("--service-linked-role arn:aws:iam::444455556666:role/app"),
        given("--service-linked-role AWSServiceRoleForEC2SpotFleet"),
        "fix --yes --account 444455556666 --key arn:aws:s3:::bucket".to_owned(),
        "fix --yes --account 444455556666 --key arn:aws:kms:eu-west-1:111122223333:snapshot/x".to_owned(),
        given("--account 444455556666 --region us-east-1"),
        given("--account 444455556666 --account-profile requester"),
        given("--account 444455556666 --account-profile 444455556666=a --account-profile 444455556666=b"),
        given("--account 444455556666 --policy-name a/b"),
        given("--account 444455556666 --as-profile app"),
        "permissions".to_owned(),
        "permissions --key alias/ami-snapshots".to_owned(),
        "permissions --account 4444".to_owned(),
        "permissions --account 444455556666 --policy-name a/b".to_owned(),
    ];
    let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
    insta::assert_snapshot!(refusals(&Scene::of("copied-ami"), &cases));
}

#[test]
fn what_aws_does_not_have() {
    let scene = Scene::of("copied-ami");
    let said = refusals(
        &scene,
        &[
            "fix --sandbox=world.json --yes --key alias/nope",
            "fix --sandbox=world.json --yes --key 99999999-12ab-34cd-56ef-1234567890ab",
            "fix --sandbox=world.json --yes --key arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "fix --sandbox=world.json --yes --principal arn:aws:sts::444455556666:assumed-role/nobody/i-0123",
            "fix --sandbox=world.json --yes --principal arn:aws:sts::777788889999:assumed-role/app/i-0123",
        ],
    );
    insta::assert_snapshot!(said);
}

#[test]
fn what_no_change_may_mend_is_a_finding() {
    let scene = Scene::of("copied-ami");
    let before = scene.content();
    let mut said = String::new();
    for arguments in [
        "--principal arn:aws-cn:iam::444455556666:role/app-instances",
        "--principal arn:aws:iam::444455556666:role/nobody",
        "--group arn:aws:iam::444455556666:group/nobody",
    ] {
        let ran = scene.fix(&format!("{arguments} --yes"));
        assert_eq!(ran.status, 4, "{ran}");
        let findings = ran.stdout.find("blocked: ").unwrap();
        writeln!(said, "$ {arguments}\n{}", ran.stdout.get(findings..).unwrap()).unwrap();
    }
    assert_eq!(scene.content(), before);
    insta::assert_snapshot!(said);
}

#[test]
fn worlds_that_are_none() {
    let mut said = String::new();
    for world in [
        b"\xff\xfe".as_slice(),
        b"",
        b"{\"keymend_world\": 1, ",
        b"[]",
        b"{\"keymend_world\": 1, \"region\": 5}",
        b"{\"keymend_world\": 2, \"region\": \"eu-west-1\"}",
        b"{\"keymend_world\": 1, \"region\": \"eu-west-1\", \"accuonts\": {}}",
    ] {
        let scene = Scene::with_text(world);
        writeln!(said, "world: {}", String::from_utf8_lossy(world)).unwrap();
        said.push_str(&refusals(&scene, &["fix --sandbox=world.json --yes"]));
    }
    let scene = Scene::of("copied-ami");
    said.push_str(&refusals(&scene, &["fix --sandbox=nowhere.json --yes", "fix --sandbox=home --yes"]));
    scene.change(|world| world["defaults"] = json!({}));
    said.push_str(&refusals(&scene, &["fix --sandbox=world.json --yes"]));
    insta::assert_snapshot!(said);
}

#[test]
fn grantees_files_that_are_none() {
    let scene = Scene::of("copied-ami");
    fs::write(scene.path("binary"), b"\xff\xfe").unwrap();
    fs::write(scene.path("comments"), "# nobody yet\n\n").unwrap();
    fs::write(scene.path("typo"), "444455556666\n\narn:aws:iam::444455556666:rol/app # the app\n").unwrap();
    let cases = ["nowhere", "home", "binary", "comments", "typo", "-"]
        .map(|file| format!("fix --sandbox=world.json --yes --grantees {file}"));
    insta::assert_snapshot!(refusals(&scene, &cases.each_ref().map(String::as_str)));
}

#[test]
fn a_grantees_file_is_as_good_as_flags() {
    let scene = Scene::of("copied-ami");
    fs::write(
        scene.path("grantees"),
        "# who launches\n444455556666\n  arn:aws:iam::444455556666:role/app-instances  # the app\n",
    )
    .unwrap();
    let of_file = scene.fix("--dry-run --grantees grantees");
    assert_eq!(of_file.stdout, scene.fix("--dry-run").stdout);
    let both = scene.fix("--dry-run --grantees grantees --account 444455556666");
    assert_eq!(both.stdout, of_file.stdout, "the same grantee twice is one");
    assert!(both.stderr.contains("hint: `444455556666` is named more than once; once is enough\n"), "{both}");
}

#[test]
fn flags_that_do_not_exist_or_do_not_go_together() {
    let scene = Scene::of("copied-ami");
    let mut said = String::new();
    for arguments in [
        "fix --sandbox --frobnicate",
        "fix --sandbox world.json",
        "fix --sandbox --quiet --verbose",
        "fix --sandbox --profile admin",
        "fix --sandbox --output yaml",
        "fix --sandbox --key",
        "frobnicate",
    ] {
        let ran = refused(&scene, arguments);
        assert_eq!(ran.status, 2, "{ran}");
        writeln!(said, "{ran}").unwrap();
    }
    insta::assert_snapshot!(said);
    assert_eq!(scene.run("").status, 2);
}

#[test]
fn a_session_stands_for_its_role_whose_path_is_looked_up() {
    let scene = Scene::changed("copied-ami", |world| {
        world["accounts"]["444455556666"]["roles"]["app-instances"]["path"] = json!("/apps/blue/");
        world["defaults"]["grantees"] = json!(["444455556666"]);
    });
    let of_role = scene.fix("--dry-run --principal arn:aws:iam::444455556666:role/apps/blue/app-instances");
    let of_session =
        scene.fix("--dry-run --principal arn:aws:sts::444455556666:assumed-role/app-instances/i-0123");
    assert!(
        of_role
            .stdout
            .contains("+         \"AWS\": [\"arn:aws:iam::444455556666:role/apps/blue/app-instances\"]")
    );
    assert_eq!((of_session.status, of_session.stdout), (0, of_role.stdout));
}

/// One refused read: who is denied what, and what the error names.
const DENIED_READS: [(&str, &str, &str); 11] = [
    ("111122223333", "kms:DescribeKey", KEY),
    ("111122223333", "kms:GetKeyPolicy", KEY),
    ("444455556666", "iam:GetAccountSummary", "*"),
    ("444455556666", "iam:ListPolicies", "*"),
    ("444455556666", "iam:ListPolicyVersions", "arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy"),
    ("444455556666", "iam:GetPolicyVersion", "arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy"),
    ("444455556666", "iam:ListEntitiesForPolicy", "arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy"),
    ("444455556666", "iam:GetRole", "arn:aws:iam::444455556666:role/app-instances"),
    ("444455556666", "iam:ListAttachedRolePolicies", "arn:aws:iam::444455556666:role/app-instances"),
    ("444455556666", "iam:GetUser", "arn:aws:iam::444455556666:user/jo"),
    ("444455556666", "iam:ListAttachedGroupPolicies", "arn:aws:iam::444455556666:group/ops"),
];

#[test]
fn a_denied_read_names_the_permission_and_the_arn() {
    for (account, permission, resource) in DENIED_READS {
        let scene = Scene::changed("already-mended", |world| {
            world["callers"][account]["denied"] = json!([permission]);
            world["accounts"]["444455556666"]["users"] = json!({"jo": {}});
            world["accounts"]["444455556666"]["groups"] = json!({"ops": {}});
        });
        let ran = refused(
            &scene,
            "fix --sandbox=world.json --yes --principal arn:aws:iam::444455556666:role/app-instances \
             --principal arn:aws:iam::444455556666:user/jo --group arn:aws:iam::444455556666:group/ops",
        );
        assert_eq!(ran.status, 1, "{ran}");
        let message = format!("error: {permission} on `{resource}` in account {account}");
        let hint = format!(
            "hint: the caller needs {permission} on `{resource}`; `keymend permissions` prints all that is needed\n"
        );
        assert!(ran.stderr.contains(&message) && ran.stderr.ends_with(&hint), "{ran}");
    }
}
