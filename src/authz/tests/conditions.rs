//! Each line of fixtures/authz/conditions.jsonl: one condition, what is known, and whether it holds.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::situations::prepared;
use crate::authz::{Context, Outcome, Policies, Principal, Query, evaluate};
use crate::policy::KmsAction;

const CONDITIONS: &str = include_str!("../../../fixtures/authz/conditions.jsonl");

fn role() -> String {
    "arn:aws:iam::444455556666:role/app".to_owned()
}

fn ireland() -> String {
    "eu-west-1".to_owned()
}

fn decrypt() -> String {
    "kms:Decrypt".to_owned()
}

/// The version that has policy variables.
fn with_variables() -> Value {
    json!("2012-10-17")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    operator: String,
    key: String,
    values: Value,
    /// A key without values is known to be absent.
    context: BTreeMap<String, Value>,
    #[serde(default)]
    complete: bool,
    /// Whose calls in a launch these are: `launch` or `instance`.
    #[serde(default)]
    occasion: Option<String>,
    #[serde(default = "ireland")]
    region: String,
    expected: String,
    /// The keys that would settle it, where it is unknown.
    #[serde(default)]
    unknown: BTreeSet<String>,
    /// Null where the document has none.
    #[serde(default = "with_variables")]
    version: Value,
    #[serde(default = "role")]
    principal: String,
    #[serde(default = "decrypt")]
    action: String,
}

impl Case {
    fn context(&self) -> Context {
        let mut context = match self.occasion.as_deref() {
            Some("launch") => Context::for_launch(&self.region),
            Some("instance") => Context::for_instance(),
            Some(other) => panic!("{other}"),
            None if self.complete => Context::complete(),
            None => Context::unknown(),
        };
        for (key, value) in &self.context {
            let values = match value {
                Value::Array(values) => values.iter().map(|value| value.as_str().unwrap()).collect(),
                scalar => vec![scalar.as_str().unwrap()],
            };
            context.set(key, values);
        }
        context
    }

    /// What becomes of a request that a statement with the condition is about, by the statement's effect.
    fn outcome(&self, effect: &str) -> (Outcome, BTreeSet<String>) {
        let statement = json!({"Effect": effect, "Action": "kms:*", "Resource": "*", "Principal": "*",
            "Condition": {&self.operator: {&self.key: self.values}}});
        let open = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        let mut everyone = open.clone();
        everyone["Principal"] = json!({"Service": "ec2.amazonaws.com", "AWS": "*"});
        let statements = if effect == "Deny" { vec![everyone, statement] } else { vec![statement] };
        let mut key_policy = json!({"Statement": statements});
        if !self.version.is_null() {
            key_policy["Version"] = self.version.clone();
        }
        let (key_policy, identity) = (prepared(&key_policy), prepared(&json!({"Statement": open})));
        let policies =
            Policies { key_policy: Some(&key_policy), identity: Some(&[&identity]), ..Policies::default() };
        let key =
            "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".parse().unwrap();
        let principal: Principal = self.principal.parse().unwrap();
        let action: KmsAction = self.action.parse().unwrap();
        let context = self.context();
        let decision = evaluate(&Query::new(&principal, action, &key, &context), &policies);
        (decision.outcome, decision.unknown_keys)
    }
}

#[test]
fn conditions_hold_or_not() {
    let mut failures = Vec::new();
    for line in CONDITIONS.lines() {
        let case: Case = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let (as_allow, as_deny) = match case.expected.as_str() {
            "true" => (Outcome::Allowed, Outcome::ExplicitDeny),
            "false" => (Outcome::ImplicitDeny, Outcome::Allowed),
            _ => (Outcome::Unknown, Outcome::Unknown),
        };
        // Nobody has to allow anything to the identity-only role, so that an Allow shows nothing there.
        let is_of_instance = case.occasion.as_deref() == Some("instance");
        let effects = [("Allow", as_allow), ("Deny", as_deny)].into_iter().skip(usize::from(is_of_instance));
        for (effect, expected) in effects {
            let found = case.outcome(effect);
            if found != (expected, case.unknown.clone()) {
                failures.push(format!("{}: {effect}: {found:?} instead of {expected:?}", case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
