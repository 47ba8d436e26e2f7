//! What a change of a document gives and takes, found by evaluating what is different before and after.
//!
//! What allows is an alternative: a request is allowed if one `Allow` statement lets it be, and no `Deny` forbids it.
//! So what stands in both documents, and every `Deny`, cancels out, and each statement that does not is tried by
//! itself:
//!
//! - Nothing is lost where each statement that is gone is made up for, request by request, by statements that came.
//! - Nothing is gained where each statement that came gives no more, request by request, than statements that went,
//!   or than what was asked for gives by itself: an account's root stands for all of its account there.
//!
//! A statement makes up for another one only if each of its conditions stands in the other one too, with as many values
//! or more: then it holds wherever the other one does, and no value of any condition key has to be tried. So the cost grows with the
//! statements that changed, whatever conditions the document has.
//!
//! Requests are all that the statements of one trial tell apart:
//!
//! - Principals: all that these statements or the request mention, and the caller; of each of their accounts the root
//!   and a user and a role that nobody mentions; and the same of an account that nobody mentions.
//! - Actions: one of each group that no statement tells apart.
//! - The other side: key policies are evaluated for principals whose own policies allow everything and for such
//!   whose policies allow nothing; IAM policies for keys that let the account in, mentioned or not.

mod changed;
mod principals;

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::arn::{AccountId, EntityKind, KeyArn, Partition};
use crate::authz::{Context, Outcome, Policies, Prepared, QueriedKey, Query, evaluate};
use crate::policy::{KmsAction, PolicyDocument};

use super::{ALLOW_EVERYTHING, parsed};
use changed::{Changed, StatementTrial};
use principals::Universe;

pub(super) use principals::stranger;

/// A document before and after a change, and a document of exactly what was asked for.
pub(super) struct Rewrite<'a> {
    pub(super) before: &'a PolicyDocument,
    pub(super) after: &'a PolicyDocument,
    pub(super) asked: &'a PolicyDocument,
}

impl Rewrite<'_> {
    /// Checks a key policy; the names are of those whom the request mentions.
    pub(super) fn check_key_policy(
        &self,
        key: &KeyArn,
        names: &BTreeSet<String>,
        caller: Option<&str>,
    ) -> Result<(), String> {
        let everything = Prepared::new(&parsed(ALLOW_EVERYTHING)?);
        let (context, queried) = (Context::unknown(), QueriedKey::new(key));
        for trial in Changed::of(self, key.partition)?.trials() {
            let principals = Universe::of(trial.statements(), key, names, caller).told_apart_by(&trial);
            let actions = trial.actions();
            for own in [&[&everything][..], &[]] {
                for principal in &principals {
                    let query = Query::of(principal, KmsAction::DECRYPT, Rc::clone(&queried), &context);
                    let about = |prepared: &Prepared, action: KmsAction| {
                        let policies = Policies {
                            key_policy: Some(prepared),
                            identity: Some(own),
                            ..Policies::default()
                        };
                        evaluate(&query.about(action), &policies).outcome
                    };
                    trial.run(&actions, about).map_err(|difference| match difference {
                        Unasked::Lost(action) if Some(principal.name()) == caller && action == PUT => {
                            format!("the caller `{principal}` loses {action}")
                        }
                        Unasked::Lost(action) => format!("`{principal}` loses {action}"),
                        Unasked::Gained(action) => {
                            format!("`{principal}` gets {action}, which nobody asked for")
                        }
                    })?;
                }
            }
        }
        Ok(())
    }

    /// How many requests the check of a key policy tries.
    #[cfg(test)]
    pub(super) fn requests_tried(
        &self,
        key: &KeyArn,
        names: &BTreeSet<String>,
        caller: Option<&str>,
    ) -> usize {
        let changed = Changed::of(self, key.partition).unwrap();
        let count = |trial: &StatementTrial<'_>| {
            let principals = Universe::of(trial.statements(), key, names, caller).told_apart_by(trial);
            2 * principals.len() * trial.actions().len()
        };
        changed.trials().iter().map(count).sum()
    }

    /// Checks an IAM policy of an account; the keys are those asked for.
    pub(super) fn check_identity_policy(&self, account: AccountId, keys: &[KeyArn]) -> Result<(), String> {
        let partition = keys.first().map_or(Partition::Aws, |key| key.partition);
        let somebody = stranger(partition, account, EntityKind::User);
        let lets_in = parsed(&format!(
            r#"{{"Statement": {{"Effect": "Allow", "Principal": {{"AWS": "arn:{partition}:iam::{account}:root"}},
            "Action": "kms:*", "Resource": "*"}}}}"#
        ))?;
        let lets_in = Prepared::new(&lets_in);
        let context = Context::unknown();
        for trial in Changed::of(self, partition)?.trials() {
            let actions = trial.actions();
            for key in trial.keys(keys) {
                let query = Query::new(&somebody, KmsAction::DECRYPT, &key, &context);
                let about = |prepared: &Prepared, action: KmsAction| {
                    let own = [prepared];
                    let policies =
                        Policies { key_policy: Some(&lets_in), identity: Some(&own), ..Policies::default() };
                    evaluate(&query.about(action), &policies).outcome
                };
                trial.run(&actions, about).map_err(|difference| match difference {
                    Unasked::Lost(action) => format!("{action} on `{key}` is lost"),
                    Unasked::Gained(action) => {
                        format!("{action} on `{key}` is given, which nobody asked for")
                    }
                })?;
            }
        }
        Ok(())
    }
}

const PUT: &str = "kms:PutKeyPolicy";

/// A difference that nobody asked for, with the action.
enum Unasked {
    Lost(String),
    Gained(String),
}

impl StatementTrial<'_> {
    /// Compares a statement with what has to make up for it.
    fn run(
        &self,
        actions: &[KmsAction],
        about: impl Fn(&Prepared, KmsAction) -> Outcome,
    ) -> Result<(), Unasked> {
        for action in actions {
            let [tried, by] = [&self.tried, &self.by].map(|prepared| degree(about(prepared, *action)));
            if by < tried {
                let action = action.to_string();
                return Err(if self.came { Unasked::Gained(action) } else { Unasked::Lost(action) });
            }
        }
        Ok(())
    }
}

/// How far something is allowed: not, perhaps, surely.
pub(super) fn degree(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::ExplicitDeny | Outcome::ImplicitDeny => 0,
        Outcome::Unknown => 1,
        Outcome::Allowed => 2,
    }
}
