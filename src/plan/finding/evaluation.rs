//! What evaluation finds of the time after the changes: what still forbids, what may, and what was not considered.

use std::collections::BTreeSet;

use super::FindingCode;
use crate::access::assessment::{DecidingStatement, DocumentName, Missed, Obstacle};
use crate::access::{Grantee, Purpose};
use crate::policy::KmsAction;

/// What evaluation finds of grantees, of a key, or of the instance's own role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvaluationFinding {
    /// A Deny applies to what a grantee needs.
    Denied {
        /// The Deny.
        statement: DecidingStatement,
        /// What it denies.
        actions: Vec<KmsAction>,
        /// What for it is needed.
        purpose: Purpose,
    },
    /// A boundary or a policy of the organization does not allow what a grantee needs.
    Limited {
        /// What does not allow it.
        obstacle: Obstacle,
        /// A statement there that looks as if it did.
        missed: Option<Missed>,
        /// What it does not allow.
        actions: Vec<KmsAction>,
        /// What for it is needed.
        purpose: Purpose,
    },
    /// A boundary or a policy of the organization may not allow what a grantee needs.
    PerhapsLimited {
        /// What may not allow it.
        obstacle: Obstacle,
        /// What it may not allow.
        actions: Vec<KmsAction>,
        /// What for it is needed.
        purpose: Purpose,
        /// The condition keys that would settle it.
        keys: Vec<String>,
    },
    /// A Deny may apply to grantees.
    PerhapsDenied {
        /// The Deny.
        statement: DecidingStatement,
        /// To whom.
        who: Vec<Grantee>,
        /// The condition keys that would settle it.
        keys: Vec<String>,
        /// Whether it is not known which key the policy is of.
        is_key_unknown: bool,
    },
    /// A Deny applies to what grantees do not need.
    DeniedBeside {
        /// The Deny.
        statement: DecidingStatement,
        /// To whom.
        who: Vec<Grantee>,
        /// What it denies.
        actions: Vec<KmsAction>,
        /// What for it is not needed.
        purpose: Purpose,
    },
    /// A user's boundary will not limit it, for the key policy of its own account names it.
    EscapesBoundary {
        /// The boundary.
        boundary: DocumentName,
    },
    /// Some can do already what is planned for them.
    AccessAlready {
        /// Who.
        who: Vec<Grantee>,
        /// What they can do.
        purpose: Purpose,
    },
    /// Some of what has a say was not looked at.
    NotConsidered {
        /// What, with the reasons.
        gaps: BTreeSet<String>,
    },
    /// A statement looks as if it let a grantee in and does not.
    NearMiss {
        /// Which, and why not.
        missed: Missed,
        /// What for.
        purpose: Purpose,
    },
    /// A Deny applies to the call that the instance's own role makes.
    InstanceDenied {
        /// The Deny.
        statement: DecidingStatement,
        /// The call.
        action: KmsAction,
        /// How the Deny is changed to spare the role.
        way_out: String,
    },
    /// A policy of the organization does not allow the call of the instance's own role.
    InstanceLimited {
        /// What does not allow it.
        obstacle: Obstacle,
        /// The call.
        action: KmsAction,
    },
    /// A Deny may apply to the call that the instance's own role makes.
    InstancePerhapsDenied {
        /// The Deny.
        statement: DecidingStatement,
        /// The call.
        action: KmsAction,
        /// How the Deny is changed to spare the role.
        way_out: String,
        /// The condition keys that would settle it.
        keys: Vec<String>,
    },
    /// A policy of the organization may not allow the call of the instance's own role.
    InstancePerhapsLimited {
        /// What may not allow it.
        obstacle: Obstacle,
        /// The call.
        action: KmsAction,
        /// The condition keys that would settle it.
        keys: Vec<String>,
    },
}

impl EvaluationFinding {
    pub(super) fn code(&self) -> FindingCode {
        match self {
            Self::Denied { .. } | Self::InstanceDenied { .. } => FindingCode::ExplicitDeny,
            Self::Limited { .. } | Self::InstanceLimited { .. } => FindingCode::ImplicitDeny,
            Self::PerhapsLimited { .. } | Self::InstancePerhapsLimited { .. } => FindingCode::BoundaryInDoubt,
            Self::PerhapsDenied { .. } | Self::DeniedBeside { .. } | Self::InstancePerhapsDenied { .. } => {
                FindingCode::DenyStatement
            }
            Self::EscapesBoundary { .. } => FindingCode::EscapesBoundary,
            Self::AccessAlready { .. } => FindingCode::AccessAlready,
            Self::NotConsidered { .. } => FindingCode::NotConsidered,
            Self::NearMiss { .. } => FindingCode::NearMiss,
        }
    }
}
