//! The contexts that documents tell apart.

use std::collections::{BTreeMap, BTreeSet};

use super::MOST_CONTEXTS;
use crate::authz::Context;
use crate::policy::PolicyDocument;

/// Keys whose values follow from the principal and the KMS key, so that no context sets them.
const DERIVED: [&str; 8] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principaltype",
    "aws:requestedregion",
    "aws:resourceaccount",
    "aws:username",
    "kms:calleraccount",
];

const SOMETHING_ELSE: &str = "something-else";

/// What a key may be: absent, or of a value.
type Setting = Option<String>;

/// Every combination of what the condition keys may be, or where these are too many, one key at a time from all
/// absent and from the first value of each.
pub(super) fn contexts(documents: [&PolicyDocument; 3]) -> Vec<Context> {
    let keys: Vec<(String, Vec<Setting>)> = mentioned(documents).into_iter().collect();
    let count = keys.iter().try_fold(1_usize, |count, (_, options)| count.checked_mul(options.len()));
    if count.is_some_and(|count| count <= MOST_CONTEXTS) {
        return combined(&keys);
    }
    let mut contexts = Vec::new();
    for base in [0, 1] {
        let at_base = keys.iter().map(|(key, options)| (key.clone(), options.get(base).cloned().flatten()));
        let at_base: BTreeMap<String, Setting> = at_base.collect();
        for (key, options) in &keys {
            for option in options {
                let mut varied = at_base.clone();
                varied.insert(key.clone(), option.clone());
                contexts.push(context(&varied));
            }
        }
    }
    contexts
}

fn combined(keys: &[(String, Vec<Setting>)]) -> Vec<Context> {
    let mut combinations: Vec<BTreeMap<String, Setting>> = vec![BTreeMap::new()];
    for (key, options) in keys {
        combinations = combinations
            .iter()
            .flat_map(|base| {
                options.iter().map(move |option| {
                    let mut next = base.clone();
                    next.insert(key.clone(), option.clone());
                    next
                })
            })
            .collect();
    }
    combinations.iter().map(context).collect()
}

/// A context of which everything is known.
fn context(values: &BTreeMap<String, Setting>) -> Context {
    let mut context = Context::complete();
    for (key, value) in values {
        context.set(key, value.iter().cloned());
    }
    context
}

/// Each condition key with what it may be: absent first, then the values that are mentioned, then something else.
fn mentioned(documents: [&PolicyDocument; 3]) -> BTreeMap<String, Vec<Setting>> {
    let mut values: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let statements = documents.into_iter().flat_map(|document| &document.statements);
    for condition in statements.flat_map(|statement| &statement.conditions) {
        let key = condition.key.to_ascii_lowercase();
        if DERIVED.contains(&key.as_str()) {
            continue;
        }
        let known = values.entry(key).or_default();
        known.extend(condition.values.iter().map(String::as_str));
        if condition.operator.to_ascii_lowercase().contains("bool") {
            known.extend(["true", "false"]);
        }
    }
    let options = |values: BTreeSet<&str>| {
        let mentioned = values.into_iter().map(|value| Some(value.to_owned()));
        [None].into_iter().chain(mentioned).chain([Some(SOMETHING_ELSE.to_owned())]).collect()
    };
    values.into_iter().map(|(key, values)| (key, options(values))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(condition: &str) -> usize {
        let text = format!(r#"{{"Statement": {{"Effect": "Allow", "Condition": {condition}}}}}"#);
        let document = PolicyDocument::parse(text).unwrap();
        contexts([&document, &document, &document]).len()
    }

    #[test]
    fn every_combination_of_few_keys_and_one_at_a_time_of_many() {
        assert_eq!(count("{}"), 1);
        assert_eq!(count(r#"{"Bool": {"kms:GrantIsForAWSResource": "true"}}"#), 4);
        assert_eq!(count(r#"{"StringEquals": {"kms:ViaService": ["a", "b"], "aws:SourceVpc": "c"}}"#), 12);
        assert_eq!(count(r#"{"StringEquals": {"kms:CallerAccount": "444455556666"}}"#), 1);
        let many = r#"{"StringEquals": {"a": "1", "b": "1", "c": "1", "d": "1", "e": "1"}}"#;
        assert_eq!(count(many), 2 * 5 * 3);
    }
}
