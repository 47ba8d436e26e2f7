//! What is found of images and snapshots, and of who may launch from them.

use super::FindingCode;
use super::placed::Placed;
use crate::access::Purpose;
use crate::arn::AccountId;
use crate::observation::UnreadReason;
use crate::observation::ec2::ImageCriterion;

/// What keeps an image or a snapshot from being launched from, or is good to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageFinding {
    /// An image is in a state that nothing launches from.
    OutOfUse {
        /// Which image.
        image: Placed,
        /// Its state.
        state: String,
        /// Its owner.
        owner: AccountId,
    },
    /// A snapshot is in a state that nothing launches from.
    SnapshotOutOfUse {
        /// Its state.
        state: String,
    },
    /// No snapshot of an image, or no volume of an instance, is encrypted.
    NothingEncrypted {
        /// What it would stand in the way of.
        purpose: Purpose,
    },
    /// An account may not launch an image that another account owns.
    NotShared {
        /// The account.
        account: AccountId,
        /// Which image.
        image: Placed,
        /// Its owner.
        owner: AccountId,
        /// Whether its launch permission was read, and does not name the account; else the account does not see it.
        is_read: bool,
    },
    /// An account does not see an image, for one of several reasons.
    NotSeen {
        /// The account.
        account: AccountId,
    },
    /// Whether an account may launch an image is not known.
    SharingUnknown {
        /// The account.
        account: AccountId,
        /// Why.
        why: SharingDoubt,
    },
    /// An account's Allowed AMIs setting keeps an image out, or would.
    KeptOut {
        /// The account.
        account: AccountId,
        /// The image's owner.
        owner: AccountId,
        /// Whether the setting is in force.
        is_enabled: bool,
        /// How the setting is changed.
        way_out: SettingChange,
    },
    /// What a launch template launches from was not looked at.
    Untold {
        /// What it names in the place of an image's id; nothing where whoever launches names it.
        image: Option<String>,
    },
    /// A snapshot is not shown, or gone.
    SnapshotUnseen,
    /// A snapshot is not shared with an account, which need not copy it.
    SnapshotNotShared {
        /// The account.
        account: AccountId,
        /// Which snapshot.
        snapshot: Placed,
    },
    /// Something is newer than this program.
    Newer(NewerImage),
}

/// Why it is not known whether an account may launch an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharingDoubt {
    /// It was not read.
    Unread(UnreadReason),
    /// The image is shared in ways that are newer than this program.
    Newer(Vec<String>),
    /// It is shared with an organization.
    Organization,
}

/// How an account's Allowed AMIs setting is changed to let another owner in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingChange {
    /// By a command that gives its criteria again.
    Criteria {
        /// Where.
        region: String,
        /// Those that it has.
        criteria: Vec<ImageCriterion>,
    },
    /// In the organization's declarative policy.
    DeclarativePolicy,
    /// By hand, for it has what keymend does not know.
    ByHand,
}

/// A word of EC2's that is newer than this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewerImage {
    /// An image's state.
    State(String),
    /// A snapshot's state.
    SnapshotState(String),
    /// What a snapshot tells of its encryption.
    Encryption(Vec<String>),
    /// What an account's Allowed AMIs setting has.
    Setting {
        /// The account.
        account: AccountId,
        /// What, in words.
        what: String,
    },
}

impl ImageFinding {
    pub(super) fn code(&self) -> FindingCode {
        match self {
            Self::OutOfUse { .. } | Self::SnapshotOutOfUse { .. } => FindingCode::ImageState,
            Self::NothingEncrypted { .. } => FindingCode::NotEncrypted,
            Self::NotShared { .. } | Self::NotSeen { .. } => FindingCode::LaunchPermission,
            Self::SharingUnknown { .. } => FindingCode::LaunchUnread,
            Self::KeptOut { is_enabled: true, .. } => FindingCode::ImageNotAllowed,
            Self::KeptOut { is_enabled: false, .. } => FindingCode::ImageAudited,
            Self::Untold { .. } => FindingCode::ImageUntold,
            Self::SnapshotUnseen => FindingCode::SnapshotUnseen,
            Self::SnapshotNotShared { .. } => FindingCode::SnapshotPermission,
            Self::Newer(_) => FindingCode::UnknownValue,
        }
    }
}
