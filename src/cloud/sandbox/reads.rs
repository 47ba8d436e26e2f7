//! The reads.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Sandbox;
use super::authority::allows;
use super::authorization::{self, managed_policy};
use super::call::{self, Call};
use super::pages::World;
use super::refusals::Refusal;
use super::world::{Account, Document, Identity, Key, Object, Policy};
use crate::access::{KeyRef, PolicyName};
use crate::arn::{AccountId, Child, EntityArn, EntityKind, EntityName, KeyArn, OrganizationId, PolicyArn};
use crate::cloud::authorization::AuthorizationDetails;
use crate::cloud::{Belongings, CloudError, Observe};
use crate::observation::{Caller, Entity, IamQuotas, KeyGrant, KeyMetadata, ManagedPolicy, Reading, Tags};
use crate::policy::PolicyDocument;

impl Observe for Sandbox {
    async fn default_caller(&self) -> Result<Caller, CloudError> {
        let call = Call {
            operation: "sts:GetCallerIdentity",
            resource: "default credentials".to_owned(),
            account: None,
            region: None,
        };
        let world = self.current(&call).await?;
        call.authorized_across_accounts(&world).map(|caller| caller.to_caller())
    }

    async fn caller(&self, account: AccountId) -> Result<Option<Caller>, CloudError> {
        let world = self.current(&Call::iam("sts:GetCallerIdentity", account, account)).await?;
        Ok(call::identity(&world, account).map(|caller| caller.to_caller()))
    }

    async fn describe_key(&self, key: &KeyRef) -> Result<KeyMetadata, CloudError> {
        let mut call = Call {
            operation: "kms:DescribeKey",
            resource: key.to_string(),
            account: key.account(),
            region: key.region().map(str::to_owned),
        };
        let world = self.current(&call).await?;
        call.account = call.account.or(world.shared().default_caller);
        call.region = call.region.or_else(|| Some(world.region().clone()));
        describe_key(&world, key, &call)
    }

    async fn key_policy(&self, key: &KeyArn) -> Result<String, CloudError> {
        let call = Call::kms("kms:GetKeyPolicy", key);
        let world = self.current(&call).await?;
        Ok(key_of_caller(&world, key, &call)?.policy.text().to_owned())
    }

    async fn ram_policy(&self, key: &KeyArn) -> Result<Option<String>, CloudError> {
        let call = Call::kms("kms:GetKeyPolicy", key);
        let world = self.current(&call).await?;
        let ram_policy = key_of_caller(&world, key, &call)?.ram_policy.as_ref();
        Ok(ram_policy.map(|document| document.text().to_owned()))
    }

    async fn names(&self, account: AccountId, kind: EntityKind) -> Result<Vec<String>, CloudError> {
        let operation = match kind {
            EntityKind::User => "iam:ListUsers",
            EntityKind::Role => "iam:ListRoles",
            EntityKind::Group => "iam:ListGroups",
        };
        let call = Call::iam(operation, "*", account);
        let world = self.current(&call).await?;
        let described = in_account(&world, &call)?;
        let names = described.map(|described| match kind {
            EntityKind::User => described.users.keys(),
            EntityKind::Role => described.roles.keys(),
            EntityKind::Group => described.groups.keys(),
        });
        Ok(names.into_iter().flatten().cloned().collect())
    }

    async fn aliases(&self, account: AccountId, region: &str) -> Result<Vec<String>, CloudError> {
        let call = Call { region: Some(region.to_owned()), ..Call::iam("kms:ListAliases", "*", account) };
        let world = self.current(&call).await?;
        call.authorized(&world)?;
        let keys = &world.page(account).keys;
        let keys = keys.iter().filter(|(arn, _)| arn.account == account && arn.region == region);
        Ok(keys.flat_map(|(_, key)| key.aliases.iter().cloned()).collect())
    }

    async fn iam_quotas(&self, account: AccountId) -> Result<IamQuotas, CloudError> {
        let call = Call::iam("iam:GetAccountSummary", "*", account);
        let world = self.current(&call).await?;
        Ok(in_account(&world, &call)?.map(Account::quotas).unwrap_or_default())
    }

