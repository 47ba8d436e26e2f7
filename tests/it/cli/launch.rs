//! From what somebody has to the keys, and each cause that is not a policy, as the user sees it.

use serde_json::json;

use super::json::assert_valid;
use crate::scene::Scene;

const AMI: &str = "ami-0123456789abcdef0";
const SNAPSHOT: &str = "snap-0aaaaaaaaaaaaaaaa";

/// What a dry run says, and that a run which applies leaves nothing to plan.
pub(super) fn story(world: &str) -> String {
    story_with(world, "")
}

/// The same where whoever launches has to be named before anything is applied.
fn story_with(world: &str, named: &str) -> String {
    let scene = Scene::of(world);
    let before = scene.content();
    let dry = scene.fix("--dry-run");
    assert_eq!(scene.content(), before, "a dry run touches nothing");
    let yes = format!("{named} --yes");
    let applied = scene.fix(&yes);
    let again = scene.fix(&yes);
    assert_ne!(applied.status, 2, "{applied}");
    assert_eq!(scene.fix(&format!("{yes} --output json")).json()["changes"], json!([]), "{again}");
    assert_eq!(applied.status, again.status, "{applied}{again}");
    dry.to_string()
}

#[test]
fn terminated_instance() {
    insta::assert_snapshot!(story_with("terminated-instance", "--account 444455556666"));
}

#[test]
fn ami_with_two_keys() {
    insta::assert_snapshot!(story("ami-with-two-keys"));
}

#[test]
fn ami_not_shared() {
    insta::assert_snapshot!(story("ami-not-shared"));
}

#[test]
fn snapshot_not_shared() {
    insta::assert_snapshot!(story("snapshot-not-shared"));
}

#[test]
fn ami_not_allowed() {
    insta::assert_snapshot!(story("ami-not-allowed"));
}

#[test]
fn ami_under_aws_ebs() {
    insta::assert_snapshot!(story("ami-under-aws-ebs"));
}

#[test]
fn ami_copied_to_another_region() {
    insta::assert_snapshot!(Scene::of("ami-copied-to-another-region").fix("--dry-run"));
}

#[test]
fn ami_key_disabled() {
    insta::assert_snapshot!(Scene::of("ami-key-disabled").fix("--dry-run"));
}

#[test]
fn ami_under_replica_key() {
    insta::assert_snapshot!(story("ami-under-replica-key"));
}

#[test]
fn default_ebs_key() {
    insta::assert_snapshot!(story("default-ebs-key"));
}

#[test]
fn ami_not_encrypted() {
    insta::assert_snapshot!(story("ami-not-encrypted"));
}

/// Whoever creates grants on it is looked at, where no other key is another account's.
#[test]
fn a_default_key_of_another_account_takes_a_grant_by_whoever_may_create_it() {
    let ran = |policy: serde_json::Value| {
        let scene = Scene::changed("autoscaling-across-accounts", |world| {
            let key = world["keys"].as_object().unwrap().keys().next().unwrap().clone();
            let account = &mut world["accounts"]["444455556666"];
            account["default_ebs_key"] = json!(key);
            account["ebs_encryption_by_default"] = json!(true);
            account["roles"]["FleetAdmin"]["inline"]["FleetAdministration"]["Statement"] = policy;
            world["images"] = json!({AMI: {"owner": "444455556666", "snapshots": [SNAPSHOT]}});
            world["snapshots"] = json!({SNAPSHOT: {"owner": "444455556666"}});
        });
        scene.run(&format!(
            "fix --sandbox=world.json --ami {AMI} --autoscaling 444455556666 --dry-run --output json"
        ))
    };
    let codes = |document: serde_json::Value| -> Vec<String> {
        let findings = document["findings"].as_array().unwrap().clone();
        findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    };
    let allowed = ran(json!([{"Effect": "Allow", "Action": "kms:CreateGrant", "Resource": "*"}])).json();
    assert_eq!(allowed["changes"].as_array().unwrap().len(), 2, "{allowed:#}");
    assert!(!codes(allowed).iter().any(|code| code.contains("grant")));
    let refused = ran(json!([{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}])).json();
    assert_eq!(refused["changes"].as_array().unwrap().len(), 1, "no grant is tried: {refused:#}");
    assert!(codes(refused).contains(&"may_not_create_grant".to_owned()));
}

