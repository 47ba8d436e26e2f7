//! Who works on a shard: a lease that a worker shows to be alive, and that another one takes over where it is not.
//!
//! A lease is a record of its own each time somebody takes it, which nobody else can make: so it works on any file system
//! that makes a file only once, and in a bucket, without locks and without comparing two hosts' clocks.

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use futures_util::future::try_join;

use crate::cloud::aws::Made;
use crate::cloud::store::{Store, StoreError};

/// How often a worker shows that it is alive, in its lease's time.
const BEATS: u32 = 5;

/// What stands in the lease of a worker that came to its end.
const RELEASED: &str = "released\n";

/// A lease that is held.
#[derive(Debug)]
pub struct Lease {
    store: Store,
    /// Of what, as the first part of its records' names.
    of: String,
    /// How many held it before, and this one.
    generation: u64,
    expiry: Duration,
    /// Who holds it: processes of two hosts may have one number.
    holder: u64,
    beats: Cell<u64>,
}

/// Why a lease was not given.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Somebody has it, and is alive.
    #[error("another worker holds the lease `{0}`, and is alive")]
    Held(String),
    /// Its records can't be read or written.
    #[error("the lease can't be kept: {0}")]
    Unkept(#[from] StoreError),
}

impl Lease {
    /// Takes a lease in a place: at once where nobody holds it, after one expiry where whoever held it does not show to be
    /// alive.
    ///
    /// # Errors
    /// Somebody alive holds it, or its records can't be read or written.
    pub async fn take(store: &Store, of: &str, expiry: Duration) -> Result<Self, LeaseError> {
        let holder = RandomState::new().hash_one(std::process::id());
        let lease = |generation| Self {
            store: store.clone(),
            of: of.to_owned(),
            generation,
            expiry,
            holder,
            beats: Cell::new(0),
        };
        loop {
            let last = lease(last_generation(store, of).await?);
            if last.generation > 0 && !last.is_given_up().await? {
                return Err(LeaseError::Held(of.to_owned()));
            }
            let next = lease(last.generation + 1);
            // Where somebody else was faster, that one is looked at in turn.
            if store.make(&next.name(), &next.beat()).await? == Made::New {
                return Ok(next);
            }
        }
    }

    /// Whether nobody took it over. Where that can't be seen, it may be another's.
    pub async fn is_own(&self) -> bool {
        self.is_seen_own().await.unwrap_or(false)
    }

    async fn is_seen_own(&self) -> Result<bool, StoreError> {
        let (own, next) = (self.name(), self.named(self.generation + 1));
        let (own, next) = try_join(self.store.read(&own), self.store.read(&next)).await?;
        Ok(own.is_some() && next.is_none())
    }

    /// Shows again and again that its holder is alive; never ends while that can be done.
    ///
    /// # Errors
    /// The lease is another's by now, or its record can't be written.
    pub async fn keep(&self) -> LeaseError {
        loop {
            tokio::time::sleep(self.expiry / BEATS).await;
            match self.is_seen_own().await {
                Ok(true) => {}
                Ok(false) => return LeaseError::Held(self.of.clone()),
                Err(error) => return error.into(),
            }
            self.beats.set(self.beats.get() + 1);
            if let Err(error) = self.store.write(&self.name(), &self.beat()).await {
                return error.into();
            }
        }
    }

    /// Gives it up, so that the next one need not wait.
    ///
    /// # Errors
    /// Its record can't be written: the next one waits.
    pub async fn release(self) -> Result<(), LeaseError> {
        if self.is_own().await {
            self.store.write(&self.name(), RELEASED).await?;
        }
        Ok(())
    }

    /// Whether whoever holds this one is gone: nothing changes in it for as long as it lasts.
    async fn is_given_up(&self) -> Result<bool, LeaseError> {
        let seen = self.store.read(&self.name()).await?;
        if seen.as_deref() == Some(RELEASED) {
            return Ok(true);
        }
        for _ in 0..=BEATS {
            tokio::time::sleep(self.expiry / BEATS).await;
            let now = self.store.read(&self.name()).await?;
            if now.as_deref() == Some(RELEASED) {
                return Ok(true);
            }
            if now != seen || !self.is_own().await {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn beat(&self) -> String {
        format!("process {}, {:016x}, beat {}\n", std::process::id(), self.holder, self.beats.get())
    }

    fn name(&self) -> String {
        self.named(self.generation)
    }

    fn named(&self, generation: u64) -> String {
        format!("{}.{generation}", self.of)
    }
}

/// The last time a lease was given; 0 where it never was.
async fn last_generation(store: &Store, of: &str) -> Result<u64, LeaseError> {
    let generation = |name: &String| name.strip_prefix(of)?.strip_prefix('.')?.parse().ok();
    Ok(store.names().await?.iter().filter_map(generation).max().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const EXPIRY: Duration = Duration::from_secs(30);

    async fn take(folder: &Path) -> Result<Lease, LeaseError> {
        Lease::take(&Store::Folder(folder.to_owned()), "apply-1-of-4", EXPIRY).await
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_gone_is_waited_for_once() {
        let folder = tempfile::tempdir().unwrap();
        let start = tokio::time::Instant::now();
        let first = take(folder.path()).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert!(first.is_own().await);
        let second = take(folder.path()).await.unwrap();
        assert!((EXPIRY..=EXPIRY * 2).contains(&start.elapsed()), "{:?}", start.elapsed());
        assert!(second.is_own().await && !first.is_own().await, "the first one sees that it lost it");
        assert!(matches!(first.keep().await, LeaseError::Held(_)));
        // What the first one does about it is of no matter to the second.
        first.release().await.unwrap();
        assert!(second.is_own().await);
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
        assert!(first.is_own().await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_given_back_is_taken_at_once() {
        let folder = tempfile::tempdir().unwrap();
        take(folder.path()).await.unwrap().release().await.unwrap();
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
        let mut held = 0;
        for taken in taken.iter().flatten() {
            held += usize::from(taken.is_own().await);
        }
        assert_eq!(held, 1);
    }
}
