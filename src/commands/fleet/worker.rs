//! One worker of a fleet: its shard, its lease, and each of its accounts in turn.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};

use crate::arn::AccountId;
use crate::cli::settings::fleet::{MaxFailures, ShardSettings};
use crate::commands::console::Console;
use crate::commands::interrupt::Interrupt;
use crate::error::Error;
use crate::fleet::lease::{Lease, LeaseError};
use crate::fleet::ledger::{Ledger, Step};
use crate::fleet::shard::Shard;
use crate::fleet::standing::{AccountStanding, LeftLine, State};

/// How many accounts a worker sees to at a time: what each takes is waiting for AWS.
const SIDE_BY_SIDE: usize = 8;

/// How often it is told how far a worker is.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// A worker that holds its lease.
pub(super) struct Worker<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) settings: &'a ShardSettings,
    pub(super) step: Step,
    /// What of the manifest is left out, where it is read.
    pub(super) left_lines: Option<&'a [LeftLine]>,
    pub(super) max_failures: Option<MaxFailures>,
    pub(super) interrupt: &'a Interrupt,
}

impl Worker<'_> {
    /// Takes the shard's lease, and does what is to be done in each of its accounts that is not done yet: what becomes of
    /// each is recorded at once.
    ///
    /// # Errors
    /// Another worker has the shard, or takes it over; or the ledger can't be written.
    pub(super) async fn see_to(
        &self,
        accounts: Vec<AccountId>,
        console: &mut Console,
        see_to: impl AsyncFn(AccountId, &Hold<'_>) -> Result<AccountStanding, Error>,
    ) -> Result<(), Error> {
        let Self { ledger, settings, step, .. } = self;
        ledger.agree(*step, settings.shard).await?;
        let lease = take(ledger, *step, settings.shard, settings.lease).await?;
        if let Some(lines) = self.left_lines {
            ledger.write_lines(settings.shard, lines).await?;
        }
        let worked = tokio::select! {
            lost = lease.keep() => Err(Error::from(lost)),
            worked = self.work(accounts, &lease, console, see_to) => worked,
        };
        lease.release().await?;
        worked
    }

    async fn work(
        &self,
        accounts: Vec<AccountId>,
        lease: &Lease,
        console: &mut Console,
        see_to: impl AsyncFn(AccountId, &Hold<'_>) -> Result<AccountStanding, Error>,
    ) -> Result<(), Error> {
        let progress = RefCell::new(Progress {
            console,
            of: accounts.len(),
            done: 0,
            failures: 0,
            since: Instant::now(),
            told: Instant::now(),
        });
        let hold = Hold { interrupt: self.interrupt, lease, is_lost: Cell::new(false) };
        let one = async |account: AccountId| -> Result<(), Error> {
            // A world answers at once: without this the lease's turn would never come.
            tokio::task::yield_now().await;
            if !hold.lasts().await
                || hold.is_ending()
                || progress.borrow().has_failed_enough(self.max_failures)
            {
                return Ok(());
            }
            // Whatever goes wrong with one account is that account's.
            let standing = see_to(account, &hold).await.unwrap_or_else(|error| {
                let state = error.cloud_error().map_or(State::Refused, State::of_error);
                AccountStanding::new(account, state).because(error.to_string())
            });
            let standing = standing.after(self.ledger.standing(self.step, account).await?);
            if hold.lasts().await {
                self.ledger.write_standing(self.step, &standing).await?;
            }
            progress.borrow_mut().count(&standing)
        };
        let mut all = stream::iter(accounts.into_iter().map(one)).buffer_unordered(SIDE_BY_SIDE);
        while let Some(done) = all.next().await {
            done?;
        }
        Ok(())
    }
}

/// The lease of a step's shard.
async fn take(ledger: &Ledger, step: Step, shard: Shard, expiry: Duration) -> Result<Lease, LeaseError> {
    let of = format!("{}-{}", step.name(), shard.in_a_name());
    Lease::take(&ledger.leases(), &of, expiry).await
}

/// Makes sure that no worker of a step is at accounts that look cut: whoever held the lease of their shard is gone, and
/// writes nothing any more.
///
/// # Errors
/// One is alive; or the ledger can't be read or written.
pub(super) async fn outlast(
    ledger: &Ledger,
    step: Step,
    cut: &[AccountId],
    expiry: Duration,
) -> Result<(), Error> {
    let shards = ledger.shards(step).await?.into_iter();
    let concerned = shards.filter(|shard| cut.iter().any(|account| shard.has(*account)));
    for taken in join_all(concerned.map(|shard| take(ledger, step, shard, expiry))).await {
        taken?.release().await?;
    }
    Ok(())
}

/// A worker's hold on its shard, as its accounts have it.
pub(super) struct Hold<'a> {
    interrupt: &'a Interrupt,
    lease: &'a Lease,
    is_lost: Cell<bool>,
}

impl Hold<'_> {
    /// Whether no further change begins, as far as is known.
    pub(super) fn is_ending(&self) -> bool {
        self.interrupt.is_set() || self.is_lost.get()
    }

    /// Looks whether the shard is still this worker's.
    pub(super) async fn lasts(&self) -> bool {
        let is_lost = self.is_lost.get() || !self.lease.is_own().await;
        self.is_lost.set(self.is_lost.get() || is_lost);
        !self.is_lost.get()
    }
}

/// How far a worker is.
struct Progress<'c> {
    console: &'c mut Console,
    of: usize,
    done: usize,
    failures: usize,
    since: Instant,
    told: Instant,
}

impl Progress<'_> {
    fn has_failed_enough(&self, most: Option<MaxFailures>) -> bool {
        most.is_some_and(|most| most.is_passed_by(self.failures, self.of))
    }

    fn count(&mut self, standing: &AccountStanding) -> Result<(), Error> {
        self.done += 1;
        self.failures += usize::from(standing.state.is_failure());
        if self.told.elapsed() >= TOLD_EVERY {
            self.told = Instant::now();
            let told = told(self.done, self.of, self.since.elapsed());
            self.console.remark(&told)?;
        }
        Ok(())
    }
}

/// How far a worker is, and when it will be done where that can be told: the first accounts came at once, and say nothing
/// of it.
fn told(done: usize, of: usize, taken: Duration) -> String {
    let far = format!("{done} of {of} accounts");
    let (Ok(counted), Ok(left)) = (u32::try_from(done), u32::try_from(of.saturating_sub(done))) else {
        return far;
    };
    if done < 3 * SIDE_BY_SIDE || taken.is_zero() {
        return far;
    }
    let a_minute = 60_000 * u128::from(counted) / taken.as_millis().max(1);
    let left = taken / counted * left;
    format!("{far}, {a_minute} a minute, about {} s left", left.as_secs())
}

/// The accounts of a shard that are not where the same command would leave them.
pub(super) fn unfinished(
    standings: &BTreeMap<AccountId, AccountStanding>,
    settings: &ShardSettings,
    is_over: impl Fn(State) -> bool,
) -> Vec<AccountId> {
    let own = standings.values().filter(|standing| settings.shard.has(standing.account));
    own.filter(|standing| !is_over(standing.state)).map(|standing| standing.account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_remains_is_told_once_it_can_be() {
        for (done, seconds, wanted) in [
            (1, 10, "1 of 500 accounts"),
            (23, 10, "23 of 500 accounts"),
            (24, 12, "24 of 500 accounts, 120 a minute, about 238 s left"),
            (500, 250, "500 of 500 accounts, 120 a minute, about 0 s left"),
        ] {
            assert_eq!(told(done, 500, Duration::from_secs(seconds)), wanted);
        }
    }
}
