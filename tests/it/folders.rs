//! Worlds that are folders: the same as in one file, and a write changes the file of its account alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use keymend::cloud::Write as _;
use keymend::cloud::sandbox::Sandbox;
use keymend::plan::Operation;
use serde_json::{Map, Value, json};

use crate::scene::{Ran, Scene, fixture};

/// Whose an item is, by its name and what it says.
type Whose = fn(&str, &Value) -> String;

/// The members of a world that are one account's.
const OF_ACCOUNTS: [(&str, Whose); 10] = [
    ("accounts", |name, _| name.to_owned()),
    ("callers", |name, _| name.to_owned()),
    ("keys", |arn, _| arn.split(':').nth(4).unwrap().to_owned()),
    ("images", owner),
    ("snapshots", owner),
    ("volumes", owner),
    ("instances", owner),
    ("launch_templates", owner),
    ("launch_configurations", owner),
    ("auto_scaling_groups", owner),
];

fn owner(_: &str, item: &Value) -> String {
    item["owner"].as_str().unwrap().to_owned()
}

/// A world as the files of a folder.
pub(crate) fn split(world: &Value) -> BTreeMap<String, Value> {
    let mut files = BTreeMap::new();
    let mut shared = world.clone();
    for (member, whose) in OF_ACCOUNTS {
        let Some(items) = shared.get_mut(member).map(Value::take) else { continue };
        shared[member] = json!({});
        for (name, item) in items.as_object().unwrap() {
            let file = files.entry(format!("{}.json", whose(name, item))).or_insert_with(|| json!({}));
            file[member][name] = item.clone();
        }
    }
    files.insert("world.json".to_owned(), shared);
    files
}

/// The files of a folder as one world.
fn join(files: &BTreeMap<String, Value>) -> Value {
    let mut world = files["world.json"].clone();
    for file in files.iter().filter(|(name, _)| *name != "world.json").map(|(_, file)| file) {
        for (member, items) in file.as_object().unwrap() {
            let joined = world.as_object_mut().unwrap().entry(member).or_insert_with(|| Map::new().into());
            joined.as_object_mut().unwrap().extend(items.as_object().unwrap().clone());
        }
    }
    world
}

fn write(folder: &Path, files: &BTreeMap<String, Value>) {
    for (name, file) in files {
        fs::write(folder.join(name), format!("{file:#}\n")).unwrap();
    }
}

fn read(folder: &Path) -> BTreeMap<String, Value> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.map(|path| (name(&path), serde_json::from_slice(&fs::read(&path).unwrap()).unwrap())).collect()
}

/// A scene whose world is a folder, under the name that a file has otherwise.
fn scene_of(world: &Value) -> Scene {
    let scene = Scene::with_text("");
    let folder = scene.path("world.json");
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    write(&folder, &split(world));
    scene
}

/// The files of a scene's world whose content is another one than before.
fn changed(before: &BTreeMap<String, Value>, scene: &Scene) -> Vec<String> {
    let after = read(&scene.path("world.json"));
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    after.into_iter().filter(|(name, file)| before[name] != *file).map(|(name, _)| name).collect()
}

fn told(ran: &Ran) -> String {
    ran.to_string().replace("world.json/journal", "world.json.journal")
}

fn worlds() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/worlds");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> =
        names.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), serde_json::from_str(&fixture(&name)).unwrap())).collect()
}

#[test]
fn a_world_says_the_same_in_one_file_and_in_a_folder() {
    let mut refused = 0;
    for (name, world) in worlds() {
        assert_eq!(join(&split(&world)), world, "{name}");
        let (one, many) = (Scene::with_text(format!("{world:#}\n")), scene_of(&world));
        for arguments in [
            "check --sandbox=world.json",
            "fix --sandbox=world.json --yes --allow-blocked --verify simulate",
            "check --sandbox=world.json --output json",
            "rollback --sandbox=world.json --yes",
        ] {
            let (in_one, in_many) = (one.run(arguments), many.run(arguments));
            refused += usize::from(in_one.status != 0);
            assert_eq!(told(&in_many), told(&in_one), "{name}");
            let text = fs::read_to_string(one.path("world.json")).unwrap();
            let in_one: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(join(&read(&many.path("world.json"))), in_one, "{name}: {arguments}");
        }
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn a_write_changes_the_file_of_its_account() {
    let world = serde_json::from_str(&fixture("copied-ami")).unwrap();
    for (grantee, expected) in [
        // The key policy, and IAM in the account of the role.
        (
            "--principal arn:aws:iam::444455556666:role/app-instances",
            vec!["111122223333.json", "444455556666.json"],
        ),
        ("--account 444455556666", vec!["111122223333.json"]),
    ] {
        let scene = scene_of(&world);
        let before = read(&scene.path("world.json"));
        let key = world["defaults"]["keys"][0].as_str().unwrap().to_owned();
        let ran = scene.run(&format!("fix --sandbox=world.json --yes --key {key} {grantee}"));
        assert_eq!(ran.status, 0, "{ran}");
        assert_eq!(changed(&before, &scene), expected);
        // Nothing else came to be there but the journal.
        assert_eq!(scene.journals().len(), 1);
        assert!(!scene.path("world.json.journal").exists());
    }
}

fn create(account: &str, name: &str) -> Operation {
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"},
    ]});
    Operation::CreatePolicy {
        policy: format!("arn:aws:iam::{account}:policy/{name}").parse().unwrap(),
        description: String::new(),
        after: document.to_string(),
    }
}

#[tokio::test]
async fn two_writers_write_to_two_accounts_and_to_one() {
    let world = serde_json::from_str(&fixture("copied-ami")).unwrap();
    let scene = scene_of(&world);
    let folder = scene.path("world.json");
    let [one, other] = [Sandbox::open(&folder).unwrap(), Sandbox::open(&folder).unwrap()];
    for round in 0..3 {
        for account in ["111122223333", "444455556666"] {
            one.perform(&create(account, &format!("One{round}"))).await.unwrap();
            other.perform(&create(account, &format!("Other{round}"))).await.unwrap();
        }
    }
    let files = read(&folder);
    for account in ["111122223333", "444455556666"] {
        let policies =
            files[&format!("{account}.json")]["accounts"][account]["policies"].as_object().unwrap();
        let both = (0..3).flat_map(|round| [format!("One{round}"), format!("Other{round}")]);
        assert!(both.into_iter().all(|name| policies.contains_key(&name)), "{policies:?}");
    }
}

#[test]
fn a_broken_file_hurts_its_account_alone() {
    let world = serde_json::from_str(&fixture("copied-ami")).unwrap();
    let scene = scene_of(&world);
    let broken = scene.path("world.json/444455556666.json");
    fs::write(&broken, "{\"accounts\": {\"444455556666\": {\"rules\": {}}}}").unwrap();
    let key = world["defaults"]["keys"][0].as_str().unwrap();
    let role = "--principal arn:aws:iam::444455556666:role/app-instances";
    let ran = scene.run(&format!("fix --sandbox=world.json --yes --key {key} {role}"));
    assert_eq!(ran.status, 1, "{ran}");
    let told = "mistake in the world file `FOLDER/world.json/444455556666.json`: unknown field `rules`";
    assert!(ran.stderr.contains(told) && ran.stderr.contains("line 1, column 41"), "{ran}");
    // What concerns the other account alone goes on.
    let own = "--principal arn:aws:iam::111122223333:role/KeyAdmin";
    let ran = scene.run(&format!("check --sandbox=world.json --key {key} {own}"));
    assert_eq!(ran.status, 0, "{ran}");
    assert!(!ran.stderr.contains("mistake"), "{ran}");
}
