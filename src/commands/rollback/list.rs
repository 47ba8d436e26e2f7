//! `keymend rollback --list`: the runs that are kept.

use crate::apply::journal::{History, Origin, Record, RunState};
use crate::cli::OutputFormat;
use crate::commands::console::Console;
use crate::error::{Error, ExitStatus};
use crate::escape::Escaped;
use crate::render::json::RunSummary;

use super::nothing_to_do;

pub(super) fn list(
    history: &History,
    output: OutputFormat,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    let runs: Vec<RunSummary> =
        history.runs().map(|(record, state)| summary(history, record, state)).collect();
    if output == OutputFormat::Json {
        return nothing_to_do(output, &runs, console);
    }
    if runs.is_empty() {
        console.remark("There is no run.")?;
    }
    for run in &runs {
        let of = match (&run.undoes, &run.resumes) {
            (Some(undone), _) => format!(" (undoes {undone})"),
            (None, Some(resumed)) => format!(" (finishes {resumed})"),
            (None, None) => String::new(),
        };
        let left = if run.left_to_do { ", with something left to do" } else { "" };
        let strong = console.styles.strong;
        writeln!(
            console.out,
            "{strong}{}{strong:#}  {}  {}{left}{of}",
            Escaped(&run.run),
            Escaped(&run.started),
            Escaped(&run.state)
        )?;
        for change in &run.changes {
            writeln!(console.out, "    {}", Escaped(change))?;
        }
    }
    Ok(ExitStatus::Done)
}

fn summary(history: &History, record: &Record, state: RunState) -> RunSummary {
    let of = |wanted: fn(&Origin) -> Option<&String>| wanted(&record.origin).cloned();
    RunSummary {
        run: record.run.clone(),
        started: record.started.clone(),
        state: state.words().to_owned(),
        left_to_do: history.leaves_something(record),
        changes: record
            .plan
            .changes
            .iter()
            .map(|change| format!("{} (`{}`)", change.operation, change.operation.resource()))
            .collect(),
        undoes: of(|origin| match origin {
            Origin::Undoes(run) => Some(run),
            _ => None,
        }),
        resumes: of(|origin| match origin {
            Origin::Resumes(run) => Some(run),
            _ => None,
        }),
    }
}
