//! A request in parts, an account each: together they plan what was asked for, and nothing besides.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::properties::given;
use super::several_keys::{GRANTEES, KEYS, on, request, world};
use super::world::carried_out;
use crate::access::{CoverageRule, Grantee, Part, Profile, Purpose, Request, Terms};
use crate::arn::{AccountId, EntityArn, EntityName, KeyArn};
use crate::observation::{Observation, Reading, UnreadReason};
use crate::plan::{Change, FindingCode, FindingKind, Operation, Plan, Side, Target, plan};

const ACCOUNTS: [&str; 3] = ["111122223333", "444455556666", "777788889999"];

/// Who needs which key.
type Needs = BTreeMap<KeyArn, Vec<Grantee>>;

/// The part of an account, as a fleet asks for it: its keys with everybody they are for, and all keys that its own users
/// and roles need.
fn part(request: &Request, needs: &Needs, account: AccountId) -> Request {
    let mut needing = Needs::new();
    for (key, all) in needs {
        let is_own = |grantee: &&Grantee| key.account == account || grantee.is_of(account);
        let own: Vec<Grantee> = all.iter().filter(is_own).cloned().collect();
        if !own.is_empty() {
            needing.insert(key.clone(), own);
        }
    }
    let wanted = |grantee: &&Grantee| needing.values().flatten().any(|own| own == *grantee);
    Request {
        keys: request.keys.iter().filter(|key| needing.contains_key(*key)).cloned().collect(),
        grantees: request.grantees.iter().filter(wanted).cloned().collect(),
        part: Some(Part { account, needing: needing.clone(), terms: BTreeMap::new() }),
        ..request.clone()
    }
}

/// What is read for the part of an account: what is its own.
fn own(observation: &Observation, account: AccountId) -> Observation {
    let mut own = observation.clone();
    own.keys.retain(|key, _| key.account == account);
    own.accounts.retain(|id, _| *id == account);
    own
}

/// Keys for which others are helped otherwise.
type Otherwise = BTreeMap<KeyArn, Terms>;

fn parts(request: &Request, needs: &Needs, observation: &Observation) -> Vec<(AccountId, Plan)> {
    parts_by(request, needs, &Otherwise::new(), observation)
}

fn parts_by(
    request: &Request,
    needs: &Needs,
    otherwise: &Otherwise,
    observation: &Observation,
) -> Vec<(AccountId, Plan)> {
    let planned = |account: &&str| -> (AccountId, Plan) {
        let account = account.parse().unwrap();
        let mut request = part(request, needs, account);
        if let Some(part) = &mut request.part {
            part.terms = otherwise.clone();
        }
        (account, plan(&request, &own(observation, account)))
    };
    ACCOUNTS.iter().map(planned).collect()
}

fn otherwise() -> impl Strategy<Value = Otherwise> {
    let terms = (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(start, least, effective)| Terms {
        purpose: if start { Purpose::Start } else { Purpose::Launch },
        profile: if least { Profile::LeastPrivilege } else { Profile::Documented },
        coverage: if effective { CoverageRule::Effective } else { CoverageRule::Named },
    });
    let keys = proptest::sample::subsequence(KEYS.to_vec(), 0..=3);
    (keys, proptest::collection::vec(terms, 3))
        .prop_map(|(keys, terms)| keys.into_iter().map(|key| key.parse().unwrap()).zip(terms).collect())
}

fn merged(parts: &[(AccountId, Plan)]) -> Vec<Change> {
    parts.iter().flat_map(|(_, plan)| plan.changes.clone()).collect()
}

fn after(observation: Observation, parts: &[(AccountId, Plan)]) -> Observation {
    parts.iter().fold(observation, |observation, (_, plan)| carried_out(observation, plan))
}

