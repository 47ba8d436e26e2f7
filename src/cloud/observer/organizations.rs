//! Where accounts stand in AWS Organizations, read only where something that was read speaks of it.

use std::collections::{BTreeMap, BTreeSet};

use super::abreast::abreast;
use crate::access::{GranteeRef, UnresolvedRequest};
use crate::arn::{AccountId, Affiliation};
use crate::cloud::Observe;
use crate::observation::{IamObservation, IdentityPolicies, Observation, RamPolicy, Reading};
use futures_util::stream::StreamExt as _;

/// The accounts of whoever calls and of the grantees, each with where it stands as far as that can be read. What can't be
/// read stays unknown, and fails nothing: whatever it would decide is told as undecided.
pub(super) async fn affiliations(
    asked: &UnresolvedRequest,
    observation: &Observation,
    cloud: &impl Observe,
) -> BTreeMap<AccountId, Affiliation> {
    let is_asked = asked.grantees.iter().any(|grantee| matches!(grantee, GranteeRef::Members { .. }));
    if !is_asked && !texts(observation).any(speaks_of_organizations) {
        return BTreeMap::new();
    }
    let of_grantees = asked.grantees.iter().filter_map(GranteeRef::account);
    let accounts: BTreeSet<AccountId> = observation.callers.keys().copied().chain(of_grantees).collect();
    let read = accounts.into_iter().map(async |account| (account, cloud.affiliation(account).await));
    let read: Vec<_> = abreast(read).collect().await;
    read.into_iter().filter_map(|(account, read)| Some((account, read.ok().flatten()?))).collect()
}

/// Names of condition keys are equal in any case.
fn speaks_of_organizations(text: &str) -> bool {
    text.to_ascii_lowercase().contains("aws:principalorg")
}

/// Every policy that was read.
fn texts(observation: &Observation) -> impl Iterator<Item = &str> {
    let keys = observation.keys.values().flat_map(|key| {
        let ram = match &key.ram_policy {
            RamPolicy::Read(text) => Some(text),
            RamPolicy::NotLookedAt | RamPolicy::Absent | RamPolicy::Unread(_) => None,
        };
        key.policy.read().into_iter().chain(ram)
    });
    let iam = observation.accounts.values().filter_map(Reading::read);
    keys.chain(iam.flat_map(identities).flat_map(|identity| {
        let documents = identity.documents.iter().chain(&identity.boundary);
        documents.map(|document| &document.text)
    }))
    .map(String::as_str)
}

fn identities(iam: &IamObservation) -> impl Iterator<Item = &IdentityPolicies> {
    let entities = iam.entities.values().flatten().filter_map(|entity| entity.identity.read());
    entities.chain(iam.caller.read())
}
