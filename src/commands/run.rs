//! A run, as far as it came: what it is for, what was decided, and what was written.

use std::path::PathBuf;

use crate::access::assessment::{Assessment, Verdict};
use crate::access::trial::Trial;
use crate::apply::{RunOutcome, StepResult};
use crate::arn::AccountId;
use crate::error::Error;
use crate::plan::rollback::{Conflict, Extent};
use crate::plan::{Case, Change, Operation, Plan};

/// What a run is for.
pub(super) enum Job {
    /// Access.
    Fix,
    /// Access, by a saved plan or by one account's part of it.
    Apply { part: Option<AccountId> },
    /// The way back from a run, and what stands in it.
    Rollback { conflicts: Vec<Conflict>, extent: Extent },
}

impl Job {
    /// The command's name.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Fix => "fix",
            Self::Apply { .. } => "apply",
            Self::Rollback { .. } => "rollback",
        }
    }

    pub(super) fn conflicts(&self) -> &[Conflict] {
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

/// How far the writes came.
pub(super) struct Carried {
    pub(super) outcome: RunOutcome,
    /// What planning again found after the writes.
    pub(super) remaining: Option<Plan>,
    /// What evaluation tells of everybody asked for: of what reads back, of what is there where nothing has to be
    /// written, and of what the changes of a dry run come to.
    pub(super) proof: Vec<Assessment>,
    /// What AWS itself answered, where it was asked.
    pub(super) trials: Vec<Trial>,
    /// Why both sides could not be read again.
    pub(super) unverified: Option<Error>,
    /// Whether Ctrl-C came after the last write, before everything was looked at again.
    pub(super) is_unwatched: bool,
    pub(super) journal: Option<PathBuf>,
}

impl Carried {
    /// Whether somebody is not known to be able to launch, by evaluation or in AWS's own words.
    pub(super) fn is_doubtful(&self) -> bool {
        self.proof.iter().any(|assessment| assessment.verdict() != Verdict::Able)
            || self.trials.iter().any(Trial::is_refused)
    }

    /// Nothing was written.
    pub(super) fn nothing(plan: &Plan) -> Self {
        let outcome = RunOutcome::nothing(plan);
        Self {
            outcome,
            remaining: None,
            proof: Vec::new(),
            trials: Vec::new(),
            unverified: None,
            is_unwatched: false,
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

/// What a run came to.
pub(super) struct Ended {
    pub(super) job: Job,
    pub(super) case: Case,
    pub(super) decision: Decision,
    pub(super) carried: Carried,
    /// Why a report for others could not be written.
    pub(super) unreported: Option<Error>,
    /// The command that takes it back, where it gives access and there is a record of it.
    pub(super) way_back: Option<String>,
}

impl Ended {
    pub(super) fn of(job: Job, case: Case, decision: Decision, carried: Carried) -> Self {
        Self { job, case, decision, carried, unreported: None, way_back: None }
    }

    /// The changes, each with what became of it.
    pub(super) fn steps(&self) -> impl Iterator<Item = (&Change, &StepResult)> {
        self.case.plan.changes.iter().zip(&self.carried.outcome.steps)
    }

    /// Whether somebody else changed what the plan was made on.
    pub(super) fn is_stale(&self) -> bool {
        let mut steps = self.carried.outcome.steps.iter();
        steps.any(|step| step.fate().is_stale())
    }

    /// Changes that were applied and are planned again: they did not last, or are a bug.
    pub(super) fn came_back(&self) -> Vec<&Change> {
        let done = self.steps().filter(|(_, step)| **step != StepResult::Deselected);
        let done: Vec<&Operation> = done.map(|(own, _)| &own.operation).collect();
        self.carried.remaining.iter().flat_map(|plan| plan.repeating(&done)).collect()
    }
}
