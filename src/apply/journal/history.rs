//! Earlier runs on one backend, and where each of them stands.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::JournalError;
use super::kept::{Content, Journals};
use super::record::{Backend, Origin, Record, StepRecord};
use super::sequence::Rank;
use super::standing::{Gist, RunState, Standings};
use crate::files;
use crate::plan::rollback::Written;
use crate::plan::{Fate, Operation};

/// The runs on one backend, oldest first.
#[derive(Debug)]
pub struct History {
    runs: Vec<(PathBuf, Record)>,
    standings: Standings,
}

/// Runs that are not done, and that nothing has finished or undone since.
#[derive(Debug)]
pub struct Unfinished {
    /// The last one.
    pub last: Record,
    /// Where it stands.
    pub state: RunState,
    /// The ids of those before it, oldest first.
    pub earlier: Vec<String>,
}

impl Unfinished {
    /// Looks for them among the runs of a backend. Every file of the folder is read once; what runs carry out is taken
    /// in of the last one alone.
    ///
    /// # Errors
    /// The folder or one of the files can't be read.
    pub fn read(folder: &Path, backend: &Backend) -> Result<Option<Self>, JournalError> {
        Self::of(&Journals::in_folder(folder)?, backend)
    }

    /// The same among journals that are at hand.
    ///
    /// # Errors
    /// One of them can't be read.
    pub fn of(journals: &Journals, backend: &Backend) -> Result<Option<Self>, JournalError> {
        let mut runs: Vec<((&Path, Content<'_>), Gist)> = Vec::new();
        for (path, content) in journals.entries()? {
            let run: Gist = content.read(path)?;
            if run.backend == *backend {
                runs.push(((path, content), run));
            }
        }
        runs.sort_by_cached_key(|(_, run)| Rank::of(&run.run));
        let (files, gists): (Vec<(&Path, Content<'_>)>, Vec<Gist>) = runs.into_iter().unzip();
        let standings = Standings(gists);
        let mut open: Vec<(usize, &Gist, RunState)> = standings.unfinished().collect();
        let Some((at, _, state)) = open.pop() else { return Ok(None) };
        let earlier = open.iter().map(|(_, run, _)| run.run.clone()).collect();
        let record = files.get(at).map(|(path, content)| content.read(path)).transpose()?;
        Ok(record.map(|last| Self { last, state, earlier }))
    }
}

impl History {
    /// Reads the runs of a backend that are kept in a folder; none where there is no folder.
    ///
    /// # Errors
    /// The folder or one of the files can't be read.
    pub fn read(folder: &Path, backend: &Backend) -> Result<Self, JournalError> {
        Self::of(&Journals::in_folder(folder)?, backend)
    }

    /// The runs of a backend among journals that are at hand.
    ///
    /// # Errors
    /// One of them can't be read.
    pub fn of(journals: &Journals, backend: &Backend) -> Result<Self, JournalError> {
        let mut runs: Vec<(PathBuf, Record)> = Vec::new();
        for (path, content) in journals.entries()? {
            let record: Record = content.read(path)?;
            if record.backend == *backend {
                runs.push((path.to_owned(), record));
            }
        }
        runs.sort_by_cached_key(|(_, record)| Rank::of(&record.run));
        let standings = Standings(runs.iter().map(|(_, record)| Gist::from(record)).collect());
        Ok(Self { runs, standings })
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
        Self::lately(&Journals::in_folder(folder)?, backend, window)
    }

    /// The same among journals that are at hand.
    ///
    /// # Errors
    /// One of them can't be read.
    pub fn lately(
        journals: &Journals,
        backend: &Backend,
        window: Duration,
    ) -> Result<Vec<Operation>, JournalError> {
        let since = super::ago(window);
        let mut written = Vec::new();
        for (path, content) in journals.entries()? {
            if content.is_older_than(window, path)? {
                continue;
            }
            let record: Record = content.read(path)?;
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

    /// Where a run stands.
    pub fn state(&self, record: &Record) -> RunState {
        self.standings.state(&Gist::from(record))
    }

    /// Whether a run is done, and left something to do all the same: to somebody else, by hand, or out of what was
    /// approved.
    pub fn leaves_something(&self, record: &Record) -> bool {
        let is_over = || match &record.origin {
            Origin::Undoes(run) => {
                self.find(run).is_some_and(|undone| self.state(undone) == RunState::RolledBack)
            }
            Origin::Request | Origin::Resumes(_) => false,
        };
        record.leaves_something() && self.state(record) == RunState::Done && !is_over()
    }

    /// The run that finished this one, and so on, to the last.
    pub fn head<'h>(&'h self, record: &'h Record) -> &'h Record {
        self.find(&self.standings.head(&Gist::from(record)).run).unwrap_or(record)
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

    /// The change that a run which was not done came to, counted from 1.
    pub fn stopped_at(&self) -> Option<usize> {
        let is_open = |step: &StepRecord| !step.outcome.is_some_and(Fate::is_settled);
        self.steps.iter().position(is_open).map(|index| index + 1)
    }
}
