//! What is found on the way back.

use super::{FindingCode, Unsavable};
use crate::arn::KeyArn;
use crate::observation::UnreadReason;

/// What does not come back as it was, or can't.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RollbackFinding {
    /// A side was not read.
    Unread {
        /// Why.
        reason: UnreadReason,
    },
    /// A version that made room for another one stays deleted.
    StaysDeleted {
        /// Its id.
        version: String,
        /// What it said.
        text: String,
    },
    /// Principals that no longer exist stay out of the key policy.
    StaysPruned {
        /// Their unique ids.
        orphans: Vec<String>,
    },
    /// Something that the run added is no longer as it wrote it.
    Left {
        /// What, in words.
        what: String,
        /// The run.
        run: String,
    },
    /// What the run did stays, for something else changed.
    LeftFor {
        /// What changed, in words.
        what: String,
        /// The run.
        run: String,
    },
    /// Somebody changed what the run wrote.
    Conflict {
        /// The run.
        run: String,
        /// What it did, in words.
        did: String,
    },
    /// The former key policy names somebody who was deleted since.
    Deleted {
        /// The key.
        key: KeyArn,
    },
    /// The version that was in force before the run is gone.
    BaseGone {
        /// Its id.
        version: String,
        /// The run.
        run: String,
        /// What it said.
        text: String,
    },
    /// IAM would not save the policy without what the run added.
    Refused {
        /// Why.
        why: Unsavable,
        /// The run.
        run: String,
    },
    /// The policy has no room for a version without what the run added.
    NoRoom {
        /// How many versions there may be.
        quota: usize,
        /// The run.
        run: String,
    },
}

impl RollbackFinding {
    pub(super) fn code(&self) -> FindingCode {
        match self {
            Self::Unread { .. } => FindingCode::Unread,
            Self::StaysDeleted { .. } | Self::StaysPruned { .. } => FindingCode::StaysOut,
            Self::Left { .. } | Self::LeftFor { .. } | Self::Conflict { .. } => FindingCode::ChangedSince,
            Self::Deleted { .. } => FindingCode::NoSuchPrincipal,
            Self::BaseGone { .. } | Self::Refused { .. } | Self::NoRoom { .. } => FindingCode::NotRestorable,
        }
    }
}
