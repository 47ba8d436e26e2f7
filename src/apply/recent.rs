//! What this machine wrote lately. A read that shows what was there before such a write is older than the write: it is
//! waited for, and never built upon.
//!
//! <https://docs.aws.amazon.com/kms/latest/developerguide/accessing-kms.html#programming-eventual-consistency>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>

use std::time::Duration;

use crate::arn::Partition;
use crate::observation::{Observation, Reading};
use crate::plan::{Operation, Target};
use crate::policy::is_same;

/// How long after a write a read may still show what was there before; what does so later, somebody put back.
pub const WINDOW: Duration = Duration::from_mins(5);

/// A document that was written over.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Write {
    resource: String,
    partition: Partition,
    before: String,
    after: String,
}

impl Write {
    /// Nothing where no document takes the place of another one in force.
    fn of(operation: &Operation) -> Option<Self> {
        is_in_force(operation).then_some(())?;
        Some(Self {
            resource: operation.resource(),
            partition: operation.partition(),
            before: operation.before()?.to_owned(),
            after: operation.after()?.to_owned(),
        })
    }
}

/// Whether it writes a document that is in force: what else it may have read is no older one of it.
fn is_in_force(operation: &Operation) -> bool {
    match operation.target() {
        Target::KeyPolicy(_) | Target::Policy { .. } => true,
        Target::Version(_) | Target::Attachment { .. } | Target::NewGrant(_) | Target::Grant { .. } => false,
    }
}

/// The documents that were written over lately, in the order of the writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recent(Vec<Write>);

impl Recent {
    /// Those that these operations wrote, in their order.
    pub fn of<'o>(operations: impl IntoIterator<Item = &'o Operation>) -> Self {
        Self(operations.into_iter().filter_map(Write::of).collect())
    }

    /// Adds what was written just now.
    pub(super) fn note(&mut self, operation: &Operation) {
        self.0.extend(Write::of(operation));
    }

    /// Whether a document that was read for an operation is older than a write.
    pub(super) fn is_outdated_for(&self, operation: &Operation, text: &str) -> bool {
        is_in_force(operation) && self.is_outdated(&operation.resource(), text)
    }

    /// Whether a document that reads back is what a write took the place of, and not what the last one made.
    fn is_outdated(&self, resource: &str, text: &str) -> bool {
        let own = || self.0.iter().filter(|write| write.resource == resource);
        let is_last = own().next_back().is_some_and(|last| is_same(&last.after, text, last.partition));
        !is_last && own().any(|write| is_same(&write.before, text, write.partition))
    }

    /// The first of what was read that is older than a write.
    pub fn outdated_in(&self, observation: &Observation) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let key_policies = observation
            .keys
            .iter()
            .filter_map(|(key, observed)| Some((key.to_string(), observed.policy.read()?.as_str())));
        let accounts = observation.accounts.values().filter_map(Reading::read);
        let policies = accounts.flat_map(|iam| &iam.policies);
        let policies = policies.map(|(policy, read)| (policy.to_string(), read.document.as_str()));
        key_policies
            .chain(policies)
            .find(|(resource, text)| self.is_outdated(resource, text))
            .map(|(resource, _)| resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::KeyPolicyUpdate;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn policy(principals: &[&str]) -> String {
        let statement = serde_json::json!({
            "Effect": "Allow", "Principal": {"AWS": principals}, "Action": "kms:Decrypt", "Resource": "*",
        });
        serde_json::json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    }

    fn update(before: &[&str], after: &[&str]) -> Operation {
        let (before, after) = (policy(before), policy(after));
        Operation::UpdateKeyPolicy(KeyPolicyUpdate { key: KEY.parse().unwrap(), before, after })
    }

    const A: &str = "111122223333";
    const B: &str = "444455556666";
    const C: &str = "777788889999";

    #[test]
    fn what_a_write_took_the_place_of_is_outdated_in_any_order() {
        let writes = [update(&[A], &[A, B]), update(&[A, B], &[A, B, C])];
        let recent = Recent::of(&writes);
        for (principals, is_outdated) in [
            (&[A][..], true),
            (&[A, B], true),
            (&[B, A], true),
            (&[A, B, C], false),
            (&[C, A, B], false),
            // Somebody else's.
            (&[B], false),
        ] {
            assert_eq!(recent.is_outdated(KEY, &policy(principals)), is_outdated, "{principals:?}");
            assert!(!recent.is_outdated("arn:aws:kms:eu-west-1:111122223333:key/other", &policy(principals)));
        }
        assert!(!Recent::default().is_outdated(KEY, &policy(&[A])));
    }

    #[test]
    fn what_was_put_back_by_ourselves_is_not() {
        let recent = Recent::of(&[update(&[A], &[A, B]), update(&[A, B], &[A])]);
        assert!(!recent.is_outdated(KEY, &policy(&[A])));
        assert!(recent.is_outdated(KEY, &policy(&[B, A])));
    }
}
