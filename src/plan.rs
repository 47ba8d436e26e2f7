//! The plan: findings and ordered changes, as a value that is shown, approved and executed.

mod case;
pub mod conclusion;
pub mod document;
pub mod fate;
pub mod finding;
pub mod gains;
pub mod identity_policy;
mod judgement;
pub(crate) mod listing;
pub mod matrix;
mod membership;
mod openness;
pub mod operation;
pub mod outlook;
pub mod patch;
pub mod planner;
pub mod rollback;
pub mod saved;
pub mod soundness;
pub mod survey;
#[cfg(test)]
mod tests;
pub mod users;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::access::{Grantee, NewGrant};
use crate::arn::{AccountId, EntityArn, KeyArn, PolicyArn};

pub use case::Case;
pub use fate::Fate;
pub use finding::{Finding, FindingCode, FindingKind, Severity, Told};
pub use operation::{Action, KeyPolicyUpdate, Now, Operation, Target};
pub use planner::plan;

/// What has to be written, and what stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Plan")]
pub struct Plan<F = Finding> {
    /// Wrong or noteworthy things, blocking ones first.
    pub findings: Vec<F>,
    /// The writes, in the order of their execution.
    pub changes: Vec<Change>,
    /// For each grantee and key, what covers each side, before and after.
    pub coverage: Vec<Coverage>,
    /// What another account's administrator has to do, where no credentials serve.
    pub handovers: Vec<Handover>,
}

impl<F> Plan<F> {
    /// The plan with its findings in another form.
    pub fn map_findings<G>(self, form: impl Fn(&F) -> G) -> Plan<G> {
        let Self { findings, changes, coverage, handovers } = self;
        Plan { findings: findings.iter().map(form).collect(), changes, coverage, handovers }
    }
}

impl Plan {
    /// Whether the plan failed its own check: such a plan is never applied, whatever else is allowed.
    pub fn is_unsound(&self) -> bool {
        self.findings.iter().any(|finding| finding.code() == FindingCode::FailedCheck)
    }

    /// Whether anything found forbids writing.
    pub fn is_blocked(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity() == Severity::Blocking)
    }

    /// Whether something is left that this run can't do: for another account, or by hand.
    pub fn leaves_work(&self) -> bool {
        !self.handovers.is_empty()
            || self.findings.iter().any(|finding| finding.severity() == Severity::LeftOver)
    }

    /// The changes here that others did already: they did not last, or are a bug.
    pub fn repeating<'p>(&'p self, done: &[&Operation]) -> impl Iterator<Item = &'p Change> {
        let is_done = |change: &&Change| done.iter().any(|own| own.is_same_target(&change.operation));
        self.changes.iter().filter(is_done).collect::<Vec<_>>().into_iter()
    }

    /// What is written in one account, with everything found, and without what is handed over to others.
    #[must_use]
    pub fn part_of(&self, account: AccountId) -> Self {
        let is_own = |change: &&Change| change.operation.account() == account;
        Self {
            findings: self.findings.clone(),
            changes: self.changes.iter().filter(is_own).cloned().collect(),
            coverage: self.coverage.clone(),
            handovers: Vec::new(),
        }
    }

    /// What is left of the changes when some are dropped: what depends on a dropped one drops too, and what is
    /// there for the sake of a dropped one.
    pub fn without(&self, dropped: &BTreeSet<usize>) -> Selection {
        let mut selection = Selection::default();
        for (index, change) in self.changes.iter().enumerate() {
            let gone = |earlier: &usize| dropped.contains(earlier) || selection.dragged.contains_key(earlier);
            let needed = self
                .changes
                .iter()
                .enumerate()
                .take(index)
                .find(|(earlier, other)| gone(earlier) && change.operation.depends_on(&other.operation));
            match needed {
                _ if dropped.contains(&index) => {}
                Some((earlier, _)) => _ = selection.dragged.insert(index, earlier),
                None => selection.kept.push(index),
            }
        }
        self.drop_idle_deletions(&mut selection);
        selection
    }
}

impl Plan {
    /// A version makes room for the one that replaces it; where that one does not come, it stays.
    fn drop_idle_deletions(&self, selection: &mut Selection) {
        let operation = |index: &usize| self.changes.get(*index).map(|change| &change.operation);
        let changes = self.changes.iter().enumerate();
        let idle: Vec<(usize, usize)> = selection
            .kept
            .iter()
            .filter_map(|index| {
                let only_for = |(_, change): &(usize, &Change)| {
                    operation(index).is_some_and(|earlier| earlier.is_only_for(&change.operation))
                };
                let (later, _) = changes.clone().find(only_for)?;
                (!selection.kept.contains(&later)).then_some((*index, later))
            })
            .collect();
        for (deletion, creation) in idle {
            selection.kept.retain(|kept| *kept != deletion);
            selection.dragged.insert(deletion, creation);
        }
    }
}

/// Some of a plan's changes, by their indices in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// The changes that remain, in the plan's order.
    pub kept: Vec<usize>,
    /// The changes that go because another one goes, each with that one.
    pub dragged: BTreeMap<usize, usize>,
}

/// One write, with what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Change {
    /// The write itself.
    #[serde(flatten)]
    pub operation: Operation,
    /// Why it is planned, as a sentence.
    pub reason: String,
    /// Who gains something by it.
    pub gains: Vec<Gain>,
}

/// Somebody gets access by a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Gain {
    /// Who.
    pub grantee: Grantee,
    /// With which key.
    pub key: KeyArn,
    /// What, in words that follow "may".
    pub purposes: Vec<String>,
    /// Whether the other side, key policy or IAM, allows it too, now or by this plan.
    pub is_complete: bool,
}

/// Where access with one key stands for one grantee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Coverage {
    /// Who.
    pub grantee: Grantee,
    /// With which key.
    pub key: KeyArn,
    /// The key policy's side.
    pub key_policy: Side,
    /// The IAM side; an account needs nothing there.
    pub identity: Side,
}

/// One side of a grantee's access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// It holds already, by these statements or policies, in words.
    Covered(Vec<String>),
    /// It will hold after the changes.
    Planned,
    /// Nothing is needed here.
    NotNeeded,
    /// It does not hold, and this run does not mend it; a finding or a hand-over says why.
    Missing,
    /// It is in another account than the one whose part is planned.
    Elsewhere,
}

/// What the administrator of an account that no credentials serve has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "side", rename_all = "snake_case")]
pub enum Handover {
    /// In the key's account: statements that the key policy needs.
    KeyPolicy {
        /// The key.
        key: KeyArn,
        /// The statements, ready to be added.
        statements: Vec<serde_json::Value>,
        /// For whom.
        grantees: Vec<Grantee>,
    },
    /// In a requester account: a managed policy and its attachments.
    Identity {
        /// The policy to be made.
        policy: PolicyArn,
        /// The keys it is for.
        keys: Vec<KeyArn>,
        /// Its document.
        document: String,
        /// Whom it has to be attached to.
        entities: Vec<EntityArn>,
        /// Roles of IAM Identity Center, whose permission sets have to reference it.
        permission_set_roles: Vec<EntityArn>,
    },
    /// In the account of a service-linked role: a grant, once the key policy lets it be created.
    Grant {
        /// The grant to be.
        grant: NewGrant,
    },
}

impl Handover {
    /// The account whose administrator is asked.
    pub fn account(&self) -> AccountId {
        match self {
            Self::KeyPolicy { key, .. } => key.account,
            Self::Identity { policy, .. } => policy.account,
            Self::Grant { grant } => grant.account(),
        }
    }
}
