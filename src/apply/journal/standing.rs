//! Where runs stand, told without what they carry out: of long records, most need not be taken in for that.

use std::collections::BTreeSet;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::record::{Backend, Course, Noted, Origin, Record, StepRecord, is_complete};
use crate::access::Request;
use crate::plan::{Fate, FindingCode, Plan, Severity, Told};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Every chosen change holds.
    Done,
    /// It ended by itself before it was done: a call failed, or somebody else changed something.
    Stopped,
    /// It was cut, by Ctrl-C or by the end of the process.
    Cut,
    /// Another run finished it.
    Resumed,
    /// Another run undid it.
    RolledBack,
    /// Another run began to undo it and was not done, or left something to do.
    PartlyRolledBack,
}

impl RunState {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Cut => "cut",
            Self::Resumed => "resumed",
            Self::RolledBack => "rolled back",
            Self::PartlyRolledBack => "partly rolled back",
        }
    }
}

/// A record without what is carried out.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Gist {
    pub(super) run: String,
    pub(super) backend: Backend,
    origin: Origin,
    ended: Option<String>,
    request: Request,
    /// Whether its plan left something to somebody.
    #[serde(rename = "plan", deserialize_with = "leaves_work")]
    leaves_work: bool,
    steps: Vec<StepRecord>,
}

impl Noted for Gist {
    fn course(&mut self) -> Course<'_> {
        Course { ended: &mut self.ended, steps: &mut self.steps }
    }
}

impl From<&Record> for Gist {
    fn from(record: &Record) -> Self {
        let Record { run, backend, origin, ended, request, steps, .. } = record;
        Self {
            run: run.clone(),
            backend: backend.clone(),
            origin: origin.clone(),
            ended: ended.clone(),
            request: request.clone(),
            leaves_work: plan_leaves_work(&record.plan),
            steps: steps.clone(),
        }
    }
}

impl Gist {
    fn is_rollback(&self) -> bool {
        matches!(self.origin, Origin::Undoes(_))
    }

    fn is_complete(&self) -> bool {
        is_complete(&self.steps)
    }

    /// Whether something was left out when it was approved, or left to somebody by the plan.
    fn leaves_something(&self) -> bool {
        self.leaves_work || leaves_out(&self.steps)
    }

    fn went_wrong(&self) -> bool {
        self.steps.iter().any(|step| step.outcome.is_some_and(|fate| !fate.is_settled()))
    }
}

impl Record {
    /// Whether something was left out when it was approved, or left to somebody by the plan.
    pub(super) fn leaves_something(&self) -> bool {
        plan_leaves_work(&self.plan) || leaves_out(&self.steps)
    }
}

fn leaves_out(steps: &[StepRecord]) -> bool {
    steps.iter().any(|step| step.outcome == Some(Fate::Deselected))
}

fn is_left(code: FindingCode) -> bool {
    code.severity() <= Severity::LeftOver
}

fn plan_leaves_work(plan: &Plan<Told>) -> bool {
    !plan.handovers.is_empty() || plan.findings.iter().any(|finding| is_left(finding.code))
}

/// The same of a plan of which the changes are not taken in.
fn leaves_work<'de, D: Deserializer<'de>>(plan: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    struct Rest {
        findings: Vec<Found>,
        handovers: Vec<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Found {
        code: FindingCode,
    }
    let Rest { findings, handovers } = Rest::deserialize(plan)?;
    Ok(!handovers.is_empty() || findings.iter().any(|found| is_left(found.code)))
}

/// The runs on one backend, oldest first.
#[derive(Debug)]
pub(super) struct Standings(pub(super) Vec<Gist>);

impl Standings {
    pub(super) fn state(&self, run: &Gist) -> RunState {
        let head = self.head(run);
        let undone: Vec<&Gist> = self.rollbacks_of(head).collect();
        if undone.iter().any(|rollback| rollback.is_complete() && !rollback.leaves_something()) {
            return RunState::RolledBack;
        }
        if undone.iter().any(|rollback| rollback.steps.iter().any(StepRecord::may_be_written)) {
            return RunState::PartlyRolledBack;
        }
        if head.run != run.run && head.is_complete() {
            return RunState::Resumed;
        }
        match run {
            _ if run.is_complete() => RunState::Done,
            // The run ended, but nothing went wrong: Ctrl-C did it.
            _ if run.ended.is_some() && run.went_wrong() => RunState::Stopped,
            _ => RunState::Cut,
        }
    }

    /// The runs that are not done and that nothing has finished or undone since, oldest first, each with its place among
    /// all. One that another run went on with is that run's.
    ///
    /// A run that stopped said so, and is done when the same is asked for again and done; a run that was cut stays
    /// until somebody finishes, undoes or forgets it.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = (usize, &Gist, RunState)> {
        let is_open = |at: usize, run: &Gist, state: RunState| match state {
            RunState::Cut => true,
            RunState::Stopped => !self
                .0
                .iter()
                .skip(at + 1)
                .any(|later| !later.is_rollback() && later.is_complete() && later.request == run.request),
            // What was left on purpose or to somebody is no reason to remind of it.
            RunState::PartlyRolledBack => !self.rollbacks_of(run).last().is_some_and(Gist::is_complete),
            RunState::Done | RunState::Resumed | RunState::RolledBack => false,
        };
        let heads =
            self.0.iter().enumerate().filter(|(_, run)| !run.is_rollback() && self.next(run).is_none());
        heads.filter_map(move |(at, run)| {
            let state = self.state(run);
            is_open(at, run, state).then_some((at, run, state))
        })
    }

    /// The run that finished this one, and so on, to the last.
    pub(super) fn head<'s>(&'s self, run: &'s Gist) -> &'s Gist {
        let mut seen = BTreeSet::new();
        let mut head = run;
        while let Some(next) = self.next(head).filter(|_| seen.insert(&head.run)) {
            head = next;
        }
        head
    }

    fn next(&self, run: &Gist) -> Option<&Gist> {
        let is_next =
            |other: &&Gist| matches!(&other.origin, Origin::Resumes(earlier) if *earlier == run.run);
        self.0.iter().rev().find(is_next)
    }

    fn rollbacks_of<'s>(&'s self, run: &'s Gist) -> impl Iterator<Item = &'s Gist> {
        self.0.iter().filter(|other| matches!(&other.origin, Origin::Undoes(undone) if *undone == run.run))
    }
}
