//! What is found of the grants that service-linked roles of other accounts need.

use serde_json::Value;

use super::FindingCode;
use crate::arn::{AccountId, KeyArn};
use crate::observation::UnreadReason;

/// What stands in the way of a service-linked role's grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantFinding {
    /// The grants on the key were not read.
    Unread {
        /// Why.
        reason: UnreadReason,
    },
    /// Nobody is there who could create it.
    NoCredentials {
        /// The account that creates it.
        account: AccountId,
    },
    /// The key policy lets whoever creates it by a variable, and AWS does not say whether KMS knows it there.
    Untried {
        /// The condition's value.
        value: String,
        /// Whether the key policy was read, so that its version knows variables.
        is_read: bool,
    },
    /// The key policy may let the account that creates it by an organization's statement, and where the account stands is
    /// not known.
    MembershipUnknown {
        /// The account.
        account: AccountId,
    },
    /// The key policy denies it to the account that creates it.
    Denied {
        /// The statements that do, as people call them.
        statements: Vec<String>,
        /// The key.
        key: KeyArn,
        /// The account.
        account: AccountId,
    },
    /// Whoever is there to create it may not.
    Forbidden {
        /// Whose ARN this is.
        caller: String,
        /// What stands between.
        by: Barrier,
        /// What its IAM policies need.
        statement: Value,
    },
    /// Whether whoever is there to create it may is not known.
    Uncertain {
        /// Whose ARN this is.
        caller: String,
        /// What may stand between.
        by: Barrier,
        /// What its IAM policies need.
        statement: Value,
    },
}

/// What stands, or may stand, between a caller and a grant, where the key policy lets its account create it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Barrier {
    /// A Deny of the key policy.
    KeyPolicyDenies,
    /// A Deny of its own policies.
    OwnPoliciesDeny,
    /// Its permissions boundary does not allow it.
    Boundary,
    /// Its IAM policies do not allow it.
    Identity,
    /// Condition keys that are not known.
    Keys(Vec<String>),
    /// Its policies were not read, or can't be made sense of.
    Unread {
        /// Why.
        reason: String,
    },
}

impl GrantFinding {
    pub(super) fn code(&self) -> FindingCode {
        match self {
            Self::Unread { .. } | Self::NoCredentials { .. } => FindingCode::Unread,
            Self::MembershipUnknown { .. } => FindingCode::MembershipUnknown,
            Self::Untried { .. } => FindingCode::VariableUntried,
            Self::Denied { .. } => FindingCode::ExplicitDeny,
            Self::Forbidden { .. } => FindingCode::MayNotCreateGrant,
            Self::Uncertain { .. } => FindingCode::GrantUncertain,
        }
    }
}
