//! Each line of fixtures/authz/situations.jsonl and of situations-further.jsonl: policies, and what becomes of
//! the documented actions.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::arn::KeyArn;
use crate::authz::{Boundary, Context, Outcome, Policies, Prepared, Principal, Query, evaluate};
use crate::policy::{KmsAction, PolicyDocument};

const SITUATIONS: &str = include_str!("../../../fixtures/authz/situations.jsonl");
const FURTHER: &str = include_str!("../../../fixtures/authz/situations-further.jsonl");

/// The actions of the documented remedy.
const ACTIONS: [&str; 12] = [
    "Encrypt",
    "Decrypt",
    "ReEncryptFrom",
    "ReEncryptTo",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "DescribeKey",
    "CreateGrant",
    "ListGrants",
    "RevokeGrant",
];

/// Situations whose verdict is not what AWS documents, with what it is.
const DISPUTED: [(u32, &str); 2] = [
    // Under version 2012-10-17 the variable is the principal's account, which is the caller's.
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    (95, "already satisfied"),
    // No statement allows kms:Encrypt, with whatever context.
    (59, "needs change"),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Situation {
    n: u32,
    #[expect(dead_code, reason = "for the reader of the file")]
    group: String,
    title: String,
    verdict: String,
    principal: String,
    key: KeyArn,
    key_policy: Value,
    identity: Option<Value>,
    boundary: Option<Value>,
    scps: Option<Vec<Vec<Value>>>,
    rcps: Option<Vec<Vec<Value>>>,
    context: BTreeMap<String, String>,
    #[expect(dead_code, reason = "for the reader of the file")]
    why: String,
}

pub(super) fn prepared(policy: &Value) -> Prepared {
    Prepared::new(&PolicyDocument::parse(policy.to_string()).unwrap())
}

fn levels(levels: Option<&Vec<Vec<Value>>>) -> Vec<Vec<Prepared>> {
    levels.into_iter().flatten().map(|level| level.iter().map(prepared).collect()).collect()
}

fn borrowed(levels: &[Vec<Prepared>]) -> Vec<Vec<&Prepared>> {
    levels.iter().map(|level| level.iter().collect()).collect()
}

fn verdict(situation: &Situation) -> &'static str {
    let principal: Principal = situation.principal.parse().unwrap();
    let key_policy = prepared(&situation.key_policy);
    let identity: Vec<Prepared> = situation.identity.iter().map(prepared).collect();
    let identity: Vec<&Prepared> = identity.iter().collect();
    let boundary = situation.boundary.as_ref().map(prepared);
    let (scps, rcps) = (levels(situation.scps.as_ref()), levels(situation.rcps.as_ref()));
    let (scps, rcps) = (borrowed(&scps), borrowed(&rcps));
    let policies = Policies {
        key_policy: Some(&key_policy),
        identity: Some(&identity),
        boundary: boundary.as_ref().map_or(Boundary::None, Boundary::Document),
        scps: Some(&scps),
        rcps: Some(&rcps),
        ..Policies::default()
    };
    let mut context = Context::unknown().with("kms:GrantIsForAWSResource", ["true"]);
    for (key, value) in &situation.context {
        context.set(key, [value]);
    }
    let outcomes: Vec<Outcome> = ACTIONS
        .iter()
        .map(|action| {
            let action: KmsAction = format!("kms:{action}").parse().unwrap();
            evaluate(&Query::new(&principal, action, &situation.key, &context), &policies).outcome
        })
        .collect();
    [
        (Outcome::ExplicitDeny, "blocked by deny"),
        (Outcome::ImplicitDeny, "needs change"),
        (Outcome::Unknown, "ambiguous"),
    ]
    .into_iter()
    .find(|(outcome, _)| outcomes.contains(outcome))
    .map_or("already satisfied", |(_, verdict)| verdict)
}

/// Compares each situation with its verdict; their numbers.
fn check(situations: &str) -> BTreeSet<u32> {
    let mut seen = BTreeSet::new();
    let mut failures = Vec::new();
    for line in situations.lines() {
        let situation: Situation = serde_json::from_str(line).unwrap();
        assert!(seen.insert(situation.n), "{} stands twice", situation.n);
        let disputed = DISPUTED.iter().find(|(n, _)| *n == situation.n);
        let expected = disputed.map_or(situation.verdict.as_str(), |(_, verdict)| verdict);
        let found = verdict(&situation);
        if found != expected {
            failures.push(format!("{} {}: {found} instead of {expected}", situation.n, situation.title));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    seen
}

#[test]
fn situations_are_decided_as_their_verdicts_say() {
    assert_eq!(check(SITUATIONS).len(), 58);
}

#[test]
fn further_situations_are_decided_as_their_verdicts_say() {
    assert_eq!(check(FURTHER).len(), 38);
}
