use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

use super::*;
use crate::access::NewGrant;
use crate::arn::EntityArn;
use crate::cloud::aws::{kms, write};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const POLICY: &str = "arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy";

fn call(operation: &'static str, resource: &str) -> Call {
    Call {
        operation,
        resource: resource.to_owned(),
        account: "111122223333".parse().ok(),
        region: Some("eu-west-1".to_owned()),
    }
}

fn answer(status: u16, body: String) -> HttpResponse {
    let mut response = HttpResponse::new(status.try_into().unwrap(), body.into());
    response.headers_mut().insert("x-amzn-requestid", "7a1e-42");
    response
}

fn kms_answer(status: u16, code: &str, message: &str) -> HttpResponse {
    answer(status, serde_json::json!({ "__type": code, "message": message }).to_string())
}

fn iam_answer(status: u16, code: &str, message: &str) -> HttpResponse {
    answer(
        status,
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>7a1e-42</RequestId></ErrorResponse>"
        ),
    )
}

/// What PutKeyPolicy's error becomes.
async fn put_key_policy(status: u16, code: &'static str, message: &'static str) -> CloudError {
    let rule = mock!(aws_sdk_kms::Client::put_key_policy)
        .then_http_response(move || kms_answer(status, code, message));
    let client = mock_client!(aws_sdk_kms, [&rule]);
    kms::put_key_policy(&client, &call("kms:PutKeyPolicy", KEY), "{}").await.unwrap_err()
}

/// What `CreatePolicyVersion`'s error becomes.
async fn create_policy_version(status: u16, code: &'static str, message: &'static str) -> CloudError {
    let rule = mock!(aws_sdk_iam::Client::create_policy_version)
        .then_http_response(move || iam_answer(status, code, message));
    let client = mock_client!(aws_sdk_iam, [&rule]);
    write::create_policy_version(&client, &call("iam:CreatePolicyVersion", POLICY), "{}").await.unwrap_err()
}

#[tokio::test]
async fn kms_codes() {
    use CloudErrorKind::*;
    let refused = "MalformedPolicyDocumentException";
    for (status, code, message, kind) in [
        (
            400,
            "AccessDeniedException",
            "User: x is not authorized to perform: kms:PutKeyPolicy",
            AccessDenied,
        ),
        (400, "NotFoundException", "Key does not exist", NotFound),
        (400, refused, "Policy contains a statement with one or more invalid principals.", InvalidPrincipal),
        (
            400,
            refused,
            "The new key policy will not allow you to update the key policy in the future.",
            Lockout,
        ),
        (400, refused, "The policy document is malformed", Malformed),
        (400, "LimitExceededException", "Policy too large", LimitExceeded),
        (400, "UnsupportedOperationException", "", Unmodifiable),
        (
            400,
            "ExpiredTokenException",
            "The security token included in the request is expired",
            ExpiredCredentials,
        ),
        (400, "UnrecognizedClientException", "The security token included in the request is invalid", Other),
        (400, "InvalidSignatureException", "Your token has expired", ExpiredCredentials),
        (
            400,
            "InvalidSignatureException",
            "Signature expired: 20261124T000000Z is now earlier than",
            ClockSkew,
        ),
        (400, "InvalidSignatureException", "Signature not yet current: 20261124T000000Z", ClockSkew),
        (400, "ThrottlingException", "Rate exceeded", Throttled),
        (400, "KMSInvalidStateException", "is pending deletion", Other),
        (500, "KMSInternalException", "", Transient),
        (503, "DependencyTimeoutException", "", Transient),
        (502, "SomethingNewException", "", Transient),
    ] {
        let error = put_key_policy(status, code, message).await;
        assert_eq!((error.kind, error.code.as_deref()), (kind, Some(code)), "{code}: {message}");
    }
}

