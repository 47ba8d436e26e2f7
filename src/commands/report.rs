//! What a run came to: its exit status, and the document for programs.

use std::io;

use super::console::Console;
use super::ending::{self, Run};
use super::handover::{self, Destinations};
use super::outcome;
use super::run::{Carried, Command, Decision};
use crate::access::Request;
use crate::access::chain::Chain;
use crate::apply::{Outcome, StepResult};
use crate::cli::OutputFormat;
use crate::cli::settings::{BackendSettings, RunSettings};
use crate::cloud::CloudError;
use crate::error::{Error, ExitStatus, cloud_hint};
use crate::observation::Observation;
use crate::plan::{Change, Plan};
use crate::render::json::{self, ChangeStatus, ErrorOutput, RunSummary};

/// What a run came to.
pub(super) struct Report {
    pub(super) command: Command,
    /// What was found on the way to the keys.
    pub(super) chain: Chain,
    pub(super) request: Request,
    pub(super) observation: Observation,
    pub(super) plan: Plan,
    pub(super) decision: Decision,
    pub(super) carried: Carried,
    /// Why a report for others could not be written.
    pub(super) unreported: Option<Error>,
}

impl Report {
    pub(super) fn of(
        command: Command,
        chain: Chain,
        request: Request,
        observation: Observation,
        plan: Plan,
        decision: Decision,
        carried: Carried,
    ) -> Self {
        Self { command, chain, request, observation, plan, decision, carried, unreported: None }
    }

    /// How the process ends.
    pub(super) fn exit_status(&self, is_detailed: bool) -> ExitStatus {
        let run = Run {
            command: &self.command,
            request: &self.request,
            plan: &self.plan,
            decision: self.decision,
            carried: &self.carried,
            has_come_back: !self.came_back().is_empty(),
            is_unreported: self.unreported.is_some(),
            is_detailed,
        };
        ending::status(ending::of_run(&run))
    }

    /// Changes that were applied and are planned again: they did not last, or are a bug.
    pub(super) fn came_back(&self) -> Vec<&Change> {
        let again = self.carried.remaining.iter().flat_map(|plan| &plan.changes);
        again
            .filter(|change| {
                let applied = self.plan.changes.iter().zip(&self.carried.outcome.steps);
                applied
                    .filter(|(_, step)| **step != StepResult::Deselected)
                    .any(|(own, _)| own.operation.is_same_target(&change.operation))
            })
            .collect()
    }

    /// With the reports for others written. Where one can't be, what was written to AWS is told all the same.
    pub(super) fn handed_over(
        mut self,
        destinations: Destinations,
        backend: &BackendSettings,
        run: &RunSettings,
        console: &mut Console,
    ) -> Self {
        self.unreported = handover::report(destinations, backend, run, &self, console).err();
        self
    }

    /// Tells it as it was asked for, and how the process ends.
    pub(super) fn tell(&self, settings: &RunSettings, console: &mut Console) -> Result<ExitStatus, Error> {
        let status = self.exit_status(settings.detailed_exitcode);
        if let Err(error) = self.tell_results(settings, status, console) {
            outcome::untold(console, self)?;
            return Err(error.into());
        }
        self.unreported.as_ref().map_or(Ok(()), |error| console.error(error))?;
        Ok(status)
    }

    fn tell_results(
        &self,
        settings: &RunSettings,
        status: ExitStatus,
        console: &mut Console,
    ) -> io::Result<()> {
        match settings.output {
            OutputFormat::Text => outcome::write(console, self)?,
            OutputFormat::Json => {
                outcome::talk(console, self)?;
                self.write_json(&mut console.out, status)?;
            }
        }
        console.out.flush()
    }

    /// Writes the one document of a run.
    fn write_json(&self, out: &mut dyn io::Write, status: ExitStatus) -> io::Result<()> {
        let statuses: Vec<ChangeStatus> =
            self.carried.outcome.steps.iter().map(|step| self.status_of(step)).collect();
        json::write(
            out,
            &json::Report {
                command: self.command.name(),
                chain: Some(&self.chain),
                conflicts: self.command.conflicts(),
                proof: &self.carried.proof,
                trials: &self.carried.trials,
                runs: &[],
                request: Some(&self.request),
                observation: Some(&self.observation),
                plan: Some(&self.plan),
                statuses: &statuses,
                outcome: self.json_outcome(),
                error: self.json_error(),
                exit_status: status as u8,
            },
        )
    }

    fn status_of(&self, step: &StepResult) -> ChangeStatus {
        match step {
            StepResult::Applied { .. } => ChangeStatus::Applied,
            StepResult::AlreadyDone => ChangeStatus::AlreadyDone,
            StepResult::Unsettled { .. }
            | StepResult::Stale(_)
            | StepResult::Overwritten(_)
            | StepResult::Failed(_) => ChangeStatus::Failed,
            StepResult::NotStarted if self.decision == Decision::Approved => ChangeStatus::NotStarted,
            StepResult::NotStarted => ChangeStatus::Planned,
            StepResult::Deselected => ChangeStatus::Deselected,
        }
    }

