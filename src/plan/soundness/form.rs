//! What a change may look like: statements keep their form, and what is added has the required one.

use std::collections::BTreeSet;

use super::super::{KeyPolicyUpdate, Operation};
use super::demand::Demand;
use super::shape::Shape;
use super::{Asked, EMPTY, ensure, grants, limits};
use crate::access::Grantee;
use crate::arn::{AccountId, EntityName, KeyArn, Partition, PolicyArn};
use crate::policy::{ActionSet, Effect, PolicyDocument, condition, pattern};

/// The principal that stands for anyone, which a demand's conditions have to confine.
const ANYONE: &str = "*";

/// Checks the form of what a change writes.
pub(super) fn check<'a>(asked: &Asked<'a>, operation: &'a Operation) -> Result<(), String> {
    match operation {
        Operation::PruneOrphans(update) => {
            check_pruning(asked, update)?;
            check_key_policy(asked, update)
        }
        Operation::UpdateKeyPolicy(update) => {
            let (before, after) = shapes(asked, &update.before, &update.after, update.key.partition)?;
            let principals = asked.principals(&update.key);
            check_additions(&before, &after, |statement, new| match new {
                New::Statement if grants::is_permission(asked, &update.key, statement) => Ok(()),
                _ => check_key_statement(asked, &principals, statement, new),
            })?;
            check_key_policy(asked, update)
        }
        Operation::CreatePolicy { policy, after, .. } => {
            check_identity_policy(asked, policy, after)?;
            let (_, after) = shapes(asked, EMPTY, after, policy.partition)?;
            check_additions(&[], &after, |statement, new| check_identity_statement(asked, statement, new))?;
            check_identity_sids(&[], &after)
        }
        Operation::CreatePolicyVersion { policy, before, after, .. } => {
            check_identity_policy(asked, policy, after)?;
            let (before, after) = shapes(asked, before, after, policy.partition)?;
            check_additions(&before, &after, |statement, new| {
                check_identity_statement(asked, statement, new)
            })?;
            check_identity_sids(&before, &after)?;
            check_who_is_served(asked, policy, &before, &after)
        }
        Operation::AttachPolicy { policy, entity, .. } => {
            let is_asked = asked.grantees.contains(&Grantee::Entity(entity.clone()));
            ensure(is_asked && !entity.is_service_linked_role(), || format!("`{entity}` is no grantee"))?;
            let document = asked.document_of(policy).ok_or("a policy is attached that was not read")?;
            let (_, given) = shapes(asked, EMPTY, document, policy.partition)?;
            let named = given.iter().flat_map(|statement| &statement.resources).map(String::as_str);
            ensure(asked.is_grantee(policy.account, &entity.entity_name(), asked.named_keys(named)), || {
                format!("`{entity}` gets a key that nobody asked for")
            })?;
            check_additions(&[], &given, |statement, new| check_identity_statement(asked, statement, new))
        }
        Operation::CreateGrant { grant, .. } => grants::check(asked, grant),
        // It deletes by id; that the id is not the default's is AWS's own rule.
        Operation::DeletePolicyVersion { .. } => Ok(()),
        Operation::RestoreKeyPolicy(_)
        | Operation::ReduceKeyPolicy(_)
        | Operation::DetachPolicy { .. }
        | Operation::DeletePolicy { .. }
        | Operation::SetDefaultVersion { .. }
        | Operation::WithdrawPolicyVersion { .. }
        | Operation::RevokeGrant { .. } => Err("a way back is in a plan that leads on".to_owned()),
    }
}

/// Who gets the new version is a grantee, or has by other policies all that it adds; a boundary is no policy.
fn check_who_is_served(
    asked: &Asked<'_>,
    policy: &PolicyArn,
    before: &[Shape],
    after: &[Shape],
) -> Result<(), String> {
    let existing = asked.policies(policy.account).find(|own| own.arn == *policy);
    let existing = existing.ok_or("a policy is changed that was not read")?;
    let account = policy.account;
    let is_new = |key: &&KeyArn| gives(asked, after, key, account) && !gives(asked, before, key, account);
    let keys: Vec<&KeyArn> = within_reach(asked, after).into_iter().filter(is_new).collect();
    let is_stranger = |entity: &&EntityName| !asked.is_grantee(account, entity, keys.iter().copied());
    let limited = existing.boundary_of.iter().find(is_stranger);
    ensure(limited.is_none(), || "somebody's boundary is widened".to_owned())?;
    let strangers = existing.attached_to.iter().filter(is_stranger);
    for stranger in strangers {
        let mut attached = Vec::new();
        for own in asked.policies(policy.account).filter(|own| own.attached_to.contains(stranger)) {
            attached.extend(
                shapes(asked, EMPTY, &own.document, policy.partition).map_or(Vec::new(), |(_, own)| own),
            );
        }
        let has_all = keys.iter().all(|key| gives(asked, &attached, key, account));
        ensure(has_all, || format!("{stranger} gets access that nobody asked for"))?;
    }
    Ok(())
}

