//! What a run in a world is about where nothing is asked for.

use std::fmt;

use super::world::DefaultsEntry;
use crate::access::{GranteeRef, KeyRef};
use crate::policy::AwsPrincipal;

/// The keys and grantees of a world's story.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Defaults {
    /// For a run that names no key.
    pub keys: Vec<KeyRef>,
    /// Ids of images, snapshots, volumes, instances and launch templates, and `group:` before the names of Auto Scaling
    /// groups, for a run that names nothing.
    pub targets: Vec<String>,
    /// For a run that names no grantee.
    pub grantees: Vec<GranteeRef>,
}

/// A text among the defaults that names nothing.
pub(super) struct WrongDefault {
    /// `keys` or `grantees`.
    pub(super) list: &'static str,
    pub(super) index: usize,
    pub(super) message: String,
}

/// The defaults as a run takes them.
pub(super) fn read(entry: &DefaultsEntry) -> Result<Defaults, WrongDefault> {
    Ok(Defaults {
        keys: read_list("keys", &entry.keys, str::parse)?,
        targets: entry.targets.clone(),
        grantees: read_list("grantees", &entry.grantees, grantee)?,
    })
}

fn read_list<T, E: fmt::Display>(
    list: &'static str,
    texts: &[String],
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, WrongDefault> {
    let wrong = |index, error: E| WrongDefault { list, index, message: error.to_string() };
    texts.iter().enumerate().map(|(index, text)| read(text).map_err(|error| wrong(index, error))).collect()
}

fn grantee(text: &str) -> Result<GranteeRef, String> {
    match AwsPrincipal::parse(text) {
        AwsPrincipal::Account { id, .. } => Ok(GranteeRef::Account(id)),
        AwsPrincipal::Entity(entity) => Ok(GranteeRef::Entity(entity)),
        AwsPrincipal::Session(session) => Ok(GranteeRef::Session(session)),
        _ => match text.parse() {
            Ok(named @ (GranteeRef::Members { .. } | GranteeRef::MembersRole { .. })) => Ok(named),
            _ => Err(format!("`{text}` is not an account id or the ARN of a user, role or group")),
        },
    }
}
