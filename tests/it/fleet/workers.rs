//! One account's failure is that account's; one worker's death is told, and made good by the next.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{CLEAR, Fleet, MANY, SMALL, comparable, count, digest};

/// A worker under way: it holds its lease.
/// A worker that holds its lease.
fn started(fleet: &Fleet, arguments: &str, is_taken: &dyn Fn() -> bool) -> Child {
    let child = fleet.worker(arguments);
    let begun = Instant::now();
    while !is_taken() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the lease is not taken");
        thread::sleep(Duration::from_millis(20));
    }
    child
}

fn is_there(fleet: &Fleet, lease: &str) -> impl Fn() -> bool {
    let file = fleet.scene.path(&format!("fleet/leases/{lease}"));
    move || file.exists()
}

/// Of two workers on one shard the second is sent away while the first one is alive, and goes on once it is dead.
pub(crate) fn respected_and_taken_over(fleet: &Fleet, options: &str, is_taken: &dyn Fn() -> bool) {
    // Long enough that a machine with much to do does not make a live worker look dead.
    const LEASE: Duration = Duration::from_secs(3);
    fleet.plan("");
    let apply =
        format!("apply --yes --digest {} --lease {}{options}", digest(&fleet.status()), LEASE.as_secs());
    fleet.set_faults(json!([
        {"operation": "kms:PutKeyPolicy", "times": 100_000, "fault": "latency", "milliseconds": 60_000}
    ]));
    let mut first = started(fleet, &apply, is_taken);
    let second = fleet.run(&apply);
    assert_eq!(second.status, 7, "{second}");
    assert!(second.stderr.contains("another worker holds the lease"), "{second}");
    // SIGKILL.
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(fleet.status().status, 7, "a dead worker is told");
    fleet.set_faults(json!([]));
    let begun = Instant::now();
    let third = fleet.run(&apply);
    assert_eq!(third.status, 0, "{third}");
    assert!(begun.elapsed() >= LEASE, "it waits for one expiry");
}

#[test]
fn an_account_without_credentials_ends_nothing_but_itself() {
    let fleet = Fleet::of(&format!("{SMALL} {CLEAR} --no-credentials 2"));
    let planned = fleet.plan("");
    assert_eq!(planned.status, 3, "{planned}");
    let states = fleet.states();
    assert_eq!(count(&states, "planned") + count(&states, "nothing") + 2, states.len(), "{states:?}");
    let applied = fleet.approved("apply");
    assert_eq!(applied.status, 3, "{applied}");
    let states = fleet.states();
    assert_eq!(count(&states, "no_credentials"), 2, "{states:?}");
    assert_eq!(count(&states, "done") + count(&states, "nothing") + 2, states.len(), "{states:?}");
    assert_eq!(fleet.status().status, 3);
}

#[test]
fn a_refused_account_hurts_only_itself() {
    // While it is planned: nobody may look.
    let fleet = Fleet::small();
    let account = "500000001003";
    fleet.change(account, |file| file["callers"][account]["denied"] = json!(["iam:*"]));
    let planned = fleet.plan("");
    let states = fleet.states();
    assert!(![0, 7].contains(&planned.status), "{planned}");
    assert_eq!(count(&states, "planned") + count(&states, "nothing") + 1, states.len(), "{planned}");
    assert_eq!(states[account], "refused", "nothing of it could be looked at");

    // While it is applied: one call of all is refused.
    let fleet = Fleet::small();
    fleet.plan("");
    fleet.set_faults(json!([
        {"operation": "iam:CreatePolicy", "fault": "error", "code": "AccessDenied", "message": "not today"}
    ]));
    let applied = fleet.approved("apply");
    assert_eq!(applied.status, 1, "{applied}");
    let states = fleet.states();
    assert_eq!(count(&states, "refused"), 1, "{states:?}");
    assert_eq!(count(&states, "done") + count(&states, "nothing") + 1, states.len(), "{states:?}");
    assert!(applied.stdout.contains("not today"), "{applied}");
}

