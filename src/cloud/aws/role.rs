//! Credentials of a role that the default credentials assume.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_sdk_sts::Client;
use aws_sdk_sts::operation::assume_role::AssumeRoleOutput;
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;

use super::errors::Call;
use crate::cloud::CloudError;

/// The name that CloudTrail in the role's account shows.
const SESSION_NAME: &str = "keymend";

/// Assumes a role, and again when the session comes to its end.
#[derive(Debug)]
pub(super) struct AssumedRole {
    client: Client,
    role_arn: String,
    /// What its sessions may do at most, where they are narrowed.
    policy: Option<String>,
    /// What assuming the role the first time gave, until it is used.
    first: Mutex<Option<Credentials>>,
}

impl AssumedRole {
    /// Assumes the role. Gives the session's ARN besides.
    pub(super) async fn assume(
        client: Client,
        call: &Call,
        policy: Option<String>,
    ) -> Result<(Self, String), CloudError> {
        let role = Self { client, role_arn: call.resource.clone(), policy, first: Mutex::default() };
        let output = role.request().send().await.map_err(|error| call.failed(&error))?;
        let session_arn = output
            .assumed_role_user()
            .map(|user| user.arn().to_owned())
            .ok_or_else(|| call.unexpected("no session"))?;
        let first = credentials(&output).map_err(|what| call.unexpected(what))?;
        Ok((Self { first: Mutex::new(Some(first)), ..role }, session_arn))
    }

    /// The first time as ever after.
    fn request(&self) -> AssumeRoleFluentBuilder {
        let request = self.client.assume_role().role_arn(&self.role_arn).role_session_name(SESSION_NAME);
        request.set_policy(self.policy.clone())
    }

    async fn load(&self) -> provider::Result {
        if let Some(first) = self.first.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(first);
        }
        let output = self.request().send().await.map_err(CredentialsError::provider_error)?;
        credentials(&output).map_err(CredentialsError::unhandled)
    }
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}

fn credentials(output: &AssumeRoleOutput) -> Result<Credentials, &'static str> {
    let given = output.credentials().ok_or("no credentials")?;
    let expiry = SystemTime::try_from(*given.expiration()).map_err(|_| "an expiry out of range")?;
    Ok(Credentials::new(
        given.access_key_id(),
        given.secret_access_key(),
        Some(given.session_token().to_owned()),
        Some(expiry),
        "AssumedRole",
    ))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::mpsc;
    use std::thread;

    use aws_sdk_sts::config::{BehaviorVersion, Region};

    use super::*;

    /// Answers every assumption of a role with a session that has ended, and hands on what it was asked.
    fn server() -> (String, mpsc::Receiver<String>) {
        const ANSWER: &str = "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::111122223333:\
            assumed-role/keymend/keymend</Arn><AssumedRoleId>A:keymend</AssumedRoleId></AssumedRoleUser><Credentials>\
            <AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
            <Expiration>2020-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut line, mut length) = (String::new(), 0);
                while reader.read_line(&mut line).unwrap() > 2 {
                    let lower = line.to_ascii_lowercase();
                    length = lower
                        .strip_prefix("content-length:")
                        .map_or(length, |text| text.trim().parse().unwrap());
                    line.clear();
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{ANSWER}",
                    ANSWER.len()
                )
                .unwrap();
                _ = sender.send(String::from_utf8(body).unwrap());
            }
        });
        (url, requests)
    }

    /// The SDK asks for credentials again whenever the ones that it has have ended.
    #[tokio::test]
    async fn a_session_is_renewed_as_narrow_as_it_was() {
        for policy in [None, Some("{\"Version\":\"2012-10-17\"}".to_owned())] {
            let (url, requests) = server();
            let config = aws_sdk_sts::Config::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::from_static("eu-west-1"))
                .endpoint_url(url)
                .credentials_provider(Credentials::new("AKIA", "secret", None, None, "test"))
                .build();
            let call = Call {
                operation: "sts:AssumeRole",
                resource: "arn:aws:iam::111122223333:role/keymend".to_owned(),
                account: None,
                region: None,
            };
            let assumed = AssumedRole::assume(Client::from_conf(config), &call, policy.clone()).await;
            let (role, arn) = assumed.unwrap_or_else(|error| panic!("{error:?}"));
            assert_eq!(arn, "arn:aws:sts::111122223333:assumed-role/keymend/keymend");
            for _ in 0..3 {
                role.load().await.unwrap();
            }
            let asked: Vec<String> = requests.try_iter().collect();
            assert_eq!(asked.len(), 3, "the first answer is used once: {asked:?}");
            let narrowed = asked.iter().filter(|body| body.contains("&Policy=%7B%22Version%22"));
            assert_eq!(narrowed.count(), if policy.is_some() { 3 } else { 0 }, "{asked:?}");
        }
    }
}
