//! The reads of AWS Organizations.

use std::collections::BTreeSet;

use super::call::Call;
use super::pages::World;
use super::refusals::Refusal;
use super::{Sandbox, broken};
use crate::arn::{AccountId, Child, OrganizationId};
use crate::cloud::CloudError;

impl Sandbox {
    /// By the account's own caller, else by those of the management account or of delegated administrators.
    pub(super) async fn read_organization(
        &self,
        account: AccountId,
    ) -> Result<Option<OrganizationId>, CloudError> {
        let (mut own, mut reason) = (None, None);
        // What keeps that from being told is told by the call.
        if self.world(Some(account), []).map_or(true, |world| world.caller(account).is_some()) {
            match self.described(account).await {
                Ok(organization) => return Ok(Some(organization)),
                Err(error) if error.is_of_no_organization() => return Ok(None),
                Err(error) => own = Some(error),
            }
        }
        let asking = call("organizations:ListAccounts", &account, None);
        for by in self.askers(&asking)? {
            match self.listed(by, account).await {
                Ok(organization) => return Ok(Some(organization)),
                Err(error) => reason = Some(CloudError::more_telling(reason, error)),
            }
        }
        Err(own.or(reason).unwrap_or_else(|| asking.failed(None, Refusal::no_credentials())))
    }

    /// The organization of the default caller, and its accounts.
    pub(super) async fn read_organization_accounts(
        &self,
    ) -> Result<(OrganizationId, Vec<AccountId>), CloudError> {
        let by = self.shared().page.default_caller;
        let call = call("organizations:ListAccounts", &"*", by);
        let world = self.current(&call).await?;
        let organization = overseen(&world, &call)?;
        let is_member =
            |account: &AccountId| world.organization(*account).is_some_and(|entry| entry.id == *organization);
        let own = self.folder.as_ref().map(|folder| folder.members(organization, world.shared()));
        let own = own.transpose().map_err(|error| broken(&call, &error))?.unwrap_or_default();
        let accounts: BTreeSet<AccountId> = world.accounts().filter(is_member).chain(own).collect();
        Ok((organization.clone(), accounts.into_iter().collect()))
    }

    /// The path to what an account or OU is in.
    pub(super) async fn read_path(
        &self,
        organization: &OrganizationId,
        child: &Child,
    ) -> Result<String, CloudError> {
        let mut reason = None;
        for by in self.askers(&call("organizations:ListParents", child, None))? {
            let call = call("organizations:ListParents", child, Some(by));
            let about = match child {
                Child::Account(account) => Some(*account),
                Child::Unit(unit) => self.whereabouts(&call, unit)?,
            };
            let world = self.current_about(&call, about).await?;
            match parent(&world, &call, (organization, child)) {
                Ok(path) => return Ok(path),
                Err(error) => reason = Some(CloudError::more_telling(reason, error)),
            }
        }
        let call = call("organizations:ListParents", child, None);
        Err(reason.unwrap_or_else(|| call.failed(None, Refusal::no_credentials())))
    }

    /// Who may be asked about others: who calls by default first.
    fn askers(&self, call: &Call) -> Result<Vec<AccountId>, CloudError> {
        let default_caller = self.shared().page.default_caller;
        let others = self.callers(call)?.into_iter().filter(|account| Some(*account) != default_caller);
        Ok(default_caller.into_iter().chain(others).collect())
    }

    async fn described(&self, account: AccountId) -> Result<OrganizationId, CloudError> {
        let call = call("organizations:DescribeOrganization", &account, Some(account));
        let world = self.current(&call).await?;
        let caller = call.authorized(&world)?;
        let refused = |refusal| call.failed(Some(caller.account), refusal);
        match world.organization(account) {
            Some(entry) => Ok(entry.id.clone()),
            // A world that tells of no organization tells of no account that it is of none.
            None if world.shared().organizations.is_empty() => Err(refused(Refusal::organizations_denied())),
            None => Err(refused(Refusal::no_organization())),
        }
    }

    async fn listed(&self, by: AccountId, account: AccountId) -> Result<OrganizationId, CloudError> {
        let call = call("organizations:ListAccounts", &account, Some(by));
        let world = self.current_about(&call, [account]).await?;
        let organization = overseen(&world, &call)?;
        match world.organization(account) {
            Some(entry) if entry.id == *organization => Ok(entry.id.clone()),
            Some(_) | None => Err(call.failed(Some(by), Refusal::no_member(account, organization))),
        }
    }
}

fn call(operation: &'static str, about: &dyn ToString, account: Option<AccountId>) -> Call {
    Call { operation, resource: about.to_string(), account, region: None }
}

/// The organization whose accounts the caller may list.
fn overseen<'w>(world: &'w World, call: &Call) -> Result<&'w OrganizationId, CloudError> {
    let by = call.authorized(world)?.account;
    let organization = world.organization(by).map(|entry| &entry.id);
    let overseen = organization.filter(|id| {
        let described = world.shared().organizations.get(*id);
        described.is_some_and(|described| described.overseers().any(|overseer| overseer == by))
    });
    overseen.ok_or_else(|| call.failed(Some(by), Refusal::organizations_denied()))
}

/// What a child is in. An OU is there where an account is in it.
fn parent(
    world: &World,
    call: &Call,
    (organization, child): (&OrganizationId, &Child),
) -> Result<String, CloudError> {
    let by = call.authorized(world)?.account;
    let is_own = *child == Child::Account(by) && world.shared().organizations.is_empty();
    if !is_own && overseen(world, call)? != organization {
        return Err(call.failed(Some(by), Refusal::no_child()));
    }
    let of_organization = |account: AccountId| {
        world.organization(account).filter(|entry| entry.id == *organization)?.path.clone()
    };
    let found = match child {
        Child::Account(account) => of_organization(*account),
        Child::Unit(unit) => world.accounts().filter_map(of_organization).find_map(|path| {
            let (above, _) = path.split_once(&format!("{unit}/"))?;
            Some(above.to_owned())
        }),
    };
    found.ok_or_else(|| call.failed(Some(by), Refusal::no_child()))
}