/// What `CreateGrant`'s error becomes.
async fn create_grant(status: u16, code: &'static str, message: &'static str) -> CloudError {
    let rule = mock!(aws_sdk_kms::Client::create_grant)
        .then_http_response(move || kms_answer(status, code, message));
    let client = mock_client!(aws_sdk_kms, [&rule]);
    let role = "arn:aws:iam::444455556666:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot";
    let role = role.parse::<EntityArn>().unwrap().try_into().unwrap();
    let grant = NewGrant::for_launch(&KEY.parse().unwrap(), &role);
    kms::create_grant(&client, &call("kms:CreateGrant", KEY), &grant).await.unwrap_err()
}

/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html#API_CreateGrant_Errors>
#[tokio::test]
async fn codes_of_create_grant() {
    use CloudErrorKind::*;
    for (status, code, message, kind) in [
        (400, "AccessDeniedException", "is not authorized to perform: kms:CreateGrant", AccessDenied),
        (400, "InvalidArnException", "ARN does not refer to a valid principal: x", InvalidPrincipal),
        (400, "InvalidArnException", "", Other),
        (400, "DisabledException", "is disabled", Other),
        (400, "KMSInvalidStateException", "is pending deletion", Other),
        (400, "LimitExceededException", "", LimitExceeded),
        (400, "NotFoundException", "Key does not exist", NotFound),
        (500, "KMSInternalException", "", Transient),
    ] {
        let error = create_grant(status, code, message).await;
        assert_eq!((error.kind, error.code.as_deref()), (kind, Some(code)), "{code}: {message}");
        assert_eq!(error.request_id.as_deref(), Some("7a1e-42"));
    }
}

/// What of a grant that does not go is told.
#[tokio::test]
async fn codes_of_revoke_grant() {
    let rule = mock!(aws_sdk_kms::Client::revoke_grant)
        .then_http_response(|| kms_answer(400, "NotFoundException", "Grant is not found"));
    let client = mock_client!(aws_sdk_kms, [&rule]);
    let error = kms::revoke_grant(&client, &call("kms:RevokeGrant", KEY), "a1").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "kms:RevokeGrant on `{KEY}` in account 111122223333, region eu-west-1 failed: NotFoundException: Grant is \
             not found (request id 7a1e-42)"
        )
    );
    assert_eq!(error.kind, CloudErrorKind::NotFound);
}

#[tokio::test]
async fn iam_codes() {
    use CloudErrorKind::*;
    for (status, code, kind) in [
        (403, "AccessDenied", AccessDenied),
        (404, "NoSuchEntity", NotFound),
        (409, "EntityAlreadyExists", AlreadyExists),
        (400, "MalformedPolicyDocument", Malformed),
        (409, "LimitExceeded", LimitExceeded),
        (400, "UnmodifiableEntity", Unmodifiable),
        (400, "PolicyNotAttachable", Unmodifiable),
        (409, "EntityTemporarilyUnmodifiable", Transient),
        (409, "ConcurrentModification", Transient),
        (403, "ExpiredToken", ExpiredCredentials),
        (403, "RequestExpired", ExpiredCredentials),
        (403, "InvalidClientTokenId", Other),
        (403, "RequestTimeTooSkewed", ClockSkew),
        (409, "DeleteConflict", Conflict),
        (400, "Throttling", Throttled),
        (400, "ThrottledException", Throttled),
        (503, "RequestLimitExceeded", Throttled),
        (500, "ServiceFailure", Transient),
        (503, "ServiceUnavailable", Transient),
    ] {
        let error = create_policy_version(status, code, "so it is").await;
        assert_eq!((error.kind, error.code.as_deref()), (kind, Some(code)));
    }
}

