//! What somebody else made of what a run wrote.

use std::io::{self, Write};

use super::{Detail, difference};
use crate::diff;
use crate::escape::Escaped;
use crate::plan::Now;
use crate::plan::rollback::Conflict;
use crate::render::Styles;
use crate::render::prose::Prose;

/// Writes one conflict with two differences: from what the run wrote, and from what was there before it, to what is
/// there now.
///
/// # Errors
/// What the writer returns.
pub fn conflict(out: &mut dyn Write, styles: &Styles, width: usize, conflict: &Conflict) -> io::Result<()> {
    let Conflict { resource, what, written, now, before } = conflict;
    writeln!(out)?;
    let heading = format!("{resource} was changed by somebody else after the run did this: {what}");
    Prose::new().styled(styles.strong, &heading).write(out, width, 0)?;
    let now = match now {
        Now::Text(now) => now,
        Now::Words(words) => return writeln!(out, "     {}", Escaped(words)),
    };
    let before = before.as_deref().unwrap_or_default();
    for (label, then) in
        [("what the run wrote -> now:", written.as_deref()), ("before the run -> now:", Some(before))]
    {
        if let Some(then) = then {
            Prose::new().styled(styles.dim, label).write(out, width, 2)?;
            difference(out, styles, (width, Detail::Whole), &diff::difference(then, now))?;
        }
    }
    Ok(())
}
