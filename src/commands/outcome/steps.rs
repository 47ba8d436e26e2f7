//! What becomes of each change, told while it happens.

use std::io;

use crate::apply::{RunProgress, StepResult};
use crate::commands::console::Console;
use crate::escape::Escaped;
use crate::plan::Plan;

/// Tells of a step while it happens.
pub(in crate::commands) fn progress(
    console: &mut Console,
    plan: &Plan,
    progress: RunProgress<'_>,
) -> io::Result<()> {
    let talk = &mut console.talk;
    let style = &console.talk_styles;
    let (dim, strong) = (style.dim, style.strong);
    let of = plan.changes.len();
    match progress {
        RunProgress::Started(index) => {
            let Some(change) = plan.changes.get(index) else { return Ok(()) };
            let what = change.operation.to_string();
            let resource = change.operation.resource();
            writeln!(
                talk,
                "{strong}[{}/{of}]{strong:#} {} {dim}{}{dim:#}",
                index + 1,
                Escaped(&what),
                Escaped(&resource)
            )
        }
        RunProgress::Settling(_) => Ok(()),
        RunProgress::Waiting(_) => {
            writeln!(talk, "      {dim}written; waiting until it reads back so{dim:#}")
        }
        RunProgress::Retrying(_, error, wait) => {
            let (error, seconds) = (error.to_string(), wait.as_secs());
            writeln!(talk, "      {dim}{}; trying once more in {seconds} s{dim:#}", Escaped(&error))
        }
        RunProgress::Ended(_, result) => match result {
            StepResult::Applied { receipt } => match &receipt.request_id {
                Some(id) => writeln!(talk, "      done {dim}(request id {}){dim:#}", Escaped(id)),
                None => writeln!(talk, "      done"),
            },
            StepResult::AlreadyDone | StepResult::Overtaken => writeln!(talk, "      it is so already"),
            StepResult::Unsettled { .. } => writeln!(talk, "      written, but it does not read back so yet"),
            StepResult::Stale(_) => writeln!(talk, "      not written: somebody else changed it"),
            StepResult::Overwritten(_) => writeln!(talk, "      written, and changed by somebody else since"),
            StepResult::Failed(_) => writeln!(talk, "      failed"),
            StepResult::NotStarted | StepResult::Deselected | StepResult::Planned | StepResult::Unseen => {
                Ok(())
            }
        },
    }
}