    fn json_outcome(&self) -> json::Outcome {
        let Carried { outcome, .. } = &self.carried;
        match self.decision {
            Decision::NoChanges => json::Outcome::NoChanges,
            Decision::OnlyPlanned => json::Outcome::Planned,
            Decision::Blocked => json::Outcome::Blocked,
            Decision::Conflicting => json::Outcome::Stale,
            Decision::NoTerminal | Decision::Declined | Decision::Interrupted => json::Outcome::Declined,
            Decision::Approved | Decision::Overtaken
                if outcome.is_success() && self.came_back().is_empty() =>
            {
                json::Outcome::Applied
            }
            Decision::Approved | Decision::Overtaken
                if outcome
                    .steps
                    .iter()
                    .any(|step| matches!(step, StepResult::Stale(_) | StepResult::Overwritten(_))) =>
            {
                json::Outcome::Stale
            }
            Decision::Approved if outcome.applied() > 0 => json::Outcome::PartlyApplied,
            Decision::Approved | Decision::Overtaken => json::Outcome::Failed,
        }
    }

    fn json_error(&self) -> Option<ErrorOutput> {
        let Carried { outcome, .. } = &self.carried;
        let of_step = |(change, step): (&Change, &StepResult)| match step {
            StepResult::Failed(error) => Some(error_of_call(error)),
            StepResult::Stale(_) => Some(error_in_words(somebody_changed(change))),
            StepResult::Overwritten(_) => Some(error_in_words(overwritten(change))),
            StepResult::Unsettled { .. } => Some(error_in_words(unsettled(change))),
            _ => None,
        };
        let journal = || outcome.journal_error.clone().map(error_in_words);
        let unreported = || self.unreported.as_ref().map(error_of);
        let unverified = || self.carried.unverified.as_ref().map(error_of);
        let interrupted = || {
            let words = outcome.is_interrupted.then(|| interrupted(outcome));
            words
                .or(self.carried.is_unwatched.then_some(UNWATCHED))
                .map(|words| error_in_words(words.to_owned()))
        };
        let conflicting =
            || (self.decision == Decision::Conflicting).then(|| error_in_words(CHANGED_SINCE.to_owned()));
        let came_back = || self.came_back().first().map(|change| error_in_words(planned_again(change)));
        self.plan
            .changes
            .iter()
            .zip(&outcome.steps)
            .find_map(of_step)
            .or_else(journal)
            .or_else(interrupted)
            .or_else(unverified)
            .or_else(came_back)
            .or_else(conflicting)
            .or_else(unreported)
    }
}

/// A way back is barred.
pub(super) const CHANGED_SINCE: &str = "somebody changed what the run wrote; nothing was written";

/// Ctrl-C came when all that was to be written was.
pub(super) const UNWATCHED: &str = "interrupted: everything was written, and not looked at again to its end";

/// Ctrl-C came between two writes, or at the last one.
pub(super) fn interrupted(outcome: &Outcome) -> &'static str {
    let is_open = |step: &StepResult| {
        !matches!(step, StepResult::Applied { .. } | StepResult::AlreadyDone | StepResult::Deselected)
    };
    if outcome.steps.iter().any(is_open) { "interrupted after the write in flight" } else { UNWATCHED }
}

/// The change's document is not what the plan was made on.
pub(super) fn somebody_changed(change: &Change) -> String {
    format!(
        "`{}` is not what the plan was made on: somebody else changed it meanwhile",
        change.operation.resource()
    )
}

/// The change's document was written and did not stay.
pub(super) fn overwritten(change: &Change) -> String {
    format!("`{}` was written, and somebody else changed it right afterwards", change.operation.resource())
}

/// The change's document was written and does not show.
pub(super) fn unsettled(change: &Change) -> String {
    format!("`{}` was written, but does not read back so yet", change.operation.resource())
}

/// The change was written and is needed once more.
pub(super) fn planned_again(change: &Change) -> String {
    let Change { operation, .. } = change;
    format!("after the writes it is planned again to {operation} (`{}`)", operation.resource())
}

fn error_in_words(message: String) -> ErrorOutput {
    ErrorOutput { message, code: None, request_id: None, hint: None }
}

fn error_of_call(error: &CloudError) -> ErrorOutput {
    ErrorOutput {
        message: error.to_string(),
        code: error.code.clone(),
        request_id: error.request_id.clone(),
        hint: cloud_hint(error),
    }
}

fn error_of(error: &Error) -> ErrorOutput {
    let in_words = || ErrorOutput { hint: error.hint(), ..error_in_words(error.to_string()) };
    error.cloud_error().map_or_else(in_words, error_of_call)
}

/// Writes the document of a run that came to nothing.
pub(super) fn write_json_of_error(out: &mut dyn io::Write, command: &str, error: &Error) -> io::Result<()> {
    let report = json::Report {
        outcome: json::Outcome::Failed,
        error: Some(error_of(error)),
        exit_status: error.exit_status() as u8,
        ..json::Report::of_nothing(command)
    };
    json::write(out, &report)
}

/// Writes the document of a run that had nothing to do, and of earlier runs, where they were asked for.
pub(super) fn write_json_of_nothing(
    out: &mut dyn io::Write,
    command: &str,
    runs: &[RunSummary],
) -> io::Result<()> {
    json::write(out, &json::Report { runs, ..json::Report::of_nothing(command) })
}
