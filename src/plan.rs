//! The plan: findings and ordered changes, as a value that is shown, approved and executed.

mod case;
pub mod conclusion;
pub mod document;
pub mod gains;
pub mod matrix;
mod openness;
pub mod operation;
pub mod outlook;
pub mod patch;
pub mod planner;
pub mod rollback;
pub mod saved;
pub mod soundness;
#[cfg(test)]
mod tests;
pub mod users;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::access::{Grantee, NewGrant};
use crate::arn::{AccountId, EntityArn, KeyArn, PolicyArn};

pub use case::Case;
pub use operation::{Action, KeyPolicyUpdate, Now, Operation, Target};
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

/// Something wrong or noteworthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Finding {
    /// Which kind.
    pub code: FindingCode,
    /// The ARN or id it is about.
    pub subject: String,
    /// What was found, as a fragment without a final period.
    pub message: String,
    /// The way out, where there is one: a fragment, and after a line end commands, one a line.
    pub hint: Option<String>,
}

impl Finding {
    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// The hint's sentence, and its commands, one a line.
    pub fn way_out(&self) -> Option<(&str, &str)> {
        self.hint.as_deref().map(|hint| hint.split_once('\n').unwrap_or((hint, "")))
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
    /// The caller may not create the grant that a service-linked role needs.
    MayNotCreateGrant,
    /// Whether the caller may create the grant that a service-linked role needs is not known.
    GrantUncertain,
    /// The caller could not change the key policy again, so AWS would refuse it.
    Lockout,
    /// A Deny applies to a grantee's launch.
    ExplicitDeny,
    /// A permissions boundary or a policy of the organization does not allow a grantee's launch.
    ImplicitDeny,
    /// IAM Identity Center's roles get policies by their permission set only.
    IdentityCenterRole,
    /// An existing Allow for a grantee has a condition that the new statement does not have.
    WiderThanExisting,
    /// A grantee has more than the least privilege that was asked for.
    BroaderThanAsked,
    /// A user named in its own account's key policy is no longer limited by its permissions boundary.
    EscapesBoundary,
    /// Nobody can tell whether a permissions boundary or a policy of the organization allows a grantee's launch.
    BoundaryInDoubt,
    /// A Deny may apply to a grantee, or applies to what a launch does not need.
    DenyStatement,
    /// A statement in the key policy lets anyone in: it is for every account, and nothing confines it.
    OpenToAnyone,
    /// A text is a template: what it says is not known before it is rendered.
    UnrenderedTemplate,
    /// A statement in the key policy is one that AWS may refuse.
    InertStatement,
    /// A side could not be read.
    Unread,
    /// The existing policy serves others too, so another one is used.
    SeparatePolicy,
    /// Something that an earlier run took away and that can't come back.
    StaysOut,
    /// What a policy said before an earlier run can't be put back by keymend.
    NotRestorable,
    /// Somebody changed what an earlier run wrote.
    ChangedSince,
    /// The documented remedy is planned for a grantee that can launch without it.
    AccessAlready,
    /// A statement looks as if it let a grantee in and does not.
    NearMiss,
    /// Something that has a say in a launch was not considered.
    NotConsidered,
    /// By its tags a deployment tool owns what is written, and may take the change back.
    OwnedElsewhere,
    /// The patched document failed the independent check; a bug of ours.
    FailedCheck,
    /// An account may not launch an image that another account owns.
    LaunchPermission,
    /// An account may launch an image but not copy its snapshot, which it need not for a launch.
    SnapshotPermission,
    /// An account's Allowed AMIs setting keeps an image out.
    ImageNotAllowed,
    /// An account's Allowed AMIs setting, in audit mode, would keep an image out.
    ImageAudited,
    /// An image or a snapshot is in a state that nothing launches from.
    ImageState,
    /// A snapshot does not exist or is not shown, so that its key can't be told.
    SnapshotUnseen,
    /// A key of another region than the image's.
    KeyRegion,
    /// Nothing that was found is encrypted: no key stands in the way.
    NotEncrypted,
    /// What another account owns is encrypted anew under the launching account's default EBS key.
    DefaultEbsKey,
    /// Why an instance was terminated.
    StateReason,
    /// Which user or role launched an instance is not told by it.
    LauncherUnknown,
    /// Which user or role starts an instance is not told by it, so that nothing is settled.
    StarterUnknown,
    /// The launching account's own AWS managed key, which needs nobody's leave.
    OwnAwsManagedKey,
    /// Something of the launch besides keys could not be read.
    LaunchUnread,
    /// A call was refused by what is no policy of a key or an identity, or by a Deny.
    RefusedElsewhere,
    /// An account is let in as a whole, for nothing tells which of its users and roles launched.
    WholeAccount,
    /// A caller that was refused can be no grantee.
    NoGrantee,
    /// A policy that no change of ours may mend denies the instance's identity-only role.
    IdentityOnlyRoleDenied,
    /// A launch seems to have failed for a key, and which one can't be seen.
    KeyUnseen,
    /// AWS answers with something that is newer than this program: what it means for a launch is not known.
    UnknownValue,
    /// A snapshot has further keys, and AWS does not say which of them a launch uses.
    AssociatedKeys,
}

impl FindingCode {
    /// Whether nobody can tell, while it is found, if somebody can launch.
    pub fn leaves_open(self) -> bool {
        matches!(self, Self::WholeAccount | Self::NoGrantee | Self::KeyUnseen)
    }

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
            | Self::ImplicitDeny
            | Self::KeyRegion
            | Self::IdentityOnlyRoleDenied
            | Self::FailedCheck => Severity::Blocking,
            Self::IdentityCenterRole
            | Self::MayNotCreateGrant
            | Self::Unread
            | Self::NotRestorable
            | Self::ChangedSince
            | Self::LaunchPermission
            | Self::ImageNotAllowed
            | Self::ImageState
            | Self::SnapshotUnseen
            | Self::StarterUnknown
            | Self::RefusedElsewhere
            | Self::WholeAccount
            | Self::NoGrantee
            | Self::KeyUnseen
            | Self::UnknownValue
            | Self::AssociatedKeys => Severity::LeftOver,
            Self::GroupDelegation
            | Self::GrantUncertain
            | Self::WiderThanExisting
            | Self::BroaderThanAsked
            | Self::EscapesBoundary
            | Self::BoundaryInDoubt
            | Self::DenyStatement
            | Self::OpenToAnyone
            | Self::UnrenderedTemplate
            | Self::InertStatement
            | Self::OwnedElsewhere => Severity::Warning,
            Self::MultiRegionKey
            | Self::SeparatePolicy
            | Self::AccessAlready
            | Self::NearMiss
            | Self::NotConsidered
            | Self::StaysOut
            | Self::SnapshotPermission
            | Self::ImageAudited
            | Self::NotEncrypted
            | Self::DefaultEbsKey
            | Self::StateReason
            | Self::LauncherUnknown
            | Self::OwnAwsManagedKey
            | Self::LaunchUnread => Severity::Note,
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
