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
mod proof;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod users;

use std::io::{self, Write};

use crate::access::Request;
use crate::observation::Observation;
use crate::plan::Plan;
use crate::plan::gains::Gained;
use crate::render::Styles;
use crate::render::prose::Prose;

pub use chain::chain;
pub(crate) use changes::sign;
pub use changes::{change, change_documents, change_header, change_line, difference};
pub use check::{checks, checks_table, fix_command};
pub use conflicts::conflict;
pub use coverage::coverage;
pub use findings::{findings, told};
pub use gains::{foreign_access, gains};
pub use handovers::{handovers, members};
pub use proof::{Moment, proof, prospect, trials};
pub use summary::summary_line;
pub use table::table;
pub use users::users;

/// The width in columns to write for where the terminal's is unknown.
pub const DEFAULT_WIDTH: usize = 80;

/// Writes the whole plan: changes, who gains what, findings, hand-overs and the line that sums it up; where
/// nothing is to be changed, also what covers each grantee.
///
/// # Errors
/// What the writer returns.
pub fn plan(
    out: &mut dyn Write,
    styles: &Styles,
    width: usize,
    request: &Request,
    (plan, gained): (&Plan, &[Gained]),
) -> io::Result<()> {
    for (index, planned) in plan.changes.iter().enumerate() {
        change(out, styles, width, index + 1, planned)?;
        writeln!(out)?;
    }
    section(out, |out| gains(out, styles, width, gained))?;
    section(out, |out| findings(out, styles, width, &plan.findings))?;
    section(out, |out| handovers(out, styles, width, request, &plan.handovers))?;
    summary_line(out, styles, plan)?;
    if plan.changes.is_empty() && !plan.coverage.is_empty() {
        writeln!(out)?;
        coverage(out, styles, width, &plan.coverage)?;
    }
    Ok(())
}

/// Writes a part of the plan with a blank line after it, unless it is empty.
fn section(out: &mut dyn Write, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut text = Vec::new();
    write(&mut text)?;
    if !text.is_empty() {
        text.push(b'\n');
    }
    out.write_all(&text)
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
