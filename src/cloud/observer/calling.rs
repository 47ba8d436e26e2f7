//! Who serves an account, asked beside what is read there: whoever it turns out to be, no round trip is spent on it alone.

use futures_util::future::{FutureExt as _, LocalBoxFuture, Shared};

use crate::arn::AccountId;
use crate::cloud::{CloudError, Observe};
use crate::observation::Caller;

/// The question whose credentials serve an account, and its answer once it is there.
#[derive(Clone)]
pub(super) struct Calling<'c>(Shared<LocalBoxFuture<'c, Result<Option<Caller>, CloudError>>>);

impl<'c> Calling<'c> {
    pub(super) fn of(account: AccountId, cloud: &'c impl Observe) -> Self {
        Self(cloud.caller(account).boxed_local().shared())
    }

    /// Who it is, as often as that is asked.
    pub(super) async fn caller(&self) -> Result<Option<Caller>, CloudError> {
        self.0.clone().await
    }

    /// Whether it is known without waiting that nobody serves the account: then nothing is asked there.
    pub(super) fn is_nobody(&self) -> bool {
        matches!(self.0.clone().now_or_never(), Some(Ok(None)))
    }
}
