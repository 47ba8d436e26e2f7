//! Reads everything a request needs, side by side, and resolves what was typed.

mod calling;
mod error;
mod iam;
mod identity;
mod key;
mod organizations;
mod refused;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::StreamExt as _;
use tokio::{join, try_join};

pub use self::error::ObserveError;

use self::calling::Calling;
use self::iam::Iam;
use self::identity::{Documents, Found};
use self::key::read_key;
use self::refused::Refused;
use super::abreast::{abreast, all_abreast};
use super::{CloudError, Observe};
use crate::access::{Grantee, GranteeRef, Request, UnresolvedRequest};
use crate::arn::{
    AccountId, ArnParts, EntityArn, EntityKind, EntityName, KeyArn, OuPath, Partition, PolicyArn, SessionArn,
};
use crate::observation::{
    Caller, IamObservation, KeyManager, ManagedPolicy, Observation, OrganizationPolicies, Reading, Tags,
    UnreadReason,
};
use crate::policy::AwsPrincipal;

/// Reads both sides, with all that evaluation needs: every IAM policy of users, roles and groups and of users' groups,
/// their permissions boundaries, and the grants on the keys. Where the caller lacks a permission for these further
/// reads, [`Entity::identity`](crate::observation::Entity::identity) or
/// [`KeyObservation::grants`](crate::observation::KeyObservation::grants) is left unread with the reason, and nothing
/// fails.
///
/// The policies of the organization are given: nobody at hand may be able to read them.
///
/// # Errors
/// A read is refused or fails for an account that credentials serve; or a session can't be traced to its role.
/// An account without credentials is no error: its side is `unread`.
pub async fn observe(
    asked: &UnresolvedRequest,
    organization: &OrganizationPolicies,
    cloud: &impl Observe,
) -> Result<(Request, Observation), ObserveError> {
    read(asked, organization, Refused::Ends, cloud).await
}

/// As [`observe`], for a part of a larger request: a key, user, role or group that AWS refuses to show is
/// [left out](Observation::left_out) with the reason, and an account's users, roles and groups together where what all of them
/// depend on is refused. What was throttled, or was not answered, is not taken for refused.
///
/// # Errors
/// A read fails otherwise; or a session can't be traced to its role.
pub async fn observe_part(
    asked: &UnresolvedRequest,
    organization: &OrganizationPolicies,
    cloud: &impl Observe,
) -> Result<(Request, Observation), ObserveError> {
    read(asked, organization, Refused::LeavesOut, cloud).await
}

