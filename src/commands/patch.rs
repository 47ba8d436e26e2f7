//! `keymend patch`: policies in files or standard input, without AWS.

mod policy;
mod sarif;

use std::io::{self, Write as _};
use std::path::Path;

use super::console::Console;
use super::ending;
use crate::cli::PatchArgs;
use crate::cli::settings::patch::{Input, PatchAction, PatchSettings};
use crate::diff;
use crate::error::{Error, ExitStatus};
use crate::escape::Escaped;
use crate::files::{self, Replaced};
use crate::render::findings;
use crate::render::text;
use policy::Policy;

/// Runs the command. Everything is read and patched before anything is written.
pub(super) fn patch(args: &PatchArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let settings = PatchSettings::resolve(args)?;
    let log = settings.sarif.as_deref().map(|file| sarif::Log::open(file, &settings.inputs)).transpose()?;
    let policies =
        settings.inputs.iter().map(|input| policy::read(input, &settings)).collect::<Result<Vec<_>, _>>()?;
    for policy in &policies {
        tell_findings(policy, console)?;
    }
    if let Some(log) = log {
        log.write(&policies, console)?;
    }
    if policies.iter().any(|policy| policy.patched.is_blocked()) {
        writeln!(console.talk()?, "Nothing was written.")?;
        return Ok(ending::status(ending::of_patch(true, false, false)));
    }
    if settings.action == PatchAction::InPlace {
        policies.iter().try_for_each(policy::stands_by_itself)?;
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
    Ok(ending::status(ending::of_patch(false, would_change, settings.action == PatchAction::Check)))
}

fn tell_findings(policy: &Policy<'_>, console: &mut Console) -> io::Result<()> {
    if policy.patched.findings.is_empty() {
        return Ok(());
    }
    console.out.flush()?;
    let told = findings::tell_of_document(&policy.patched, &policy.input.to_string());
    text::told(&mut console.talk, &console.talk_styles, console.width, &told)
}

fn show_difference(policy: &Policy<'_>, console: &mut Console) -> io::Result<()> {
    let Some(after) = &policy.patched.after else { return Ok(()) };
    let Console { out, styles, width, .. } = console;
    writeln!(out, "{}{}{:#}", styles.strong, Escaped(&policy.input.to_string()), styles.strong)?;
    text::difference(out, styles, (*width, text::Detail::Whole), &diff::difference(&policy.before, after))
}

fn conclude(policy: &Policy<'_>, settings: &PatchSettings, console: &mut Console) -> Result<(), Error> {
    let Policy { input, before, patched, .. } = policy;
    match (settings.action, &patched.after) {
        (PatchAction::Print, after) if !settings.diff => {
            Ok(write!(console.out, "{}{}", policy.mark(), after.as_ref().unwrap_or(before))?)
        }
        (PatchAction::Print, _) | (_, None) => Ok(()),
        (PatchAction::Check, Some(_)) => Ok(writeln!(console.talk()?, "would patch {}", shown(input))?),
        (PatchAction::InPlace, Some(after)) => {
            if let Input::File(file) = input {
                replace(file, &policy.read, &format!("{}{after}", policy.mark()))?;
            }
            Ok(writeln!(console.talk()?, "patched {}", shown(input))?)
        }
    }
}

fn replace(file: &Path, read: &str, text: &str) -> Result<(), Error> {
    match files::replace_read(file, read, text) {
        Ok(Replaced::Written) => Ok(()),
        Ok(Replaced::Changed) => Err(Error::FileChanged { file: file.to_owned() }),
        Err(source) => Err(Error::File { file: file.to_owned(), source }),
    }
}

fn shown(input: &Input) -> String {
    Escaped(&input.to_string()).to_string()
}
