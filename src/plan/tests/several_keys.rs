//! Several keys and grantees at once, in any order: no plan is refused by the independent check, and no widened one
//! gets past it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::properties::{Given, given, is_asked_for, key_statement, laid_out};
use super::world::{KEY, ShortRequest, World};
use crate::access::{CoverageRule, PolicyName, Profile, Purpose, Request};
use crate::plan::document::patch_identity_policy;
use crate::plan::soundness::violations;
use crate::plan::{Change, FindingCode, Operation, plan};
use crate::policy::Documents;

pub(super) const KEYS: [&str; 3] = [
    KEY,
    "arn:aws:kms:eu-west-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321",
    "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
];
const NOT_ASKED: &str = "arn:aws:kms:eu-west-1:111122223333:key/99999999-12ab-34cd-56ef-1234567890ab";
pub(super) const GRANTEES: [&str; 4] = [
    "444455556666",
    "arn:aws:iam::444455556666:role/app",
    "arn:aws:iam::444455556666:role/team/other",
    "arn:aws:iam::777788889999:user/jo",
];

/// A statement that keymend may complete or append to, more often than not.
fn identity_statement() -> impl Strategy<Value = Value> {
    let uses = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"];
    let grants = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"];
    let actions = prop_oneof![
        proptest::sample::subsequence(uses.to_vec(), 1..=5).prop_map(|actions| (json!(actions), false)),
        proptest::sample::subsequence(grants.to_vec(), 1..=3).prop_map(|actions| (json!(actions), true)),
        Just((json!("kms:*"), false)),
    ];
    let resources = proptest::sample::subsequence([&KEYS[..], &[NOT_ASKED]].concat(), 1..=2);
    (actions, resources, 0..6_u8).prop_map(|((actions, is_for_grants), resources, form)| {
        let mut statement = json!({"Effect": "Allow", "Action": actions});
        statement["Resource"] = if let [only] = resources[..] { json!(only) } else { json!(resources) };
        if is_for_grants != (form == 0) {
            statement["Condition"] = json!({"Bool": {"kms:GrantIsForAWSResource": "true"}});
        }
        statement
    })
}

fn identity_policy() -> impl Strategy<Value = String> {
    laid_out(proptest::collection::vec(identity_statement(), 0..4))
}

pub(super) fn world() -> impl Strategy<Value = World> {
    let key_policies =
        proptest::collection::vec(laid_out(proptest::collection::vec(key_statement(), 0..3)), 3);
    let attached = proptest::sample::subsequence(vec!["role/app", "role/team/other"], 0..=2);
    (key_policies, identity_policy(), attached).prop_map(|(key_policies, policy, attached)| {
        let keys = KEYS.iter().zip(key_policies);
        let keys: Vec<Value> = keys.map(|(arn, policy)| json!({"arn": arn, "policy": policy})).collect();
        serde_json::from_value(json!({
            "keys": keys,
            "iam": {
                "444455556666": {
                    "entities": {"role/app": 0, "role/team/other": 0},
                    "policies": {"KmsKeyUsagePolicy": {"document": policy, "attached_to": attached}},
                },
                "777788889999": {"entities": {"user/jo": 0}},
            },
        }))
        .unwrap()
    })
}

/// Some of the keys, for some grantees, each in any order.
pub(super) fn request() -> impl Strategy<Value = (Vec<&'static str>, ShortRequest)> {
    let keys = proptest::sample::subsequence(KEYS.to_vec(), 1..=3).prop_shuffle();
    let grantees = proptest::sample::subsequence(GRANTEES.to_vec(), 1..=4).prop_shuffle();
    let profile = proptest::sample::select(vec!["documented", "documented", "least_privilege"]);
    (keys, grantees, profile).prop_map(|(keys, grantees, profile)| {
        let request = json!({"grantees": grantees, "profile": profile, "prune_orphans": true});
        (keys, serde_json::from_value(request).unwrap())
    })
}

