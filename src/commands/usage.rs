//! A command line that can't be understood.

mod words;

use std::ffi::OsString;
use std::io::{self, Write as _};

use clap::error::{ContextKind, ContextValue};
use clap::{Command, CommandFactory as _};

use super::console::Console;
use super::document;
use crate::cli::{Cli, ColorChoice};
use crate::error::{Error, ExitStatus, UsageError};

/// Tells what the parser says: a mistake to standard error, help and version to standard output. Where JSON was
/// asked for, a mistake leaves its document too.
pub(super) fn tell(mut parsed: clap::Error, arguments: &[OsString]) -> ExitStatus {
    if !parsed.use_stderr() {
        return match parsed.print().and_then(|()| io::stdout().flush()) {
            Ok(()) => ExitStatus::Done,
            Err(error) => {
                let error = Error::Output(error);
                _ = Console::of_process(ColorChoice::Auto, false).error(&error);
                error.exit_status()
            }
        };
    }
    let hint = meant(&mut parsed, arguments).or_else(|| slip(arguments));
    if let Some(hint) = &hint {
        parsed.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    }
    // Where standard error is gone, the exit status still tells.
    _ = parsed.print();
    _ = tell_mistake(&parsed, hint, arguments, &mut Console::of_process(ColorChoice::Auto, false));
    ExitStatus::Usage
}

/// What is meant by a word from elsewhere. Then the parser's own guess, which goes by the letters, is left out.
fn meant(parsed: &mut clap::Error, arguments: &[OsString]) -> Option<String> {
    let typed = |kind| match parsed.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    let mut program = Cli::command();
    program.build();
    let named = command(arguments);
    let (meant, known) = if let Some(word) = typed(ContextKind::InvalidSubcommand) {
        (words::of_command(word)?, &mut program)
    } else {
        let (option, meant) = words::of_option(typed(ContextKind::InvalidArg)?)?;
        let known = program.find_subcommand_mut(named)?;
        (has(known, option).then_some(meant)?, known)
    };
    parsed.remove(ContextKind::SuggestedSubcommand);
    parsed.remove(ContextKind::SuggestedArg);
    parsed.insert(ContextKind::Usage, ContextValue::StyledStr(known.render_usage()));
    Some(meant.to_owned())
}

fn has(command: &Command, option: &str) -> bool {
    command.get_arguments().any(|argument| argument.get_long() == Some(option))
}

fn tell_mistake(
    parsed: &clap::Error,
    hint: Option<String>,
    arguments: &[OsString],
    console: &mut Console,
) -> io::Result<()> {
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
fn slip(arguments: &[OsString]) -> Option<String> {
    let file = pairs(arguments).find(|(flag, _)| *flag == "--sandbox").map(|(_, file)| file)?;
    (!file.starts_with('-')).then(|| format!("a world's file comes after `=`: --sandbox={file}"))
}

fn asks_for_json(arguments: &[OsString]) -> bool {
    let whole = ["--output=json", "-ojson", "-o=json"];
    arguments.iter().any(|argument| whole.iter().any(|whole| argument == whole))
        || pairs(arguments).any(|pair| matches!(pair, ("--output" | "-o", "json")))
}

/// Neighbours, as far as they are text.
fn pairs(arguments: &[OsString]) -> impl Iterator<Item = (&str, &str)> {
    arguments.iter().zip(arguments.iter().skip(1)).filter_map(|(one, next)| one.to_str().zip(next.to_str()))
}
