//! Organizations and OUs as grantees: what they are let in by, who stays out, and what is no name of one.

use std::fs;

use serde_json::{Value, json};

use crate::scene::{Ran, Scene};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const UNIT: &str = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/";

fn check(scene: &Scene, arguments: &str) -> Ran {
    scene.run(&format!("check --sandbox=world.json {arguments}"))
}

/// A member's role can launch afterwards; the same role of another organization can't, nor can one of the key's account.
#[test]
fn members_are_let_in_and_nobody_else() {
    let scene = Scene::of("organization");
    let role = |account: &str, name: &str| format!("--principal arn:aws:iam::{account}:role/{name}");
    let member = role("444455556666", "app-instances");
    let stranger = role("777788889999", "app-instances");
    assert_eq!(check(&scene, "").status, 3);
    assert_eq!(check(&scene, &member).status, 3);
    assert_eq!(scene.fix("--yes").status, 0);
    assert_eq!(check(&scene, "").status, 0);
    assert_eq!(check(&scene, &format!("--ou {UNIT}")).status, 0);
    assert_eq!(check(&scene, "--organization o-z9y8x7w6v5").status, 4, "the key is of another one");
    assert_eq!(check(&scene, &member).status, 0);
    let out = check(&scene, &stranger);
    assert_eq!(out.status, 3, "{out}");
    // The key's account has its own way in, by IAM, and none by the statement.
    scene.change(|world| {
        let statements = world["keys"][KEY]["policy"]["Statement"].as_array_mut().unwrap();
        statements.retain(|statement| statement["Sid"] == "Allow attachment of persistent resources");
        assert_eq!(statements.len(), 1);
        let managed = world["accounts"]["444455556666"]["policies"].clone();
        world["accounts"]["111122223333"]["policies"] =
            serde_json::from_str(&managed.to_string().replace("444455556666", "111122223333")).unwrap();
        world["accounts"]["111122223333"]["roles"]["KeyAdmin"]["attached"] =
            json!(["arn:aws:iam::111122223333:policy/KmsKeyUsagePolicy"]);
    });
    let at_home = check(&scene, &format!("--all --output json {}", role("111122223333", "KeyAdmin"))).json();
    let outcomes = at_home["checks"][0]["actions"].as_array().unwrap();
    assert!(
        outcomes.len() > 6 && outcomes.iter().all(|action| action["decision"] == "implicit_deny"),
        "{at_home:#}"
    );
}

/// One of them may be denied, or all: the first is told, the second blocks.
#[test]
fn whoever_is_denied_in_the_organization_is_told() {
    let scene = Scene::changed("organization", |world| {
        let statements = world["keys"][KEY]["policy"]["Statement"].as_array_mut().unwrap();
        statements.push(json!({
            "Sid": "Only this OU", "Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
            "Condition": {"ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/r-ab12/ou-ab12-99999999/*"}},
        }));
    });
    let whole = scene.fix("--dry-run");
    let unit = scene.fix(&format!("--dry-run --ou {UNIT}"));
    insta::assert_snapshot!(format!("{whole}\n{unit}"));
}

#[test]
fn a_saved_plan_has_them_and_another_organization_blocks() {
    let scene = Scene::of("organization");
    let both = format!("--organization o-a1b2c3d4e5 --ou {UNIT}");
    assert_eq!(scene.fix(&format!("--dry-run --out plan.json {both}")).status, 0);
    let plan: Value = serde_json::from_slice(&fs::read(scene.path("plan.json")).unwrap()).unwrap();
    assert_eq!(plan["request"]["grantees"], json!(["o-a1b2c3d4e5", UNIT]));
    assert_eq!(scene.run("apply plan.json --sandbox=world.json --yes").status, 0);
    let before = scene.content();
    let foreign = scene.fix("--yes --organization o-z9y8x7w6v5");
    assert_eq!((foreign.status, scene.content()), (4, before));
    insta::assert_snapshot!(foreign);
    assert_eq!(scene.fix("--yes --allow-blocked --organization o-z9y8x7w6v5").status, 4);
}

