//! Reads of AWS IAM in one account.

use std::fmt::Display;
use std::str::FromStr;

use aws_sdk_iam::Client;
use aws_sdk_iam::types;
use aws_sdk_iam::types::{PolicyScopeType, PolicyUsageType};
use percent_encoding::percent_decode_str;

use super::errors::Call;
use crate::access::PolicyName;
use crate::arn::{AccountId, EntityArn, EntityKind, EntityName, Partition, PolicyArn};
use crate::cloud::{CloudError, CloudErrorKind};
use crate::observation::{Entity, IamQuotas, ManagedPolicy, PolicyVersion, Reading};

/// The most that IAM's lists give in one answer.
pub(super) const PAGE: i32 = 1000;

/// With so many versions the oldest that is not in force has to go before another can be made.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const FULL: usize = 5;

/// IAM in one account.
#[derive(Debug)]
pub(super) struct Iam {
    pub(super) client: Client,
    pub(super) account: AccountId,
    pub(super) partition: Partition,
}

impl Iam {
    pub(super) fn call(&self, operation: &'static str, resource: impl Into<String>) -> Call {
        Call { operation, resource: resource.into(), account: Some(self.account), region: None }
    }

    /// The names of users, roles or groups in one answer.
    pub(super) async fn names(&self, kind: EntityKind) -> Result<Vec<String>, CloudError> {
        let client = &self.client;
        Ok(match kind {
            EntityKind::User => {
                let call = self.call("iam:ListUsers", "*");
                let output = client.list_users().max_items(PAGE).send().await;
                let output = output.map_err(|error| call.failed(&error))?;
                output.users().iter().map(|user| user.user_name().to_owned()).collect()
            }
            EntityKind::Role => {
                let call = self.call("iam:ListRoles", "*");
                let output = client.list_roles().max_items(PAGE).send().await;
                let output = output.map_err(|error| call.failed(&error))?;
                output.roles().iter().map(|role| role.role_name().to_owned()).collect()
            }
            EntityKind::Group => {
                let call = self.call("iam:ListGroups", "*");
                let output = client.list_groups().max_items(PAGE).send().await;
                let output = output.map_err(|error| call.failed(&error))?;
                output.groups().iter().map(|group| group.group_name().to_owned()).collect()
            }
        })
    }

    /// iam:GetAccountSummary; what it leaves out is taken from the documented defaults.
    pub(super) async fn quotas(&self) -> Result<IamQuotas, CloudError> {
        let call = self.call("iam:GetAccountSummary", "*");
        let output = self.client.get_account_summary().send().await.map_err(|error| call.failed(&error))?;
        let quota = |name: &str, default: usize| {
            let entry = output.summary_map().and_then(|map| map.iter().find(|(key, _)| key.as_str() == name));
            entry.and_then(|(_, value)| usize::try_from(*value).ok()).unwrap_or(default)
        };
        let defaults = IamQuotas::default();
        Ok(IamQuotas {
            attached_per_user: quota("AttachedPoliciesPerUserQuota", defaults.attached_per_user),
            attached_per_role: quota("AttachedPoliciesPerRoleQuota", defaults.attached_per_role),
            attached_per_group: quota("AttachedPoliciesPerGroupQuota", defaults.attached_per_group),
            policy_size: quota("PolicySizeQuota", defaults.policy_size),
            versions_per_policy: quota("VersionsPerPolicyQuota", defaults.versions_per_policy),
        })
    }

    /// iam:ListPolicies, all pages, by ARN.
    pub(super) async fn policies_named(
        &self,
        name: &PolicyName,
    ) -> Result<Vec<(PolicyArn, String)>, CloudError> {
        let call = self.call("iam:ListPolicies", "*");
        let request = self.client.list_policies().scope(PolicyScopeType::Local).max_items(PAGE);
        let listed: Vec<types::Policy> = request
            .into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
            .map_err(|error| call.failed(&error))?;
        let mut policies: Vec<(PolicyArn, String)> = listed
            .iter()
            .filter(|policy| policy.policy_name().is_some_and(|listed| name.covers(listed)))
            .map(|policy| {
                let version = policy.default_version_id().ok_or_else(|| call.unexpected("no version"))?;
                Ok((parse(&call, policy.arn())?, version.to_owned()))
            })
            .collect::<Result<_, CloudError>>()?;
        policies.sort();
        Ok(policies)
    }

    /// A policy, its versions and its users; `None` where it does not exist.
    pub(super) async fn managed_policy(
        &self,
        policy: &PolicyArn,
        default_version: Option<&str>,
    ) -> Result<Option<ManagedPolicy>, CloudError> {
        none_where_not_found(self.existing_policy(policy, default_version).await)
    }