#[test]
fn a_default_key_is_for_its_own_accounts_grantees_alone() {
    let scene = Scene::changed("default-ebs-key", |world| {
        world["accounts"]["999988887777"] = json!({});
        world["images"][AMI]["shared_with"] = json!(["all"]);
    });
    let role = "arn:aws:iam::444455556666:role/app-instances";
    let report = scene.fix(&format!("--principal {role} --account 999988887777 --yes --output json")).json();
    assert_valid(&report);
    let changes: Vec<(String, bool)> = report["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            (
                change["account"].as_str().unwrap().to_owned(),
                change["after"].to_string().contains("999988887777"),
            )
        })
        .collect();
    // The image's key for the other account; the own key, in the key policy and in IAM, for the role.
    let expected = [("111122223333", true), ("444455556666", false), ("444455556666", false)];
    assert_eq!(changes, expected.map(|(account, named)| (account.to_owned(), named)), "{report:#}");
}

/// Everyone named is given every key, so nobody is named who launched from something else.
/// A key's own account is let in only where it is named.
#[test]
fn an_instance_in_the_keys_own_account_wants_a_name() {
    let scene = Scene::changed("terminated-instance", |world| {
        world["instances"]["i-0123456789abcdef0"]["owner"] = json!("111122223333");
    });
    let ran = scene.fix("--instance i-0123456789abcdef0 --dry-run");
    assert_eq!(ran.status, 1, "{ran}");
    assert!(ran.stderr.contains("does not tell which user or role of account 111122223333"), "{ran}");
    assert!(
        ran.stderr.contains("hint: name it with --principal; CloudTrail tells it: aws cloudtrail"),
        "{ran}"
    );
    let named = scene.fix("--instance i-0123456789abcdef0 --account 111122223333 --dry-run");
    assert_eq!(named.status, 0, "{named}");
    let checked = scene.run("check --sandbox=world.json --instance i-0123456789abcdef0");
    assert!(checked.stdout.contains("account 111122223333, asked about as its root user"), "{checked}");
}

#[test]
fn instances_that_do_not_belong_together_are_refused() {
    const OTHER: &str = "i-0fffffffffffffff0";
    let ran = |image: &str, arguments: &str| {
        let scene = Scene::changed("terminated-instance", |world| {
            world["accounts"]["777788889999"] = json!({"roles": {"IamAdmin": {}}});
            world["callers"]["777788889999"] =
                json!({"arn": "arn:aws:sts::777788889999:assumed-role/IamAdmin/operator"});
            let mut second = world["images"][AMI].clone();
            second["shared_with"] = json!(["777788889999", "444455556666"]);
            world["images"][AMI] = second.clone();
            world["images"]["ami-0fffffffffffffff0"] = second;
            world["instances"][OTHER] = json!({"owner": "777788889999", "image": image});
        });
        scene.fix(&format!("--instance i-0123456789abcdef0 --instance {OTHER} --dry-run {arguments}"))
    };
    let refused = ran("ami-0fffffffffffffff0", "");
    assert_eq!(refused.status, 1, "{refused}");
    assert!(
        refused.stderr.contains(
            "error: the instances are of several launchers and images, and not each launched from each image"
        ),
        "{refused}"
    );
    for (image, arguments) in [(AMI, ""), ("ami-0fffffffffffffff0", "--account 444455556666")] {
        let planned = ran(image, arguments);
        assert!(planned.stdout.contains("Plan: "), "{planned}");
    }
}

#[test]
fn the_chain_is_in_the_document() {
    let report = Scene::of("terminated-instance").fix("--dry-run --output json").json();
    assert_valid(&report);
    insta::assert_json_snapshot!(report["chain"]);
    let none = Scene::of("copied-ami").fix("--dry-run --output json").json();
    assert_eq!(none["chain"], json!(null));
}