async fn read(
    asked: &UnresolvedRequest,
    organization: &OrganizationPolicies,
    refused: Refused,
    cloud: &impl Observe,
) -> Result<(Request, Observation), ObserveError> {
    let accounts: BTreeSet<AccountId> = asked.grantees.iter().filter_map(iam_account).collect();
    let default_keys = asked
        .default_keys
        .iter()
        .map(async |(account, key)| read_key(key, refused, cloud).await.map(|read| (*account, read)));
    let (keys, default_keys, accounts) = try_join!(
        all_abreast(asked.keys.iter().map(|key| read_key(key, refused, cloud))),
        all_abreast(default_keys),
        all_abreast(accounts.into_iter().map(|account| read_account(account, asked, refused, cloud))),
    )?;
    let mut observation = Observation { organization: organization.clone(), ..Observation::default() };
    let mut request = Request {
        keys: Vec::new(),
        grantees: Vec::new(),
        policy_name: asked.policy_name.clone(),
        profile: asked.profile,
        coverage: asked.coverage,
        prune_orphans: asked.prune_orphans,
        purpose: asked.purpose.unwrap_or_default(),
        only_for: BTreeMap::new(),
        part: None,
    };
    let mut known = BTreeSet::new();
    for reading in keys {
        if known.insert(reading.arn.clone()) {
            request.keys.push(reading.arn.clone());
        }
        reading.add_to(&mut observation);
    }
    for (account, reading) in default_keys {
        let arn = reading.arn.clone();
        let metadata = reading.key.as_ref().ok().and_then(|key| key.metadata.read());
        let is_aws_managed = metadata.is_some_and(|metadata| metadata.manager == KeyManager::Aws);
        // Whoever may launch in the account may use the key that AWS manages there.
        if is_aws_managed || asked_for(&request, &arn) {
            continue;
        }
        if known.insert(arn.clone()) {
            request.keys.push(arn.clone());
        }
        request.only_for.entry(arn).or_default().insert(account);
        reading.add_to(&mut observation);
    }
    let mut sessions = BTreeMap::new();
    for account in accounts {
        observation.callers.extend(account.caller.map(|caller| (caller.account, caller)));
        observation.accounts.insert(account.id, account.iam);
        observation.tags.extend(account.tags);
        observation.left_out.extend(account.left_out);
        sessions.extend(account.sessions);
    }
    organizations::affiliate(&mut observation, asked, cloud).await;
    let units = organizations::units(&mut observation, asked, cloud).await;
    let partition = request.keys.first().map_or(Partition::Aws, |key| key.partition);
    let mut known = BTreeSet::new();
    for grantee in &asked.grantees {
        let grantee = resolve(grantee, partition, &sessions, &units)?;
        if known.insert(grantee.clone()) {
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
        GranteeRef::Account(_) | GranteeRef::Members { .. } | GranteeRef::MembersRole { .. } => None,
        GranteeRef::Entity(_) | GranteeRef::Session(_) | GranteeRef::ServiceLinkedRole(_) => {
            grantee.account()
        }
    }
}

fn resolve(
    grantee: &GranteeRef,
    partition: Partition,
    sessions: &BTreeMap<SessionArn, Option<EntityArn>>,
    units: &BTreeMap<OuPath, OuPath>,
) -> Result<Grantee, ObserveError> {
    let located = organizations::located(grantee, units);
    let session = match located.as_ref().unwrap_or(grantee).in_partition(partition)? {
        Ok(known) => return Ok(known),
        Err(session) => session,
    };
    match sessions.get(session) {
        Some(Some(role)) => Ok(role.clone().into()),
        Some(None) => Err(ObserveError::NoSuchRole(session.clone())),
        None => Err(ObserveError::UnreadRole(session.clone())),
    }
}

/// What was read of one requester account.
struct AccountReading {
    id: AccountId,
    caller: Option<Caller>,
    iam: Reading<IamObservation>,
    /// The tags of its policies.
    tags: BTreeMap<String, Reading<Tags>>,
    /// The roles behind sessions; `None` where there is none.
    sessions: BTreeMap<SessionArn, Option<EntityArn>>,
    /// What is left out, and why.
    left_out: BTreeMap<String, UnreadReason>,
}

impl AccountReading {
    fn unread(id: AccountId, caller: Option<Caller>, reason: UnreadReason) -> Self {
        let (tags, sessions, left_out) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { id, caller, iam: Reading::Unread(reason), tags, sessions, left_out }
    }
}

async fn read_account(
    id: AccountId,
    asked: &UnresolvedRequest,
    refused: Refused,
    cloud: &impl Observe,
) -> Result<AccountReading, CloudError> {
    let unread = || AccountReading::unread(id, None, UnreadReason::NoCredentials(id));
    let calling = Calling::of(id, cloud);
    if calling.is_nobody() {
        return Ok(unread());
    }
    let (caller, read) = join!(calling.caller(), read_iam(id, &calling, asked, refused, cloud));
    let Some(caller) = caller? else { return Ok(unread()) };
    match read {
        Ok(read) => Ok(AccountReading { caller: Some(caller), ..read }),
        // Which policies there are decides about all of its users and roles.
        Err(error) => {
            let reason = refused.reason(error, Some(&caller))?;
            let left_out = [(id.to_string(), reason.clone())].into();
            Ok(AccountReading { left_out, ..AccountReading::unread(id, Some(caller), reason) })
        }
    }
}

/// What is read of an account's IAM, whoever serves it.
async fn read_iam(
    id: AccountId,
    calling: &Calling<'_>,
    asked: &UnresolvedRequest,
    refused: Refused,
    cloud: &impl Observe,
) -> Result<AccountReading, CloudError> {
    let own: Vec<&GranteeRef> =
        asked.grantees.iter().filter(|grantee| iam_account(grantee) == Some(id)).collect();
    let wanted: BTreeSet<EntityName> = own.iter().filter_map(|grantee| named_entity(grantee)).collect();
    let (quotas, (iam, named, found, creator)) = try_join!(cloud.iam_quotas(id), async {
        let iam = Iam::of(id, &wanted, &asked.policy_name, cloud).await?;
        let (named, found, creator) = try_join!(
            iam.policies_named(&asked.policy_name),
            all_abreast(own.iter().map(|grantee| read_entity(grantee, (refused, calling), &iam))),
            async { Ok(read_creator(id, calling, asked, &iam).await) },
        )?;
        Ok((iam, named, found, creator))
    })?;
    let all: Vec<&Found> = found.iter().flatten().flatten().chain(creator.read()).collect();
    let (read, tags) = join!(read_policies(&named, &all, &iam), read_tags(&named, cloud));
    let (policies, documents) = read?;
    let creator = match creator {
        Reading::Read(found) => documents.completed(found).identity,
        Reading::Unread(reason) => Reading::Unread(reason),
    };
    let mut entities = BTreeMap::new();
    let mut sessions = BTreeMap::new();
    let mut left_out = BTreeMap::new();
    let caller = calling.caller().await?;
    let arn = caller.as_ref().and_then(|caller| ArnParts::parse(&caller.arn).ok());
    let partition = arn.map_or(Partition::Aws, |parts| parts.partition);
    for (grantee, found) in own.into_iter().zip(found) {
        let entity = match found {
            Ok(found) => found.map(|found| documents.completed(found)),
            Err(reason) => {
                let entity = grantee.in_partition(partition).ok().and_then(Result::ok);
                let entity = entity.as_ref().and_then(Grantee::as_entity);
                left_out.insert(entity.map_or_else(|| id.to_string(), ToString::to_string), reason);
                continue;
            }
        };
        match grantee {
            GranteeRef::Entity(arn) => _ = entities.insert(arn.clone(), entity),
            GranteeRef::Session(session) => {
                sessions.insert(session.clone(), entity.as_ref().map(|entity| entity.arn.clone()));
                entities.extend(entity.map(|entity| (entity.arn.clone(), Some(entity))));
            }
            GranteeRef::ServiceLinkedRole(role) => {
                entities.insert(role.in_partition(partition).into(), entity);
            }
            GranteeRef::Account(_) | GranteeRef::Members { .. } | GranteeRef::MembersRole { .. } => {}
        }
    }
    let iam = Reading::Read(IamObservation { quotas, policies, entities, caller: creator });
    Ok(AccountReading { id, caller, iam, tags, sessions, left_out })
}

async fn read_tags(named: &[(PolicyArn, String)], cloud: &impl Observe) -> BTreeMap<String, Reading<Tags>> {
    let one = async |(arn, _): &(PolicyArn, String)| {
        let tags = cloud.policy_tags(arn).await;
        let tags = tags.map_or_else(|error| Reading::Unread(identity::reason(&error)), Reading::Read);
        (arn.to_string(), tags)
    };
    abreast(named.iter().map(one)).collect().await
}

/// The user, role or group of the account that a grantee is.
fn named_entity(grantee: &GranteeRef) -> Option<EntityName> {
    match grantee {
        GranteeRef::Account(_) | GranteeRef::Members { .. } | GranteeRef::MembersRole { .. } => None,
        GranteeRef::Entity(entity) => Some(entity.entity_name()),
        GranteeRef::Session(session) => {
            Some(EntityName { kind: EntityKind::Role, name: session.role_name.clone() })
        }
        GranteeRef::ServiceLinkedRole(role) => Some(role.entity_name()),
    }
}

/// A user, role or group, or why it is left out.
async fn read_entity(
    grantee: &GranteeRef,
    (refused, calling): (Refused, &Calling<'_>),
    iam: &Iam<'_, impl Observe>,
) -> Result<Result<Option<Found>, UnreadReason>, CloudError> {
    let Some(name) = named_entity(grantee) else { return Ok(Ok(None)) };
    match iam.entity_in_full(&name).await {
        Ok(found) => Ok(Ok(found.map(|(entity, belongings)| Found { entity, belongings }))),
        Err(error) => refused.reason(error, calling.caller().await?.as_ref()).map(Err),
    }
}

/// Who calls with the credentials of an account that has to create grants for service-linked roles. That it can't be
/// read fails nothing.
async fn read_creator(
    account: AccountId,
    calling: &Calling<'_>,
    asked: &UnresolvedRequest,
    iam: &Iam<'_, impl Observe>,
) -> Reading<Found> {
    let has_roles = asked
        .grantees
        .iter()
        .any(|grantee| grantee.account() == Some(account) && grantee.is_service_linked_role());
    // An account's default EBS key may be another account's too.
    let mut keys = asked.keys.iter().chain(asked.default_keys.get(&account));
    if !has_roles || keys.all(|key| key.account() == Some(account)) {
        return Reading::default();
    }
    let caller = match calling.caller().await {
        Ok(Some(caller)) => caller,
        Ok(None) => return Reading::Unread(UnreadReason::NoCredentials(account)),
        Err(error) => return Reading::Unread(identity::reason(&error)),
    };
    let name = match AwsPrincipal::parse(&caller.arn) {
        AwsPrincipal::Entity(user) => user.entity_name(),
        AwsPrincipal::Session(session) => EntityName { kind: EntityKind::Role, name: session.role_name },
        _ => return Reading::Unread(UnreadReason::Other("it is no user and no role".to_owned())),
    };
    match iam.entity_in_full(&name).await {
        Ok(Some((entity, belongings))) => Reading::Read(Found { entity, belongings }),
        Ok(None) => Reading::Unread(UnreadReason::Other(format!("there is no {name}"))),
        Err(error) => Reading::Unread(identity::reason(&error)),
    }
}

/// The request's own policies, and the documents that the entities' further policies consist of.
async fn read_policies(
    named: &[(PolicyArn, String)],
    found: &[&Found],
    iam: &Iam<'_, impl Observe>,
) -> Result<(BTreeMap<PolicyArn, ManagedPolicy>, Documents), CloudError> {
    let read_anyway = named.iter().map(|(arn, _)| arn.to_string()).collect();
    let (policies, mut documents) = join!(
        all_abreast(named.iter().map(|(arn, default)| iam.managed_policy(arn, default))),
        Documents::read(found, &read_anyway, iam),
    );
    let policies = policies?.into_iter().flatten().map(|policy| (policy.arn.clone(), policy)).collect();
    documents.add(&policies);
    Ok((policies, documents))
}
