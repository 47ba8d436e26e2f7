//! The independent check of every way back: what is written is what the record says was there before, and what goes
//! is what the record says was added.

use serde_json::Value;

use super::super::finding::Unsound;
use super::super::{Change, Finding, KeyPolicyUpdate, Operation};
use super::Written;
use crate::arn::Partition;
use crate::policy::{PolicyDocument, is_same};

/// What is wrong with the changes; empty for every way back that may be shown.
pub(super) fn violations(written: &[Written], changes: &[Change]) -> Vec<Finding> {
    changes
        .iter()
        .filter(|change| !is_backed(written, &change.operation))
        .map(|change| {
            let found = Unsound::Unbacked { change: change.operation.to_string() };
            Finding::new(&change.operation.resource(), found)
        })
        .collect()
}

/// Whether some write of the record is what this one undoes.
fn is_backed(written: &[Written], operation: &Operation) -> bool {
    written.iter().any(|write| match (operation, &write.operation) {
        (Operation::RestoreKeyPolicy(back), Operation::UpdateKeyPolicy(forth)) => {
            back.key == forth.key && back.after == forth.before
        }
        (Operation::ReduceKeyPolicy(back), Operation::UpdateKeyPolicy(forth)) => {
            let KeyPolicyUpdate { key, before, after } = forth;
            back.key == *key && is_reduction((&back.before, &back.after), (before, after), key.partition)
        }
        (
            Operation::DetachPolicy { policy, entity, document },
            Operation::AttachPolicy { policy: own, entity: to, document: attached },
        ) => policy == own && entity == to && document == attached,
        (Operation::RevokeGrant { key, grant }, Operation::CreateGrant { grant: made, .. }) => {
            let is_of_run = write.grant.as_ref().is_none_or(|id| *id == grant.id);
            *key == made.key && made.became(grant) && is_of_run
        }
        (Operation::DeletePolicy { policy, before }, Operation::CreatePolicy { policy: own, after, .. }) => {
            policy == own && is_same(before, after, policy.partition)
        }
        (
            Operation::SetDefaultVersion { policy, version, before, after },
            Operation::CreatePolicyVersion { policy: own, base_version, before: former, after: made, .. },
        ) => {
            policy == own
                && version == base_version
                && after == former
                && is_same(before, made, policy.partition)
        }
        (
            Operation::WithdrawPolicyVersion { policy, version, .. },
            Operation::CreatePolicyVersion { policy: own, base_version, .. },
        ) => policy == own && version != base_version,
        (
            Operation::CreatePolicyVersion { policy, before, after, .. },
            Operation::CreatePolicyVersion { policy: own, before: former, after: made, .. },
        ) => policy == own && is_reduction((before, after), (former, made), policy.partition),
        (
            Operation::CreatePolicyVersion { policy, before, after, .. },
            Operation::CreatePolicy { policy: own, after: made, .. },
        ) => policy == own && is_reduction((before, after), (super::EMPTY, made), policy.partition),
        _ => false,
    })
}

/// Whether all that goes from one text to another is what a run added: every statement of the first is in the second,
/// or is there as it was before the run, or was made by the run.
fn is_reduction(
    (from, to): (&str, &str),
    (before_run, after_run): (&str, &str),
    partition: Partition,
) -> bool {
    let statements = |text: &str| -> Option<Vec<Value>> {
        let document = PolicyDocument::parse(text).ok()?;
        Some(document.statements.iter().map(|statement| statement.canonical(partition)).collect())
    };
    let (Some(from), Some(to)) = (statements(from), statements(to)) else { return false };
    let (Some(before), Some(after)) = (statements(before_run), statements(after_run)) else { return false };
    let was_edited = |now: &Value, then: &Value| {
        before.iter().zip(&after).any(|(before, after)| after == now && before == then)
    };
    let is_new = |statement: &Value| after.get(before.len()..).is_some_and(|new| new.contains(statement));
    let mut rest = to.iter().peekable();
    let is_explained = |statement: &Value| {
        if rest.next_if(|next| *next == statement || was_edited(statement, next)).is_some() {
            return true;
        }
        is_new(statement)
    };
    from.iter().all(is_explained) && rest.next().is_none()
}
