//! How a command ends: what it came to is told here and becomes an exit status, and nowhere else.

use std::io;

use super::console::Console;
use super::run::{Carried, Decision, Ended, Job};
use super::{document, outcome};
use crate::cli::settings::{OutputFormat, RunSettings};
use crate::error::{Error, ExitStatus};
use crate::plan::conclusion::Conclusion;
use crate::plan::survey::Survey;
use crate::plan::{Fate, Plan};

/// Something that a command came to, as far as it shows in the exit status. Of several, the first here counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    /// Ctrl-C.
    Interrupted,
    /// A read or a write failed, or what was written did not last.
    Failed,
    /// Somebody else changed a document.
    Stale,
    /// Something stands in the way that no change of ours may mend.
    Blocked,
    /// The answer was no, or there was nobody to ask.
    Declined,
    /// Something could not be read or done for now: the same command may finish it.
    Incomplete,
    /// Something is left for somebody to do.
    Left,
    /// Somebody who was asked for can't launch, or nobody can tell; or nobody was asked for.
    Unsettled,
    /// Something would be changed, which counts where it was asked about.
    Pending,
}

impl Fact {
    fn status(self) -> ExitStatus {
        match self {
            Self::Interrupted => ExitStatus::Interrupted,
            Self::Failed => ExitStatus::Error,
            Self::Stale => ExitStatus::Stale,
            Self::Blocked => ExitStatus::Blocked,
            Self::Declined => ExitStatus::Declined,
            Self::Incomplete => ExitStatus::Incomplete,
            Self::Left | Self::Unsettled | Self::Pending => ExitStatus::Pending,
        }
    }
}

/// The exit status of a command that came to all of this; done where that is nothing.
pub(super) fn status(facts: impl IntoIterator<Item = Fact>) -> ExitStatus {
    facts.into_iter().min().map_or(ExitStatus::Done, Fact::status)
}

/// What `fix`, `apply` or `rollback` came to; `is_detailed` where pending changes count.
///
/// A dry run is judged by what its changes would come to, as the run without `--dry-run` is by what it came to.
pub(super) fn of_run(ended: &Ended, is_detailed: bool) -> Vec<Fact> {
    let Ended { job, case, decision, carried, unreported, way_back: _ } = ended;
    let Carried { outcome, remaining, unverified, is_unwatched, .. } = carried;
    let is = |wanted: fn(Fate) -> bool| outcome.steps.iter().any(|step| wanted(step.fate()));
    let plans = || std::iter::once(&case.plan).chain(remaining);
    let is_way_back = matches!(job, Job::Rollback { .. });
    // What reads back says more of a request than the plan that was made before; of a way back, it forgets what stays.
    let leaves_work = match remaining {
        Some(again) if !is_way_back => again.leaves_work(),
        _ => plans().any(Plan::leaves_work),
    };
    // What was left out is planned again, and so is what nobody planned before.
    let is_planned_again = remaining.as_ref().is_some_and(|again| !again.changes.is_empty());
    let is_pending = *decision == Decision::OnlyPlanned || is(|fate| fate == Fate::Deselected);
    let facts = [
        (Fact::Interrupted, *decision == Decision::Interrupted || outcome.is_interrupted || *is_unwatched),
        (
            Fact::Failed,
            is(|fate| fate.went_wrong() && !fate.is_stale())
                || outcome.journal_error.is_some()
                || unverified.is_some()
                || !ended.came_back().is_empty()
                || unreported.is_some(),
        ),
        (Fact::Stale, *decision == Decision::Conflicting || ended.is_stale()),
        (Fact::Blocked, plans().any(Plan::is_blocked)),
        (Fact::Declined, matches!(decision, Decision::NoTerminal | Decision::Declined)),
        (Fact::Left, leaves_work || is_planned_again),
        (Fact::Unsettled, !is_way_back && (carried.is_doubtful() || case.request.grantees.is_empty())),
        (Fact::Pending, is_detailed && is_pending),
    ];
    facts.into_iter().filter(|(_, holds)| *holds).map(|(fact, _)| fact).collect()
}

