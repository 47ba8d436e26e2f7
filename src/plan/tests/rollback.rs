//! There and back: every plan of the fixtures is carried out, then undone.

use std::collections::BTreeMap;

use super::cases;
use super::world::carried_out;
use crate::arn::{EntityName, KeyArn, PolicyArn};
use crate::observation::{Caller, KeyGrant, KeyObservation, ManagedPolicy, Observation, RamPolicy, Reading};
use crate::plan::rollback::{Extent, Written, plan as way_back};
use crate::plan::{Finding, FindingCode, KeyPolicyUpdate, Operation, Plan, plan};
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

/// What a way back makes of a key policy is judged as any other: whoever writes it has to be able to write it again.
#[test]
fn a_way_back_that_would_lock_its_author_out_is_blocked() {
    const ADMIN: &str = r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/admin"}, "Action": "kms:*", "Resource": "*"}"#;
    const OURS: &str = r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"}"#;
    const THEIRS: &str =
        r#"{"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "kms:Sign", "Resource": "*"}"#;
    let policy = |statements: &[&str]| {
        format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(", "))
    };
    let key: KeyArn =
        "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".parse().unwrap();
    let update =
        KeyPolicyUpdate { key: key.clone(), before: policy(&[ADMIN]), after: policy(&[ADMIN, OURS]) };
    let written = [Written {
        operation: Operation::UpdateKeyPolicy(update.clone()),
        run: "RUN".to_owned(),
        version: None,
        grant: None,
        is_certain: true,
    }];
    for (now, extent) in
        [(update.after, Extent::Everything), (policy(&[ADMIN, OURS, THEIRS]), Extent::OnlyOurs)]
    {
        for (role, is_locked_out) in [("operator", true), ("admin", false)] {
            let mut observation = Observation::default();
            let observed = KeyObservation {
                metadata: Reading::default(),
                ram_policy: RamPolicy::Absent,
                policy: Reading::Read(now.clone()),
                grants: Reading::default(),
            };
            observation.keys.insert(key.clone(), observed);
            let caller = Caller {
                account: key.account,
                arn: format!("arn:aws:sts::111122223333:assumed-role/{role}/me"),
            };
            observation.callers.insert(key.account, caller);
            let back = way_back(&written, &observation, extent);
            let codes: Vec<FindingCode> = back.plan.findings.iter().map(Finding::code).collect();
            assert_eq!(codes.contains(&FindingCode::Lockout), is_locked_out, "{role} {extent:?}: {codes:?}");
            assert_eq!(back.plan.changes.is_empty(), is_locked_out, "{role} {extent:?}");
        }
    }
}
