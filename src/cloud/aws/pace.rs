//! How often a call may be made in one account and Region, so that AWS does not have to refuse it.

mod limit;
mod quotas;
mod share;
mod slow;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::{Instant, sleep_until};

pub use self::share::{NoShare, Share};

use self::limit::{Limit, Made, SECOND, WHOLE};
use self::slow::Slow;
use crate::arn::AccountId;

/// Whose quota a call counts against, where that is known, in which Region, and which call it is. Calls of which it is not
/// known yet are few, and count together.
type Whose = (Option<AccountId>, Option<String>, String);

/// More is not made in a second by one run.
const MOST_LEARNT: u32 = 2000;

/// Gives every call its turn. The first ones wait for nothing.
#[derive(Debug, Default)]
pub(super) struct Pace {
    share: Share,
    lanes: Mutex<BTreeMap<Whose, Arc<Lane>>>,
}

impl Pace {
    /// Uses a share of each quota.
    pub(super) fn of(share: Share) -> Self {
        Self { share, lanes: Mutex::default() }
    }

    /// Waits until a call may be made with an account's credentials; in no Region, where the service knows none.
    pub(super) async fn turn(&self, account: Option<AccountId>, region: Option<&str>, operation: &str) {
        self.lane(account, region, operation).turn().await;
    }

    /// AWS has refused a call because there were too many: for a while there are fewer.
    pub(super) fn throttled(&self, account: Option<AccountId>, region: Option<&str>, operation: &str) {
        self.lane(account, region, operation).state().slow_down(Instant::now());
    }

    fn lane(&self, account: Option<AccountId>, region: Option<&str>, operation: &str) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.entry((account, region.map(str::to_owned), operation.to_owned()));
        Arc::clone(lane.or_insert_with(|| Arc::new(Lane::new(operation, self.share))))
    }
}

/// The calls of one kind, one behind the other.
#[derive(Debug)]
struct Lane {
    /// Whoever holds it is the next; the others wait in the order in which they came.
    queue: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

impl Lane {
    fn new(operation: &str, share: Share) -> Self {
        let allowed = quotas::known(operation).map(|limit| limit.part(WHOLE / 100 * share.percent()));
        let state = State { allowed, learnt: None, slow: None, made: Made::default() };
        Self { queue: tokio::sync::Mutex::default(), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn turn(&self) {
        let _next = self.queue.lock().await;
        loop {
            let turn = self.state().take(Instant::now());
            match turn {
                Ok(()) => return,
                // By then, there may be fewer.
                Err(later) => sleep_until(later).await,
            }
        }
    }
}

#[derive(Debug)]
struct State {
    /// The share of what is known to be taken; none where nobody says.
    allowed: Option<Limit>,
    /// What was made in a second when AWS refused more, where nobody says.
    learnt: Option<Limit>,
    slow: Option<Slow>,
    made: Made,
}

impl State {
    /// Counts a call as made now; else tells when to ask again.
    fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let part = self.slow.and_then(|slow| slow.part(now));
        if part.is_none() {
            (self.slow, self.learnt) = (None, None);
        }
        let whole = self.allowed.or(self.learnt);
        let limit = whole.map(|limit| part.map_or(limit, |part| limit.spread(part)));
        if let Some(later) = limit.and_then(|limit| limit.next(&self.made)).filter(|turn| *turn > now) {
            // While it is slower than it could be, it gets faster step by step.
            return Err(if part.is_some() { later.min(now + SECOND) } else { later });
        }
        self.made.add(now, limit, whole);
        Ok(())
    }

    fn slow_down(&mut self, now: Instant) {
        match (self.slow, self.allowed) {
            (Some(slow), _) if slow.settles(now) => {}
            (Some(slow), Some(_)) => self.slow = Some(slow.slower(now)),
            (None, Some(_)) => self.slow = Some(Slow::half(now)),
            // Nobody says what is too much: what was made was.
            (_, None) => {
                self.learnt = Some(Limit::per_second(self.made.lately(now).clamp(1, MOST_LEARNT)));
                self.slow = Some(Slow::half(now));
            }
        }
    }
}

#[cfg(test)]
mod tests;
