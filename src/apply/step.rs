//! One change: looked at, recorded, written, and read until it stays as written.

use std::time::Duration;

use super::journal::JournalError;
use super::patience::Patience;
use super::recent::{self, Recent};
use super::state::{self, State};
use super::{Clock, Run, RunProgress, StepResult};
use crate::cloud::{CloudError, CloudErrorKind, Observe, Receipt, Write};
use crate::plan::{Now, Operation};

/// Gets ready, looks, records the intent, then looks again and writes: so a recorded intent means that the change was
/// still to be made, and between the last look and the write there is nothing but a look at whether the work is still
/// this one's.
pub(super) async fn carry_out<C: Observe + Write, K: Clock>(
    index: usize,
    operation: &Operation,
    cloud: &C,
    run: &Run<'_, K>,
) -> Result<StepResult, JournalError> {
    let ready = cloud.get_ready(operation).await;
    // Getting ready may mean to wait for a turn, and another change may have failed meanwhile.
    if run.is_ending() {
        return Ok(StepResult::NotStarted);
    }
    run.tell(RunProgress::Started(index));
    if let Err(error) = ready {
        return Ok(StepResult::Failed(error));
    }
    match look(operation, cloud, run).await {
        Ok(State::Before) => {}
        Ok(State::After) => return Ok(StepResult::AlreadyDone),
        Ok(State::Changed(now)) => return Ok(StepResult::Stale(now)),
        Err(error) => return Ok(StepResult::Failed(error)),
    }
    run.record(async |journal| journal.intend(index).await).await?;
    let receipt = match write(index, operation, cloud, run).await {
        Ok(receipt) => receipt,
        Err(result) => return Ok(result),
    };
    run.tell(RunProgress::Settling(index));
    run.recent.borrow_mut().note(operation);
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
        if !is_outdated(&state, operation, &run.recent.borrow()) || (run.is_interrupted)() {
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
    run: &Run<'_, K>,
) -> Result<Receipt, StepResult> {
    let mut patience = Patience::from(run.clock.elapsed());
    let mut failed: Option<CloudError> = None;
    loop {
        let ready = match &failed {
            None => Ok(()),
            Some(_) => cloud.get_ready(operation).await,
        };
        let state = match ready {
            Ok(()) => look(operation, cloud, run).await,
            Err(error) => Err(error),
        };
        match (state, &failed) {
            (Ok(State::Before), _) => {}
            (Ok(State::After), None) => return Err(StepResult::AlreadyDone),
            // The answer to an earlier attempt was lost; the write was not.
            (Ok(State::After), Some(_)) => return Ok(Receipt::default()),
            (Ok(State::Changed(now)), _) => return Err(StepResult::Stale(now)),
            // What became of an attempt without an answer is not known by a read that fails.
            (Err(_), Some(lost)) if lost.kind == CloudErrorKind::Transient => {
                return Err(StepResult::Failed(lost.clone()));
            }
            (Err(error), _) => return Err(StepResult::Failed(error)),
        }
        if !run.may_write().await {
            return Err(failed.map_or(StepResult::NotStarted, StepResult::Failed));
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
                failed = Some(error);
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
    if !error.may_pass() && !is_about_what_is_there {
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
    run: &Run<'_, K>,
) -> Settled {
    let start = run.clock.elapsed();
    let mut equal_reads = 0;
    let mut last = None;
    let mut is_told = false;
    loop {
        let read = state::read(operation, cloud).await;
        // A read that fails for a moment is no verdict: the next one may be.
        if let Err(error) = &read
            && !error.may_pass()
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
                if !is_outdated(changed, operation, &run.recent.borrow()) =>
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