#[test]
fn a_policy_in_a_file_keeps_its_own_account_out() {
    let scene = Scene::with_text("");
    let root = |account: &str| {
        format!(
            r#"{{"Effect": "Allow", "Principal": {{"AWS": "arn:aws:iam::{account}:root"}}, "Action": "kms:*", "Resource": "*"}}"#
        )
    };
    let policy = |statements: &[String]| {
        format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(", "))
    };
    fs::write(scene.path("own.json"), policy(&[root("111122223333")])).unwrap();
    fs::write(scene.path("whose.json"), policy(&[root("111122223333"), root("444455556666")])).unwrap();
    let patched = |ran: Ran| -> Value { serde_json::from_str(&ran.stdout).unwrap() };
    let told = patched(scene.run("patch --organization o-a1b2c3d4e5 own.json"));
    let keyed = patched(scene.run(&format!("patch --organization o-a1b2c3d4e5 --key {KEY} whose.json")));
    for statements in [&told["Statement"], &keyed["Statement"]].map(|list| list.as_array().unwrap()) {
        let added: Vec<&Value> =
            statements.iter().filter(|statement| statement["Principal"]["AWS"] == "*").collect();
        assert_eq!(added.len(), 2);
        for statement in added {
            let condition = &statement["Condition"];
            assert_eq!(condition["StringNotEquals"], json!({"aws:PrincipalAccount": "111122223333"}));
            assert_eq!(condition["StringEquals"], json!({"aws:PrincipalOrgID": "o-a1b2c3d4e5"}));
        }
    }
    let untold = scene.run("patch --organization o-a1b2c3d4e5 whose.json");
    let china = "arn:aws-cn:organizations::111122223333:organization/o-a1b2c3d4e5";
    let elsewhere = scene.run(&format!("patch --organization {china} own.json"));
    let identity = scene.run(&format!("patch --kind identity --key {KEY} --ou {UNIT} own.json"));
    let of_files = |members: &str| {
        scene.run(&format!("check --key {KEY} --key-policy own.json --organization {members}"))
    };
    assert_eq!(of_files("o-a1b2c3d4e5").status, 3);
    let checked = of_files(china);
    insta::assert_snapshot!(format!("{untold}\n{elsewhere}\n{identity}\n{checked}"));
    // Whoever asks may know where a member stands.
    let statement = r#"{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/r-ab12/*"}}}"#;
    fs::write(scene.path("own.json"), policy(&[root("111122223333"), statement.to_owned()])).unwrap();
    let decided = |context: &str| {
        let check = format!(
            "check --key {KEY} --key-policy own.json --organization o-a1b2c3d4e5 --output json {context}"
        );
        scene.run(&check).json()["checks"][0]["actions"][0]["decision"].clone()
    };
    assert_eq!(decided(""), "unknown");
    assert_eq!(decided("--context aws:PrincipalOrgPaths=o-a1b2c3d4e5/r-ab12/"), "allowed");
    assert_eq!(decided("--context aws:PrincipalOrgID=o-z9y8x7w6v5"), "unknown");
}

/// One message for each, with the option that is meant.
#[test]
fn what_is_no_name_of_one_is_told_with_the_right_option() {
    let scene = Scene::of("copied-ami");
    fs::write(scene.path("grantees.txt"), "o-a1b2c3d4e5\no-a1b2c3d4e5/r-ab12/ou-ab12-11111111\n").unwrap();
    let runs = [
        "--account o-a1b2c3d4e5".to_owned(),
        format!("--account {UNIT}"),
        "--principal arn:aws:organizations::111122223333:organization/o-a1b2c3d4e5".to_owned(),
        "--organization 444455556666".to_owned(),
        "--organization o-A1B2C3D4E5".to_owned(),
        format!("--organization {UNIT}"),
        "--ou ou-ab12-11111111".to_owned(),
        "--ou o-a1b2c3d4e5".to_owned(),
        "--ou o-a1b2c3d4e5/r-ab12/".to_owned(),
        "--ou o-a1b2c3d4e5/r-ab12/ou-ab12-11111111".to_owned(),
        "--ou arn:aws:organizations::111122223333:organization/o-a1b2c3d4e5".to_owned(),
        "--organization arn:aws-cn:organizations::111122223333:organization/o-a1b2c3d4e5".to_owned(),
        "--grantees grantees.txt".to_owned(),
    ]
    .map(|arguments| scene.fix(&format!("--dry-run {arguments}")));
    assert!(runs.iter().all(|ran| ran.stdout.is_empty() && ran.status != 0));
    insta::assert_snapshot!(runs.map(|ran| ran.to_string()).join("\n"));
}

/// No call more where nothing that was read, and nobody who was named, has to do with organizations.
#[test]
fn membership_is_read_where_something_needs_it() {
    let reads = |scene: &Scene, asked: &str| {
        let ran = scene.run(&format!("check --sandbox=world.json -v {asked}"));
        ran.stderr.matches("read organization of account").count()
    };
    let plain = Scene::of("copied-ami");
    assert_eq!(reads(&plain, ""), 0);
    assert_eq!(reads(&plain, "--organization o-a1b2c3d4e5"), 1, "the key's account");
    let speaking = Scene::changed("copied-ami", |world| {
        let key = world["keys"].as_object_mut().unwrap().values_mut().next().unwrap();
        key["policy"]["Statement"][0]["Condition"] =
            json!({"StringEquals": {"AWS:principalOrgId": "o-a1b2c3d4e5"}});
    });
    assert_eq!(reads(&speaking, ""), 2, "the key's account and the grantee's");
}

/// Who may not ask knows nothing, and nothing else fails for that.
#[test]
fn membership_that_may_not_be_read_is_unknown() {
    let told = |denied: &str| {
        let scene = Scene::changed("organization", |world| {
            world["accounts"]["111122223333"]["organization"] = json!({"id": "o-a1b2c3d4e5"});
            world["callers"]["111122223333"]["denied"] = json!([denied]);
        });
        let ran = scene.fix("--organization o-zzzzzzzzzz --dry-run --output json");
        let findings = ran.json()["findings"].as_array().unwrap().clone();
        findings.iter().any(|finding| finding["code"] == "foreign_organization")
    };
    assert!(told("organizations:ListParents"));
    assert!(!told("organizations:*"));
}
