//! What somebody else made of what a run wrote, and what can be taken back all the same.

use std::io;

use super::Undoing;
use crate::cli::settings::OutputFormat;
use crate::commands::console::Console;
use crate::error::Error;
use crate::observation::Observation;
use crate::plan::rollback::{self, Conflict, Extent, Written};
use crate::render::text;

/// Shows what somebody else made of what the run wrote.
pub(super) fn tell(
    undoing: &Undoing<'_>,
    conflicts: &[Conflict],
    output: OutputFormat,
    console: &mut Console,
) -> Result<(), Error> {
    let Undoing { history, run, .. } = undoing;
    for conflict in conflicts {
        if output == OutputFormat::Text {
            text::conflict(&mut console.out, &console.styles, console.width, conflict)?;
        }
        if let Some(later) = history.later_run_on(run, &conflict.resource) {
            console.hint(&format!(
                "run {} wrote to `{}` later: undo that first, keymend rollback {}",
                later.run, conflict.resource, later.run
            ))?;
        }
    }
    Ok(())
}

pub(super) fn offer_ours(
    written: &[Written],
    observation: &Observation,
    console: &mut Console,
) -> io::Result<()> {
    let ours = rollback::plan(written, observation, Extent::OnlyOurs);
    if ours.plan.changes.is_empty() {
        return console.hint("nothing that the run wrote still stands unchanged: go back by hand");
    }
    console.hint("`--only-ours` takes back what the run added where it still stands unchanged")
}
