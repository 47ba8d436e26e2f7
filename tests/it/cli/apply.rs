//! Saved plans: what is in the file, and that it is carried out as it is or not at all.

use std::fs;

use serde_json::{Value, json};

use super::edits::digest;
use crate::scene::{Ran, Scene};

/// Saves a plan of the world's defaults.
fn saved(scene: &Scene) -> Ran {
    scene.fix("--dry-run --out plan.json")
}

fn apply(scene: &Scene, arguments: &str) -> Ran {
    scene.run(&format!("apply plan.json --sandbox=world.json {arguments}"))
}

fn plan(scene: &Scene) -> Value {
    serde_json::from_slice(&fs::read(scene.path("plan.json")).unwrap()).unwrap()
}

fn edit(scene: &Scene, change: impl FnOnce(&mut Value)) {
    let mut plan = plan(scene);
    change(&mut plan);
    fs::write(scene.path("plan.json"), serde_json::to_string_pretty(&plan).unwrap()).unwrap();
}

fn world(scene: &Scene) -> Value {
    serde_json::from_slice(&fs::read(scene.path("world.json")).unwrap()).unwrap()
}

const WORLDS: [&str; 13] = [
    "copied-ami",
    "already-mended",
    "five-versions",
    "group-grantee",
    "no-requester-credentials",
    "identity-center-role",
    "same-account",
    "second-role",
    "organization",
    "shared-policy",
    "autoscaling",
    "autoscaling-across-accounts",
    "autoscaling-no-credentials",
];

#[test]
fn plan_file_apply_is_what_fix_does() {
    for flags in ["", "--least-privilege", "--coverage effective --policy-name Other"] {
        for name in WORLDS {
            let (direct, saving) = (Scene::of(name), Scene::of(name));
            let fixed = direct.fix(&format!("--yes {flags}"));
            saving.fix(&format!("--dry-run --out plan.json {flags}"));
            assert_eq!(world(&saving), world(&Scene::of(name)), "{name}: saving writes nothing to the world");
            let applied = apply(&saving, "--yes");
            assert_eq!(applied.status, fixed.status, "{name} {flags}: {applied}");
            assert_eq!(applied.stdout, fixed.stdout, "{name} {flags}");
            assert_eq!(world(&saving), world(&direct), "{name} {flags}");
        }
    }
}

