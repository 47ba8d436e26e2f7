//! Reads of all that IAM gives and denies a user, role or group.

use aws_sdk_iam::types;

use super::errors::Call;
use super::iam::{Iam, decoded};
use crate::arn::{EntityKind, EntityName, PolicyArn};
use crate::cloud::{Belongings, CloudError};
use crate::observation::{Entity, Tags};

impl Iam {
    /// A user, role or group, and the names of what belongs to it; `None` where it does not exist.
    pub(super) async fn entity_in_full(
        &self,
        entity: &EntityName,
    ) -> Result<Option<(Entity, Belongings)>, CloudError> {
        let (found, inline, groups) = tokio::join!(
            self.entity_and_boundary(entity),
            self.inline_policies(entity),
            self.groups_of(entity)
        );
        Ok(found?.map(|(entity, boundary)| (entity, Belongings { boundary, inline, groups })))
    }

    /// iam:ListUserPolicies, iam:ListRolePolicies, iam:ListGroupPolicies, all pages, by name.
    async fn inline_policies(&self, entity: &EntityName) -> Result<Vec<String>, CloudError> {
        let (client, name, arn) = (&self.client, &entity.name, self.entity_arn(entity));
        let mut names: Vec<String> = match entity.kind {
            EntityKind::User => {
                let call = self.call("iam:ListUserPolicies", arn);
                let pages = client.list_user_policies().user_name(name).into_paginator().items();
                pages.send().collect::<Result<_, _>>().await.map_err(|error| call.failed(&error))?
            }
            EntityKind::Role => {
                let call = self.call("iam:ListRolePolicies", arn);
                let pages = client.list_role_policies().role_name(name).into_paginator().items();
                pages.send().collect::<Result<_, _>>().await.map_err(|error| call.failed(&error))?
            }
            EntityKind::Group => {
                let call = self.call("iam:ListGroupPolicies", arn);
                let pages = client.list_group_policies().group_name(name).into_paginator().items();
                pages.send().collect::<Result<_, _>>().await.map_err(|error| call.failed(&error))?
            }
        };
        names.sort();
        Ok(names)
    }

    /// iam:ListGroupsForUser, all pages, by name; roles and groups are in none.
    async fn groups_of(&self, entity: &EntityName) -> Result<Vec<String>, CloudError> {
        if entity.kind != EntityKind::User {
            return Ok(Vec::new());
        }
        let call = self.call("iam:ListGroupsForUser", self.entity_arn(entity));
        let pages = self.client.list_groups_for_user().user_name(&entity.name).into_paginator().items();
        let groups: Vec<types::Group> =
            pages.send().collect::<Result<_, _>>().await.map_err(|error| call.failed(&error))?;
        let mut names: Vec<String> = groups.into_iter().map(|group| group.group_name).collect();
        names.sort();
        Ok(names)
    }

    /// iam:GetUserPolicy, iam:GetRolePolicy, iam:GetGroupPolicy, decoded.
    pub(super) async fn inline_policy(
        &self,
        entity: &EntityName,
        policy: &str,
    ) -> Result<String, CloudError> {
        let (client, name) = (&self.client, &entity.name);
        let about = |operation| self.call(operation, self.entity_arn(entity));
        match entity.kind {
            EntityKind::User => {
                let call = about("iam:GetUserPolicy");
                let request = client.get_user_policy().user_name(name).policy_name(policy);
                let output = request.send().await.map_err(|error| call.failed(&error))?;
                decoded(&call, output.policy_document())
            }
            EntityKind::Role => {
                let call = about("iam:GetRolePolicy");
                let request = client.get_role_policy().role_name(name).policy_name(policy);
                let output = request.send().await.map_err(|error| call.failed(&error))?;
                decoded(&call, output.policy_document())
            }
            EntityKind::Group => {
                let call = about("iam:GetGroupPolicy");
                let request = client.get_group_policy().group_name(name).policy_name(policy);
                let output = request.send().await.map_err(|error| call.failed(&error))?;
                decoded(&call, output.policy_document())
            }
        }
    }

    /// The tags of a managed policy: iam:GetPolicy tells all of them.
    pub(super) async fn policy_tags(&self, policy: &PolicyArn) -> Result<Tags, CloudError> {
        let call: Call = self.call("iam:GetPolicy", policy.to_string());
        let output = self.client.get_policy().policy_arn(&call.resource).send().await;
        let output = output.map_err(|error| call.failed(&error))?;
        let tags = output.policy().map(types::Policy::tags).unwrap_or_default();
        Ok(tags.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect())
    }

    /// iam:GetPolicy, which tells the version in force, and iam:GetPolicyVersion.
    pub(super) async fn document_in_force(&self, policy: &str) -> Result<String, CloudError> {
        let call: Call = self.call("iam:GetPolicy", policy);
        let output = self.client.get_policy().policy_arn(policy).send().await;
        let output = output.map_err(|error| call.failed(&error))?;
        let version = output.policy().and_then(types::Policy::default_version_id);
        self.document(policy, version.ok_or_else(|| call.unexpected("no default version"))?).await
    }
}
