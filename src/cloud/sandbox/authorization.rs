//! IAM of a whole account at once.

use std::collections::BTreeSet;

use super::world::{Account, Page, Policy};
use crate::access::PolicyName;
use crate::arn::{AccountId, EntityKind, EntityName, PolicyArn};
use crate::cloud::authorization::{AuthorizationDetails, EntityDetails};
use crate::observation::{Entity, ManagedPolicy, PolicyVersion, Reading};

/// What is told of an account, for some users and roles and the policies of a name.
pub(super) fn details(
    page: &Page,
    account: AccountId,
    described: &Account,
    (wanted, name): (&BTreeSet<EntityName>, &PolicyName),
) -> AuthorizationDetails {
    let mut details = AuthorizationDetails::default();
    for (kind, own, identity) in described.identities() {
        let found = EntityName { kind, name: own.to_owned() };
        if kind != EntityKind::Group && !wanted.contains(&found) {
            continue;
        }
        let entity = Entity {
            arn: page.entity_arn(account, kind, (own, identity)),
            attached: identity.attached.clone(),
            identity: Reading::default(),
        };
        let inline = identity.inline.iter().map(|(name, text)| (name.clone(), text.text().to_owned()));
        let entity = EntityDetails {
            entity,
            boundary: identity.boundary.clone(),
            groups: identity.groups.clone(),
            inline: inline.collect(),
        };
        details.entities.insert(found, entity);
    }
    for (own, policy) in &described.policies {
        let arn = page.policy_arn(account, (own, policy));
        details.documents.extend(policy.default_document().map(|text| (arn.to_string(), text.to_owned())));
        if name.covers(own) {
            details.named.insert(arn.clone(), managed_policy(described, &arn, policy));
        }
    }
    details
}

/// A managed policy with its versions and who uses it.
pub(super) fn managed_policy(account: &Account, arn: &PolicyArn, policy: &Policy) -> ManagedPolicy {
    let text = arn.to_string();
    let is_full = policy.versions.len() >= account.quotas().versions_per_policy;
    let is_default = |id: &str| id == policy.default_version;
    let mut to_go = policy.versions.keys().map(ToString::to_string).find(|id| is_full && !is_default(id));
    let versions = policy.versions.iter().map(|(id, document)| {
        let id = id.to_string();
        let goes = to_go.take_if(|other| *other == id).is_some();
        let document = goes.then(|| document.text().to_owned());
        PolicyVersion { is_default: is_default(&id), id, document }
    });
    ManagedPolicy {
        versions: versions.collect(),
        arn: arn.clone(),
        document: policy.default_document().unwrap_or_default().to_owned(),
        attached_to: account
            .using(&text, |identity, policy| identity.attached.iter().any(|own| own == policy)),
        boundary_of: account.using(&text, |identity, policy| identity.boundary.as_deref() == Some(policy)),
    }
}
