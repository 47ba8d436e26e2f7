//! `keymend rollback`: what earlier runs wrote is read again, and put back as it was before.

use std::io;

use super::approval::{self, Approved};
use super::console::Console;
use super::interrupt::Interrupt;
use super::place::{self, Place};
use super::report::{self, Report};
use super::run::{Carried, Command, Decision};
use crate::access::chain::Chain;
use crate::apply::Clock;
use crate::apply::clock::{InstantClock, SystemClock};
use crate::apply::journal::{History, Origin, Record, RunState};
use crate::cli::settings::{BackendSettings, Mode, RollbackSettings, RollbackTask};
use crate::cli::{OutputFormat, RollbackArgs};
use crate::cloud::aws::Aws;
use crate::cloud::reread::reread;
use crate::cloud::sandbox::Sandbox;
use crate::cloud::traced::Traced;
use crate::cloud::{CloudError, Observe, Write};
use crate::error::{Error, ExitStatus, UsageError};
use crate::escape::Escaped;
use crate::observation::Observation;
use crate::plan::rollback::{self, Conflict, Extent, Rollback, Written};
use crate::render::json::RunSummary;
use crate::render::text;

/// Runs the command. With `--output json` a run that fails leaves a document too.
pub(super) async fn rollback(args: &RollbackArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let ended = try_rollback(args, console).await;
    if let (Err(error), OutputFormat::Json) = (&ended, args.approval.output.output) {
        report::write_json_of_error(&mut console.out, "rollback", error)?;
    }
    ended
}

async fn try_rollback(args: &RollbackArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let settings = RollbackSettings::resolve(args)?;
    match &settings.backend {
        BackendSettings::Sandbox(file) => {
            let sandbox = Sandbox::open_or_builtin(file.as_deref())?;
            let place = Place::of_world(&sandbox, settings.run.journal.as_deref())?;
            let place = place.ok_or_else(place::no_journal)?;
            let cloud = async || Ok(Traced(sandbox));
            Box::pin(run(&settings, cloud, &InstantClock::default(), &place, console)).await
        }
        BackendSettings::Aws(options) => {
            let place = Place::of_aws(settings.run.journal.as_deref())?;
            let cloud = async || Aws::connect(options).await.map(Traced);
            Box::pin(run(&settings, cloud, &SystemClock::default(), &place, console)).await
        }
    }
}

async fn run<C: Observe + Write, K: Clock>(
    settings: &RollbackSettings,
    cloud: impl AsyncFnOnce() -> Result<C, CloudError>,
    clock: &K,
    place: &Place,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    let history = place.history()?;
    match &settings.task {
        RollbackTask::List => list(&history, settings.run.output, console),
        RollbackTask::Forget(run) => {
            let path = history.forget(run)?.display().to_string();
            console.remark(&format!("The record of run {run} is deleted: {path}"))?;
            nothing_to_do(settings.run.output, &[], console)
        }
        RollbackTask::Undo(run, extent) => {
            let asked = match run {
                Some(run) => Some(history.run(run)?),
                None => history.last(),
            };
            let Some(asked) = asked else {
                console.remark("There is no run to undo.")?;
                return nothing_to_do(settings.run.output, &[], console);
            };
            if asked.is_rollback() {
                let message = format!("run `{}` is a rollback itself", asked.run);
                return Err(UsageError::new(message).hint("`keymend fix` leads forward again").into());
            }
            let undoing = Undoing { history: &history, run: history.head(asked), extent: *extent };
            undo(settings, &undoing, &cloud().await?, clock, place, console).await
        }
    }
}

/// The run that is undone.
struct Undoing<'a> {
    history: &'a History,
    run: &'a Record,
    extent: Extent,
}