#[test]
fn what_can_not_be_found_and_what_can_not_be_meant() {
    let scene = Scene::of("terminated-instance");
    let hidden = Scene::changed("ami-not-shared", |world| {
        world["default_caller"] = json!("444455556666");
        world["callers"].as_object_mut().unwrap().remove("111122223333");
        world["images"][AMI]["shared_with"] = json!(["444455556666"]);
        world["snapshots"][SNAPSHOT]["shared_with"] = json!([]);
    });
    let elsewhere = "--key arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let runs = [
        scene.fix("--ami ami-0ffffffffffffffff --account 444455556666"),
        scene.fix(&format!("--ami ami-0ffffffffffffffff --account 444455556666 {elsewhere}")),
        scene.fix("--instance i-0ffffffffffffffff"),
        hidden.fix("--dry-run"),
        scene.fix("--ami i-0123456789abcdef0 --account 444455556666"),
        scene.fix("--snapshot snap-1 --account 444455556666"),
        scene.fix(&format!("--ami {AMI}")),
        scene.run(&format!("fix --region eu-west-1 --ami {AMI}")),
        scene.fix("--cloudtrail none.json"),
        scene.fix("--cloudtrail world.json"),
        scene.fix("--cloudtrail - --grantees -"),
    ];
    insta::assert_snapshot!(runs.map(|run| run.to_string()).join("\n"));
}

#[test]
fn a_refusal_in_cloudtrail_names_everything() {
    let scene = Scene::of("terminated-instance");
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let event = json!({
        "userIdentity": {
            "type": "AssumedRole",
            "arn": "arn:aws:sts::444455556666:assumed-role/app-instances/session",
            "accountId": "444455556666",
        },
        "eventSource": "kms.amazonaws.com", "eventName": "CreateGrant", "awsRegion": "eu-west-1",
        "errorCode": "AccessDenied", "eventID": "e1",
        "errorMessage": format!(
            "User: arn:aws:sts::444455556666:assumed-role/app-instances/session is not authorized to perform: \
             kms:CreateGrant on resource: {key} with an explicit deny in a service control policy"
        ),
    });
    let other = json!({"eventSource": "ec2.amazonaws.com", "eventName": "RunInstances"});
    std::fs::write(scene.path("trail.json"), json!({"Records": [event, other]}).to_string()).unwrap();
    insta::assert_snapshot!(scene.fix("--cloudtrail trail.json --dry-run"));
}

#[test]
fn reads_that_can_be_done_without() {
    let scene = Scene::changed("ami-with-two-keys", |world| {
        world["callers"]["111122223333"]["denied"] = json!(["ec2:Describe*Attribute"]);
        world["callers"]["444455556666"]["denied"] = json!(["ec2:Get*", "ec2:DescribeImages"]);
    });
    let dry = scene.fix("--dry-run");
    assert_eq!(dry.status, 0, "{dry}");
    let (_, findings) = dry.stdout.split_once("note:").unwrap();
    insta::assert_snapshot!(findings);
    let blind = Scene::changed("ami-with-two-keys", |world| {
        world["callers"]["111122223333"]["denied"] = json!(["ec2:DescribeSnapshots"]);
    });
    insta::assert_snapshot!(blind.fix("--dry-run"));
}

#[test]
fn volumes_and_snapshots_tell_their_keys() {
    let scene = Scene::changed("terminated-instance", |world| {
        let key = world["snapshots"][SNAPSHOT]["key"].clone();
        world["volumes"]["vol-0123456789abcdef0"] = json!({"owner": "444455556666", "key": key});
        world["instances"]["i-0123456789abcdef0"]["state"] = json!("running");
        world["instances"]["i-0123456789abcdef0"]["volumes"] =
            json!(["vol-0123456789abcdef0", "vol-0ffffffffffffffff"]);
        world["instances"]["i-0123456789abcdef0"]["auto_scaling_group"] = json!("web");
    });
    let chain = |arguments: &str| {
        let dry = scene.fix(&format!("{arguments} --dry-run"));
        dry.stdout.split("\n\n").next().unwrap().to_owned()
    };
    let chains = [
        chain("--volume vol-0123456789abcdef0 --account 444455556666"),
        chain(&format!("--snapshot {SNAPSHOT} --account 444455556666")),
        chain("--instance i-0123456789abcdef0"),
    ];
    insta::assert_snapshot!(chains.join("\n\n"));
}

