//! `keymend rollback`: what earlier runs wrote is read again, and put back as it was before.

mod conflicts;
mod list;

use std::collections::BTreeSet;

use super::approval::{self, Approved};
use super::backend::{self, Ground, Work};
use super::console::Console;
use super::interrupt::Interrupt;
use super::observing::up_to_date;
use super::place::Place;
use super::run::{Carried, Decision, Ended, Job};
use super::{document, ending};
use crate::access::chain::Chain;
use crate::apply::journal::{History, Origin, Record, RunState};
use crate::cli::RollbackArgs;
use crate::cli::settings::{Mode, OutputFormat, RollbackSettings, RollbackTask};
use crate::cloud::reread::reread;
use crate::cloud::sandbox::Sandbox;
use crate::cloud::{CloudError, Observe};
use crate::error::{Error, ExitStatus, UsageError};
use crate::observation::Observation;
use crate::plan::Case;
use crate::plan::rollback::{self, Conflict, Extent, Rollback, Written};
use crate::render::json::RunSummary;

pub(super) async fn rollback(args: &RollbackArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let settings = RollbackSettings::resolve(args)?;
    let place = backend::place(&settings.backend, settings.run.journal.as_deref())?;
    let history = place.history()?;
    let (run, extent) = match &settings.task {
        RollbackTask::List(output) => return list::list(&history, *output, console),
        RollbackTask::Forget(run) => {
            let path = history.forget(run)?.display().to_string();
            console.remark(&format!("The record of run {run} is deleted: {path}"))?;
            return nothing_to_do(settings.run.output, &[], console);
        }
        RollbackTask::Undo(Some(run), extent) => (Some(history.run(run)?), *extent),
        RollbackTask::Undo(None, extent) => (history.last(), *extent),
    };
    let Some(run) = run else {
        console.remark("There is no run to undo.")?;
        return nothing_to_do(settings.run.output, &[], console);
    };
    if run.is_rollback() {
        let message = format!("run `{}` is a rollback itself", run.run);
        return Err(UsageError::new(message).hint("`keymend fix` leads forward again").into());
    }
    let (settings, place, run) = (&settings, &place, history.head(run));
    let undoing = Undoing { settings, place, history: &history, run, extent };
    backend::run(&settings.backend, undoing, console).await
}

/// The run that is undone.
struct Undoing<'a> {
    settings: &'a RollbackSettings,
    place: &'a Place,
    history: &'a History,
    run: &'a Record,
    extent: Extent,
}

impl Work for Undoing<'_> {
    fn begin_in(&mut self, _: &Sandbox, _: &mut Console) -> Result<(), Error> {
        Ok(())
    }

    async fn on(self, ground: Ground, console: &mut Console) -> Result<ExitStatus, Error> {
        let Self { settings, place, history, run, extent } = self;
        let written = history.written(run);
        let read = async || self.look(&written, &ground.cloud).await;
        let recent = place.recent()?;
        let mut tell = |told: &str| console.remark(told);
        let (case, conflicts) = up_to_date(&ground.clock, &recent, &mut tell, read, seen).await?;
        let outlook = case.outlook();
        console.remark(&format!("Undoing run {}.", run.run))?;
        let is_undone = history.state(run) == RunState::RolledBack;
        if is_undone {
            console
                .hint("it is rolled back already: for an earlier one give its name, which --list tells")?;
        }
        let gained = outlook.gained(&case.plan.changes);
        let shown = approval::shown(&settings.run, &case, None, &gained);
        let seen = approval::show(&settings.run, &case, &shown, console)?;
        let interrupt = Interrupt::listen()?;
        let (decision, selected) = if conflicts.is_empty() || case.plan.is_unsound() {
            approval::decide(&settings.run, &shown, seen, &outlook, console)?
        } else {
            conflicts::tell(&self, &conflicts, settings.run.output, console)?;
            conflicts::offer_ours(&written, &case.observation, console)?;
            (Decision::Conflicting, BTreeSet::new())
        };
        let is_settled = decision == Decision::NoChanges && settings.run.mode != Mode::DryRun && !is_undone;
        let carried = if decision == Decision::Approved || is_settled {
            let origin = Origin::Undoes(run.run.clone());
            let approved = Approved { case: &case, selected, origin, interrupt: &interrupt };
            let (outcome, journal) = approval::carry_out(&approved, &ground, Some(place), console).await?;
            let carried = Carried { outcome, journal, ..Carried::nothing(&case.plan) };
            self.looked_again(carried, &written, &ground.cloud, &interrupt).await
        } else {
            Carried::nothing(&case.plan)
        };
        let ended = Ended::of(Job::Rollback { conflicts, extent }, case, decision, carried);
        let status = ending::tell(&ended, &settings.run, console)?;
        approval::tell_next(&settings.run, decision, (ended.job.name(), ""), console)?;
        Ok(status)
    }
}

fn seen((case, _): &(Case, Vec<Conflict>)) -> &Observation {
    &case.observation
}

impl Undoing<'_> {
    /// Reads what the run wrote as it is now, and plans the way back.
    async fn look(
        &self,
        written: &[Written],
        cloud: &impl Observe,
    ) -> Result<(Case, Vec<Conflict>), CloudError> {
        let observation = reread(written.iter().map(|write| &write.operation), cloud).await?;
        let Rollback { plan, conflicts } = rollback::plan(written, &observation, self.extent);
        let (chain, request) = (Chain::default(), self.run.request.clone());
        Ok((Case { chain, request, observation, plan }, conflicts))
    }

    /// Where everything was written, it is read and planned again.
    async fn looked_again(
        &self,
        carried: Carried,
        written: &[Written],
        cloud: &impl Observe,
        interrupt: &Interrupt,
    ) -> Carried {
        if !carried.outcome.is_success() {
            return carried;
        }
        match interrupt.unless_set(self.look(written, cloud)).await {
            Some(Ok((again, _))) => Carried { remaining: Some(again.plan), ..carried },
            Some(Err(error)) => Carried { unverified: Some(error.into()), ..carried },
            None => Carried { is_unwatched: true, ..carried },
        }
    }
}

fn nothing_to_do(
    output: OutputFormat,
    runs: &[RunSummary],
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    if output == OutputFormat::Json {
        document::write_nothing(&mut console.out, "rollback", runs)?;
    }
    Ok(ExitStatus::Done)
}
