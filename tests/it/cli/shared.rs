//! Everybody whom an AMI is shared with, as those who must be able to launch it.

use serde_json::{Value, json};

use super::json::assert_valid;
use crate::scene::{Ran, Scene};

const WORLD: &str = "shared-ami";
const AMI: &str = "ami-0123456789abcdef0";
const SNAPSHOT: &str = "snap-0aaaaaaaaaaaaaaaa";
const OTHER: &str = "ami-0fedcba9876543210";
const ORGANIZATION: &str = "arn:aws:organizations::999988887777:organization/o-a1b2c3d4e5";
const UNIT: &str = "arn:aws:organizations::999988887777:ou/o-a1b2c3d4e5/ou-ab12-11111111";

/// The world with an AMI that is shared so.
fn shared(with: &Value) -> Scene {
    Scene::changed(WORLD, |world| world["images"][AMI]["shared_with"] = with.clone())
}

fn grantees(report: &Value) -> Vec<String> {
    let grantees = report["request"]["grantees"].as_array().unwrap();
    grantees.iter().map(|grantee| grantee.as_str().unwrap().to_owned()).collect()
}

/// Findings that are about whom an image is shared with, by code.
fn codes(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap();
    let codes = findings.iter().map(|finding| finding["code"].as_str().unwrap());
    codes
        .filter(|code| ["public_image", "unknown_value"].contains(code) || code.starts_with("shared_with"))
        .collect()
}

#[test]
fn shared_ami() {
    let scene = Scene::of(WORLD);
    let before = scene.content();
    let dry = scene.fix("--shared --dry-run");
    assert_eq!(scene.content(), before, "a dry run touches nothing");
    insta::assert_snapshot!(dry);
    let applied = scene.fix("--shared --yes");
    assert_eq!(applied.status, 0, "{applied}");
    assert_eq!(scene.fix("--shared --yes --output json").json()["changes"], json!([]));
    let checked = scene.run("check --sandbox=world.json --shared --output json");
    assert_eq!(grantees(&checked.json()).len(), 3, "{checked}");
    let access = scene.run("check --sandbox=world.json --account 777788889999");
    assert_eq!(access.status, 0, "{access}");
}

#[test]
fn everybody_it_is_shared_with_is_a_grantee_in_one_order() {
    const A: &str = "arn:aws:iam::444455556666:root";
    const B: &str = "arn:aws:iam::777788889999:root";
    const UNIT_PATH: &str = "o-a1b2c3d4e5/*/ou-ab12-11111111/";
    const OWNER: &str = "arn:aws:iam::111122223333:root";
    let no_codes: [&str; 0] = [];
    for (with, more, expected, found, status) in [
        (json!(["444455556666", "777788889999"]), "", vec![A, B], vec![], 0),
        (json!(["777788889999", "444455556666", "777788889999"]), "", vec![A, B], vec![], 0),
        (json!([UNIT, "777788889999", ORGANIZATION]), "", vec![B, "o-a1b2c3d4e5", UNIT_PATH], vec![], 0),
        // Whoever is named comes first, and once.
        (json!(["444455556666", "777788889999"]), "--account 777788889999", vec![B, A], vec![], 0),
        (
            json!(["444455556666", ORGANIZATION]),
            "--organization o-a1b2c3d4e5",
            vec!["o-a1b2c3d4e5", A],
            vec![],
            0,
        ),
        // The key's own account is added where it is named, and only there.
        (json!(["111122223333", "444455556666"]), "", vec![A], vec!["shared_with_key_account"], 0),
        (json!(["111122223333", "444455556666"]), "--account 111122223333", vec![OWNER, A], vec![], 0),
        (json!(["111122223333"]), "", vec![], vec!["shared_with_key_account"], 3),
        (json!([]), "", vec![], vec!["shared_with_nobody"], 3),
        (json!([]), "--account 444455556666", vec![A], vec!["shared_with_nobody"], 3),
        // Nobody is everybody.
        (json!(["all"]), "", vec![], vec!["public_image"], 3),
        (json!(["all", "444455556666"]), "", vec![A], vec!["public_image"], 3),
        (
            json!(["arn:aws:organizations::999988887777:policy/o-a1b2c3d4e5/x", "444455556666"]),
            "",
            vec![A],
            vec!["unknown_value"],
            3,
        ),
    ] {
        for command in ["fix --dry-run", "check"] {
            let scene = shared(&with);
            let ran = scene.run(&format!("{command} --sandbox=world.json --shared {more} --output json"));
            let report = ran.json();
            assert_valid(&report);
            assert_eq!(grantees(&report), expected, "{with}: {ran}");
            assert_eq!(
                codes(&report),
                if found.is_empty() { no_codes.to_vec() } else { found.clone() },
                "{with}: {ran}"
            );
            // Nobody has access yet.
            let status = if command == "check" { 3.max(status) } else { status };
            if !more.contains("111122223333") {
                assert_eq!(ran.status, status, "{with}: {ran}");
            }
        }
    }
}

