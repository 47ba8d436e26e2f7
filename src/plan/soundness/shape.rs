//! A statement as sets: what two statements must have in common to mean the same.

use std::collections::BTreeSet;

use crate::arn::Partition;
use crate::policy::document::StringList;
use crate::policy::{ActionSet, AwsPrincipal, Condition, Effect, Statement};

/// A statement as sets.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) sid: Option<String>,
    pub(super) effect: Effect,
    pub(super) has_principal: bool,
    /// The `AWS` principals, an account as its root's ARN.
    pub(super) aws: BTreeSet<String>,
    pub(super) has_other_principals: bool,
    other_principals: BTreeSet<(String, String)>,
    pub(super) actions: BTreeSet<String>,
    pub(super) resources: BTreeSet<String>,
    pub(super) conditions: Vec<Condition>,
    /// Which of principal, action and resource are negated, and which of action and resource are there.
    forms: [bool; 5],
    unknown: Vec<(String, serde_json::Value)>,
}

impl Shape {
    pub(super) fn of(statement: &Statement, partition: Partition) -> Self {
        let principal = statement.principal.as_ref();
        let types = || principal.iter().filter_map(|principal| principal.types.as_ref()).flatten();
        let is_bare_star = principal.is_some_and(|principal| principal.types.is_none());
        let set = |list: Option<&StringList>| -> BTreeSet<String> {
            list.into_iter().flat_map(StringList::iter).map(str::to_owned).collect()
        };
        let other_principals: BTreeSet<(String, String)> = types()
            .filter(|kind| kind.name != "AWS")
            .flat_map(|kind| kind.list.iter().map(|value| (kind.name.clone(), value.to_owned())))
            .collect();
        Self {
            sid: statement.sid.clone(),
            effect: statement.effect,
            has_principal: principal.is_some(),
            aws: if is_bare_star {
                BTreeSet::from(["*".to_owned()])
            } else {
                set(principal.and_then(|principal| principal.aws_list()))
                    .into_iter()
                    .map(|text| account_as_root(text, partition))
                    .collect()
            },
            has_other_principals: !other_principals.is_empty(),
            other_principals,
            actions: set(statement.action.as_ref().map(|action| &action.list)),
            resources: set(statement.resource.as_ref().map(|resource| &resource.list)),
            conditions: statement.conditions.clone(),
            forms: [
                principal.is_some_and(|principal| principal.negated),
                statement.action.as_ref().is_some_and(|action| action.negated),
                statement.resource.as_ref().is_some_and(|resource| resource.negated),
                statement.action.is_some(),
                statement.resource.is_some(),
            ],
            unknown: statement.unknown.clone(),
        }
    }

    /// Whether the other one has other members in its lists and nothing else changed.
    pub(super) fn differs_in_lists_only(&self, other: &Self) -> bool {
        self.sid == other.sid
            && self.effect == other.effect
            && self.has_principal == other.has_principal
            && self.other_principals == other.other_principals
            && self.conditions == other.conditions
            && self.forms == other.forms
            && self.unknown == other.unknown
    }

    /// Whether principal, action and resource stand in their plain form, and nothing unknown besides.
    pub(super) fn is_unnegated(&self) -> bool {
        let [not_principal, not_action, not_resource, has_action, has_resource] = self.forms;
        !not_principal
            && !not_action
            && !not_resource
            && has_action
            && has_resource
            && self.unknown.is_empty()
    }

    pub(super) fn is_for_resource(&self, resource: &str) -> bool {
        self.resources.len() == 1 && self.resources.contains(resource)
    }

    /// The KMS actions the patterns stand for; `None` where one stands for anything else.
    pub(super) fn expanded(&self) -> Option<ActionSet> {
        let sets: Vec<ActionSet> = self.actions.iter().map(|action| ActionSet::of_pattern(action)).collect();
        let is_known = !self.actions.contains("*") && sets.iter().all(|set| !set.is_empty());
        is_known.then(|| sets.into_iter().fold(ActionSet::EMPTY, ActionSet::union))
    }

    /// The statement without orphans; `None` where nobody would be left.
    pub(super) fn without_orphans(&self) -> Option<Self> {
        let [not_principal, ..] = self.forms;
        if self.effect == Effect::Deny || not_principal {
            return Some(self.clone());
        }
        let kept: BTreeSet<String> = self
            .aws
            .iter()
            .filter(|text| !matches!(AwsPrincipal::parse(text), AwsPrincipal::UniqueId(_)))
            .cloned()
            .collect();
        let is_emptied = kept.is_empty() && !self.aws.is_empty() && self.other_principals.is_empty();
        (!is_emptied).then(|| Self { aws: kept, ..self.clone() })
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        self.differs_in_lists_only(other)
            && self.aws == other.aws
            && self.actions == other.actions
            && self.resources == other.resources
    }
}

fn account_as_root(text: String, partition: Partition) -> String {
    match AwsPrincipal::parse(&text) {
        AwsPrincipal::Account { partition: None, id } => format!("arn:{partition}:iam::{id}:root"),
        _ => text,
    }
}
