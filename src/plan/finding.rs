//! What was found, as values with their data. Their words are made where they are shown.

pub mod caller;
mod code;
pub mod document;
pub mod evaluation;
pub mod failure;
pub mod grant;
pub mod grantee;
pub mod identity;
pub mod image;
pub mod key;
pub mod key_policy;
pub mod launch_key;
pub mod membership;
pub mod owner;
pub mod placed;
pub mod rollback;
pub mod sharing;
pub mod unsound;

use serde::{Deserialize, Serialize};

use crate::observation::UnreadReason;

pub use caller::CallerFinding;
pub use code::{FindingCode, Severity};
pub use document::DocumentFinding;
pub use evaluation::EvaluationFinding;
pub use failure::FailureFinding;
pub use grant::GrantFinding;
pub use grantee::GranteeFinding;
pub use identity::{IdentityFinding, Unsavable};
pub use image::ImageFinding;
pub use key::KeyFinding;
pub use key_policy::KeyPolicyFinding;
pub use launch_key::LaunchKeyFinding;
pub use membership::MembershipFinding;
pub use owner::Owner;
pub use placed::Placed;
pub use rollback::RollbackFinding;
pub use sharing::SharingFinding;
pub use unsound::Unsound;

/// Something wrong or noteworthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The ARN or id it is about.
    pub subject: String,
    /// What was found.
    pub kind: FindingKind,
}

impl Finding {
    /// Something found of a subject.
    pub fn new(subject: &dyn ToString, kind: impl Into<FindingKind>) -> Self {
        Self { subject: subject.to_string(), kind: kind.into() }
    }

    /// Which kind of finding it is.
    pub fn code(&self) -> FindingCode {
        self.kind.code()
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.code().severity()
    }
}

/// What was found, by what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindingKind {
    /// A grantee that access can't be planned for as asked.
    Grantee(GranteeFinding),
    /// A key, by what DescribeKey tells.
    Key(KeyFinding),
    /// A key policy.
    KeyPolicy(KeyPolicyFinding),
    /// The policies of a requester account, and what they are attached to.
    Identity(IdentityFinding),
    /// What is not known of where accounts and OUs stand in AWS Organizations.
    Membership(MembershipFinding),
    /// The grant of a service-linked role.
    Grant(GrantFinding),
    /// What evaluation says of the time after the changes.
    Evaluation(EvaluationFinding),
    /// What owns something that is written.
    Owner(Owner),
    /// A document in a file, of which nothing else is known.
    Document(DocumentFinding),
    /// The way back.
    Rollback(RollbackFinding),
    /// An image or a snapshot.
    Image(ImageFinding),
    /// Whom an image is shared with, where that tells who is let in.
    Sharing(SharingFinding),
    /// A key that a launch needs, on the way to it.
    LaunchKey(LaunchKeyFinding),
    /// Whoever launches or starts.
    Caller(CallerFinding),
    /// A launch that failed.
    Failure(FailureFinding),
    /// Something that AWS did not let be looked at, and that is left out for this reason.
    LeftOut(UnreadReason),
    /// A plan that its independent check refused: a bug of ours.
    Unsound(Unsound),
    /// Any words under any code, to see how they are shown.
    #[cfg(test)]
    Any {
        /// The code.
        code: FindingCode,
        /// What is said to be found.
        message: String,
        /// The way out.
        hint: Option<String>,
    },
}

impl FindingKind {
    /// The code of the kind.
    pub fn code(&self) -> FindingCode {
        match self {
            Self::Grantee(found) => found.code(),
            Self::Key(found) => found.code(),
            Self::KeyPolicy(found) => found.code(),
            Self::Identity(found) => found.code(),
            Self::Membership(found) => found.code(),
            Self::Grant(found) => found.code(),
            Self::Evaluation(found) => found.code(),
            Self::Owner(_) => FindingCode::OwnedElsewhere,
            Self::Document(found) => found.code(),
            Self::Rollback(found) => found.code(),
            Self::Image(found) => found.code(),
            Self::Sharing(found) => found.code(),
            Self::LaunchKey(found) => found.code(),
            Self::Caller(found) => found.code(),
            Self::Failure(_) => FindingCode::StateReason,
            Self::LeftOut(_) => FindingCode::Unread,
            Self::Unsound(_) => FindingCode::FailedCheck,
            #[cfg(test)]
            Self::Any { code, .. } => *code,
        }
    }
}

macro_rules! into_kind {
    ($($variant:ident($found:ty)),* $(,)?) => {
        $(impl From<$found> for FindingKind {
            fn from(found: $found) -> Self {
                Self::$variant(found)
            }
        })*
    };
}

into_kind!(
    Grantee(GranteeFinding),
    Key(KeyFinding),
    KeyPolicy(KeyPolicyFinding),
    Identity(IdentityFinding),
    Membership(MembershipFinding),
    Grant(GrantFinding),
    Evaluation(EvaluationFinding),
    Owner(Owner),
    Document(DocumentFinding),
    Rollback(RollbackFinding),
    Image(ImageFinding),
    Sharing(SharingFinding),
    LaunchKey(LaunchKeyFinding),
    Caller(CallerFinding),
    Failure(FailureFinding),
    LeftOut(UnreadReason),
    Unsound(Unsound),
);

/// A finding in words, as it is shown, and as it stands in files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Finding", description = "Something wrong or noteworthy.")]
pub struct Told {
    /// Which kind.
    pub code: FindingCode,
    /// The ARN or id it is about.
    pub subject: String,
    /// What was found, as a fragment without a final period.
    pub message: String,
    /// The way out, where there is one: a fragment, and after a line end commands, one a line.
    pub hint: Option<String>,
}

impl Told {
    /// The hint's sentence, and its commands, one a line.
    pub fn way_out(&self) -> Option<(&str, &str)> {
        self.hint.as_deref().map(|hint| hint.split_once('\n').unwrap_or((hint, "")))
    }
}
