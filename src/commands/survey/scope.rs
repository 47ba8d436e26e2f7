//! Which accounts and regions a survey goes through.

use std::collections::BTreeSet;

use crate::arn::AccountId;
use crate::cli::settings::survey::SurveySettings;
use crate::cloud::ec2::ObserveEc2;
use crate::cloud::{CloudErrorKind, Observe};
use crate::error::{Error, UsageError};
use crate::survey::Scope;

/// Everything that was asked for.
///
/// # Errors
/// No region is known, or the accounts can't be told.
pub(super) async fn of(
    settings: &SurveySettings,
    cloud: &(impl Observe + ObserveEc2),
) -> Result<Scope, Error> {
    let regions = match settings.regions.as_slice() {
        [] => cloud.region().into_iter().collect(),
        given => given.to_vec(),
    };
    if regions.is_empty() {
        return Err(UsageError::new("no region is given")
            .hint("give --region, once for each, or set AWS_REGION")
            .into());
    }
    let accounts = accounts(settings, cloud).await?.into_iter();
    let accounts = accounts.filter(|account| settings.shard.has(*account)).collect();
    Ok(Scope { accounts, regions })
}

/// The accounts of a file and of the organization, and those of profiles; where neither is given, also that of the default
/// credentials. Each once, by id.
async fn accounts(
    settings: &SurveySettings,
    cloud: &(impl Observe + ObserveEc2),
) -> Result<Vec<AccountId>, Error> {
    let mut accounts: BTreeSet<AccountId> = cloud.accounts()?;
    let is_told = settings.listed.is_some() || settings.organization.is_some();
    accounts.extend(settings.listed.iter().flatten());
    if let Some(wanted) = &settings.organization {
        let (organization, members) = cloud.organization_accounts().await?;
        if let Some(wanted) = wanted.as_ref().filter(|wanted| **wanted != organization) {
            let message = format!(
                "the default credentials are of the organization `{organization}`, not of `{wanted}`"
            );
            return Err(UsageError::new(message)
                .hint("give credentials of that one, or leave its id out")
                .into());
        }
        accounts.extend(members);
    }
    if !is_told {
        match cloud.default_caller().await {
            Ok(caller) => _ = accounts.insert(caller.account),
            // Profiles by account may be all there is.
            Err(error) if error.kind == CloudErrorKind::NoCredentials && !accounts.is_empty() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(accounts.into_iter().collect())
}
