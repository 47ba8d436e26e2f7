//! What a run came to: its exit status, and the document for programs.

use std::io;
use std::path::PathBuf;

use super::console::Console;
use super::{handover, outcome};
use crate::access::Request;
use crate::access::assessment::{Assessment, Verdict};
use crate::access::chain::Chain;
use crate::access::trial::Trial;
use crate::apply::{Outcome, StepResult};
use crate::arn::AccountId;
use crate::cli::OutputFormat;
use crate::cli::settings::handover::HandoverSettings;
use crate::cli::settings::{BackendSettings, RunSettings};
use crate::cloud::CloudError;
use crate::error::{Error, ExitStatus, cloud_hint};
use crate::observation::Observation;
use crate::plan::rollback::{Conflict, Extent};
use crate::plan::{Change, Plan};
use crate::render::json::{self, ChangeStatus, ErrorOutput, RunSummary};

/// What a run is for.
pub(super) enum Command {
    /// Access.
    Fix,
    /// Access, by a saved plan or by one account's part of it.
    Apply { part: Option<AccountId> },
    /// The way back from a run, and what stands in it.
    Rollback { conflicts: Vec<Conflict>, extent: Extent },
}

impl Command {
    /// The command's name.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Fix => "fix",
            Self::Apply { .. } => "apply",
            Self::Rollback { .. } => "rollback",
        }
    }

    fn conflicts(&self) -> &[Conflict] {
        match self {
            Self::Fix | Self::Apply { .. } => &[],
            Self::Rollback { conflicts, .. } => conflicts,
        }
    }

    /// The account whose part of a plan it is: it leaves the others' to them.
    pub(super) fn part(&self) -> Option<AccountId> {
        match self {
            Self::Apply { part } => *part,
            Self::Fix | Self::Rollback { .. } => None,
        }
    }
}

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

/// How far the writes came.
pub(super) struct Carried {
    pub(super) outcome: Outcome,
    /// What planning again found after the writes.
    pub(super) remaining: Option<Plan>,
    /// What evaluation tells of what reads back; nothing where nothing was applied.
    pub(super) proof: Vec<Assessment>,
    /// What AWS itself answered, where it was asked.
    pub(super) trials: Vec<Trial>,
    /// Why both sides could not be read again.
    pub(super) unverified: Option<Error>,
    pub(super) journal: Option<PathBuf>,
}

impl Carried {
    /// Nothing was written.
    pub(super) fn nothing(plan: &Plan) -> Self {
        let outcome = Outcome::nothing(plan);
        Self {
            outcome,
            remaining: None,
            proof: Vec::new(),
            trials: Vec::new(),
            unverified: None,
            journal: None,
        }
    }
}

/// What became of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// There is nothing to write.
    NoChanges,
    /// A dry run.
    OnlyPlanned,
    /// A finding forbids writing.
    Blocked,
    /// What would go back was changed by somebody else since.
    Conflicting,
    /// There is nobody to ask.
    NoTerminal,
    /// The answer was no.
    Declined,
    /// The answer was Ctrl-C.
    Interrupted,
    /// A saved plan that holds already, or whose documents somebody changed since: there is nothing to ask.
    Overtaken,
    /// Approved, and carried out as far as the outcome says.
    Approved,
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

    /// Where several hold, an error outweighs staleness, a block, a refusal and what is left.
    pub(super) fn exit_status(&self, detailed: bool) -> ExitStatus {
        let Report { plan, decision, carried: Carried { outcome, .. }, .. } = self;
        let plans = || std::iter::once(plan).chain(&self.carried.remaining);
        let is = |wanted: fn(&StepResult) -> bool| outcome.steps.iter().any(wanted);
        let is_pending =
            *decision == Decision::OnlyPlanned || outcome.steps.contains(&StepResult::Deselected);
        if *decision == Decision::Interrupted || outcome.is_interrupted {
            ExitStatus::Interrupted
        } else if is(|step| matches!(step, StepResult::Failed(_) | StepResult::Unsettled { .. }))
            || outcome.journal_error.is_some()
            || self.carried.unverified.is_some()
            || self.unreported.is_some()
            || !self.came_back().is_empty()
        {
            ExitStatus::Error
        } else if *decision == Decision::Conflicting
            || is(|step| matches!(step, StepResult::Stale(_) | StepResult::Overwritten(_)))
        {
            ExitStatus::Stale
        } else if plans().any(Plan::is_blocked) {
            ExitStatus::Blocked
        } else if matches!(decision, Decision::NoTerminal | Decision::Declined) {
            ExitStatus::Declined
        } else if self.leaves_work() || (detailed && is_pending) {
            ExitStatus::Pending
        } else {
            ExitStatus::Done
        }
    }

    /// Whether something is left that this run can't do.
    fn leaves_work(&self) -> bool {
        let mut plans = std::iter::once(&self.plan).chain(&self.carried.remaining);
        self.command.part().is_none() && (plans.any(Plan::leaves_work) || self.is_disproven())
    }

    /// Whether somebody is known not to be able to launch, by what reads back or in AWS's own words, though
    /// nothing was left out.
    pub(super) fn is_disproven(&self) -> bool {
        let Carried { outcome, proof, trials, .. } = &self.carried;
        let cant =
            |assessment: &Assessment| matches!(assessment.verdict(), Verdict::Missing | Verdict::Blocked);
        let is_refuted = proof.iter().any(cant) || trials.iter().any(Trial::is_refused);
        !outcome.steps.contains(&StepResult::Deselected) && is_refuted
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
        settings: &HandoverSettings,
        backend: &BackendSettings,
        run: &RunSettings,
        console: &mut Console,
    ) -> Self {
        self.unreported = handover::report(settings, backend, run, &self, console).err();
        self
    }

    /// Tells it as it was asked for, and how the process ends.
    pub(super) fn tell(&self, settings: &RunSettings, console: &mut Console) -> Result<ExitStatus, Error> {
        let status = self.exit_status(settings.detailed_exitcode);
        match settings.output {
            OutputFormat::Text => outcome::write(console, self)?,
            OutputFormat::Json => {
                outcome::talk(console, self)?;
                self.write_json(&mut console.out, status)?;
            }
        }
        self.unreported.as_ref().map_or(Ok(()), |error| console.error(error))?;
        Ok(status)
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
            outcome.is_interrupted.then(|| error_in_words("interrupted after the write in flight".to_owned()))
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