async fn undo<C: Observe + Write, K: Clock>(
    settings: &RollbackSettings,
    undoing: &Undoing<'_>,
    cloud: &C,
    clock: &K,
    place: &Place,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    let Undoing { history, run, extent } = undoing;
    let written = history.written(run);
    let (observation, Rollback { plan, conflicts }) = look(&written, *extent, cloud).await?;
    console.remark(&format!("Undoing run {}.", run.run))?;
    if history.state(run) == RunState::RolledBack {
        console.hint("it is rolled back already: for an earlier one give its name, which --list tells")?;
    }
    approval::show(&settings.run, &Chain::default(), &run.request, &observation, &plan, console)?;
    let interrupt = Interrupt::listen()?;
    let (decision, selected) = if conflicts.is_empty() || plan.is_unsound() {
        approval::decide(&settings.run, &plan, (&run.request, &observation), console)?
    } else {
        tell_conflicts(undoing, &conflicts, settings.run.output, console)?;
        offer_ours(&written, &observation, console)?;
        (Decision::Conflicting, std::collections::BTreeSet::new())
    };
    let is_settled = decision == Decision::NoChanges
        && settings.run.mode != Mode::DryRun
        && history.state(run) != RunState::RolledBack;
    let carried = if decision == Decision::Approved || is_settled {
        let approved = Approved {
            chain: &Chain::default(),
            request: &run.request,
            observation: &observation,
            plan: &plan,
            selected,
            origin: Origin::Undoes(run.run.clone()),
            interrupt: &interrupt,
        };
        let (outcome, journal) = approval::carry_out(&approved, cloud, clock, Some(place), console).await?;
        let is_success = outcome.is_success();
        let written_back = Carried { outcome, journal, ..Carried::nothing(&plan) };
        if is_success {
            match interrupt.unless_set(look(&written, *extent, cloud)).await {
                Some(Ok((_, again))) => Carried { remaining: Some(again.plan), ..written_back },
                Some(Err(error)) => Carried { unverified: Some(error.into()), ..written_back },
                None => Carried { is_unwatched: true, ..written_back },
            }
        } else {
            written_back
        }
    } else {
        Carried::nothing(&plan)
    };
    let command = Command::Rollback { conflicts, extent: *extent };
    let report =
        Report::of(command, Chain::default(), run.request.clone(), observation, plan, decision, carried);
    report.tell(&settings.run, console)
}

async fn look(
    written: &[Written],
    extent: Extent,
    cloud: &impl Observe,
) -> Result<(Observation, Rollback), CloudError> {
    let observation = reread(written.iter().map(|write| &write.operation), cloud).await?;
    let way_back = rollback::plan(written, &observation, extent);
    Ok((observation, way_back))
}

/// Shows what somebody else made of what the run wrote.
fn tell_conflicts(
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

fn offer_ours(written: &[Written], observation: &Observation, console: &mut Console) -> io::Result<()> {
    let ours = rollback::plan(written, observation, Extent::OnlyOurs);
    if ours.plan.changes.is_empty() {
        return console.hint("nothing that the run wrote still stands unchanged: go back by hand");
    }
    console.hint("`--only-ours` takes back what the run added where it still stands unchanged")
}

fn list(history: &History, output: OutputFormat, console: &mut Console) -> Result<ExitStatus, Error> {
    let runs: Vec<RunSummary> = history.runs().map(|(record, state)| summary(record, state)).collect();
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
        let strong = console.styles.strong;
        writeln!(
            console.out,
            "{strong}{}{strong:#}  {}  {}{of}",
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

fn summary(record: &Record, state: RunState) -> RunSummary {
    let of = |wanted: fn(&Origin) -> Option<&String>| wanted(&record.origin).cloned();
    RunSummary {
        run: record.run.clone(),
        started: record.started.clone(),
        state: state.words().to_owned(),
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

fn nothing_to_do(
    output: OutputFormat,
    runs: &[RunSummary],
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    if output == OutputFormat::Json {
        report::write_json_of_nothing(&mut console.out, "rollback", runs)?;
    }
    Ok(ExitStatus::Done)
}
