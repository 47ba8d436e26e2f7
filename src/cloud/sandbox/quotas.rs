//! A world's request quotas and its latency, by a time of its own: it passes by calls and by being waited for, at once.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use super::Sandbox;
use super::call::Call;
use super::refusals::Refusal;
use super::world::Page;
use crate::arn::AccountId;
use crate::cloud::CloudError;
use crate::policy::pattern;

/// The time in a world, which whoever waits in it shares.
#[derive(Debug, Clone, Default)]
pub struct WorldTime(Rc<Cell<Duration>>);

impl WorldTime {
    /// How long it has been running.
    pub fn elapsed(&self) -> Duration {
        self.0.get()
    }

    /// Lets it pass.
    pub fn pass(&self, duration: Duration) {
        self.0.set(self.0.get() + duration);
    }
}

/// Whose quota it is, in which Region, and for which call.
type Whose = (Option<AccountId>, Option<String>, &'static str);

/// The calls that were taken.
#[derive(Debug, Default)]
pub(super) struct Meter {
    time: WorldTime,
    taken: RefCell<BTreeMap<Whose, VecDeque<Duration>>>,
}

impl Sandbox {
    /// The time in the world.
    pub fn time(&self) -> WorldTime {
        self.meter.time.clone()
    }

    /// A call takes the world's time, and is refused where there were too many.
    pub(super) fn meter(&self, call: &Call) -> Result<(), CloudError> {
        let shared = self.shared();
        self.meter.time.pass(Duration::from_millis(shared.page.latency_ms));
        let Some(calls) = quota(&shared.page, call.operation) else { return Ok(()) };
        let account = call.account.or(shared.page.default_caller);
        if self.meter.takes((account, call.region.clone(), call.operation), calls) {
            return Ok(());
        }
        Err(call.failed(account, Refusal::throttled(call.operation)))
    }

    /// The same for a read, which is made again as the SDK makes it again.
    pub(super) fn meter_read(&self, call: &Call) -> Result<(), CloudError> {
        const ATTEMPTS: u32 = 12;
        const LONGEST_WAIT: Duration = Duration::from_secs(8);
        let mut wait = Duration::from_millis(300);
        for _ in 1..ATTEMPTS {
            if self.meter(call).is_ok() {
                return Ok(());
            }
            self.meter.time.pass(wait);
            wait = LONGEST_WAIT.min(wait * 2);
        }
        self.meter(call)
    }
}

impl Meter {
    /// Whether a call is taken, which then counts. IAM publishes no quotas: there, two seconds' calls may come at once.
    fn takes(&self, whose: Whose, calls: usize) -> bool {
        let seconds: u8 = if whose.2.starts_with("iam:") { 2 } else { 1 };
        let (now, within) = (self.time.elapsed(), Duration::from_secs(seconds.into()));
        let mut taken = self.taken.borrow_mut();
        let taken = taken.entry(whose).or_default();
        while taken.front().is_some_and(|earlier| *earlier + within <= now) {
            taken.pop_front();
        }
        let takes = taken.len() < calls * usize::from(seconds);
        if takes {
            taken.push_back(now);
        }
        takes
    }
}

/// How many calls a second are taken, where the world says: by the pattern that says most.
fn quota(page: &Page, operation: &str) -> Option<usize> {
    let fitting =
        page.quotas.iter().filter(|(pattern, _)| pattern::matches_ignoring_case(pattern, operation));
    fitting.max_by_key(|(pattern, _)| (!pattern.contains('*'), pattern.len())).map(|(_, calls)| *calls)
}