pub(super) fn on((keys, request): &(Vec<&'static str>, ShortRequest), world: &World) -> Request {
    Request { keys: keys.iter().map(|key| key.parse().unwrap()).collect(), ..request.on(world) }
}

/// One thing more than was planned, in one of the statements.
#[derive(Debug, Clone, Copy)]
enum Widening {
    Action,
    Resource,
    Principal,
    NoCondition,
    Everybody,
}

fn widening() -> impl Strategy<Value = Widening> {
    use Widening::{Action, Everybody, NoCondition, Principal, Resource};
    proptest::sample::select(vec![Action, Resource, Principal, NoCondition, Everybody])
}

fn widened(text: &str, widening: Widening, at: proptest::sample::Index) -> Option<String> {
    let mut document: Value = serde_json::from_str(text).unwrap();
    let statements = match &mut document["Statement"] {
        Value::Array(statements) => statements.iter_mut().collect(),
        only => vec![only],
    };
    let mut allows: Vec<&mut Value> =
        statements.into_iter().filter(|statement| statement["Effect"] == "Allow").collect();
    if allows.is_empty() {
        return None;
    }
    let at = at.index(allows.len());
    let statement = &mut *allows[at];
    let append = |list: &mut Value, member: &str| match list {
        Value::Array(members) => members.push(json!(member)),
        only => *only = json!([only, member]),
    };
    match widening {
        Widening::Action => append(statement.get_mut("Action")?, "kms:ScheduleKeyDeletion"),
        Widening::Resource => append(statement.get_mut("Resource")?, NOT_ASKED),
        Widening::Principal => {
            append(statement.get_mut("Principal")?.get_mut("AWS")?, "arn:aws:iam::999988887777:role/new");
        }
        Widening::NoCondition => drop(statement.as_object_mut()?.remove("Condition")?),
        Widening::Everybody => *statement.get_mut("Principal")? = json!("*"),
    }
    Some(document.to_string())
}

/// The texts of a change of a document, and what may be new in it.
fn texts(operation: &mut Operation) -> Option<(&str, &mut String)> {
    match operation {
        Operation::UpdateKeyPolicy(update) => Some((&update.before, &mut update.after)),
        Operation::CreatePolicyVersion { before, after, .. } => Some((before, after)),
        _ => None,
    }
}

const SUBJECTS: [&str; 5] = [
    "arn:aws:iam::444455556666:root",
    "arn:aws:iam::444455556666:role/app",
    "arn:aws:iam::444455556666:role/team/other",
    "arn:aws:iam::777788889999:user/jo",
    "arn:aws:iam::999988887777:role/new",
];

/// What is given only after, by a naive reading.
fn news(before: &str, after: &str) -> BTreeSet<Given> {
    let subjects: Vec<&str> = SUBJECTS.iter().chain(&KEYS).chain([&NOT_ASKED]).copied().collect();
    given(after, &subjects).difference(&given(before, &subjects)).cloned().collect()
}

fn refused(request: &Request, world: &World, changes: &[Change]) -> bool {
    !violations(request, &world.observe(request), &request.grantees, changes, &Documents::default())
        .is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_plan_in_any_order_is_never_refused(world in world(), request in request()) {
        let request = on(&request, &world);
        let plan = plan(&request, &world.observe(&request));
        let failed = plan.findings.iter().find(|finding| finding.code() == FindingCode::FailedCheck);
        prop_assert!(failed.is_none(), "{failed:?}");
    }

    #[test]
    fn a_file_in_any_order_is_never_refused(
        policy in identity_policy(),
        keys in proptest::sample::subsequence(KEYS.to_vec(), 1..=3).prop_shuffle(),
        least_privilege in any::<bool>(),
    ) {
        let profile = if least_privilege { Profile::LeastPrivilege } else { Profile::Documented };
        let request = Request {
            keys: keys.iter().map(|key| key.parse().unwrap()).collect(),
            grantees: Vec::new(),
            policy_name: PolicyName::default(),
            profile,
            purpose: Purpose::default(),
            coverage: CoverageRule::Named,
            prune_orphans: false,
            only_for: std::collections::BTreeMap::new(),
            part: None,
        };
        let account = "444455556666".parse().unwrap();
        let patched = patch_identity_policy(&policy, "p.json", &request, account);
        prop_assert_eq!(&patched.findings, &[]);
        let after = patched.after.unwrap_or_else(|| policy.clone());
        let again = patch_identity_policy(&after, "p.json", &request, account);
        prop_assert_eq!(again.after, None, "it is not finished\n{}", after);
    }

    #[test]
    fn a_widened_plan_is_always_refused(
        world in world(),
        request in request(),
        widening in widening(),
        which in any::<proptest::sample::Index>(),
        at in any::<proptest::sample::Index>(),
    ) {
        let request = on(&request, &world);
        let mut changes = plan(&request, &world.observe(&request)).changes;
        prop_assert!(!refused(&request, &world, &changes));
        let documents = changes.iter_mut().filter_map(|change| texts(&mut change.operation));
        let mut documents: Vec<(&str, &mut String)> = documents.collect();
        prop_assume!(!documents.is_empty());
        let which = which.index(documents.len());
        let (before, after) = &mut documents[which];
        let planned = news(before, after);
        let Some(text) = widened(after, widening, at) else { return Ok(()) };
        let wider: Vec<Given> = news(before, &text).difference(&planned).cloned().collect();
        let asked: Vec<String> = request.grantees.iter().map(ToString::to_string)
            .chain(request.keys.iter().map(ToString::to_string)).collect();
        prop_assume!(wider.iter().any(|new| !is_asked_for(new, &asked, &request)));
        **after = text;
        prop_assert!(refused(&request, &world, &changes), "{wider:?}\n{changes:#?}");
    }
}