#[tokio::test]
async fn errors_carry_all_that_is_known() {
    let error = put_key_policy(400, "AccessDeniedException", "User: x is not authorized").await;
    assert_eq!(
        error,
        CloudError {
            kind: CloudErrorKind::AccessDenied,
            operation: "kms:PutKeyPolicy",
            resource: KEY.to_owned(),
            account: "111122223333".parse().ok(),
            region: Some("eu-west-1".to_owned()),
            profile: None,
            code: Some("AccessDeniedException".to_owned()),
            message: "User: x is not authorized".to_owned(),
            request_id: Some("7a1e-42".to_owned()),
        }
    );
    let error = create_policy_version(404, "NoSuchEntity", "no such policy").await;
    assert_eq!(error.request_id.as_deref(), Some("7a1e-42"));
    assert_eq!(error.message, "no such policy");
}

#[tokio::test]
async fn answers_without_an_error_code() {
    let answers =
        [(503, CloudErrorKind::Transient), (429, CloudErrorKind::Throttled), (418, CloudErrorKind::Other)];
    for (status, kind) in answers {
        let rule = mock!(aws_sdk_kms::Client::put_key_policy)
            .then_http_response(move || answer(status, "<html>proxy</html>".to_owned()));
        let client = mock_client!(aws_sdk_kms, [&rule]);
        let error = kms::put_key_policy(&client, &call("kms:PutKeyPolicy", KEY), "{}").await.unwrap_err();
        assert_eq!((error.kind, error.code), (kind, None), "{status}: {}", error.message);
        assert!(!error.message.contains("html"), "{}", error.message);
    }
}

#[tokio::test]
async fn writes_are_tried_once_and_reads_again() {
    let unavailable = || kms_answer(503, "ServiceUnavailable", "");
    let put: Rule =
        mock!(aws_sdk_kms::Client::put_key_policy).sequence().http_response(unavailable).repeatedly().build();
    let get: Rule =
        mock!(aws_sdk_kms::Client::get_key_policy).sequence().http_response(unavailable).repeatedly().build();
    let client = mock_client!(aws_sdk_kms, RuleMode::MatchAny, [&put, &get], |config| {
        let retries = RetryConfig::adaptive().with_max_attempts(3);
        config.retry_config(retries.with_initial_backoff(Duration::from_millis(1)))
    });
    let error = kms::put_key_policy(&client, &call("kms:PutKeyPolicy", KEY), "{}").await.unwrap_err();
    assert_eq!((error.kind, put.num_calls()), (CloudErrorKind::Transient, 1));
    kms::key_policy(&client, &call("kms:GetKeyPolicy", KEY)).await.unwrap_err();
    assert_eq!(get.num_calls(), 3);
}

/// A provider that has no credentials to give, for a reason.
struct Empty(fn() -> CredentialsError);

impl fmt::Debug for Empty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Empty")
    }
}

impl ProvideCredentials for Empty {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(self.0()))
    }
}

async fn without_credentials(reason: fn() -> CredentialsError) -> CloudError {
    let rule = mock!(aws_sdk_kms::Client::get_key_policy).then_http_response(|| answer(200, "{}".to_owned()));
    let client = mock_client!(aws_sdk_kms, RuleMode::MatchAny, [&rule], |config| {
        config
            .credentials_provider(SharedCredentialsProvider::new(Empty(reason)))
            .retry_config(RetryConfig::disabled())
    });
    kms::key_policy(&client, &call("kms:GetKeyPolicy", KEY)).await.unwrap_err()
}

#[tokio::test]
async fn missing_credentials() {
    let error =
        without_credentials(|| CredentialsError::not_loaded("no providers in chain provided credentials"))
            .await;
    assert_eq!(error.kind, CloudErrorKind::NoCredentials);
    assert_eq!(error.message, "no credentials are found: no providers in chain provided credentials");
    let error =
        without_credentials(|| CredentialsError::provider_error(CredentialsError::not_loaded_no_source()))
            .await;
    assert_eq!(error.kind, CloudErrorKind::NoCredentials);
    assert_eq!(error.message, "no credentials are found");
    let error = without_credentials(|| {
        CredentialsError::not_loaded(
            "no credentials found in chain. Attempted:\n  Environment: not enabled\n  Profile: not enabled",
        )
    })
    .await;
    assert_eq!(error.kind, CloudErrorKind::NoCredentials);
    assert_eq!(error.message, "no credentials are found");
    let error = without_credentials(|| {
        CredentialsError::provider_error("failed to load IMDS session token: request forbidden")
    })
    .await;
    assert_eq!(error.kind, CloudErrorKind::NoCredentials);
}

