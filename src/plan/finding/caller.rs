//! What is found of those who launch or start: who was refused by what, and who is not told.

mod denial;

use super::FindingCode;
use super::placed::Placed;
use crate::access::{NoGrantee, Purpose};
use crate::arn::AccountId;

pub use denial::Denial;

/// What is found of a caller, or of nobody knowing who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerFinding {
    /// A call was refused by a policy that keymend does not write.
    RefusedElsewhere {
        /// The call.
        action: String,
        /// What refused it.
        denial: Denial,
    },
    /// EC2 refused a call itself.
    RefusedByEc2 {
        /// The call.
        call: String,
        /// AWS's encoded message about it.
        encoded: Option<String>,
    },
    /// A caller that was refused can be no grantee.
    NoGrantee {
        /// The call.
        action: String,
        /// What refused it, where that is told.
        denial: Option<Denial>,
        /// Why it can be none.
        reason: NoGrantee,
        /// Its account, where that is told.
        account: Option<AccountId>,
    },
    /// A policy that keymend does not write denies the instance's own role.
    InstanceDenied {
        /// The call.
        action: String,
        /// What refused it.
        denial: Denial,
        /// Why the role can be no grantee.
        reason: NoGrantee,
        /// The role as the policy has to name it.
        role: String,
    },
    /// An account is let in as a whole, for its instance tells no more.
    WholeAccount {
        /// The account.
        account: AccountId,
        /// Which instance.
        instance: Placed,
    },
    /// Which user or role launched or starts an instance is not told, and its IAM policies have a say.
    Unknown {
        /// Whether it launched it or starts it.
        purpose: Purpose,
        /// The account.
        account: AccountId,
        /// Which instance.
        instance: Placed,
    },
    /// Which user or role starts an instance is not told, and nobody was named.
    StarterUnknown {
        /// The account.
        account: AccountId,
        /// Which instance.
        instance: Placed,
    },
}

impl CallerFinding {
    pub(super) fn code(&self) -> FindingCode {
        match self {
            Self::RefusedElsewhere { .. } | Self::RefusedByEc2 { .. } => FindingCode::RefusedElsewhere,
            Self::NoGrantee { .. } => FindingCode::NoGrantee,
            Self::InstanceDenied { .. } => FindingCode::IdentityOnlyRoleDenied,
            Self::WholeAccount { .. } => FindingCode::WholeAccount,
            Self::Unknown { .. } => FindingCode::LauncherUnknown,
            Self::StarterUnknown { .. } => FindingCode::StarterUnknown,
        }
    }
}
