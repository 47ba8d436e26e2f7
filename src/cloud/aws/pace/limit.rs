//! How many calls may be made in how long.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// So many calls are made in a little more than a second, for they do not all take equally long on their way.
pub(super) const SECOND: Duration = Duration::from_millis(1040);

/// All of a quota, in the parts that shares of it are counted in.
pub(super) const WHOLE: u32 = 1_000_000;

/// Bursts are cut into so many.
const BITS: u32 = 20;

/// How many calls are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// So many in so long, all of them at once if need be.
    Window {
        /// How many.
        calls: u32,
        /// In how long.
        within: Duration,
    },
    /// As many as a bucket holds, which fills again.
    Bucket {
        /// How many it holds.
        holds: u32,
        /// How long until there is one more.
        each: Duration,
    },
}

impl Limit {
    pub(super) const fn per_second(calls: u32) -> Self {
        Self::Window { calls, within: SECOND }
    }

    /// Where there is no quota that a burst would break, two seconds' calls are made at once, and then none for as long.
    pub(super) const fn in_bursts(calls: u32) -> Self {
        Self::Window { calls: calls * 2, within: Duration::from_millis(2 * 1040) }
    }

    pub(super) const fn bucket(holds: u32, each: Duration) -> Self {
        Self::Bucket { holds, each }
    }

    /// A part of it, with as much at once.
    pub(super) fn part(self, part: u32) -> Self {
        self.in_bits(part, 1)
    }

    /// A part of it without bursts, for nobody knows what is left of them.
    pub(super) fn spread(self, part: u32) -> Self {
        self.in_bits(part, BITS)
    }

    /// A part of it, and so much less at once. The least is one call now and then.
    fn in_bits(self, part: u32, bits: u32) -> Self {
        let part = part.clamp(1, WHOLE);
        match self {
            Self::Window { calls, within } => {
                let whole = calls.saturating_mul(part).max(1);
                let few = whole.div_ceil(WHOLE.saturating_mul(bits));
                // What one call more would be too much for takes a little longer instead.
                Self::Window { calls: few, within: within * few.saturating_mul(WHOLE) / whole }
            }
            Self::Bucket { holds, each } => Self::Bucket {
                holds: (holds.saturating_mul(part) / WHOLE / bits).max(1),
                each: each * WHOLE / part,
            },
        }
    }

    /// When the next call may be made, after those that were.
    pub(super) fn next(self, made: &Made) -> Option<Instant> {
        match self {
            Self::Window { calls, within } => {
                let before = made.last.len().checked_sub(usize::try_from(calls).ok()?)?;
                made.last.get(before).map(|earlier| *earlier + within)
            }
            Self::Bucket { holds, each } => made.full.and_then(|full| full.checked_sub(each * (holds - 1))),
        }
    }
}

/// What has to be known of the calls that were made.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// When the last ones were.
    last: VecDeque<Instant>,
    /// When a bucket will be full again.
    full: Option<Instant>,
}

impl Made {
    /// Counts a call that is made, by the limit that holds now; so many are remembered as all of it takes.
    pub(super) fn add(&mut self, now: Instant, limit: Option<Limit>, whole: Option<Limit>) {
        if let Some(Limit::Bucket { each, .. }) = limit {
            self.full = Some(self.full.map_or(now, |full| full.max(now)) + each);
            return;
        }
        self.last.push_back(now);
        match whole {
            Some(Limit::Window { calls, .. }) => {
                let surplus = self.last.len().saturating_sub(usize::try_from(calls).unwrap_or(usize::MAX));
                self.last.drain(..surplus);
            }
            Some(Limit::Bucket { .. }) | None => self.last.retain(|earlier| *earlier + SECOND > now),
        }
    }

    /// How many were made within the last second.
    pub(super) fn lately(&self, now: Instant) -> u32 {
        let lately = self.last.iter().filter(|earlier| **earlier + SECOND > now).count();
        u32::try_from(lately).unwrap_or(u32::MAX)
    }
}
