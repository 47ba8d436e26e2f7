//! Where the thing that a change writes stands now.

use std::fmt;

use crate::arn::{EntityArn, EntityName, Partition, PolicyArn};
use crate::cloud::{CloudError, Observe};
use crate::observation::ManagedPolicy;
use crate::plan::{KeyPolicyUpdate, Now, Operation};
use crate::policy::{Fingerprint, PolicyDocument, is_same};

/// Where the thing stands, compared by meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// As the plan was made on.
    Before,
    /// As the plan makes it.
    After,
    /// Neither.
    Changed(Now),
}

fn gone(what: &impl fmt::Display) -> State {
    State::Changed(Now::Words(format!("`{what}` is gone")))
}

/// Reads it.
pub(super) async fn read(operation: &Operation, cloud: &impl Observe) -> Result<State, CloudError> {
    match operation {
        Operation::PruneOrphans(update)
        | Operation::UpdateKeyPolicy(update)
        | Operation::RestoreKeyPolicy(update)
        | Operation::ReduceKeyPolicy(update) => key_policy(update, cloud).await,
        Operation::CreatePolicy { policy, after, .. } => {
            Ok(match cloud.managed_policy(policy, None).await? {
                None => State::Before,
                Some(found) => compare(&found.document, None, after, policy.partition),
            })
        }
        Operation::CreatePolicyVersion { policy, before, after, serves, .. } => {
            with_policy(policy, cloud, |found| {
                match compare(&found.document, Some(before), after, policy.partition) {
                    State::Before => still_serves(&found, serves),
                    state => state,
                }
            })
            .await
        }
        Operation::DeletePolicyVersion { policy, version, before, versions } => {
            with_policy(policy, cloud, |found| {
                if found.versions.len() < *versions {
                    return State::After;
                }
                version_state(&found, version, before, policy.partition)
            })
            .await
        }
        Operation::AttachPolicy { policy, entity, document } => {
            attachment(policy, entity, document, cloud).await
        }
        Operation::CreateGrant { grant, .. } => {
            let grants = cloud.grants(&grant.key).await?;
            let is_covered = grants.iter().any(|existing| grant.is_covered_by(existing));
            Ok(if is_covered { State::After } else { State::Before })
        }
        Operation::RevokeGrant { key, grant } => {
            let grants = cloud.grants(key).await?;
            let is_there = grants.iter().any(|existing| existing.id == grant.id);
            Ok(if is_there { State::Before } else { State::After })
        }
        Operation::DetachPolicy { policy, entity, document } => {
            detachment(policy, entity, document, cloud).await
        }
        Operation::DeletePolicy { policy, before } => {
            let found = cloud.managed_policy(policy, None).await?;
            Ok(found.map_or(State::After, |found| deletion(&found, before)))
        }
        Operation::SetDefaultVersion { policy, version, before, after } => {
            with_policy(policy, cloud, |found| {
                match compare(&found.document, Some(before), after, policy.partition) {
                    State::Before if found.versions.iter().all(|own| own.id != *version) => {
                        gone_version(version)
                    }
                    state => state,
                }
            })
            .await
        }
        Operation::WithdrawPolicyVersion { policy, version, before } => {
            let found = cloud.managed_policy(policy, None).await?;
            Ok(found.map_or(State::After, |found| version_state(&found, version, before, policy.partition)))
        }
    }
}

/// The id of the version that a write made, where its answer did not tell.
pub(super) async fn made_version(operation: &Operation, cloud: &impl Observe) -> Option<String> {
    let Operation::CreatePolicyVersion { policy, after, .. } = operation else { return None };
    // Without it a rollback leaves the version behind, not in force: no reason to fail.
    let found = cloud.managed_policy(policy, None).await.ok()??;
    let is_ours = is_same(&found.document, after, policy.partition);
    let default = found.versions.into_iter().find(|version| version.is_default);
    default.filter(|_| is_ours).map(|version| version.id)
}

async fn key_policy(update: &KeyPolicyUpdate, cloud: &impl Observe) -> Result<State, CloudError> {
    let now = cloud.key_policy(&update.key).await?;
    Ok(compare(&now, Some(&update.before), &update.after, update.key.partition))
}

