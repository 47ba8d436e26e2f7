//! IAM of a whole account, a thousand things an answer.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::{self, EntityType};

use super::errors::Call;
use super::iam::{Iam, PAGE, boundary_arn, decoded, in_order, parse, surplus};
use crate::access::PolicyName;
use crate::arn::{EntityKind, EntityName, PolicyArn};
use crate::cloud::CloudError;
use crate::cloud::authorization::{AuthorizationDetails, EntityDetails};
use crate::observation::{Entity, ManagedPolicy, Reading};

impl Iam {
    /// iam:GetAccountAuthorizationDetails, all pages; of other users and roles than those wanted only what they use the
    /// policies of the name for. AWS's own policies are left out: there are more than a thousand.
    pub(super) async fn authorization_details(
        &self,
        wanted: &BTreeSet<EntityName>,
        name: &PolicyName,
    ) -> Result<AuthorizationDetails, CloudError> {
        let call = self.call("iam:GetAccountAuthorizationDetails", "*");
        let mut request = self.client.get_account_authorization_details().max_items(PAGE);
        for kind in [EntityType::User, EntityType::Role, EntityType::Group, EntityType::LocalManagedPolicy] {
            request = request.filter(kind);
        }
        let mut pages = request.into_paginator().send();
        let details = AuthorizationDetails::default();
        let mut gathered = Gathered { call: &call, wanted, name, details, uses: BTreeMap::new() };
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call.failed(&error))?;
            for user in page.user_detail_list() {
                gathered.add(&Told::user(user))?;
            }
            for role in page.role_detail_list() {
                gathered.add(&Told::role(role))?;
            }
            for group in page.group_detail_list() {
                gathered.add(&Told::group(group))?;
            }
            for policy in page.policies() {
                gathered.add_policy(policy)?;
            }
        }
        Ok(gathered.completed())
    }
}

/// A user, role or group as it is told.
struct Told<'t> {
    kind: EntityKind,
    name: Option<&'t str>,
    arn: Option<&'t str>,
    attached: &'t [types::AttachedPolicy],
    boundary: Option<&'t types::AttachedPermissionsBoundary>,
    groups: &'t [String],
    inline: &'t [types::PolicyDetail],
}

impl<'t> Told<'t> {
    fn user(user: &'t types::UserDetail) -> Self {
        Self {
            kind: EntityKind::User,
            name: user.user_name(),
            arn: user.arn(),
            attached: user.attached_managed_policies(),
            boundary: user.permissions_boundary(),
            groups: user.group_list(),
            inline: user.user_policy_list(),
        }
    }

    fn role(role: &'t types::RoleDetail) -> Self {
        Self {
            kind: EntityKind::Role,
            name: role.role_name(),
            arn: role.arn(),
            attached: role.attached_managed_policies(),
            boundary: role.permissions_boundary(),
            groups: &[],
            inline: role.role_policy_list(),
        }
    }

    fn group(group: &'t types::GroupDetail) -> Self {
        Self {
            kind: EntityKind::Group,
            name: group.group_name(),
            arn: group.arn(),
            attached: group.attached_managed_policies(),
            boundary: None,
            groups: &[],
            inline: group.group_policy_list(),
        }
    }
}

/// Who uses a policy.
#[derive(Default)]
struct Uses {
    attached_to: Vec<EntityName>,
    boundary_of: Vec<EntityName>,
}

/// What the pages so far have told, in whichever order they tell it.
struct Gathered<'g> {
    call: &'g Call,
    wanted: &'g BTreeSet<EntityName>,
    name: &'g PolicyName,
    details: AuthorizationDetails,
    /// Of the policies of the name.
    uses: BTreeMap<PolicyArn, Uses>,
}

impl Gathered<'_> {
    fn add(&mut self, told: &Told<'_>) -> Result<(), CloudError> {
        let name = told.name.ok_or_else(|| self.call.unexpected("an entity without a name"))?;
        let name = EntityName { kind: told.kind, name: name.to_owned() };
        let mut attached: Vec<String> =
            told.attached.iter().filter_map(|policy| policy.policy_arn().map(str::to_owned)).collect();
        attached.sort();
        let boundary = told.boundary.and_then(boundary_arn);
        for policy in attached.iter().filter_map(|policy| self.named(policy)).collect::<Vec<_>>() {
            self.uses.entry(policy).or_default().attached_to.push(name.clone());
        }
        if let Some(policy) = boundary.as_ref().and_then(|policy| self.named(policy)) {
            self.uses.entry(policy).or_default().boundary_of.push(name.clone());
        }
        if told.kind != EntityKind::Group && !self.wanted.contains(&name) {
            return Ok(());
        }
        let inline = told.inline.iter().map(|policy| {
            let name = policy.policy_name().ok_or_else(|| self.call.unexpected("a policy without a name"))?;
            Ok((name.to_owned(), self.text(policy.policy_document())?))
        });
        let inline = inline.collect::<Result<_, CloudError>>()?;
        let mut groups = told.groups.to_vec();
        groups.sort();
        let entity = Entity { arn: parse(self.call, told.arn)?, attached, identity: Reading::default() };
        self.details.entities.insert(name, EntityDetails { entity, boundary, groups, inline });
        Ok(())
    }

    /// The customer managed policy that an ARN is of, if it bears the name.
    fn named(&self, policy: &str) -> Option<PolicyArn> {
        policy.parse().ok().filter(|policy: &PolicyArn| self.name.covers(&policy.name))
    }

    fn text(&self, encoded: Option<&str>) -> Result<String, CloudError> {
        decoded(self.call, encoded.ok_or_else(|| self.call.unexpected("no document"))?)
    }

    fn add_policy(&mut self, policy: &types::ManagedPolicyDetail) -> Result<(), CloudError> {
        let told = policy.policy_version_list();
        let default = told.iter().find(|version| version.is_default_version());
        let default = default.ok_or_else(|| self.call.unexpected("no default version"))?;
        let document = self.text(default.document())?;
        let arn: PolicyArn = parse(self.call, policy.arn())?;
        if self.name.covers(&arn.name) {
            let mut versions = in_order(told);
            if let Some(surplus) = surplus(&mut versions) {
                let told = told.iter().find(|version| version.version_id() == Some(&*surplus.id));
                surplus.document = Some(self.text(told.and_then(types::PolicyVersion::document))?);
            }
            let (attached_to, boundary_of) = (Vec::new(), Vec::new());
            let policy = ManagedPolicy {
                arn: arn.clone(),
                document: document.clone(),
                versions,
                attached_to,
                boundary_of,
            };
            self.details.named.insert(arn.clone(), policy);
        }
        self.details.documents.insert(arn.to_string(), document);
        Ok(())
    }

    /// With who uses the policies of the name, which any page may have told.
    fn completed(mut self) -> AuthorizationDetails {
        for (arn, policy) in &mut self.details.named {
            let mut uses = self.uses.remove(arn).unwrap_or_default();
            uses.attached_to.sort();
            uses.boundary_of.sort();
            (policy.attached_to, policy.boundary_of) = (uses.attached_to, uses.boundary_of);
        }
        self.details
    }
}

#[cfg(test)]
mod tests;
