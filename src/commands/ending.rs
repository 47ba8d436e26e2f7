//! How the process ends: what a command came to becomes an exit status here, and nowhere else.

use super::run::{Carried, Command, Decision};
use crate::access::Request;
use crate::apply::StepResult;
use crate::error::ExitStatus;
use crate::plan::Plan;
use crate::plan::conclusion::Conclusion;

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
            Self::Left | Self::Unsettled | Self::Pending => ExitStatus::Pending,
        }
    }
}

/// The exit status of a command that came to all of this; done where that is nothing.
pub(super) fn status(facts: impl IntoIterator<Item = Fact>) -> ExitStatus {
    facts.into_iter().min().map_or(ExitStatus::Done, Fact::status)
}

/// What `fix`, `apply` or `rollback` came to.
pub(super) struct Run<'r> {
    pub(super) command: &'r Command,
    pub(super) request: &'r Request,
    pub(super) plan: &'r Plan,
    pub(super) decision: Decision,
    pub(super) carried: &'r Carried,
    /// Whether something that was written is planned again.
    pub(super) has_come_back: bool,
    /// Whether a report that was asked for could not be written.
    pub(super) is_unreported: bool,
    /// Whether pending changes count.
    pub(super) is_detailed: bool,
}

/// A dry run is judged by what its changes would come to, as the run without `--dry-run` is by what it came to.
pub(super) fn of_run(run: &Run<'_>) -> Vec<Fact> {
    let Carried { outcome, remaining, unverified, is_unwatched, .. } = run.carried;
    let is = |wanted: fn(&StepResult) -> bool| outcome.steps.iter().any(wanted);
    let plans = || std::iter::once(run.plan).chain(remaining);
    let is_way_back = matches!(run.command, Command::Rollback { .. });
    // What reads back says more of a request than the plan that was made before; of a way back, it forgets what stays.
    let leaves_work = match remaining {
        Some(again) if !is_way_back => again.leaves_work(),
        _ => plans().any(Plan::leaves_work),
    };
    let is_pending =
        run.decision == Decision::OnlyPlanned || is(|step| matches!(step, StepResult::Deselected));
    let facts = [
        (Fact::Interrupted, run.decision == Decision::Interrupted || outcome.is_interrupted || *is_unwatched),
        (
            Fact::Failed,
            is(|step| matches!(step, StepResult::Failed(_) | StepResult::Unsettled { .. }))
                || outcome.journal_error.is_some()
                || unverified.is_some()
                || run.has_come_back
                || run.is_unreported,
        ),
        (
            Fact::Stale,
            run.decision == Decision::Conflicting
                || is(|step| matches!(step, StepResult::Stale(_) | StepResult::Overwritten(_))),
        ),
        (Fact::Blocked, plans().any(Plan::is_blocked)),
        (Fact::Declined, matches!(run.decision, Decision::NoTerminal | Decision::Declined)),
        (Fact::Left, leaves_work),
        (Fact::Unsettled, !is_way_back && (run.carried.is_doubtful() || run.request.grantees.is_empty())),
        (Fact::Pending, run.is_detailed && is_pending),
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

/// What `patch` came to; whether policies would change counts where only that was asked.
pub(super) fn of_patch(is_blocked: bool, would_change: bool, is_only_asked: bool) -> Option<Fact> {
    match (is_blocked, would_change && is_only_asked) {
        (true, _) => Some(Fact::Blocked),
        (false, true) => Some(Fact::Pending),
        (false, false) => None,
    }
}

/// What `check --requests` came to: each bad line is answered with its error.
pub(super) fn of_answers(bad: usize) -> Option<Fact> {
    (bad > 0).then_some(Fact::Failed)
}

#[cfg(test)]
mod tests;
