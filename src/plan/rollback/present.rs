//! What is there while a way back is planned: as it was read, with every planned write carried out.

use std::collections::{BTreeMap, BTreeSet};

use crate::arn::{AccountId, EntityArn, KeyArn, PolicyArn};
use crate::observation::{IamQuotas, ManagedPolicy, Observation};
use crate::policy::{AwsPrincipal, PolicyDocument, PrincipalElement};

/// The things that a run wrote, as they are.
pub(super) struct Present {
    keys: BTreeMap<KeyArn, String>,
    policies: BTreeMap<PolicyArn, ManagedPolicy>,
    quotas: BTreeMap<AccountId, IamQuotas>,
    /// Users and roles that were looked for and don't exist.
    missing: BTreeSet<EntityArn>,
}

impl Present {
    pub(super) fn of(observation: &Observation) -> Self {
        let keys = observation
            .keys
            .iter()
            .filter_map(|(arn, key)| Some((arn.clone(), key.policy.read()?.clone())))
            .collect();
        let accounts = || observation.accounts.iter().filter_map(|(id, iam)| Some((*id, iam.read()?)));
        let policies = accounts().flat_map(|(_, iam)| iam.policies.clone()).collect();
        let entities = accounts().flat_map(|(_, iam)| &iam.entities);
        let missing = entities
            // The same name under another path is another principal.
            .filter(|(arn, entity)| entity.as_ref().is_none_or(|entity| entity.arn != **arn))
            .map(|(arn, _)| arn.clone())
            .collect();
        Self { keys, policies, quotas: accounts().map(|(id, iam)| (id, iam.quotas)).collect(), missing }
    }

    pub(super) fn key_policy(&self, key: &KeyArn) -> Option<String> {
        self.keys.get(key).cloned()
    }

    pub(super) fn set_key_policy(&mut self, key: &KeyArn, text: &str) {
        self.keys.insert(key.clone(), text.to_owned());
    }

    pub(super) fn policy(&self, policy: &PolicyArn) -> Option<ManagedPolicy> {
        self.policies.get(policy).cloned()
    }

    pub(super) fn delete(&mut self, policy: &PolicyArn) {
        self.policies.remove(policy);
    }

    pub(super) fn detach(&mut self, policy: &PolicyArn, entity: &EntityArn) {
        if let Some(policy) = self.policies.get_mut(policy) {
            policy.attached_to.retain(|own| *own != entity.entity_name());
            // Servers that don't tell attachments from boundaries list it twice; IAM itself refuses to delete a
            // policy that is somebody's boundary.
            policy.boundary_of.retain(|own| *own != entity.entity_name());
        }
    }

    pub(super) fn set_default(&mut self, policy: &PolicyArn, version: &str, text: &str) {
        if let Some(policy) = self.policies.get_mut(policy) {
            policy.versions.iter_mut().for_each(|own| own.is_default = own.id == version);
            text.clone_into(&mut policy.document);
        }
    }

    pub(super) fn set_text(&mut self, policy: &PolicyArn, text: &str) {
        if let Some(policy) = self.policies.get_mut(policy) {
            text.clone_into(&mut policy.document);
        }
    }

    pub(super) fn remove_version(&mut self, policy: &PolicyArn, version: &str) {
        if let Some(policy) = self.policies.get_mut(policy) {
            policy.versions.retain(|own| own.id != version);
        }
    }

    pub(super) fn quotas(&self, account: AccountId) -> IamQuotas {
        self.quotas.get(&account).copied().unwrap_or_default()
    }

    /// The principals of a document that are known not to exist.
    pub(super) fn deleted(&self, document: &PolicyDocument) -> BTreeSet<EntityArn> {
        named(document).into_iter().filter(|entity| self.missing.contains(entity)).collect()
    }
}

/// The users and roles that a document names as principals.
pub fn named(document: &PolicyDocument) -> BTreeSet<EntityArn> {
    let principals = document.statements.iter().filter_map(|statement| statement.principal.as_ref());
    principals
        .flat_map(PrincipalElement::aws)
        .filter_map(|principal| match principal {
            AwsPrincipal::Entity(entity) => Some(entity.clone()),
            _ => None,
        })
        .collect()
}
