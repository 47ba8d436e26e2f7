//! What is found of a key policy: that it was not read, that AWS would refuse it, whom it lets in.

use super::FindingCode;
use crate::access::{MembersRole, Purpose};
use crate::observation::UnreadReason;

/// What stands in a key policy, or in the way of writing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPolicyFinding {
    /// It was not read.
    Unread {
        /// Why.
        reason: UnreadReason,
    },
    /// Its text is no policy.
    Unreadable {
        /// Why.
        error: String,
    },
    /// It has characters that PutKeyPolicy refuses.
    RefusedCharacters,
    /// It names principals that no longer exist.
    Orphans {
        /// Their unique ids.
        orphans: Vec<String>,
        /// Whether `--prune-orphans` removes them all.
        can_be_pruned: bool,
    },
    /// It would be larger than AWS takes.
    TooLarge {
        /// Its size to be.
        bytes: usize,
        /// What AWS takes.
        most: usize,
    },
    /// No statement would be left in it.
    NoStatement,
    /// Its author could not change it again.
    Lockout {
        /// The author's ARN.
        caller: String,
    },
    /// A statement has no action or no resource.
    Inert {
        /// As people call it.
        statement: String,
    },
    /// Its version takes variables for plain text, and what was asked for needs one.
    NoVariables {
        /// The version; a document without is of an earlier one too.
        version: Option<String>,
        /// What was asked for.
        role: MembersRole,
    },
    /// Several statements have the same Sid.
    RepeatedSid {
        /// The Sid.
        sid: String,
    },
    /// A statement lets anyone in.
    OpenToAnyone {
        /// As people call it.
        statement: String,
        /// Whether it is for everyone but those it names.
        is_negated: bool,
        /// How many conditions it has, which confine it to nobody.
        conditions: usize,
    },
    /// A statement lets an organization's accounts use the key and not have EC2 make grants, without which nothing launches.
    LacksGrants {
        /// As people call it.
        statement: String,
        /// The organization or OU.
        who: String,
    },
    /// A statement gives more than what was asked for.
    Broader {
        /// As people call it.
        statement: String,
        /// To whom.
        who: Vec<String>,
        /// What was asked for.
        purpose: Purpose,
    },
    /// A statement lets somebody in under a condition that the new one does not have.
    Wider {
        /// As people call it.
        statement: String,
        /// Whom.
        who: Vec<String>,
    },
}

impl KeyPolicyFinding {
    pub(super) fn code(&self) -> FindingCode {
        match self {
            Self::Unread { .. } => FindingCode::Unread,
            Self::Unreadable { .. } | Self::RefusedCharacters | Self::NoStatement => {
                FindingCode::UnreadablePolicy
            }
            Self::Orphans { .. } => FindingCode::OrphanedPrincipals,
            Self::TooLarge { .. } => FindingCode::TooLarge,
            Self::Lockout { .. } => FindingCode::Lockout,
            Self::NoVariables { .. } => FindingCode::PolicyVersion,
            Self::Inert { .. } | Self::RepeatedSid { .. } => FindingCode::InertStatement,
            Self::OpenToAnyone { .. } => FindingCode::OpenToAnyone,
            Self::LacksGrants { .. } => FindingCode::LacksGrants,
            Self::Broader { .. } => FindingCode::BroaderThanAsked,
            Self::Wider { .. } => FindingCode::WiderThanExisting,
        }
    }
}
