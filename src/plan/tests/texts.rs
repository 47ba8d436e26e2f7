//! How often texts are read: however many are asked about, each text once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::world::{KEY, ShortRequest, World};
use crate::access::Request;
use crate::access::assessment::needed_actions;
use crate::access::evidence::Extras;
use crate::plan::conclusion::{Conclusion, check};
use crate::plan::{Operation, plan};
use crate::policy::document::PARSED;

/// How often which text is read while something is done.
fn texts_read<T>(act: impl FnOnce() -> T) -> (BTreeMap<String, usize>, T) {
    PARSED.take();
    let done = act();
    let mut read = BTreeMap::new();
    for text in PARSED.take() {
        *read.entry(text).or_default() += 1;
    }
    (read, done)
}

/// Every text of every document is read once: as it is, and as it will be.
#[test]
fn a_plan_with_its_check_reads_every_text_once() {
    let (world, request) = crowd(2, false);
    let observation = world.observe(&request);
    let (read, plan) = texts_read(|| plan(&request, &observation));
    assert_eq!(plan.changes.len(), 4, "{:#?}", plan.findings);
    let written = plan.changes.iter().flat_map(|change| match &change.operation {
        Operation::UpdateKeyPolicy(update) => vec![&update.before, &update.after],
        Operation::CreatePolicy { after, .. } => vec![after],
        _ => Vec::new(),
    });
    let counts: Vec<usize> = written.map(|text| read[text]).collect();
    assert_eq!(counts, [1, 1, 1], "the key policy as it is and as it will be, and the new policy");
    // And what the check compares them with: what was asked for, and policies of those who may everything.
    assert_eq!(read.values().sum::<usize>(), 10, "{read:#?}");
}

/// With more keys than a policy takes there are several policies, and a key is tried in those alone that have room.
#[test]
fn what_is_read_for_many_keys_grows_with_them() {
    let read_for = |count: usize| {
        let keys: Vec<Value> = (0..count)
            .map(|number| json!({"arn": format!("{}{number:012x}", &KEY[..KEY.len() - 12])}))
            .collect();
        let role = "arn:aws:iam::444455556666:role/app";
        let world: World = serde_json::from_value(json!({
            "keys": keys, "iam": {"444455556666": {"entities": {"role/app": 0}}},
        }))
        .unwrap();
        let request: ShortRequest = serde_json::from_value(json!({"grantees": [role]})).unwrap();
        let request = Request { keys: world.key_arns(), ..request.on(&world) };
        let observation = world.observe(&request);
        let (read, plan) = texts_read(|| plan(&request, &observation));
        assert!(!plan.is_blocked(), "{:#?}", plan.findings);
        let policies =
            plan.changes.iter().filter(|change| matches!(change.operation, Operation::CreatePolicy { .. }));
        assert_eq!(policies.count(), count.div_ceil(34), "as many as one takes");
        read.iter().map(|(text, times)| text.len() * times).sum::<usize>()
    };
    let (few, many) = (read_for(68), read_for(272));
    assert!(many < 5 * few, "{few} bytes for 68 keys, {many} for four times as many");
}

/// A world with so many roles, of which all are let in by both sides, or none.
fn crowd(count: usize, is_let_in: bool) -> (World, Request) {
    let roles: Vec<String> = (0..count).map(|number| format!("role/app-{number}")).collect();
    let arns: Vec<String> = roles.iter().map(|role| format!("arn:aws:iam::444455556666:{role}")).collect();
    let root = json!({
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*",
    });
    let theirs = json!({"Effect": "Allow", "Principal": {"AWS": arns}, "Action": "kms:*", "Resource": "*"});
    let statements = if is_let_in { vec![root, theirs] } else { vec![root] };
    let identity = json!({"Effect": "Allow", "Action": "kms:*", "Resource": KEY});
    let entities: serde_json::Map<String, Value> =
        roles.iter().map(|role| (role.clone(), json!(0))).collect();
    let world = serde_json::from_value(json!({
        "keys": [{"policy": {"Version": "2012-10-17", "Statement": statements}}],
        "iam": {"444455556666": {
            "entities": entities,
            "policies": {"KmsKeyUsagePolicy": {
                "document": {"Version": "2012-10-17", "Statement": identity},
                "attached_to": if is_let_in { roles } else { Vec::new() },
            }},
        }},
    }))
    .unwrap();
    let request: ShortRequest = serde_json::from_value(json!({"grantees": arns})).unwrap();
    let request = request.on(&world);
    (world, request)
}

/// A policy is read once a run, however many principals are asked about.
#[test]
fn texts_are_read_once_for_all_principals() {
    let checked = |count: usize| {
        let (world, request) = crowd(count, true);
        let observation = world.observe(&request);
        let (read, checked) =
            texts_read(|| check(&request, &observation, &Extras::default(), needed_actions(request.purpose)));
        assert!(checked.iter().all(|checked| checked.conclusion == Conclusion::CanLaunch), "{checked:#?}");
        read.values().sum::<usize>()
    };
    assert_eq!((checked(2), checked(40)), (2, 2), "the key's policy and the managed one");
    let planned = |count: usize| {
        let (world, request) = crowd(count, false);
        let observation = world.observe(&request);
        let (read, plan) = texts_read(|| plan(&request, &observation));
        assert_eq!(plan.changes.len(), 2 + count, "{:#?}", plan.findings);
        read.values().sum::<usize>()
    };
    assert_eq!(planned(2), planned(40));
}
