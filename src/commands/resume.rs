//! Runs that were cut: what is said of them, and how one is finished.

use std::collections::BTreeSet;
use std::io;

use super::console::Console;
use crate::apply::journal::{Record, RunState, StepOutcome};
use crate::arn::AccountId;
use crate::plan::{Change, Plan};

/// Says that the last run is not done, where it stopped, and what can be done.
pub(super) fn tell_of(record: &Record, state: RunState, console: &mut Console) -> io::Result<()> {
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

/// The plan without what was left out when the run was approved, and without accounts that were not its.
pub(super) fn as_approved(plan: &Plan, record: &Record) -> Plan {
    let accounts: BTreeSet<AccountId> =
        record.plan.changes.iter().map(|change| change.operation.account()).collect();
    let left_out = |change: &Change| {
        let is_elsewhere = !accounts.contains(&change.operation.account());
        is_elsewhere
            || record.changes().any(|(former, step)| {
                step.outcome == Some(StepOutcome::Deselected)
                    && former.operation.is_same_target(&change.operation)
            })
    };
    let dropped: BTreeSet<usize> =
        plan.changes.iter().enumerate().filter(|(_, change)| left_out(change)).map(|(at, _)| at).collect();
    let kept = plan.without(&dropped).kept;
    let changes = kept.iter().filter_map(|index| plan.changes.get(*index).cloned()).collect();
    Plan { changes, ..plan.clone() }
}
