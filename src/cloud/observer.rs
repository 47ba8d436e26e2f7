//! Reads everything a request needs, side by side, and resolves what was typed.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use tokio::try_join;

use super::{CloudError, CloudErrorKind, Observe};
use crate::access::{Grantee, GranteeRef, KeyRef, Request, UnresolvedRequest};
use crate::arn::{AccountId, EntityArn, EntityKind, EntityName, KeyArn, Partition, PolicyArn, SessionArn};
use crate::observation::{
    Caller, Entity, IamObservation, KeyManager, KeyObservation, ManagedPolicy, Observation, Reading,
};

/// Why a request could not be observed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObserveError {
    /// A read failed.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The role behind a session is not there.
    #[error("the session `{0}` is of a role that does not exist")]
    NoSuchRole(SessionArn),
    /// The role behind a session can't be looked up, and a session's ARN lacks its role's path.
    #[error("the role behind the session `{0}` can't be looked up: no credentials for its account")]
    UnreadRole(SessionArn),
}

/// Reads both sides.
///
/// # Errors
/// A read is refused or fails for an account that credentials serve; or a session can't be traced to its role.
/// An account without credentials is no error: its side is `unread`.
pub async fn observe(
    asked: &UnresolvedRequest,
    cloud: &impl Observe,
) -> Result<(Request, Observation), ObserveError> {
    let accounts: BTreeSet<AccountId> = asked.grantees.iter().filter_map(iam_account).collect();
    let default_keys = asked
        .default_keys
        .iter()
        .map(async |(account, key)| read_key(key, cloud).await.map(|read| (*account, read)));
    let (keys, default_keys, accounts) = try_join!(
        try_join_all(asked.keys.iter().map(|key| read_key(key, cloud))),
        try_join_all(default_keys),
        try_join_all(accounts.into_iter().map(|account| read_account(account, asked, cloud))),
    )?;
    let mut observation = Observation::default();
    let mut request = Request {
        keys: Vec::new(),
        grantees: Vec::new(),
        policy_name: asked.policy_name.clone(),
        prune_orphans: asked.prune_orphans,
        only_for: BTreeMap::new(),
    };
    for (arn, key, caller) in keys {
        observation.callers.extend(caller.map(|caller| (caller.account, caller)));
        if !request.keys.contains(&arn) {
            request.keys.push(arn.clone());
        }
        observation.keys.insert(arn, key);
    }
    for (account, (arn, key, caller)) in default_keys {
        let is_aws_managed = key.metadata.read().is_some_and(|metadata| metadata.manager == KeyManager::Aws);
        // Whoever may launch in the account may use the key that AWS manages there.
        if is_aws_managed || asked_for(&request, &arn) {
            continue;
        }
        observation.callers.extend(caller.map(|caller| (caller.account, caller)));
        if !request.keys.contains(&arn) {
            request.keys.push(arn.clone());
        }
        request.only_for.entry(arn.clone()).or_default().insert(account);
        observation.keys.insert(arn, key);
    }
    let mut sessions = BTreeMap::new();
    for account in accounts {
        observation.callers.extend(account.caller.map(|caller| (caller.account, caller)));
        observation.accounts.insert(account.id, account.iam);
        sessions.extend(account.sessions);
    }
    let partition = request.keys.first().map_or(Partition::Aws, |key| key.partition);
    for grantee in &asked.grantees {
        let grantee = resolve(grantee, partition, &sessions)?;
        if !request.grantees.contains(&grantee) {
            request.grantees.push(grantee);
        }
    }
    Ok((request, observation))
}

/// Whether a key is asked for, for everybody.
fn asked_for(request: &Request, key: &KeyArn) -> bool {
    request.keys.contains(key) && !request.only_for.contains_key(key)
}

/// The account whose IAM has to be read for a grantee.
fn iam_account(grantee: &GranteeRef) -> Option<AccountId> {
    match grantee {
        GranteeRef::Account(_) => None,
        GranteeRef::Entity(_) | GranteeRef::Session(_) => Some(grantee.account()),
    }
}

fn resolve(
    grantee: &GranteeRef,
    partition: Partition,
    sessions: &BTreeMap<SessionArn, Option<EntityArn>>,
) -> Result<Grantee, ObserveError> {
    match grantee {
        GranteeRef::Account(id) => Ok(Grantee::Account { partition, id: *id }),
        GranteeRef::Entity(entity) => Ok(Grantee::Entity(entity.clone())),
        GranteeRef::Session(session) => match sessions.get(session) {
            Some(Some(role)) => Ok(Grantee::Entity(role.clone())),
            Some(None) => Err(ObserveError::NoSuchRole(session.clone())),
            None => Err(ObserveError::UnreadRole(session.clone())),
        },
    }
}

fn no_credentials(account: AccountId) -> String {
    format!("no credentials for account {account}")
}

