//! Findings in words: what was found, and the way out.

mod callers;
mod commands;
mod documents;
mod evaluation;
mod failures;
mod grantees;
mod grants;
mod identity;
mod images;
mod key_policies;
mod keys;
mod launch_keys;
mod left_out;
mod memberships;
mod owners;
mod rollback;
mod sharing;
#[cfg(test)]
mod tests;
mod unsound;

use crate::arn::{AccountId, EntityArn, KeyArn};
use crate::plan::document::Patched;
use crate::plan::{Finding, FindingKind, Told};

/// What is said of a finding.
#[derive(Debug)]
struct Words {
    message: String,
    hint: Option<String>,
}

impl Words {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// A finding in words.
pub fn tell(finding: &Finding) -> Told {
    let Words { message, hint } = words(&finding.kind);
    Told { code: finding.code(), subject: finding.subject.clone(), message, hint }
}

/// What was found, in words that are the same wherever the same was found: without names, and without the ids of single
/// calls. `KEY`, `PRINCIPAL` and `ACCOUNT` stand for keys, users, roles and groups, and accounts.
pub fn tell_for_all(finding: &Finding) -> String {
    match &finding.kind {
        FindingKind::LeftOut(reason) => left_out::words_for_all(reason),
        _ => without_names(&tell(finding).message),
    }
}

fn without_names(message: &str) -> String {
    let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || ":/_+=,.@-".contains(c);
    let (mut out, mut rest) = (String::with_capacity(message.len()), message);
    while let Some(start) = rest.find(is_of_a_name) {
        let (before, from) = rest.split_at(start);
        let (token, after) = from.split_at(from.find(|c| !is_of_a_name(c)).unwrap_or(from.len()));
        let name = token.trim_end_matches([',', '.', ':']);
        let role = if name.parse::<KeyArn>().is_ok() {
            Some("KEY")
        } else if name.parse::<EntityArn>().is_ok() {
            Some("PRINCIPAL")
        } else {
            name.parse::<AccountId>().is_ok().then_some("ACCOUNT")
        };
        out.extend([before, role.unwrap_or(name), token.strip_prefix(name).unwrap_or_default()]);
        rest = after;
    }
    out + rest
}

/// The findings of a document in words: what is said of its key is said of the file that it stands in.
pub fn tell_of_document(patched: &Patched, name: &str) -> Vec<Told> {
    let keys: Vec<String> = patched.keys.iter().map(ToString::to_string).collect();
    let called = |text: String| keys.iter().fold(text, |text, key| text.replace(key, name));
    let told = patched.findings.iter().map(tell);
    told.map(|Told { code, subject, message, hint }| Told {
        code,
        subject: called(subject),
        message: called(message),
        hint: hint.map(called),
    })
    .collect()
}

fn words(kind: &FindingKind) -> Words {
    match kind {
        FindingKind::Grantee(found) => grantees::words(found),
        FindingKind::Key(found) => keys::words(found),
        FindingKind::KeyPolicy(found) => key_policies::words(found),
        FindingKind::Identity(found) => identity::words(found),
        FindingKind::Membership(found) => memberships::words(found),
        FindingKind::Grant(found) => grants::words(found),
        FindingKind::Evaluation(found) => evaluation::words(found),
        FindingKind::Owner(owner) => owners::words(owner),
        FindingKind::Document(found) => documents::words(found),
        FindingKind::Rollback(found) => rollback::words(found),
        FindingKind::Image(found) => images::words(found),
        FindingKind::Sharing(found) => sharing::words(found),
        FindingKind::LaunchKey(found) => launch_keys::words(found),
        FindingKind::Caller(found) => callers::words(found),
        FindingKind::Failure(found) => failures::words(found),
        FindingKind::LeftOut(reason) => left_out::words(reason),
        FindingKind::Unsound(found) => unsound::words(found),
        #[cfg(test)]
        FindingKind::Any { message, hint, .. } => Words { message: message.clone(), hint: hint.clone() },
    }
}
