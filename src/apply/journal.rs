//! The record of a run: the plan with every former text, and each step's intent before and outcome after it.
//!
//! One file a run. It comes to be whole, with what is known before the first write: under a temporary name, flushed,
//! then named, and the folder flushed. From then on each note is added to it and flushed: two for each change. In a bucket
//! the record and each note are objects of their own, named for how much goes before them: put together they are the file.

pub mod disk;
pub mod history;
mod kept;
mod medium;
mod note;
pub mod record;
mod sequence;
mod standing;
mod text;
mod trust;

use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroU8;
use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;
use time::format_description::well_known::iso8601::{Config, EncodedConfig, TimePrecision};

use self::medium::Medium;
use self::note::Note;
use self::record::Noted as _;
use super::StepResult;
use crate::cloud::CloudError;
use crate::cloud::store::Store;
use crate::plan::{Case, Finding, Told};

pub use disk::{Disk, RealDisk};
pub use history::{History, Unfinished};
pub use kept::Journals;
pub use record::{Backend, FORMAT, Origin, Record, StepRecord};
pub use standing::RunState;
pub use trust::Distrust;

/// The record could not be written or read; nothing is written to AWS without it.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file or folder can't be written.
    #[error("the journal `{path}` could not be written: {source}")]
    Unwritable {
        /// The file or folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The file or folder can't be read, or is no journal.
    #[error("the journal `{path}` can't be read: {reason}")]
    Unreadable {
        /// The file or folder.
        path: String,
        /// Why.
        reason: String,
    },
    /// The file is of another version of keymend.
    #[error("the journal `{path}` has format {format}, which is not known here")]
    UnknownFormat {
        /// The file.
        path: String,
        /// What the file says.
        format: u64,
    },
    /// Somebody else could have written the file, or files into the folder.
    #[error("the journal `{path}` is not believed: {reason}")]
    Distrusted {
        /// The file or folder.
        path: String,
        /// Why.
        reason: Distrust,
    },
    /// It can't be read in its bucket.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// There is no run of this id.
    #[error("there is no run `{0}` of this backend")]
    NoSuchRun(String),
}

/// A run's journal, open for writing.
#[derive(Debug)]
pub struct Journal<D: Disk = RealDisk> {
    medium: Medium<D>,
    path: PathBuf,
    /// As it is told by the file and what is unwritten.
    record: Record,
    /// How much of the file is known to be on the disk.
    length: u64,
    /// Notes that could not be written, though what they tell came to pass: they go before the next one.
    unwritten: String,
}

/// What a run is, before its first write.
#[derive(Debug)]
pub struct Beginning<'a> {
    /// What it writes to.
    pub backend: Backend,
    /// Why it is made.
    pub origin: Origin,
    /// What is carried out, what it was made from, and who writes.
    pub case: &'a Case,
    /// What puts the plan's findings into words.
    pub tell: fn(&Finding) -> Told,
    /// Which of the plan's changes.
    pub selected: &'a BTreeSet<usize>,
}

impl Journal {
    /// Begins a run: the record stands on disk before the first write.
    ///
    /// # Errors
    /// The folder can't be made, others may write to it, or the file can't be written.
    pub async fn begin(folder: &Path, beginning: &Beginning<'_>) -> Result<Self, JournalError> {
        Self::begin_on(RealDisk, folder, beginning).await
    }

    /// The same in a folder or bucket.
    ///
    /// # Errors
    /// As [`Journal::begin`].
    pub async fn begin_in(store: &Store, beginning: &Beginning<'_>) -> Result<Self, JournalError> {
        let medium = match store {
            Store::Folder(folder) => Medium::Folder(RealDisk, folder.clone()),
            Store::Bucket(bucket) => Medium::Bucket(bucket.clone()),
        };
        Self::begin_with(medium, beginning).await
    }
}

impl<D: Disk> Journal<D> {
    /// The same on any disk.
    ///
    /// # Errors
    /// As [`Journal::begin`].
    pub async fn begin_on(disk: D, folder: &Path, beginning: &Beginning<'_>) -> Result<Self, JournalError> {
        Self::begin_with(Medium::Folder(disk, folder.to_owned()), beginning).await
    }

