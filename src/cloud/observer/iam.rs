//! IAM of one account: asked thing by thing, or where many users and roles are looked at, of a list of everything.

use std::collections::BTreeSet;

use crate::access::PolicyName;
use crate::arn::{AccountId, EntityName, PolicyArn};
use crate::cloud::authorization::{AuthorizationDetails, EntityDetails};
use crate::cloud::{Belongings, CloudError, CloudErrorKind, Observe};
use crate::observation::{Entity, ManagedPolicy};

/// For so many users and roles all of the account is read at once. Each needs three calls or more of its own, of which IAM
/// takes some 30 of a kind before the next have to wait; the whole account is a call for each thousand things in it, one
/// after the other.
const MANY: usize = 25;

/// What is read of an account's users, roles, groups and policies.
pub(super) struct Iam<'c, C> {
    cloud: &'c C,
    account: AccountId,
    /// What was told at once. What is not in it may still be there, under a name that is written otherwise or since then, and
    /// is asked for.
    told: AuthorizationDetails,
    is_told: bool,
}

impl<'c, C: Observe> Iam<'c, C> {
    /// Reads everything at once where that takes less; whoever may not do that asks for each thing.
    pub(super) async fn of(
        account: AccountId,
        wanted: &BTreeSet<EntityName>,
        name: &PolicyName,
        cloud: &'c C,
    ) -> Result<Self, CloudError> {
        let told = if wanted.len() < MANY {
            None
        } else {
            match cloud.authorization_details(account, wanted, name).await {
                Ok(told) => Some(told),
                // It is a shorter way to what can be read without it.
                Err(error) if is_closed(&error) => None,
                Err(error) => return Err(error),
            }
        };
        let is_told = told.is_some();
        Ok(Self { cloud, account, told: told.unwrap_or_default(), is_told })
    }

    /// The customer managed policies that bear the name, with the id of their default version.
    pub(super) async fn policies_named(
        &self,
        name: &PolicyName,
    ) -> Result<Vec<(PolicyArn, String)>, CloudError> {
        if !self.is_told {
            return self.cloud.policies_named(self.account, name).await;
        }
        let default =
            |policy: &ManagedPolicy| policy.versions.iter().find(|version| version.is_default).cloned();
        let named = self.told.named.values();
        Ok(named.filter_map(|policy| Some((policy.arn.clone(), default(policy)?.id))).collect())
    }

    /// A customer managed policy with its versions and where it is used.
    pub(super) async fn managed_policy(
        &self,
        policy: &PolicyArn,
        default_version: &str,
    ) -> Result<Option<ManagedPolicy>, CloudError> {
        match self.told.named.get(policy) {
            Some(told) => Ok(Some(told.clone())),
            None => self.cloud.managed_policy(policy, Some(default_version)).await,
        }
    }

    /// A user, role or group, and the names of all that belongs to it.
    pub(super) async fn entity_in_full(
        &self,
        entity: &EntityName,
    ) -> Result<Option<(Entity, Belongings)>, CloudError> {
        match self.told.entities.get(entity) {
            Some(told) => Ok(Some(parts(told))),
            None => self.cloud.entity_in_full(self.account, entity).await,
        }
    }

    /// An inline policy of a user, role or group.
    pub(super) async fn inline_policy(
        &self,
        entity: &EntityName,
        policy: &str,
    ) -> Result<String, CloudError> {
        let told = self.told.entities.get(entity).and_then(|told| told.inline.get(policy));
        match told {
            Some(text) => Ok(text.clone()),
            None => self.cloud.inline_policy(self.account, entity, policy).await,
        }
    }

    /// The document in force of any managed policy.
    pub(super) async fn policy_document(&self, policy: &str) -> Result<String, CloudError> {
        match self.told.documents.get(policy) {
            Some(text) => Ok(text.clone()),
            None => self.cloud.policy_document(self.account, policy).await,
        }
    }
}

/// Whether the list is not to be had, while all else may be.
fn is_closed(error: &CloudError) -> bool {
    matches!(error.kind, CloudErrorKind::AccessDenied | CloudErrorKind::NotFound | CloudErrorKind::Other)
}

/// A user, role or group as many calls give it.
fn parts(told: &EntityDetails) -> (Entity, Belongings) {
    let belongings = Belongings {
        boundary: told.boundary.clone(),
        inline: Ok(told.inline.keys().cloned().collect()),
        groups: Ok(told.groups.clone()),
    };
    (told.entity.clone(), belongings)
}
