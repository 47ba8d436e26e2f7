//! What the changes of a plan come to: the documents as they will be.

use std::collections::BTreeMap;

use super::super::{Change, Operation};
use crate::access::evidence::Evidence;
use crate::arn::{EntityArn, PolicyArn};
use crate::observation::{Observation, Reading};

/// Makes the evidence tell of the time after the changes.
pub(in crate::plan) fn carry_out(evidence: &mut Evidence, observation: &Observation, changes: &[Change]) {
    let mut written: BTreeMap<&PolicyArn, &str> = BTreeMap::new();
    let mut attached: BTreeMap<&PolicyArn, Vec<&EntityArn>> = BTreeMap::new();
    for change in changes {
        match &change.operation {
            Operation::PruneOrphans(update) | Operation::UpdateKeyPolicy(update) => {
                evidence.rewrite_key_policy(&update.key, &update.after);
            }
            Operation::CreatePolicy { policy, after, .. } => _ = written.insert(policy, after),
            Operation::CreatePolicyVersion { policy, after, .. } => {
                written.insert(policy, after);
                evidence.rewrite_policy(policy, after);
            }
            Operation::AttachPolicy { policy, entity, .. } => {
                attached.entry(policy).or_default().push(entity);
            }
            Operation::CreateGrant { grant, .. } => evidence.grant(grant),
            Operation::DeletePolicyVersion { .. }
            // Never planned here: see `rollback`.
            | Operation::RestoreKeyPolicy(_)
            | Operation::ReduceKeyPolicy(_)
            | Operation::DetachPolicy { .. }
            | Operation::DeletePolicy { .. }
            | Operation::SetDefaultVersion { .. }
            | Operation::WithdrawPolicyVersion { .. }
            | Operation::RevokeGrant { .. } => {}
        }
    }
    for (policy, entities) in attached {
        let text = written.get(policy).copied().or_else(|| observed(observation, policy));
        evidence.attach(policy, text.unwrap_or_default(), &entities);
    }
}

fn observed<'o>(observation: &'o Observation, policy: &PolicyArn) -> Option<&'o str> {
    let iam = observation.accounts.get(&policy.account).and_then(Reading::read)?;
    iam.policies.get(policy).map(|policy| policy.document.as_str())
}
