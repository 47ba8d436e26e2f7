//! What is found of a requester account's policies and of what they are attached to.

use super::FindingCode;
use crate::access::Purpose;
use crate::arn::KeyArn;
use crate::observation::UnreadReason;

/// What stands in the policies of a requester account, or in the way of writing them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityFinding {
    /// The account's IAM was not read.
    Unread {
        /// Why.
        reason: UnreadReason,
    },
    /// A policy is left alone, for its text is no policy.
    LeftAlone {
        /// Why.
        error: String,
    },
    /// A policy can't take the key, so another one is made.
    Separate {
        /// Its name.
        name: String,
        /// Why it can't.
        why: Unfit,
        /// The name of the other one.
        made: String,
        /// The key.
        key: KeyArn,
    },
    /// A policy has no room for a version, and the version that would have to go could not be read.
    NoRoom,
    /// A policy gives more than what was asked for.
    Broader {
        /// To whom.
        who: Vec<String>,
        /// Of which key.
        key: KeyArn,
        /// What was asked for.
        purpose: Purpose,
    },
    /// A policy allows the key under a condition that the new one does not have.
    Wider {
        /// The policy's name.
        policy: String,
    },
    /// It has as many policies attached as it may.
    AttachmentQuota {
        /// How many there are.
        attached: usize,
        /// How many there may be.
        quota: usize,
    },
    /// A new policy is one that IAM would not save.
    Refused(Unsavable),
    /// A role of IAM Identity Center, whose permission set has to reference policies.
    PermissionSet {
        /// Their names.
        policies: Vec<String>,
    },
}

/// Why a policy can't take a key for those who need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// Its text is no policy.
    Unreadable,
    /// Others who have it would get access to the key.
    Strangers(Vec<String>),
    /// Whoever gets it would get more than access to the key.
    GivesMore,
    /// IAM would not save it with the key in it.
    Refused(Unsavable),
}

/// Why IAM would not save a customer managed policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsavable {
    /// A Sid with characters that IAM does not allow, or that stands twice.
    RefusedSid(String),
    /// It would be larger than AWS takes.
    TooLarge {
        /// Its size to be, in characters without white space.
        size: usize,
        /// What AWS takes.
        most: usize,
    },
    /// It has characters that no policy may have.
    RefusedCharacters,
    /// It would have no statement.
    NoStatement,
}

impl Unsavable {
    pub(super) fn code(&self) -> FindingCode {
        match self {
            Self::TooLarge { .. } => FindingCode::TooLarge,
            Self::RefusedSid(_) | Self::RefusedCharacters | Self::NoStatement => {
                FindingCode::UnreadablePolicy
            }
        }
    }
}

impl IdentityFinding {
    pub(super) fn code(&self) -> FindingCode {
        match self {
            Self::Unread { .. } => FindingCode::Unread,
            Self::LeftAlone { .. } | Self::Separate { .. } => FindingCode::SeparatePolicy,
            Self::NoRoom => FindingCode::UnreadablePolicy,
            Self::Broader { .. } => FindingCode::BroaderThanAsked,
            Self::Wider { .. } => FindingCode::WiderThanExisting,
            Self::AttachmentQuota { .. } => FindingCode::AttachmentQuota,
            Self::Refused(why) => why.code(),
            Self::PermissionSet { .. } => FindingCode::IdentityCenterRole,
        }
    }
}