#[tokio::test]
async fn expired_logins() {
    for reason in [
        (|| CredentialsError::provider_error("the SSO token has expired and cannot be refreshed"))
            as fn() -> _,
        || CredentialsError::provider_error("failed to load the cached SSO token"),
        || CredentialsError::unhandled("cached Login token is expired"),
        || CredentialsError::provider_error("unhandled error (UnauthorizedException)"),
    ] {
        let error = without_credentials(reason).await;
        assert_eq!(error.kind, CloudErrorKind::ExpiredCredentials, "{}", error.message);
    }
}

#[tokio::test]
async fn other_trouble_with_credentials_tells_no_secrets() {
    let error = without_credentials(|| {
        CredentialsError::provider_error(
            "Error retrieving credentials: external process exited with code 1. Stderr: SecretAccessKey=abc",
        )
    })
    .await;
    assert_eq!(error.kind, CloudErrorKind::Other);
    assert_eq!(
        error.message,
        "credentials could not be loaded: Error retrieving credentials: external process exited with code 1."
    );
    let error = without_credentials(|| CredentialsError::provider_timed_out(Duration::from_secs(5))).await;
    assert_eq!(error.kind, CloudErrorKind::Transient);
}

#[tokio::test]
async fn a_profile_whose_role_may_not_be_assumed() {
    let error = without_credentials(|| {
        let refusal = aws_sdk_sts::error::ErrorMetadata::builder()
            .code("AccessDenied")
            .message("User: x is not authorized to perform: sts:AssumeRole on resource: y")
            .build();
        CredentialsError::provider_error(aws_sdk_sts::operation::assume_role::AssumeRoleError::generic(
            refusal,
        ))
    })
    .await;
    assert_eq!((error.kind, error.operation), (CloudErrorKind::AccessDenied, "sts:AssumeRole"));
    assert_eq!(error.code.as_deref(), Some("AccessDenied"));
    assert!(error.message.contains("on resource: y"), "{}", error.message);
}

/// A server that takes one connection, reads, says what it has to say, and waits to be closed.
fn server(says: &'static str, then_hangs: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 4096];
        _ = stream.read(&mut buffer).unwrap();
        stream.write_all(says.as_bytes()).unwrap();
        while then_hangs && stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
    });
    url
}

async fn over_the_wire(endpoint: &str) -> CloudError {
    let config = aws_sdk_kms::Config::builder()
        .with_test_defaults_v2()
        .behavior_version(aws_sdk_kms::config::BehaviorVersion::v2026_01_12())
        .endpoint_url(endpoint)
        .timeout_config(TimeoutConfig::builder().read_timeout(Duration::from_millis(300)).build())
        .retry_config(RetryConfig::disabled());
    let client = aws_sdk_kms::Client::from_conf(config.build());
    kms::key_policy(&client, &call("kms:GetKeyPolicy", KEY)).await.unwrap_err()
}

#[tokio::test]
async fn faults_on_the_way_are_transient() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let truncated = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Policy\":";
    let not_json = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>";
    for (endpoint, message) in [
        (format!("http://{closed}"), "the connection failed: client error (Connect)"),
        (server("", true), "no answer in time: HTTP read timeout occurred after 300ms"),
        (server("", false), "the connection failed: client error (SendRequest)"),
        (server(truncated, false), "the answer could not be read: error reading a body"),
        (server(not_json, false), "the answer could not be read"),
    ] {
        let error = over_the_wire(&endpoint).await;
        assert_eq!((error.kind, error.code), (CloudErrorKind::Transient, None));
        assert!(error.message.starts_with(message), "{}", error.message);
    }
}
