//! The independent check of every plan: it shares no code with what made the changes.
//!
//! Everything that was in a document still is, and what is new is what was asked for.

mod shape;

use std::collections::BTreeSet;

use super::planner::limits;
use super::{Change, Finding, FindingCode, Operation};
use crate::access::{Grantee, Request, RequiredStatement};
use crate::arn::{EntityKind, Partition};
use crate::policy::{ActionSet, Effect, PolicyDocument, condition};
use shape::Shape;

/// What is wrong with a plan's changes; empty for every plan that may be shown.
pub(super) fn violations(request: &Request, grantees: &[Grantee], changes: &[Change]) -> Vec<Finding> {
    let asked = Asked::new(request, grantees);
    changes
        .iter()
        .filter_map(|change| {
            let message = check(&asked, &change.operation).err()?;
            Some(Finding {
                code: FindingCode::FailedCheck,
                subject: change.operation.resource(),
                message: format!("a bug of keymend, nothing is written: {message}"),
                hint: Some("report it with the output of --output json".to_owned()),
            })
        })
        .collect()
}

/// All that may become new.
struct Asked {
    required: [RequiredStatement; 2],
    principals: BTreeSet<String>,
    keys: BTreeSet<String>,
    grantees: Vec<Grantee>,
}

impl Asked {
    fn new(request: &Request, grantees: &[Grantee]) -> Self {
        let principal = |grantee: &Grantee| match grantee {
            // A group of another account brings that account's root.
            Grantee::Entity(entity) if entity.kind == EntityKind::Group => {
                let is_foreign = request.keys.iter().any(|key| key.account != entity.account);
                is_foreign.then(|| format!("arn:{}:iam::{}:root", entity.partition, entity.account))
            }
            other => Some(other.to_string()),
        };
        Self {
            required: RequiredStatement::documented(),
            principals: grantees.iter().filter_map(principal).collect(),
            keys: request.keys.iter().map(ToString::to_string).collect(),
            grantees: grantees.to_vec(),
        }
    }
}

fn check(asked: &Asked, operation: &Operation) -> Result<(), String> {
    match operation {
        Operation::PruneOrphans(update) => check_pruning(&update.before, &update.after, update.key.partition),
        Operation::UpdateKeyPolicy(update) => {
            let (before, after) = shapes(&update.before, &update.after, update.key.partition)?;
            check_additions(&before, &after, |statement, new| check_key_statement(asked, statement, new))?;
            check_key_policy_text(&update.after)
        }
        Operation::CreatePolicy { policy, after, .. } => {
            let (_, after_shapes) = shapes(EMPTY, after, policy.partition)?;
            check_additions(&[], &after_shapes, |statement, new| {
                check_identity_statement(asked, statement, new)
            })?;
            check_identity_sids(&after_shapes)
        }
        Operation::CreatePolicyVersion { policy, before, after, .. } => {
            let (before, after_shapes) = shapes(before, after, policy.partition)?;
            check_additions(&before, &after_shapes, |statement, new| {
                check_identity_statement(asked, statement, new)
            })?;
            check_identity_sids(&after_shapes)
        }
        Operation::AttachPolicy { entity, .. } => {
            let is_asked = asked.grantees.contains(&Grantee::Entity(entity.clone()));
            ensure(is_asked && !entity.is_service_linked_role(), || format!("`{entity}` is no grantee"))
        }
        // It deletes by id; that the id is not the default's is AWS's own rule.
        Operation::DeletePolicyVersion { .. } => Ok(()),
    }
}

const EMPTY: &str = r#"{"Statement": []}"#;

fn shapes(before: &str, after: &str, partition: Partition) -> Result<(Vec<Shape>, Vec<Shape>), String> {
    let parse = |text: &str| {
        let document = PolicyDocument::parse(text).map_err(|error| error.to_string())?;
        Ok::<_, String>(document.statements.iter().map(|statement| Shape::of(statement, partition)).collect())
    };
    let (old, new) = (PolicyDocument::parse(before), PolicyDocument::parse(after));
    if let (Ok(old), Ok(new)) = (&old, &new) {
        let is_kept =
            before == EMPTY || (old.version == new.version && old.id == new.id && old.unknown == new.unknown);
        ensure(is_kept, || "something beside the statements changed".to_owned())?;
    }
    Ok((parse(before)?, parse(after)?))
}

/// What is new in a statement: all of it, or members of its lists.
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

