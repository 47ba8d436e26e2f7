//! Who may do what by name, action by action, before and after a plan.

use std::collections::BTreeSet;

use super::patch::{Face, Reader};
use super::{Operation, Plan};
use crate::access::{Grantee, Request, RequiredStatement};
use crate::arn::{EntityArn, EntityKind, KeyArn, PolicyArn};
use crate::observation::{IamObservation, Observation, Reading};
use crate::policy::{ActionSet, PolicyDocument};

/// What the grantees may do with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMatrix {
    /// The key.
    pub key: KeyArn,
    /// The required actions, in their documented order.
    pub actions: Vec<&'static str>,
    /// The grantees, in the order asked for.
    pub rows: Vec<Row>,
}

/// What one grantee may do with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Who.
    pub grantee: Grantee,
    /// One for each action.
    pub cells: Vec<Cell>,
}

/// One action of one grantee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// As it was read.
    pub before: Sides,
    /// As the plan makes it.
    pub after: Sides,
}

/// Both sides of one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// The key policy, by name.
    pub key_policy: Answer,
    /// IAM in the grantee's account.
    pub identity: Answer,
}

/// What one side says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It allows the action by name.
    Allows,
    /// It does not.
    Lacks,
    /// It was not read.
    Unread,
    /// It is not asked.
    NotNeeded,
}

/// The matrix of every key of a request.
pub fn matrix(request: &Request, observation: &Observation, plan: &Plan) -> Vec<KeyMatrix> {
    let required = RequiredStatement::documented();
    let one_key = |key: &KeyArn| KeyMatrix {
        key: key.clone(),
        actions: required.iter().flat_map(|required| required.actions).copied().collect(),
        rows: request
            .grantees
            .iter()
            .map(|grantee| Row { grantee: grantee.clone(), cells: cells(key, grantee, observation, plan) })
            .collect(),
    };
    request.keys.iter().map(one_key).collect()
}

fn cells(key: &KeyArn, grantee: &Grantee, observation: &Observation, plan: &Plan) -> Vec<Cell> {
    let policies = key_policies(key, observation, plan);
    let principal = key_principal(grantee);
    let key_sides =
        policies.map(|text| answers(text.map(|text| vec![text]), Face::KeyPolicy(key.partition), &principal));
    let identities = match grantee {
        Grantee::Entity(entity) if !entity.is_service_linked_role() => {
            documents(entity, observation, plan).map(|texts| answers(texts, Face::Identity, &key.to_string()))
        }
        _ => [Vec::new(), Vec::new()],
    };
    let [key_before, key_after] = key_sides;
    let [own_before, own_after] = identities;
    let side = |answers: &[Answer], index: usize| answers.get(index).copied().unwrap_or(Answer::NotNeeded);
    (0..key_before.len())
        .map(|index| Cell {
            before: Sides { key_policy: side(&key_before, index), identity: side(&own_before, index) },
            after: Sides { key_policy: side(&key_after, index), identity: side(&own_after, index) },
        })
        .collect()
}

/// The principal that stands for a grantee in a key policy, which can't name a group.
fn key_principal(grantee: &Grantee) -> String {
    match grantee {
        Grantee::Entity(entity) if entity.kind == EntityKind::Group => {
            Grantee::Account { partition: entity.partition, id: entity.account }.to_string()
        }
        other => other.to_string(),
    }
}

/// A key's policy before and after; `None` where it was not read.
fn key_policies<'t>(key: &KeyArn, observation: &'t Observation, plan: &'t Plan) -> [Option<&'t str>; 2] {
    let before = observation.keys.get(key).and_then(|observed| observed.policy.read()).map(String::as_str);
    let written = plan.changes.iter().rev().find_map(|change| match &change.operation {
        Operation::PruneOrphans(update) | Operation::UpdateKeyPolicy(update) if update.key == *key => {
            Some(update.after.as_str())
        }
        _ => None,
    });
    [before, written.or(before)]
}

/// The policies of the request's name that are attached to an entity, before and after; `None` where its account
/// was not read.
fn documents<'t>(
    entity: &EntityArn,
    observation: &'t Observation,
    plan: &'t Plan,
) -> [Option<Vec<&'t str>>; 2] {
    let Some(Reading::Read(iam)) = observation.accounts.get(&entity.account) else { return [None, None] };
    let name = entity.entity_name();
    let is_attached = |policy: &&PolicyArn| {
        iam.policies.get(*policy).is_some_and(|policy| policy.attached_to.contains(&name))
    };
    let before: BTreeSet<&PolicyArn> = iam.policies.keys().filter(is_attached).collect();
    let attached = plan.changes.iter().filter_map(|change| match &change.operation {
        Operation::AttachPolicy { policy, entity: own, .. } if own == entity => Some(policy),
        _ => None,
    });
    let after: BTreeSet<&PolicyArn> = before.iter().copied().chain(attached).collect();
    let now = |policy: &PolicyArn| read(iam, policy);
    let then = |policy: &PolicyArn| written(plan, policy).or_else(|| read(iam, policy));
    [Some(before.into_iter().filter_map(now).collect()), Some(after.into_iter().filter_map(then).collect())]
}

fn read<'t>(iam: &'t IamObservation, policy: &PolicyArn) -> Option<&'t str> {
    iam.policies.get(policy).map(|policy| policy.document.as_str())
}

fn written<'t>(plan: &'t Plan, policy: &PolicyArn) -> Option<&'t str> {
    plan.changes.iter().find_map(|change| match &change.operation {
        Operation::CreatePolicy { policy: own, after, .. }
        | Operation::CreatePolicyVersion { policy: own, after, .. }
            if own == policy =>
        {
            Some(after.as_str())
        }
        _ => None,
    })
}

/// What documents together say of each required action.
fn answers(texts: Option<Vec<&str>>, face: Face, wanted: &str) -> Vec<Answer> {
    let required = RequiredStatement::documented();
    let documents: Option<Vec<PolicyDocument>> =
        texts.map(|texts| texts.into_iter().filter_map(|text| PolicyDocument::parse(text).ok()).collect());
    let answer = |required: &RequiredStatement, action: &str| {
        let Some(documents) = &documents else { return Answer::Unread };
        let missing = documents.iter().fold(ActionSet::of_pattern(action), |missing, document| {
            missing.intersection(Reader::new(document, face).cover(required, wanted).missing)
        });
        if missing.is_empty() { Answer::Allows } else { Answer::Lacks }
    };
    required
        .iter()
        .flat_map(|required| required.actions.iter().map(move |action| (required, *action)))
        .map(|(required, action)| answer(required, action))
        .collect()
}
