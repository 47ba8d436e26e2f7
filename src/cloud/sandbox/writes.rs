//! The writes: each is refused, or becomes an edit of the world's text.

use std::collections::BTreeSet;

use serde_json::json;

use super::call::{Call, CallerIdentity};
use super::pages::World;
use super::refusals::{self, Proposal, Refusal, edited};
use super::sheet::Sheet;
use super::source::{NewValue, Place, Source};
use super::world::{Account, Document, Identity, Policy, VersionId};
use super::{Sandbox, broken, grants, read_back};
use crate::arn::{AccountId, EntityArn, EntityKind, KeyArn, PolicyArn};
use crate::cloud::{CloudError, Receipt, Write};
use crate::files::Replaced;
use crate::observation::IamQuotas;
use crate::plan::Operation;
use crate::policy::{AwsPrincipal, PolicyDocument, PrincipalElement};

impl Write for Sandbox {
    /// Nobody has credentials here.
    async fn narrow(&self, _: &[&Operation]) {}

    /// Whoever serves an account in a world is of that account.
    async fn get_ready(&self, _: &Operation) -> Result<(), CloudError> {
        Ok(())
    }

    async fn perform(&self, operation: &Operation) -> Result<Receipt, CloudError> {
        let (account, home) = (operation.account(), home(operation));
        let call = Call {
            operation: operation.api_call(),
            resource: operation.resource(),
            account: Some(account),
            region: operation.region().map(str::to_owned),
        };
        self.meter(&call)?;
        let struck = self.strike(&call).await?;
        // What another process writes meanwhile is written over by nobody: the edit is made anew of it.
        loop {
            self.refresh().map_err(|error| broken(&call, &error))?;
            let others = self.concerned(&call, operation)?;
            let mut world = self.world(Some(account), others).map_err(|error| broken(&call, &error))?;
            self.add(&mut world, home, true).map_err(|error| broken(&call, &error))?;
            let caller = call.authorized(&world)?;
            let edited = edit(&world, operation, &caller);
            let edited = edited.map_err(|refusal| call.failed(Some(caller.account), refusal))?;
            let replaced = self.replace(&world, home, edited);
            if replaced.map_err(|refusal| call.failed(call.account, refusal))? == Replaced::Written {
                break;
            }
        }
        if struck.loses_answer {
            return Err(Self::lost(&call));
        }
        let world = self.world(Some(home), []).map_err(|error| broken(&call, &error))?;
        let version = match operation {
            Operation::CreatePolicyVersion { policy, .. } => {
                world.policy(policy).map(|policy| policy.default_version.clone())
            }
            _ => None,
        };
        let grant = match operation {
            Operation::CreateGrant { grant, .. } => grants::id(&world, grant),
            _ => None,
        };
        Ok(Receipt { request_id: Some(call.request_id()), version, grant })
    }
}

/// The account whose things a write changes: a grant belongs to its key, whoever creates it.
fn home(operation: &Operation) -> AccountId {
    match operation {
        Operation::CreateGrant { grant, .. } => grant.key.account,
        _ => operation.account(),
    }
}

impl Sandbox {
    /// The accounts of which something has to be known before a write: those of the principals that it names.
    fn concerned(&self, call: &Call, operation: &Operation) -> Result<BTreeSet<AccountId>, CloudError> {
        let mut accounts = BTreeSet::new();
        if self.folder.is_none() {
            return Ok(accounts);
        }
        if let Operation::CreateGrant { grant, .. } = operation {
            accounts.insert(grant.grantee.arn().account);
        }
        let document = operation.after().and_then(|text| PolicyDocument::parse(text).ok());
        for statement in document.iter().flat_map(|document| &document.statements) {
            for principal in statement.principal.iter().flat_map(PrincipalElement::aws) {
                accounts.extend(match principal {
                    AwsPrincipal::Account { id, .. } => Some(*id),
                    AwsPrincipal::Entity(entity) => Some(entity.account),
                    AwsPrincipal::Session(session) => Some(session.account),
                    AwsPrincipal::UniqueId(id) => self.whereabouts(call, id)?,
                    AwsPrincipal::Anyone | AwsPrincipal::Other(_) => None,
                });
            }
        }
        Ok(accounts)
    }
}

