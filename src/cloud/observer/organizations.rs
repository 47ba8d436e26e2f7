//! Where accounts and OUs stand in AWS Organizations, read only where something that is evaluated speaks of it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::StreamExt as _;

use crate::access::{GranteeRef, KeyRef, UnresolvedRequest};
use crate::arn::{AccountId, Affiliation, Child, MemberOf, Members, OuPath};
use crate::cloud::abreast::abreast;
use crate::cloud::{CloudError, CloudErrorKind, Observe};
use crate::observation::{IamObservation, IdentityPolicies, Observation, RamPolicy, Reading, UnreadReason};

/// Reads where the accounts of whoever calls and of the grantees stand; where an organization is to be let in, those of the
/// keys too. What can't be read stays unknown with its reason, and fails nothing: whatever it would decide is told as
/// undecided.
pub(super) async fn affiliate(
    observation: &mut Observation,
    asked: &UnresolvedRequest,
    cloud: &impl Observe,
) {
    let members = || asked.grantees.iter().filter_map(members);
    let is_asked = members().next().is_some();
    if !is_asked && !texts(observation).any(|text| speaks_of(text, "aws:principalorg")) {
        return;
    }
    let needs_paths = members().any(|members| matches!(members, Members::Unit(_)))
        || texts(observation).any(|text| speaks_of(text, "aws:principalorgpaths"));
    let of_grantees = asked.grantees.iter().filter_map(GranteeRef::account);
    let of_keys = asked.keys.iter().filter(|_| is_asked).filter_map(KeyRef::account);
    let callers = observation.callers.keys().copied();
    let accounts: BTreeSet<AccountId> = callers.chain(of_grantees).chain(of_keys).collect();
    let read =
        accounts.into_iter().map(async |account| (account, of_account(account, needs_paths, cloud).await));
    let read: Vec<_> = abreast(read).collect().await;
    for (account, (affiliation, reason)) in read {
        observation.affiliations.extend(affiliation.map(|known| (account, known)));
        observation.unread_affiliations.extend(reason.map(|reason| (account.to_string(), reason)));
    }
}

/// Where the OUs are of which an ARN told no path. What can't be read stays as it was told, with the reason.
pub(super) async fn units(
    observation: &mut Observation,
    asked: &UnresolvedRequest,
    cloud: &impl Observe,
) -> BTreeMap<OuPath, OuPath> {
    let units: BTreeSet<OuPath> = asked.grantees.iter().filter_map(told_by_arn).cloned().collect();
    let read = units.into_iter().map(async |unit| {
        let path = cloud.organization_path(unit.organization(), &Child::Unit(unit.id().to_owned())).await;
        (unit, path)
    });
    let read: Vec<_> = abreast(read).collect().await;
    let mut found = BTreeMap::new();
    for (unit, path) in read {
        let path = path.map_err(|error| reason(&error));
        let path =
            path.and_then(|path| unit.below(&path).map_err(|error| UnreadReason::Other(error.to_string())));
        match path {
            Ok(path) => _ = found.insert(unit, path),
            Err(reason) => _ = observation.unread_affiliations.insert(unit.to_string(), reason),
        }
    }
    found
}

/// The OU that an ARN told, and no path.
fn told_by_arn(grantee: &GranteeRef) -> Option<&OuPath> {
    let is_told = matches!(
        grantee,
        GranteeRef::Members { partition: Some(_), .. } | GranteeRef::MembersRole { partition: Some(_), .. }
    );
    match members(grantee) {
        Some(Members::Unit(unit)) if is_told && unit.is_somewhere() => Some(unit),
        _ => None,
    }
}

/// The same grantee by the path that was read of its OU, where one was.
pub(super) fn located(grantee: &GranteeRef, units: &BTreeMap<OuPath, OuPath>) -> Option<GranteeRef> {
    let found = Members::Unit(units.get(told_by_arn(grantee)?)?.clone());
    let mut located = grantee.clone();
    match &mut located {
        GranteeRef::Members { members, .. } => *members = found,
        GranteeRef::MembersRole { role, .. } => role.members = found,
        _ => {}
    }
    Some(located)
}

async fn of_account(
    account: AccountId,
    needs_path: bool,
    cloud: &impl Observe,
) -> (Option<Affiliation>, Option<UnreadReason>) {
    let organization = match cloud.organization(account).await {
        Ok(Some(organization)) => organization,
        Ok(None) => return (Some(Affiliation::Independent), None),
        Err(error) => return (None, Some(reason(&error))),
    };
    let path = if needs_path {
        cloud.organization_path(&organization, &Child::Account(account)).await.map(Some)
    } else {
        Ok(None)
    };
    let (path, untold) = match path {
        Ok(path) => (path, None),
        Err(error) => (None, Some(reason(&error))),
    };
    (Some(Affiliation::Member(MemberOf { organization, path })), untold)
}

/// The call that did not tell it, and what it ended with, in AWS's own code where there is one.
fn reason(error: &CloudError) -> UnreadReason {
    let CloudError { kind, operation, account, code, message, .. } = error;
    if let (CloudErrorKind::NoCredentials, None) = (kind, account) {
        return UnreadReason::Other(format!("no credentials for {operation}"));
    }
    let by = account.map(|account| format!(" with credentials of account {account}"));
    let end = code.as_deref().unwrap_or(message);
    UnreadReason::Other(format!("{operation}{}: {end}", by.unwrap_or_default()))
}

fn members(grantee: &GranteeRef) -> Option<&Members> {
    match grantee {
        GranteeRef::Members { members, .. } => Some(members),
        GranteeRef::MembersRole { role, .. } => Some(&role.members),
        _ => None,
    }
}

/// Names of condition keys are equal in any case.
fn speaks_of(text: &str, key: &str) -> bool {
    text.to_ascii_lowercase().contains(key)
}

/// Every policy that was read or given.
fn texts(observation: &Observation) -> impl Iterator<Item = &str> {
    let keys = observation.keys.values().flat_map(|key| {
        let ram = match &key.ram_policy {
            RamPolicy::Read(text) => Some(text),
            RamPolicy::NotLookedAt | RamPolicy::Absent | RamPolicy::Unread(_) => None,
        };
        key.policy.read().into_iter().chain(ram)
    });
    let iam = observation.accounts.values().filter_map(Reading::read);
    let identities = iam.flat_map(identities);
    let of_identities = identities.flat_map(|identity| identity.documents.iter().chain(&identity.boundary));
    let given = [&observation.organization.scps, &observation.organization.rcps];
    let given = given.into_iter().flatten().flatten().flatten();
    keys.chain(of_identities.chain(given).map(|document| &document.text)).map(String::as_str)
}

fn identities(iam: &IamObservation) -> impl Iterator<Item = &IdentityPolicies> {
    let entities = iam.entities.values().flatten().filter_map(|entity| entity.identity.read());
    entities.chain(iam.caller.read())
}
