//! Earlier runs on one backend, and where each of them stands.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::JournalError;
use super::record::{Backend, FORMAT, Origin, Record, StepRecord};
use super::sequence::{self, Rank};
use crate::files;
use crate::plan::rollback::Written;
use crate::plan::{Fate, Operation};

/// The runs on one backend, oldest first.
#[derive(Debug)]
pub struct History {
    runs: Vec<(PathBuf, Record)>,
}

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
    /// Another run began to undo it and was not done.
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

impl History {
    /// Reads the runs of a backend that are kept in a folder; none where there is no folder.
    ///
    /// # Errors
    /// The folder or one of the files can't be read.
    pub fn read(folder: &Path, backend: &Backend) -> Result<Self, JournalError> {
        Self::newest(folder, backend, |_| false)
    }

    /// Reads the last run that is no rollback and what came after it: all that tells whether it is [unfinished].
    /// No older file is opened, however many there are.
    ///
    /// [unfinished]: Self::unfinished
    ///
    /// # Errors
    /// The folder or one of those files can't be read.
    pub fn recent(folder: &Path, backend: &Backend) -> Result<Self, JournalError> {
        Self::newest(folder, backend, |record| !record.is_rollback())
    }

    /// The newest runs of a backend, up to one that is enough.
    fn newest(
        folder: &Path,
        backend: &Backend,
        is_enough: impl Fn(&Record) -> bool,
    ) -> Result<Self, JournalError> {
        let mut runs = Vec::new();
        for path in journals(folder)?.into_iter().rev() {
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            let record = parse(&text, &path)?;
            if record.backend == *backend {
                let is_last = is_enough(&record);
                runs.push((path, record));
                if is_last {
                    break;
                }
            }
        }
        runs.sort_by_cached_key(|(_, record)| Rank::of(&record.run));
        Ok(Self { runs })
    }

    /// What runs wrote within a window before now, in the order of the writes. No file is opened that was not written
    /// within it.
    ///
    /// # Errors
    /// The folder or one of those files can't be read.
    pub fn written_lately(
        folder: &Path,
        backend: &Backend,
        window: Duration,
    ) -> Result<Vec<Operation>, JournalError> {
        let since = super::ago(window);
        let mut written = Vec::new();
        for path in journals(folder)? {
            let touched = fs::metadata(&path).and_then(|metadata| metadata.modified());
            let touched = touched.map_err(|error| unreadable(&path, &error))?;
            // After a clock went back what was written then seems to be to come.
            if touched.elapsed().is_ok_and(|age| age > window) {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            let record = parse(&text, &path)?;
            if record.backend == *backend {
                let lately = record.changes().filter_map(|(change, step)| {
                    let moment = step.concluded.clone().filter(|moment| *moment >= since)?;
                    step.is_written().then(|| (moment, change.operation.clone()))
                });
                written.extend(lately);
            }
        }
        written.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(written.into_iter().map(|(_, operation)| operation).collect())
    }

    /// The runs, oldest first, each with where it stands.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = (&Record, RunState)> {
        self.runs.iter().map(|(_, record)| (record, self.state(record)))
    }

    /// A run by its id.
    ///
    /// # Errors
    /// There is none.
    pub fn run(&self, run: &str) -> Result<&Record, JournalError> {
        self.find(run).ok_or_else(|| JournalError::NoSuchRun(run.to_owned()))
    }

    fn find(&self, run: &str) -> Option<&Record> {
        self.runs.iter().map(|(_, record)| record).find(|record| record.run == run)
    }

    /// The last run that is no rollback.
    pub fn last(&self) -> Option<&Record> {
        self.runs.iter().rev().map(|(_, record)| record).find(|record| !record.is_rollback())
    }

    /// The last run, if it was cut or stopped and nothing has finished or undone it since.
    pub fn unfinished(&self) -> Option<(&Record, RunState)> {
        let (run, state) = self.runs().rev().find(|(record, _)| !record.is_rollback())?;
        let is_open = match state {
            RunState::Cut | RunState::Stopped => true,
            // What was left out on purpose is no reason to remind of it.
            RunState::PartlyRolledBack => {
                !self.rollbacks_of(&self.head(run).run).last().is_some_and(Record::is_complete)
            }
            RunState::Done | RunState::Resumed | RunState::RolledBack => false,
        };
        is_open.then_some((run, state))
    }

    /// Where a run stands.
    pub fn state(&self, record: &Record) -> RunState {
        let undone: Vec<&Record> = self.rollbacks_of(&self.head(record).run).collect();
        if undone.iter().any(|rollback| rollback.is_complete() && !rollback.leaves_out()) {
            return RunState::RolledBack;
        }
        if undone.iter().any(|rollback| rollback.steps.iter().any(StepRecord::may_be_written)) {
            return RunState::PartlyRolledBack;
        }
        if self.resumed_by(&record.run).is_some_and(Record::is_complete) {
            return RunState::Resumed;
        }
        match record {
            _ if record.is_complete() => RunState::Done,
            // The run ended, but nothing went wrong: Ctrl-C did it.
            _ if record.ended.is_some() && record.steps.iter().any(went_wrong) => RunState::Stopped,
            _ => RunState::Cut,
        }
    }

