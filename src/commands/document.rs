//! What a run came to, as the one document for programs.

use std::io;

use super::mishap::{
    CHANGED_SINCE, UNWATCHED, interrupted, overwritten, planned_again, somebody_changed, unsettled,
};
use super::run::{Carried, Decision, Ended};
use crate::apply::StepResult;
use crate::cloud::CloudError;
use crate::error::{Error, ExitStatus, cloud_hint};
use crate::plan::{Change, Fate};
use crate::render::json::{self, ErrorOutput, RunReport, RunSummary};

/// Writes the document of a run.
pub(super) fn write(out: &mut dyn io::Write, ended: &Ended, status: ExitStatus) -> io::Result<()> {
    let Ended { job, case, carried, .. } = ended;
    let fates: Vec<Fate> = carried.outcome.steps.iter().map(StepResult::fate).collect();
    let report = RunReport {
        command: job.name(),
        case: Some(case),
        conflicts: job.conflicts(),
        proof: &carried.proof,
        trials: &carried.trials,
        runs: &[],
        fates: &fates,
        outcome: outcome(ended),
        error: error(ended),
        exit_status: status as u8,
    };
    json::write(out, &report)
}

/// Writes the document of a run that came to nothing.
pub(super) fn write_error(out: &mut dyn io::Write, command: &str, error: &Error) -> io::Result<()> {
    let status = error.exit_status();
    let report = RunReport {
        outcome: match status {
            ExitStatus::Stale => json::OutcomeOutput::Stale,
            _ => json::OutcomeOutput::Failed,
        },
        error: Some(error_of(error)),
        exit_status: status as u8,
        ..RunReport::of_nothing(command)
    };
    json::write(out, &report)
}

/// Writes the document of a run that had nothing to do, and of earlier runs, where they were asked for.
pub(super) fn write_nothing(out: &mut dyn io::Write, command: &str, runs: &[RunSummary]) -> io::Result<()> {
    json::write(out, &RunReport { runs, ..RunReport::of_nothing(command) })
}

fn outcome(ended: &Ended) -> json::OutcomeOutput {
    let Carried { outcome, .. } = &ended.carried;
    match ended.decision {
        Decision::NoChanges => json::OutcomeOutput::NoChanges,
        Decision::OnlyPlanned => json::OutcomeOutput::Planned,
        Decision::Blocked => json::OutcomeOutput::Blocked,
        Decision::Conflicting => json::OutcomeOutput::Stale,
        Decision::NoTerminal | Decision::Declined | Decision::Interrupted => json::OutcomeOutput::Declined,
        Decision::Approved | Decision::Overtaken if outcome.is_success() && ended.came_back().is_empty() => {
            json::OutcomeOutput::Applied
        }
        Decision::Approved | Decision::Overtaken if ended.is_stale() => json::OutcomeOutput::Stale,
        Decision::Approved if outcome.applied() > 0 => json::OutcomeOutput::PartlyApplied,
        Decision::Approved | Decision::Overtaken => json::OutcomeOutput::Failed,
    }
}

/// The first thing that went wrong, in the order in which it is worth knowing.
fn error(ended: &Ended) -> Option<ErrorOutput> {
    let Ended { decision, carried, unreported, .. } = ended;
    let Carried { outcome, unverified, is_unwatched, .. } = carried;
    let of_step = |(change, step): (&Change, &StepResult)| match step {
        StepResult::Failed(error) => Some(error_of_call(error)),
        StepResult::Stale(_) => Some(error_in_words(somebody_changed(change))),
        StepResult::Overwritten(_) => Some(error_in_words(overwritten(change))),
        StepResult::Unsettled { .. } => Some(error_in_words(unsettled(change))),
        _ => None,
    };
    let journal = || outcome.journal_error.clone().map(error_in_words);
    let interrupted = || {
        let words = outcome.is_interrupted.then(|| interrupted(outcome));
        words.or(is_unwatched.then_some(UNWATCHED)).map(|words| error_in_words(words.to_owned()))
    };
    let conflicting =
        || (*decision == Decision::Conflicting).then(|| error_in_words(CHANGED_SINCE.to_owned()));
    let came_back = || ended.came_back().first().map(|change| error_in_words(planned_again(change)));
    ended
        .steps()
        .find_map(of_step)
        .or_else(journal)
        .or_else(interrupted)
        .or_else(|| unverified.as_ref().map(error_of))
        .or_else(came_back)
        .or_else(conflicting)
        .or_else(|| unreported.as_ref().map(error_of))
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

/// What failed, for programs.
pub(super) fn error_of(error: &Error) -> ErrorOutput {
    let in_words = || ErrorOutput { hint: error.hint(), ..error_in_words(error.to_string()) };
    error.cloud_error().map_or_else(in_words, error_of_call)
}
