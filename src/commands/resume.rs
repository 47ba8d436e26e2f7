//! Runs that were cut: how they are found, what is said of them, and how one is finished.

use std::collections::BTreeSet;
use std::io;

use super::console::Console;
use super::place::Place;
use crate::apply::journal::{Record, RunState, Unfinished};
use crate::arn::AccountId;
use crate::error::{Error, UsageError};
use crate::plan::{Case, Change, Fate, Plan};

/// What an earlier run means for this one.
pub(super) enum Earlier {
    None,
    Resumed(Box<Record>),
    NothingToResume,
}

/// Looks for a run that was cut: to finish it, where that is asked, else to warn of it.
pub(super) fn earlier(
    is_resumed: bool,
    place: Option<&Place>,
    console: &mut Console,
) -> Result<Earlier, Error> {
    let unfinished = match place.map(Place::unfinished).transpose() {
        Ok(unfinished) => unfinished.flatten(),
        Err(error) if is_resumed => return Err(error),
        Err(error) => {
            // This run has a record of its own: an old one that can't be read does not stand in its way.
            console.warning(&format!("earlier runs can't be looked at: {error}"))?;
            None
        }
    };
    match (unfinished, is_resumed) {
        (Some(Unfinished { last, state: RunState::PartlyRolledBack, .. }), true) => {
            let message = format!("run `{}` is being rolled back", last.run);
            Err(UsageError::new(message).hint(format!("finish that: keymend rollback {}", last.run)).into())
        }
        (Some(unfinished), true) => Ok(Earlier::Resumed(Box::new(unfinished.last))),
        (None, true) => Ok(Earlier::NothingToResume),
        (Some(unfinished), false) => {
            tell_of(&unfinished.last, unfinished.state, console)?;
            tell_of_earlier(&unfinished.earlier, console)?;
            Ok(Earlier::None)
        }
        (None, false) => Ok(Earlier::None),
    }
}

/// Says that the last run is not done, where it stopped, and what can be done.
fn tell_of(record: &Record, state: RunState, console: &mut Console) -> io::Result<()> {
    let run = &record.run;
    let what = match state {
        RunState::PartlyRolledBack => "was not rolled back to the end",
        RunState::Stopped => "stopped before it was done",
        _ if record.ended.is_some() => "was interrupted",
        // Nobody can tell from here.
        _ => "was cut, or is still under way,",
    };
    let place = match record.stopped_at() {
        Some(number) if state != RunState::PartlyRolledBack => {
            let change = record.plan.changes.get(number - 1);
            let change = change.map(|change| format!(" ({})", change.operation)).unwrap_or_default();
            format!(" at change {number} of {}{change}", record.plan.changes.len())
        }
        _ => String::new(),
    };
    console.warning(&format!("the run {run} {what}{place}"))?;
    console.hint(&if state == RunState::PartlyRolledBack {
        format!("`keymend rollback {run}` finishes that")
    } else {
        format!("`keymend fix --resume` finishes it, `keymend rollback {run}` undoes it")
    })
}

/// Says which runs before that are not done either.
fn tell_of_earlier(runs: &[String], console: &mut Console) -> io::Result<()> {
    let Some((last, others)) = runs.split_last() else { return Ok(()) };
    let which = if others.is_empty() {
        format!("the run {last} is")
    } else {
        format!("the runs {} and {last} are", others.join(", "))
    };
    console.warning(&format!("{which} not done either"))?;
    console.hint(
        "`keymend rollback --list` shows them; `keymend rollback RUN` undoes one, `keymend rollback --forget RUN` \
         deletes its record",
    )
}

/// The plan without what was left out when the run was approved, and without accounts that were not its.
pub(super) fn as_approved(mut case: Case, record: &Record) -> Case {
    let accounts: BTreeSet<AccountId> =
        record.plan.changes.iter().map(|change| change.operation.account()).collect();
    let left_out = |change: &Change| {
        let is_elsewhere = !accounts.contains(&change.operation.account());
        is_elsewhere
            || record.changes().any(|(former, step)| {
                step.outcome == Some(Fate::Deselected) && former.operation.is_same_target(&change.operation)
            })
    };
    let Plan { changes, .. } = &case.plan;
    let dropped: BTreeSet<usize> =
        changes.iter().enumerate().filter(|(_, change)| left_out(change)).map(|(at, _)| at).collect();
    let kept = case.plan.without(&dropped).kept;
    case.plan.changes = kept.iter().filter_map(|index| changes.get(*index).cloned()).collect();
    case
}
