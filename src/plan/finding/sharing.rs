//! What is found of those whom an image is shared with, where they are to be let in.

use super::FindingCode;
use super::placed::Placed;
use crate::arn::AccountId;

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
            Self::Newer { .. } => FindingCode::UnknownValue,
        }
    }
}
