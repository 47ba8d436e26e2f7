//! Whether a write that failed is tried once more, and when.
//!
//! Each attempt has its turn at the request quotas ([`Write::get_ready`](crate::cloud::Write::get_ready)), so a fixed
//! scale is enough, however many writes go side by side.

use std::time::Duration;

use crate::cloud::{CloudError, CloudErrorKind, Observe};
use crate::plan::Operation;
use crate::plan::rollback::named;
use crate::policy::PolicyDocument;

/// Attempts at one write, faults that pass included.
const ATTEMPTS: u32 = 5;

/// IAM says of it that it takes several minutes.
///
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicyVersion.html>
const TEMPORARILY_UNMODIFIABLE: &str = "EntityTemporarilyUnmodifiable";
const MINUTES_OF_IAM: Duration = Duration::from_mins(5);
const STEP_OF_IAM: Duration = Duration::from_secs(30);

/// KMS sees a new user or role after so long at most; for an older one, waiting does not help.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
const VISIBLE_AFTER: Duration = Duration::from_mins(2);
const STEP_OF_VISIBILITY: Duration = Duration::from_secs(5);

/// A grant is refused until the key policy that permits it has spread, which takes seconds, in some cases minutes.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/accessing-kms.html#programming-eventual-consistency>
const SPREAD_AFTER: Duration = Duration::from_mins(2);
const STEP_OF_SPREADING: Duration = Duration::from_secs(5);

/// How often one write was tried, and since when.
#[derive(Debug)]
pub(super) struct Patience {
    attempts: u32,
    begun: Duration,
}

impl Patience {
    /// Before the first attempt.
    pub(super) fn from(now: Duration) -> Self {
        Self { attempts: 0, begun: now }
    }

    /// Whether nothing was tried yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.attempts == 0
    }

    /// How long to wait after a failure; `None` where no further attempt is made.
    pub(super) async fn wait_after(
        &mut self,
        error: &CloudError,
        operation: &Operation,
        cloud: &impl Observe,
        now: Duration,
    ) -> Option<Duration> {
        let is_first = self.is_fresh();
        self.attempts += 1;
        let waited = now.saturating_sub(self.begun);
        let code = error.code.as_deref().map(|code| code.trim_end_matches("Exception"));
        if code == Some(TEMPORARILY_UNMODIFIABLE) {
            return (waited < MINUTES_OF_IAM).then_some(STEP_OF_IAM);
        }
        match error.kind {
            // Never the lockout, which comes with the same code.
            CloudErrorKind::InvalidPrincipal => {
                let may_wait = waited < VISIBLE_AFTER && are_new(operation, cloud).await;
                may_wait.then_some(STEP_OF_VISIBILITY)
            }
            CloudErrorKind::AccessDenied if operation.rests_on_a_key_policy() => {
                (waited < SPREAD_AFTER).then_some(STEP_OF_SPREADING)
            }
            // An earlier attempt may have succeeded without an answer, and not show yet.
            CloudErrorKind::AlreadyExists | CloudErrorKind::NotFound if !is_first => self.next(),
            _ if error.may_pass() => self.next(),
            _ => None,
        }
    }

    fn next(&self) -> Option<Duration> {
        (self.attempts < ATTEMPTS).then(|| Duration::from_secs(1 << self.attempts))
    }
}

/// Whether every user and role that the change adds to a key policy is known to exist, and one of them is new.
async fn are_new(operation: &Operation, cloud: &impl Observe) -> bool {
    let parse = |text: Option<&str>| text.and_then(|text| PolicyDocument::parse(text).ok());
    let Some(after) = parse(operation.after()) else { return false };
    let before = parse(operation.before()).map(|before| named(&before)).unwrap_or_default();
    let mut is_one_new = false;
    for entity in named(&after).difference(&before) {
        // Who can't be looked up is not known to exist: then the refusal stands.
        let Ok(Some(_)) = cloud.caller(entity.account).await else { return false };
        let Ok(Some(age)) = cloud.principal_age(entity).await else { return false };
        is_one_new |= age < VISIBLE_AFTER;
    }
    is_one_new
}
