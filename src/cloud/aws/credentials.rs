//! Why no credentials could be had. The SDK buries that below failures to send a request.

use std::error::Error;
use std::iter::successors;

use aws_credential_types::provider::error::{CredentialsError, TokenError};
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::operation::RequestId;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;

use super::failure::{Failure, join};
use crate::cloud::CloudErrorKind;

/// What a human has to mend by logging in again, as the SDK's providers and AWS's sign-in services say it.
///
/// `UnauthorizedException` is what `GetRoleCredentials` of IAM Identity Center answers to an outdated token:
/// <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html>
const LOGIN_AGAIN: [&str; 5] =
    ["expired", "reauthenticate", "cached sso token", "cached login token", "unauthorizedexception"];

/// The reason in an error's chain of causes, if it is about credentials.
pub(super) fn failure(error: &(dyn Error + 'static)) -> Option<Failure> {
    let chain: Vec<_> = successors(Some(error), |cause| (*cause).source()).collect();
    let start = chain.iter().position(|cause| cause.is::<CredentialsError>())?;
    let causes = chain.get(start..)?;
    if let Some(failure) = causes.iter().find_map(|cause| refused_role(*cause)) {
        return Some(failure);
    }
    let text = text(causes);
    let lower = text.to_ascii_lowercase();
    if LOGIN_AGAIN.iter().any(|sign| lower.contains(sign)) {
        return Some(Failure::new(CloudErrorKind::ExpiredCredentials, text));
    }
    let innermost = causes.iter().rev().find_map(|cause| cause.downcast_ref::<CredentialsError>());
    let (kind, what) = match innermost {
        Some(CredentialsError::CredentialsNotLoaded(_)) => {
            (CloudErrorKind::NoCredentials, "no credentials are found")
        }
        // The instance metadata service is the last resort, and not there or closed on most machines.
        Some(_) if text.contains("IMDS") => (CloudErrorKind::NoCredentials, "no credentials are found"),
        Some(CredentialsError::ProviderTimedOut(_)) => {
            (CloudErrorKind::Transient, "credentials could not be loaded in time")
        }
        _ => (CloudErrorKind::Other, "credentials could not be loaded"),
    };
    Some(Failure::new(kind, join([what.to_owned(), text].into_iter().filter(|part| !part.is_empty()))))
}

/// STS did not let a profile assume its role.
fn refused_role(cause: &(dyn Error + 'static)) -> Option<Failure> {
    if let Some(error) = cause.downcast_ref::<AssumeRoleError>() {
        return Some(answered("sts:AssumeRole", error));
    }
    let error = cause.downcast_ref::<AssumeRoleWithWebIdentityError>()?;
    Some(answered("sts:AssumeRoleWithWebIdentity", error))
}

fn answered(operation: &'static str, error: &(impl ProvideErrorMetadata + RequestId)) -> Failure {
    Failure {
        operation: Some(operation),
        request_id: error.request_id().map(str::to_owned),
        ..Failure::answered(error, None)
    }
}

/// The causes' own words, without those of the wrappers, which only say that there is a cause.
fn text(causes: &[&(dyn Error + 'static)]) -> String {
    let is_wrapper =
        |cause: &(dyn Error + 'static)| cause.is::<CredentialsError>() || cause.is::<TokenError>();
    join(causes.iter().filter(|cause| !is_wrapper(**cause)).filter_map(|cause| {
        let text = cause.to_string();
        // A chain that ends without credentials lists, a line each, its providers that were not set up: all of them.
        if text.contains(" Attempted:\n") {
            return None;
        }
        // What a credential_process prints may hold secrets.
        Some(text.split_once(" Stderr:").map_or(text.clone(), |(said, _)| said.to_owned()))
    }))
}
