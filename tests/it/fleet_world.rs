//! `scripts/make-fleet-world`: worlds of many keys and accounts, the same each time, in which the program works.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::scene::{Ran, Scene};

pub(crate) const SMALL: &str = "--seed 7 --key-accounts 2 --keys 6 --accounts 8 --shares 2 --roles 2";

fn make(scene: &Scene, name: &str, options: &str) -> Output {
    Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/make-fleet-world"))
        .args(options.split_whitespace())
        .arg("--out")
        .arg(scene.path(name))
        .arg("--manifest")
        .arg(scene.path(&format!("{name}.jsonl")))
        .output()
        .unwrap()
}

/// Makes a world and its manifest, and gives the manifest's lines.
pub(crate) fn made(scene: &Scene, name: &str, options: &str) -> Vec<Value> {
    let output = make(scene, name, options);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let manifest = fs::read_to_string(scene.path(&format!("{name}.jsonl"))).unwrap();
    manifest.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Everything that was made, by its name below a folder or beside it.
fn content(scene: &Scene, name: &str) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let own = |path: PathBuf| path.strip_prefix(scene.path(name)).ok().map(Path::to_owned);
    let files = scene.content().into_iter();
    let mut files: BTreeMap<_, _> = files.filter_map(|(path, text)| Some((own(path)?, text))).collect();
    let manifest = fs::read(scene.path(&format!("{name}.jsonl"))).unwrap();
    files.insert(PathBuf::from("manifest"), Some(manifest));
    files
}

/// What `fix` says to a line.
pub(crate) fn fix(scene: &Scene, line: &Value, options: &str) -> Ran {
    let named = |option: &str, member: &str| {
        let names = line[member].as_array().unwrap().iter();
        names.map(|name| format!(" {option} {}", name.as_str().unwrap())).collect::<Vec<_>>().concat()
    };
    let (keys, principals) = (named("--key", "keys"), named("--principal", "principals"));
    scene.run(&format!("fix --sandbox=world {options}{keys}{principals}"))
}

#[test]
fn the_same_seed_makes_the_same_world() {
    let scene = Scene::with_text("");
    let lines = made(&scene, "world", SMALL);
    made(&scene, "again", SMALL);
    made(&scene, "other", &SMALL.replace("--seed 7", "--seed 8"));
    assert_eq!(content(&scene, "world"), content(&scene, "again"));
    assert_ne!(content(&scene, "world"), content(&scene, "other"));
    // The files of the accounts and what they share; the folder and the manifest.
    assert_eq!((content(&scene, "world").len(), lines.len()), (2 + 8 + 1 + 2, 12));
    assert!(lines.iter().all(|line| line["principals"].as_array().unwrap().len() == 4));
    // Nothing is written over.
    assert_eq!(make(&scene, "world", SMALL).status.code(), Some(2));
}

#[test]
fn every_line_of_its_manifest_can_be_mended() {
    let scene = Scene::with_text("");
    let lines = made(&scene, "world", &format!("{SMALL} --mended 30 --statements 20 --denied 0 --gone 0"));
    let mut pending = 0;
    for line in &lines {
        let before = scene.content();
        let dry = fix(&scene, line, "--dry-run --detailed-exitcode");
        assert!([0, 3].contains(&dry.status), "{dry}");
        assert_eq!(scene.content(), before);
        pending += usize::from(dry.status == 3);
        assert_eq!(fix(&scene, line, "--yes").status, 0);
        assert_eq!(fix(&scene, line, "--dry-run --detailed-exitcode").status, 0);
    }
    assert!(pending > 0 && pending < lines.len(), "{pending}");
}

#[test]
fn what_stands_in_the_way_is_there_if_it_is_asked_for() {
    let statuses = |options: &str| {
        let scene = Scene::with_text("");
        let lines = made(&scene, "world", &format!("{SMALL} --mended 0 --statements 0 {options}"));
        let ran = lines.iter().map(|line| fix(&scene, line, "--dry-run --detailed-exitcode"));
        ran.map(|ran| (ran.status, ran.to_string())).collect::<Vec<_>>()
    };
    let all = |options: &str, told: &str| {
        let statuses = statuses(options);
        assert!(statuses.iter().all(|(status, text)| *status == 4 && text.contains(told)), "{statuses:?}");
    };
    all("--denied 100", "NoGrantsForOthers");
    all("--denied 0 --gone 100", "has no role of this name");
    let without = statuses("--denied 0 --gone 0 --no-credentials 8");
    assert!(
        without.iter().all(|(status, text)| *status == 3 && text.contains("no credentials")),
        "{without:?}"
    );
}

#[test]
fn what_does_not_fit_into_iam_is_refused() {
    let scene = Scene::with_text("");
    let output = make(&scene, "world", "--key-accounts 2 --keys 400 --accounts 1 --shares 1");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("800 keys for one role need 25 policies, and IAM attaches 20 at most"), "{told}");
    assert!(!scene.path("world").exists());
}