#[test]
fn what_is_throttled_or_out_of_reach_is_finished_by_the_same_command() {
    for fault in [
        json!({"operation": "iam:CreatePolicy", "times": 100_000, "fault": "error", "code": "Throttling"}),
        json!({"operation": "kms:GetKeyPolicy", "times": 100_000, "fault": "no_answer"}),
    ] {
        let fleet = Fleet::small();
        fleet.plan("");
        let approved = digest(&fleet.status());
        let apply = format!("apply --yes --digest {approved}");
        fleet.set_faults(json!([fault]));
        let applied = fleet.run(&apply);
        assert_eq!(applied.status, 7, "{applied}");
        let states = fleet.states();
        let unreachable = count(&states, "unreachable");
        assert!(unreachable > 0 && unreachable < states.len(), "{states:?}");
        assert_eq!(count(&states, "done") + count(&states, "nothing") + unreachable, states.len());
        fleet.set_faults(json!([]));
        let finished = fleet.run(&apply);
        assert_eq!(finished.status, 0, "{finished}");
        assert_eq!(count(&fleet.states(), "unreachable"), 0);
    }
    // Throttled while it is planned: never nothing to do.
    let fleet = Fleet::small();
    fleet.set_faults(json!([
        {"operation": "kms:GetKeyPolicy", "times": 100_000, "fault": "error", "code": "ThrottlingException"}
    ]));
    let planned = fleet.plan("");
    assert_eq!(planned.status, 7, "{planned}");
    assert_eq!(count(&fleet.states(), "unreachable"), 2, "{planned}");
    fleet.set_faults(json!([]));
    let finished = fleet.plan("");
    assert_eq!(finished.status, 0, "{finished}");
}

#[test]
fn after_enough_failures_no_account_is_begun() {
    let fleet = Fleet::of(MANY);
    fleet.plan("");
    fleet.set_faults(json!([
        {"operation": "iam:*", "times": 100_000, "fault": "error", "code": "AccessDenied"},
        {"operation": "kms:*", "times": 100_000, "fault": "error", "code": "AccessDeniedException"}
    ]));
    let approved = digest(&fleet.status());
    let applied = fleet.run(&format!("apply --yes --digest {approved} --max-failures 0"));
    assert_eq!(applied.status, 1, "{applied}");
    let states = fleet.states();
    let [refused, left] = ["refused", "not_started"].map(|state| count(&states, state));
    assert!(refused > 0 && left > 0, "{states:?}");
    fleet.set_faults(json!([]));
    let finished = fleet.run(&format!("apply --yes --digest {approved} --max-failures 0"));
    assert_eq!(finished.status, 0, "{finished}");
}

#[test]
fn a_live_worker_is_respected_and_a_dead_one_taken_over() {
    let fleet = Fleet::small();
    respected_and_taken_over(&fleet, "", &is_there(&fleet, "apply-1-of-1.1"));
    let fleet = Fleet::small();
    let account = "100000000000";
    let lease = format!("apply-account-{account}.1");
    respected_and_taken_over(&fleet, &format!(" --account {account}"), &is_there(&fleet, &lease));
}

