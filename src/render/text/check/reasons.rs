//! What decides an action, in words.

use crate::access::assessment::{ActionAssessment, Assessment, DecidingStatement, DocumentName};
use crate::authz::{Gate, Occasion, Outcome};

/// `statement "Allow use of the key" of the key policy`
pub(crate) fn statement(statement: &DecidingStatement) -> String {
    let document = document(&statement.document);
    match &statement.document {
        DocumentName::Grant { .. } => document,
        _ => format!("{} of {document}", statement.in_short()),
    }
}

/// The key is named in the heading already.
fn document(name: &DocumentName) -> String {
    match name {
        DocumentName::KeyPolicy { .. } => "the key policy".to_owned(),
        DocumentName::RamPolicy { .. } => "the key's policy AWS_RAM".to_owned(),
        other => other.to_string(),
    }
}

/// Everything that decides an action, and what only looks as if it did, each a sentence without its period.
pub(crate) fn reasons(action: &ActionAssessment, is_identity_read: bool) -> Vec<String> {
    let missed = action.near_misses.iter();
    let missed = missed.map(|missed| missed.miss.told_of(&statement(&missed.statement), "launch"));
    let deciding = deciding(action, is_identity_read, |key| with_reason(key, Occasion::Launch));
    deciding.into_iter().chain(missed).collect()
}

/// Everything that decides an action, with condition keys as they are told.
fn deciding(action: &ActionAssessment, is_identity_read: bool, told: impl Fn(&str) -> String) -> Vec<String> {
    let verb = |deciding: &DecidingStatement| match (action.outcome, deciding.denies) {
        (Outcome::Unknown, true) => format!("may deny it{}", depending(action, deciding, &told)),
        (Outcome::Unknown, false) => format!("may allow it{}", depending(action, deciding, &told)),
        (_, true) => "denies it".to_owned(),
        (_, false) => "allows it".to_owned(),
    };
    let statements =
        action.statements.iter().map(|deciding| format!("{} {}", statement(deciding), verb(deciding)));
    let mut obstacles: Vec<String> = Vec::new();
    for obstacle in &action.obstacles {
        let is_unread = matches!(obstacle.gate, Gate::Identity | Gate::Boundary) && !is_identity_read;
        let text = match &obstacle.document {
            _ if is_unread => "its own policies, which were not read, may not allow it".to_owned(),
            Some(DocumentName::KeyPolicy { .. }) if obstacle.is_certain => {
                "the key policy does not allow it".to_owned()
            }
            Some(DocumentName::KeyPolicy { .. }) => "the key policy may not allow it".to_owned(),
            _ => obstacle.to_string(),
        };
        if !obstacles.contains(&text) {
            obstacles.push(text);
        }
    }
    statements.chain(obstacles).collect()
}

/// A condition key, with the reason why nobody can tell its value where AWS's pages leave it open.
fn with_reason(key: &str, occasion: Occasion) -> String {
    occasion.open(key).map_or_else(|| key.to_owned(), |reason| format!("{key} ({reason})"))
}

/// What an answer depends on.
fn depending(
    action: &ActionAssessment,
    deciding: &DecidingStatement,
    told: impl Fn(&str) -> String,
) -> String {
    if let Some(doubt) = deciding.doubt {
        return format!(": {doubt}");
    }
    if action.unknown_keys.is_empty() {
        return String::new();
    }
    let keys: Vec<String> = action.unknown_keys.iter().map(|key| told(key)).collect();
    format!(", depending on {}", keys.join(", "))
}

/// What keeps a grantee from launching, each thing once; with the actions where it is not about all of them.
pub(crate) fn in_the_way(assessment: &Assessment) -> Vec<String> {
    let hindered: Vec<&ActionAssessment> =
        assessment.actions.iter().filter(|action| action.outcome != Outcome::Allowed).collect();
    let mut ways: Vec<(String, Vec<&str>)> = Vec::new();
    for action in &hindered {
        for reason in deciding(action, assessment.is_identity_read, str::to_owned) {
            match ways.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, actions)) => actions.push(action.action.name()),
                None => ways.push((reason, vec![action.action.name()])),
            }
        }
    }
    let all = assessment.actions.len();
    let in_words = |(reason, actions): (String, Vec<&str>)| {
        if actions.len() == all { reason } else { format!("{reason} ({})", actions.join(", ")) }
    };
    ways.into_iter().map(in_words).chain(of_instance(assessment)).collect()
}

/// What keeps the instance's own role from what it needs, each a sentence without its period.
pub(crate) fn of_instance(assessment: &Assessment) -> Vec<String> {
    let instance = &assessment.instance;
    if instance.action.outcome == Outcome::Allowed {
        return Vec::new();
    }
    let whose = format!("{} of `{}`, the instance's own role", instance.action.action, instance.role);
    let reasons = deciding(&instance.action, true, |key| with_reason(key, Occasion::Instance));
    if reasons.is_empty() {
        return vec![format!("{whose}: nobody can tell whether anything denies it")];
    }
    reasons.into_iter().map(|reason| format!("{whose}: {reason}")).collect()
}