/// Everything that the policies attached to somebody give on keys.
fn gives(observation: &Observation, entity: &EntityArn) -> BTreeSet<String> {
    let Some(Reading::Read(iam)) = observation.accounts.get(&entity.account) else { return [].into() };
    let name: EntityName = entity.entity_name();
    let attached = iam.policies.values().filter(|policy| policy.attached_to.contains(&name));
    attached.flat_map(|policy| given(&policy.document, &KEYS)).map(|(key, ..)| key).collect()
}

/// Everybody whom a key policy gives something.
fn lets_in(observation: &Observation, key: &KeyArn) -> BTreeSet<String> {
    let text = observation.keys[key].policy.read().unwrap();
    let subjects: Vec<String> = GRANTEES.iter().map(|text| as_principal(text)).collect();
    let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
    given(text, &subjects).into_iter().map(|(principal, ..)| principal).collect()
}

fn as_principal(text: &str) -> String {
    if text.starts_with("arn:") { text.to_owned() } else { format!("arn:aws:iam::{text}:root") }
}

fn needs(request: &Request, chosen: &[bool]) -> Needs {
    let pairs = request.keys.iter().flat_map(|key| request.grantees.iter().map(move |who| (key, who)));
    let mut needs = Needs::new();
    for ((key, grantee), _) in pairs.zip(chosen).filter(|(_, is_chosen)| **is_chosen) {
        needs.entry(key.clone()).or_default().push(grantee.clone());
    }
    needs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Where everybody needs every key, the parts are what is planned at once.
    #[test]
    fn the_parts_of_a_request_are_its_plan(world in world(), request in request()) {
        let request = on(&request, &world);
        let observation = world.observe(&request);
        let whole = plan(&request, &observation);
        let parts = parts(&request, &needs(&request, &[true; 12]), &observation);
        let sorted = |changes: Vec<Change>| {
            let mut told: Vec<String> = changes.iter().map(|change| format!("{:?}", change.operation)).collect();
            told.sort();
            told
        };
        prop_assert_eq!(sorted(merged(&parts)), sorted(whole.changes));
        for (account, plan) in &parts {
            prop_assert!(plan.handovers.is_empty(), "{account}: {:?}", plan.handovers);
            let elsewhere = plan.coverage.iter().filter(|covered| covered.key.account != *account);
            prop_assert!(elsewhere.map(|covered| &covered.key_policy).all(|side| *side == Side::Elsewhere));
        }
    }

    /// What AWS refused to show is left out of a part, and all else is planned as if nobody had asked for it.
    #[test]
    fn what_is_left_out_of_a_part_is_as_if_nobody_had_asked_for_it(
        world in world(),
        request in request(),
        chosen in proptest::collection::vec(any::<bool>(), 12),
        refused in proptest::collection::vec(any::<bool>(), 8),
    ) {
        let request = Request { prune_orphans: false, ..on(&request, &world) };
        let observation = world.observe(&request);
        let needs = needs(&request, &chosen);
        let entities = request.grantees.iter().filter_map(Grantee::as_entity);
        let named = request.keys.iter().map(ToString::to_string).chain(entities.map(ToString::to_string));
        let left_out: BTreeSet<String> =
            named.zip(&refused).filter(|(_, is_refused)| **is_refused).map(|(name, _)| name).collect();
        let is_left_out = |name: &dyn ToString| left_out.contains(&name.to_string());
        let rest: Needs = needs
            .iter()
            .filter(|(key, _)| !is_left_out(*key))
            .map(|(key, all)| {
                let kept = all.iter().filter(|own| !own.as_entity().is_some_and(|entity| is_left_out(entity)));
                (key.clone(), kept.cloned().collect())
            })
            .collect();
        for account in ACCOUNTS.map(|account| account.parse().unwrap()) {
            let seen = own(&observation, account);
            let mut partly = seen.clone();
            partly.keys.retain(|key, _| !is_left_out(key));
            partly.accounts.values_mut().for_each(|iam| {
                if let Reading::Read(iam) = iam {
                    iam.entities.retain(|entity, _| !is_left_out(entity));
                }
            });
            let reason = || UnreadReason::Other("refused".to_owned());
            partly.left_out = left_out.iter().map(|name| (name.clone(), reason())).collect();
            let planned = plan(&part(&request, &needs, account), &partly);
            let wanted = plan(&part(&request, &rest, account), &seen);
            prop_assert_eq!(&planned.changes, &wanted.changes);
            let told = planned.findings.iter().filter(|found| matches!(found.kind, FindingKind::LeftOut(_)));
            prop_assert!(told.map(|found| &found.subject).eq(&left_out));
            prop_assert_eq!(planned.leaves_work(), !left_out.is_empty() || wanted.leaves_work());
        }
    }

    /// Whoever needs some keys gets these, and nobody gets another one.
    #[test]
    fn the_parts_give_each_what_it_needs(
        world in world(),
        request in request(),
        chosen in proptest::collection::vec(any::<bool>(), 12),
        otherwise in otherwise(),
    ) {
        let request = on(&request, &world);
        let observation = world.observe(&request);
        let needs = needs(&request, &chosen);
        let parts = parts_by(&request, &needs, &otherwise, &observation);
        for (account, plan) in &parts {
            let failed = plan.findings.iter().find(|finding| finding.code() == FindingCode::FailedCheck);
            prop_assert!(failed.is_none(), "{account}: {failed:?}");
            let strange = plan.changes.iter().find(|change| change.operation.account() != *account);
            prop_assert!(strange.is_none(), "{account}: {strange:?}");
        }
        let now = after(observation.clone(), &parts);
        for key in &request.keys {
            let came: BTreeSet<String> = lets_in(&now, key).difference(&lets_in(&observation, key)).cloned().collect();
            let needed: BTreeSet<String> = needs.get(key).into_iter().flatten().map(ToString::to_string).collect();
            prop_assert!(came.is_subset(&needed), "{key}: {came:?} beyond {needed:?}");
        }
        for entity in request.grantees.iter().filter_map(Grantee::attachable) {
            let came: BTreeSet<String> = gives(&now, entity).difference(&gives(&observation, entity)).cloned().collect();
            let is_needed = |key: &String| needs.get(&key.parse().unwrap()).is_some_and(|all| all.contains(&Grantee::Entity(entity.clone())));
            prop_assert!(came.iter().all(is_needed), "{entity}: {came:?}");
        }
        for (account, plan) in parts_by(&request, &needs, &otherwise, &now) {
            prop_assert!(plan.changes.is_empty(), "{account} is not finished: {:#?}", plan.changes);
            let left = plan.coverage.iter().flat_map(|covered| [&covered.key_policy, &covered.identity]);
            let is_left = left.into_iter().any(|side| *side == Side::Missing);
            prop_assert!(!is_left || plan.is_blocked(), "{account}: {:#?}", plan.coverage);
        }
    }

    /// Keys whose grantees are helped in ways of their own: each key's policy is as if everybody were helped in its way.
    #[test]
    fn each_key_is_planned_in_its_own_way(
        world in world(),
        request in request(),
        chosen in proptest::collection::vec(any::<bool>(), 12),
        otherwise in otherwise(),
    ) {
        let request = on(&request, &world);
        let observation = world.observe(&request);
        let needs = needs(&request, &chosen);
        let policy_of = |key: &KeyArn, parts: &[(AccountId, Plan)]| -> Vec<Operation> {
            let operations = merged(parts).into_iter().map(|change| change.operation);
            operations.filter(|own| matches!(own.target(), Target::KeyPolicy(of) if of.key == *key)).collect()
        };
        let mixed = parts_by(&request, &needs, &otherwise, &observation);
        for key in &request.keys {
            let Terms { purpose, profile, coverage } = otherwise.get(key).copied().unwrap_or(request.terms(key));
            let alike = Request { purpose, profile, coverage, ..request.clone() };
            let wanted = policy_of(key, &parts(&alike, &needs, &observation));
            prop_assert_eq!(policy_of(key, &mixed), wanted);
        }
    }
}
