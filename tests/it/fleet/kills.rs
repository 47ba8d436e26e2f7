//! Workers, killed at random moments and started again: every account is accounted for at every moment, every document ends
//! as planned, and nothing is written twice.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Fleet, count, digest, states};
use crate::crash::Numbers;

const WORLD: &str = "--key-accounts 4 --keys 5 --accounts 36 --shares 4 --roles 2 --denied 0 --gone 0";

const SHARDS: usize = 4;

/// What came of a fleet whose workers were killed.
#[derive(Debug, Default)]
struct Figures {
    kills: usize,
    /// How many accounts were seen begun and not ended, after each round of all shards.
    cutting: usize,
    looks: usize,
    /// How many writes are recorded, and how many were found written by a worker that died before it could say so.
    written: usize,
    found: usize,
}

impl Figures {
    fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.cutting += other.cutting;
        self.looks += other.looks;
        self.written += other.written;
        self.found += other.found;
    }
}

/// How often the lease of a shard was given.
fn leases(fleet: &Fleet, shard: usize) -> usize {
    let of = format!("apply-{shard}-of-{SHARDS}.");
    let names = fs::read_dir(fleet.scene.path("fleet/leases")).unwrap();
    names.filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with(&of)).count()
}

/// Runs a worker and kills it a while after it has its lease; whether it was alive then.
fn killed(fleet: &Fleet, apply: &str, shard: usize, after: Duration) -> bool {
    let before = leases(fleet, shard);
    let mut child = fleet.worker(&format!("{apply} --shard {shard}/{SHARDS}"));
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() && leases(fleet, shard) == before {
        assert!(begun.elapsed() < Duration::from_mins(1), "shard {shard} is not begun");
        thread::sleep(Duration::from_millis(2));
    }
    thread::sleep(after);
    let is_alive = child.try_wait().unwrap().is_none();
    // SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
    is_alive
}

/// How often each operation is recorded as applied, and how many steps were found done.
fn recorded(fleet: &Fleet) -> (BTreeMap<String, usize>, usize) {
    let (mut applied, mut found) = (BTreeMap::new(), 0);
    let journals = fleet.scene.path("fleet/journals");
    for (path, text) in fleet.scene.content() {
        let Some(text) = text.filter(|_| path.starts_with(&journals)) else { continue };
        let mut lines =
            text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        let Some(head): Option<Value> = lines.next() else { continue };
        for line in lines {
            let Some(step) = line["concluded"]["step"].as_u64() else { continue };
            let mut change = head["plan"]["changes"][usize::try_from(step).unwrap()].clone();
            let operation = change.as_object_mut().unwrap_or_else(|| panic!("{}", path.display()));
            operation.remove("reason");
            operation.remove("gains");
            if line["concluded"]["outcome"] == "applied" {
                let account = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
                *applied.entry(format!("{account} {change}")).or_insert(0) += 1;
            } else {
                found += 1;
            }
        }
    }
    (applied, found)
}

/// How many versions each policy has: one more where it was written twice.
fn versions(fleet: &Fleet) -> BTreeMap<String, usize> {
    let world = fleet.world();
    let accounts = world["accounts"].as_object().unwrap();
    let policies = |(id, account): (&String, &Value)| {
        let policies = account["policies"].as_object().into_iter().flatten();
        let count = |policy: &Value| policy["versions"].as_object().unwrap().len();
        policies.map(|(name, policy)| (format!("{id} {name}"), count(policy))).collect::<Vec<_>>()
    };
    accounts.iter().flat_map(policies).collect()
}

/// Looks at the fleet: every account is there, and what is unfinished changes the exit status.
fn look(fleet: &Fleet, of: usize) -> BTreeMap<String, String> {
    let status = fleet.status();
    let states = states(&status);
    assert_eq!(states.len(), of, "an account is lost: {status}");
    let over = ["done", "nothing"].map(|state| count(&states, state)).iter().sum::<usize>();
    let allowed = ["cut", "not_started"].map(|state| count(&states, state)).iter().sum::<usize>();
    assert_eq!(over + allowed, of, "{status}");
    assert_eq!(status.status, if over == of { 0 } else { 7 }, "{status}");
    states
}

fn play(seed: u64) -> Figures {
    let options = format!("--seed {seed} {WORLD}");
    let whole = Fleet::of(&options);
    assert_eq!(whole.plan("").status, 0);
    let applied = whole.approved("apply");
    assert_eq!(applied.status, 0, "{applied}");

    let fleet = Fleet::of(&options);
    assert_eq!(fleet.plan("").status, 0);
    let apply = format!("apply --lease 1 --yes --digest {}", digest(&fleet.status()));
    let accounts = fleet.states().len();
    let mut numbers = Numbers(0x5EED_1234_5678_9ABC ^ seed);
    let mut figures = Figures::default();
    for round in 1.. {
        // Longer and longer, so that in the end each account comes to its end on a slow machine too.
        let moments: Vec<_> =
            (0..SHARDS).map(|_| Duration::from_micros(numbers.below(100_000 * round))).collect();
        let kills: usize = thread::scope(|scope| {
            let (fleet, apply) = (&fleet, &apply);
            let workers: Vec<_> = moments
                .into_iter()
                .zip(1..)
                .map(|(after, shard)| scope.spawn(move || usize::from(killed(fleet, apply, shard, after))))
                .collect();
            while fleet.scene.path("fleet/apply-shards.json").exists()
                && workers.iter().any(|worker| !worker.is_finished())
            {
                look(fleet, accounts);
                figures.looks += 1;
                thread::sleep(Duration::from_millis(50));
            }
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        figures.kills += kills;
        let states = look(&fleet, accounts);
        figures.cutting += count(&states, "cut");
        // Where all came to their end, all the kills came too late.
        if kills == 0 {
            break;
        }
    }
    for shard in 1..=SHARDS {
        let ran = fleet.run(&format!("{apply} --shard {shard}/{SHARDS}"));
        assert_eq!(ran.status, 0, "seed {seed}, shard {shard}: {ran}");
    }
    let states = look(&fleet, accounts);
    assert_eq!(count(&states, "done") + count(&states, "nothing"), accounts, "{states:?}");
    assert_eq!(fleet.documents(), whole.documents(), "seed {seed}");
    assert_eq!(versions(&fleet), versions(&whole), "seed {seed}: a version too many");
    let (applied, found) = recorded(&fleet);
    let twice: Vec<_> = applied.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "seed {seed}: {twice:?}");
    Figures { written: applied.len(), found, ..figures }
}

/// `cargo test --test it fleet::kills -- --ignored --nocapture`
#[test]
#[ignore = "some minutes"]
#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn killed_workers_lose_nothing() {
    let begun = Instant::now();
    let (all, seeds) = (Mutex::new(Figures::default()), AtomicU64::new(1));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while all.lock().unwrap().kills < 200 {
                    let seed = seeds.fetch_add(1, Ordering::Relaxed);
                    let one = play(seed);
                    println!("fleet {seed}: {one:?}");
                    all.lock().unwrap().add(&one);
                }
            });
        }
    });
    let (all, fleets) = (all.into_inner().unwrap(), seeds.into_inner() - 1);
    println!("{fleets} fleets in {SHARDS} shards: {all:?}; {} s", begun.elapsed().as_secs());
    assert!(all.kills >= 200 && all.cutting > 50, "{all:?}");
}