async fn with_policy(
    policy: &PolicyArn,
    cloud: &impl Observe,
    judge: impl FnOnce(ManagedPolicy) -> State,
) -> Result<State, CloudError> {
    let found = cloud.managed_policy(policy, None).await?;
    Ok(found.map_or_else(|| gone(policy), judge))
}

fn version_state(found: &ManagedPolicy, version: &str, before: &str, partition: Partition) -> State {
    match found.versions.iter().find(|own| own.id == version) {
        None => State::After,
        Some(own) if own.is_default => {
            State::Changed(Now::Words(format!("version {version} is in force now")))
        }
        Some(own) => match &own.document {
            Some(text) if !is_same(text, before, partition) => State::Changed(Now::Text(text.clone())),
            _ => State::Before,
        },
    }
}

fn gone_version(version: &str) -> State {
    State::Changed(Now::Words(format!("version {version} is gone")))
}

/// A policy goes only as it was made: with one version, and used by nobody.
fn deletion(found: &ManagedPolicy, before: &str) -> State {
    if !is_same(&found.document, before, found.arn.partition) {
        return State::Changed(Now::Text(found.document.clone()));
    }
    if found.versions.len() > 1 {
        return State::Changed(Now::Words(format!("it has {} versions now", found.versions.len())));
    }
    still_serves(found, &[])
}

/// A policy that came to serve others meanwhile would give them what nobody asked for.
fn still_serves(found: &ManagedPolicy, planned: &[EntityName]) -> State {
    let users = found.attached_to.iter().chain(&found.boundary_of);
    let others: Vec<String> =
        users.filter(|user| !planned.contains(user)).map(|user| format!("`{user}`")).collect();
    if others.is_empty() {
        return State::Before;
    }
    State::Changed(Now::Words(format!("it also serves {} now", others.join(", "))))
}

async fn attachment(
    policy: &PolicyArn,
    entity: &EntityArn,
    document: &Fingerprint,
    cloud: &impl Observe,
) -> Result<State, CloudError> {
    let name = entity.entity_name();
    let (found, attached) =
        tokio::try_join!(cloud.entity(entity.account, &name), cloud.managed_policy(policy, None))?;
    let Some(found) = found.filter(|found| found.arn == *entity) else { return Ok(gone(entity)) };
    let Some(attached) = attached else { return Ok(gone(policy)) };
    if !means(&attached, document) {
        return Ok(State::Changed(Now::Text(attached.document)));
    }
    let is_attached = found.attached.contains(&policy.to_string());
    Ok(if is_attached { State::After } else { State::Before })
}

/// Both sides of the attachment count: either may show the old state for a while.
async fn detachment(
    policy: &PolicyArn,
    entity: &EntityArn,
    document: &Fingerprint,
    cloud: &impl Observe,
) -> Result<State, CloudError> {
    let name = entity.entity_name();
    let (found, attached) =
        tokio::try_join!(cloud.entity(entity.account, &name), cloud.managed_policy(policy, None))?;
    let (Some(found), Some(attached)) = (found.filter(|found| found.arn == *entity), attached) else {
        return Ok(State::After);
    };
    if !found.attached.contains(&policy.to_string()) && !attached.attached_to.contains(&name) {
        return Ok(State::After);
    }
    Ok(if means(&attached, document) { State::Before } else { State::Changed(Now::Text(attached.document)) })
}

/// Whether a policy still says what it said.
fn means(policy: &ManagedPolicy, document: &Fingerprint) -> bool {
    let now = PolicyDocument::parse(policy.document.as_str());
    now.is_ok_and(|now| now.fingerprint(policy.arn.partition) == *document)
}

fn compare(now: &str, before: Option<&str>, after: &str, partition: Partition) -> State {
    if is_same(now, after, partition) {
        State::After
    } else if before.is_some_and(|before| is_same(now, before, partition)) {
        State::Before
    } else {
        State::Changed(Now::Text(now.to_owned()))
    }
}
