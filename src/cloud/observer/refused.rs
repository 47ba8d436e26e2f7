//! What a read that AWS refuses comes to.

use crate::cloud::{CloudError, CloudErrorKind};
use crate::observation::{Caller, Reading, RefusedRead, UnreadReason};

use super::identity;

/// What a refused read of one key, user, role or group comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Nothing is observed.
    Ends,
    /// It is left out, and everything else is observed.
    LeavesOut,
}

impl Refused {
    /// Why something is left out whose read failed.
    ///
    /// # Errors
    /// The failure is not one thing's own: nothing is observed.
    pub(super) fn reason(
        self,
        error: CloudError,
        caller: Option<&Caller>,
    ) -> Result<UnreadReason, CloudError> {
        // What does not exist is refused, too, where it was told to exist.
        let is_own = matches!(error.kind, CloudErrorKind::AccessDenied | CloudErrorKind::NotFound);
        match (self, error.code.clone()) {
            (Self::LeavesOut, Some(code)) if is_own => Ok(UnreadReason::Refused(RefusedRead {
                operation: error.operation.to_owned(),
                resource: error.resource,
                caller: caller.map_or_else(|| "an unknown caller".to_owned(), |caller| caller.arn.clone()),
                code,
                request_id: error.request_id,
                message: error.message,
            })),
            _ => Err(error),
        }
    }

    /// What is read beyond what a remedy by name needs fails no run; in a part, what was not answered is asked for once more.
    ///
    /// # Errors
    /// The part's own read may be answered a while later.
    pub(super) fn if_allowed<T>(self, read: Result<T, CloudError>) -> Result<Reading<T>, CloudError> {
        match read {
            Ok(read) => Ok(Reading::Read(read)),
            Err(error) if self == Self::LeavesOut && error.may_pass() => Err(error),
            Err(error) => Ok(Reading::Unread(identity::reason(&error))),
        }
    }
}
