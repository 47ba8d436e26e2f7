//! Carries out a plan that was approved. It decides nothing.
//!
//! Before each write the document is read again: if it still is what the plan was made on, it is written; if it
//! already is what the plan makes of it, nothing is left to do; anything else is stale. After each write it is
//! read until it stays as written.

pub mod clock;
pub mod journal;
mod patience;
pub mod recent;
mod state;
pub mod survey;
pub mod verify;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::cloud::{CloudError, CloudErrorKind, Observe, Receipt, Write};
pub use crate::plan::Now;
use crate::plan::{Fate, Operation, Plan};
pub use clock::Clock;
use journal::{Journal, JournalError};
use patience::Patience;
use recent::Recent;
use state::State;

/// A change's fate with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepResult {
    /// Written, and read back as written.
    Applied {
        /// What AWS said.
        receipt: Receipt,
    },
    /// It was as planned before anything was written.
    AlreadyDone,
    /// Written, but it did not read back as written within the time given.
    Unsettled {
        /// What AWS said.
        receipt: Receipt,
        /// Why it could not be read, where that was it.
        reason: Option<CloudError>,
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
    /// Not approved.
    Planned,
    /// What it writes to is in an account that no credentials serve here.
    Unseen,
    /// What comes after it on the same thing was as planned before anything was written.
    Overtaken,
}

impl StepResult {
    /// The fate alone.
    pub fn fate(&self) -> Fate {
        match self {
            Self::Applied { .. } => Fate::Applied,
            Self::AlreadyDone => Fate::AlreadyDone,
            Self::Unsettled { .. } => Fate::Unsettled,
            Self::Stale(_) => Fate::Stale,
            Self::Overwritten(_) => Fate::Overwritten,
            // The answer may be lost while the write happened.
            Self::Failed(error) if error.kind == CloudErrorKind::Transient => Fate::Unknown,
            Self::Failed(_) => Fate::Failed,
            Self::NotStarted => Fate::NotStarted,
            Self::Deselected => Fate::Deselected,
            Self::Planned => Fate::Planned,
            Self::Unseen => Fate::Unseen,
            Self::Overtaken => Fate::Overtaken,
        }
    }
}

/// How a run ended: a result for each of the plan's changes, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOutcome {
    /// The results.
    pub steps: Vec<StepResult>,
    /// Whether the run was interrupted.
    pub is_interrupted: bool,
    /// The record could not be kept up: what stands in the results is the only account of the run.
    pub journal_error: Option<String>,
}

impl RunOutcome {
    /// Nothing was tried.
    pub fn nothing(plan: &Plan) -> Self {
        Self {
            steps: vec![StepResult::Planned; plan.changes.len()],
            is_interrupted: false,
            journal_error: None,
        }
    }

    /// Whether every selected change is in force.
    pub fn is_success(&self) -> bool {
        !self.is_interrupted
            && self.journal_error.is_none()
            && self.steps.iter().all(|step| step.fate().is_settled())
    }

    /// How many changes this run wrote.
    pub fn applied(&self) -> usize {
        self.steps.iter().filter(|step| step.fate().is_written()).count()
    }
}

/// Told to whoever watches a run.
#[derive(Debug, Clone, Copy)]
pub enum RunProgress<'a> {
    /// A change begins.
    Started(usize),
    /// The document is read until it stays as written.
    Settling(usize),
    /// It does not read back as written yet.
    Waiting(usize),
    /// A write is tried once more, after a fault that passes and so long a wait.
    Retrying(usize, &'a CloudError, Duration),
    /// A change ended.
    Ended(usize, &'a StepResult),
}

/// What a run needs beside the cloud.
pub struct Run<'a, K> {
    /// Time.
    pub clock: &'a K,
    /// Where the run is recorded; the built-in world has none.
    pub journal: Option<&'a mut Journal>,
    /// What was written before this run; what it writes itself is added.
    pub recent: Recent,
    /// Told of every step.
    pub progress: &'a mut dyn FnMut(RunProgress<'_>),
    /// Asked between two changes.
    pub is_interrupted: &'a dyn Fn() -> bool,
}

impl<K: Clock> Run<'_, K> {
    fn tell(&mut self, progress: RunProgress<'_>) {
        (self.progress)(progress);
    }

    fn record(
        &mut self,
        note: impl FnOnce(&mut Journal) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        self.journal.as_deref_mut().map_or(Ok(()), note)
    }

    /// Waits, but no longer than until the run is interrupted.
    async fn pause(&self, duration: Duration) {
        const SLICE: Duration = Duration::from_secs(1);
        let mut left = duration;
        while !left.is_zero() && !(self.is_interrupted)() {
            let slice = left.min(SLICE);
            self.clock.sleep(slice).await;
            left -= slice;
        }
    }
}

