//! The reads of AWS Organizations.

use super::call::Call;
use super::refusals::Refusal;
use super::world::World;
use super::{Sandbox, State};
use crate::arn::{AccountId, Child, OrganizationId};
use crate::cloud::CloudError;

impl Sandbox {
    /// By the account's own caller, else by those of the management account or of delegated administrators.
    pub(super) async fn read_organization(
        &self,
        account: AccountId,
    ) -> Result<Option<OrganizationId>, CloudError> {
        let (mut own, mut reason) = (None, None);
        if self.state.borrow().world.callers.contains_key(&account) {
            match self.described(account).await {
                Ok(organization) => return Ok(Some(organization)),
                Err(error) if error.is_of_no_organization() => return Ok(None),
                Err(error) => own = Some(error),
            }
        }
        for by in self.askers() {
            match self.listed(by, account).await {
                Ok(organization) => return Ok(Some(organization)),
                Err(error) => reason = Some(CloudError::more_telling(reason, error)),
            }
        }
        let call = call("organizations:ListAccounts", &account, None);
        Err(own.or(reason).unwrap_or_else(|| call.failed(None, Refusal::no_credentials())))
    }

    /// The organization of the default caller, and its accounts.
    pub(super) async fn read_organization_accounts(
        &self,
    ) -> Result<(OrganizationId, Vec<AccountId>), CloudError> {
        let by = self.state.borrow().world.default_caller;
        let call = call("organizations:ListAccounts", &"*", by);
        let state = self.current(&call).await?;
        let organization = overseen(&state, &call)?;
        let World { accounts, .. } = &state.world;
        let is_member = |account: &AccountId| {
            state.world.organization(*account).is_some_and(|entry| entry.id == *organization)
        };
        Ok((organization.clone(), accounts.keys().copied().filter(is_member).collect()))
    }

    /// The path to what an account or OU is in.
    pub(super) async fn read_path(
        &self,
        organization: &OrganizationId,
        child: &Child,
    ) -> Result<String, CloudError> {
        let mut reason = None;
        for by in self.askers() {
            let call = call("organizations:ListParents", child, Some(by));
            let state = self.current(&call).await?;
            match parent(&state, &call, (organization, child)) {
                Ok(path) => return Ok(path),
                Err(error) => reason = Some(CloudError::more_telling(reason, error)),
            }
        }
        let call = call("organizations:ListParents", child, None);
        Err(reason.unwrap_or_else(|| call.failed(None, Refusal::no_credentials())))
    }

    /// Who may be asked about others: who calls by default first.
    fn askers(&self) -> Vec<AccountId> {
        let state = self.state.borrow();
        let World { callers, default_caller, .. } = &state.world;
        let others = callers.keys().copied().filter(|account| Some(*account) != *default_caller);
        default_caller.iter().copied().chain(others).collect()
    }

    async fn described(&self, account: AccountId) -> Result<OrganizationId, CloudError> {
        let call = call("organizations:DescribeOrganization", &account, Some(account));
        let state = self.current(&call).await?;
        let caller = call.authorized(&state.world)?;
        let refused = |refusal| call.failed(Some(caller.account), refusal);
        match state.world.organization(account) {
            Some(entry) => Ok(entry.id.clone()),
            // A world that tells of no organization tells of no account that it is of none.
            None if state.world.organizations.is_empty() => Err(refused(Refusal::organizations_denied())),
            None => Err(refused(Refusal::no_organization())),
        }
    }

    async fn listed(&self, by: AccountId, account: AccountId) -> Result<OrganizationId, CloudError> {
        let call = call("organizations:ListAccounts", &account, Some(by));
        let state = self.current(&call).await?;
        let organization = overseen(&state, &call)?;
        match state.world.organization(account) {
            Some(entry) if entry.id == *organization => Ok(entry.id.clone()),
            Some(_) | None => Err(call.failed(Some(by), Refusal::no_member(account, organization))),
        }
    }
}

fn call(operation: &'static str, about: &dyn ToString, account: Option<AccountId>) -> Call {
    Call { operation, resource: about.to_string(), account, region: None }
}

/// The organization whose accounts the caller may list.
fn overseen<'s>(state: &'s State, call: &Call) -> Result<&'s OrganizationId, CloudError> {
    let by = call.authorized(&state.world)?.account;
    let organization = state.world.organization(by).map(|entry| &entry.id);
    let overseen = organization.filter(|id| {
        let described = state.world.organizations.get(*id);
        described.is_some_and(|described| described.overseers().any(|overseer| overseer == by))
    });
    overseen.ok_or_else(|| call.failed(Some(by), Refusal::organizations_denied()))
}

/// What a child is in. An OU is there where an account is in it.
fn parent(
    state: &State,
    call: &Call,
    (organization, child): (&OrganizationId, &Child),
) -> Result<String, CloudError> {
    let World { accounts, organizations, .. } = &state.world;
    let by = call.authorized(&state.world)?.account;
    let is_own = *child == Child::Account(by) && organizations.is_empty();
    if !is_own && overseen(state, call)? != organization {
        return Err(call.failed(Some(by), Refusal::no_child()));
    }
    let of_organization = |account: &AccountId| {
        state.world.organization(*account).filter(|entry| entry.id == *organization)?.path.clone()
    };
    let found = match child {
        Child::Account(account) => of_organization(account),
        Child::Unit(unit) => accounts.keys().filter_map(of_organization).find_map(|path| {
            let (above, _) = path.split_once(&format!("{unit}/"))?;
            Some(above.to_owned())
        }),
    };
    found.ok_or_else(|| call.failed(Some(by), Refusal::no_child()))
}
