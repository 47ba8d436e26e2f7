//! There and back: every plan of the fixtures is carried out, then undone.

use std::collections::BTreeMap;

use super::cases;
use super::world::carried_out;
use crate::arn::{EntityName, KeyArn, PolicyArn};
use crate::observation::{KeyGrant, ManagedPolicy, Observation, Reading};
use crate::plan::rollback::{Extent, Written, plan as way_back};
use crate::plan::{Operation, Plan, plan};
use crate::policy::is_same;

fn written(plan: &Plan) -> Vec<Written> {
    let write = |operation: &Operation| Written {
        operation: operation.clone(),
        run: "RUN".to_owned(),
        version: matches!(operation, Operation::CreatePolicyVersion { .. }).then(|| "v9".to_owned()),
        grant: None,
        is_certain: true,
    };
    plan.changes.iter().map(|change| write(&change.operation)).collect()
}

type Texts = (
    BTreeMap<KeyArn, String>,
    BTreeMap<PolicyArn, (String, Vec<EntityName>)>,
    BTreeMap<KeyArn, Reading<Vec<KeyGrant>>>,
);

/// Every document in force, what is attached, and the grants.
fn texts(observation: &Observation) -> Texts {
    let keys =
        observation.keys.iter().filter_map(|(key, read)| Some((key.clone(), read.policy.read()?.clone())));
    let policies = observation.accounts.values().filter_map(|iam| iam.read()).flat_map(|iam| &iam.policies);
    let policy = |policy: &ManagedPolicy| (policy.document.clone(), policy.attached_to.clone());
    let grants = observation.keys.iter().map(|(key, read)| (key.clone(), read.grants.clone()));
    (keys.collect(), policies.map(|(arn, read)| (arn.clone(), policy(read))).collect(), grants.collect())
}

#[test]
fn every_plan_of_the_fixtures_leads_back() {
    let mut undone = 0;
    for (name, request, observation) in cases::situations() {
        let there = plan(&request, &observation);
        if there.changes.is_empty() {
            continue;
        }
        let pruned = there.changes.iter().find_map(|change| match &change.operation {
            Operation::PruneOrphans(update) => Some(update.clone()),
            _ => None,
        });
        let done = carried_out(observation.clone(), &there);
        let back = way_back(&written(&there), &done, Extent::Everything);
        assert_eq!(back.conflicts, [], "{name}");
        assert!(!back.plan.is_blocked(), "{name}: {:?}", back.plan.findings);
        let as_before = carried_out(done, &back.plan);
        let (mut expected, found) = (texts(&observation), texts(&as_before));
        if let Some(update) = pruned {
            expected.0.insert(update.key, update.after);
        }
        assert_eq!(found, expected, "{name}");
        let again = way_back(&written(&there), &as_before, Extent::Everything);
        assert_eq!((again.plan.changes, again.conflicts), (Vec::new(), Vec::new()), "{name}: a second time");
        undone += 1;
    }
    assert!(undone > 30, "{undone}");
}

/// What somebody adds to every document after the run stays, and what the run added goes.
#[test]
fn what_others_added_since_stays() {
    const THEIRS: &str = r#"{"Sid": "Theirs", "Effect": "Deny", "Action": "kms:Sign", "Resource": "*""#;
    let mut reduced = 0;
    for (name, request, observation) in cases::situations() {
        let there = plan(&request, &observation);
        let mut done = carried_out(observation.clone(), &there);
        let added = |text: &str, rest: &str| {
            let end = text.rfind(']').unwrap();
            format!("{}, {THEIRS}{rest}}}{}", &text[..end], &text[end..])
        };
        let updates = there.changes.iter().filter_map(|change| match &change.operation {
            Operation::UpdateKeyPolicy(update) => Some(update),
            _ => None,
        });
        let is_list = |text: &str| text.split_whitespace().collect::<String>().ends_with("]}");
        let updates: Vec<_> =
            updates.filter(|update| is_list(&update.before) && is_list(&update.after)).collect();
        for update in &updates {
            let text = added(&update.after, r#", "Principal": "*""#);
            done.keys.get_mut(&update.key).unwrap().policy = crate::observation::Reading::Read(text);
        }
        if updates.is_empty() {
            continue;
        }
        let barred = way_back(&written(&there), &done, Extent::Everything);
        assert_eq!(barred.plan.changes, [], "{name}");
        assert!(!barred.conflicts.is_empty(), "{name}");
        let ours = way_back(&written(&there), &done, Extent::OnlyOurs);
        assert!(!ours.plan.is_unsound(), "{name}: {:?}", ours.plan.findings);
        let after = carried_out(done, &ours.plan);
        for update in updates {
            let now = after.keys[&update.key].policy.read().unwrap();
            let expected = added(&update.before, r#", "Principal": "*""#);
            assert!(is_same(now, &expected, update.key.partition), "{name}: {now}");
            reduced += 1;
        }
    }
    assert!(reduced > 20, "{reduced}");
}