#[test]
fn account_by_account_comes_to_the_same_as_one_worker() {
    let [whole, single] = [Fleet::small(), Fleet::small()];
    let before = single.documents();
    whole.plan("");
    whole.approved("apply");
    single.plan("");
    let approved = format!("apply --yes --digest {}", digest(&single.status()));
    let accounts: Vec<String> = single.states().into_keys().collect();
    let (last, others) = accounts.split_last().unwrap();
    // Side by side, as an engine runs them.
    let workers =
        others.iter().map(|account| (account, single.worker(&format!("{approved} --account {account}"))));
    for (account, mut worker) in workers.collect::<Vec<_>>() {
        assert!(worker.wait().unwrap().success(), "{account}");
    }
    let status = single.status();
    assert_eq!(
        (status.status, &*single.states()[last]),
        (7, "not_started"),
        "one that never came is told: {status}"
    );
    for (other, told) in [
        ("", "begun account by account here, not with 1 shard"),
        (" --shard 1/2", "--account ID"),
        (" --account 123456789012", "is not about account 123456789012"),
        (" --account 12", "`12` is not"),
        (" --account 123456789012 --shard 1/2", "cannot be used with"),
    ] {
        let refused = single.run(&format!("{approved}{other}"));
        assert!([1, 2].contains(&refused.status) && refused.stderr.contains(told), "{refused}");
    }
    let ran = single.run(&format!("{approved} --account {last}"));
    assert_eq!(ran.status, 0, "{ran}");
    assert_eq!(single.documents(), whole.documents());
    assert_eq!(comparable(&single.status()), comparable(&whole.status()));

    // What one worker wrote is taken back by what that worker printed.
    let one = others
        .iter()
        .find(|account| single.scene.path(&format!("fleet/journals/{account}")).exists())
        .unwrap();
    let own = digest(&single.run(&format!("{approved} --account {one}")));
    let back = single.run(&format!("rollback --account {one} --yes --digest {own}"));
    assert_eq!((back.status, &*single.states()[one]), (0, "rolled_back"), "{back}");
    assert_ne!(single.documents(), before);
    for account in accounts.iter().filter(|account| *account != one) {
        let back = single.run(&format!("rollback --account {account} --yes --digest {own}"));
        assert!([0, 2].contains(&back.status), "only what was written is asked for: {back}");
        assert_eq!(
            back.status == 2,
            single.scene.path(&format!("fleet/journals/{account}")).exists(),
            "{back}"
        );
    }
}

#[test]
fn what_a_killed_worker_wrote_is_taken_back_and_a_live_one_is_waited_for() {
    let fleet = Fleet::small();
    fleet.plan("");
    let before = fleet.documents();
    let approved = digest(&fleet.status());
    // The first write of each account is done, and the second one never ends.
    fleet.set_faults(json!([
        {"operation": "kms:PutKeyPolicy", "call": 2, "times": 100_000, "fault": "latency", "milliseconds": 600_000}
    ]));
    let apply = format!("apply --yes --digest {approved} --lease 5");
    let mut first = started(&fleet, &apply, &is_there(&fleet, "apply-1-of-1.1"));
    let begun = Instant::now();
    // Until nothing more is written: the worker is at what never ends.
    let mut seen = before.clone();
    while seen == before || fleet.documents() != seen {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing is written");
        seen = fleet.documents();
        thread::sleep(Duration::from_millis(500));
    }
    let early = fleet.run(&format!("rollback --yes --digest {approved} --lease 5"));
    assert_eq!(early.status, 7, "{early}");
    assert!(early.stderr.contains("another worker holds the lease"), "{early}");
    first.kill().unwrap();
    first.wait().unwrap();
    // Nobody reads the world while it is changed.
    fleet.set_faults(json!([]));
    let written = fleet.documents();
    assert!(count(&fleet.states(), "cut") > 0);

    let wrong = fleet.run(&format!("rollback --yes --digest {} --lease 1", "0".repeat(64)));
    assert_eq!((wrong.status, fleet.documents()), (2, written), "{wrong}");
    let approved = digest(&fleet.status());
    let rollback = format!("rollback --yes --digest {approved} --lease 1");
    let undone = fleet.run(&rollback);
    assert_eq!(undone.status, 0, "{undone}");
    assert_eq!(fleet.documents(), before);
    let states = fleet.states();
    assert!(count(&states, "rolled_back") > 0, "{states:?}");
    assert_eq!(count(&states, "rolled_back") + count(&states, "nothing"), states.len(), "{states:?}");
    assert_eq!(fleet.run(&rollback).status, 0, "it is done");
}