    async fn begin_with(mut medium: Medium<D>, beginning: &Beginning<'_>) -> Result<Self, JournalError> {
        let Beginning { backend, origin, case, tell, selected } = beginning;
        medium.prepare()?;
        let place = medium.path("");
        let error = |source| unwritable(&place, source);
        let started = now();
        let moment: String = started.chars().take(19).filter(char::is_ascii_alphanumeric).collect();
        let mut record = Record {
            keymend_journal: FORMAT,
            run: String::new(),
            backend: backend.clone(),
            origin: origin.clone(),
            started,
            ended: None,
            callers: case.observation.callers.clone(),
            chain: case.chain.clone(),
            request: case.request.clone(),
            plan: case.plan.clone().map_findings(tell),
            steps: (0..case.plan.changes.len())
                .map(|index| StepRecord::begin(selected.contains(&index)))
                .collect(),
        };
        let turn = match &medium {
            Medium::Folder(_, folder) => sequence::turn(folder),
            Medium::Bucket(_) => None,
        };
        let length = loop {
            record.run = sequence::id(&format!("{moment}Z"), medium.next().await.map_err(error)?);
            let head = text::head(&record).map_err(|unfit| error(unfit.into()))?;
            match medium.create(&format!("{}.json", record.run), &head).await {
                Ok(()) => break head.len() as u64,
                // Somebody took the number since the folder was read.
                Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => {}
                Err(other) => return Err(error(other)),
            }
        };
        drop(turn);
        let path = medium.path(&format!("{}.json", record.run));
        Ok(Self { medium, path, record, length, unwritten: String::new() })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run's id.
    pub fn run(&self) -> &str {
        &self.record.run
    }

    /// A change is about to be written.
    pub(super) async fn intend(&mut self, index: usize) -> Result<(), JournalError> {
        self.note(Note::Intended { step: index, at: now() }).await
    }

    /// What became of a change is known.
    pub(super) async fn conclude(&mut self, index: usize, result: &StepResult) -> Result<(), JournalError> {
        let account = self.record.plan.changes.get(index).map(|change| change.operation.account());
        let caller = account.and_then(|account| self.record.callers.get(&account));
        let mut record = self.record.steps.get(index).cloned().unwrap_or_default();
        record.concluded = Some(now());
        record.caller = caller.map(|caller| caller.arn.clone());
        record.note(result);
        self.note(Note::Concluded { step: index, record }).await
    }

    /// The run comes to its end by itself, however it ends.
    pub(super) async fn end(&mut self) -> Result<(), JournalError> {
        self.note(Note::Ended { at: now() }).await
    }

    async fn note(&mut self, note: Note) -> Result<(), JournalError> {
        let Self { medium, path, record, length, unwritten } = self;
        let unwritable = |source| unwritable(path, source);
        let journal = format!("{}.json", record.run);
        let mut course = record.course();
        note.check(&course).map_err(|error| unwritable(io::Error::other(error)))?;
        let earlier = unwritten.len();
        unwritten.push_str(&text::line(&note).map_err(|unfit| unwritable(unfit.into()))?);
        let written = match medium.add(&journal, *length, unwritten).await {
            Ok(kept) => {
                *length = kept;
                unwritten.clear();
                Ok(())
            }
            Err(error) if matches!(note, Note::Intended { .. }) => {
                // What is intended is not done then.
                unwritten.truncate(earlier);
                return Err(unwritable(error));
            }
            Err(error) => Err(unwritable(error)),
        };
        note.take_in(&mut course).map_err(|error| unwritable(io::Error::other(error)))?;
        written
    }
}

fn unwritable(path: &Path, source: io::Error) -> JournalError {
    JournalError::Unwritable { path: path.display().to_string(), source }
}

/// This moment: RFC 3339, UTC.
pub(crate) fn now() -> String {
    ago(Duration::ZERO)
}

/// A moment so long before this one.
fn ago(duration: Duration) -> String {
    stamp(OffsetDateTime::now_utc() - duration)
}

/// Milliseconds with all their digits, so that stamps order as texts.
const STAMP: EncodedConfig =
    Config::DEFAULT.set_time_precision(TimePrecision::Second { decimal_digits: NonZeroU8::new(3) }).encode();

/// A moment in UTC, as RFC 3339 has it.
fn stamp(moment: OffsetDateTime) -> String {
    // Formatting a moment of our own time can't fail; an empty text would still be a valid record.
    moment.format(&Iso8601::<STAMP>).unwrap_or_default()
}

#[cfg(test)]
mod tests;
