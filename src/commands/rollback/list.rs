//! `keymend rollback --list`: the runs that are kept.

use std::io;

use crate::apply::journal::{History, Origin, Record, RunState};
use crate::cli::OutputChoice;
use crate::cli::settings::OutputFormat;
use crate::commands::console::Console;
use crate::error::{Error, ExitStatus};
use crate::escape::Escaped;
use crate::render::json::RunSummary;
use crate::render::text;

use super::nothing_to_do;

pub(super) fn list(
    history: &History,
    output: OutputChoice,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    let runs: Vec<RunSummary> =
        history.runs().map(|(record, state)| summary(history, record, state)).collect();
    if output == OutputChoice::Json {
        return nothing_to_do(OutputFormat::Json, &runs, console);
    }
    if runs.is_empty() {
        console.remark("There is no run.")?;
    } else if output == OutputChoice::Table {
        table(&runs, console)?;
    } else {
        runs.iter().try_for_each(|run| with_changes(run, console))?;
    }
    Ok(ExitStatus::Done)
}

/// A run in a line, and a line for each of its changes.
fn with_changes(run: &RunSummary, console: &mut Console) -> io::Result<()> {
    let strong = console.styles.strong;
    let of = relation(run).map(|(word, other)| format!(" ({word} {other})")).unwrap_or_default();
    writeln!(
        console.out,
        "{strong}{}{strong:#}  {}  {}{of}",
        Escaped(&run.run),
        Escaped(&run.started),
        Escaped(&standing(run)),
    )?;
    run.changes.iter().try_for_each(|change| writeln!(console.out, "    {}", Escaped(change)))
}

fn table(runs: &[RunSummary], console: &mut Console) -> io::Result<()> {
    let row = |run: &RunSummary| {
        let of = relation(run).map(|(word, other)| format!("{word} {other}")).unwrap_or_default();
        [run.run.clone(), run.started.clone(), run.changes.len().to_string(), standing(run), of]
    };
    let rows: Vec<[String; 5]> = runs.iter().map(row).collect();
    text::table(&mut console.out, &console.styles, ["RUN", "STARTED", "CHANGES", "STATE", "OF"], &rows)
}

/// The run that another one undoes or finishes.
fn relation(run: &RunSummary) -> Option<(&'static str, &str)> {
    let undone = run.undoes.as_deref().map(|undone| ("undoes", undone));
    undone.or_else(|| Some(("finishes", run.resumes.as_deref()?)))
}

fn standing(run: &RunSummary) -> String {
    let left = if run.left_to_do { ", with something left to do" } else { "" };
    format!("{}{left}", run.state)
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
