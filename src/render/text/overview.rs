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
    let mut deeds = grantees.iter().map(|grantee| grantee.deed(request.purpose));
    let first = deeds.next().unwrap_or(request.purpose.deed());
    let deed = if deeds.all(|deed| deed == first) { first } else { request.purpose.deed() };
    let what = format!("{who} to {deed}{with}");
    row(out, styles, width, "Asked:", &Prose::new().text(&what))?;
    if grantees.is_empty() || request.keys.is_empty() {
        return Ok(());
    }
    let is_last = plan.changes.is_empty();
    row(out, styles, width, "Now:", &stand(styles, plan, &foresight.now, request.purpose, is_last))?;
    if is_last {
        return Ok(());
    }
    let after = if plan.is_blocked() {
        Prose::new().styled(styles.blocked, "something stands in the way")
    } else {
        stand(styles, plan, &foresight.after, request.purpose, true)
    };
    row(out, styles, width, "After:", &after)
}

fn row(out: &mut dyn Write, styles: &Styles, width: usize, label: &str, text: &Prose) -> io::Result<()> {
    const TEXT: usize = 8;
    write!(out, "{}", paint(styles.strong, format_args!("{label:<TEXT$}")))?;
    text.write_at(out, width, TEXT, TEXT)
}

/// Where everybody stands, and, where it is a promise, what it rests on. Whoever can by the policies may have something
/// else in the way.
fn stand(
    styles: &Styles,
    plan: &Plan,
    assessments: &[Assessment],
    purpose: Purpose,
    is_promise: bool,
) -> Prose {
    let mut worst: BTreeMap<&Grantee, Verdict> = BTreeMap::new();
    for assessment in assessments {
        let known = worst.entry(&assessment.grantee).or_insert(Verdict::Able);
        *known = assessment.verdict().max(*known);
    }
    // Those whom a key policy can't let do more have a deed of their own.
    let mut counts: BTreeMap<(Verdict, &str), usize> = BTreeMap::new();
    for (grantee, verdict) in &worst {
        *counts.entry((*verdict, grantee.deed(purpose))).or_default() += 1;
    }
    let besides = match (plan.is_blocked(), plan.leaves_work()) {
        _ if !worst.values().any(|verdict| *verdict == Verdict::Able) => None,
        (true, _) => Some("; something else stands in the way"),
        (false, true) => Some("; something is left to do besides"),
        (false, false) => None,
    };
    let mut text = Prose::new();
    for (index, ((verdict, deed), count)) in counts.iter().enumerate() {
        let separator = if index > 0 { ", " } else { "" };
        let who = if worst.len() == 1 { String::new() } else { format!("{count} of {} ", worst.len()) };
        text = text.text(separator).text(&who).styled(style(styles, *verdict), &verdict.of(deed));
    }
    let is_able = worst.values().all(|verdict| *verdict == Verdict::Able);
    let basis = match besides {
        Some(_) => ", as far as policies go",
        None if is_promise && is_able => ", by everything read",
        None => "",
    };
    let gaps = assessment::gaps(assessments).filter(|_| is_promise).map(|gaps| format!("; {gaps}"));
    text.text(&format!("{basis}{}", gaps.unwrap_or_default()))
        .styled(styles.left_over, besides.unwrap_or_default())
}

fn style(styles: &Styles, verdict: Verdict) -> anstyle::Style {
    match verdict {
        Verdict::Able => styles.added,
        Verdict::Unknown => styles.warning,
        Verdict::Missing | Verdict::Blocked => styles.blocked,
    }
}