/// Without default credentials, those that are given by account are all there is.
#[test]
fn credentials_by_account_are_enough() {
    let scene = Scene::changed("terminated-instance", |world| {
        world.as_object_mut().unwrap().remove("default_caller");
        world["images"][AMI]["shared_with"] = json!([]);
    });
    let dry = scene.fix("--dry-run");
    assert!(
        dry.status == 3 && dry.stdout.contains("-> snapshot snap-0aaaaaaaaaaaaaaaa -> key 1234abcd"),
        "{dry}"
    );
    let nobody = Scene::changed("terminated-instance", |world| {
        world.as_object_mut().unwrap().remove("default_caller");
        world["callers"] = json!({});
    });
    let refused = nobody.fix("--dry-run");
    assert!(refused.status == 1 && refused.stderr.contains("the world has no caller"), "{refused}");
}

#[test]
fn check_tells_whether_the_launch_would_work_and_why_not() {
    let check = |world: &str, arguments: &str| {
        Scene::of(world).run(format!("check --sandbox=world.json {arguments}").trim_end())
    };
    let told: Vec<String> = [
        check("ami-not-shared", ""),
        check("ami-not-allowed", ""),
        check("ami-under-aws-ebs", ""),
        check("default-ebs-key", ""),
        check("ami-not-encrypted", ""),
        check("terminated-instance", "--users"),
    ]
    .into_iter()
    .map(|run| run.to_string())
    .collect();
    insta::assert_snapshot!(told.join("\n"));

    let scene = Scene::of("ami-not-shared");
    scene.fix("--yes");
    let mended = scene.run("check --sandbox=world.json --output json");
    assert_eq!(mended.status, 3, "the key is no longer what stands in the way: {mended}");
    let report = mended.json();
    assert_valid(&report);
    assert_eq!(report["checks"][0]["findings"][0]["code"], "launch_permission");
    assert_eq!(report["chain"]["images"][0]["id"], AMI);
}