fn check_key_statement(asked: &Asked, statement: &Shape, new: &New) -> Result<(), String> {
    let is_plain =
        statement.effect == Effect::Allow && statement.is_unnegated() && !statement.has_other_principals;
    ensure(is_plain && statement.is_for_resource("*"), || {
        "a statement of another form was edited".to_owned()
    })?;
    match new {
        New::Members { principals, actions, resources } if actions.is_empty() => {
            ensure(resources.is_empty(), || "a resource was added".to_owned())?;
            ensure(is_required(asked, statement), || {
                "a statement that gives something else took a principal".to_owned()
            })?;
            ensure(principals.is_subset(&asked.principals), || {
                "a principal was added that nobody asked for".to_owned()
            })
        }
        New::Members { principals, resources, .. } => {
            ensure(principals.is_empty() && resources.is_empty(), || {
                "several lists changed at once".to_owned()
            })?;
            check_completion(asked, statement, new)?;
            ensure(statement.aws.is_subset(&asked.principals), || "actions were added for others".to_owned())
        }
        New::Statement => {
            ensure(is_required(asked, statement), || "a new statement gives something else".to_owned())?;
            ensure(!statement.aws.is_empty() && statement.aws.is_subset(&asked.principals), || {
                "a new statement is for others".to_owned()
            })
        }
    }
}

fn check_identity_statement(asked: &Asked, statement: &Shape, new: &New) -> Result<(), String> {
    let is_plain = statement.effect == Effect::Allow && statement.is_unnegated() && !statement.has_principal;
    ensure(is_plain, || "a statement of another form was edited".to_owned())?;
    match new {
        New::Members { principals, actions, resources } if actions.is_empty() => {
            ensure(principals.is_empty(), || "a principal was added".to_owned())?;
            ensure(is_required(asked, statement), || {
                "a statement that gives something else took a key".to_owned()
            })?;
            ensure(resources.is_subset(&asked.keys), || "a key was added that nobody asked for".to_owned())
        }
        New::Members { principals, resources, .. } => {
            ensure(principals.is_empty() && resources.is_empty(), || {
                "several lists changed at once".to_owned()
            })?;
            check_completion(asked, statement, new)?;
            ensure(statement.resources.is_subset(&asked.keys), || {
                "actions were added for other keys".to_owned()
            })
        }
        New::Statement => {
            ensure(is_required(asked, statement), || "a new statement gives something else".to_owned())?;
            ensure(!statement.resources.is_empty() && statement.resources.is_subset(&asked.keys), || {
                "a new statement is for other keys".to_owned()
            })
        }
    }
}

/// Added actions are those of the required statement with the same conditions.
fn check_completion(asked: &Asked, statement: &Shape, new: &New) -> Result<(), String> {
    let New::Members { actions, .. } = new else { return Ok(()) };
    let added = ActionSet::of_patterns(actions.iter().map(String::as_str));
    let fits = asked.required.iter().any(|required| {
        required.action_set.contains(added)
            && condition::same_meaning(&statement.conditions, &required.conditions)
    });
    ensure(fits, || "actions were added that nobody asked for".to_owned())
}

fn is_required(asked: &Asked, statement: &Shape) -> bool {
    asked.required.iter().any(|required| {
        statement.expanded() == Some(required.action_set)
            && condition::same_meaning(&statement.conditions, &required.conditions)
    })
}

/// Only orphans went, and only out of Allow statements.
fn check_pruning(before: &str, after: &str, partition: Partition) -> Result<(), String> {
    let (before, after) = shapes(before, after, partition)?;
    let expected: Vec<Shape> = before.iter().filter_map(Shape::without_orphans).collect();
    ensure(expected == after, || "more went than principals that no longer exist".to_owned())
}

fn check_key_policy_text(text: &str) -> Result<(), String> {
    // https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html#KMS-PutKeyPolicy-request-Policy
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}');
    ensure(text.chars().all(is_allowed), || "the text has characters that PutKeyPolicy refuses".to_owned())?;
    ensure(text.len() <= limits::KEY_POLICY_BYTES, || "the key policy is too large".to_owned())
}

fn check_identity_sids(statements: &[Shape]) -> Result<(), String> {
    let mut sids = BTreeSet::new();
    for sid in statements.iter().filter_map(|statement| statement.sid.as_deref()) {
        ensure(sid.bytes().all(|byte| byte.is_ascii_alphanumeric()), || {
            format!("IAM refuses the Sid `{sid}`")
        })?;
        ensure(sids.insert(sid), || format!("the Sid `{sid}` stands twice"))?;
    }
    Ok(())
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