    async fn existing_policy(
        &self,
        policy: &PolicyArn,
        default_version: Option<&str>,
    ) -> Result<ManagedPolicy, CloudError> {
        let arn = policy.to_string();
        let (mut versions, hinted, attached_to, boundary_of) = tokio::try_join!(
            self.versions(&arn),
            self.hinted_document(&arn, default_version),
            self.used_by(&arn, PolicyUsageType::PermissionsPolicy),
            self.used_by(&arn, PolicyUsageType::PermissionsBoundary),
        )?;
        let default = versions.iter().find(|version| version.is_default).cloned().ok_or_else(|| {
            self.call("iam:ListPolicyVersions", arn.clone()).unexpected("no default version")
        })?;
        let goes = surplus(&mut versions).map(|version| version.id.clone());
        let (document, surplus_document) = tokio::try_join!(
            async {
                match hinted {
                    Some(document) if default_version == Some(&*default.id) => Ok(document),
                    _ => self.document(&arn, &default.id).await,
                }
            },
            async {
                match &goes {
                    Some(version) => self.document(&arn, version).await.map(Some),
                    None => Ok(None),
                }
            }
        )?;
        if let Some(version) = surplus(&mut versions) {
            version.document = surplus_document;
        }
        Ok(ManagedPolicy { arn: policy.clone(), document, versions, attached_to, boundary_of })
    }

    /// iam:ListPolicyVersions, all pages, oldest first.
    async fn versions(&self, arn: &str) -> Result<Vec<PolicyVersion>, CloudError> {
        let call = self.call("iam:ListPolicyVersions", arn);
        let pages = self.client.list_policy_versions().policy_arn(arn).into_paginator().items().send();
        let listed: Vec<types::PolicyVersion> =
            pages.collect::<Result<_, _>>().await.map_err(|error| call.failed(&error))?;
        Ok(in_order(&listed))
    }

    /// The document of the version that is believed to be the default, if it is still there.
    async fn hinted_document(&self, arn: &str, version: Option<&str>) -> Result<Option<String>, CloudError> {
        match version {
            Some(version) => none_where_not_found(self.document(arn, version).await),
            None => Ok(None),
        }
    }

    /// iam:GetPolicyVersion, decoded: IAM percent-encodes documents after RFC 3986.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_PolicyVersion.html>
    pub(super) async fn document(&self, arn: &str, version: &str) -> Result<String, CloudError> {
        let call = self.call("iam:GetPolicyVersion", arn);
        let request = self.client.get_policy_version().policy_arn(arn).version_id(version);
        let output = request.send().await.map_err(|error| call.failed(&error))?;
        let encoded = output
            .policy_version()
            .and_then(types::PolicyVersion::document)
            .ok_or_else(|| call.unexpected("no document"))?;
        decoded(&call, encoded)
    }

