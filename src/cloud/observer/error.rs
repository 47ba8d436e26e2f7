//! Why a request could not be observed.

use crate::access::OtherPartition;
use crate::arn::SessionArn;
use crate::cloud::CloudError;

/// Why a request could not be observed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObserveError {
    /// A read failed.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The role behind a session is not there.
    #[error("the session `{0}` is of a role that does not exist")]
    NoSuchRole(SessionArn),
    /// The role behind a session can't be looked up, and a session's ARN lacks its role's path.
    #[error("the role behind the session `{0}` can't be looked up: no credentials for its account")]
    UnreadRole(SessionArn),
    /// An organization whose ARN tells another partition than the key's.
    #[error(transparent)]
    OtherPartition(#[from] OtherPartition),
}