/// The keys asked for that statements may give something on.
fn within_reach<'a>(asked: &Asked<'a>, statements: &[Shape]) -> BTreeSet<&'a KeyArn> {
    let resources = || statements.iter().flat_map(|statement| &statement.resources).map(String::as_str);
    if resources().any(pattern::is_pattern) {
        return asked.request.keys.iter().collect();
    }
    asked.named_keys(resources())
}

/// Whether statements give somebody of an account all the required access to a key.
fn gives(asked: &Asked<'_>, statements: &[Shape], key: &KeyArn, account: AccountId) -> bool {
    Demand::in_account(asked.request, key, account).iter().all(|demand| {
        let given = statements
            .iter()
            .filter(|statement| statement.effect == Effect::Allow && statement.is_unnegated())
            .filter(|statement| {
                statement.resources.iter().any(|resource| pattern::matches(resource, &key.to_string()))
            })
            .filter(|statement| condition::is_subset(&statement.conditions, &demand.conditions))
            .flat_map(|statement| statement.actions.iter())
            .map(|action| ActionSet::of_pattern(action))
            .fold(ActionSet::EMPTY, ActionSet::union);
        given.contains(demand.set)
    })
}

fn shapes<'a>(
    asked: &Asked<'a>,
    before: &'a str,
    after: &'a str,
    partition: Partition,
) -> Result<(Vec<Shape>, Vec<Shape>), String> {
    let (old, new) = (asked.parsed(before)?, asked.parsed(after)?);
    let is_kept =
        before == EMPTY || (old.version == new.version && old.id == new.id && old.unknown == new.unknown);
    ensure(is_kept, || "something beside the statements changed".to_owned())?;
    let shapes = |document: &PolicyDocument| {
        document.statements.iter().map(|statement| Shape::of(statement, partition)).collect()
    };
    Ok((shapes(&old), shapes(&new)))
}

/// What is new in a statement: all of it, or members of its lists.
///
/// A statement gives each of its principals each of its actions on each of its resources. So what is new by a
/// member of one list is that member with all that the other lists have in the end: where several lists took
/// members, the rule of each list is asked of the statement as it has become.
enum New {
    Statement,
    Members { principals: BTreeSet<String>, actions: BTreeSet<String>, resources: BTreeSet<String> },
}

fn check_additions(
    before: &[Shape],
    after: &[Shape],
    check: impl Fn(&Shape, &New) -> Result<(), String>,
) -> Result<(), String> {
    ensure(before.len() <= after.len(), || "a statement is gone".to_owned())?;
    for (index, statement) in after.iter().enumerate() {
        match before.get(index) {
            None => check(statement, &New::Statement)?,
            Some(old) if old == statement => {}
            Some(old) => {
                ensure(old.differs_in_lists_only(statement), || {
                    format!("statement {} changed its meaning", index + 1)
                })?;
                let new = New::Members {
                    principals: added(&old.aws, &statement.aws)?,
                    actions: added(&old.actions, &statement.actions)?,
                    resources: added(&old.resources, &statement.resources)?,
                };
                check(statement, &new)?;
            }
        }
    }
    Ok(())
}

