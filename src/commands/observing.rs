//! Reading, until nothing of what was read is older than what this machine wrote lately.

use std::io;
use std::time::Duration;

use crate::apply::Clock;
use crate::apply::recent::{self, Recent};
use crate::error::{Error, PutBackError};
use crate::observation::Observation;

/// Between two readings.
const PAUSE: Duration = Duration::from_secs(2);

/// Reads anew while something reads as it was before a write: nothing is ever built upon it.
///
/// # Errors
/// It still does long after the write: somebody put it back.
pub(super) async fn up_to_date<T, E>(
    clock: &impl Clock,
    written: &Recent,
    tell: &mut dyn FnMut(&str) -> io::Result<()>,
    read: impl AsyncFn() -> Result<T, E>,
    observation: impl Fn(&T) -> &Observation,
) -> Result<T, Error>
where
    Error: From<E>,
{
    let start = clock.elapsed();
    let mut is_told = false;
    loop {
        let found = read().await?;
        let Some(resource) = written.outdated_in(observation(&found)) else { return Ok(found) };
        if clock.elapsed().saturating_sub(start) > recent::WINDOW {
            return Err(PutBackError { resource }.into());
        }
        if !std::mem::replace(&mut is_told, true) {
            tell(&format!(
                "`{resource}` still reads as it was before this machine wrote it; it is read again until that shows."
            ))?;
        }
        clock.sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::apply::clock::RunClock;
    use crate::cloud::sandbox::WorldTime;
    use crate::observation::{KeyObservation, RamPolicy, Reading};
    use crate::plan::Target;
    use crate::render::testing;

    /// What is read of the key of an update, when it shows after so many reads.
    async fn read_until(shows_after: usize) -> (Result<Observation, Error>, usize, Duration) {
        let operation = testing::every_operation().remove(0).operation;
        let Target::KeyPolicy(update) = operation.target() else { panic!("{operation:?}") };
        let reads = Cell::new(0);
        let read = async || -> Result<Observation, Error> {
            let is_old = reads.replace(reads.get() + 1) < shows_after;
            let text = if is_old { &update.before } else { &update.after };
            let key = KeyObservation {
                metadata: Reading::default(),
                policy: Reading::Read(text.clone()),
                ram_policy: RamPolicy::Absent,
                grants: Reading::default(),
            };
            Ok(Observation { keys: [(update.key.clone(), key)].into(), ..Observation::default() })
        };
        let (clock, written) = (RunClock::World(WorldTime::default()), Recent::of([&operation]));
        let found = up_to_date(&clock, &written, &mut |_| Ok(()), read, |observation| observation).await;
        (found, reads.get(), clock.elapsed())
    }

    #[tokio::test]
    async fn a_read_that_is_older_than_a_write_is_made_anew() {
        for late in [0, 1, 7] {
            let (found, reads, waited) = read_until(late).await;
            assert!(found.is_ok(), "{found:?}");
            assert_eq!((reads, waited), (late + 1, PAUSE * u32::try_from(late).unwrap()));
        }
    }

    #[tokio::test]
    async fn what_reads_as_before_for_longer_was_put_back() {
        let (found, _, waited) = read_until(usize::MAX).await;
        let error = found.unwrap_err();
        assert!(matches!(error, Error::PutBack(_)), "{error}");
        assert_eq!(error.exit_status(), crate::error::ExitStatus::Stale);
        assert!((recent::WINDOW..recent::WINDOW + PAUSE * 2).contains(&waited), "{waited:?}");
    }
}
