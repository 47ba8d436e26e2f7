//! Carries out a plan that was approved. It decides nothing.
//!
//! Before each write the document is read again: if it still is what the plan was made on, it is written; if it
//! already is what the plan makes of it, nothing is left to do; anything else is stale. After each write it is
//! read until it stays as written.

pub mod clock;
pub mod journal;
mod state;
pub mod survey;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::cloud::{CloudError, CloudErrorKind, Observe, Write};
use crate::plan::{Operation, Plan};
pub use clock::Clock;
use journal::Journal;
pub use state::Now;
use state::State;

/// How a change ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepResult {
    /// Written, and read back as written.
    Applied {
        /// AWS's request id.
        request_id: Option<String>,
    },
    /// It was as planned before anything was written.
    AlreadyDone,
    /// Written, but it did not read back as written within the time given.
    Unsettled {
        /// AWS's request id.
        request_id: Option<String>,
    },
    /// Somebody else changed the document since it was read.
    Stale(Now),
    /// Written, and changed by somebody else right afterwards.
    Overwritten(Now),
    /// A call failed.
    Failed(CloudError),
    /// An earlier change did not end well, or the run was interrupted.
    NotStarted,
    /// Not selected.
    Deselected,
}

/// How a run ended: a result for each of the plan's changes, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The results.
    pub steps: Vec<StepResult>,
    /// Whether the run was interrupted.
    pub is_interrupted: bool,
    /// The record could not be kept up: what stands in the results is the only account of the run.
    pub journal_error: Option<String>,
}

impl Outcome {
    /// Nothing was tried.
    pub fn nothing(plan: &Plan) -> Self {
        Self {
            steps: vec![StepResult::NotStarted; plan.changes.len()],
            is_interrupted: false,
            journal_error: None,
        }
    }

    /// Whether every selected change is in force.
    pub fn is_success(&self) -> bool {
        !self.is_interrupted
            && self.journal_error.is_none()
            && self.steps.iter().all(|step| {
                matches!(step, StepResult::Applied { .. } | StepResult::AlreadyDone | StepResult::Deselected)
            })
    }

    /// How many changes this run wrote.
    pub fn applied(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| {
                matches!(
                    step,
                    StepResult::Applied { .. } | StepResult::Unsettled { .. } | StepResult::Overwritten(_)
                )
            })
            .count()
    }
}

/// Told to whoever watches a run.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// A change begins.
    Started(usize),
    /// The document is read until it stays as written.
    Settling(usize),
    /// A write is tried once more after a fault that passes.
    Retrying(usize, &'a CloudError),
    /// A change ended.
    Ended(usize, &'a StepResult),
}

/// What a run needs beside the cloud.
pub struct Run<'a, K> {
    /// Time.
    pub clock: &'a K,
    /// Where the run is recorded; the built-in world has none.
    pub journal: Option<&'a mut Journal>,
    /// Told of every step.
    pub progress: &'a mut dyn FnMut(Progress<'_>),
    /// Asked between two changes.
    pub is_interrupted: &'a dyn Fn() -> bool,
}

/// Carries out the selected changes in their order, and stops at the first that does not end well, and where the
/// journal can't be written.
pub async fn apply<C: Observe + Write, K: Clock>(
    plan: &Plan,
    selected: &BTreeSet<usize>,
    cloud: &C,
    run: &mut Run<'_, K>,
) -> Outcome {
    let mut outcome = Outcome::nothing(plan);
    for (_, step) in outcome.steps.iter_mut().enumerate().filter(|(index, _)| !selected.contains(index)) {
        *step = StepResult::Deselected;
    }
    for (index, change) in plan.changes.iter().enumerate().filter(|(index, _)| selected.contains(index)) {
        outcome.is_interrupted = (run.is_interrupted)();
        if outcome.is_interrupted {
            break;
        }
        (run.progress)(Progress::Started(index));
        if let Err(error) = run.journal.as_deref_mut().map_or(Ok(()), |journal| journal.intend(index)) {
            outcome.journal_error = Some(error.to_string());
            break;
        }
        let result = carry_out(index, &change.operation, cloud, run).await;
        (run.progress)(Progress::Ended(index, &result));
        let recorded = run.journal.as_deref_mut().map_or(Ok(()), |journal| journal.conclude(index, &result));
        outcome.journal_error = recorded.err().map(|error| error.to_string());
        outcome.is_interrupted = (run.is_interrupted)();
        let is_good = matches!(result, StepResult::Applied { .. } | StepResult::AlreadyDone);
        if let Some(slot) = outcome.steps.get_mut(index) {
            *slot = result;
        }
        if !is_good || outcome.is_interrupted || outcome.journal_error.is_some() {
            break;
        }
    }
    outcome
}

