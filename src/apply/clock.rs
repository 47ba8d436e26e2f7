//! The clocks that a run waits by.

use std::time::{Duration, Instant};

use crate::cloud::sandbox::WorldTime;

/// Time, so that tests and the sandbox need not wait.
pub trait Clock {
    /// Waits.
    async fn sleep(&self, duration: Duration);

    /// How long this clock has been running.
    fn elapsed(&self) -> Duration;
}

/// Real time.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The sandbox's time: it passes by being waited for, at once.
#[derive(Debug, Default)]
pub struct InstantClock(WorldTime);

impl InstantClock {
    /// A world's own time, by which its quotas are.
    pub fn of(time: WorldTime) -> Self {
        Self(time)
    }
}

impl Clock for InstantClock {
    async fn sleep(&self, duration: Duration) {
        self.0.pass(duration);
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
