//! The record of a run, beside the world it wrote to.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::scene::{Scene, fixture};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn record(scene: &Scene, index: usize) -> Value {
    serde_json::to_value(scene.record(index)).unwrap()
}

#[test]
fn nobody_else_can_read_it() {
    let scene = Scene::of("copied-ami");
    scene.fix("--yes");
    assert_eq!(mode(&scene.path("world.json.journal")), 0o700);
    let journals = scene.journals();
    assert_eq!(journals.len(), 1);
    assert_eq!(mode(&journals[0]), 0o600);
}

#[test]
fn it_holds_the_plan_the_former_texts_and_every_step() {
    let scene = Scene::of("five-versions");
    let world: Value = serde_json::from_str(&fixture("five-versions")).unwrap();
    scene.fix("--yes");
    let record = record(&scene, 0);
    assert_eq!(record["keymend_journal"], 2);
    assert_eq!(record["backend"], json!({"world": scene.path("world.json")}));
    assert_eq!(record["callers"]["444455556666"]["arn"], world["callers"]["444455556666"]["arn"]);
    let kinds: Vec<&Value> =
        record["plan"]["changes"].as_array().unwrap().iter().map(|change| &change["kind"]).collect();
    assert_eq!(kinds, ["update_key_policy", "delete_policy_version", "create_policy_version"]);

    let parsed = |text: &Value| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap();
    let key = world["keys"].as_object().unwrap().values().next().unwrap();
    assert_eq!(parsed(&record["plan"]["changes"][0]["before"]), key["policy"]);
    let versions = &world["accounts"]["444455556666"]["policies"]["KmsKeyUsagePolicy"]["versions"];
    assert_eq!(parsed(&record["plan"]["changes"][1]["before"]), versions["v3"], "what was deleted is kept");

    for step in record["steps"].as_array().unwrap() {
        assert_eq!(step["outcome"], "applied");
        assert!(step["intended"].as_str() <= step["concluded"].as_str());
        assert_eq!(step["request_id"].as_str().map(str::len), Some(36));
        assert_eq!(step["error"], Value::Null);
    }
    let text = fs::read_to_string(&scene.journals()[0]).unwrap();
    assert_eq!(
        text.lines().count(),
        1 + 2 * 3 + 1,
        "one for the plan, two for each change, one for the end: {text}"
    );
}

#[test]
fn it_tells_how_far_a_run_came() {
    let scene = Scene::changed("copied-ami", |world| {
        world["callers"]["444455556666"]["denied"] = json!(["iam:CreatePolicy"]);
    });
    scene.fix("--yes");
    let record = record(&scene, 0);
    let outcomes: Vec<&Value> =
        record["steps"].as_array().unwrap().iter().map(|step| &step["outcome"]).collect();
    assert_eq!(outcomes, [&json!("applied"), &json!("failed"), &Value::Null]);
    assert!(record["steps"][1]["error"].as_str().unwrap().contains("AccessDenied"));
    assert_eq!(record["steps"][2]["intended"], Value::Null);
}

#[test]
fn each_run_has_its_own_and_a_run_without_changes_none() {
    let scene = Scene::of("copied-ami");
    let other = "--account 777788889999 --yes";
    for arguments in ["--yes", "--yes", other, other] {
        assert_eq!(scene.fix(arguments).status, 0);
    }
    assert_eq!(scene.journals().len(), 2);
    assert_eq!(mode(&scene.journals()[1]), 0o600);
}

#[test]
fn where_there_is_no_record_nothing_is_needed_to_look_for_one() {
    let scene = Scene::of("copied-ami");
    let mut command = scene.command("fix --sandbox=world.json --dry-run");
    let ran = scene.run_command(command.env("TMPDIR", scene.path("none")), "fix --dry-run");
    assert!(ran.status == 0 && !ran.stderr.contains("warning"), "{ran}");
}

#[test]
fn without_a_journal_nothing_is_written() {
    let scene = Scene::of("copied-ami");
    fs::write(scene.path("world.json.journal"), "in the way").unwrap();
    let before = scene.content();
    let ran = scene.fix("--yes");
    assert_eq!(ran.status, 1);
    assert_eq!(scene.content(), before);
    insta::assert_snapshot!(ran.stderr.split_once("error: ").unwrap().1);
}

/// As in a container that has nothing but the program, or one whose own files can't be written.
#[test]
fn nothing_but_the_journals_folder_has_to_be_writable() {
    let scene = Scene::of("second-role");
    let run = |arguments: &str| {
        let mut command = scene.command(arguments);
        command.env("TMPDIR", scene.path("no/such/folder"));
        scene.run_command(&mut command, arguments)
    };
    for arguments in ["fix --sandbox=world.json --yes", "rollback --sandbox=world.json --yes"] {
        let ran = run(arguments);
        assert_eq!(ran.status, 0, "{ran}");
    }
    assert_eq!(scene.journals().len(), 2);
}
