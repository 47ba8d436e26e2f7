//! Reading, until nothing of what was read is older than what this machine wrote lately.

use std::time::Duration;

use super::console::Console;
use super::place::Place;
use crate::apply::Clock;
use crate::apply::recent;
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
    place: Option<&Place>,
    console: &mut Console,
    read: impl AsyncFn() -> Result<T, E>,
    observation: impl Fn(&T) -> &Observation,
) -> Result<T, Error>
where
    Error: From<E>,
{
    let written = place.map(Place::recent).transpose()?.unwrap_or_default();
    let start = clock.elapsed();
    let mut is_told = false;
    loop {
        let found = read().await?;
        let Some(resource) = written.outdated_in(observation(&found)) else { return Ok(found) };
        if clock.elapsed().saturating_sub(start) > recent::WINDOW {
            return Err(PutBackError { resource }.into());
        }
        if !std::mem::replace(&mut is_told, true) {
            console.remark(&format!(
                "`{resource}` still reads as it was before this machine wrote it; it is read again until that shows."
            ))?;
        }
        clock.sleep(PAUSE).await;
    }
}