#[test]
fn nobody_and_everybody_are_told_as_what_they_are() {
    let told = |with: Value| shared(&with).fix("--shared --dry-run").stdout;
    insta::assert_snapshot!(
        [told(json!([])), told(json!(["all"])), told(json!(["111122223333"]))].join("\n---\n")
    );
}

/// A refusal in words, which reads and writes nothing more.
fn refused(ran: &Ran, status: i32, told: &str, hint: &str) {
    assert_eq!(ran.status, status, "{ran}");
    let text = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(told) && text.contains(hint), "{text}");
}

#[test]
fn without_an_ami_there_is_nobody_to_ask_for() {
    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let scene = Scene::of("copied-ami");
    for line in [
        "fix --sandbox=world.json --shared --yes".to_owned(),
        format!("fix --sandbox=world.json --key {KEY} --shared --yes"),
        format!("fix --key {KEY} --shared --yes"),
        format!("check --key {KEY} --snapshot {SNAPSHOT} --shared"),
        "check --sandbox=world.json --shared".to_owned(),
    ] {
        let told = "--shared asks whom AMIs are shared with, and no AMI is given";
        refused(&scene.run(&line), 2, told, "--ami ID");
    }
    for line in ["fix --resume --shared", "check --shared --users --ami ami-0123456789abcdef0"] {
        refused(&scene.run(line), 2, "cannot be used with", "");
    }
}

#[test]
fn a_launch_permission_that_cant_be_read_settles_nothing() {
    let hidden = Scene::changed(WORLD, |world| {
        world["callers"]["111122223333"]["denied"] = json!(["ec2:DescribeImageAttribute"]);
    });
    let before = hidden.content();
    let ran = hidden.fix("--shared --account 444455556666 --yes");
    refused(
        &ran,
        1,
        "whom the image `ami-0123456789abcdef0` is shared with can't be read",
        "UnauthorizedOperation",
    );
    assert_eq!(hidden.content(), before);
    let visitors = Scene::changed(WORLD, |world| {
        world["default_caller"] = json!("444455556666");
        world["callers"].as_object_mut().unwrap().remove("111122223333");
    });
    for command in ["fix --yes", "check"] {
        let ran = visitors.run(&format!("{command} --sandbox=world.json --shared"));
        refused(&ran, 1, "no credentials for account 111122223333", "--account-profile 111122223333=PROFILE");
    }
}

/// Nobody gets the key of an image that is not shared with them.
#[test]
fn each_of_several_images_has_its_own() {
    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/5678abcd-12ab-34cd-56ef-1234567890ab";
    let both = |with: Value, key: Option<&str>| {
        let scene = Scene::changed(WORLD, |world| {
            let first = world["keys"].as_object().unwrap().iter().next().unwrap();
            let (own, policy) = (first.0.clone(), first.1["policy"].clone());
            world["keys"][KEY] = json!({"policy": policy});
            world["snapshots"]["snap-0bbbbbbbbbbbbbbbb"] =
                json!({"owner": "111122223333", "key": key.unwrap_or(&own)});
            world["images"][OTHER] = json!({"owner": "111122223333", "snapshots": ["snap-0bbbbbbbbbbbbbbbb"], "shared_with": with});
            world["images"][AMI]["shared_with"] = json!(["444455556666"]);
        });
        scene.run(&format!(
            "fix --sandbox=world.json --ami {AMI} --ami {OTHER} --shared --dry-run --output json"
        ))
    };
    assert_eq!(grantees(&both(json!(["777788889999"]), None).json()).len(), 2, "under one key");
    assert_eq!(grantees(&both(json!(["444455556666"]), Some(KEY)).json()).len(), 1, "shared alike");
    for with in [json!(["777788889999"]), json!(["444455556666", "777788889999"]), json!([])] {
        let ran = both(with, Some(KEY));
        refused(&ran, 1, "the AMIs are under different keys, and not shared with the same", "one at a time");
    }
}

/// What an account launches from another's snapshot may be encrypted anew, so whom it is shared with is looked at too.
#[test]
fn default_keys_of_those_it_is_shared_with_are_asked_for() {
    const DEFAULT: &str = "arn:aws:kms:eu-west-1:444455556666:key/9999abcd-12ab-34cd-56ef-1234567890ab";
    let scene = Scene::changed(WORLD, |world| {
        let policy = world["keys"].as_object().unwrap().values().next().unwrap()["policy"].clone();
        let policy = policy.to_string().replace("111122223333", "444455556666");
        world["keys"][DEFAULT] = json!({"policy": serde_json::from_str::<Value>(&policy).unwrap()});
        world["accounts"]["444455556666"]["default_ebs_key"] = json!(DEFAULT);
    });
    let report = scene.fix("--shared --dry-run --output json").json();
    assert!(report["request"]["keys"].to_string().contains(DEFAULT), "{report:#}");
}

