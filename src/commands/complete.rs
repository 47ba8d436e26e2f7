//! What a shell completes beyond the names of commands and options: runs, profiles and worlds. Nothing is asked of AWS.
//!
//! Each shell's script hands over the words up to the cursor, and is told what can stand behind the last `=` of the last
//! one. What can't be read offers nothing, since a message would stand in the middle of what is being typed.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};

use super::block_on;
use super::console::Console;
use super::place::Place;
use crate::apply::journal::Backend;
use crate::cli::Cli;
use crate::cli::settings::BackendSettings;
use crate::cloud::aws;
use crate::error::{Error, ExitStatus};
use crate::shell;

/// What the script for a shell has besides what the parser's own generator makes.
pub(super) fn script(shell: clap_complete::Shell) -> &'static str {
    match shell {
        clap_complete::Shell::Bash => include_str!("complete/keymend.bash"),
        clap_complete::Shell::Fish => include_str!("complete/keymend.fish"),
        clap_complete::Shell::Zsh => include_str!("complete/keymend.zsh"),
        _ => "",
    }
}

/// Prints what may stand in the place of the last word, one a line.
pub(super) fn complete(words: &[String], console: &mut Console) -> Result<ExitStatus, Error> {
    for value in values(&joined(words)) {
        // What a shell would read otherwise is not offered: not all of them quote what they insert.
        if shell::quote(&value) == value {
            writeln!(console.out, "{value}")?;
        }
    }
    Ok(ExitStatus::Done)
}

/// The words as they were typed: bash breaks them at `=` and `:`.
fn joined(words: &[String]) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    let mut is_open = false;
    for word in words {
        let breaks = !word.is_empty() && word.chars().all(|c| c == '=' || c == ':');
        match joined.last_mut() {
            Some(last) if breaks || is_open => last.push_str(word),
            _ => joined.push(word.clone()),
        }
        is_open = breaks;
    }
    joined
}

fn values(words: &[String]) -> Vec<String> {
    let Some((current, before)) = words.split_last() else { return Vec::new() };
    let mut program = Cli::command();
    program.build();
    let Some(command) = before.first().and_then(|name| program.find_subcommand(name)) else {
        return Vec::new();
    };
    let (option, value) = match (current.split_once('='), before.last()) {
        (Some((option, value)), _) if option.starts_with("--") => (option, value),
        (_, Some(last)) if takes_next(command, last) => (last.as_str(), current.as_str()),
        _ if command.get_name() == "rollback" && !current.starts_with('-') => ("--forget", current.as_str()),
        _ => return Vec::new(),
    };
    let all = match option {
        "--profile" | "--as-profile" => {
            block_on(async { Ok(aws::profile_names().await) }).unwrap_or_default()
        }
        "--account-profile" if value.contains('=') => return values_of_profile(value),
        "--sandbox" => worlds(value),
        "--forget" => runs(before).unwrap_or_default(),
        _ => Vec::new(),
    };
    all.into_iter().filter(|one| one.starts_with(value)).collect()
}

/// The profiles that may serve an account.
fn values_of_profile(pair: &str) -> Vec<String> {
    let (_, begun) = pair.split_once('=').unwrap_or_default();
    let names = block_on(async { Ok(aws::profile_names().await) }).unwrap_or_default();
    names.into_iter().filter(|name| name.starts_with(begun)).collect()
}

/// Whether a word is an option whose value is the next one.
fn takes_next(command: &Command, word: &str) -> bool {
    let named = word
        .strip_prefix("--")
        .and_then(|name| command.get_arguments().find(|option| option.get_long() == Some(name)));
    named.is_some_and(|option| option.get_action().takes_values() && !option.is_require_equals_set())
}

/// The runs that are kept where the words say, newest first.
fn runs(words: &[String]) -> Result<Vec<String>, Error> {
    let journal = typed(words, "--journal").map(PathBuf::from);
    let place = match typed(words, "--sandbox") {
        Some(world) => {
            super::backend::place(&BackendSettings::Sandbox(Some(PathBuf::from(world))), journal.as_deref())?
        }
        None => match Place::of(Some(&Backend::Aws), journal.as_deref())? {
            Some(place) => place,
            None => return Ok(Vec::new()),
        },
    };
    let history = place.history()?;
    Ok(history.runs().rev().map(|(record, _)| record.run.clone()).collect())
}

/// The value of an option among the words.
fn typed<'w>(words: &'w [String], option: &str) -> Option<&'w str> {
    words.iter().zip(words.iter().skip(1).map(Some).chain([None])).find_map(|(word, next)| {
        match word.strip_prefix(option)? {
            "" if option != "--sandbox" => next.map(String::as_str),
            rest => rest.strip_prefix('='),
        }
    })
}

/// World files, and folders that may have some, in the folder of what is typed.
fn worlds(typed: &str) -> Vec<String> {
    let folder = &typed[..typed.rfind('/').map_or(0, |slash| slash + 1)];
    let Ok(entries) = fs::read_dir(if folder.is_empty() { "." } else { folder }) else { return Vec::new() };
    let mut worlds: Vec<String> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let path = entry.path();
            match path.is_dir() {
                true if !name.starts_with('.') && !name.ends_with(".journal") => {
                    Some(format!("{folder}{name}/"))
                }
                false if is_world(&path) => Some(format!("{folder}{name}")),
                _ => None,
            }
        })
        .collect();
    worlds.sort();
    worlds
}

/// Whether a file begins like a world: other JSON files are none.
fn is_world(file: &Path) -> bool {
    if file.extension().is_none_or(|extension| extension != "json") || !file.is_file() {
        return false;
    }
    let mut beginning = Vec::new();
    let is_read = File::open(file).is_ok_and(|file| file.take(4096).read_to_end(&mut beginning).is_ok());
    is_read && String::from_utf8_lossy(&beginning).contains("\"keymend_world\"")
}
