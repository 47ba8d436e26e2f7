//! What takes computing goes on beside what waits: a worker is free meanwhile to show that it is alive.

use std::future::pending;
use std::panic::resume_unwind;

use tokio::sync::Semaphore;

/// What one account takes in memory while it is computed is much; others are read meanwhile.
static TURN: Semaphore = Semaphore::const_new(1);

/// Computes something on a thread of its own, behind what others compute.
pub async fn aside<T: Send + 'static>(compute: impl FnOnce() -> T + Send + 'static) -> T {
    let _turn = TURN.acquire().await;
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
}
