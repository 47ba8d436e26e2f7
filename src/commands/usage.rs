//! A command line that can't be understood.

use std::ffi::OsString;
use std::io::{self, Write as _};

use clap::CommandFactory as _;

use super::console::Console;
use super::document;
use crate::cli::{Cli, ColorChoice};
use crate::error::{Error, ExitStatus, UsageError};

/// Tells what the parser says: a mistake to standard error, help and version to standard output. Where JSON was
/// asked for, a mistake leaves its document too.
pub(super) fn tell(parsed: &clap::Error, arguments: &[OsString]) -> ExitStatus {
    if !parsed.use_stderr() {
        return match parsed.print().and_then(|()| io::stdout().flush()) {
            Ok(()) => ExitStatus::Done,
            Err(error) => {
                let error = Error::Output(error);
                _ = Console::of_process(ColorChoice::Auto).error(&error);
                error.exit_status()
            }
        };
    }
    // Where standard error is gone, the exit status still tells.
    _ = parsed.print();
    _ = tell_mistake(parsed, arguments, &mut Console::of_process(ColorChoice::Auto));
    ExitStatus::Usage
}

fn tell_mistake(parsed: &clap::Error, arguments: &[OsString], console: &mut Console) -> io::Result<()> {
    let hint = hint(arguments);
    if let Some(hint) = &hint {
        console.hint(hint)?;
    }
    if !asks_for_json(arguments) {
        return Ok(());
    }
    let rendered = parsed.to_string();
    let first = rendered.lines().next().unwrap_or_default();
    let error = UsageError::new(first.strip_prefix("error: ").unwrap_or(first));
    let error = hint.into_iter().fold(error, UsageError::hint);
    document::write_error(&mut console.out, command(arguments), &Error::Usage(error))?;
    console.out.flush()
}

/// The command whose line it is, as far as that can be told.
fn command(arguments: &[OsString]) -> &str {
    let known = Cli::command();
    let is_known = |word: &&str| known.get_subcommands().any(|command| command.get_name() == *word);
    let words = arguments.iter().skip(1).filter_map(|argument| argument.to_str());
    words
        .clone()
        .find(is_known)
        .or_else(|| words.clone().find(|word| !word.starts_with('-')))
        .unwrap_or("keymend")
}

/// A slip that the parser's own words don't explain.
fn hint(arguments: &[OsString]) -> Option<String> {
    let file = pairs(arguments).find(|(flag, _)| *flag == "--sandbox").map(|(_, file)| file)?;
    (!file.starts_with('-')).then(|| format!("a world's file comes after `=`: --sandbox={file}"))
}

fn asks_for_json(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument == "--output=json")
        || pairs(arguments).any(|pair| pair == ("--output", "json"))
}

/// Neighbours, as far as they are text.
fn pairs(arguments: &[OsString]) -> impl Iterator<Item = (&str, &str)> {
    arguments.iter().zip(arguments.iter().skip(1)).filter_map(|(one, next)| one.to_str().zip(next.to_str()))
}
