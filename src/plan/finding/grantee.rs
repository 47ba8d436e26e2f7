//! What is found of the grantees themselves.

use super::FindingCode;
use crate::access::{MembersRole, PolicyName, ServiceLinkedRole};
use crate::arn::{AccountId, EntityArn, KeyArn, OrganizationId, Partition};

/// Why access can't be planned for a grantee as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GranteeFinding {
    /// It is of another partition than a key.
    OtherPartition {
        /// The grantee's.
        partition: Partition,
        /// The key.
        key: KeyArn,
    },
    /// Its name exists, under another path.
    OtherPath {
        /// What exists.
        found: EntityArn,
    },
    /// No user, role or group has the name.
    NoSuchEntity {
        /// What was asked for.
        entity: EntityArn,
    },
    /// The account does not have the service-linked role yet.
    NoSuchRole {
        /// What was asked for.
        role: ServiceLinkedRole,
    },
    /// A group of another account, for which the account as a whole is let in.
    StandsForAccount {
        /// The account.
        account: AccountId,
    },
    /// The key's account is a member of another organization, or of none.
    ForeignOrganization {
        /// The key's account.
        account: AccountId,
        /// Its organization; none where it is of none.
        own: Option<OrganizationId>,
        /// What was asked for of the other one, where that are its accounts' roles of Auto Scaling.
        role: Option<MembersRole>,
    },
    /// The members of an organization: what lets their users and roles use the keys is their own accounts' IAM.
    MembersNeedIam {
        /// The keys.
        keys: Vec<KeyArn>,
        /// The actions that whoever launches needs.
        actions: Vec<String>,
        /// The name of the policy that gives them.
        policy: PolicyName,
        /// How many characters such a policy has, and how many IAM takes, where these are fewer.
        excess: Option<(usize, usize)>,
    },
    /// The roles of Auto Scaling of an organization's accounts: each account makes the grant of its own one.
    MembersMakeGrants {
        /// The keys.
        keys: Vec<KeyArn>,
        /// Whose roles.
        role: MembersRole,
    },
    /// A group of the key's own account, where the key policy does not let the account's IAM decide.
    NoDelegation {
        /// The key.
        key: KeyArn,
    },
}

impl GranteeFinding {
    pub(super) fn code(&self) -> FindingCode {
        match self {
            Self::OtherPartition { .. } => FindingCode::PartitionMismatch,
            Self::OtherPath { .. } | Self::NoSuchEntity { .. } | Self::NoSuchRole { .. } => {
                FindingCode::NoSuchPrincipal
            }
            Self::StandsForAccount { .. } => FindingCode::GroupDelegation,
            Self::ForeignOrganization { .. } => FindingCode::ForeignOrganization,
            Self::MembersNeedIam { .. } => FindingCode::MembersNeedIam,
            Self::MembersMakeGrants { .. } => FindingCode::MembersMakeGrants,
            Self::NoDelegation { .. } => FindingCode::MissingDelegation,
        }
    }
}
