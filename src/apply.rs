//! Carries out a plan that was approved. It decides nothing.
//!
//! Before each write the document is read again: if it still is what the plan was made on, it is written; if it
//! already is what the plan makes of it, nothing is left to do; anything else is stale. After each write it is
//! read until it stays as written. What needs no order goes side by side.

pub mod clock;
pub mod journal;
mod order;
mod patience;
pub mod recent;
mod state;
mod step;
pub mod survey;
pub mod verify;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, StreamExt as _};

use crate::cloud::{CloudError, CloudErrorKind, Observe, Receipt, Write};
pub use crate::plan::Now;
use crate::plan::{Fate, Plan};
pub use clock::Clock;
use journal::{Journal, JournalError};
use order::{Lane, Stage};
use recent::Recent;
use tokio::sync::Mutex;

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

impl RunProgress<'_> {
    /// The change's place in the plan.
    pub fn index(&self) -> usize {
        match self {
            Self::Started(index)
            | Self::Settling(index)
            | Self::Waiting(index)
            | Self::Retrying(index, ..)
            | Self::Ended(index, _) => *index,
        }
    }
}

/// What a run needs beside the cloud. Changes that go side by side share it.
pub struct Run<'a, K> {
    clock: &'a K,
    journal: Mutex<Option<&'a mut Journal>>,
    recent: RefCell<Recent>,
    progress: RefCell<&'a mut dyn FnMut(RunProgress<'_>)>,
    is_interrupted: &'a dyn Fn() -> bool,
    may_write: Option<&'a MayWrite<'a>>,
    /// Whether a change did not end well, or could not be recorded: no other one begins.
    is_failing: Cell<bool>,
}

/// See [`Watcher::may_write`].
pub type MayWrite<'a> = dyn Fn() -> LocalBoxFuture<'a, bool> + 'a;

/// Whoever watches a run, and may end it.
pub struct Watcher<'a> {
    /// Told of every step.
    pub progress: &'a mut dyn FnMut(RunProgress<'_>),
    /// Asked before each change begins, and whenever one waits.
    pub is_interrupted: &'a dyn Fn() -> bool,
    /// Asked between the last read of a document and its write, where somebody else may have taken the work over since.
    pub may_write: Option<&'a MayWrite<'a>>,
}

impl<'a, K: Clock> Run<'a, K> {
    /// A run by a clock, recorded in a journal (the built-in world has none), that knows what was written before it.
    pub fn new(clock: &'a K, journal: Option<&'a mut Journal>, recent: Recent, watcher: Watcher<'a>) -> Self {
        let Watcher { progress, is_interrupted, may_write } = watcher;
        Self {
            clock,
            journal: Mutex::new(journal),
            recent: RefCell::new(recent),
            progress: RefCell::new(progress),
            is_interrupted,
            may_write,
            is_failing: Cell::new(false),
        }
    }

    fn tell(&self, progress: RunProgress<'_>) {
        (self.progress.borrow_mut())(progress);
    }

    async fn record(
        &self,
        note: impl AsyncFnOnce(&mut Journal) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        match self.journal.lock().await.as_deref_mut() {
            Some(journal) => note(journal).await,
            None => Ok(()),
        }
    }

    /// Whether no further change begins.
    fn is_ending(&self) -> bool {
        self.is_failing.get() || (self.is_interrupted)()
    }

    /// Whether the work is still this one's; where it is not, no further change begins.
    async fn may_write(&self) -> bool {
        let may = match self.may_write {
            Some(ask) => ask().await,
            None => true,
        };
        self.is_failing.set(self.is_failing.get() || !may);
        may
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

/// Carries out the selected changes, side by side where that makes no difference. After the first that does not end
/// well, and where the journal can't be written, none begins; what was under way is carried to its end.
pub async fn apply<C: Observe + Write, K: Clock>(
    plan: &Plan,
    selected: &BTreeSet<usize>,
    cloud: &C,
    run: &Run<'_, K>,
) -> RunOutcome {
    let mut outcome = RunOutcome::nothing(plan);
    for (index, step) in outcome.steps.iter_mut().enumerate() {
        *step = if selected.contains(&index) { StepResult::NotStarted } else { StepResult::Deselected };
    }
    let outcome = RefCell::new(outcome);
    for Stage { lanes, side_by_side } in order::stages(plan, selected) {
        let follow = async |lane: Lane<'_>| {
            for (index, operation) in lane {
                if run.is_ending() {
                    break;
                }
                let result = step::carry_out(index, operation, cloud, run).await;
                note(index, result, run, &outcome).await;
            }
        };
        stream::iter(lanes).for_each_concurrent(side_by_side, follow).await;
        if run.is_ending() {
            break;
        }
    }
    let mut outcome = outcome.into_inner();
    outcome.is_interrupted = (run.is_interrupted)();
    let ended = run.record(async |journal| journal.end().await).await;
    outcome.journal_error = outcome.journal_error.or_else(|| ended.err().map(|error| error.to_string()));
    outcome
}

/// Tells and records what became of a change.
async fn note<K: Clock>(
    index: usize,
    result: Result<StepResult, JournalError>,
    run: &Run<'_, K>,
    outcome: &RefCell<RunOutcome>,
) {
    let recorded = match result {
        Ok(StepResult::NotStarted) => Ok(()),
        Ok(result) => {
            run.tell(RunProgress::Ended(index, &result));
            if !result.fate().holds() {
                run.is_failing.set(true);
            }
            let recorded = run.record(async |journal| journal.conclude(index, &result).await).await;
            if let Some(slot) = outcome.borrow_mut().steps.get_mut(index) {
                *slot = result;
            }
            recorded
        }
        Err(error) => Err(error),
    };
    if let Err(error) = recorded {
        run.is_failing.set(true);
        outcome.borrow_mut().journal_error.get_or_insert_with(|| error.to_string());
    }
}