#[test]
fn a_saved_plan_has_whom_it_came_to() {
    let scene = Scene::of(WORLD);
    let saved = scene.fix("--shared --dry-run --out plan.json");
    assert_eq!(saved.status, 0, "{saved}");
    let plan = scene.run("apply plan.json --sandbox=world.json --yes --output json");
    assert_eq!((plan.status, grantees(&plan.json()).len()), (0, 3), "{plan}");
}

/// A report of three days ago, by which these accounts use the image so often.
fn report(entries: &Value) -> Value {
    json!({"id": "amiur-0123456789abcdef0", "age": 259_200, "entries": entries})
}

fn used(with: &Value, reports: &Value) -> Scene {
    Scene::changed(WORLD, |world| {
        world["images"][AMI]["shared_with"] = with.clone();
        world["images"][AMI]["usage_reports"] = reports.clone();
    })
}

#[test]
fn accounts_that_use_it_are_let_in_and_the_others_named() {
    let with = json!(["444455556666", "777788889999", ORGANIZATION]);
    let scene =
        used(&with, &json!([report(&json!({"444455556666": 12, "111122223333": 3, "222233334444": 1}))]));
    let dry = scene.fix("--shared --in-use --dry-run");
    insta::assert_snapshot!(dry);
    let applied = scene.fix("--shared --in-use --yes --output json");
    assert_eq!(applied.status, 3, "whether 222233334444 is of the organization is not known: {applied}");
    assert_valid(&applied.json());
    assert_eq!(
        grantees(&applied.json()),
        ["arn:aws:iam::444455556666:root"],
        "nobody for having used it once"
    );
}

#[test]
fn without_a_report_of_everybody_nothing_is_settled() {
    let with = json!(["444455556666"]);
    let entries = json!({"444455556666": 1});
    let some = |member: &str, value: Value| {
        let mut report = report(&entries);
        report[member] = value;
        report
    };
    let mut told = Vec::new();
    for reports in [
        json!([]),
        json!([some("of_accounts", json!(["444455556666"]))]),
        json!([some("kinds", json!(["ec2:Instance"])), some("state", json!("error"))]),
        json!([some("state", json!("pending"))]),
    ] {
        let scene = used(&with, &reports);
        let before = scene.content();
        let ran = scene.fix("--shared --in-use --yes");
        assert_eq!((ran.status, scene.content() == before), (3, true), "{ran}");
        told.push(ran.stdout.clone());
        let check = scene.run("check --sandbox=world.json --shared --in-use");
        assert_eq!(check.status, 3, "{check}");
    }
    insta::assert_snapshot!(told.join("\n---\n"));
}

#[test]
fn the_newest_report_counts_and_nobody_it_is_not_shared_with() {
    let old = json!({"id": "amiur-old", "age": 864_000, "entries": {"777788889999": 1}});
    let new = json!({"id": "amiur-new", "age": 60, "entries": {"444455556666": 1, "222233334444": 5, "777788889999": 0}});
    let scene = used(&json!(["444455556666", "777788889999"]), &json!([old, new]));
    let report = scene.fix("--shared --in-use --dry-run --output json").json();
    assert_eq!(grantees(&report), ["arn:aws:iam::444455556666:root"]);
    let findings = report["findings"].as_array().unwrap();
    let about = |code: &str| {
        let found =
            findings.iter().find(|finding| finding["code"] == code).unwrap_or_else(|| panic!("{report:#}"));
        found["message"].as_str().unwrap().to_owned()
    };
    assert!(about("usage_report").contains("`amiur-new`, made less than an hour ago"));
    assert!(about("shared_and_unused").contains("777788889999"));
    assert!(about("used_and_unshared").contains("222233334444"));
    let unused = used(&json!(["444455556666"]), &json!([{"id": "amiur-none"}]));
    assert_eq!(unused.fix("--shared --in-use --dry-run").status, 3, "there is nobody to let in");
}

#[test]
fn who_uses_it_has_to_be_readable_where_it_is_asked() {
    let scene = used(&json!(["444455556666"]), &json!([report(&json!({"444455556666": 1}))]));
    scene.change(|world| {
        world["callers"]["111122223333"]["denied"] = json!(["ec2:DescribeImageUsageReportEntries"]);
    });
    refused(
        &scene.fix("--shared --in-use --yes"),
        1,
        "who uses the image `ami-0123456789abcdef0` can't be read",
        "leave --in-use out",
    );
    assert_eq!(scene.fix("--shared --yes").status, 0, "it is read only where it is asked");
    refused(&scene.fix("--in-use --dry-run"), 2, "--shared", "");
}