    async fn policies_named(
        &self,
        account: AccountId,
        name: &PolicyName,
    ) -> Result<Vec<(PolicyArn, String)>, CloudError> {
        let call = Call::iam("iam:ListPolicies", "*", account);
        let world = self.current(&call).await?;
        let described = in_account(&world, &call)?;
        Ok(described
            .into_iter()
            .flat_map(|described| &described.policies)
            .filter(|(found, _)| name.covers(found))
            .map(|(found, policy)| {
                (world.page(account).policy_arn(account, (found, policy)), policy.default_version.clone())
            })
            .collect())
    }

    async fn managed_policy(
        &self,
        policy: &PolicyArn,
        _default_version: Option<&str>,
    ) -> Result<Option<ManagedPolicy>, CloudError> {
        let call = Call::iam("iam:ListPolicyVersions", policy, policy.account);
        let further = ["iam:GetPolicyVersion", "iam:ListEntitiesForPolicy"];
        let world = self.current_with(&call, &further).await?;
        let described = in_account(&world, &call)?;
        in_account(&world, &call.as_operation("iam:GetPolicyVersion"))?;
        in_account(&world, &call.as_operation("iam:ListEntitiesForPolicy"))?;
        let found = described.zip(world.policy(policy));
        Ok(found.map(|(account, found)| managed_policy(account, policy, found)))
    }

    async fn entity(&self, account: AccountId, entity: &EntityName) -> Result<Option<Entity>, CloudError> {
        let call = self.about_entity(get_entity(entity.kind), account, entity);
        let world = self.current_with(&call, &[list_attached(entity.kind)]).await?;
        Ok(find_entity(&world, &call, entity)?.map(|(entity, _)| entity))
    }

    async fn entity_in_full(
        &self,
        account: AccountId,
        entity: &EntityName,
    ) -> Result<Option<(Entity, Belongings)>, CloudError> {
        let call = self.about_entity(get_entity(entity.kind), account, entity);
        let world = self.current(&call).await?;
        let Some((found, identity)) = find_entity(&world, &call, entity)? else {
            return Ok(None);
        };
        let list = match entity.kind {
            EntityKind::User => "iam:ListUserPolicies",
            EntityKind::Role => "iam:ListRolePolicies",
            EntityKind::Group => "iam:ListGroupPolicies",
        };
        let permitted = |operation| in_account(&world, &call.as_operation(operation)).map(|_| ());
        let inline = permitted(list).map(|()| identity.inline.keys().cloned().collect());
        let groups = match entity.kind {
            EntityKind::User => permitted("iam:ListGroupsForUser").map(|()| identity.groups.clone()),
            EntityKind::Role | EntityKind::Group => Ok(Vec::new()),
        };
        Ok(Some((found, Belongings { boundary: identity.boundary.clone(), inline, groups })))
    }

    async fn authorization_details(
        &self,
        account: AccountId,
        wanted: &BTreeSet<EntityName>,
        name: &PolicyName,
    ) -> Result<AuthorizationDetails, CloudError> {
        let call = Call::iam("iam:GetAccountAuthorizationDetails", "*", account);
        let world = self.current(&call).await?;
        let Some(described) = in_account(&world, &call)? else {
            return Ok(AuthorizationDetails::default());
        };
        Ok(authorization::details(world.page(account), account, described, (wanted, name)))
    }

    async fn inline_policy(
        &self,
        account: AccountId,
        entity: &EntityName,
        policy: &str,
    ) -> Result<String, CloudError> {
        let get = match entity.kind {
            EntityKind::User => "iam:GetUserPolicy",
            EntityKind::Role => "iam:GetRolePolicy",
            EntityKind::Group => "iam:GetGroupPolicy",
        };
        let call = self.about_entity(get, account, entity);
        let world = self.current(&call).await?;
        let described = in_account(&world, &call)?;
        let owner = described.and_then(|described| described.of_kind(entity.kind).get(&entity.name));
        let owner = owner.ok_or_else(|| call.failed(Some(account), Refusal::no_such_entity(entity)))?;
        let document = owner.inline.get(policy);
        let document =
            document.ok_or_else(|| call.failed(Some(account), Refusal::no_such_inline_policy(policy)))?;
        Ok(document.text().to_owned())
    }

