//! On the virtual clock.

mod world;

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};

use super::*;

fn account(text: &str) -> AccountId {
    text.parse().unwrap()
}

/// When each of so many calls is made that are wanted at the same time.
async fn turns(pace: &Pace, operation: &str, calls: usize) -> Vec<Duration> {
    let start = Instant::now();
    let account = account("111122223333");
    join_all((0..calls).map(async |_| {
        pace.turn(Some(account), Some("eu-west-1"), operation).await;
        start.elapsed()
    }))
    .await
}

/// How many calls a second there were after those that waited for nothing.
fn rate(turns: &[Duration]) -> f64 {
    let waiting = turns.iter().filter(|turn| !turn.is_zero()).count();
    number(waiting) / turns.last().unwrap().as_secs_f64()
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
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
        assert!(turns.iter().take(allowed).all(Duration::is_zero), "{operation}: the first wait for nothing");
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
        pace.turn(Some(account), Some("eu-west-1"), "kms:PutKeyPolicy").await;
        turns.push(start.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(most_in_a_second(&turns) <= 15, "{turns:?}");
    assert!(turns.last().unwrap() < &(SECOND * 14), "{turns:?}");
    // After a rest everything is as at the beginning.
    tokio::time::sleep(Duration::from_mins(1)).await;
    let rested = Instant::now();
    for _ in 0..15 {
        pace.turn(Some(account), Some("eu-west-1"), "kms:PutKeyPolicy").await;
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
            pace.turn(Some(account), region, operation).await;
        }
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    pace.turn(Some(one), Some("eu-west-1"), "kms:PutKeyPolicy").await;
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

#[tokio::test(start_paused = true)]
async fn a_share_of_the_quota_is_used_and_never_passed() {
    for operation in ["kms:PutKeyPolicy", "kms:CreateGrant", "iam:CreatePolicy", "kms:GetKeyLastUsage"] {
        let quota = match operation {
            "kms:PutKeyPolicy" | "iam:CreatePolicy" => 15,
            "kms:CreateGrant" => 50,
            _ => 5,
        };
        for percent in [1, 7, 20, 33, 50, 80, 99, 100] {
            let told = format!("{operation} at {percent}%");
            let pace = Pace::of(format!("{percent}%").parse().unwrap());
            let turns = turns(&pace, operation, 400).await;
            let allowed = f64::from(quota * percent) / 100.0;
            // No second has more than the calls that begin in it, of which one may be cut off.
            if operation.starts_with("kms:") {
                let most = number(most_in_a_second(&turns));
                assert!(most <= f64::from(quota) && most <= allowed.ceil(), "{told}: {most}");
            }
            let rate = rate(&turns);
            assert!(rate <= allowed && rate >= allowed * 0.9, "{told}: {rate} of {allowed} a second");
        }
    }
}

/// 12 key policies a second at 80 %: all day long, at least 95 % of them, and no second has more.
#[tokio::test(start_paused = true)]
async fn writes_of_a_fleet_use_their_share() {
    let turns = turns(&Pace::of(Share::OF_FLEETS), "kms:PutKeyPolicy", 12 * 600).await;
    assert_eq!(most_in_a_second(&turns), 12);
    let (rate, allowed) = (rate(&turns), 12.0);
    assert!(rate >= allowed * 0.95 && rate <= allowed, "{rate} a second");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_is_emptied_at_once_and_fills_again() {
    for (operation, holds, per_second) in
        [("ec2:DescribeImageAttribute", 100, 20.0), ("ec2:DescribeImages", 50, 10.0)]
    {
        for (share, part) in [(Share::ALL, 100), (Share::OF_FLEETS, 80)] {
            let pace = Pace::of(share);
            let turns = turns(&pace, operation, holds * 11).await;
            let at_once = holds * part / 100;
            assert_eq!(turns.iter().filter(|turn| turn.is_zero()).count(), at_once, "{operation}");
            let (rate, allowed) = (rate(&turns), per_second * number(part) / 100.0);
            assert!(rate <= allowed && rate >= allowed * 0.95, "{operation}: {rate} of {allowed} a second");
            // It never holds more than that, however long nothing is asked.
            tokio::time::sleep(Duration::from_mins(10)).await;
            let again = self::turns(&pace, operation, holds * 2).await;
            assert_eq!(again.iter().filter(|turn| turn.is_zero()).count(), at_once, "{operation}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn roles_are_assumed_fifty_in_a_minute() {
    let turns = turns(&Pace::default(), "sts:AssumeRole", 120).await;
    assert!(turns.iter().take(50).all(Duration::is_zero));
    let in_a_minute = |start: Duration| {
        turns.iter().filter(|turn| (start..start + Duration::from_mins(1)).contains(*turn)).count()
    };
    assert_eq!(turns.iter().map(|turn| in_a_minute(*turn)).max(), Some(50));
}

/// AWS with a bucket that is smaller than what is known, for somebody else uses the account too.
struct Busy {
    per_second: Cell<f64>,
    tokens: Cell<f64>,
    last: Cell<Instant>,
    refused: Cell<usize>,
}

impl Busy {
    fn new(per_second: f64) -> Self {
        let (per_second, tokens, last) =
            (Cell::new(per_second), Cell::new(per_second), Cell::new(Instant::now()));
        Self { per_second, tokens, last, refused: Cell::new(0) }
    }

    fn takes(&self) -> bool {
        let filled = self.last.replace(Instant::now()).elapsed().as_secs_f64() * self.per_second.get();
        let tokens = (self.tokens.get() + filled).min(self.per_second.get());
        let is_taken = tokens >= 1.0;
        self.tokens.set(if is_taken { tokens - 1.0 } else { tokens });
        self.refused.set(self.refused.get() + usize::from(!is_taken));
        is_taken
    }

    /// Makes a call until it is taken, with as little wait between as there can be.
    async fn ask(&self, pace: &Pace, operation: &str) {
        loop {
            pace.turn(None, Some("eu-west-1"), operation).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            if self.takes() {
                return;
            }
            pace.throttled(None, Some("eu-west-1"), operation);
        }
    }
}

/// How long so many calls take, and how many were refused meanwhile.
async fn through(busy: &Busy, pace: &Pace, operation: &str, calls: usize) -> (Duration, usize) {
    let start = Instant::now();
    busy.refused.set(0);
    // As many as there are connections.
    stream::iter(0..calls).map(|_| busy.ask(pace, operation)).buffer_unordered(80).count().await;
    (start.elapsed(), busy.refused.get())
}

#[tokio::test(start_paused = true)]
async fn a_storm_ends_and_the_full_rate_comes_back() {
    for (operation, quota) in [("kms:PutKeyPolicy", 15), ("iam:GetRole", 15), ("kms:ListGrants", 100)] {
        let (calls, quota) = (quota * 60, number(quota));
        let (pace, busy) = (Pace::default(), Busy::new(quota / 3.0));
        let (took, refused) = through(&busy, &pace, operation, calls).await;
        // All that AWS gives would take three minutes.
        assert!(took <= Duration::from_secs(200), "{operation}: {took:?}");
        assert!(refused * 15 <= calls, "{operation}: {refused} of {calls} were refused");
        busy.per_second.set(quota * 3.0);
        tokio::time::sleep(Duration::from_secs(10)).await;
        let (took, refused) = through(&busy, &pace, operation, calls).await;
        assert_eq!(refused, 0, "{operation}");
        assert!(took <= Duration::from_secs(64), "{operation}: the full rate again, in {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_says_is_learnt_for_a_while() {
    const UNKNOWN: &str = "autoscaling:DescribeAutoScalingGroups";
    let (pace, busy) = (Pace::default(), Busy::new(20.0));
    let (took, refused) = through(&busy, &pace, UNKNOWN, 1200).await;
    assert!(took <= Duration::from_secs(80), "AWS gives them in a minute: {took:?}");
    assert!(refused <= 800, "{refused} were refused");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(turns(&pace, UNKNOWN, 1000).await.iter().all(Duration::is_zero));
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_takes_nobodys_turn() {
    let pace = Pace::default();
    let turn = || pace.turn(None, Some("eu-west-1"), "kms:PutKeyPolicy");
    join_all((0..15).map(|_| turn())).await;
    for _ in 0..100 {
        assert!(tokio::time::timeout(Duration::from_millis(1), turn()).await.is_err());
    }
    let start = Instant::now();
    join_all((0..15).map(|_| turn())).await;
    assert!(start.elapsed() < SECOND, "{:?}", start.elapsed());
}
