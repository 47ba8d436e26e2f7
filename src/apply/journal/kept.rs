//! The journals that are kept in one place: a folder's files, or the parts of each in a bucket, put together.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::de::DeserializeOwned;

use super::JournalError;
use super::medium::part;
use super::record::Noted;
use super::sequence::{self, Rank};
use super::text::{self, TextError};
use super::trust::{Reader, unreadable};
use crate::cloud::aws::Bucket;
use crate::cloud::store::Store;

/// How many parts are read at a time.
const SIDE_BY_SIDE: usize = 16;

/// The journals in one place, oldest first.
#[derive(Debug)]
pub struct Journals {
    /// The folder that they are files of.
    folder: Option<PathBuf>,
    /// Each by its path, with all that it says where it is no file.
    kept: Vec<(PathBuf, Option<Vec<u8>>)>,
}

/// What a journal says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content<'a> {
    /// In its file, which is read when it is needed, and believed where nobody else could have written it.
    File(Reader),
    /// All of it.
    Text(&'a [u8]),
}

impl Journals {
    /// The files of a folder, by the runs that they are named for; none where there is no folder.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn in_folder(folder: &Path) -> Result<Self, JournalError> {
        let paths = sequence::files(folder).map_err(|error| unreadable(folder, &error))?;
        let kept = paths.into_iter().map(|path| (path, None)).collect();
        Ok(Self { folder: Some(folder.to_owned()), kept })
    }

    /// Those of a folder or bucket.
    ///
    /// # Errors
    /// They can't be read.
    pub async fn kept(store: &Store) -> Result<Self, JournalError> {
        match store {
            Store::Folder(folder) => Self::in_folder(folder),
            Store::Bucket(bucket) => Self::in_bucket(bucket).await,
        }
    }

    async fn in_bucket(bucket: &Bucket) -> Result<Self, JournalError> {
        let parts = bucket.names().await?.into_iter().filter_map(|name| {
            let (journal, begins) = name.split_once('/')?;
            Some((journal.to_owned(), begins.parse::<usize>().ok()?))
        });
        let read = async |(journal, begins): (String, usize)| {
            let name = part(&journal, begins as u64);
            let text = bucket.read(&name).await?;
            let gone = || unreadable(Path::new(&bucket.address(&name)), &"it is gone");
            Ok::<_, JournalError>((journal, begins, text.ok_or_else(gone)?))
        };
        let mut read = std::pin::pin!(stream::iter(parts).map(read).buffered(SIDE_BY_SIDE));
        let mut journals: Vec<(PathBuf, Option<Vec<u8>>)> = Vec::new();
        let mut last: Option<(String, Vec<u8>)> = None;
        let keep = |(journal, text): (String, Vec<u8>)| (PathBuf::from(bucket.address(&journal)), Some(text));
        while let Some((journal, begins, text)) = read.try_next().await? {
            let (known, mut so_far) = last.take().unwrap_or_else(|| (journal.clone(), Vec::new()));
            if known != journal {
                journals.push(keep((known, std::mem::take(&mut so_far))));
            }
            // Each part is named for what goes before it: a lost one is seen.
            if begins != so_far.len() {
                let path = bucket.address(&part(&journal, begins as u64));
                let reason = format!("{begins} bytes go before this part, and {} are there", so_far.len());
                return Err(JournalError::Unreadable { path, reason });
            }
            so_far.extend(text);
            last = Some((journal, so_far));
        }
        journals.extend(last.map(keep));
        journals.sort_by_cached_key(|(path, _)| Rank::of_file(path));
        Ok(Self { folder: None, kept: journals })
    }

    /// Each with what it says, where that is to be believed.
    ///
    /// # Errors
    /// Others may write to the folder.
    pub(super) fn entries(&self) -> Result<Vec<(&Path, Content<'_>)>, JournalError> {
        let reader = match &self.folder {
            Some(folder) if folder.try_exists().map_err(|error| unreadable(folder, &error))? => {
                let reader = Reader::new();
                reader.require_folder(folder)?;
                Some(reader)
            }
            _ => None,
        };
        let mut entries = Vec::new();
        for (path, text) in &self.kept {
            let gone = || unreadable(path, &"its folder is gone");
            let content = match text {
                Some(text) => Content::Text(text),
                None => Content::File(reader.ok_or_else(gone)?),
            };
            entries.push((path.as_path(), content));
        }
        Ok(entries)
    }

    /// Each journal's name with what it says, whoever wrote it.
    pub fn texts(&self) -> impl Iterator<Item = Result<(Cow<'_, str>, Cow<'_, [u8]>), JournalError>> {
        self.kept.iter().map(|(path, text)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let text = match text {
                Some(text) => Cow::Borrowed(text.as_slice()),
                None => Cow::Owned(fs::read(path).map_err(|error| unreadable(path, &error))?),
            };
            Ok((name, text))
        })
    }
}

impl Content<'_> {
    fn bytes(&self, path: &Path) -> Result<Cow<'_, [u8]>, JournalError> {
        match self {
            Self::File(reader) => reader.content(path).map(Cow::Owned),
            Self::Text(text) => Ok(Cow::Borrowed(text)),
        }
    }

    /// What it says, as far as it is asked for.
    pub(super) fn read<T: DeserializeOwned + Noted>(&self, path: &Path) -> Result<T, JournalError> {
        text::parse(&self.bytes(path)?).map_err(|error| match error {
            TextError::UnknownFormat(format) => {
                JournalError::UnknownFormat { path: path.display().to_string(), format }
            }
            other => unreadable(path, &other),
        })
    }

    /// Whether it was not written to within a window before now, as far as that is told without reading it.
    pub(super) fn is_older_than(&self, window: Duration, path: &Path) -> Result<bool, JournalError> {
        match self {
            Self::File(_) => {
                let touched = fs::metadata(path).and_then(|metadata| metadata.modified());
                let touched = touched.map_err(|error| unreadable(path, &error))?;
                // After a clock went back what was written then seems to be to come.
                Ok(touched.elapsed().is_ok_and(|age| age > window))
            }
            Self::Text(_) => Ok(false),
        }
    }
}
