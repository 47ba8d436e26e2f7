//! The independent check of every way back: what is written is what the record says was there before, and what goes
//! is what the record says was added.

use serde_json::Value;

use super::super::finding::Unsound;
use super::super::soundness::limits;
use super::super::{Change, Finding, KeyPolicyUpdate, Operation};
use super::Written;
use crate::arn::Partition;
use crate::observation::{IamQuotas, Observation, Reading};
use crate::policy::Documents;

/// What is wrong with the changes; empty for every way back that may be shown.
pub(super) fn violations(
    written: &[Written],
    observation: &Observation,
    changes: &[Change],
    documents: &Documents,
) -> Vec<Finding> {
    let check = Check { written, observation, documents };
    let wrong = |change: &Change| {
        let unsound = if check.is_backed(&change.operation) {
            let violation = check.of_document(&change.operation).err()?;
            Unsound::Change { violation }
        } else {
            Unsound::Unbacked { change: change.operation.to_string() }
        };
        Some(Finding::new(&change.operation.resource(), unsound))
    };
    changes.iter().filter_map(wrong).collect()
}

struct Check<'a> {
    written: &'a [Written],
    observation: &'a Observation,
    documents: &'a Documents,
}

impl Check<'_> {
    /// Whether AWS would take what is written.
    fn of_document(&self, operation: &Operation) -> Result<(), String> {
        let parsed = |text: &str| self.documents.parsed(text).map_err(|error| error.to_string());
        match operation {
            Operation::RestoreKeyPolicy(update) | Operation::ReduceKeyPolicy(update) => {
                let caller = self.observation.callers.get(&update.key.account);
                let caller = caller.map(|caller| caller.arn.as_str());
                limits::check_key_policy(&update.key, &*parsed(&update.after)?, caller)
            }
            Operation::CreatePolicyVersion { policy, after, .. } => {
                let iam = self.observation.accounts.get(&policy.account).and_then(Reading::read);
                let quotas = iam.map_or_else(IamQuotas::default, |iam| iam.quotas);
                limits::check_identity_policy(&*parsed(after)?, quotas.policy_size)
            }
            _ => Ok(()),
        }
    }

    /// Whether some write of the record is what this one undoes.
    fn is_backed(&self, operation: &Operation) -> bool {
        self.written.iter().any(|write| match (operation, &write.operation) {
            (Operation::RestoreKeyPolicy(back), Operation::UpdateKeyPolicy(forth)) => {
                back.key == forth.key && back.after == forth.before
            }
            (Operation::ReduceKeyPolicy(back), Operation::UpdateKeyPolicy(forth)) => {
                let KeyPolicyUpdate { key, before, after } = forth;
                back.key == *key
                    && self.is_reduction((&back.before, &back.after), (before, after), key.partition)
            }
            (
                Operation::DetachPolicy { policy, entity, document },
                Operation::AttachPolicy { policy: own, entity: to, document: attached },
            ) => policy == own && entity == to && document == attached,
            (Operation::RevokeGrant { key, grant }, Operation::CreateGrant { grant: made, .. }) => {
                let is_of_run = write.grant.as_ref().is_none_or(|id| *id == grant.id);
                *key == made.key && made.became(grant) && is_of_run
            }
            (
                Operation::DeletePolicy { policy, before },
                Operation::CreatePolicy { policy: own, after, .. },
            ) => policy == own && self.documents.is_same(before, after, policy.partition),
            (
                Operation::SetDefaultVersion { policy, version, before, after },
                Operation::CreatePolicyVersion {
                    policy: own, base_version, before: former, after: made, ..
                },
            ) => {
                policy == own
                    && version == base_version
                    && after == former
                    && self.documents.is_same(before, made, policy.partition)
            }
            (
                Operation::WithdrawPolicyVersion { policy, version, .. },
                Operation::CreatePolicyVersion { policy: own, base_version, .. },
            ) => policy == own && version != base_version,
            (
                Operation::CreatePolicyVersion { policy, before, after, .. },
                Operation::CreatePolicyVersion { policy: own, before: former, after: made, .. },
            ) => policy == own && self.is_reduction((before, after), (former, made), policy.partition),
            (
                Operation::CreatePolicyVersion { policy, before, after, .. },
                Operation::CreatePolicy { policy: own, after: made, .. },
            ) => policy == own && self.is_reduction((before, after), (super::EMPTY, made), policy.partition),
            _ => false,
        })
    }

    /// Whether all that goes from one text to another is what a run added: every statement of the first is in the second,
    /// or is there as it was before the run, or was made by the run.
    fn is_reduction(
        &self,
        (from, to): (&str, &str),
        (before_run, after_run): (&str, &str),
        partition: Partition,
    ) -> bool {
        let statements = |text: &str| -> Option<Vec<Value>> {
            let document = self.documents.parsed(text).ok()?;
            Some(document.statements.iter().map(|statement| statement.canonical(partition)).collect())
        };
        let (Some(from), Some(to)) = (statements(from), statements(to)) else { return false };
        let (Some(before), Some(after)) = (statements(before_run), statements(after_run)) else {
            return false;
        };
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Caller;
    use crate::render::findings::tell;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn policy(principal: &str, sid: &str) -> String {
        format!(
            r#"{{"Statement": [{{"Sid": "{sid}", "Effect": "Allow", "Principal": {{"AWS": "{principal}"}}, "Action": "kms:*", "Resource": "*"}}]}}"#
        )
    }

    /// What is said of putting back a text that the record has.
    fn found(before: &str) -> Vec<String> {
        let key: crate::arn::KeyArn = KEY.parse().unwrap();
        let after = policy("arn:aws:iam::111122223333:root", "All");
        let forth = KeyPolicyUpdate { key: key.clone(), before: before.to_owned(), after: after.clone() };
        let back = KeyPolicyUpdate { key: key.clone(), before: after, after: before.to_owned() };
        let written = [Written {
            operation: Operation::UpdateKeyPolicy(forth),
            run: "RUN".to_owned(),
            version: None,
            grant: None,
            is_certain: true,
        }];
        let arn = "arn:aws:iam::111122223333:role/admin".to_owned();
        let caller = Caller { account: key.account, arn };
        let observation = Observation { callers: [(key.account, caller)].into(), ..Observation::default() };
        let change =
            Change { operation: Operation::RestoreKeyPolicy(back), reason: String::new(), gains: Vec::new() };
        let found = violations(&written, &observation, &[change], &Documents::default());
        found.iter().map(|finding| tell(finding).message).collect()
    }

    #[test]
    fn a_text_that_aws_would_refuse_is_not_put_back() {
        assert_eq!(found(&policy("arn:aws:iam::111122223333:role/admin", "Own")), Vec::<String>::new());
        for (before, expected) in [
            (policy("arn:aws:iam::111122223333:role/other", "Own"), "is locked out of the key policy"),
            (policy("arn:aws:iam::111122223333:root", &"A".repeat(32_768)), "the key policy is too large"),
            (policy("arn:aws:iam::111122223333:root", "→"), "characters that PutKeyPolicy refuses"),
            (r#"{"Statement": []}"#.to_owned(), "no statement is left"),
            ("{}".to_owned(), "the element `Statement` is missing"),
        ] {
            let found = found(&before);
            assert!(matches!(&found[..], [only] if only.contains(expected)), "{expected}: {found:#?}");
        }
    }
}