/// Carries out the selected changes in their order, and stops at the first that does not end well, and where the
/// journal can't be written.
pub async fn apply<C: Observe + Write, K: Clock>(
    plan: &Plan,
    selected: &BTreeSet<usize>,
    cloud: &C,
    run: &mut Run<'_, K>,
) -> RunOutcome {
    let mut outcome = RunOutcome::nothing(plan);
    for (index, step) in outcome.steps.iter_mut().enumerate() {
        *step = if selected.contains(&index) { StepResult::NotStarted } else { StepResult::Deselected };
    }
    for (index, change) in plan.changes.iter().enumerate().filter(|(index, _)| selected.contains(index)) {
        outcome.is_interrupted = (run.is_interrupted)();
        if outcome.is_interrupted {
            break;
        }
        run.tell(RunProgress::Started(index));
        let result = match carry_out(index, &change.operation, cloud, run).await {
            Ok(result) => result,
            Err(error) => {
                outcome.journal_error = Some(error.to_string());
                break;
            }
        };
        run.tell(RunProgress::Ended(index, &result));
        let recorded = run.record(|journal| journal.conclude(index, &result));
        outcome.journal_error = recorded.err().map(|error| error.to_string());
        outcome.is_interrupted = (run.is_interrupted)();
        let is_good = result.fate().holds();
        if let Some(slot) = outcome.steps.get_mut(index) {
            *slot = result;
        }
        if !is_good || outcome.is_interrupted || outcome.journal_error.is_some() {
            break;
        }
    }
    let ended = run.record(Journal::end);
    outcome.journal_error = outcome.journal_error.or_else(|| ended.err().map(|error| error.to_string()));
    outcome
}

/// Looks, records the intent, then looks again and writes: so a recorded intent means that the change was still to
/// be made, and between the last look and the write there is nothing.
async fn carry_out<C: Observe + Write, K: Clock>(
    index: usize,
    operation: &Operation,
    cloud: &C,
    run: &mut Run<'_, K>,
) -> Result<StepResult, JournalError> {
    if let Err(error) = cloud.get_ready(operation).await {
        return Ok(StepResult::Failed(error));
    }
    match look(operation, cloud, run).await {
        Ok(State::Before) => {}
        Ok(State::After) => return Ok(StepResult::AlreadyDone),
        Ok(State::Changed(now)) => return Ok(StepResult::Stale(now)),
        Err(error) => return Ok(StepResult::Failed(error)),
    }
    run.record(|journal| journal.intend(index))?;
    let receipt = match write(index, operation, cloud, run).await {
        Ok(receipt) => receipt,
        Err(result) => return Ok(result),
    };
    run.tell(RunProgress::Settling(index));
    run.recent.note(operation);
    let settled = settle(index, operation, cloud, run).await;
    let receipt = match receipt.version {
        Some(_) => receipt,
        None => Receipt { version: state::made_version(operation, cloud).await, ..receipt },
    };
    Ok(match settled {
        Settled::AsWritten => StepResult::Applied { receipt },
        Settled::NotYet(reason) => StepResult::Unsettled { receipt, reason },
        Settled::Overwritten(now) => StepResult::Overwritten(now),
    })
}

/// Reads where the thing stands, until the read is no older than what this machine wrote.
async fn look<K: Clock>(
    operation: &Operation,
    cloud: &impl Observe,
    run: &Run<'_, K>,
) -> Result<State, CloudError> {
    let start = run.clock.elapsed();
    loop {
        let state = state::read(operation, cloud).await?;
        if !is_outdated(&state, operation, &run.recent) || (run.is_interrupted)() {
            return Ok(state);
        }
        if run.clock.elapsed().saturating_sub(start) > recent::WINDOW {
            return Ok(State::Changed(put_back()));
        }
        run.clock.sleep(BETWEEN_READS).await;
    }
}

/// Whether what was read is older than a write of this machine, this operation's own left aside.
fn is_outdated(state: &State, operation: &Operation, recent: &Recent) -> bool {
    let text = match state {
        State::Before => operation.before(),
        State::Changed(Now::Text(text)) => Some(text.as_str()),
        State::After | State::Changed(Now::Words(_)) => None,
    };
    text.is_some_and(|text| recent.is_outdated_for(operation, text))
}

/// A read shows what was there before a write, long after it.
fn put_back() -> Now {
    let minutes = recent::WINDOW.as_secs() / 60;
    Now::Words(format!("{minutes} minutes after it was written it reads as before: somebody put it back"))
}

