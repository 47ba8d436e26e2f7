//! A run that went wrong: why, how far it came, and how to go on.

use std::io;

use super::{account_of_changes, where_journal_is};
use crate::apply::{Now, StepResult};
use crate::cloud::{CloudError, CloudErrorKind};
use crate::commands::console::Console;
use crate::commands::mishap::{interrupted, overwritten, planned_again, somebody_changed, unsettled};
use crate::commands::run::Ended;
use crate::diff;
use crate::error::cloud_hint;
use crate::escape::Escaped;
use crate::plan::Change;
use crate::render::text;

/// What went wrong, how far it came, and how to go on.
pub(super) fn stopped(console: &mut Console, ended: &Ended) -> io::Result<()> {
    writeln!(console.talk()?)?;
    if ended.carried.outcome.is_interrupted {
        console.failure(interrupted(&ended.carried.outcome))?;
    }
    if let Some(error) = &ended.carried.outcome.journal_error {
        console.failure(error)?;
        console.hint("the journal is behind; what was written stands here")?;
    }
    for (change, step) in ended.steps() {
        failure(console, change, step)?;
    }
    account_of_changes(console, ended)?;
    console.hint(match (ended.job.name(), ended.is_stale(), may_pass(ended)) {
        ("apply", true, _) => "plan anew: `keymend fix` with --dry-run --out PLAN",
        ("apply", false, true) => "run the same command again: it goes on where this run ended",
        ("apply", false, false) => {
            "mend what the error says, then run the same command again: it goes on where this run ended"
        }
        (_, _, true) => "run the same command again: it plans what is still missing",
        _ => "mend what the error says, then run the same command again: it plans what is still missing",
    })?;
    if let Some(way_back) = &ended.way_back {
        console.hint(&format!("`{way_back}` undoes what was applied"))?;
    }
    where_journal_is(console, ended)
}

/// Whether the same command may do better without anything being mended first.
fn may_pass(ended: &Ended) -> bool {
    ended.carried.outcome.journal_error.is_none()
        && ended.carried.outcome.steps.iter().all(|step| match step {
            StepResult::Failed(error) => {
                matches!(error.kind, CloudErrorKind::Throttled | CloudErrorKind::Transient)
            }
            _ => true,
        })
}

/// The change that did not end well.
fn failure(console: &mut Console, change: &Change, step: &StepResult) -> io::Result<()> {
    match step {
        StepResult::Failed(error) => failed_call(console, error),
        StepResult::Stale(now) => changed(console, change, &somebody_changed(change), now),
        StepResult::Overwritten(now) => changed(console, change, &overwritten(change), now),
        StepResult::Unsettled { reason, .. } => {
            console.failure(&unsettled(change))?;
            reason.as_ref().map_or(Ok(()), |error| failed_call(console, error))
        }
        _ => Ok(()),
    }
}

fn failed_call(console: &mut Console, error: &CloudError) -> io::Result<()> {
    console.failure(&error.to_string())?;
    cloud_hint(error).map_or(Ok(()), |hint| console.hint(&hint))
}

fn changed(console: &mut Console, change: &Change, message: &str, now: &Now) -> io::Result<()> {
    console.failure(message)?;
    match now {
        Now::Text(text) => {
            let planned_on = change.operation.before().unwrap_or_default();
            let difference = diff::difference(planned_on, text);
            text::difference(
                &mut console.talk,
                &console.talk_styles,
                (console.width, text::Detail::Whole),
                &difference,
            )
        }
        Now::Words(words) => writeln!(console.talk, "     {}", Escaped(words)),
    }
}

/// Everything was written, and some of it is planned again.
pub(super) fn did_not_last(console: &mut Console, ended: &Ended) -> io::Result<()> {
    writeln!(console.talk()?)?;
    for change in ended.came_back() {
        console.failure(&planned_again(change))?;
    }
    account_of_changes(console, ended)?;
    console.hint("somebody else may be changing it too; if not, this is a bug: please report it")?;
    where_journal_is(console, ended)
}
