use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use super::*;
use crate::cloud::aws::Aws;
use crate::cloud::{Observe, Write};
use crate::plan::Operation;

const PROFILES: &str = "
[profile empty]
output = json

[profile signed-out]
sso_session = company
sso_account_id = 111122223333
sso_role_name = Operator

[sso-session company]
sso_region = eu-west-1
sso_start_url = https://keymend.invalid/start

[profile half]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
";

fn account(text: &str) -> AccountId {
    text.parse().unwrap()
}

/// The default credentials are a profile's; a profile of another account may serve besides.
async fn connect(profile: &str, other: Option<&str>) -> Aws {
    let directory = tempfile::tempdir().unwrap();
    let config_file = directory.path().join("config");
    fs::write(&config_file, PROFILES).unwrap();
    let options = AwsOptions {
        profile: Some(profile.to_owned()),
        region: Some("eu-west-1".to_owned()),
        endpoint_url: Some("http://127.0.0.1:1".to_owned()),
        account_profiles: other.map(|name| (account("444455556666"), name.to_owned())).into_iter().collect(),
        config_file: Some(config_file),
        ..AwsOptions::default()
    };
    let aws = Aws::connect(&options).await.unwrap();
    // The file is read for the last time when credentials are loaded.
    _ = aws.default_caller().await;
    _ = aws.caller(account("444455556666")).await;
    aws
}

#[tokio::test]
async fn profiles_without_credentials() {
    for (profile, message) in [
        ("empty", "no credentials are found"),
        ("missing", "no credentials are found: profile `missing` was not defined"),
    ] {
        let error = connect(profile, None).await.default_caller().await.unwrap_err();
        assert_eq!((error.kind, error.operation), (CloudErrorKind::NoCredentials, "sts:GetCallerIdentity"));
        assert_eq!(error.resource, format!("profile {profile}"));
        assert!(error.message.starts_with(message), "{}", error.message);
    }
    let error = connect("half", None).await.default_caller().await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::Other);
    assert!(!error.message.contains("AKIA"), "{}", error.message);
}

#[tokio::test]
async fn a_profile_that_has_to_sign_in() {
    let error = connect("signed-out", None).await.default_caller().await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::ExpiredCredentials);
    assert_eq!(error.message, "failed to load the cached SSO token");
    let hint = crate::error::cloud_hint(&error).unwrap();
    assert_eq!(hint, "log in again: aws sso login --profile signed-out");
}

#[tokio::test]
async fn without_default_credentials_only_profiles_by_account_serve() {
    let nobody = account("999999999999");
    let error = connect("empty", None).await.caller(nobody).await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::NoCredentials);
    assert_eq!(connect("empty", Some("half")).await.caller(nobody).await.unwrap(), None);
    let error = connect("signed-out", Some("half")).await.caller(nobody).await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::ExpiredCredentials);
}

#[tokio::test]
async fn settings_that_make_no_request() {
    let keys = aws_credential_types::Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "test");
    let config = |region, endpoint: Option<&str>| {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static(region))
            .credentials_provider(SharedCredentialsProvider::new(keys.clone()));
        config.set_endpoint_url(endpoint.map(str::to_owned));
        config.build()
    };
    for (config, message) in [
        (
            config("eu west", None),
            "endpoint params could not be built: invalid value for field: `region` - must be a valid host label",
        ),
        (config("eu-west-1", Some("no URL")), "endpoint is not a valid URI: invalid uri character"),
    ] {
        let session = Session::new(Whose::Default, config, carriage(), None, None);
        let error = aws(session).default_caller().await.unwrap_err();
        assert_eq!(error.kind, CloudErrorKind::Other);
        assert_eq!(error.message, format!("the request could not be made: {message}"));
    }
}

#[test]
fn an_empty_endpoint_is_named() {
    let session = |endpoint: Option<&str>| {
        let mut config = SdkConfig::builder();
        config.set_endpoint_url(endpoint.map(str::to_owned));
        Rc::new(Session::new(Whose::Profile("p".to_owned()), config.build(), carriage(), None, None))
    };
    let message = |endpoint, variables: &[(&str, &str)]| {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        empty_endpoint(iter::once(&session(endpoint)), variables).map(|error| error.message)
    };
    let url = "http://127.0.0.1:1";
    assert_eq!(message(None, &[("AWS_ENDPOINT_URL", url), ("AWS_PROFILE", "")]), None);
    assert_eq!(message(Some(url), &[]), None);
    assert_eq!(message(Some(""), &[]).unwrap(), "the endpoint URL is set, but empty");
    assert_eq!(
        message(None, &[("AWS_ENDPOINT_URL_KMS", "")]).unwrap(),
        "AWS_ENDPOINT_URL_KMS is set, but empty"
    );
}

fn carriage() -> Carriage {
    Carriage::new(SharedHttpClient::new(Connections::new(TlsContext::default())), Reads::new(Arc::default()))
}

fn aws(default: Session) -> Aws {
    Aws {
        pace: Arc::default(),
        sessions: Sessions {
            default: Rc::new(default),
            profiles: BTreeMap::new(),
            proving: BTreeMap::new(),
            assume_role_name: None,
            assumed: RefCell::default(),
            writing: RefCell::default(),
            guessed: RefCell::default(),
        },
    }
}

#[tokio::test]
async fn a_key_without_an_arn_needs_a_region() {
    let config = SdkConfig::builder().behavior_version(BehaviorVersion::v2026_01_12()).build();
    let aws = aws(Session::new(Whose::Default, config, carriage(), None, None));
    let error = aws.describe_key(&"alias/app".parse().unwrap()).await.unwrap_err();
    assert_eq!((error.kind, error.code), (CloudErrorKind::Other, None));
    assert_eq!(error.message, "no region is configured: give --region, or set AWS_REGION");
}

/// Answers one call: whose credentials they are.
fn identity_server(account: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{account}</Account>\
         <Arn>arn:aws:iam::{account}:user/ann</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"
    );
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        _ = stream.read(&mut [0; 4096]).unwrap();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
    });
    url
}

#[tokio::test]
async fn nothing_is_written_with_credentials_of_another_account() {
    let keys = aws_credential_types::Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("eu-west-1"))
        .endpoint_url(identity_server("444455556666"))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .build();
    let believed = Caller {
        account: account("111122223333"),
        arn: "arn:aws:sts::111122223333:assumed-role/keymend/keymend".to_owned(),
    };
    let aws = aws(Session::new(Whose::Role("keymend".to_owned()), config, carriage(), None, Some(believed)));
    let error = aws
        .perform(&Operation::DeletePolicyVersion {
            policy: "arn:aws:iam::111122223333:policy/KmsKeyUsagePolicy".parse().unwrap(),
            version: "v1".to_owned(),
            before: String::new(),
            versions: 5,
        })
        .await
        .unwrap_err();
    assert_eq!(error.message, "these credentials are of account 444455556666, not of account 111122223333");
}
