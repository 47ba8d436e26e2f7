//! Credentials of a role that the default credentials assume.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_sdk_sts::Client;
use aws_sdk_sts::operation::assume_role::AssumeRoleOutput;

use super::errors::Call;
use crate::cloud::CloudError;

/// The name that CloudTrail in the role's account shows.
const SESSION_NAME: &str = "keymend";

/// Assumes a role, and again when the session comes to its end.
#[derive(Debug)]
pub(super) struct AssumedRole {
    client: Client,
    role_arn: String,
    /// What assuming the role the first time gave, until it is used.
    first: Mutex<Option<Credentials>>,
}

impl AssumedRole {
    /// Assumes the role. Gives the session's ARN besides.
    pub(super) async fn assume(client: Client, call: &Call) -> Result<(Self, String), CloudError> {
        let output = client
            .assume_role()
            .role_arn(&call.resource)
            .role_session_name(SESSION_NAME)
            .send()
            .await
            .map_err(|error| call.failed(&error))?;
        let session_arn = output
            .assumed_role_user()
            .map(|user| user.arn().to_owned())
            .ok_or_else(|| call.unexpected("no session"))?;
        let first = credentials(&output).map_err(|what| call.unexpected(what))?;
        let role = Self { client, role_arn: call.resource.clone(), first: Mutex::new(Some(first)) };
        Ok((role, session_arn))
    }

    async fn load(&self) -> provider::Result {
        if let Some(first) = self.first.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(first);
        }
        let request = self.client.assume_role().role_arn(&self.role_arn).role_session_name(SESSION_NAME);
        let output = request.send().await.map_err(CredentialsError::provider_error)?;
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
