//! What a change of a document gives and takes, found by evaluating it before and after for every kind of request
//! that it tells apart.
//!
//! - Principals: all that either document or the request mentions, as a principal or in a condition on
//!   `aws:PrincipalArn`; the caller; of each of their accounts the root and a user and a role that nobody mentions;
//!   and the same of an account that nobody mentions. Of those whom no statement tells apart, one stands for all,
//!   unless a condition is about who asks.
//! - Actions: all that any statement is about, and kms:PutKeyPolicy. Of those that no statement tells apart, one
//!   stands for all.
//! - Contexts: of each condition key each value that is mentioned, something else, and its absence; in every
//!   combination up to [`MOST_CONTEXTS`], beyond that one key at a time.
//! - The other side: key policies are evaluated for principals whose own policies allow everything and for such
//!   whose policies allow nothing; IAM policies for keys that let the account in, mentioned or not.
//!
//! What is allowed before is allowed after. What is allowed only after is what statements of just the required form,
//! for whom and what was asked for, allow by themselves: an account's root stands for all of its account there.

mod contexts;
mod principals;

use std::collections::BTreeSet;

use crate::arn::{AccountId, EntityKind, KeyArn, Partition};
use crate::authz::{Context, Outcome, Policies, Prepared, Query, evaluate};
use crate::policy::{KmsAction, PolicyDocument};

use contexts::contexts;
use principals::{Universe, stranger};

/// How many contexts are tried at most before keys are varied one at a time.
const MOST_CONTEXTS: usize = 64;

const ALLOW_EVERYTHING: &str =
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;

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
        let versions = self.prepared();
        let everything = Prepared::new(&parse(ALLOW_EVERYTHING)?);
        let universe = Universe::of(self.documents(), key, names, caller);
        let principals = universe.told_apart_by(&versions);
        let actions = actions_told_apart(&versions);
        let contexts = contexts(self.documents());
        for own in [&[&everything][..], &[]] {
            for principal in &principals {
                let about = |prepared: &Prepared, action: KmsAction, context: &Context| {
                    let policies =
                        Policies { key_policy: Some(prepared), identity: Some(own), ..Policies::default() };
                    evaluate(&Query::new(principal, action, key, context), &policies).outcome
                };
                compare(&versions, &actions, &contexts, about).map_err(|difference| match difference {
                    Difference::Lost(action) if Some(principal.name()) == caller && action == PUT => {
                        format!("the caller `{principal}` loses {action}")
                    }
                    Difference::Lost(action) => format!("`{principal}` loses {action}"),
                    Difference::Gained(action) => {
                        format!("`{principal}` gets {action}, which nobody asked for")
                    }
                })?;
            }
        }
        Ok(())
    }

    /// Checks an IAM policy of an account; the keys are those asked for.
    pub(super) fn check_identity_policy(&self, account: AccountId, keys: &[KeyArn]) -> Result<(), String> {
        let versions = self.prepared();
        let actions = actions_told_apart(&versions);
        let contexts = contexts(self.documents());
        let partition = keys.first().map_or(Partition::Aws, |key| key.partition);
        let somebody = stranger(partition, account, EntityKind::User);
        let lets_in = parse(&format!(
            r#"{{"Statement": {{"Effect": "Allow", "Principal": {{"AWS": "arn:{partition}:iam::{account}:root"}},
            "Action": "kms:*", "Resource": "*"}}}}"#
        ))?;
        let lets_in = Prepared::new(&lets_in);
        for key in self.keys(keys) {
            let about = |prepared: &Prepared, action: KmsAction, context: &Context| {
                let own = [prepared];
                let policies =
                    Policies { key_policy: Some(&lets_in), identity: Some(&own), ..Policies::default() };
                evaluate(&Query::new(&somebody, action, &key, context), &policies).outcome
            };
            compare(&versions, &actions, &contexts, about).map_err(|difference| match difference {
                Difference::Lost(action) => format!("{action} on `{key}` is lost"),
                Difference::Gained(action) => format!("{action} on `{key}` is given, which nobody asked for"),
            })?;
        }
        Ok(())
    }

    fn documents(&self) -> [&PolicyDocument; 3] {
        [self.before, self.after, self.asked]
    }

    fn prepared(&self) -> Versions {
        let [before, after, asked] = self.documents().map(Prepared::new);
        Versions { before, after, asked }
    }

    /// The keys asked for and mentioned, and for each one that nobody mentions.
    fn keys(&self, asked: &[KeyArn]) -> BTreeSet<KeyArn> {
        let statements = self.documents().into_iter().flat_map(|document| &document.statements);
        let resources = statements.filter_map(|statement| statement.resource.as_ref());
        let mentioned =
            resources.flat_map(|resource| resource.list.iter()).filter_map(|text| text.parse().ok());
        let known: BTreeSet<KeyArn> = mentioned.chain(asked.iter().cloned()).collect();
        let others = known
            .iter()
            .map(|key| KeyArn { id: "00000000-0000-0000-0000-000000000000".to_owned(), ..key.clone() });
        others.chain(known.iter().cloned()).collect()
    }
}

const PUT: &str = "kms:PutKeyPolicy";

/// A document's versions in the form that is evaluated.
struct Versions {
    before: Prepared,
    after: Prepared,
    asked: Prepared,
}

/// A difference that nobody asked for, with the action.
enum Difference {
    Lost(String),
    Gained(String),
}

fn compare(
    versions: &Versions,
    actions: &[KmsAction],
    contexts: &[Context],
    about: impl Fn(&Prepared, KmsAction, &Context) -> Outcome,
) -> Result<(), Difference> {
    for context in contexts {
        for action in actions {
            let [before, after] =
                [&versions.before, &versions.after].map(|prepared| degree(about(prepared, *action, context)));
            if after < before {
                return Err(Difference::Lost(action.to_string()));
            }
            if after > before && degree(about(&versions.asked, *action, context)) < after {
                return Err(Difference::Gained(action.to_string()));
            }
        }
    }
    Ok(())
}

/// How far something is allowed: not, perhaps, surely.
fn degree(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::ExplicitDeny | Outcome::ImplicitDeny => 0,
        Outcome::Unknown => 1,
        Outcome::Allowed => 2,
    }
}

/// One of each group of actions that no statement of any version tells apart.
fn actions_told_apart(versions: &Versions) -> Vec<KmsAction> {
    let documents = [&versions.before, &versions.after, &versions.asked];
    let are_alike = |one: KmsAction, other: KmsAction| {
        documents.iter().all(|document| {
            Policies { key_policy: Some(document), ..Policies::default() }.treat_alike(one, other)
        })
    };
    let mut told_apart: Vec<KmsAction> = Vec::new();
    for action in KmsAction::all() {
        if !told_apart.iter().any(|known| are_alike(*known, action)) {
            told_apart.push(action);
        }
    }
    told_apart
}

fn parse(text: &str) -> Result<PolicyDocument, String> {
    PolicyDocument::parse(text).map_err(|error| error.to_string())
}
