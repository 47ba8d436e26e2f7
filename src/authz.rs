//! Whether a request is allowed, and which statements decide.
//!
//! Three-valued: what is not known, and what AWS does not document, is unknown rather than guessed.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>,
//! <https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html>

mod access;
mod condition;
mod context;
mod decision;
mod evaluation;
mod gathered;
mod grant;
mod near_miss;
mod occasion;
mod prepared;
mod principal;
mod principals;
pub mod requests;
mod template;
mod truth;

#[cfg(test)]
mod tests;

pub(crate) use context::QueriedKey;
pub use context::{Context, Query};
pub use decision::{Decision, DocumentRef, Doubt, Gate, Outcome, StatementRef};
pub use evaluation::{doubt, evaluate, near_misses};
pub use grant::{Constraint, Grant};
pub use near_miss::{Has, NearMiss, ResourceMistake, Unmet, ViaServiceMistake};
pub use occasion::{Cell, Occasion, ROWS, Row};
pub use prepared::{Exception, Prepared};
pub use principal::{Principal, PrincipalKind};
pub(crate) use principals::Standing;
pub use truth::Truth;

use crate::policy::{Effect, KmsAction};

/// Everything that has a say in a request, as far as it was read.
///
/// Limits that do not apply to a kind of principal are passed over: boundaries and session policies for root
/// users, service control policies for service-linked roles and services, and so on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policies<'p> {
    /// The key's policy; none where it was not read, for every key has one.
    pub key_policy: Option<&'p Prepared>,
    /// The key's policy `AWS_RAM`, which says what it says beside the key policy.
    pub ram_policy: RamDocument<'p>,
    /// The principal's own policies: managed ones, inline ones and those of its groups. None where they were
    /// not read.
    pub identity: Option<&'p [&'p Prepared]>,
    /// The principal's permissions boundary.
    pub boundary: Boundary<'p>,
    /// The policies that a session was made with; none where it was made without.
    pub session: Option<&'p [&'p Prepared]>,
    /// Service control policies of the principal's account, from the organization's root down, a list for
    /// each level; none where they were not read. A level without any allows nothing.
    pub scps: Option<&'p [Vec<&'p Prepared>]>,
    /// Resource control policies of the key's account, in the same way, but that these only ever deny.
    pub rcps: Option<&'p [Vec<&'p Prepared>]>,
    /// The grants on the key; none where they were not read.
    pub grants: Option<&'p [Grant]>,
}

/// The permissions boundary of a user or role.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html>
#[derive(Debug, Clone, Copy, Default)]
pub enum Boundary<'p> {
    /// It has none.
    #[default]
    None,
    /// Whether it has one was not read, or what it says.
    Unread,
    /// It has this one.
    Document(&'p Prepared),
}

/// The policy of a key that AWS Resource Access Manager writes.
#[derive(Debug, Clone, Copy, Default)]
pub enum RamDocument<'p> {
    /// There is none.
    #[default]
    None,
    /// Whether there is one was not read, or what it says.
    Unread,
    /// There is this one.
    Document(&'p Prepared),
}

impl<'p> RamDocument<'p> {
    fn document(self) -> Option<&'p Prepared> {
        match self {
            Self::Document(document) => Some(document),
            Self::None | Self::Unread => None,
        }
    }
}

impl<'p> Policies<'p> {
    /// The document of a statement; none for a grant.
    pub fn document(&self, document: DocumentRef) -> Option<&'p Prepared> {
        let in_levels = |levels: Option<&'p [Vec<&'p Prepared>]>, level: usize, index: usize| {
            levels?.get(level)?.get(index).copied()
        };
        match document {
            DocumentRef::KeyPolicy => self.key_policy,
            DocumentRef::RamPolicy => self.ram_policy.document(),
            DocumentRef::Identity(index) => self.identity?.get(index).copied(),
            DocumentRef::Boundary => match self.boundary {
                Boundary::Document(document) => Some(document),
                Boundary::None | Boundary::Unread => None,
            },
            DocumentRef::Session(index) => self.session?.get(index).copied(),
            DocumentRef::Scp { level, index } => in_levels(self.scps, level, index),
            DocumentRef::Rcp { level, index } => in_levels(self.rcps, level, index),
            DocumentRef::Grant(_) => None,
        }
    }

    /// The Sid of a statement.
    pub fn sid(&self, statement: StatementRef) -> Option<&'p str> {
        self.document(statement.document)?.sid(statement.index)
    }

    /// The effect of a statement; a grant allows.
    pub fn effect(&self, statement: StatementRef) -> Effect {
        self.document(statement.document)
            .and_then(|document| document.effect(statement.index))
            .unwrap_or(Effect::Allow)
    }

    /// Whether all policies and grants say the same of two actions, whoever asks and in whatever context.
    pub fn treat_alike(&self, one: KmsAction, other: KmsAction) -> bool {
        let levels =
            |levels: Option<&'p [Vec<&'p Prepared>]>| levels.into_iter().flatten().flatten().copied();
        let boundary = match self.boundary {
            Boundary::Document(document) => Some(document),
            Boundary::None | Boundary::Unread => None,
        };
        let own = self.identity.into_iter().chain(self.session).flatten().copied();
        let mut documents = own
            .chain(self.key_policy)
            .chain(self.ram_policy.document())
            .chain(boundary)
            .chain(levels(self.scps))
            .chain(levels(self.rcps));
        context::are_of_one_kind(one, other)
            && documents.all(|document| document.treats_alike(one, other))
            && self.grants.into_iter().flatten().all(|grant| grant.treats_alike(one, other))
    }

    /// What was not considered, in words; then nothing is proven.
    pub fn not_considered(&self) -> Vec<&'static str> {
        [
            (self.key_policy.is_none(), "the key policy"),
            (matches!(self.ram_policy, RamDocument::Unread), "the key's policy AWS_RAM"),
            (self.identity.is_none(), "the principal's IAM policies"),
            (matches!(self.boundary, Boundary::Unread), "the principal's permissions boundary"),
            (self.scps.is_none(), "service control policies"),
            (self.rcps.is_none(), "resource control policies"),
            (self.grants.is_none(), "grants"),
        ]
        .into_iter()
        .filter(|(is_missing, _)| *is_missing)
        .map(|(_, what)| what)
        .collect()
    }
}
