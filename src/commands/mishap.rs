//! What can go wrong in a run, in words that people and programs are told alike.

use crate::apply::RunOutcome;
use crate::plan::Change;

/// A way back is barred.
pub(super) const CHANGED_SINCE: &str = "somebody changed what the run wrote; nothing was written";

/// Ctrl-C came when all that was to be written was.
pub(super) const UNWATCHED: &str = "interrupted: everything was written, and not looked at again to its end";

/// Ctrl-C came between two writes, or at the last one.
pub(super) fn interrupted(outcome: &RunOutcome) -> &'static str {
    if outcome.steps.iter().any(|step| !step.fate().is_settled()) {
        "interrupted after the write in flight"
    } else {
        UNWATCHED
    }
}

/// The change's document is not what the plan was made on.
pub(super) fn somebody_changed(change: &Change) -> String {
    format!(
        "`{}` is not what the plan was made on: somebody else changed it meanwhile",
        change.operation.resource()
    )
}

/// The change's document was written and did not stay.
pub(super) fn overwritten(change: &Change) -> String {
    format!("`{}` was written, and somebody else changed it right afterwards", change.operation.resource())
}

/// The change's document was written and does not show.
pub(super) fn unsettled(change: &Change) -> String {
    format!("`{}` was written, but does not read back so yet", change.operation.resource())
}

/// The change was written and is needed once more.
pub(super) fn planned_again(change: &Change) -> String {
    let Change { operation, .. } = change;
    format!("after the writes it is planned again to {operation} (`{}`)", operation.resource())
}
