//! The plan: findings and ordered changes, as a value that is shown, approved and executed.

pub mod checks;
pub mod document;
pub mod matrix;
pub mod patch;
pub mod planner;
pub mod saved;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::access::Grantee;
use crate::arn::{AccountId, EntityArn, EntityName, KeyArn, PolicyArn};
use crate::policy::Fingerprint;

pub use planner::plan;

/// What has to be written, and what stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Plan {
    /// Wrong or noteworthy things, blocking ones first.
    pub findings: Vec<Finding>,
    /// The writes, in the order of their execution.
    pub changes: Vec<Change>,
    /// For each grantee and key, what covers each side, before and after.
    pub coverage: Vec<Coverage>,
    /// What another account's administrator has to do, where no credentials serve.
    pub handovers: Vec<Handover>,
}

impl Plan {
    /// Whether the plan failed its own check: such a plan is never applied, whatever else is allowed.
    pub fn is_unsound(&self) -> bool {
        self.findings.iter().any(|finding| finding.code == FindingCode::FailedCheck)
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
        let idle: Vec<(usize, usize)> = selection
            .kept
            .iter()
            .filter(|index| matches!(operation(index), Some(Operation::DeletePolicyVersion { .. })))
            .filter_map(|deletion| {
                let (creation, _) = self.changes.iter().enumerate().find(|(_, change)| {
                    matches!(change.operation, Operation::CreatePolicyVersion { .. })
                        && operation(deletion).is_some_and(|deletion| change.operation.depends_on(deletion))
                })?;
                (!selection.kept.contains(&creation)).then_some((*deletion, creation))
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

/// The kinds of write. Documents are complete texts, exactly as sent and as read before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Operation {
    /// Takes principals that no longer exist out of a key policy (kms:PutKeyPolicy).
    PruneOrphans(KeyPolicyUpdate),
    /// Adds statements or principals to a key policy (kms:PutKeyPolicy).
    UpdateKeyPolicy(KeyPolicyUpdate),
    /// Creates a customer managed policy (iam:CreatePolicy).
    CreatePolicy {
        /// The policy to be.
        policy: PolicyArn,
        /// Its description, which can't be changed later.
        description: String,
        /// Its document.
        after: String,
    },
    /// Deletes the oldest version that is not the default, to make room (iam:DeletePolicyVersion).
    DeletePolicyVersion {
        /// The policy.
        policy: PolicyArn,
        /// The version that goes.
        version: String,
        /// Its document, kept.
        before: String,
        /// How many versions there are; where there are fewer by then, nothing has to go.
        versions: usize,
    },
    /// Creates a version and makes it the default (iam:CreatePolicyVersion).
    CreatePolicyVersion {
        /// The policy.
        policy: PolicyArn,
        /// The default version's id now.
        base_version: String,
        /// The default version's document now.
        before: String,
        /// The new version's document.
        after: String,
        /// Whom the policy is attached to and whose boundary it is: it is written for nobody else.
        serves: Vec<EntityName>,
    },
    /// Attaches a managed policy (iam:AttachUserPolicy, iam:AttachRolePolicy, iam:AttachGroupPolicy).
    AttachPolicy {
        /// The policy.
        policy: PolicyArn,
        /// The user, role or group.
        entity: EntityArn,
        /// What the policy says then: nothing else is attached.
        document: Fingerprint,
    },
}

/// A key policy before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct KeyPolicyUpdate {
    /// The key.
    pub key: KeyArn,
    /// The policy as read.
    pub before: String,
    /// The policy as it will be sent.
    pub after: String,
}

/// What a change does to the thing it touches.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Something new comes to be.
    Create,
    /// Something is changed in place.
    Update,
    /// A policy is attached.
    Attach,
    /// Something goes.
    Delete,
}

impl Operation {
    /// The kind of action.
    pub fn action(&self) -> Action {
        match self {
            Self::PruneOrphans(_) | Self::UpdateKeyPolicy(_) | Self::CreatePolicyVersion { .. } => {
                Action::Update
            }
            Self::CreatePolicy { .. } => Action::Create,
            Self::DeletePolicyVersion { .. } => Action::Delete,
            Self::AttachPolicy { .. } => Action::Attach,
        }
    }