    async fn policy_document(&self, account: AccountId, policy: &str) -> Result<String, CloudError> {
        let call = Call::iam("iam:GetPolicy", policy, account);
        let world = self.current(&call).await?;
        in_account(&world, &call)?;
        in_account(&world, &call.as_operation("iam:GetPolicyVersion"))?;
        document_in_force(&world, policy)
            .map(str::to_owned)
            .map_err(|refusal| call.failed(Some(account), refusal))
    }

    async fn principal_age(&self, principal: &EntityArn) -> Result<Option<Duration>, CloudError> {
        let call = Call::iam(get_entity(principal.kind), principal, principal.account);
        let world = self.current(&call).await?;
        let described = in_account(&world, &call)?;
        let found = described.and_then(|described| described.of_kind(principal.kind).get(&principal.name));
        Ok(found.filter(|found| found.path == principal.path).map(Identity::age))
    }

    async fn grants(&self, key: &KeyArn) -> Result<Vec<KeyGrant>, CloudError> {
        let call = Call::kms("kms:ListGrants", key);
        let world = self.current(&call).await?;
        let found = key_of_caller(&world, key, &call)?;
        Ok(found.grants.iter().enumerate().map(|(index, Object(grant))| grant.observed(index)).collect())
    }

    async fn key_tags(&self, key: &KeyArn) -> Result<Tags, CloudError> {
        let call = Call::kms("kms:ListResourceTags", key);
        let world = self.current(&call).await?;
        Ok(key_of_caller(&world, key, &call)?.tags.clone())
    }

    async fn policy_tags(&self, policy: &PolicyArn) -> Result<Tags, CloudError> {
        let call = Call::iam("iam:GetPolicy", policy, policy.account);
        let world = self.current(&call).await?;
        in_account(&world, &call)?;
        let found = world.policy(policy);
        let found =
            found.ok_or_else(|| call.failed(Some(policy.account), Refusal::no_such_policy(policy)))?;
        Ok(found.tags.clone())
    }

    async fn organization(&self, account: AccountId) -> Result<Option<OrganizationId>, CloudError> {
        self.read_organization(account).await
    }

    async fn organization_accounts(&self) -> Result<(OrganizationId, Vec<AccountId>), CloudError> {
        self.read_organization_accounts().await
    }

    async fn organization_path(
        &self,
        organization: &OrganizationId,
        child: &Child,
    ) -> Result<String, CloudError> {
        self.read_path(organization, child).await
    }
}

impl Sandbox {
    /// A call about a user, role or group, whose path is not known before it is read.
    fn about_entity(&self, operation: &'static str, account: AccountId, entity: &EntityName) -> Call {
        let EntityName { kind, name } = entity;
        Call::iam(operation, format!("arn:{}:iam::{account}:{kind}/{name}", self.partition()), account)
    }
}

/// A key, for a caller of its own account who may make the call.
fn key_of_caller<'w>(world: &'w World, key: &KeyArn, call: &Call) -> Result<&'w Key, CloudError> {
    let caller = call.authorized(world)?;
    let found = world.key(key);
    found.ok_or_else(|| call.failed(Some(caller.account), Refusal::no_such_key(key)))
}

fn get_entity(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::User => "iam:GetUser",
        EntityKind::Role => "iam:GetRole",
        EntityKind::Group => "iam:GetGroup",
    }
}

fn list_attached(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::User => "iam:ListAttachedUserPolicies",
        EntityKind::Role => "iam:ListAttachedRolePolicies",
        EntityKind::Group => "iam:ListAttachedGroupPolicies",
    }
}

