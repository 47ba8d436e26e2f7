//! How often a call may be made in one account and Region, so that AWS does not have to refuse it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::arn::AccountId;

/// How many calls AWS takes in a second, in one account and Region. A call across accounts counts for the caller's.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html>
///
/// IAM publishes nothing: those are the rates that others keep to who read whole accounts.
const PER_SECOND: [(&str, usize); 12] = [
    ("kms:CreateGrant", 50),
    ("kms:DescribeKey", 2000),
    ("kms:GetKeyLastUsage", 5),
    ("kms:GetKeyPolicy", 1000),
    ("kms:ListAliases", 500),
    ("kms:ListGrants", 100),
    ("kms:ListKeys", 500),
    ("kms:PutKeyPolicy", 15),
    ("kms:RevokeGrant", 50),
    ("iam:GetPolicy", 35),
    ("iam:GetPolicyVersion", 35),
    ("iam:ListEntitiesForPolicy", 40),
];

/// The same for every other call of IAM's: the lowest rate that anybody keeps to.
const OF_IAM: usize = 15;

/// So many calls are made in a little more than a second, for they do not all take equally long on their way.
const SECOND: Duration = Duration::from_millis(1040);

/// Where there is no quota that a burst would break, so many seconds' calls are made at once, and then none for as long.
const BURST_OF_IAM: usize = 2;

/// How many calls of an operation, named as its permission, may be made in how long; `None` where nobody knows.
fn most(operation: &str) -> Option<(usize, Duration)> {
    let known = PER_SECOND.iter().find(|(name, _)| *name == operation).map(|(_, calls)| *calls);
    if operation.starts_with("iam:") {
        return Some((known.unwrap_or(OF_IAM) * BURST_OF_IAM, SECOND * 2));
    }
    Some((known?, SECOND))
}

/// The last calls: whose, in which Region, and which.
type Made = BTreeMap<(AccountId, Option<String>, String), VecDeque<Instant>>;

/// Gives every call its turn. The first ones wait for nothing.
#[derive(Debug, Default)]
pub(super) struct Pace {
    made: Mutex<Made>,
}

impl Pace {
    /// Waits until a call may be made with an account's credentials; in no Region, where the service knows none.
    pub(super) async fn turn(&self, account: AccountId, region: Option<&str>, operation: &str) {
        let Some((most, within)) = most(operation) else { return };
        let turn = self.reserve((account, region.map(str::to_owned), operation.to_owned()), most, within);
        sleep_until(turn).await;
    }

    /// When the next call may be made, which then counts as made.
    fn reserve(&self, whose: (AccountId, Option<String>, String), most: usize, within: Duration) -> Instant {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let turns = made.entry(whose).or_default();
        let now = Instant::now();
        let turn = if turns.len() < most {
            now
        } else {
            turns.pop_front().map_or(now, |earlier| now.max(earlier + within))
        };
        turns.push_back(turn);
        turn
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    fn account(text: &str) -> AccountId {
        text.parse().unwrap()
    }

    /// When each of so many calls is made that are wanted at the same time, each after as long as `ahead` says.
    async fn turns(pace: &Pace, operation: &str, calls: usize) -> Vec<Duration> {
        let start = Instant::now();
        let account = account("111122223333");
        join_all((0..calls).map(async |_| {
            pace.turn(account, Some("eu-west-1"), operation).await;
            start.elapsed()
        }))
        .await
    }

    fn most_in_a_second(turns: &[Duration]) -> usize {
        let within = |start: Duration| {
            turns.iter().filter(|turn| (start..start + Duration::from_secs(1)).contains(*turn)).count()
        };
        turns.iter().map(|turn| within(*turn)).max().unwrap_or_default()
    }

    #[tokio::test(start_paused = true)]
    async fn the_quota_is_used_and_never_passed() {
        for (operation, allowed) in [("kms:PutKeyPolicy", 15), ("kms:CreateGrant", 50)] {
            let turns = turns(&Pace::default(), operation, allowed * 60).await;
            assert_eq!(turns.len(), allowed * 60);
            assert!(turns.is_sorted(), "{operation}: in turn");
            assert!(
                turns.iter().take(allowed).all(Duration::is_zero),
                "{operation}: the first wait for nothing"
            );
            assert_eq!(most_in_a_second(&turns), allowed, "{operation}");
            // All of a second's calls are made at its beginning: the last ones after 59 seconds, at the full rate.
            let (last, at_full_rate) = (*turns.last().unwrap(), Duration::from_secs(59));
            assert!(last * 95 <= at_full_rate * 100, "{operation}: {last:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_by_and_by_waits_no_longer_than_needed() {
        let (pace, account) = (Pace::default(), account("111122223333"));
        let start = Instant::now();
        let mut turns = Vec::new();
        for _ in 0..200 {
            pace.turn(account, Some("eu-west-1"), "kms:PutKeyPolicy").await;
            turns.push(start.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(most_in_a_second(&turns) <= 15, "{turns:?}");
        assert!(turns.last().unwrap() < &(SECOND * 14), "{turns:?}");
        // After a rest everything is as at the beginning.
        tokio::time::sleep(Duration::from_mins(1)).await;
        let rested = Instant::now();
        for _ in 0..15 {
            pace.turn(account, Some("eu-west-1"), "kms:PutKeyPolicy").await;
        }
        assert_eq!(rested.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn accounts_regions_and_operations_have_quotas_of_their_own() {
        let pace = Pace::default();
        let start = Instant::now();
        let (one, other) = (account("111122223333"), account("444455556666"));
        for (account, region, operation) in [
            (one, Some("eu-west-1"), "kms:PutKeyPolicy"),
            (one, Some("us-east-1"), "kms:PutKeyPolicy"),
            (other, Some("eu-west-1"), "kms:PutKeyPolicy"),
            (one, None, "iam:CreatePolicy"),
            (one, None, "iam:AttachRolePolicy"),
        ] {
            for _ in 0..15 {
                pace.turn(account, region, operation).await;
            }
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        pace.turn(one, Some("eu-west-1"), "kms:PutKeyPolicy").await;
        assert!(start.elapsed() >= SECOND, "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_handful_of_iams_calls_waits_for_nothing() {
        for (operation, rate) in [("iam:GetRole", 15), ("iam:GetPolicy", 35), ("iam:AttachRolePolicy", 15)] {
            let turns = turns(&Pace::default(), operation, rate * 60).await;
            assert!(turns.iter().take(rate * 2).all(Duration::is_zero), "{operation}");
            let last = turns.last().unwrap();
            assert!((58..=61).contains(&last.as_secs()), "{operation}: {last:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_no_known_quota_is_not_held_up() {
        let turns = turns(&Pace::default(), "sts:GetCallerIdentity", 1000).await;
        assert!(turns.iter().all(Duration::is_zero));
    }
}