    /// iam:ListEntitiesForPolicy, all pages, users before roles before groups.
    async fn used_by(&self, arn: &str, usage: PolicyUsageType) -> Result<Vec<EntityName>, CloudError> {
        let call = self.call("iam:ListEntitiesForPolicy", arn);
        let request = self.client.list_entities_for_policy().policy_arn(arn).policy_usage_filter(usage);
        let mut pages = request.into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call.failed(&error))?;
            let users = page.policy_users().iter().map(|user| (EntityKind::User, user.user_name()));
            let roles = page.policy_roles().iter().map(|role| (EntityKind::Role, role.role_name()));
            let groups = page.policy_groups().iter().map(|group| (EntityKind::Group, group.group_name()));
            for (kind, name) in users.chain(roles).chain(groups) {
                let name = name.ok_or_else(|| call.unexpected("an entity without a name"))?.to_owned();
                names.push(EntityName { kind, name });
            }
        }
        names.sort();
        Ok(names)
    }

    /// A user, role or group; `None` where it does not exist.
    pub(super) async fn entity(&self, entity: &EntityName) -> Result<Option<Entity>, CloudError> {
        Ok(self.entity_and_boundary(entity).await?.map(|(entity, _)| entity))
    }

    /// A user, role or group, and the ARN of its permissions boundary; `None` where it does not exist.
    pub(super) async fn entity_and_boundary(
        &self,
        entity: &EntityName,
    ) -> Result<Option<(Entity, Option<String>)>, CloudError> {
        let read = tokio::try_join!(self.arn_and_boundary(entity), self.attached(entity));
        let Some(((arn, boundary), mut attached)) = none_where_not_found(read)? else { return Ok(None) };
        attached.sort();
        Ok(Some((Entity { arn, attached, identity: Reading::default() }, boundary)))
    }

    /// iam:GetUser, iam:GetRole, iam:GetGroup.
    async fn arn_and_boundary(&self, entity: &EntityName) -> Result<(EntityArn, Option<String>), CloudError> {
        let (client, name) = (&self.client, &entity.name);
        match entity.kind {
            EntityKind::User => {
                let call = self.call("iam:GetUser", self.entity_arn(entity));
                let output = client.get_user().user_name(name).send().await;
                let output = output.map_err(|error| call.failed(&error))?;
                let user = output.user();
                let boundary = user.and_then(types::User::permissions_boundary).and_then(boundary_arn);
                parse(&call, user.map(types::User::arn)).map(|arn| (arn, boundary))
            }
            EntityKind::Role => {
                let call = self.call("iam:GetRole", self.entity_arn(entity));
                let output = client.get_role().role_name(name).send().await;
                let output = output.map_err(|error| call.failed(&error))?;
                let role = output.role();
                let boundary = role.and_then(types::Role::permissions_boundary).and_then(boundary_arn);
                parse(&call, role.map(types::Role::arn)).map(|arn| (arn, boundary))
            }
            EntityKind::Group => {
                let call = self.call("iam:GetGroup", self.entity_arn(entity));
                let output = client.get_group().group_name(name).max_items(1).send().await;
                let output = output.map_err(|error| call.failed(&error))?;
                parse(&call, output.group().map(types::Group::arn)).map(|arn| (arn, None))
            }
        }
    }

    /// iam:ListAttachedUserPolicies, iam:ListAttachedRolePolicies, iam:ListAttachedGroupPolicies, all pages.
    async fn attached(&self, entity: &EntityName) -> Result<Vec<String>, CloudError> {
        let (client, name, arn) = (&self.client, &entity.name, self.entity_arn(entity));
        let listed: Vec<types::AttachedPolicy> = match entity.kind {
            EntityKind::User => {
                let call = self.call("iam:ListAttachedUserPolicies", arn);
                let pages = client.list_attached_user_policies().user_name(name).into_paginator().items();
                pages.send().collect::<Result<_, _>>().await.map_err(|error| call.failed(&error))?
            }
            EntityKind::Role => {
                let call = self.call("iam:ListAttachedRolePolicies", arn);
                let pages = client.list_attached_role_policies().role_name(name).into_paginator().items();
                pages.send().collect::<Result<_, _>>().await.map_err(|error| call.failed(&error))?
            }
            EntityKind::Group => {
                let call = self.call("iam:ListAttachedGroupPolicies", arn);
                let pages = client.list_attached_group_policies().group_name(name).into_paginator().items();
                pages.send().collect::<Result<_, _>>().await.map_err(|error| call.failed(&error))?
            }
        };
        Ok(listed.into_iter().filter_map(|policy| policy.policy_arn).collect())
    }

    /// For messages: the path is not known before the entity is read.
    pub(super) fn entity_arn(&self, entity: &EntityName) -> String {
        let Self { partition, account, .. } = self;
        format!("arn:{partition}:iam::{account}:{}/{}", entity.kind, entity.name)
    }
}

/// A document as it was before IAM percent-encoded it.
pub(super) fn decoded(call: &Call, encoded: &str) -> Result<String, CloudError> {
    let decoded = percent_decode_str(encoded).decode_utf8().map_err(|error| call.unexpected(error))?;
    Ok(decoded.into_owned())
}

pub(super) fn boundary_arn(boundary: &types::AttachedPermissionsBoundary) -> Option<String> {
    boundary.permissions_boundary_arn().map(str::to_owned)
}

/// Versions, oldest first, without their documents.
pub(super) fn in_order(told: &[types::PolicyVersion]) -> Vec<PolicyVersion> {
    let mut versions: Vec<PolicyVersion> = told
        .iter()
        .map(|version| PolicyVersion {
            id: version.version_id().unwrap_or_default().to_owned(),
            is_default: version.is_default_version(),
            document: None,
        })
        .collect();
    versions.sort_by_key(|version| version_number(&version.id));
    versions
}

/// The version that has to go before another can be made.
pub(super) fn surplus(versions: &mut [PolicyVersion]) -> Option<&mut PolicyVersion> {
    let is_full = versions.len() >= FULL;
    versions.iter_mut().find(|version| is_full && !version.is_default)
}

/// `v10` is younger than `v9`.
fn version_number(id: &str) -> u64 {
    id.trim_start_matches('v').parse().unwrap_or(u64::MAX)
}

pub(super) fn parse<T>(call: &Call, text: Option<&str>) -> Result<T, CloudError>
where
    T: FromStr<Err: Display>,
{
    text.unwrap_or_default().parse().map_err(|error| call.unexpected(error))
}

pub(super) fn none_where_not_found<T>(read: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == CloudErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
