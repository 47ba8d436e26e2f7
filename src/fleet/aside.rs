//! What takes computing goes on beside what waits: a worker is free meanwhile to show that it is alive.

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, Semaphore};

/// What one account takes in memory while it is computed is much; others are read meanwhile.
static TURN: Semaphore = Semaphore::const_new(1);

/// How many wait for their turn, with all that they have read.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Told whenever one of them has waited long enough.
static HAS_WAITED: Notify = Notify::const_new();

/// While so many wait, nobody else has to begin to read.
const ENOUGH: usize = 1;

/// Waits before something is read that is computed then, while enough of it waits for its turn.
pub async fn until_wanted() {
    loop {
        let has_waited = HAS_WAITED.notified();
        if WAITING.load(Ordering::SeqCst) < ENOUGH {
            return;
        }
        has_waited.await;
    }
}

/// One of those who wait.
struct Waiting;

impl Waiting {
    fn begin() -> Self {
        WAITING.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::SeqCst);
        HAS_WAITED.notify_waiters();
    }
}

/// Computes something on a thread of its own, behind what others compute.
pub async fn aside<T: Send + 'static>(compute: impl FnOnce() -> T + Send + 'static) -> T {
    let waiting = Waiting::begin();
    let _turn = TURN.acquire().await;
    drop(waiting);
    match tokio::task::spawn_blocking(compute).await {
        Ok(computed) => computed,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The program ends, and with it whoever waits here.
            Err(_) => pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn whoever_waits_goes_on_while_something_is_computed() {
        let (tell, told) = std::sync::mpsc::channel();
        let computed = aside(move || told.recv_timeout(Duration::from_secs(20)).unwrap());
        let other = async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            tell.send(7).unwrap();
        };
        assert_eq!(tokio::join!(computed, other).0, 7);
    }

    #[tokio::test]
    async fn nobody_begins_while_enough_wait_and_somebody_as_soon_as_one_has_waited() {
        let turn = TURN.acquire().await.unwrap();
        let mut waiting: Vec<_> = (0..ENOUGH).map(|number| Box::pin(aside(move || number))).collect();
        for one in &mut waiting {
            assert!(one.as_mut().now_or_never().is_none());
        }
        let mut next = Box::pin(until_wanted());
        assert!(next.as_mut().now_or_never().is_none());
        drop(turn);
        let ((), computed) = tokio::join!(next, join_all(waiting));
        assert_eq!(computed, (0..ENOUGH).collect::<Vec<_>>());
    }
}
