//! What becomes of each change, told while it happens.

use std::io;

use crate::apply::{RunProgress, StepResult};
use crate::commands::console::Console;
use crate::escape::Escaped;
use crate::plan::Plan;

/// Tells of a step while it happens. What is told of one right after another one bears its number.
pub(in crate::commands) fn progress(
    console: &mut Console,
    plan: &Plan,
    last: &mut Option<usize>,
    progress: RunProgress<'_>,
) -> io::Result<()> {
    let style = &console.talk_styles;
    let (dim, strong) = (style.dim, style.strong);
    let index = progress.index();
    let number = format!("{strong}[{}/{}]{strong:#}", index + 1, plan.changes.len());
    let line = match progress {
        RunProgress::Started(_) => {
            let Some(change) = plan.changes.get(index) else { return Ok(()) };
            let what = change.operation.to_string();
            let resource = change.operation.resource();
            *last = Some(index);
            return writeln!(
                console.talk()?,
                "{number} {} {dim}{}{dim:#}",
                Escaped(&what),
                Escaped(&resource)
            );
        }
        RunProgress::Settling(_) => return Ok(()),
        RunProgress::Waiting(_) => format!("{dim}written; waiting until it reads back so{dim:#}"),
        RunProgress::Retrying(_, error, wait) => {
            let (error, seconds) = (error.to_string(), wait.as_secs());
            format!("{dim}{}; trying once more in {seconds} s{dim:#}", Escaped(&error))
        }
        RunProgress::Ended(_, result) => match result {
            StepResult::Applied { receipt } => match &receipt.request_id {
                Some(id) => format!("done {dim}(request id {}){dim:#}", Escaped(id)),
                None => "done".to_owned(),
            },
            StepResult::AlreadyDone | StepResult::Overtaken => "it is so already".to_owned(),
            StepResult::Unsettled { .. } => "written, but it does not read back so yet".to_owned(),
            StepResult::Stale(_) => "not written: somebody else changed it".to_owned(),
            StepResult::Overwritten(_) => "written, and changed by somebody else since".to_owned(),
            StepResult::Failed(_) => "failed".to_owned(),
            StepResult::NotStarted | StepResult::Deselected | StepResult::Planned | StepResult::Unseen => {
                return Ok(());
            }
        },
    };
    if last.replace(index) == Some(index) {
        writeln!(console.talk()?, "      {line}")
    } else {
        writeln!(console.talk()?, "{number} {line}")
    }
}
