//! What is found of a document in a file, where nothing else is known.

use super::FindingCode;
use crate::policy::envelope::NoPolicy;

/// What is found of a document in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentFinding {
    /// It is no policy that could be patched.
    NoPolicy(NoPolicy),
    /// Its text is no policy.
    Unreadable {
        /// Why.
        error: String,
    },
    /// IAM refuses to save it.
    RefusedSid {
        /// For this Sid.
        sid: String,
    },
    /// It would be larger than AWS takes.
    TooLarge {
        /// Its size to be, in characters without white space.
        size: usize,
        /// What AWS takes.
        most: usize,
    },
    /// It is a template, which may say anything once it is rendered.
    Template {
        /// What in it stands for something else.
        placeholder: String,
    },
}

impl DocumentFinding {
    pub(super) fn code(&self) -> FindingCode {
        match self {
            Self::NoPolicy(_) | Self::Unreadable { .. } | Self::RefusedSid { .. } => {
                FindingCode::UnreadablePolicy
            }
            Self::TooLarge { .. } => FindingCode::TooLarge,
            Self::Template { .. } => FindingCode::UnrenderedTemplate,
        }
    }
}
