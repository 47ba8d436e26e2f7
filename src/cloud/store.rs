//! A place for records that several workers share: a folder, or a bucket of Amazon S3.

mod location;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::CloudError;
use super::aws::{Bucket, Made};
use crate::files::{self, Unnamed};

pub use location::{BadLocation, Location};

const PRIVATE: u32 = 0o600;

/// A place for records, each of which is there whole or not at all, by its name.
#[derive(Debug, Clone)]
pub enum Store {
    /// A folder; its files are their owner's alone.
    Folder(PathBuf),
    /// A bucket, or what is under a prefix in it.
    Bucket(Bucket),
}

/// A record can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// In a folder.
    #[error("`{path}` can't be {what}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// `read` or `written`.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// In a bucket.
    #[error(transparent)]
    Cloud(#[from] CloudError),
}

impl Store {
    /// The same, further down.
    #[must_use]
    pub fn at(&self, below: &str) -> Self {
        match self {
            Self::Folder(folder) => Self::Folder(folder.join(below)),
            Self::Bucket(bucket) => Self::Bucket(bucket.at(below)),
        }
    }

    /// Where a record is, as it is told; with no name, where all are.
    pub fn path(&self, name: &str) -> String {
        match self {
            Self::Folder(folder) if name.is_empty() => folder.display().to_string(),
            Self::Folder(folder) => folder.join(name).display().to_string(),
            Self::Bucket(bucket) => bucket.address(name),
        }
    }

    /// Makes folders that only their owner may enter; a bucket has none.
    ///
    /// # Errors
    /// One can't be made.
    pub fn prepare(&self, names: &[&str]) -> Result<(), StoreError> {
        let Self::Folder(folder) = self else { return Ok(()) };
        for name in names {
            let folder = folder.join(name);
            make_private(&folder).map_err(|source| written(&folder, source))?;
        }
        Ok(())
    }

    /// The same, further down, in a folder of its own: one that is there has to be a folder, and no link to one.
    ///
    /// # Errors
    /// It can't be made, or something else has its name.
    pub fn own(&self, below: &str) -> Result<Self, StoreError> {
        if let Self::Folder(folder) = self {
            let folder = folder.join(below);
            files::own_folder(&folder).map_err(|source| written(&folder, source))?;
        }
        Ok(self.at(below))
    }

    /// What a record says; none where there is none.
    ///
    /// # Errors
    /// It can't be read.
    pub async fn read(&self, name: &str) -> Result<Option<String>, StoreError> {
        match self {
            Self::Folder(folder) => match fs::read_to_string(folder.join(name)) {
                Ok(text) => Ok(Some(text)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(source) => Err(read(&folder.join(name), source)),
            },
            Self::Bucket(bucket) => {
                let text = bucket.read(name).await?.map(String::from_utf8).transpose();
                text.map_err(|error| StoreError::Io {
                    path: bucket.address(name),
                    what: "read",
                    source: io::Error::new(io::ErrorKind::InvalidData, error),
                })
            }
        }
    }

    /// Makes a record that nobody made before; where it is there already, it stays.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn make(&self, name: &str, text: &str) -> Result<Made, StoreError> {
        match self {
            Self::Folder(folder) => {
                let file = folder.join(name);
                match Unnamed::private(&file, text).and_then(|new| new.name_new(&file)) {
                    Ok(()) => Ok(Made::New),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Made::There),
                    Err(error) => Err(written(&file, error)),
                }
            }
            Self::Bucket(bucket) => Ok(bucket.make(name, text).await?),
        }
    }

    /// Writes a record, in the place of the one that is there.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn write(&self, name: &str, text: &str) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => {
                let file = folder.join(name);
                files::write(&file, text, PRIVATE).map_err(|source| written(&file, source))
            }
            Self::Bucket(bucket) => Ok(bucket.write(name, text).await?),
        }
    }

    /// Writes a record in the place of whatever has its name: in a folder it goes through no link.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn put(&self, name: &str, text: &str) -> Result<(), StoreError> {
        match self {
            Self::Folder(folder) => {
                let file = folder.join(name);
                files::put(&file, text).map_err(|source| written(&file, source))
            }
            Self::Bucket(bucket) => Ok(bucket.write(name, text).await?),
        }
    }

    /// The names of the records here.
    ///
    /// # Errors
    /// They can't be listed.
    pub async fn names(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Folder(folder) => {
                let mut names = Vec::new();
                for entry in fs::read_dir(folder).map_err(|source| read(folder, source))? {
                    let name = entry.map_err(|source| read(folder, source))?.file_name();
                    // No record has a name that is no text.
                    names.extend(name.into_string().ok());
                }
                Ok(names)
            }
            Self::Bucket(bucket) => Ok(bucket.names().await?),
        }
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn read(path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { path: path.display().to_string(), what: "read", source }
}

fn written(path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { path: path.display().to_string(), what: "written", source }
}
