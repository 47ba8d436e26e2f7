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

/// The time of whatever a run is on.
#[derive(Debug)]
pub enum RunClock {
    /// Real time, since then.
    Real(Instant),
    /// The sandbox's, by which its quotas are: it passes by being waited for, at once.
    World(WorldTime),
}

impl RunClock {
    /// Real time from now on.
    pub fn real() -> Self {
        Self::Real(Instant::now())
    }
}

impl Clock for RunClock {
    async fn sleep(&self, duration: Duration) {
        match self {
            Self::Real(_) => tokio::time::sleep(duration).await,
            Self::World(time) => time.pass(duration),
        }
    }

    fn elapsed(&self) -> Duration {
        match self {
            Self::Real(start) => start.elapsed(),
            Self::World(time) => time.elapsed(),
        }
    }
}