async fn read_key(
    key: &KeyRef,
    cloud: &impl Observe,
) -> Result<(KeyArn, KeyObservation, Option<Caller>), CloudError> {
    if let KeyRef::Arn(arn) = key {
        return read_key_by_arn(arn, cloud).await;
    }
    let metadata = cloud.describe_key(key).await?;
    let arn = metadata.arn.clone();
    let (policy, caller) = read_key_policy(&arn, cloud).await?;
    Ok((
        arn,
        KeyObservation { metadata: Reading::Read(metadata), policy, grants: Reading::default() },
        caller,
    ))
}

/// With the ARN at hand, description and policy are read side by side.
async fn read_key_by_arn(
    arn: &KeyArn,
    cloud: &impl Observe,
) -> Result<(KeyArn, KeyObservation, Option<Caller>), CloudError> {
    let key = KeyRef::Arn(arn.clone());
    let (described, policy) = tokio::join!(cloud.describe_key(&key), read_key_policy(arn, cloud));
    let (policy, caller) = policy?;
    let metadata = match described {
        Ok(metadata) => Reading::Read(metadata),
        // Without credentials of its account, a key may well be out of sight: the other side is still planned.
        Err(error) if caller.is_none() && is_out_of_sight(&error) => {
            Reading::Unread(no_credentials(arn.account))
        }
        Err(error) => return Err(error),
    };
    Ok((arn.clone(), KeyObservation { metadata, policy, grants: Reading::default() }, caller))
}

fn is_out_of_sight(error: &CloudError) -> bool {
    matches!(error.kind, CloudErrorKind::AccessDenied | CloudErrorKind::NotFound)
}

async fn read_key_policy(
    key: &KeyArn,
    cloud: &impl Observe,
) -> Result<(Reading<String>, Option<Caller>), CloudError> {
    let caller = cloud.caller(key.account).await?;
    let policy = match &caller {
        Some(_) => Reading::Read(cloud.key_policy(key).await?),
        None => Reading::Unread(no_credentials(key.account)),
    };
    Ok((policy, caller))
}

/// What was read of one requester account.
struct AccountReading {
    id: AccountId,
    caller: Option<Caller>,
    iam: Reading<IamObservation>,
    /// The roles behind sessions; `None` where there is none.
    sessions: BTreeMap<SessionArn, Option<EntityArn>>,
}

async fn read_account(
    id: AccountId,
    asked: &UnresolvedRequest,
    cloud: &impl Observe,
) -> Result<AccountReading, CloudError> {
    let Some(caller) = cloud.caller(id).await? else {
        let iam = Reading::Unread(no_credentials(id));
        return Ok(AccountReading { id, caller: None, iam, sessions: BTreeMap::new() });
    };
    let own: Vec<&GranteeRef> =
        asked.grantees.iter().filter(|grantee| iam_account(grantee) == Some(id)).collect();
    let (quotas, policies, found) = try_join!(
        cloud.iam_quotas(id),
        read_policies(id, asked, cloud),
        try_join_all(own.iter().map(|grantee| read_entity(grantee, cloud))),
    )?;
    let mut entities = BTreeMap::new();
    let mut sessions = BTreeMap::new();
    for (grantee, entity) in own.into_iter().zip(found) {
        match grantee {
            GranteeRef::Entity(arn) => _ = entities.insert(arn.clone(), entity),
            GranteeRef::Session(session) => {
                sessions.insert(session.clone(), entity.as_ref().map(|entity| entity.arn.clone()));
                entities.extend(entity.map(|entity| (entity.arn.clone(), Some(entity))));
            }
            GranteeRef::Account(_) => {}
        }
    }
    let iam = Reading::Read(IamObservation { quotas, policies, entities });
    Ok(AccountReading { id, caller: Some(caller), iam, sessions })
}

async fn read_entity(grantee: &GranteeRef, cloud: &impl Observe) -> Result<Option<Entity>, CloudError> {
    let name = match grantee {
        GranteeRef::Account(_) => return Ok(None),
        GranteeRef::Entity(entity) => entity.entity_name(),
        GranteeRef::Session(session) => {
            EntityName { kind: EntityKind::Role, name: session.role_name.clone() }
        }
    };
    cloud.entity(grantee.account(), &name).await
}

async fn read_policies(
    account: AccountId,
    asked: &UnresolvedRequest,
    cloud: &impl Observe,
) -> Result<BTreeMap<PolicyArn, ManagedPolicy>, CloudError> {
    let named = cloud.policies_named(account, &asked.policy_name).await?;
    let read =
        try_join_all(named.iter().map(|(arn, default)| cloud.managed_policy(arn, Some(default)))).await?;
    Ok(read.into_iter().flatten().map(|policy| (policy.arn.clone(), policy)).collect())
}