/// The text of the account's file after the write.
fn edit(world: &World, operation: &Operation, caller: &CallerIdentity<'_>) -> Result<Source, Refusal> {
    let Sheet { source, .. } = &**world.sheet(home(operation));
    match operation {
        Operation::PruneOrphans(update)
        | Operation::UpdateKeyPolicy(update)
        | Operation::RestoreKeyPolicy(update)
        | Operation::ReduceKeyPolicy(update) => {
            put_key_policy(source, world, (&update.key, &update.after), caller)
        }
        Operation::CreatePolicy { policy, description, after } => {
            create_policy(source, world, policy, (description, after))
        }
        Operation::DeletePolicyVersion { policy, version, .. }
        | Operation::WithdrawPolicyVersion { policy, version, .. } => {
            delete_version(source, world, policy, version)
        }
        Operation::CreatePolicyVersion { policy, after, .. } => create_version(source, world, policy, after),
        Operation::AttachPolicy { policy, entity, .. } => attach(source, world, policy, entity),
        Operation::CreateGrant { grant, .. } => grants::create(source, world, grant, caller),
        Operation::RevokeGrant { key, grant } => grants::revoke(source, world, key, &grant.id),
        Operation::DetachPolicy { policy, entity, .. } => detach(source, world, policy, entity),
        Operation::DeletePolicy { policy, .. } => delete_policy(source, world, policy),
        Operation::SetDefaultVersion { policy, version, .. } => {
            set_default_version(source, world, policy, version)
        }
    }
}

fn put_key_policy(
    source: &Source,
    world: &World,
    (arn, text): (&KeyArn, &str),
    caller: &CallerIdentity<'_>,
) -> Result<Source, Refusal> {
    let key = world.key(arn).ok_or_else(|| Refusal::no_such_key(arn))?;
    let proposal = Proposal { key: arn, manager: key.manager.clone(), asker: caller.asker(), text };
    refusals::key_policy(world, &proposal)?;
    let arn_of = |id: &str| world.entity_with_id(id).map(|arn| arn.to_string());
    let kept = read_back::key_policy(text, arn.partition, &arn_of).unwrap_or_else(|| text.to_owned());
    let place = Place::root().member("keys").member(arn).member("policy");
    edited(source.with(&place, &NewValue::Verbatim(&Document::in_file(&kept))), &place)
}

fn create_policy(
    source: &Source,
    world: &World,
    arn: &PolicyArn,
    (description, text): (&str, &str),
) -> Result<Source, Refusal> {
    let account = account(world, arn.account);
    refusals::identity_policy(text, quotas(account).policy_size)?;
    let names = account.into_iter().flat_map(|account| account.policies.keys());
    if names.into_iter().any(|name| name.eq_ignore_ascii_case(&arn.name)) {
        return Err(Refusal::policy_exists(&arn.name));
    }
    let policy = json!({
        "path": arn.path,
        "description": description,
        "default_version": "v1",
        "versions": {},
    });
    let policies = Place::root().member("accounts").member(arn.account).member("policies");
    let mut source = source.clone();
    if source.position_of(&policies).is_none() {
        source = edited(source.with(&policies, &NewValue::Tree(json!({}))), &policies)?;
    }
    let place = policies.member(&arn.name);
    let source = edited(source.with(&place, &NewValue::Tree(policy)), &place)?;
    with_version(&source, &place, VersionId(1), text)
}

fn create_version(source: &Source, world: &World, arn: &PolicyArn, text: &str) -> Result<Source, Refusal> {
    let quotas = quotas(account(world, arn.account));
    let policy = existing(world, arn)?;
    refusals::identity_policy(text, quotas.policy_size)?;
    if policy.versions.len() >= quotas.versions_per_policy {
        return Err(Refusal::too_many_versions(quotas.versions_per_policy));
    }
    let newest = policy.versions.keys().next_back().map_or(0, |id| id.0);
    let version = VersionId(newest.saturating_add(1));
    let place = policy_place(arn);
    let default = place.member("default_version");
    let source = edited(source.with(&default, &NewValue::Tree(version.to_string().into())), &default)?;
    with_version(&source, &place, version, text)
}

fn delete_version(source: &Source, world: &World, arn: &PolicyArn, version: &str) -> Result<Source, Refusal> {
    let policy = existing(world, arn)?;
    if policy.versions.keys().all(|id| id.to_string() != version) {
        return Err(Refusal::no_such_version(arn, version));
    }
    if policy.default_version == version {
        return Err(Refusal::default_version());
    }
    let place = policy_place(arn).member("versions").member(version);
    edited(source.without(&place), &place)
}

