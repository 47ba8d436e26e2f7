//! What is not known of where accounts and OUs stand in AWS Organizations, where something depends on it.

use super::FindingCode;
use crate::arn::{AccountId, Members, OrganizationId, OuPath};
use crate::observation::UnreadReason;

/// What is not known, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MembershipFinding {
    /// Whether an account is a member of an organization, and of which, decides about access.
    Organization {
        /// The account.
        account: AccountId,
        /// Why it is not known.
        reason: UnreadReason,
    },
    /// Where in its organization an account is decides about access.
    Path {
        /// The account.
        account: AccountId,
        /// Its organization.
        organization: OrganizationId,
        /// Why it is not known.
        reason: UnreadReason,
    },
    /// Whether the key's account belongs to whom the key is opened to.
    OfKey {
        /// The key's account.
        account: AccountId,
        /// Whom it is opened to.
        members: Members,
        /// Why it is not known.
        reason: UnreadReason,
    },
    /// Where in its organization an OU is, which stands as a wildcard therefore.
    Unit {
        /// The OU.
        unit: OuPath,
        /// Why it is not known.
        reason: UnreadReason,
    },
}

impl MembershipFinding {
    pub(super) fn code(&self) -> FindingCode {
        match self {
            Self::Organization { .. } | Self::Path { .. } | Self::OfKey { .. } => {
                FindingCode::MembershipUnknown
            }
            Self::Unit { .. } => FindingCode::OuPathUnknown,
        }
    }
}
