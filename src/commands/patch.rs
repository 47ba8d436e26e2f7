//! `keymend patch`: policies in files or standard input, without AWS.

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use super::console::Console;
use super::ending;
use super::input;
use crate::access::{CoverageRule, Grantee, PolicyName, Request};
use crate::arn::{AccountId, EntityArn, KeyArn, Partition};
use crate::cli::PatchArgs;
use crate::cli::settings::patch::{Action, Input, PatchKind, PatchSettings};
use crate::diff;
use crate::error::{Error, ExitStatus, UsageError};
use crate::escape::Escaped;
use crate::files;
use crate::plan::document::{self, Patched};
use crate::policy::envelope::{self, Opened, Wrapping};
use crate::policy::{AwsPrincipal, PolicyDocument, PrincipalElement};
use crate::render::text;

/// A policy before and after.
struct Policy<'s> {
    input: &'s Input,
    /// Whether a byte order mark stands before it.
    has_mark: bool,
    /// What it was found in, where it did not stand by itself.
    wrapping: Option<Wrapping>,
    before: String,
    patched: Patched,
}

const MARK: &str = "\u{feff}";

impl Policy<'_> {
    fn mark(&self) -> &'static str {
        if self.has_mark { MARK } else { "" }
    }
}

/// Runs the command. Everything is read and patched before anything is written.
pub(super) fn patch(args: &PatchArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let settings = PatchSettings::resolve(args)?;
    let policies =
        settings.inputs.iter().map(|input| read(input, &settings)).collect::<Result<Vec<_>, _>>()?;
    for policy in &policies {
        tell_findings(policy, console)?;
    }
    if policies.iter().any(|policy| policy.patched.is_blocked()) {
        writeln!(console.talk()?, "Nothing was written.")?;
        return Ok(ending::status(ending::of_patch(true, false, false)));
    }
    if settings.action == Action::InPlace {
        policies.iter().try_for_each(stands_by_itself)?;
    }
    for policy in policies.iter().filter(|_| settings.diff) {
        show_difference(policy, console)?;
    }
    // No file changes before its difference is out.
    console.out.flush()?;
    for policy in &policies {
        conclude(policy, &settings, console)?;
    }
    let would_change = policies.iter().any(|policy| policy.patched.after.is_some());
    Ok(ending::status(ending::of_patch(false, would_change, settings.action == Action::Check)))
}

fn read<'s>(input: &'s Input, settings: &PatchSettings) -> Result<Policy<'s>, UsageError> {
    let mut bytes = Vec::new();
    let read = match input {
        Input::Stdin => io::stdin().read_to_end(&mut bytes),
        Input::File(file) => std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    read.map_err(|error| UsageError::new(format!("{input} can't be read: {error}")))?;
    let text = input::text(&input.to_string(), bytes)?;
    let name = input.to_string();
    Ok(match envelope::open(&text) {
        Ok(Opened { has_mark, text, wrapping }) => {
            let patched = patched(&text, &name, settings)?;
            Policy { input, has_mark, wrapping, before: text, patched }
        }
        Err(what) => {
            let patched = document::refused(&name, what);
            Policy { input, has_mark: false, wrapping: None, before: text, patched }
        }
    })
}

