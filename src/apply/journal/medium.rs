//! What a journal is written on: a file that is added to, or in a bucket an object for each addition.

use std::io;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::sequence::{self, Rank};
use super::trust::Reader;
use super::{JournalError, unwritable};
use crate::cloud::aws::{Bucket, Made};

/// Where a run's journal comes to be.
#[derive(Debug)]
pub(super) enum Medium<D> {
    /// A folder, by whatever makes its files.
    Folder(D, PathBuf),
    /// A bucket: an object can't be added to, so each addition is one of its own.
    Bucket(Bucket),
}

/// The part of a journal that begins after so many bytes, by a name that sorts as the number does.
pub(super) fn part(journal: &str, begins: u64) -> String {
    format!("{journal}/{begins:012}")
}

impl<D: Disk> Medium<D> {
    /// Makes sure that journals can be kept there, and that nobody else keeps them there.
    pub(super) fn prepare(&mut self) -> Result<(), JournalError> {
        let Self::Folder(disk, folder) = self else { return Ok(()) };
        let error = |source| unwritable(folder, source);
        disk.create_private_folder(folder).map_err(error)?;
        Reader::new().require_folder(folder)
    }

    /// Where a journal is, as it is told.
    pub(super) fn path(&self, journal: &str) -> PathBuf {
        match self {
            Self::Folder(_, folder) => folder.join(journal),
            Self::Bucket(bucket) => bucket.address(journal).into(),
        }
    }

    /// The number of the next run.
    pub(super) async fn next(&self) -> io::Result<u64> {
        match self {
            Self::Folder(_, folder) => sequence::next(folder),
            Self::Bucket(bucket) => {
                let parts = bucket.names().await.map_err(io::Error::other)?;
                let journals = parts.iter().filter_map(|part| part.split_once('/'));
                sequence::after(journals.map(|(journal, _)| Rank::of_file(Path::new(journal))))
            }
        }
    }

    /// A new journal with its text, which is kept at once; an error where the name is taken.
    pub(super) async fn create(&mut self, journal: &str, text: &str) -> io::Result<()> {
        match self {
            Self::Folder(disk, folder) => disk.create(&folder.join(journal), text),
            Self::Bucket(bucket) => match bucket.make(&part(journal, 0), text).await {
                Ok(Made::New) => Ok(()),
                Ok(Made::There) => Err(io::ErrorKind::AlreadyExists.into()),
                Err(error) => Err(io::Error::other(error)),
            },
        }
    }

    /// Adds a text to a journal after so many bytes, and tells how many there are then. What an addition that failed left in a
    /// file goes; in a bucket it stays, and is not written twice.
    pub(super) async fn add(&mut self, journal: &str, length: u64, text: &str) -> io::Result<u64> {
        let bucket = match self {
            Self::Folder(disk, folder) => {
                disk.add(&folder.join(journal), length, text)?;
                return Ok(length + text.len() as u64);
            }
            Self::Bucket(bucket) => bucket,
        };
        let (mut length, mut text) = (length, text.to_owned());
        while !text.is_empty() {
            let name = part(journal, length);
            if bucket.make(&name, &text).await.map_err(io::Error::other)? == Made::New {
                return Ok(length + text.len() as u64);
            }
            let there = bucket.read(&name).await.map_err(io::Error::other)?.unwrap_or_default();
            length += there.len() as u64;
            text = without(&text, &there);
        }
        Ok(length)
    }
}

/// The lines that are not there yet.
fn without(text: &str, there: &[u8]) -> String {
    let known: Vec<&[u8]> = there.split_inclusive(|byte| *byte == b'\n').collect();
    text.split_inclusive('\n').filter(|line| !known.contains(&line.as_bytes())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_written_twice() {
        for (text, there, left) in [
            ("a\nb\n", "a\n", "b\n"),
            ("a\nb\n", "a\nb\n", ""),
            // What was intended and not done stays, and what came to pass before it is there.
            ("a\nc\n", "a\nb\n", "c\n"),
            ("c\n", "b\n", "c\n"),
        ] {
            assert_eq!(without(text, there.as_bytes()), left);
        }
    }
}