    /// The account it is written in.
    pub fn account(&self) -> AccountId {
        match self {
            Self::PruneOrphans(update) | Self::UpdateKeyPolicy(update) => update.key.account,
            Self::CreatePolicy { policy, .. }
            | Self::DeletePolicyVersion { policy, .. }
            | Self::CreatePolicyVersion { policy, .. }
            | Self::AttachPolicy { policy, .. } => policy.account,
        }
    }

    /// The region it is written in; IAM has none.
    pub fn region(&self) -> Option<&str> {
        match self {
            Self::PruneOrphans(update) | Self::UpdateKeyPolicy(update) => Some(&update.key.region),
            _ => None,
        }
    }

    /// The ARN of what is written to.
    pub fn resource(&self) -> String {
        match self {
            Self::PruneOrphans(update) | Self::UpdateKeyPolicy(update) => update.key.to_string(),
            Self::CreatePolicy { policy, .. }
            | Self::DeletePolicyVersion { policy, .. }
            | Self::CreatePolicyVersion { policy, .. }
            | Self::AttachPolicy { policy, .. } => policy.to_string(),
        }
    }

    /// The document that it replaces or deletes.
    pub fn before(&self) -> Option<&str> {
        match self {
            Self::PruneOrphans(update) | Self::UpdateKeyPolicy(update) => Some(&update.before),
            Self::DeletePolicyVersion { before, .. } | Self::CreatePolicyVersion { before, .. } => {
                Some(before)
            }
            Self::CreatePolicy { .. } | Self::AttachPolicy { .. } => None,
        }
    }

    /// The document that it writes.
    pub fn after(&self) -> Option<&str> {
        match self {
            Self::PruneOrphans(update) | Self::UpdateKeyPolicy(update) => Some(&update.after),
            Self::CreatePolicy { after, .. } | Self::CreatePolicyVersion { after, .. } => Some(after),
            Self::DeletePolicyVersion { .. } | Self::AttachPolicy { .. } => None,
        }
    }

    /// The AWS API call that performs it, with the service's prefix, as IAM names the permission.
    pub fn api_call(&self) -> &'static str {
        use crate::arn::EntityKind;
        match self {
            Self::PruneOrphans(_) | Self::UpdateKeyPolicy(_) => "kms:PutKeyPolicy",
            Self::CreatePolicy { .. } => "iam:CreatePolicy",
            Self::DeletePolicyVersion { .. } => "iam:DeletePolicyVersion",
            Self::CreatePolicyVersion { .. } => "iam:CreatePolicyVersion",
            Self::AttachPolicy { entity, .. } => match entity.kind {
                EntityKind::User => "iam:AttachUserPolicy",
                EntityKind::Role => "iam:AttachRolePolicy",
                EntityKind::Group => "iam:AttachGroupPolicy",
            },
        }
    }

    /// Whether both do the same to the same thing, whatever the documents.
    pub fn is_same_target(&self, other: &Self) -> bool {
        let entity = |operation: &Self| match operation {
            Self::AttachPolicy { entity, .. } => Some(entity.clone()),
            _ => None,
        };
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.resource() == other.resource()
            && entity(self) == entity(other)
    }

    /// Whether this write makes sense only after the other, earlier one.
    pub fn depends_on(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::UpdateKeyPolicy(update), Self::PruneOrphans(prune)) => update.key == prune.key,
            (Self::CreatePolicyVersion { policy, .. }, Self::DeletePolicyVersion { policy: other, .. })
            | (
                Self::AttachPolicy { policy, .. },
                Self::CreatePolicy { policy: other, .. } | Self::CreatePolicyVersion { policy: other, .. },
            ) => policy == other,
            _ => false,
        }
    }
}

