//! What is found of a key, by what DescribeKey tells.

use super::FindingCode;
use crate::access::Purpose;
use crate::arn::{AccountId, KeyArn};

/// What no policy mends, or what is good to know of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFinding {
    /// AWS manages it.
    AwsManaged {
        /// Its region.
        region: String,
    },
    /// AWS manages it, and its policy lets all grantees use it.
    OwnAwsManaged {
        /// The account that it serves.
        account: AccountId,
        /// What they can do.
        purpose: Purpose,
    },
    /// Something of it is newer than this program.
    Newer(NewerKey),
    /// EBS can't encrypt under it.
    Unsuitable {
        /// What it is.
        spec: String,
        /// What it is for.
        usage: String,
    },
    /// It is in a state in which nobody uses it.
    OutOfUse {
        /// The key.
        key: KeyArn,
        /// Its state.
        state: String,
    },
    /// It has siblings in other regions, with policies of their own.
    MultiRegion {
        /// The siblings.
        others: Vec<KeyArn>,
    },
}

/// A word of AWS's about a key that is newer than this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewerKey {
    /// Who manages it.
    Manager(String),
    /// What it is, and what it is for.
    Use {
        /// What it is.
        spec: String,
        /// What it is for.
        usage: String,
    },
    /// Its state.
    State(String),
}

impl KeyFinding {
    pub(super) fn code(&self) -> FindingCode {
        match self {
            Self::AwsManaged { .. } => FindingCode::AwsManagedKey,
            Self::OwnAwsManaged { .. } => FindingCode::OwnAwsManagedKey,
            Self::Newer(_) => FindingCode::UnknownValue,
            Self::Unsuitable { .. } => FindingCode::UnsuitableKey,
            Self::OutOfUse { .. } => FindingCode::KeyState,
            Self::MultiRegion { .. } => FindingCode::MultiRegionKey,
        }
    }
}
