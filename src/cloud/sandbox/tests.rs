mod faults;
mod grants;
mod mistakes;
mod reads;
mod refusals;
mod refused;
mod writes;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::arn::{AccountId, KeyArn, Partition, PolicyArn};
use crate::cloud::{Observe as _, Write as _};
use crate::plan::{KeyPolicyUpdate, Operation};
use crate::policy::PolicyDocument;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const POLICY: &str = "arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy";

fn worlds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/worlds")
}

fn fixture(name: &str) -> Sandbox {
    in_memory(&fs::read_to_string(worlds().join(name).with_extension("json")).unwrap())
}

fn in_memory(text: &str) -> Sandbox {
    let sheet = Sheet::read(text.to_owned(), Path::new("world.json")).unwrap();
    Sandbox::of(None, sheet)
}

/// The built-in world with something else in it.
fn changed(change: impl FnOnce(&mut Value)) -> Sandbox {
    let mut world: Value = serde_json::from_str(BUILTIN).unwrap();
    change(&mut world);
    in_memory(&world.to_string())
}

fn text(sandbox: &Sandbox) -> String {
    sandbox.shared().source.0.clone()
}

fn key() -> KeyArn {
    KEY.parse().unwrap()
}

fn policy() -> PolicyArn {
    POLICY.parse().unwrap()
}

fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

fn put(after: &(impl std::fmt::Display + ?Sized)) -> Operation {
    Operation::UpdateKeyPolicy(KeyPolicyUpdate {
        key: key(),
        before: String::new(),
        after: after.to_string(),
    })
}

fn create(name: &str, after: &(impl std::fmt::Display + ?Sized)) -> Operation {
    let policy = format!("arn:aws:iam::444455556666:policy/{name}").parse().unwrap();
    Operation::CreatePolicy { policy, description: "why it is here".to_owned(), after: after.to_string() }
}

fn create_version(after: &(impl std::fmt::Display + ?Sized)) -> Operation {
    Operation::CreatePolicyVersion {
        policy: policy(),
        base_version: "v1".to_owned(),
        before: String::new(),
        after: after.to_string(),
        serves: Vec::new(),
    }
}

fn delete_version(version: &str) -> Operation {
    let (version, before) = (version.to_owned(), String::new());
    Operation::DeletePolicyVersion { policy: policy(), version, before, versions: 5 }
}

fn attach(entity: &str) -> Operation {
    let entity = format!("arn:aws:iam::444455556666:{entity}").parse().unwrap();
    // The sandbox attaches whatever it is told to, like AWS.
    let document = PolicyDocument::parse(r#"{"Statement": []}"#).unwrap().fingerprint(Partition::Aws);
    Operation::AttachPolicy { policy: policy(), entity, document }
}

/// A key policy that keeps its own account's rights, with one more statement.
fn key_policy_with(statement: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
        statement,
    ]})
}

fn allow(principal: &Value) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": "kms:Decrypt", "Resource": "*"})
}

fn identity_policy() -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "AllowUseOfTheKey", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY},
    ]})
}

#[test]
fn every_fixture_is_a_world_in_canonical_form() {
    let mut names = Vec::new();
    for entry in fs::read_dir(worlds()).unwrap() {
        let path = entry.unwrap().path();
        let sandbox = Sandbox::open(&path).unwrap_or_else(|error| panic!("{error}"));
        let value: Value = serde_json::from_str(&text(&sandbox)).unwrap();
        assert_eq!(text(&sandbox), format!("{value:#}\n"), "{}", path.display());
        assert!(!sandbox.story().is_empty());
        let Defaults { keys, targets, grantees } = sandbox.defaults();
        let tells_who = targets.iter().any(|id| id.starts_with("i-") || id.starts_with("group:"));
        assert!(!(keys.is_empty() && targets.is_empty()) && (tells_who || !grantees.is_empty()));
        names.push(path.file_stem().unwrap().to_owned());
    }
    assert!(names.len() >= 8, "{names:?}");
}

#[test]
fn the_built_in_world_tells_the_copied_ami_story() {
    let sandbox = Sandbox::builtin();
    assert_eq!(sandbox.place(), None);
    assert_eq!(sandbox.region(), "eu-west-1");
    assert_eq!(sandbox.defaults().keys, [KEY.parse().unwrap()]);
    assert_eq!(sandbox.defaults().grantees.len(), 2);
    assert!(sandbox.story().contains("444455556666"));
}

#[test]
fn the_documented_example_is_a_world() {
    let manual = fs::read_to_string(worlds().join("../../docs/worlds.md")).unwrap();
    let (_, example) = manual.split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    assert_eq!(in_memory(example).defaults().grantees.len(), 2);
}
