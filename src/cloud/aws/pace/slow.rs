//! Going slower for a while where AWS says that it is asked too often.

use std::time::Duration;

use tokio::time::Instant;

use super::limit::WHOLE;

/// The slowest: a sixteenth.
const LEAST: u32 = WHOLE / 16;

/// Refusals that come so soon after one are of calls that were on their way already.
const SETTLES: Duration = Duration::from_secs(1);

/// For so long it stays as slow, before it gets faster step by step.
const HOLDS: Duration = Duration::from_secs(5);
const STEP: u32 = WHOLE / 10;
const EACH: Duration = Duration::from_secs(1);

/// By how much, and since when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slow {
    part: u32,
    since: Instant,
}

impl Slow {
    /// The part of the rate that calls may be made at; none where all of it may be used again.
    pub(super) fn part(self, now: Instant) -> Option<u32> {
        let rising = now.duration_since(self.since).checked_sub(HOLDS);
        let steps = rising.map_or(0, |rising| 1 + rising.as_secs() / EACH.as_secs());
        let risen = u64::from(self.part) + steps * u64::from(STEP);
        u32::try_from(risen).ok().filter(|part| *part < WHOLE)
    }

    /// Half as fast, from now on.
    pub(super) fn half(now: Instant) -> Self {
        Self { part: WHOLE / 2, since: now }
    }

    /// Half as fast as it is now.
    pub(super) fn slower(self, now: Instant) -> Self {
        let part = self.part(now).unwrap_or(WHOLE);
        Self { part: (part / 2).max(LEAST), since: now }
    }

    /// Whether what is refused now was on its way before it got slower.
    pub(super) fn settles(self, now: Instant) -> bool {
        now.duration_since(self.since) < SETTLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_halves_holds_and_rises() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let once = Slow::half(start);
        for (seconds, part) in
            [(0, Some(50)), (4, Some(50)), (5, Some(60)), (6, Some(70)), (8, Some(90)), (9, None), (99, None)]
        {
            assert_eq!(once.part(after(seconds)), part.map(|percent| WHOLE / 100 * percent), "{seconds}");
        }
        assert!(once.settles(start + Duration::from_millis(999)) && !once.settles(after(1)));
        assert_eq!(once.slower(after(6)).part(after(6)), Some(WHOLE / 100 * 35));
        let ever = (1..60).fold(once, |slow, seconds| slow.slower(after(seconds)));
        assert_eq!(ever.part(after(59)), Some(LEAST));
    }
}