/// A run that was cut knows how it came to its keys: neither who finishes it nor who undoes it needs EC2.
#[test]
fn a_run_from_an_image_is_finished_and_undone_without_reading_ec2() {
    let scene = Scene::changed("default-ebs-key", |world| {
        world["images"][AMI]["shared_with"] = json!([]);
        world["faults"] = json!([
            {"operation": "iam:CreatePolicyVersion", "fault": "error", "code": "AccessDenied", "message": "no"},
        ]);
    });
    let cut = scene.fix("--yes");
    assert_eq!(cut.status, 1, "{cut}");
    scene.change(|world| {
        world["faults"] = json!([]);
        for account in ["111122223333", "444455556666"] {
            world["callers"][account]["denied"] = json!(["ec2:*"]);
        }
    });
    let finished = scene.fix("--resume --yes --output json");
    assert_eq!(finished.status, 3, "the image is not shared still: {finished}");
    let report = finished.json();
    assert_valid(&report);
    assert_eq!(report["chain"]["images"][0]["id"], AMI);
    assert_eq!(report["request"]["keys"].as_array().unwrap().len(), 2);
    let codes: Vec<&str> =
        report["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"launch_permission") && codes.contains(&"default_ebs_key"), "{codes:?}");
    let statuses: Vec<&str> =
        report["changes"].as_array().unwrap().iter().map(|c| c["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["applied"]);

    let undone = scene.run("rollback --sandbox=world.json --yes");
    assert_eq!(undone.status, 0, "{undone}");
    assert!(undone.stdout.contains("Applied 3 changes."), "{undone}");
}

/// What is asked for besides holds for keys that were found as for those that were named.
#[test]
fn coverage_and_profile_hold_for_keys_that_were_found() {
    let scene = Scene::of("default-ebs-key");
    let role = "arn:aws:iam::444455556666:role/app-instances";
    let effective = scene.fix("--coverage effective --dry-run --output json").json();
    let changed = |report: &serde_json::Value| -> Vec<String> {
        let changes = report["changes"].as_array().unwrap();
        changes.iter().map(|change| change["kind"].as_str().unwrap().to_owned()).collect()
    };
    // The default key's policy lets IAM decide already.
    assert_eq!(changed(&effective), ["create_policy_version"], "{effective:#}");
    let least = scene.fix(&format!("--ami {AMI} --principal {role} --least-privilege --yes"));
    assert_eq!(least.status, 0, "{least}");
    assert!(least.stdout.contains("kms:ViaService"), "{least}");
    let checked = scene.run("check --sandbox=world.json");
    assert_eq!(checked.status, 0, "{checked}");
}

/// What is under the key that AWS manages for the launching account itself stands in nobody's way.
#[test]
fn an_accounts_own_managed_key_is_only_noted() {
    let scene = Scene::of("ami-under-aws-ebs");
    let own = "--ami ami-0123456789abcdef0 --account 111122223333";
    let (fix, check) =
        (scene.fix(&format!("{own} --dry-run")), scene.run(&format!("check --sandbox=world.json {own}")));
    insta::assert_snapshot!(format!("{fix}\n{check}"));
}

/// Everything is wrong at once.
pub(super) fn a_bad_day(image_name: &str, reason: &str) -> Scene {
    Scene::changed("terminated-instance", |world| {
        let key = world["snapshots"][SNAPSHOT]["key"].as_str().unwrap().to_owned();
        world["keys"][&key]["state"] = json!("PendingDeletion");
        world["images"][AMI]["name"] = json!(image_name);
        world["images"][AMI]["shared_with"] = json!(["999988887777"]);
        world["snapshots"][SNAPSHOT]["shared_with"] = json!([]);
        world["instances"]["i-0123456789abcdef0"]["state_reason"] =
            json!({"code": "Client.InvalidKMSKey.InvalidState", "message": reason});
        world["accounts"]["444455556666"]["allowed_images"] =
            json!({"state": "enabled", "criteria": [{"providers": ["amazon"], "names": [image_name]}]});
    })
}

#[test]
fn several_causes_at_once() {
    let scene = a_bad_day("golden-2026-11", "The KMS key provided is in an incorrect state");
    let dry = scene.fix("--dry-run");
    let (_, told) = dry.stdout.split_once("Who gains what:").unwrap();
    let check = scene.run("check --sandbox=world.json");
    insta::assert_snapshot!(format!("{told}-- exit status {}\n\n{check}", dry.status));
}

/// A saved plan says how its keys were found, and is applied without a look at EC2.
#[test]
fn a_plan_from_an_image_is_saved_and_applied() {
    let scene = Scene::changed("default-ebs-key", |world| world["images"][AMI]["shared_with"] = json!([]));
    let role = "arn:aws:iam::444455556666:role/app-instances";
    let saved = scene.fix(&format!(
        "--ami {AMI} --principal {role} --dry-run --out plan.json --report page.md --detailed-exitcode"
    ));
    assert_eq!(saved.status, 3, "{saved}");
    let page = std::fs::read_to_string(scene.path("page.md")).unwrap();
    let again = format!(
        "keymend fix --key arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab --principal {role} \
         --ami {AMI} --sandbox=world.json"
    );
    assert!(page.contains(&again), "a default key is found, not named for everybody: {page}");
    assert!(page.contains("may not launch the image"), "{page}");
    let share =
        "    ```sh\n    aws ec2 modify-image-attribute --region eu-west-1 --image-id ami-0123456789abcdef0 ";
    assert!(page.contains(share), "its command can be copied: {page}");

    let plan = std::fs::read_to_string(scene.path("plan.json")).unwrap();
    let edited = plan.replace("may not launch the image", "may launch the image");
    assert!(plan != edited, "the finding is in the file");
    std::fs::write(scene.path("edited.json"), edited).unwrap();
    let refused = scene.run("apply edited.json --sandbox=world.json --yes");
    assert!(refused.status == 1 && refused.stderr.contains("was changed after it was saved"), "{refused}");

    scene.change(|world| {
        for account in ["111122223333", "444455556666"] {
            world["callers"][account]["denied"] = json!(["ec2:*"]);
        }
    });
    let applied = scene.run("apply plan.json --sandbox=world.json --yes --output json");
    assert_eq!(applied.status, 3, "the image is not shared still: {applied}");
    let report = applied.json();
    assert_valid(&report);
    assert_eq!((&report["outcome"], &report["chain"]["images"][0]["id"]), (&json!("applied"), &json!(AMI)));
}
