//! A plan as text for people.
//!
//! Reads without colours and in any width: prose wraps, ARNs and lines of documents never break. Everything that
//! may come from AWS or a file is escaped on its way out.

mod chain;
mod changes;
mod check;
mod conflicts;
mod coverage;
mod findings;
mod gains;
mod handovers;
pub(crate) mod names;
mod overview;
mod proof;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod users;

use std::io::{self, Write};

use crate::access::Request;
use crate::access::assessment;
use crate::access::chain::Chain;
use crate::observation::Observation;
use crate::plan::gains::Gained;
use crate::plan::outlook::Foresight;
use crate::plan::{Change, Plan, Target};
use crate::render::Styles;
use crate::render::prose::Prose;

pub use chain::chain;
use changes::change_row;
pub(crate) use changes::sign;
pub use changes::{change, change_documents, change_header, change_line, difference};
pub use check::{checks, checks_table, fix_command, in_short};
pub(crate) use check::{reasons, remedy};
pub use conflicts::conflict;
pub use coverage::coverage;
pub use findings::{findings, told};
pub use gains::{foreign_access, gains};
pub use handovers::{handovers, members};
pub use names::Detail;
pub use overview::overview;
pub use proof::{Moment, proof, trials};
pub use summary::summary_line;
pub use table::table;
pub use users::users;

/// The width in columns to write for where the terminal's is unknown.
pub const DEFAULT_WIDTH: usize = 80;

/// A plan, and what it comes to.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// What led to the keys.
    pub chain: &'a Chain,
    /// What was asked for.
    pub request: &'a Request,
    /// The plan.
    pub plan: &'a Plan,
    /// Who gains what by it.
    pub gained: &'a [Gained],
    /// What it comes to; nothing where nobody's access is asked about, as on the way back.
    pub foresight: Option<&'a Foresight>,
    /// How much is told.
    pub detail: Detail,
}

/// Writes the whole plan: what matters first, then what led to it and what else was found, the differences, and what
/// others have to do; where nothing is to be changed, also what covers each grantee.
///
/// # Errors
/// What the writer returns.
pub fn plan(out: &mut dyn Write, styles: &Styles, width: usize, shown: &Shown<'_>) -> io::Result<()> {
    let Shown { request, plan, detail, .. } = *shown;
    let mut parts = Parts::new(out);
    parts.add(|out| overview(out, styles, width, shown))?;
    parts.add(|out| chain(out, styles, shown.chain, request))?;
    parts.add(|out| told(out, styles, width, &overview::told_later(plan)))?;
    parts.add(|out| prospect(out, styles, width, shown))?;
    let is_attachment = |planned: &Change| matches!(planned.operation.target(), Target::Attachment { .. });
    // Of many attachments their rows tell enough.
    let leaves_out = detail.counts(plan.changes.iter().filter(|planned| is_attachment(planned)).count());
    for (index, planned) in plan.changes.iter().enumerate() {
        if leaves_out && is_attachment(planned) {
            continue;
        }
        parts.add(|out| change(out, styles, (width, detail), index + 1, planned))?;
    }
    parts.add(|out| handovers(out, styles, width, request, &plan.handovers))?;
    if plan.changes.is_empty() {
        parts.add(|out| coverage(out, styles, width, &plan.coverage))?;
    }
    Ok(())
}

/// Who is not known to be able to launch once the plan is carried out, and why.
fn prospect(out: &mut dyn Write, styles: &Styles, width: usize, shown: &Shown<'_>) -> io::Result<()> {
    // What blocks says so by itself.
    let Some(foresight) = shown.foresight.filter(|_| !shown.plan.is_blocked()) else { return Ok(()) };
    let doubtful = assessment::doubtful(&foresight.after);
    let moment = if shown.plan.changes.is_empty() { Moment::Now } else { Moment::Planned };
    proof(out, styles, width, (moment, shown.request.purpose), &doubtful)
}

/// Parts of a text with a blank line between two; those that are empty leave none.
struct Parts<'o> {
    out: &'o mut dyn Write,
    is_begun: bool,
}

impl<'o> Parts<'o> {
    fn new(out: &'o mut dyn Write) -> Self {
        Self { out, is_begun: false }
    }

    fn add(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut text = Vec::new();
        write(&mut text)?;
        if text.is_empty() {
            return Ok(());
        }
        if std::mem::replace(&mut self.is_begun, true) {
            writeln!(self.out)?;
        }
        self.out.write_all(&text)
    }
}

/// Writes as whom each account is read and written.
///
/// # Errors
/// What the writer returns.
pub fn callers(
    out: &mut dyn Write,
    styles: &Styles,
    width: usize,
    observation: &Observation,
) -> io::Result<()> {
    for (account, caller) in &observation.callers {
        let line = Prose::new().styled(styles.dim, &format!("account {account} as ")).text(&caller.arn);
        line.write(out, width, 0)?;
    }
    Ok(())
}