fn added(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Result<BTreeSet<String>, String> {
    ensure(before.is_subset(after), || "a list lost a member".to_owned())?;
    Ok(after.difference(before).cloned().collect())
}

fn check_key_statement(
    asked: &Asked<'_>,
    asked_principals: &BTreeSet<String>,
    statement: &Shape,
    new: &New,
) -> Result<(), String> {
    let is_plain =
        statement.effect == Effect::Allow && statement.is_unnegated() && !statement.has_other_principals;
    ensure(is_plain && statement.is_for_resource("*"), || {
        "a statement of another form was edited".to_owned()
    })?;
    match new {
        New::Members { principals, actions, resources } => {
            ensure(resources.is_empty(), || "a resource was added".to_owned())?;
            if !principals.is_empty() {
                ensure(is_demanded(asked, statement), || {
                    "a statement that gives something else took a principal".to_owned()
                })?;
                ensure(principals.is_subset(asked_principals), || {
                    "a principal was added that nobody asked for".to_owned()
                })?;
            }
            if !actions.is_empty() {
                check_completion(asked, statement, actions)?;
                ensure(statement.aws.is_subset(asked_principals), || {
                    "actions were added for others".to_owned()
                })?;
            }
            Ok(())
        }
        New::Statement => {
            ensure(is_demanded(asked, statement), || "a new statement gives something else".to_owned())?;
            ensure(is_for_asked(asked, asked_principals, statement), || {
                "a new statement is for others".to_owned()
            })
        }
    }
}

fn check_identity_statement(asked: &Asked<'_>, statement: &Shape, new: &New) -> Result<(), String> {
    let is_plain = statement.effect == Effect::Allow && statement.is_unnegated() && !statement.has_principal;
    ensure(is_plain, || "a statement of another form was edited".to_owned())?;
    match new {
        New::Members { principals, actions, resources } => {
            ensure(principals.is_empty(), || "a principal was added".to_owned())?;
            if !resources.is_empty() {
                ensure(is_demanded(asked, statement), || {
                    "a statement that gives something else took a key".to_owned()
                })?;
                ensure(asked.are_asked(resources), || "a key was added that nobody asked for".to_owned())?;
            }
            if !actions.is_empty() {
                check_completion(asked, statement, actions)?;
                ensure(asked.are_asked(&statement.resources), || {
                    "actions were added for other keys".to_owned()
                })?;
            }
            Ok(())
        }
        New::Statement => {
            ensure(is_demanded(asked, statement), || "a new statement gives something else".to_owned())?;
            ensure(!statement.resources.is_empty() && asked.are_asked(&statement.resources), || {
                "a new statement is for other keys".to_owned()
            })
        }
    }
}

/// Added actions are those of a demand with the same conditions.
fn check_completion(asked: &Asked<'_>, statement: &Shape, actions: &BTreeSet<String>) -> Result<(), String> {
    let added = ActionSet::of_patterns(actions.iter().map(String::as_str));
    let fits = asked.demands.iter().any(|demand| {
        demand.set.contains(added) && condition::same_meaning(&statement.conditions, &demand.conditions)
    });
    ensure(fits, || "actions were added that nobody asked for".to_owned())
}

fn is_demanded(asked: &Asked<'_>, statement: &Shape) -> bool {
    demanded(asked, statement).next().is_some()
}

/// The demands that a statement is, whoever it is for.
fn demanded<'a>(asked: &'a Asked<'_>, statement: &Shape) -> impl Iterator<Item = &'a Demand> {
    asked.demands.iter().filter(move |demand| {
        statement.expanded() == Some(demand.set)
            && condition::same_meaning(&statement.conditions, &demand.conditions)
    })
}

/// Whether a statement is for those who were asked for: named, or as anyone whom the conditions of an organization's
/// demand confine.
fn is_for_asked(asked: &Asked<'_>, asked_principals: &BTreeSet<String>, statement: &Shape) -> bool {
    let is_for_anyone = statement.aws.len() == 1 && statement.aws.contains(ANYONE);
    let is_for_named = !statement.aws.is_empty() && statement.aws.is_subset(asked_principals);
    demanded(asked, statement).any(|demand| if demand.is_for_anyone { is_for_anyone } else { is_for_named })
}

/// Only orphans went, and only out of Allow statements.
fn check_pruning<'a>(asked: &Asked<'a>, update: &'a KeyPolicyUpdate) -> Result<(), String> {
    let (before, after) = shapes(asked, &update.before, &update.after, update.key.partition)?;
    let expected: Vec<Shape> = before.iter().filter_map(Shape::without_orphans).collect();
    ensure(expected == after, || "more went than principals that no longer exist".to_owned())
}

fn check_key_policy<'a>(asked: &Asked<'a>, update: &'a KeyPolicyUpdate) -> Result<(), String> {
    let after = asked.parsed(&update.after)?;
    limits::check_key_policy(&update.key, &after, asked.caller(&update.key))
}

fn check_identity_policy<'a>(asked: &Asked<'a>, policy: &PolicyArn, after: &'a str) -> Result<(), String> {
    limits::check_identity_policy(&*asked.parsed(after)?, asked.policy_size(policy.account))
}

/// Sids that were there before are IAM's own business.
fn check_identity_sids(before: &[Shape], after: &[Shape]) -> Result<(), String> {
    let sids = |shapes: &[Shape]| -> Vec<String> {
        shapes.iter().filter_map(|shape| shape.sid.clone()).filter(|sid| !sid.is_empty()).collect()
    };
    let mut taken: BTreeSet<String> = sids(before).into_iter().collect();
    for sid in sids(after.get(before.len()..).unwrap_or_default()) {
        ensure(sid.bytes().all(|byte| byte.is_ascii_alphanumeric()), || {
            format!("IAM refuses the Sid `{sid}`")
        })?;
        ensure(taken.insert(sid.clone()), || format!("the Sid `{sid}` stands twice"))?;
    }
    Ok(())
}
