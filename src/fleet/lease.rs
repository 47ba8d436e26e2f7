//! Who works on a shard: a lease that a worker shows to be alive, and that another one takes over where it is not.
//!
//! A lease is a file of its own each time somebody takes it, which nobody else can make: so it works on any file system
//! that makes a file only once, without locks and without comparing two hosts' clocks.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::files::{self, Unnamed};

/// How often a worker shows that it is alive, in its lease's time.
const BEATS: u32 = 5;

/// What stands in the lease of a worker that came to its end.
const RELEASED: &str = "released\n";

/// A lease that is held.
#[derive(Debug)]
pub struct Lease {
    folder: PathBuf,
    /// Of what, as the first part of its files' names.
    of: String,
    /// How many held it before, and this one.
    generation: u64,
    expiry: Duration,
    beats: Cell<u64>,
}

/// Why a lease was not given.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Somebody has it, and is alive.
    #[error("another worker holds the lease `{0}`, and is alive")]
    Held(String),
    /// Its files can't be read or written.
    #[error("the lease `{path}` can't be kept: {source}")]
    Unkept {
        /// The file or folder.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl Lease {
    /// Takes a lease in a folder: at once where nobody holds it, after one expiry where whoever held it does not show to be
    /// alive.
    ///
    /// # Errors
    /// Somebody alive holds it, or its files can't be read or written.
    pub async fn take(folder: &Path, of: &str, expiry: Duration) -> Result<Self, LeaseError> {
        let lease = |generation| Self {
            folder: folder.to_owned(),
            of: of.to_owned(),
            generation,
            expiry,
            beats: Cell::new(0),
        };
        loop {
            let last = lease(last_generation(folder, of)?);
            if last.generation > 0 && !last.is_given_up().await? {
                return Err(LeaseError::Held(of.to_owned()));
            }
            let next = lease(last.generation + 1);
            match next.make() {
                Ok(()) => return Ok(next),
                // Somebody else was faster, and is looked at in turn.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(next.unkept(source)),
            }
        }
    }

    /// Whether nobody took it over.
    pub fn is_own(&self) -> bool {
        let next = Self { generation: self.generation + 1, ..self.named() };
        matches!(next.path().try_exists(), Ok(false)) && matches!(self.path().try_exists(), Ok(true))
    }

    /// Shows again and again that its holder is alive; never ends while that can be done.
    ///
    /// # Errors
    /// The lease is another's by now, or its file can't be written.
    pub async fn keep(&self) -> LeaseError {
        loop {
            tokio::time::sleep(self.expiry / BEATS).await;
            if !self.is_own() {
                return LeaseError::Held(self.of.clone());
            }
            self.beats.set(self.beats.get() + 1);
            if let Err(source) = files::write(&self.path(), &self.beat(), 0o600) {
                return self.unkept(source);
            }
        }
    }

    /// Gives it up, so that the next one need not wait.
    ///
    /// # Errors
    /// Its file can't be written: the next one waits.
    pub fn release(self) -> Result<(), LeaseError> {
        if self.is_own() {
            files::write(&self.path(), RELEASED, 0o600).map_err(|source| self.unkept(source))?;
        }
        Ok(())
    }

    /// Whether whoever holds this one is gone: nothing changes in it for as long as it lasts.
    async fn is_given_up(&self) -> Result<bool, LeaseError> {
        let read = || std::fs::read_to_string(self.path()).map_err(|source| self.unkept(source));
        let seen = read()?;
        if seen == RELEASED {
            return Ok(true);
        }
        for _ in 0..=BEATS {
            tokio::time::sleep(self.expiry / BEATS).await;
            let now = read()?;
            if now == RELEASED {
                return Ok(true);
            }
            if now != seen || !self.is_own() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn make(&self) -> io::Result<()> {
        Unnamed::private(&self.path(), &self.beat())?.name_new(&self.path())
    }

    fn beat(&self) -> String {
        format!("process {}, beat {}\n", std::process::id(), self.beats.get())
    }

    fn named(&self) -> Self {
        let Self { folder, of, generation, expiry, .. } = self;
        Self {
            folder: folder.clone(),
            of: of.clone(),
            generation: *generation,
            expiry: *expiry,
            beats: Cell::new(0),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.{}", self.of, self.generation))
    }

    fn unkept(&self, source: io::Error) -> LeaseError {
        LeaseError::Unkept { path: self.path().display().to_string(), source }
    }
}

/// The last time a lease was given; 0 where it never was.
fn last_generation(folder: &Path, of: &str) -> Result<u64, LeaseError> {
    let unkept = |source| LeaseError::Unkept { path: folder.display().to_string(), source };
    let mut last = 0;
    for entry in std::fs::read_dir(folder).map_err(unkept)? {
        let name = entry.map_err(unkept)?.file_name();
        let generation =
            name.to_str().and_then(|name| name.strip_prefix(of)?.strip_prefix('.')?.parse().ok());
        last = last.max(generation.unwrap_or(0));
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPIRY: Duration = Duration::from_secs(30);

    async fn take(folder: &Path) -> Result<Lease, LeaseError> {
        Lease::take(folder, "apply-1-of-4", EXPIRY).await
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_gone_is_waited_for_once() {
        let folder = tempfile::tempdir().unwrap();
        let start = tokio::time::Instant::now();
        let first = take(folder.path()).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert!(first.is_own());
        let second = take(folder.path()).await.unwrap();
        assert!((EXPIRY..=EXPIRY * 2).contains(&start.elapsed()), "{:?}", start.elapsed());
        assert!(second.is_own() && !first.is_own(), "the first one sees that it lost it");
        assert!(matches!(first.keep().await, LeaseError::Held(_)));
        // What the first one does about it is of no matter to the second.
        first.release().unwrap();
        assert!(second.is_own());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_alive_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = take(folder.path()).await.unwrap();
        let second = async {
            tokio::select! {
                ended = first.keep() => panic!("{ended}"),
                second = take(folder.path()) => second,
            }
        };
        assert!(matches!(second.await, Err(LeaseError::Held(_))));
        assert!(first.is_own());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_given_back_is_taken_at_once() {
        let folder = tempfile::tempdir().unwrap();
        take(folder.path()).await.unwrap().release().unwrap();
        let start = tokio::time::Instant::now();
        let second = take(folder.path()).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(second.generation, 2);
        assert!(take(folder.path().join("none").as_path()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn of_several_that_wait_one_gets_it() {
        let folder = tempfile::tempdir().unwrap();
        drop(take(folder.path()).await.unwrap());
        let takers = [take(folder.path()), take(folder.path()), take(folder.path())];
        let taken = futures_util::future::join_all(takers).await;
        let held = taken.iter().filter(|taken| taken.as_ref().is_ok_and(Lease::is_own));
        assert_eq!(held.count(), 1);
    }
}
