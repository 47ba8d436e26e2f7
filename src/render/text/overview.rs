//! What matters first: what was asked, what it comes to, what blocks, who gains what, and the changes, a line each.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::names;
use super::{Parts, Shown, change_row, gains, summary_line, told};
use crate::access::assessment::{self, Assessment, Verdict};
use crate::access::{Grantee, Purpose};
use crate::plan::{Finding, Plan, Severity, Told};
use crate::render::Styles;
use crate::render::findings::tell;
use crate::render::prose::Prose;
use crate::render::styles::paint;

/// So many findings that block are told first; the others are among the rest.
const FIRST: usize = 3;

/// Writes what fits on a screen: what was asked and what it comes to, what blocks, who gains what, and the changes.
///
/// # Errors
/// What the writer returns.
pub fn overview(out: &mut dyn Write, styles: &Styles, width: usize, shown: &Shown<'_>) -> io::Result<()> {
    let mut parts = Parts::new(out);
    parts.add(|out| asked(out, styles, width, shown))?;
    parts.add(|out| told(out, styles, width, &told_first(shown.plan)))?;
    parts.add(|out| gains(out, styles, (width, shown.detail), shown.gained))?;
    parts.add(|out| changes(out, styles, width, shown.plan))
}

/// How many changes there are, and each in a row.
fn changes(out: &mut dyn Write, styles: &Styles, width: usize, plan: &Plan) -> io::Result<()> {
    summary_line(out, styles, plan)?;
    let mut changes = plan.changes.iter().enumerate();
    changes.try_for_each(|(index, change)| change_row(out, styles, width, index + 1, &change.operation))
}

/// The findings that the overview tells.
fn told_first(plan: &Plan) -> Vec<Told> {
    blocking(plan).take(FIRST).map(tell).collect()
}

/// Those that it leaves to be told later.
pub(super) fn told_later(plan: &Plan) -> Vec<Told> {
    let others = plan.findings.iter().filter(|finding| finding.severity() != Severity::Blocking);
    blocking(plan).skip(FIRST).chain(others).map(tell).collect()
}

fn blocking(plan: &Plan) -> impl Iterator<Item = &Finding> {
    plan.findings.iter().filter(|finding| finding.severity() == Severity::Blocking)
}

/// What was asked, where everybody stands, and where they would.
fn asked(out: &mut dyn Write, styles: &Styles, width: usize, shown: &Shown<'_>) -> io::Result<()> {
    let Some(foresight) = shown.foresight else { return Ok(()) };
    let (request, plan) = (shown.request, shown.plan);
    let grantees: Vec<&Grantee> = request.grantees.iter().collect();
    let who = if grantees.is_empty() {
        "nobody is named who is".to_owned()
    } else {
        names::grantees(&grantees, shown.detail)
    };
    let with = match request.keys.as_slice() {
        [] => String::new(),
        keys => format!(" with {}", names::keys(&keys.iter().collect::<Vec<_>>(), shown.detail)),
    };
    let what = format!("{who} to {}{with}", request.purpose.deed());
    row(out, styles, width, "Asked:", &Prose::new().text(&what))?;
    if grantees.is_empty() || request.keys.is_empty() {
        return Ok(());
    }
    let now = stand(styles, &foresight.now, request.purpose, plan.changes.is_empty());
    row(out, styles, width, "Now:", &now)?;
    if plan.changes.is_empty() {
        return Ok(());
    }
    let after = if plan.is_blocked() {
        Prose::new().styled(styles.blocked, "something stands in the way")
    } else {
        let after = stand(styles, &foresight.after, request.purpose, true);
        if plan.leaves_work() {
            after.styled(styles.left_over, "; something is left to do besides")
        } else {
            after
        }
    };
    row(out, styles, width, "After:", &after)
}

fn row(out: &mut dyn Write, styles: &Styles, width: usize, label: &str, text: &Prose) -> io::Result<()> {
    const TEXT: usize = 8;
    write!(out, "{}", paint(styles.strong, format_args!("{label:<TEXT$}")))?;
    text.write_at(out, width, TEXT, TEXT)
}

/// Where everybody stands, and, where it is a promise, what it rests on.
fn stand(styles: &Styles, assessments: &[Assessment], purpose: Purpose, is_promise: bool) -> Prose {
    let mut worst: BTreeMap<&Grantee, Verdict> = BTreeMap::new();
    for assessment in assessments {
        let known = worst.entry(&assessment.grantee).or_insert(Verdict::Able);
        *known = assessment.verdict().max(*known);
    }
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for verdict in worst.values() {
        *counts.entry(*verdict).or_default() += 1;
    }
    let mut text = Prose::new();
    for (index, (verdict, count)) in counts.iter().enumerate() {
        let separator = if index > 0 { ", " } else { "" };
        let who = if worst.len() == 1 { String::new() } else { format!("{count} of {} ", worst.len()) };
        text = text.text(separator).text(&who).styled(style(styles, *verdict), &verdict.of(purpose));
    }
    if !is_promise {
        return text;
    }
    let basis =
        if counts.keys().all(|verdict| *verdict == Verdict::Able) { ", by everything read" } else { "" };
    let gaps = assessment::gaps(assessments).map(|gaps| format!("; {gaps}")).unwrap_or_default();
    text.text(&format!("{basis}{gaps}"))
}

fn style(styles: &Styles, verdict: Verdict) -> anstyle::Style {
    match verdict {
        Verdict::Able => styles.added,
        Verdict::Unknown => styles.warning,
        Verdict::Missing | Verdict::Blocked => styles.blocked,
    }
}
