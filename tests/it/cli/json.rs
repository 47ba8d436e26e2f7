//! `--output json`: one document on standard output, as its schema says, however a run ends.

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::scene::{Ran, Scene};

fn schema() -> Validator {
    let printed = Scene::of("copied-ami").run("schema");
    assert_eq!(printed.status, 0);
    jsonschema::draft202012::options().build(&printed.json()).unwrap()
}

/// The document is as `keymend schema` says.
pub(crate) fn assert_valid(document: &Value) {
    let errors: Vec<String> = schema().iter_errors(document).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new(), "{document:#}");
}

/// The document of a run, which is valid and says what the process says.
fn document(ran: &Ran) -> Value {
    let document = ran.json();
    assert_valid(&document);
    assert_eq!(document["exit_status"], ran.status);
    document
}

fn statuses(document: &Value) -> Vec<&str> {
    let changes = document["changes"].as_array().unwrap();
    changes.iter().map(|change| change["status"].as_str().unwrap()).collect()
}

#[test]
fn every_end_of_a_run_is_one_valid_document() {
    let denied = |permission: &str| {
        Scene::changed("copied-ami", |world| {
            for caller in ["111122223333", "444455556666"] {
                world["callers"][caller]["denied"] = json!([permission]);
            }
        })
    };
    let good = || Scene::of("copied-ami");
    for (scene, arguments, outcome, status) in [
        (good(), "--dry-run", "planned", 0),
        (good(), "--dry-run --detailed-exitcode", "planned", 3),
        (good(), "--yes", "applied", 0),
        (good(), "", "declined", 5),
        (Scene::of("already-mended"), "--yes", "no_changes", 0),
        (Scene::of("disabled-key"), "--yes", "blocked", 4),
        (Scene::of("disabled-key"), "--yes --allow-blocked", "applied", 4),
        (Scene::of("no-requester-credentials"), "--yes", "applied", 3),
        (Scene::of("identity-center-role"), "--dry-run", "planned", 3),
        (denied("iam:CreatePolicy"), "--yes", "partly_applied", 1),
        (denied("kms:PutKeyPolicy"), "--yes", "failed", 1),
        (denied("kms:GetKeyPolicy"), "--yes", "failed", 1),
        (good(), "--key alias/nope --yes", "failed", 1),
        (good(), "--account 1 --yes", "failed", 2),
        (Scene::with_text("{"), "--yes", "failed", 1),
    ] {
        let ran = scene.fix(&format!("{arguments} --output json"));
        let document = document(&ran);
        assert_eq!((&document["outcome"], ran.status), (&json!(outcome), status), "{ran}");
        assert_eq!(document["error"].is_null(), outcome != "failed" && outcome != "partly_applied", "{ran}");
    }
}

#[test]
fn a_refusal_keeps_the_code_and_the_request_id() {
    let scene = Scene::changed("copied-ami", |world| {
        world["callers"]["444455556666"]["denied"] = json!(["iam:CreatePolicy"]);
    });
    let document = document(&scene.fix("--yes --output json"));
    assert_eq!(statuses(&document), ["applied", "failed", "not_started"]);
    insta::assert_json_snapshot!(document["error"]);
}

#[test]
fn before_and_after_are_as_they_were_read_and_sent() {
    let scene = Scene::of("copied-ami");
    let planned = document(&scene.fix("--dry-run --output json"));
    let applied = document(&scene.fix("--yes --output json"));
    assert_eq!(statuses(&planned), ["planned"; 3]);
    assert_eq!(statuses(&applied), ["applied"; 3]);
    let texts = |document: &Value| -> Vec<Value> {
        let changes = document["changes"].as_array().unwrap();
        changes.iter().flat_map(|change| [change["before"].clone(), change["after"].clone()]).collect()
    };
    assert_eq!(texts(&planned), texts(&applied));
}

#[test]
fn wrong_usage_that_the_parser_finds_is_a_document_too() {
    let scene = Scene::of("copied-ami");
    for arguments in [
        "fix --output json --frobnicate",
        "fix --frobnicate --output=json",
        "fix --sandbox -o json --quiet -v",
        "fix --sandbox -ojson --frobnicate",
        "fix --sandbox --output json --color blue",
    ] {
        let ran = scene.run(arguments);
        assert_eq!(ran.status, 2, "{ran}");
        let document = document(&ran);
        assert_eq!(document["outcome"], "failed");
        assert!(!document["error"]["message"].as_str().unwrap().is_empty(), "{ran}");
        assert!(ran.stderr.starts_with("error: "), "{ran}");
    }
    let help = scene.run("fix --output json --help");
    assert_eq!(help.status, 0);
    assert!(help.stdout.contains("Usage: keymend fix"), "help is for people");
}