/// Attaching what is attached already changes nothing and succeeds.
fn attach(source: &Source, world: &World, policy: &PolicyArn, to: &EntityArn) -> Result<Source, Refusal> {
    let identity = modifiable(world, policy, to)?;
    existing(world, policy)?;
    let arn = policy.to_string();
    if identity.attached.contains(&arn) {
        return Ok(source.clone());
    }
    let quotas = quotas(account(world, policy.account));
    let limit = match to.kind {
        EntityKind::User => quotas.attached_per_user,
        EntityKind::Role => quotas.attached_per_role,
        EntityKind::Group => quotas.attached_per_group,
    };
    if identity.attached.len() >= limit {
        return Err(Refusal::too_many_attached(to.kind, limit));
    }
    let list = attached_place(policy.account, to);
    edited(source.with_item(&list, arn.into()), &list)
}

/// Detaching what is not attached is refused.
///
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html>
fn detach(source: &Source, world: &World, policy: &PolicyArn, from: &EntityArn) -> Result<Source, Refusal> {
    let identity = modifiable(world, policy, from)?;
    let arn = policy.to_string();
    let index = identity.attached.iter().position(|own| *own == arn);
    let index = index.ok_or_else(|| Refusal::not_attached(policy))?;
    let item = attached_place(policy.account, from).item(index);
    edited(source.without(&item), &item)
}

/// A user, role or group whose attachments can be changed.
fn modifiable<'w>(world: &'w World, policy: &PolicyArn, entity: &EntityArn) -> Result<&'w Identity, Refusal> {
    let name = entity.entity_name();
    let found =
        account(world, policy.account).and_then(|account| account.of_kind(entity.kind).get(&entity.name));
    let identity = found.ok_or_else(|| Refusal::no_such_entity(&name))?;
    let is_protected =
        ["/aws-service-role/", "/aws-reserved/"].iter().any(|prefix| identity.path.starts_with(prefix));
    if is_protected && entity.kind == EntityKind::Role {
        return Err(Refusal::protected_role(&entity.name));
    }
    Ok(identity)
}

fn attached_place(account: AccountId, entity: &EntityArn) -> Place {
    Place::root()
        .member("accounts")
        .member(account)
        .member(format_args!("{}s", entity.kind))
        .member(&entity.name)
        .member("attached")
}

/// Whatever uses a policy or is left of it has to go first.
///
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html>
fn delete_policy(source: &Source, world: &World, arn: &PolicyArn) -> Result<Source, Refusal> {
    let policy = existing(world, arn)?;
    let text = arn.to_string();
    let is_used = account(world, arn.account).is_some_and(|account| {
        account.identities().any(|(_, _, identity)| {
            identity.attached.contains(&text) || identity.boundary.as_ref() == Some(&text)
        })
    });
    if is_used {
        return Err(Refusal::policy_in_use());
    }
    if policy.versions.len() > 1 {
        return Err(Refusal::versions_left());
    }
    let place = policy_place(arn);
    edited(source.without(&place), &place)
}

fn set_default_version(
    source: &Source,
    world: &World,
    arn: &PolicyArn,
    version: &str,
) -> Result<Source, Refusal> {
    let policy = existing(world, arn)?;
    if policy.versions.keys().all(|id| id.to_string() != version) {
        return Err(Refusal::no_such_version(arn, version));
    }
    let place = policy_place(arn).member("default_version");
    edited(source.with(&place, &NewValue::Tree(version.into())), &place)
}

fn with_version(source: &Source, policy: &Place, version: VersionId, text: &str) -> Result<Source, Refusal> {
    let place = policy.member("versions").member(version);
    edited(source.with(&place, &NewValue::Verbatim(&Document::in_file(text))), &place)
}

fn account(world: &World, id: AccountId) -> Option<&Account> {
    world.account(id)
}

fn quotas(account: Option<&Account>) -> IamQuotas {
    account.map(Account::quotas).unwrap_or_default()
}

fn existing<'w>(world: &'w World, arn: &PolicyArn) -> Result<&'w Policy, Refusal> {
    world.policy(arn).ok_or_else(|| Refusal::no_such_policy(arn))
}

fn policy_place(arn: &PolicyArn) -> Place {
    Place::root().member("accounts").member(arn.account).member("policies").member(&arn.name)
}
