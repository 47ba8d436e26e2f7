//! A policy that is patched: read from what it stands in, with the request that it is patched for.

use std::io::{self, Read as _};

use crate::access::{CoverageRule, Grantee, GranteeRef, PolicyName, Request};
use crate::arn::{KeyArn, Partition};
use crate::cli::settings::patch::{Input, PatchKind, PatchSettings};
use crate::commands::input;
use crate::error::UsageError;
use crate::escape::Escaped;
use crate::plan::document::{self, Patched};
use crate::policy::envelope::{self, Opened, Wrapping};
use crate::policy::{AwsPrincipal, PolicyDocument, PrincipalElement};

/// A policy before and after.
pub(super) struct Policy<'s> {
    pub(super) input: &'s Input,
    /// Everything that was read, as it was.
    pub(super) read: String,
    /// Whether a byte order mark stands before it.
    has_mark: bool,
    /// What it was found in, where it did not stand by itself.
    wrapping: Option<Wrapping>,
    pub(super) before: String,
    pub(super) patched: Patched,
}

const MARK: &str = "\u{feff}";

impl Policy<'_> {
    pub(super) fn mark(&self) -> &'static str {
        if self.has_mark { MARK } else { "" }
    }

    /// Whether the policy is all of what was read, but for a byte order mark.
    pub(super) fn is_by_itself(&self) -> bool {
        self.wrapping.is_none()
    }
}

pub(super) fn read<'s>(input: &'s Input, settings: &PatchSettings) -> Result<Policy<'s>, UsageError> {
    let mut bytes = Vec::new();
    let read = match input {
        Input::Stdin => io::stdin().read_to_end(&mut bytes),
        Input::File(file) => std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    read.map_err(|error| UsageError::new(format!("{input} can't be read: {error}")))?;
    let read = input::text(&input.to_string(), bytes)?;
    let name = input.to_string();
    Ok(match envelope::open(&read) {
        Ok(Opened { has_mark, text, wrapping }) => {
            let patched = patched(&text, &name, settings)?;
            Policy { input, read, has_mark, wrapping, before: text, patched }
        }
        Err(what) => {
            let patched = document::refused(&name, what);
            Policy { input, before: read.clone(), read, has_mark: false, wrapping: None, patched }
        }
    })
}

/// What a command printed is no file of a policy: nobody would take it back with something else in it.
pub(super) fn stands_by_itself(policy: &Policy<'_>) -> Result<(), UsageError> {
    match (policy.wrapping, &policy.patched.after) {
        (Some(wrapping), Some(_)) => {
            let message = format!(
                "{} is {}, not a policy by itself",
                Escaped(&policy.input.to_string()),
                wrapping.words()
            );
            Err(UsageError::new(message).hint(
                "leave --in-place out: the patched policy is printed, ready for put-key-policy and the like",
            ))
        }
        _ => Ok(()),
    }
}

fn patched(before: &str, name: &str, settings: &PatchSettings) -> Result<Patched, UsageError> {
    let request = |keys: Vec<KeyArn>, grantees: Vec<Grantee>, prune_orphans: bool| Request {
        keys,
        grantees,
        policy_name: PolicyName::default(),
        profile: settings.profile,
        coverage: CoverageRule::Named,
        prune_orphans,
        purpose: settings.purpose,
        only_for: std::collections::BTreeMap::new(),
        part: None,
    };
    Ok(match &settings.kind {
        PatchKind::Identity { keys, account } => {
            // Without the least privilege the account shows nowhere.
            let account = account.unwrap_or_else(|| KeyArn::unknown(Partition::Aws).account);
            document::patch_identity_policy(before, name, &request(keys.clone(), Vec::new(), false), account)
        }
        PatchKind::Key { key, grantees: named, prune_orphans } => {
            let partition = partition(before, key.as_ref(), named);
            let key = match key {
                Some(key) => key.clone(),
                None => key_of(before, name, partition, named)?,
            };
            let mut grantees: Vec<Grantee> = Vec::new();
            for grantee in named {
                let grantee = grantee.in_partition(partition)?.ok();
                grantees.extend(grantee.filter(|grantee| !grantees.contains(grantee)));
            }
            document::patch_key_policy(before, name, &request(vec![key], grantees, *prune_orphans))
        }
    })
}

/// A stand-in for the policy's key. A policy serves service-linked roles of the key's own account otherwise than those
/// of others, and keeps its own account out of what it gives an organization, so with one of them its account has to be
/// known.
fn key_of(
    text: &str,
    name: &str,
    partition: Partition,
    grantees: &[GranteeRef],
) -> Result<KeyArn, UsageError> {
    let key = KeyArn::unknown(partition);
    let role = grantees.iter().find(|grantee| grantee.is_service_linked_role());
    let is_of_members =
        |grantee: &GranteeRef| matches!(grantee, GranteeRef::Members { .. } | GranteeRef::MembersRole { .. });
    if role.is_none() && !grantees.iter().any(is_of_members) {
        return Ok(key);
    }
    match (document::own_account(text), role) {
        (Some(account), _) => Ok(KeyArn { account, ..key }),
        (None, None) => Err(UsageError::new(format!("{name} does not tell whose key it is of"))
            .hint("give --key ARN too: the key's own account is kept out of what an organization is given")),
        (None, Some(role)) => Err(UsageError::new(format!(
            "`{role}` is a service-linked role, and {name} does not tell whose key it is of"
        ))
        .hint(
            "give --key ARN too: a key policy names such a role of the key's own account, and lets another \
                     account create its role's grant",
        )),
    }
}

/// That of the key, else of a principal that is named, else of one that the policy names.
fn partition(text: &str, key: Option<&KeyArn>, grantees: &[GranteeRef]) -> Partition {
    let named = || {
        grantees.iter().find_map(|grantee| match grantee {
            GranteeRef::Entity(entity) => Some(entity.partition),
            _ => None,
        })
    };
    let in_policy = || {
        let document = PolicyDocument::parse(text).ok()?;
        let principals = document.statements.iter().filter_map(|statement| statement.principal.as_ref());
        principals.flat_map(PrincipalElement::aws).find_map(|principal| match principal {
            AwsPrincipal::Account { partition, .. } => *partition,
            AwsPrincipal::Entity(entity) => Some(entity.partition),
            _ => None,
        })
    };
    key.map(|key| key.partition).or_else(named).or_else(in_policy).unwrap_or(Partition::Aws)
}
