//! What a run came to: its exit status, and the document for programs.

use std::io;
use std::path::PathBuf;

use crate::access::Request;
use crate::apply::{Outcome, StepResult};
use crate::arn::AccountId;
use crate::cloud::CloudError;
use crate::error::{Error, ExitStatus, cloud_hint};
use crate::observation::Observation;
use crate::plan::{Change, Plan};
use crate::render::json::{self, ChangeStatus, ErrorOutput};

/// What a run came to.
pub(super) struct Report {
    pub(super) command: &'static str,
    /// The account whose part of a plan it is; the whole plan where there is none.
    pub(super) part: Option<AccountId>,
    pub(super) request: Request,
    pub(super) observation: Observation,
    pub(super) plan: Plan,
    pub(super) decision: Decision,
    pub(super) carried: Carried,
}

/// How far the writes came.
pub(super) struct Carried {
    pub(super) outcome: Outcome,
    /// What planning again found after the writes.
    pub(super) remaining: Option<Plan>,
    /// Why both sides could not be read again.
    pub(super) unverified: Option<Error>,
    pub(super) journal: Option<PathBuf>,
}

impl Carried {
    /// Nothing was tried.
    pub(super) fn nothing(plan: &Plan) -> Self {
        Self { outcome: Outcome::nothing(plan), remaining: None, unverified: None, journal: None }
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
            || !self.came_back().is_empty()
        {
            ExitStatus::Error
        } else if is(|step| matches!(step, StepResult::Stale(_) | StepResult::Overwritten(_))) {
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

    /// Whether something is left that this run can't do; an account's part leaves the others' to them.
    fn leaves_work(&self) -> bool {
        let mut plans = std::iter::once(&self.plan).chain(&self.carried.remaining);
        self.part.is_none() && plans.any(Plan::leaves_work)
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

    /// Writes the one document of a run.
    pub(super) fn write_json(&self, out: &mut dyn io::Write, status: ExitStatus) -> io::Result<()> {
        let statuses: Vec<ChangeStatus> =
            self.carried.outcome.steps.iter().map(|step| self.status_of(step)).collect();
        json::write(
            out,
            &json::Report {
                command: self.command,
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
        let unverified = || self.carried.unverified.as_ref().map(error_of);
        let interrupted = || {
            outcome.is_interrupted.then(|| error_in_words("interrupted after the write in flight".to_owned()))
        };
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
    }
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
    json::write(
        out,
        &json::Report {
            command,
            request: None,
            observation: None,
            plan: None,
            statuses: &[],
            outcome: json::Outcome::Failed,
            error: Some(error_of(error)),
            exit_status: error.exit_status() as u8,
        },
    )
}
