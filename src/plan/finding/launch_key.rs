//! What is found of the keys that a launch needs, on the way to them.

use super::FindingCode;
use crate::arn::{AccountId, KeyArn};
use crate::observation::UnreadReason;

/// What is found of the keys of snapshots, of accounts, and of a launch itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaunchKeyFinding {
    /// A snapshot has further keys.
    AssociatedKeys {
        /// Those.
        keys: Vec<String>,
    },
    /// A key is of another region than the image.
    OtherRegion {
        /// The image's.
        region: String,
        /// The keys of that region that were found.
        here: Vec<KeyArn>,
    },
    /// A snapshot is under the AWS managed key of its owner, who alone launches from it.
    OwnManagedKey {
        /// The owner.
        owner: AccountId,
    },
    /// A snapshot is under an AWS managed key, and others are to launch from it.
    ManagedKey {
        /// Its owner.
        owner: AccountId,
        /// Where it is.
        region: String,
        /// What has to be copied.
        copied: Copied,
        /// The others.
        others: Vec<AccountId>,
    },
    /// A launch needs the account's default EBS key.
    DefaultKey {
        /// The account.
        account: AccountId,
        /// Whether other keys are needed besides.
        is_second: bool,
        /// Why.
        why: EncryptedAnew,
    },
    /// Which key is an account's default EBS key is not known.
    DefaultKeyUnread {
        /// The account.
        account: AccountId,
        /// Why.
        reason: UnreadReason,
        /// Whether another key was found.
        is_key_found: bool,
    },
    /// A failure points to a key, and which one can't be seen.
    KeyUnseen {
        /// Where.
        region: String,
        /// The instance that failed, where it was one.
        instance: Option<String>,
    },
}

/// What is copied under another key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copied {
    /// An image with all of its snapshots.
    Image {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
    },
    /// A snapshot by its id.
    Snapshot(String),
}

/// Why what an account launches is encrypted under its default EBS key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EncryptedAnew {
    /// The account encrypts by default, and the snapshot is not encrypted.
    ByDefault {
        /// The snapshot.
        snapshot: String,
    },
    /// The encrypted snapshot is another account's.
    Foreign {
        /// The snapshot.
        snapshot: String,
        /// That account.
        owner: AccountId,
    },
    /// It was not told.
    Untold,
}

impl LaunchKeyFinding {
    pub(super) fn code(&self) -> FindingCode {
        match self {
            Self::AssociatedKeys { .. } => FindingCode::AssociatedKeys,
            Self::OtherRegion { .. } => FindingCode::KeyRegion,
            Self::OwnManagedKey { .. } => FindingCode::OwnAwsManagedKey,
            Self::ManagedKey { .. } => FindingCode::AwsManagedKey,
            Self::DefaultKey { .. } => FindingCode::DefaultEbsKey,
            Self::DefaultKeyUnread { is_key_found: true, .. } => FindingCode::LaunchUnread,
            Self::DefaultKeyUnread { is_key_found: false, .. } | Self::KeyUnseen { .. } => {
                FindingCode::KeyUnseen
            }
        }
    }
}