impl fmt::Display for Operation {
    /// What it does, as a fragment that starts with a verb.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PruneOrphans(_) => {
                f.write_str("remove principals that no longer exist from the key policy")
            }
            Self::UpdateKeyPolicy(_) => f.write_str("update the key policy"),
            Self::CreatePolicy { policy, .. } => write!(f, "create the policy {}", policy.name),
            Self::DeletePolicyVersion { policy, version, .. } => {
                write!(f, "delete version {version} of the policy {}", policy.name)
            }
            Self::CreatePolicyVersion { policy, .. } => write!(f, "update the policy {}", policy.name),
            Self::AttachPolicy { policy, entity, .. } => {
                write!(f, "attach the policy {} to {}", policy.name, entity.entity_name())
            }
        }
    }
}

/// Something wrong or noteworthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Finding {
    /// Which kind.
    pub code: FindingCode,
    /// The ARN or id it is about.
    pub subject: String,
    /// What was found, as a fragment without a final period.
    pub message: String,
    /// The way out, where there is one.
    pub hint: Option<String>,
}

impl Finding {
    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

/// How much a finding matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// No change of ours may mend it; nothing is written.
    Blocking,
    /// Somebody has to do something besides.
    LeftOver,
    /// Think before you say yes.
    Warning,
    /// Good to know.
    Note,
}

/// The kinds of finding.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    /// The key is managed by AWS: its policy can't be changed and its snapshots can't be shared.
    AwsManagedKey,
    /// The key can't encrypt EBS volumes: asymmetric or HMAC, or for signing.
    UnsuitableKey,
    /// The key is not enabled.
    KeyState,
    /// The key has siblings in other regions, each with a policy of its own.
    MultiRegionKey,
    /// A policy text is not a policy that can be edited.
    UnreadablePolicy,
    /// A key policy that has to be written names principals that no longer exist.
    OrphanedPrincipals,
    /// A user, role or group does not exist.
    NoSuchPrincipal,
    /// A group of the key's own account, whose IAM the key policy does not let in.
    MissingDelegation,
    /// A group of another account brings that account's root.
    GroupDelegation,
    /// A grantee of another partition than the key's.
    PartitionMismatch,
    /// A document would be larger than AWS takes.
    TooLarge,
    /// An entity has as many policies attached as it may.
    AttachmentQuota,
    /// A service-linked role of another account needs a grant.
    ServiceLinkedRole,
    /// The caller could not change the key policy again, so AWS would refuse it.
    Lockout,
    /// A Deny without conditions applies to a grantee.
    ExplicitDeny,
    /// IAM Identity Center's roles get policies by their permission set only.
    IdentityCenterRole,
    /// An existing Allow for a grantee has a condition that the new statement does not have.
    WiderThanExisting,
    /// A Deny in the key policy may apply to a grantee.
    DenyStatement,
    /// A statement in the key policy is one that AWS may refuse.
    InertStatement,
    /// A side could not be read.
    Unread,
    /// The existing policy serves others too, so another one is used.
    SeparatePolicy,
    /// The patched document failed the independent check; a bug of ours.
    FailedCheck,
}

impl FindingCode {
    /// How much findings of this kind matter.
    pub fn severity(self) -> Severity {
        match self {
            Self::AwsManagedKey
            | Self::UnsuitableKey
            | Self::KeyState
            | Self::UnreadablePolicy
            | Self::OrphanedPrincipals
            | Self::NoSuchPrincipal
            | Self::MissingDelegation
            | Self::PartitionMismatch
            | Self::TooLarge
            | Self::AttachmentQuota
            | Self::Lockout
            | Self::ExplicitDeny
            | Self::FailedCheck => Severity::Blocking,
            Self::IdentityCenterRole | Self::ServiceLinkedRole | Self::Unread => Severity::LeftOver,
            Self::GroupDelegation | Self::WiderThanExisting | Self::DenyStatement | Self::InertStatement => {
                Severity::Warning
            }
            Self::MultiRegionKey | Self::SeparatePolicy => Severity::Note,
        }
    }
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
}

impl Handover {
    /// The account whose administrator is asked.
    pub fn account(&self) -> AccountId {
        match self {
            Self::KeyPolicy { key, .. } => key.account,
            Self::Identity { policy, .. } => policy.account,
        }
    }
}