/// Writes, with every further attempt after a fresh read; the end of the step where it was not written.
async fn write<C: Observe + Write, K: Clock>(
    index: usize,
    operation: &Operation,
    cloud: &C,
    run: &mut Run<'_, K>,
) -> Result<Receipt, StepResult> {
    let mut patience = Patience::from(run.clock.elapsed());
    loop {
        match look(operation, cloud, run).await {
            Ok(State::Before) => {}
            Ok(State::After) if patience.is_fresh() => return Err(StepResult::AlreadyDone),
            // The answer to an earlier attempt was lost; the write was not.
            Ok(State::After) => return Ok(Receipt::default()),
            Ok(State::Changed(now)) => return Err(StepResult::Stale(now)),
            Err(error) => return Err(StepResult::Failed(error)),
        }
        let error = match cloud.perform(operation).await {
            Ok(receipt) => return Ok(receipt),
            Err(error) => error,
        };
        let wait = if (run.is_interrupted)() {
            None
        } else {
            patience.wait_after(&error, operation, cloud, run.clock.elapsed()).await
        };
        if let Some(wait) = wait {
            run.tell(RunProgress::Retrying(index, &error, wait));
            run.pause(wait).await;
            if !(run.is_interrupted)() {
                continue;
            }
        }
        return last_look(operation, cloud, error).await;
    }
}

/// No further attempt is made: what a last read tells of the failed one. Its answer may be lost while the write
/// happened, or somebody else may be the reason why it failed.
async fn last_look(
    operation: &Operation,
    cloud: &impl Observe,
    error: CloudError,
) -> Result<Receipt, StepResult> {
    let is_about_what_is_there = matches!(
        error.kind,
        CloudErrorKind::NotFound | CloudErrorKind::AlreadyExists | CloudErrorKind::Conflict
    );
    if !patience::passes(&error) && !is_about_what_is_there {
        return Err(StepResult::Failed(error));
    }
    match state::read(operation, cloud).await {
        Ok(State::After) => Ok(Receipt::default()),
        Ok(State::Changed(now)) => Err(StepResult::Stale(now)),
        _ => Err(StepResult::Failed(error)),
    }
}

/// Both services are eventually consistent: so many equal reads in a row count as settled.
const EQUAL_READS: u32 = 3;
const BETWEEN_READS: Duration = Duration::from_secs(1);

/// What reading after a write came to.
enum Settled {
    AsWritten,
    /// With the error of the last read, where it failed.
    NotYet(Option<CloudError>),
    Overwritten(Now),
}

async fn settle<K: Clock>(
    index: usize,
    operation: &Operation,
    cloud: &impl Observe,
    run: &mut Run<'_, K>,
) -> Settled {
    let start = run.clock.elapsed();
    let mut equal_reads = 0;
    let mut last = None;
    let mut is_told = false;
    loop {
        let read = state::read(operation, cloud).await;
        // A read that fails for a moment is no verdict: the next one may be.
        if let Err(error) = &read
            && !patience::passes(error)
        {
            return Settled::NotYet(Some(error.clone()));
        }
        let (state, error) = match read {
            Ok(state) => (Some(state), None),
            Err(error) => (None, Some(error)),
        };
        equal_reads = if state == last { equal_reads + 1 } else { 1 };
        match &state {
            Some(State::After) if equal_reads == EQUAL_READS => return Settled::AsWritten,
            // What is neither the one nor the other is no old state: somebody wrote it.
            Some(changed @ State::Changed(now @ Now::Text(_)))
                if !is_outdated(changed, operation, &run.recent) =>
            {
                return Settled::Overwritten(now.clone());
            }
            // What was made just now may seem to be gone for a moment.
            Some(State::Changed(now @ Now::Words(_))) if equal_reads == EQUAL_READS => {
                return Settled::Overwritten(now.clone());
            }
            _ => {}
        }
        if (run.is_interrupted)() && state == Some(State::After) {
            return Settled::AsWritten;
        }
        if (run.is_interrupted)() {
            return Settled::NotYet(error);
        }
        if run.clock.elapsed().saturating_sub(start) > recent::WINDOW {
            return match state {
                Some(State::Before | State::Changed(_)) => Settled::Overwritten(put_back()),
                Some(State::After) | None => Settled::NotYet(error),
            };
        }
        if state != Some(State::After) && !std::mem::replace(&mut is_told, true) {
            run.tell(RunProgress::Waiting(index));
        }
        last = state;
        run.clock.sleep(BETWEEN_READS).await;
    }
}