/// A user, role or group with the policies attached to it.
fn find_entity<'s>(
    world: &'s World,
    call: &Call,
    entity: &EntityName,
) -> Result<Option<(Entity, &'s Identity)>, CloudError> {
    let EntityName { kind, name } = entity;
    let caller = call.authorized(world)?;
    let identity = world.account(caller.account).and_then(|account| account.of_kind(*kind).get(name));
    let Some(identity) = identity else {
        return Ok(None);
    };
    in_account(world, &call.as_operation(list_attached(*kind)))?;
    let found = Entity {
        arn: world.page(caller.account).entity_arn(caller.account, *kind, (name, identity)),
        attached: identity.attached.clone(),
        identity: Reading::default(),
    };
    Ok(Some((found, identity)))
}

/// The text of a managed policy: an account's, or one of AWS's as far as the world tells it.
fn document_in_force<'w>(world: &'w World, policy: &str) -> Result<&'w str, Refusal> {
    let Ok(arn) = policy.parse::<PolicyArn>() else {
        let document = world.shared().aws_policies.get(policy);
        return document.map(Document::text).ok_or_else(|| Refusal::untold_policy(policy));
    };
    let document = world.policy(&arn).and_then(Policy::default_document);
    document.ok_or_else(|| Refusal::no_such_policy(&arn))
}

/// The account that a call within one account is about.
fn in_account<'s>(world: &'s World, call: &Call) -> Result<Option<&'s Account>, CloudError> {
    let caller = call.authorized(world)?;
    Ok(world.account(caller.account))
}

fn describe_key(world: &World, asked: &KeyRef, call: &Call) -> Result<KeyMetadata, CloudError> {
    let caller = call.authorized_across_accounts(world)?;
    let (arn, key) =
        find_key(world, asked, call).map_err(|refusal| call.failed(Some(caller.account), refusal))?;
    let lets_in = |policy: &Document| {
        PolicyDocument::parse(policy.text())
            .is_ok_and(|policy| allows(&policy, arn, &caller.asker(), call.operation))
    };
    let is_let_in =
        arn.account == caller.account || lets_in(&key.policy) || key.ram_policy.as_ref().is_some_and(lets_in);
    if !is_let_in {
        let refusal = Refusal::kms_access_denied(&caller.entry.arn, call.operation, &arn.to_string());
        return Err(call.failed(Some(caller.account), refusal));
    }
    Ok(KeyMetadata {
        arn: arn.clone(),
        manager: key.manager.clone(),
        state: key.state.clone(),
        spec: key.spec.clone(),
        usage: key.usage.clone(),
        origin: key.origin.clone(),
        related_keys: key.related_keys.clone(),
    })
}

/// The key that a text stands for in the call's account and region.
fn find_key<'w>(world: &'w World, asked: &KeyRef, call: &Call) -> Result<(&'w KeyArn, &'w Key), Refusal> {
    let is_here =
        |arn: &KeyArn| Some(arn.account) == call.account && Some(&arn.region) == call.region.as_ref();
    let keys = call.account.into_iter().flat_map(|account| &world.page(account).keys);
    let with_alias = |alias: &str| {
        keys.clone().find(|(arn, key)| is_here(arn) && key.aliases.iter().any(|own| own == alias))
    };
    match asked {
        KeyRef::Arn(arn) => {
            world.page(arn.account).keys.get_key_value(arn).ok_or_else(|| Refusal::no_such_key(arn))
        }
        KeyRef::AliasArn { arn, .. } => {
            let alias = arn.splitn(6, ':').last().unwrap_or_default();
            with_alias(alias).ok_or_else(|| Refusal::no_such_alias(arn))
        }
        KeyRef::Name(alias) if alias.starts_with("alias/") => with_alias(alias).ok_or_else(|| {
            let (partition, region) = (world.partition(), world.region());
            let account = call.account.map(|account| account.to_string()).unwrap_or_default();
            Refusal::no_such_alias(&format!("arn:{partition}:kms:{region}:{account}:{alias}"))
        }),
        KeyRef::Name(id) => keys
            .clone()
            .find(|(arn, _)| is_here(arn) && arn.id == *id)
            .ok_or_else(|| Refusal::invalid_key_id(id)),
    }
}