/// What a command printed is no file of a policy: nobody would take it back with something else in it.
fn stands_by_itself(policy: &Policy<'_>) -> Result<(), UsageError> {
    match (policy.wrapping, &policy.patched.after) {
        (Some(wrapping), Some(_)) => {
            let message = format!("{} is {}, not a policy by itself", shown(policy.input), wrapping.words());
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
    };
    Ok(match &settings.kind {
        PatchKind::Identity { keys, account } => {
            // Without the least privilege the account shows nowhere.
            let account = account.unwrap_or_else(|| KeyArn::unknown(Partition::Aws).account);
            document::patch_identity_policy(before, name, &request(keys.clone(), Vec::new(), false), account)
        }
        PatchKind::Key { key, accounts, principals, prune_orphans } => {
            let partition = partition(before, key.as_ref(), principals);
            let key = match key {
                Some(key) => key.clone(),
                None => key_of(before, name, partition, principals)?,
            };
            let grantees = grantees(accounts, principals, partition);
            document::patch_key_policy(before, name, &request(vec![key], grantees, *prune_orphans))
        }
    })
}

/// A stand-in for the policy's key. A policy serves service-linked roles of the key's own account otherwise than those
/// of others, so with one of them its account has to be known.
fn key_of(
    text: &str,
    name: &str,
    partition: Partition,
    principals: &[EntityArn],
) -> Result<KeyArn, UsageError> {
    let key = KeyArn::unknown(partition);
    let Some(role) = principals.iter().find(|entity| entity.is_service_linked_role()) else {
        return Ok(key);
    };
    match document::own_account(text) {
        Some(account) => Ok(KeyArn { account, ..key }),
        None => Err(UsageError::new(format!(
            "`{role}` is a service-linked role, and {name} does not tell whose key it is of"
        ))
        .hint(
            "give --key ARN too: a key policy names such a role of the key's own account, and lets another \
                     account create its role's grant",
        )),
    }
}

fn grantees(accounts: &[AccountId], principals: &[EntityArn], partition: Partition) -> Vec<Grantee> {
    let mut grantees: Vec<Grantee> = Vec::new();
    let accounts = accounts.iter().map(|id| Grantee::Account { partition, id: *id });
    for grantee in accounts.chain(principals.iter().cloned().map(Grantee::from)) {
        if !grantees.contains(&grantee) {
            grantees.push(grantee);
        }
    }
    grantees
}

/// That of the key, else of a principal that is named, else of one that the policy names.
fn partition(text: &str, key: Option<&KeyArn>, principals: &[EntityArn]) -> Partition {
    let named = || principals.first().map(|entity| entity.partition);
    let in_policy = || {
        let document = PolicyDocument::parse(text).ok()?;
        let principals = document.statements.iter().filter_map(|statement| statement.principal.as_ref());
        principals.flat_map(PrincipalElement::aws).find_map(|principal| match principal {
            AwsPrincipal::Account { partition, .. } => partition,
            AwsPrincipal::Entity(entity) => Some(entity.partition),
            _ => None,
        })
    };
    key.map(|key| key.partition).or_else(named).or_else(in_policy).unwrap_or(Partition::Aws)
}

fn tell_findings(policy: &Policy<'_>, console: &mut Console) -> io::Result<()> {
    if policy.patched.findings.is_empty() {
        return Ok(());
    }
    console.out.flush()?;
    text::findings(&mut console.talk, &console.talk_styles, console.width, &policy.patched.findings)
}

fn show_difference(policy: &Policy<'_>, console: &mut Console) -> io::Result<()> {
    let Some(after) = &policy.patched.after else { return Ok(()) };
    let Console { out, styles, .. } = console;
    writeln!(out, "{}{}{:#}", styles.strong, Escaped(&policy.input.to_string()), styles.strong)?;
    text::difference(out, styles, &diff::difference(&policy.before, after), false)
}

fn conclude(policy: &Policy<'_>, settings: &PatchSettings, console: &mut Console) -> Result<(), Error> {
    let Policy { input, before, patched, .. } = policy;
    match (settings.action, &patched.after) {
        (Action::Print, after) if !settings.diff => {
            Ok(write!(console.out, "{}{}", policy.mark(), after.as_ref().unwrap_or(before))?)
        }
        (Action::Print, _) | (_, None) => Ok(()),
        (Action::Check, Some(_)) => Ok(writeln!(console.talk()?, "would patch {}", shown(input))?),
        (Action::InPlace, Some(after)) => {
            if let Input::File(file) = input {
                replace(file, &format!("{}{after}", policy.mark()))?;
            }
            Ok(writeln!(console.talk()?, "patched {}", shown(input))?)
        }
    }
}

fn replace(file: &Path, text: &str) -> Result<(), Error> {
    files::replace(file, text).map_err(|source| Error::File { file: file.to_owned(), source })
}

fn shown(input: &Input) -> String {
    Escaped(&input.to_string()).to_string()
}
