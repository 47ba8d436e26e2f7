//! What was told lately.

use std::collections::BTreeMap;
use std::time::Duration;

use time::OffsetDateTime;

/// So many are remembered; of more, the oldest are forgotten and told again.
const MOST: usize = 10_000;

/// What a principal and a key are known by.
pub(super) type Mark = [u8; 32];

/// What was told lately, by the times of events.
#[derive(Debug)]
pub(super) struct Known {
    window: Duration,
    moments: BTreeMap<Mark, (OffsetDateTime, Whose)>,
}

/// Whose call something was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// This program's.
    Own,
    /// Anybody else's.
    Others,
}

impl Known {
    pub(super) fn new(window: Duration) -> Self {
        Self { window, moments: BTreeMap::new() }
    }

    /// Whether it is no news at a moment, and whose it was. Events come late and in any order: what happened shortly before
    /// something that was told is no news either.
    pub(super) fn told(&self, mark: &Mark, moment: OffsetDateTime) -> Option<Whose> {
        let (told, whose) = self.moments.get(mark)?;
        ((moment - *told).unsigned_abs() < self.window).then_some(*whose)
    }

    pub(super) fn remember(&mut self, mark: Mark, moment: OffsetDateTime, whose: Whose) {
        self.moments.insert(mark, (moment, whose));
        if self.moments.len() > MOST {
            let oldest = self.moments.iter().min_by_key(|(_, (moment, _))| *moment).map(|(mark, _)| *mark);
            oldest.and_then(|mark| self.moments.remove(&mark));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(number: usize) -> Mark {
        let mut mark = [0; 32];
        mark[..8].copy_from_slice(&number.to_be_bytes());
        mark
    }

    fn at(second: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn what_is_told_is_no_news_within_the_window() {
        let mut known = Known::new(Duration::from_mins(1));
        assert_eq!(known.told(&mark(1), at(0)), None);
        known.remember(mark(1), at(0), Whose::Others);
        for (second, is_told) in [(0, true), (59, true), (60, false), (-59, true), (-60, false)] {
            assert_eq!(known.told(&mark(1), at(second)).is_some(), is_told, "{second}");
        }
        assert_eq!(known.told(&mark(2), at(0)), None);
        known.remember(mark(2), at(0), Whose::Own);
        assert_eq!(known.told(&mark(2), at(1)), Some(Whose::Own));
        let mut forgetful = Known::new(Duration::ZERO);
        forgetful.remember(mark(1), at(0), Whose::Others);
        assert_eq!(forgetful.told(&mark(1), at(0)), None);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut known = Known::new(Duration::from_mins(1));
        known.remember(mark(MOST), at(1), Whose::Others);
        known.remember(mark(MOST + 1), at(0), Whose::Others);
        (0..MOST - 1).for_each(|number| known.remember(mark(number), at(2), Whose::Others));
        assert_eq!(known.moments.len(), MOST);
        assert!(known.told(&mark(MOST + 1), at(0)).is_none());
        assert!(known.told(&mark(MOST), at(1)).is_some());
    }
}
