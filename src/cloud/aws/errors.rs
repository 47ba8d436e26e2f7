//! What went wrong, in AWS's own words, and which kind of failure it is.

use std::error::Error;
use std::time::SystemTime;

use aws_sdk_kms::error::{ConnectorError, ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::RequestId;

use super::credentials;
use super::failure::{Failure, join};
use crate::arn::AccountId;
use crate::cloud::{CloudError, CloudErrorKind};

/// One call, for the error that may come of it.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// As IAM names the permission: `kms:GetKeyPolicy`.
    pub(super) operation: &'static str,
    /// The ARN or id it is about; `*` where the permission knows no resource.
    pub(super) resource: String,
    /// The account whose credentials are used, where known.
    pub(super) account: Option<AccountId>,
    /// The region, for regional services.
    pub(super) region: Option<String>,
}

impl Call {
    /// An error that AWS did not report.
    pub(super) fn error(&self, kind: CloudErrorKind, message: impl Into<String>) -> CloudError {
        self.told(Failure::new(kind, message), None)
    }

    /// An answer that is not what the API's reference promises.
    pub(super) fn unexpected(&self, what: impl std::fmt::Display) -> CloudError {
        self.error(CloudErrorKind::Other, format!("unexpected answer: {what}"))
    }

    /// The error that the SDK reports.
    pub(super) fn failed<E>(&self, error: &SdkError<E>) -> CloudError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.told(failure(error), error.request_id())
    }

    fn told(&self, failure: Failure, request_id: Option<&str>) -> CloudError {
        let Failure { kind, operation, code, message, request_id: own_id } = failure;
        CloudError {
            kind,
            operation: operation.unwrap_or(self.operation),
            resource: self.resource.clone(),
            account: self.account,
            region: self.region.clone(),
            profile: None,
            code,
            message,
            request_id: own_id.or_else(|| request_id.map(str::to_owned)),
        }
    }
}

/// What can be told of the error that the SDK reports.
fn failure<E>(error: &SdkError<E>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let SdkError::ServiceError(context) = error {
        let answer = context.raw();
        let failure = Failure::answered(context.err(), Some(answer.status().as_u16()));
        return failure.at(answer.headers().get("date"), SystemTime::now());
    }
    if let Some(failure) = credentials::failure(error) {
        return failure;
    }
    let (kind, what) = match error {
        SdkError::TimeoutError(_) => (CloudErrorKind::Transient, "no answer in time"),
        SdkError::ResponseError(_) => (CloudErrorKind::Transient, "the answer could not be read"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            (CloudErrorKind::Transient, "no answer in time")
        }
        SdkError::DispatchFailure(failure) if failure.is_io() || failure.as_other().is_some() => {
            (CloudErrorKind::Transient, "the connection failed")
        }
        _ => (CloudErrorKind::Other, "the request could not be made"),
    };
    Failure::new(kind, format!("{what}: {}", causes(error)))
}

/// The causes of an error, outermost first, each said once.
fn causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    // The connector's own error only classifies what it wraps.
    let texts = causes.filter(|cause| !cause.is::<ConnectorError>()).map(ToString::to_string);
    join(texts.filter(|text| !is_internal(text)))
}

/// The SDK's inner parts name themselves, or print the whole request, around what is wrong.
fn is_internal(text: &str) -> bool {
    text.contains("Interceptor ") || text.contains("Request {")
}

#[cfg(test)]
mod tests;
