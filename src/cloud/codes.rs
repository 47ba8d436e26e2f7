//! What AWS's error codes mean.

use super::CloudErrorKind;

/// The kind of an error by its code, which some services end in `Exception` and some do not.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html>,
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>, and each operation's own list.
pub(super) fn kind_of(code: &str, message: &str, status: Option<u16>) -> CloudErrorKind {
    match code.strip_suffix("Exception").unwrap_or(code) {
        "AccessDenied" | "NotAuthorized" | "UnauthorizedOperation" => CloudErrorKind::AccessDenied,
        // https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
        "NotFound" | "NoSuchEntity" | "InvalidAMIID.Unavailable" | "NoSuchBucket" | "NoSuchKey" => {
            CloudErrorKind::NotFound
        }
        "PreconditionFailed" => CloudErrorKind::AlreadyExists,
        // https://docs.aws.amazon.com/ec2/latest/devguide/api-error-codes.html
        of_ec2 if of_ec2.ends_with(".NotFound") => CloudErrorKind::NotFound,
        "AuthFailure" if message.to_ascii_lowercase().starts_with("not authorized") => {
            CloudErrorKind::AccessDenied
        }
        "EntityAlreadyExists" | "AlreadyExists" => CloudErrorKind::AlreadyExists,
        "MalformedPolicyDocument" => kind_of_refusal(message),
        // CreateGrant says so of the grantee, and of no key that is named by its ARN.
        "InvalidArn" if message.to_ascii_lowercase().contains("principal") => {
            CloudErrorKind::InvalidPrincipal
        }
        "LimitExceeded" => CloudErrorKind::LimitExceeded,
        "DeleteConflict" => CloudErrorKind::Conflict,
        "RequestTimeTooSkewed" | "RequestInTheFuture" => CloudErrorKind::ClockSkew,
        "UnmodifiableEntity" | "UnsupportedOperation" | "PolicyNotAttachable" => CloudErrorKind::Unmodifiable,
        "ExpiredToken" | "RequestExpired" | "TokenRefreshRequired" => CloudErrorKind::ExpiredCredentials,
        "RequestLimitExceeded" | "TooManyRequests" | "RequestThrottled" | "SlowDown" => {
            CloudErrorKind::Throttled
        }
        throttling if throttling.starts_with("Throttl") => CloudErrorKind::Throttled,
        "DependencyTimeout"
        | "ConditionalRequestConflict"
        | "InternalError"
        | "KMSInternal"
        | "InternalFailure"
        | "InternalServiceError"
        | "InternalServerError"
        | "ServiceFailure"
        | "ServiceUnavailable"
        | "RequestTimeout"
        | "ConcurrentModification"
        | "EntityTemporarilyUnmodifiable" => CloudErrorKind::Transient,
        _ if is_about_clock(message) => CloudErrorKind::ClockSkew,
        _ if is_about_expired_token(message) => CloudErrorKind::ExpiredCredentials,
        _ => kind_of_status(status),
    }
}

/// PutKeyPolicy answers with one code for three causes, which only the message tells apart.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html>
fn kind_of_refusal(message: &str) -> CloudErrorKind {
    let message = message.to_ascii_lowercase();
    if message.contains("will not allow you to update the key policy") {
        CloudErrorKind::Lockout
    } else if message.contains("invalid principal") {
        CloudErrorKind::InvalidPrincipal
    } else {
        CloudErrorKind::Malformed
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>
fn is_about_clock(message: &str) -> bool {
    message.contains("Signature expired") || message.contains("Signature not yet current")
}

fn is_about_expired_token(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("token has expired") || message.contains("token included in the request is expired")
}

/// The kind of an error that came without a code.
pub(super) fn kind_of_status(status: Option<u16>) -> CloudErrorKind {
    match status {
        Some(429) => CloudErrorKind::Throttled,
        // Below 300 it was done, but the answer is damaged.
        Some(200..300 | 500..) => CloudErrorKind::Transient,
        _ => CloudErrorKind::Other,
    }
}