/// What `check` came to: the worst of what was concluded, and nothing where it only lists.
pub(super) fn of_check(worst: Option<Conclusion>) -> Option<Fact> {
    match worst? {
        Conclusion::CanLaunch => None,
        Conclusion::Unknown | Conclusion::Missing => Some(Fact::Unsettled),
        Conclusion::Blocked => Some(Fact::Blocked),
    }
}

/// What `survey` came to. Where nothing could be read it failed, unless it may succeed another time.
pub(super) fn of_survey(survey: &Survey) -> Vec<Fact> {
    let is_lacking = survey.worst() != Conclusion::CanLaunch || !survey.gaps.is_empty();
    let facts = [
        (Fact::Failed, survey.is_unread() && !survey.is_incomplete()),
        (Fact::Incomplete, survey.is_incomplete()),
        (Fact::Unsettled, is_lacking),
    ];
    facts.into_iter().filter(|(_, holds)| *holds).map(|(fact, _)| fact).collect()
}

/// What `patch` came to; whether policies would change counts where only that was asked.
pub(super) fn of_patch(is_blocked: bool, would_change: bool, is_only_asked: bool) -> Option<Fact> {
    match (is_blocked, would_change && is_only_asked) {
        (true, _) => Some(Fact::Blocked),
        (false, true) => Some(Fact::Pending),
        (false, false) => None,
    }
}

/// What `watch` came to, with the worst of what was concluded.
pub(super) fn of_watch(is_interrupted: bool, has_failed: bool, worst: Option<Conclusion>) -> Vec<Fact> {
    let is_lacking = worst.is_some_and(|worst| worst != Conclusion::CanLaunch);
    let facts =
        [(Fact::Interrupted, is_interrupted), (Fact::Failed, has_failed), (Fact::Unsettled, is_lacking)];
    facts.into_iter().filter(|(_, holds)| *holds).map(|(fact, _)| fact).collect()
}

/// What `check --requests` came to: each bad line is answered with its error.
pub(super) fn of_answers(bad: usize) -> Option<Fact> {
    (bad > 0).then_some(Fact::Failed)
}

/// Tells of an error, and how the process ends; the error is in a document too, where one is to be left.
pub(super) fn of_command(
    ended: Result<ExitStatus, Error>,
    document: Option<&str>,
    console: &mut Console,
) -> ExitStatus {
    let ended = match (ended, document) {
        (Err(error), Some(command)) => {
            let left = document::write_error(&mut console.out, command, &error);
            left.map_err(Error::from).and(Err(error))
        }
        (ended, _) => ended,
    };
    let flushed = console.out.flush().map_err(Error::from);
    let ended = ended.and_then(|status| flushed.map(|()| status));
    ended.unwrap_or_else(|error| {
        // Where standard error is gone too, the exit status still tells.
        _ = console.error(&error);
        error.exit_status()
    })
}

/// Tells what a run came to as it was asked for, and how the process ends.
pub(super) fn tell(
    ended: &Ended,
    settings: &RunSettings,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    let status = status(of_run(ended, settings.detailed_exitcode));
    if let Err(error) = tell_results(ended, settings.output, status, console) {
        outcome::untold(console, ended)?;
        return Err(error.into());
    }
    ended.unreported.as_ref().map_or(Ok(()), |error| console.error(error))?;
    Ok(status)
}

fn tell_results(
    ended: &Ended,
    output: OutputFormat,
    status: ExitStatus,
    console: &mut Console,
) -> io::Result<()> {
    match output {
        OutputFormat::Text => outcome::write(console, ended)?,
        OutputFormat::Json => {
            outcome::talk(console, ended)?;
            document::write(&mut console.out, ended, status)?;
        }
    }
    console.out.flush()
}

#[cfg(test)]
mod tests;
