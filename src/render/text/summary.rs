//! The line that a plan is summed up in.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::names;
use crate::plan::{Action, Handover, Plan, Severity};
use crate::render::Styles;
use crate::render::styles::paint;

/// Writes the last line: how many changes, or that there are none, and what stands against it.
///
/// It is one line in any width, for scripts and logs to find.
///
/// # Errors
/// What the writer returns.
pub fn summary_line(out: &mut dyn Write, styles: &Styles, plan: &Plan) -> io::Result<()> {
    let (start, rest) = match (plan.changes.is_empty(), remains(plan)) {
        (true, None) => ("No changes.", String::new()),
        (true, Some(remains)) => ("No changes here;", format!(" {remains}.")),
        (false, None) => ("Plan:", format!(" {}.", counts(plan))),
        (false, Some(remains)) => ("Plan:", format!(" {}. But {remains}.", counts(plan))),
    };
    writeln!(out, "{}{rest}", paint(styles.strong, start))
}

fn counts(plan: &Plan) -> String {
    let count =
        |action: Action| plan.changes.iter().filter(|change| change.operation.action() == action).count();
    let further = [
        (Action::Grant, "grant"),
        (Action::Detach, "detach"),
        (Action::Revoke, "revoke"),
        (Action::Delete, "delete"),
    ];
    let further = further
        .into_iter()
        .filter(|(action, _)| count(*action) > 0)
        .map(|(action, word)| format!(", {} to {word}", count(action)));
    format!(
        "{} to create, {} to update, {} to attach{}",
        count(Action::Create),
        count(Action::Update),
        count(Action::Attach),
        further.collect::<String>()
    )
}

/// What keeps the plan from being all there is to do.
fn remains(plan: &Plan) -> Option<String> {
    let blocking = plan.findings.iter().filter(|finding| finding.severity() == Severity::Blocking).count();
    let accounts: BTreeSet<_> = plan.handovers.iter().map(Handover::account).collect();
    if blocking > 0 {
        let stand = if blocking == 1 { "stands" } else { "stand" };
        return Some(format!("{} {stand} in the way", names::counted(blocking, "finding")));
    }
    if !accounts.is_empty() {
        return Some(format!("something is left for {}", names::accounts(accounts.iter())));
    }
    plan.leaves_work().then(|| "something is left to do by hand".to_owned())
}