    /// The run that finished this one, and so on, to the last.
    pub fn head<'h>(&'h self, record: &'h Record) -> &'h Record {
        let mut seen = BTreeSet::new();
        let mut head = record;
        while let Some(next) = self.resumed_by(&head.run).filter(|_| seen.insert(head.run.clone())) {
            head = next;
        }
        head
    }

    /// What a run wrote, and those that it resumed: in the order of the writes.
    pub fn written(&self, head: &Record) -> Vec<Written> {
        let mut chain = vec![head];
        while let Some(Origin::Resumes(earlier)) = chain.last().map(|record| &record.origin) {
            match self.find(earlier) {
                Some(record) if chain.iter().all(|known| known.run != record.run) => chain.push(record),
                _ => break,
            }
        }
        let one = |record: &Record| -> Vec<Written> {
            record
                .changes()
                .filter(|(_, step)| step.may_be_written())
                .map(|(change, step)| Written {
                    operation: change.operation.clone(),
                    run: record.run.clone(),
                    version: step.version.clone().or_else(|| self.withdrawn(&head.run, &change.operation)),
                    grant: step.grant.clone(),
                    is_certain: step.is_written(),
                })
                .collect()
        };
        chain.into_iter().rev().flat_map(one).collect()
    }

    /// A later run, not undone yet, that wrote to the same thing.
    pub fn later_run_on(&self, record: &Record, resource: &str) -> Option<&Record> {
        let wrote = |later: &Record| {
            later
                .changes()
                .any(|(change, step)| step.may_be_written() && change.operation.resource() == resource)
        };
        let later = self.runs().skip_while(|(earlier, _)| earlier.run != record.run).skip(1);
        later
            .filter(|(later, state)| !later.is_rollback() && *state != RunState::RolledBack && wrote(later))
            .map(|(later, _)| later)
            .last()
    }

    /// The version that an earlier rollback set out to delete, where the run itself never heard of its id.
    fn withdrawn(&self, run: &str, made: &Operation) -> Option<String> {
        let Operation::CreatePolicyVersion { policy: made, .. } = made else { return None };
        let changes = self.rollbacks_of(run).flat_map(|rollback| &rollback.plan.changes);
        changes
            .filter_map(|change| match &change.operation {
                Operation::WithdrawPolicyVersion { policy, version, .. } if policy == made => {
                    Some(version.clone())
                }
                _ => None,
            })
            .last()
    }

    fn rollbacks_of(&self, run: &str) -> impl Iterator<Item = &Record> {
        let undoes = Origin::Undoes(run.to_owned());
        self.runs.iter().map(|(_, record)| record).filter(move |record| record.origin == undoes)
    }

    fn resumed_by(&self, run: &str) -> Option<&Record> {
        let resumes = Origin::Resumes(run.to_owned());
        self.runs.iter().rev().map(|(_, record)| record).find(|record| record.origin == resumes)
    }

    /// Deletes a run's record.
    ///
    /// # Errors
    /// There is no such run, or its file can't be removed.
    pub fn forget(&self, run: &str) -> Result<PathBuf, JournalError> {
        let found = self.runs.iter().find(|(_, record)| record.run == run);
        let (path, _) = found.ok_or_else(|| JournalError::NoSuchRun(run.to_owned()))?;
        files::remove(path)
            .map_err(|source| JournalError::Unwritable { path: path.display().to_string(), source })?;
        Ok(path.clone())
    }
}

impl Record {
    /// Whether the run undoes another one.
    pub fn is_rollback(&self) -> bool {
        matches!(self.origin, Origin::Undoes(_))
    }

    /// Whether something was left out when it was approved.
    fn leaves_out(&self) -> bool {
        self.steps.iter().any(|step| step.outcome == Some(Fate::Deselected))
    }

    /// The change that a run which was not done came to, counted from 1.
    pub fn stopped_at(&self) -> Option<usize> {
        let is_open = |step: &StepRecord| !step.outcome.is_some_and(Fate::is_settled);
        self.steps.iter().position(is_open).map(|index| index + 1)
    }
}

fn went_wrong(step: &StepRecord) -> bool {
    step.outcome.is_some_and(|fate| !fate.is_settled())
}

/// The files of a folder, by the runs that they are named for: oldest first.
fn journals(folder: &Path) -> Result<Vec<PathBuf>, JournalError> {
    sequence::files(folder).map_err(|error| unreadable(folder, &error))
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> JournalError {
    JournalError::Unreadable { path: path.display().to_string(), reason: error.to_string() }
}

fn parse(text: &str, path: &Path) -> Result<Record, JournalError> {
    #[derive(Deserialize)]
    struct Header {
        keymend_journal: u64,
    }
    let unreadable = |error: serde_json::Error| unreadable(path, &error);
    let Header { keymend_journal: format } = serde_json::from_str(text).map_err(unreadable)?;
    if format != u64::from(FORMAT) {
        return Err(JournalError::UnknownFormat { path: path.display().to_string(), format });
    }
    serde_json::from_str(text).map_err(unreadable)
}
