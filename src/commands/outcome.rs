//! What became of a run, for people.

mod steps;
mod stopped;
mod success;

use std::io;

use super::console::Console;
use super::mishap::{CHANGED_SINCE, UNWATCHED};
use super::run::{Carried, Decision, Ended, Job};
use crate::access::assessment::doubtful;
use crate::escape::Escaped;
use crate::render::text::{self, names};
use stopped::{did_not_last, stopped};
use success::success;

pub(super) use steps::progress;

/// Writes what became of the plan: results to standard output, errors and hints to standard error.
pub(super) fn write(console: &mut Console, ended: &Ended) -> io::Result<()> {
    match ended.decision {
        Decision::Approved | Decision::Overtaken if !ended.carried.outcome.is_success() => {
            stopped(console, ended)
        }
        Decision::Approved | Decision::Overtaken if !ended.came_back().is_empty() => {
            did_not_last(console, ended)
        }
        Decision::Approved | Decision::Overtaken => success(console, ended),
        Decision::NoChanges | Decision::OnlyPlanned => {
            untouched(console, ended)?;
            talk(console, ended)
        }
        _ => talk(console, ended),
    }
}

/// Says why nothing was written.
pub(super) fn talk(console: &mut Console, ended: &Ended) -> io::Result<()> {
    match ended.decision {
        Decision::NoChanges if ended.carried.is_unwatched => {
            writeln!(console.talk()?, "\nInterrupted. Nothing was written.")
        }
        Decision::Approved | Decision::Overtaken if ended.carried.is_unwatched => {
            writeln!(console.talk()?)?;
            console.failure(UNWATCHED)
        }
        Decision::NoChanges | Decision::OnlyPlanned | Decision::Approved | Decision::Overtaken => Ok(()),
        Decision::Blocked => blocked(console, ended),
        Decision::Conflicting => console.failure(CHANGED_SINCE),
        Decision::NoTerminal => no_terminal(console),
        Decision::Declined => writeln!(console.talk()?, "Nothing was written."),
        Decision::Interrupted => writeln!(console.talk()?, "\nInterrupted. Nothing was written."),
    }
}

/// Results can't be told where they belong: what was written is, and where the record of it stands.
pub(super) fn untold(console: &mut Console, ended: &Ended) -> io::Result<()> {
    let talk = &mut console.talk;
    let Carried { outcome, journal, .. } = &ended.carried;
    if outcome.applied() == 0 {
        return writeln!(talk, "Nothing was written to AWS.");
    }
    let written = names::counted(outcome.applied(), "change");
    let of = outcome.steps.len();
    writeln!(talk, "{written} of {of} written.")?;
    let Some(path) = journal else { return Ok(()) };
    writeln!(talk, "The run and every former text are kept in {}", Escaped(&path.display().to_string()))
}

/// Nothing was written: who can't launch as it reads back, and what AWS says.
fn untouched(console: &mut Console, ended: &Ended) -> io::Result<()> {
    let Carried { proof, trials, unverified, .. } = &ended.carried;
    // What the plan comes to was shown with it; a saved one was made earlier.
    let doubtful = match (&ended.job, ended.decision) {
        (Job::Apply { .. }, Decision::NoChanges) => doubtful(proof),
        _ => Vec::new(),
    };
    if let Some(error) = unverified {
        console.failure(&format!("both sides could not be read again: {error}"))?;
        error.hint().map_or(Ok(()), |hint| console.hint(&hint))?;
    }
    if !(doubtful.is_empty() && trials.is_empty()) {
        writeln!(console.out)?;
    }
    text::proof(
        &mut console.out,
        &console.styles,
        console.width,
        (text::Moment::ReadBack, ended.case.request.purpose),
        &doubtful,
    )?;
    text::trials(&mut console.out, &console.styles, console.width, trials)
}

fn blocked(console: &mut Console, ended: &Ended) -> io::Result<()> {
    writeln!(console.talk()?, "Nothing was written.")?;
    if ended.case.plan.changes.is_empty() {
        return Ok(());
    }
    console.hint(match ended.job {
        Job::Fix | Job::Apply { .. } => {
            "--allow-blocked writes the changes all the same; instances will not launch or start by them alone"
        }
        Job::Rollback { .. } => "--allow-blocked writes the changes all the same",
    })
}

fn no_terminal(console: &mut Console) -> io::Result<()> {
    console.failure("there is no terminal to ask on; nothing was written")?;
    console.hint("--yes applies without asking, --dry-run only shows the plan")
}

/// What was applied, what failed, what was not started.
fn account_of_changes(console: &mut Console, ended: &Ended) -> io::Result<()> {
    writeln!(console.out)?;
    for (index, (change, step)) in ended.steps().enumerate() {
        let word = step.fate().word();
        let what = change.operation.to_string();
        writeln!(console.out, "  {word:<12} {}. {}", index + 1, Escaped(&what))?;
    }
    Ok(())
}

fn where_journal_is(console: &mut Console, ended: &Ended) -> io::Result<()> {
    let Some(path) = &ended.carried.journal else { return Ok(()) };
    let path = path.display().to_string();
    writeln!(console.talk()?, "The run and every former text are kept in {}", Escaped(&path))
}
