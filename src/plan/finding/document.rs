//! What is found of a document in a file, where nothing else is known.

use super::{FindingCode, Unsavable};
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
    /// IAM would not save it.
    Refused(Unsavable),
    /// It is a template, which may say anything once it is rendered.
    Template {
        /// What in it stands for something else.
        placeholder: String,
    },
}

impl DocumentFinding {
    pub(super) fn code(&self) -> FindingCode {
        match self {
            Self::NoPolicy(_) | Self::Unreadable { .. } => FindingCode::UnreadablePolicy,
            Self::Refused(why) => why.code(),
            Self::Template { .. } => FindingCode::UnrenderedTemplate,
        }
    }
}
