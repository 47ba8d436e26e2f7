//! Whose credentials serve an account, asked once: one account that can't be reached ends nothing but itself.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::OnceCell;

use crate::arn::AccountId;
use crate::cloud::{CloudError, CloudErrorKind, Observe};
use crate::observation::Caller;
use crate::plan::survey::GapReason;

/// Why an account is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) reason: GapReason,
    pub(super) message: String,
}

type Asked = Rc<OnceCell<Result<Caller, Refused>>>;

/// Who calls in each account that was asked about.
#[derive(Debug, Default)]
pub(super) struct Credentials(RefCell<BTreeMap<AccountId, Asked>>);

impl Credentials {
    pub(super) async fn of(&self, account: AccountId, cloud: &impl Observe) -> Result<Caller, Refused> {
        let asked = Rc::clone(self.0.borrow_mut().entry(account).or_default());
        asked.get_or_init(|| ask(account, cloud)).await.clone()
    }
}

async fn ask(account: AccountId, cloud: &impl Observe) -> Result<Caller, Refused> {
    match cloud.caller(account).await {
        Ok(Some(caller)) => Ok(caller),
        Ok(None) => {
            let message = "no credentials serve the account".to_owned();
            Err(Refused { reason: GapReason::NoCredentials, message })
        }
        Err(error) => {
            let reason = match reason(&error) {
                // Whoever may not assume the account's role has no credentials there.
                GapReason::AccessDenied => GapReason::NoCredentials,
                other => other,
            };
            Err(Refused { reason, message: error.to_string() })
        }
    }
}

/// Why a call failed, in words for what names account, region and resource already.
pub(super) fn in_short(error: &CloudError) -> String {
    let CloudError { kind, operation, code, message, .. } = error;
    match (kind, code) {
        (CloudErrorKind::AccessDenied, _) => format!("the caller lacks {operation}"),
        (_, Some(code)) => format!("{operation} failed: {code}: {message}"),
        (_, None) => format!("{operation} failed: {message}"),
    }
}

/// Why a call failed, as far as it matters for what to do about it.
pub(super) fn reason(error: &CloudError) -> GapReason {
    match error.kind {
        CloudErrorKind::AccessDenied => GapReason::AccessDenied,
        CloudErrorKind::NoCredentials | CloudErrorKind::ExpiredCredentials | CloudErrorKind::ClockSkew => {
            GapReason::NoCredentials
        }
        CloudErrorKind::Throttled => GapReason::Throttled,
        CloudErrorKind::Transient => GapReason::Unreachable,
        CloudErrorKind::NotFound
        | CloudErrorKind::AlreadyExists
        | CloudErrorKind::InvalidPrincipal
        | CloudErrorKind::Lockout
        | CloudErrorKind::Malformed
        | CloudErrorKind::LimitExceeded
        | CloudErrorKind::Conflict
        | CloudErrorKind::Unmodifiable
        | CloudErrorKind::Other => GapReason::Other,
    }
}
