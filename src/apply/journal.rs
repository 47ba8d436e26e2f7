//! The record of a run: the plan with every former text, and each step's intent before and outcome after it.
//!
//! One file a run, written whole at every step: to a temporary file, flushed, renamed, and the folder flushed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::StepResult;
use crate::access::Request;
use crate::arn::AccountId;
use crate::observation::Caller;
use crate::plan::Plan;

/// The version of the file's format.
pub const FORMAT: u32 = 1;

/// The record could not be written; nothing is written to AWS without it.
#[derive(Debug, thiserror::Error)]
#[error("the journal `{path}` could not be written: {source}")]
pub struct JournalError {
    /// The file or folder.
    pub path: String,
    /// Why.
    pub source: io::Error,
}

/// What a run writes to: rollback and resume see only runs of the backend they are given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// AWS.
    Aws,
    /// A sandbox's world file.
    World(PathBuf),
}

/// The content of a journal file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`FORMAT`].
    pub keymend_journal: u32,
    /// The run's id, which is also the file's name.
    pub run: String,
    /// What the run writes to.
    pub backend: Backend,
    /// When it began: RFC 3339, UTC.
    pub started: String,
    /// Who writes, by account.
    pub callers: BTreeMap<AccountId, Caller>,
    /// What was asked for.
    pub request: Request,
    /// What is carried out, with every text before and after.
    pub plan: Plan,
    /// One entry for each of the plan's changes.
    pub steps: Vec<StepRecord>,
}

/// What became of one change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepRecord {
    /// When the write was about to be made; RFC 3339, UTC.
    pub intended: Option<String>,
    /// When its outcome was known.
    pub concluded: Option<String>,
    /// The outcome.
    pub outcome: Option<StepOutcome>,
    /// AWS's request id.
    pub request_id: Option<String>,
    /// What went wrong, in words.
    pub error: Option<String>,
}

/// How a change ended, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// Written and read back.
    Applied,
    /// Already as planned.
    AlreadyDone,
    /// Left out when it was approved.
    Deselected,
    /// Written, then changed by somebody else.
    Overwritten,
    /// Written, not read back as written in time.
    Unsettled,
    /// Changed by somebody else.
    Stale,
    /// Refused, or failed on the way.
    Failed,
}

/// A run's journal, open for writing.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    record: Record,
}

impl Journal {
    /// Begins a run: the record stands on disk before the first write.
    ///
    /// # Errors
    /// The folder can't be made or the file can't be written.
    pub fn begin(
        folder: &Path,
        backend: Backend,
        request: &Request,
        plan: &Plan,
        selected: &BTreeSet<usize>,
        callers: &BTreeMap<AccountId, Caller>,
    ) -> Result<Self, JournalError> {
        let error = |source| JournalError { path: folder.display().to_string(), source };
        create_private_folder(folder).map_err(error)?;
        let started = now();
        let (run, path) = new_run(folder, &started).map_err(error)?;
        let record = Record {
            keymend_journal: FORMAT,
            run,
            backend,
            started,
            callers: callers.clone(),
            request: request.clone(),
            plan: plan.clone(),
            steps: (0..plan.changes.len())
                .map(|index| StepRecord::begin(selected.contains(&index)))
                .collect(),
        };
        let journal = Self { path, record };
        if let Err(error) = journal.write() {
            // An empty file would look like a run; that it stays where even this fails is told by the error.
            _ = fs::remove_file(&journal.path);
            return Err(error);
        }
        Ok(journal)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run's id.
    pub fn run(&self) -> &str {
        &self.record.run
    }

    pub(super) fn intend(&mut self, index: usize) -> Result<(), JournalError> {
        if let Some(step) = self.record.steps.get_mut(index) {
            step.intended = Some(now());
        }
        self.write()
    }

    pub(super) fn conclude(&mut self, index: usize, result: &StepResult) -> Result<(), JournalError> {
        if let Some(step) = self.record.steps.get_mut(index) {
            step.concluded = Some(now());
            step.note(result);
        }
        self.write()
    }

    fn write(&self) -> Result<(), JournalError> {
        write_atomically(&self.path, &self.record)
            .map_err(|source| JournalError { path: self.path.display().to_string(), source })
    }
}

impl StepRecord {
    fn begin(is_selected: bool) -> Self {
        let outcome = (!is_selected).then_some(StepOutcome::Deselected);
        Self { outcome, ..Self::default() }
    }

    fn note(&mut self, result: &StepResult) {
        let (outcome, request_id, error) = match result {
            StepResult::Applied { request_id } => (StepOutcome::Applied, request_id.clone(), None),
            StepResult::AlreadyDone => (StepOutcome::AlreadyDone, None, None),
            StepResult::Unsettled { request_id } => (StepOutcome::Unsettled, request_id.clone(), None),
            StepResult::Overwritten(now) => (StepOutcome::Overwritten, None, Some(now.to_string())),
            StepResult::Stale(now) => (StepOutcome::Stale, None, Some(now.to_string())),
            StepResult::Failed(error) => {
                (StepOutcome::Failed, error.request_id.clone(), Some(error.to_string()))
            }
            StepResult::NotStarted | StepResult::Deselected => return,
        };
        self.outcome = Some(outcome);
        self.request_id = request_id;
        self.error = error;
    }
}

/// This moment: RFC 3339, UTC.
pub(crate) fn now() -> String {
    // Formatting a moment of our own time can't fail; an empty text would still be a valid record.
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default()
}

/// A file nobody else has: the moment to the second, then counted up.
fn new_run(folder: &Path, started: &str) -> io::Result<(String, PathBuf)> {
    let moment: String = started.chars().take(19).filter(char::is_ascii_alphanumeric).collect();
    for number in 1..1000 {
        let run = format!("{moment}Z-{number}");
        let path = folder.join(format!("{run}.json"));
        match private_options().create_new(true).open(&path) {
            Ok(_) => return Ok((run, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("a thousand runs began in this second"))
}

fn write_atomically(path: &Path, record: &Record) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".journal-").tempfile_in(folder)?;
    let text = serde_json::to_string_pretty(record).map_err(io::Error::other)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

fn private_options() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
