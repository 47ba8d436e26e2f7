//! Key policies that let anyone in: told wherever a key policy is seen, and mended by its owner alone.

use super::Finding;
use super::finding::KeyPolicyFinding;
use crate::arn::KeyArn;
use crate::policy::{PolicyDocument, Statement, pattern};

/// A warning for each statement by which a key's policy lets anyone in.
pub(super) fn of_key_policy(key: &KeyArn, document: &PolicyDocument) -> Vec<Finding> {
    let open = document.open_statements().into_iter();
    let open = open.filter_map(|index| Some((index, document.statements.get(index)?)));
    open.filter(|(_, statement)| is_about(key, statement))
        .map(|(index, statement)| found(key, index, statement))
        .collect()
}

/// Whether it is about the key, as far as is known which key that is.
fn is_about(key: &KeyArn, statement: &Statement) -> bool {
    let arn = key.to_string();
    statement.resource.as_ref().is_some_and(|resource| {
        key.is_unknown() || resource.negated != resource.list.iter().any(|text| pattern::matches(text, &arn))
    })
}

fn found(key: &KeyArn, index: usize, statement: &Statement) -> Finding {
    let found = KeyPolicyFinding::OpenToAnyone {
        statement: statement.label(index),
        is_negated: statement.principal.as_ref().is_some_and(|principal| principal.negated),
        conditions: statement.conditions.len(),
    };
    Finding::new(key, found)
}
