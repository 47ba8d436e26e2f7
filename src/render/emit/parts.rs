//! What a plan has to say to one account.

use std::collections::BTreeMap;

use crate::arn::{AccountId, KeyArn};
use crate::escape::Escaped;
use crate::plan::{Change, Handover, Operation, Plan, Target};

/// One account's share of a plan.
#[derive(Debug, Default)]
pub(super) struct Part<'p> {
    pub(super) steps: Vec<Step<'p>>,
    pub(super) handovers: Vec<&'p Handover>,
}

/// Something to be written, with its changes as comments say them.
#[derive(Debug, Clone)]
pub(super) struct Step<'p> {
    pub(super) comments: Vec<String>,
    pub(super) write: Write<'p>,
}

/// What is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Write<'p> {
    /// A key policy, by all the changes that it has.
    KeyPolicy { key: &'p KeyArn, before: &'p str, after: &'p str },
    /// Anything else.
    Other(&'p Operation),
}

/// Each account's share, the changes in their order. What is made of one key policy is one write.
pub(super) fn by_account(plan: &Plan) -> BTreeMap<AccountId, Part<'_>> {
    let mut parts: BTreeMap<AccountId, Part<'_>> = BTreeMap::new();
    for (index, change) in plan.changes.iter().enumerate() {
        let part = parts.entry(change.operation.account()).or_default();
        let comment = comment(index, change);
        match change.operation.target() {
            Target::KeyPolicy(update) => {
                let same = part.steps.iter_mut().find_map(|step| match &mut step.write {
                    Write::KeyPolicy { key, after, .. } if **key == update.key => {
                        Some((&mut step.comments, after))
                    }
                    _ => None,
                });
                if let Some((comments, after)) = same {
                    comments.push(comment);
                    *after = &update.after;
                } else {
                    let write =
                        Write::KeyPolicy { key: &update.key, before: &update.before, after: &update.after };
                    part.steps.push(Step { comments: vec![comment], write });
                }
            }
            Target::Policy { .. }
            | Target::Version(_)
            | Target::Attachment { .. }
            | Target::NewGrant(_)
            | Target::Grant { .. } => {
                part.steps.push(Step { comments: vec![comment], write: Write::Other(&change.operation) });
            }
        }
    }
    for handover in &plan.handovers {
        parts.entry(handover.account()).or_default().handovers.push(handover);
    }
    parts
}

/// A line that no text from outside can leave.
fn comment(index: usize, change: &Change) -> String {
    let operation = change.operation.to_string();
    format!("# {}. {}: {}", index + 1, Escaped(&operation), Escaped(&change.reason))
}

/// The name of a key policy's files in the folder of its account: replicas share their id.
pub(super) fn key_policy_stem(key: &KeyArn) -> String {
    format!("key-policy.{}.{}", file_name(&key.region), file_name(&key.id))
}

/// A text from outside as a part of a file's name: it leads nowhere else.
pub(super) fn file_name(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}
