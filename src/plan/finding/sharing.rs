//! What is found of those whom an image is shared with, where they are to be let in.

use super::FindingCode;
use super::placed::Placed;
use crate::arn::{AccountId, Members};
use crate::observation::usage::NoReport;

/// Why less is let in than an image's launch permission says, or nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharingFinding {
    /// An image is public: nobody in particular can be let in for that.
    Public,
    /// An image is shared with nobody.
    Nobody {
        /// Which image.
        image: Placed,
        /// Its owner.
        owner: AccountId,
    },
    /// An image is shared with the account that owns its key, which is not added for that.
    KeyAccount {
        /// The account.
        account: AccountId,
    },
    /// Those who use an image are to be let in, and no report tells who does.
    Unreported {
        /// Which image.
        image: Placed,
        /// Its owner.
        owner: AccountId,
        /// What there is instead.
        none: NoReport,
    },
    /// A report tells who uses an image.
    Reported {
        /// Its id.
        report: String,
        /// How many seconds ago it was asked for.
        age: u64,
        /// Those that use it.
        users: Vec<AccountId>,
    },
    /// Accounts that an image is shared with and that don't use it.
    Idle {
        /// The accounts.
        accounts: Vec<AccountId>,
    },
    /// Accounts that use an image and that it is not shared with.
    Unshared {
        /// The accounts.
        accounts: Vec<AccountId>,
    },
    /// Accounts that use an image which is shared with organizations: whether they belong to them is not known.
    PerhapsMembers {
        /// The accounts.
        accounts: Vec<AccountId>,
        /// The organizations and OUs.
        members: Vec<Members>,
    },
    /// An image is shared in forms that are newer than this program.
    Newer {
        /// As EC2 gives them.
        shares: Vec<String>,
    },
}

impl SharingFinding {
    pub(super) fn code(&self) -> FindingCode {
        match self {
            Self::Public => FindingCode::PublicImage,
            Self::Nobody { .. } => FindingCode::SharedWithNobody,
            Self::KeyAccount { .. } => FindingCode::SharedWithKeyAccount,
            Self::Unreported { .. } => FindingCode::UsageUnknown,
            Self::Reported { .. } => FindingCode::UsageReport,
            Self::Idle { .. } => FindingCode::SharedAndUnused,
            Self::Unshared { .. } => FindingCode::UsedAndUnshared,
            Self::PerhapsMembers { .. } => FindingCode::UsersUntold,
            Self::Newer { .. } => FindingCode::UnknownValue,
        }
    }
}