/// Attempts at one write, faults that pass included.
const ATTEMPTS: u32 = 5;

async fn carry_out<C: Observe + Write, K: Clock>(
    index: usize,
    operation: &Operation,
    cloud: &C,
    run: &mut Run<'_, K>,
) -> StepResult {
    let mut attempt = 0;
    let request_id = loop {
        match state::read(operation, cloud).await {
            Ok(State::Before) => {}
            Ok(State::After) if attempt == 0 => return StepResult::AlreadyDone,
            // The answer to an earlier attempt was lost; the write was not.
            Ok(State::After) => break None,
            Ok(State::Changed(now)) => return StepResult::Stale(now),
            Err(error) => return StepResult::Failed(error),
        }
        attempt += 1;
        match cloud.perform(operation).await {
            Ok(receipt) => break receipt.request_id,
            Err(error) if passes(&error) && (attempt == ATTEMPTS || (run.is_interrupted)()) => {
                // The answer may be lost and the write may have happened: only a read can tell.
                match state::read(operation, cloud).await {
                    Ok(State::After) => break None,
                    _ => return StepResult::Failed(error),
                }
            }
            Err(error) if passes(&error) => {
                (run.progress)(Progress::Retrying(index, &error));
                run.clock.sleep(Duration::from_secs(1 << attempt)).await;
            }
            Err(error) => return StepResult::Failed(error),
        }
    };
    (run.progress)(Progress::Settling(index));
    match settle(operation, cloud, run).await {
        Settled::AsWritten => StepResult::Applied { request_id },
        Settled::NotYet => StepResult::Unsettled { request_id },
        Settled::Overwritten(now) => StepResult::Overwritten(now),
    }
}

/// Whether the same call may succeed a little later.
fn passes(error: &CloudError) -> bool {
    matches!(error.kind, CloudErrorKind::Throttled | CloudErrorKind::Transient)
}

/// Both services are eventually consistent: so many equal reads in a row count as settled.
const EQUAL_READS: u32 = 3;
const BETWEEN_READS: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// What reading after a write came to.
enum Settled {
    AsWritten,
    NotYet,
    Overwritten(Now),
}

async fn settle<K: Clock>(operation: &Operation, cloud: &impl Observe, run: &Run<'_, K>) -> Settled {
    let start = run.clock.elapsed();
    let mut equal_reads = 0;
    let mut last = None;
    loop {
        // A read that fails is no verdict: the next one may be.
        let state = state::read(operation, cloud).await.ok();
        equal_reads = if state == last { equal_reads + 1 } else { 1 };
        match &state {
            Some(State::After) if equal_reads == EQUAL_READS => return Settled::AsWritten,
            Some(State::Changed(now)) if equal_reads == EQUAL_READS => {
                return Settled::Overwritten(now.clone());
            }
            _ => {}
        }
        if (run.is_interrupted)() && state == Some(State::After) {
            return Settled::AsWritten;
        }
        if run.clock.elapsed().saturating_sub(start) > LONGEST_WAIT || (run.is_interrupted)() {
            return Settled::NotYet;
        }
        last = state;
        run.clock.sleep(BETWEEN_READS).await;
    }
}