#[test]
fn what_a_cut_part_left_is_finished_without_the_other_part() {
    let scene = Scene::changed("copied-ami", |world| {
        world["faults"] = json!([{"operation": "kms:PutKeyPolicy", "times": 99, "fault": "error", "code": "AccessDeniedException"}]);
    });
    saved(&scene);
    let cut = apply(&scene, "--account 111122223333 --yes");
    assert_eq!(cut.status, 1, "{cut}");
    let resumed = scene.run("fix --sandbox=world.json --resume --dry-run --output json");
    let kinds: Vec<Value> = resumed.json()["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["account"].clone())
        .collect();
    assert_eq!(kinds, ["111122223333"], "{resumed}");
}

#[test]
fn a_resumed_run_is_not_saved() {
    let scene = Scene::of("copied-ami");
    let ran = scene.run("fix --sandbox=world.json --resume --dry-run --out plan.json");
    assert_eq!(ran.status, 2, "{ran}");
    assert!(!scene.path("plan.json").exists());
}

#[test]
fn orphans_are_pruned_by_a_saved_plan_and_twice_is_as_once() {
    let scene = Scene::of("orphaned-principal");
    scene.fix("--prune-orphans --dry-run --out plan.json");
    let applied = apply(&scene, "--yes");
    assert_eq!(applied.status, 0, "{applied}");
    let after = world(&scene);
    let again = apply(&scene, "--yes");
    assert_eq!(again.status, 0, "{again}");
    assert!(again.stdout.contains("Everything was so already."), "{again}");
    assert_eq!(world(&scene), after);
}

#[test]
fn the_file_tells_what_it_is() {
    let scene = Scene::of("copied-ami");
    saved(&scene);
    let plan = plan(&scene);
    assert_eq!((&plan["keymend_plan"], &plan["has_changes"]), (&json!(2), &json!(true)));
    assert_eq!(plan["backend"], "sandbox");
    let schema = scene.run("schema plan").json();
    let validator = jsonschema::draft202012::options().build(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&plan).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    let mended = Scene::of("already-mended");
    saved(&mended);
    assert_eq!(self::plan(&mended)["has_changes"], false);
    let ran = apply(&mended, "--yes");
    assert_eq!(ran.status, 0);
    assert!(ran.stdout.contains("\nNo changes.\n"), "{ran}");
}

#[test]
fn an_edited_file_is_refused_whole() {
    type Edit = (&'static str, fn(&mut Value));
    let edits: [Edit; 8] = [
        ("an after", |plan| {
            let after = plan["plan"]["changes"][0]["after"].as_str().unwrap().replace("kms:Encrypt", "kms:*");
            plan["plan"]["changes"][0]["after"] = json!(after);
        }),
        ("a change less", |plan| _ = plan["plan"]["changes"].as_array_mut().unwrap().remove(0)),
        ("the grantee", |plan| plan["request"]["grantees"] = json!(["arn:aws:iam::777788889999:root"])),
        ("the reason", |plan| plan["plan"]["changes"][0]["reason"] = json!("because")),
        ("what was read", |plan| {
            let key = plan["observation"]["keys"].as_object_mut().unwrap().values_mut().next().unwrap();
            key["policy"] = json!({"read": "{\"Statement\": []}"});
        }),
        ("whether it has changes", |plan| plan["has_changes"] = json!(false)),
        ("a member", |plan| plan["plan"]["note"] = json!("reviewed")),
        ("a finding", |plan| {
            plan["plan"]["findings"] =
                json!([{"code": "key_state", "subject": "x", "message": "y", "hint": null}]);
        }),
    ];
    for (what, change) in edits {
        let scene = Scene::of("copied-ami");
        saved(&scene);
        edit(&scene, change);
        let before = scene.content();
        let ran = apply(&scene, "--yes");
        assert_eq!(ran.status, 1, "{what}: {ran}");
        assert!(
            ran.stderr
                .contains("the plan `plan.json` was changed after it was saved\nhint: save the plan anew: "),
            "{what}: {ran}"
        );
        assert_eq!(scene.content(), before, "{what}");
    }
}

/// A plan as it would have been saved on AWS.
fn made_on_aws(plan: &str) -> String {
    let mut plan: Value = serde_json::from_str(plan).unwrap();
    plan["backend"] = json!("aws");
    plan["digest"] = digest(&plan).into();
    plan.to_string()
}

#[test]
fn what_is_no_plan_is_refused() {
    let scene = Scene::of("copied-ami");
    saved(&scene);
    let good = fs::read_to_string(scene.path("plan.json")).unwrap();
    let mut shown = Vec::new();
    for text in [
        good.replace("\"keymend_plan\": 2", "\"keymend_plan\": 3"),
        "{}".to_owned(),
        "{".to_owned(),
        made_on_aws(&good),
        good.replace("\"request\"", "\"requests\""),
    ] {
        fs::write(scene.path("plan.json"), text).unwrap();
        let ran = apply(&scene, "--yes");
        assert_eq!(ran.status, 1, "{ran}");
        shown.push(ran.to_string());
    }
    fs::remove_file(scene.path("plan.json")).unwrap();
    shown.push(apply(&scene, "--yes").to_string());
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_document_that_changed_since_stops_it_before_anything_is_written() {
    let scene = Scene::of("copied-ami");
    saved(&scene);
    scene.change(|world| {
        let key = world["keys"].as_object_mut().unwrap().values_mut().next().unwrap();
        key["policy"]["Statement"].as_array_mut().unwrap().push(json!({
            "Sid": "Somebody else", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": "kms:Describe*", "Resource": "*"
        }));
    });
    let before = scene.content();
    let ran = apply(&scene, "--yes");
    assert_eq!(ran.status, 6);
    assert_eq!(scene.content(), before);
    insta::assert_snapshot!(ran.stderr);
    let document = apply(&scene, "--yes --output json").json();
    crate::cli::assert_valid(&document);
    assert_eq!((&document["command"], &document["outcome"]), (&json!("apply"), &json!("stale")));
}

#[test]
fn what_holds_already_counts_as_done() {
    let scene = Scene::of("copied-ami");
    saved(&scene);
    scene.fix("--yes");
    let after = world(&scene);
    let journals = scene.journals().len();
    let ran = apply(&scene, "");
    assert_eq!(ran.status, 0, "nothing has to be asked: {ran}");
    assert_eq!((world(&scene), scene.journals().len()), (after, journals));
    let document = apply(&scene, "--output json").json();
    assert_eq!(document["changes"][0]["status"], "already_done");
}

#[test]
fn each_account_applies_its_part() {
    let scene = Scene::of("copied-ami");
    saved(&scene);
    let early = apply(&scene, "--yes --account 444455556666");
    assert_eq!(early.status, 6, "{early}");
    insta::assert_snapshot!("the_requesters_part_comes_second", early.stderr);
    let first = apply(&scene, "--yes --account 111122223333");
    assert_eq!(first.status, 3, "the other part is left: {first}");
    insta::assert_snapshot!("the_key_accounts_part", first);
    let whole = apply(&scene, "");
    assert_eq!(whole.status, 5, "{whole}");
    assert!(whole.stderr.contains("hint: change 1 holds already and is left alone"), "{whole}");
    let second = apply(&scene, "--yes --account 444455556666");
    assert_eq!(second.status, 0, "{second}");
    let direct = Scene::of("copied-ami");
    direct.fix("--yes");
    assert_eq!(world(&scene), world(&direct));
}

#[test]
fn an_account_that_the_plan_is_not_about() {
    let scene = Scene::of("copied-ami");
    saved(&scene);
    let before = scene.content();
    let ran = apply(&scene, "--yes --account 999988887777");
    assert_eq!(ran.status, 2, "{ran}");
    assert!(ran.stderr.contains("the plan is not about account 999988887777"), "{ran}");
    assert!(ran.stderr.contains("hint: its accounts are 111122223333, 444455556666"), "{ran}");
    assert_eq!(scene.content(), before);
}

#[test]
fn an_account_in_which_the_plan_changes_nothing() {
    // The role is the key account's: whoever applies the other account's part has nothing to do, and that is not all.
    for (is_mended, status) in [(false, 3), (true, 0)] {
        let scene = Scene::of("copied-ami");
        scene.fix("--account 444455556666 --principal arn:aws:iam::111122223333:role/KeyAdmin --dry-run --out plan.json");
        let has_own_part =
            plan(&scene)["plan"]["changes"].as_array().unwrap().iter().any(|change| {
                change["policy"].as_str().is_some_and(|policy| policy.contains("444455556666"))
            });
        assert!(!has_own_part);
        if is_mended {
            assert_eq!(apply(&scene, "--yes --account 111122223333").status, 0);
        }
        let before = scene.content();
        let ran = apply(&scene, "--yes --account 444455556666");
        assert_eq!(ran.status, status, "{ran}");
        assert!(ran.stderr.contains("hint: the plan changes nothing in account 444455556666"), "{ran}");
        assert_eq!(ran.stdout.contains("By the policies as they read back:"), !is_mended, "{ran}");
        assert_eq!(scene.content(), before);
    }
}

#[test]
fn accounts_wait_for_key_policies_and_not_for_each_other() {
    let changed = |world: &mut Value| {
        world["callers"]["777788889999"] =
            json!({"arn": "arn:aws:sts::777788889999:assumed-role/IamAdmin/operator"});
        world["accounts"]["777788889999"] = json!({"roles": {"IamAdmin": {}, "app": {}}});
        world["defaults"]["grantees"]
            .as_array_mut()
            .unwrap()
            .push(json!("arn:aws:iam::777788889999:role/app"));
    };
    for order in [["444455556666", "777788889999"], ["777788889999", "444455556666"]] {
        let scene = Scene::changed("copied-ami", changed);
        saved(&scene);
        for account in order {
            let early = apply(&scene, &format!("--yes --account {account}"));
            assert_eq!(early.status, 6, "{early}");
            assert!(early.stderr.contains("update the key policy in account 111122223333"), "{early}");
        }
        for (account, status) in ["111122223333"].into_iter().chain(order).zip([3, 3, 0]) {
            let part = apply(&scene, &format!("--yes --account {account}"));
            assert_eq!(part.status, status, "{account}: {part}");
        }
        let direct = Scene::changed("copied-ami", changed);
        direct.fix("--yes");
        assert_eq!(world(&scene), world(&direct));
    }
}

#[test]
fn a_pipeline_without_the_other_accounts_credentials_applies_its_part() {
    let scene = Scene::of("copied-ami");
    saved(&scene);
    apply(&scene, "--yes --account 111122223333");
    scene.change(|world| {
        world["callers"].as_object_mut().unwrap().remove("111122223333");
        world["default_caller"] = json!("444455556666");
    });
    let whole = apply(&scene, "--yes");
    assert_eq!(whole.status, 2, "{whole}");
    let part = apply(&scene, "--yes --account 444455556666");
    assert_eq!(part.status, 3, "the key policy can't be read, so nobody can tell: {part}");
    assert!(part.stdout.contains("may be able to launch with"), "{part}");
    assert!(part.stderr.contains("whether change 1"), "{part}");
}

#[test]
fn a_dry_run_writes_nothing_and_a_missing_terminal_declines() {
    let scene = Scene::of("copied-ami");
    saved(&scene);
    let before = scene.content();
    let planned = scene.fix("--dry-run");
    let dry = apply(&scene, "--dry-run --detailed-exitcode");
    assert_eq!((dry.status, &dry.stdout), (3, &planned.stdout));
    assert_eq!(apply(&scene, "").status, 5);
    assert_eq!(scene.content(), before);
}
