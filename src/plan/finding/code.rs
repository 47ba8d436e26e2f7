//! The kinds of finding by their codes, which stand in files and output, and how much each matters.

use serde::{Deserialize, Serialize};

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
    /// The accounts of an organization have to allow their users and roles the use of the key themselves.
    MembersNeedIam,
    /// The accounts of an organization have to make the grants of their roles of Auto Scaling themselves.
    MembersMakeGrants,
    /// A key policy lets accounts make grants by a variable of which AWS does not say that KMS knows it.
    VariableUntried,
    /// A key policy's version knows no variables, and what was asked for needs one.
    PolicyVersion,
    /// An organization that the key's account is no member of.
    ForeignOrganization,
    /// Where an account stands in AWS Organizations is not known, and something depends on it.
    MembershipUnknown,
    /// Where in its organization an OU is that an ARN alone tells is not known.
    OuPathUnknown,
    /// A statement lets an organization use the key, and not kms:CreateGrant.
    LacksGrants,
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
    /// What a launch template launches from can't be told.
    ImageUntold,
    /// Those whom an image is shared with are to be let in, and it is public.
    PublicImage,
    /// Those whom an image is shared with are to be let in, and it is shared with nobody.
    SharedWithNobody,
    /// Those whom an image is shared with are to be let in, and one of them is the key's own account.
    SharedWithKeyAccount,
    /// The accounts that use an image are to be let in, and no usage report of EC2's tells them.
    UsageUnknown,
    /// A usage report of EC2's tells the accounts that use an image.
    UsageReport,
    /// Accounts that an image is shared with don't use it, and are not let in.
    SharedAndUnused,
    /// Who uses an image may belong to an organization that it is shared with, and nobody was asked.
    UsersUntold,
    /// Accounts use an image that is not shared with them, and are not let in.
    UsedAndUnshared,
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

/// How much a kind matters, and what it leaves open.
enum Weight {
    Blocking,
    LeftOver,
    /// Left over, and nobody can tell meanwhile whether somebody can launch.
    LeftOpen,
    Warning,
    Note,
}

impl FindingCode {
    /// How much findings of this kind matter.
    pub fn severity(self) -> Severity {
        match self.weight() {
            Weight::Blocking => Severity::Blocking,
            Weight::LeftOver | Weight::LeftOpen => Severity::LeftOver,
            Weight::Warning => Severity::Warning,
            Weight::Note => Severity::Note,
        }
    }

    /// Whether nobody can tell, while it is found, if somebody can launch.
    pub fn leaves_open(self) -> bool {
        matches!(self.weight(), Weight::LeftOpen)
    }

    fn weight(self) -> Weight {
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
            | Self::ForeignOrganization
            | Self::PolicyVersion
            | Self::FailedCheck => Weight::Blocking,
            Self::IdentityCenterRole
            | Self::MayNotCreateGrant
            | Self::Unread
            | Self::NotRestorable
            | Self::ChangedSince
            | Self::LaunchPermission
            | Self::ImageNotAllowed
            | Self::ImageState
            | Self::ImageUntold
            | Self::UsersUntold
            | Self::SnapshotUnseen
            | Self::StarterUnknown
            | Self::RefusedElsewhere
            | Self::UnknownValue
            | Self::AssociatedKeys => Weight::LeftOver,
            Self::WholeAccount
            | Self::NoGrantee
            | Self::KeyUnseen
            | Self::PublicImage
            | Self::UsageUnknown => Weight::LeftOpen,
            Self::GroupDelegation
            | Self::GrantUncertain
            | Self::VariableUntried
            | Self::LacksGrants
            | Self::MembershipUnknown
            | Self::WiderThanExisting
            | Self::BroaderThanAsked
            | Self::EscapesBoundary
            | Self::BoundaryInDoubt
            | Self::DenyStatement
            | Self::OpenToAnyone
            | Self::UnrenderedTemplate
            | Self::InertStatement
            | Self::SharedWithNobody
            | Self::UsedAndUnshared
            | Self::OwnedElsewhere => Weight::Warning,
            Self::MultiRegionKey
            | Self::MembersNeedIam
            | Self::OuPathUnknown
            | Self::MembersMakeGrants
            | Self::SeparatePolicy
            | Self::AccessAlready
            | Self::NearMiss
            | Self::NotConsidered
            | Self::StaysOut
            | Self::SnapshotPermission
            | Self::SharedWithKeyAccount
            | Self::UsageReport
            | Self::SharedAndUnused
            | Self::ImageAudited
            | Self::NotEncrypted
            | Self::DefaultEbsKey
            | Self::StateReason
            | Self::LauncherUnknown
            | Self::OwnAwsManagedKey
            | Self::LaunchUnread => Weight::Note,
        }
    }
}
