//! Carrying out a plan, on a cloud with faults and a clock that only records.

mod cloud;
mod faults;
mod grants;
mod races;
mod side_by_side;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use keymend::access::chain::Chain;
use keymend::apply::journal::{Backend, Beginning, History, Journal, Origin};
use keymend::apply::recent::Recent;
use keymend::apply::{self, Clock, Now, Run, RunOutcome, RunProgress, StepResult, Watcher};
use keymend::cloud::sandbox::Sandbox;
use keymend::cloud::{CloudErrorKind, Receipt, Write as _};
use keymend::plan::{Case, KeyPolicyUpdate, Operation, Plan};
use keymend::render::findings::tell;
use serde_json::{Value, json};

use crate::worlds;
use cloud::{Faulty, Misfortune};

/// Time that passes by being waited for, and remembers how.
#[derive(Debug, Default)]
struct RecordingClock(RefCell<Vec<Duration>>);

impl RecordingClock {
    fn seconds(&self) -> Vec<u64> {
        self.0.borrow().iter().map(Duration::as_secs).collect()
    }
}

impl Clock for RecordingClock {
    async fn sleep(&self, duration: Duration) {
        self.0.borrow_mut().push(duration);
    }

    fn elapsed(&self) -> Duration {
        self.0.borrow().iter().sum()
    }
}

/// A plan of some changes, the cloud it is for, and what was seen of carrying it out.
struct Stage {
    folder: tempfile::TempDir,
    cloud: Faulty,
    plan: Plan,
    clock: RecordingClock,
    /// What this machine wrote before.
    recent: Recent,
    told: Vec<String>,
}

impl Stage {
    async fn of(world: &str) -> Self {
        Self::on(worlds::copy(world)).await
    }

    async fn on((folder, sandbox): (tempfile::TempDir, Sandbox)) -> Self {
        let plan = worlds::plan_in(&sandbox, false).await;
        let (cloud, clock) = (Faulty::new(sandbox), RecordingClock::default());
        Self { folder, cloud, plan, clock, recent: Recent::default(), told: Vec::new() }
    }

    async fn with(misfortunes: impl IntoIterator<Item = Misfortune>) -> Self {
        let stage = Self::of("copied-ami").await;
        assert_eq!(stage.plan.changes.len(), 3);
        stage.cloud.expect(misfortunes);
        stage
    }

    /// Somebody else changes the world after the plan was made.
    fn meanwhile(&self, change: impl FnOnce(&mut Value)) {
        let file = self.folder.path().join("world.json");
        let mut world: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        change(&mut world);
        std::fs::write(file, world.to_string()).unwrap();
    }

    /// Carries out the first change alone.
    async fn first(&mut self) -> StepResult {
        self.carry_out(&[0], &|| false, None).await.steps[0].clone()
    }

    async fn all(&mut self) -> Vec<StepResult> {
        self.carry_out(&[0, 1, 2], &|| false, None).await.steps
    }

    async fn carry_out(
        &mut self,
        selected: &[usize],
        is_interrupted: &dyn Fn() -> bool,
        journal: Option<&mut Journal>,
    ) -> RunOutcome {
        let clock = std::mem::take(&mut self.clock);
        let outcome = self.carry_out_by(&clock, selected, is_interrupted, journal).await;
        self.clock = clock;
        outcome
    }

    async fn carry_out_by<K: Clock>(
        &mut self,
        clock: &K,
        selected: &[usize],
        is_interrupted: &dyn Fn() -> bool,
        journal: Option<&mut Journal>,
    ) -> RunOutcome {
        let selected: BTreeSet<usize> = selected.iter().copied().collect();
        let told = &mut self.told;
        let mut progress = |progress: RunProgress<'_>| {
            told.push(match progress {
                RunProgress::Started(index) => format!("started {index}"),
                RunProgress::Settling(index) => format!("settling {index}"),
                RunProgress::Waiting(index) => format!("waiting {index}"),
                RunProgress::Retrying(index, error, wait) => {
                    format!("retrying {index} after {:?} and {} s", error.kind, wait.as_secs())
                }
                RunProgress::Ended(index, _) => format!("ended {index}"),
            });
        };
        let recent = self.recent.clone();
        let watcher = Watcher { progress: &mut progress, is_interrupted, may_write: None };
        let run = Run::new(clock, journal, recent, watcher);
        apply::apply(&self.plan, &selected, &self.cloud, &run).await
    }
}

fn is_applied(step: &StepResult) -> bool {
    matches!(step, StepResult::Applied { .. })
}

#[tokio::test]
async fn a_write_is_settled_after_three_equal_reads() {
    let mut stage = Stage::with([]).await;
    let result = stage.first().await;
    assert!(matches!(&result, StepResult::Applied { receipt } if receipt.request_id.is_some()), "{result:?}");
    assert_eq!(stage.cloud.calls(), ["read", "read", "write", "read", "read", "read"]);
    assert_eq!(stage.clock.seconds(), [1, 1]);
    assert_eq!(stage.told, ["started 0", "settling 0", "ended 0"]);
}

#[tokio::test]
async fn everything_is_ready_before_the_reads_that_a_write_rests_on() {
    let mut stage = Stage::with([Misfortune::Refused(CloudErrorKind::Throttled)]).await;
    assert!(is_applied(&stage.first().await));
    let calls = stage.cloud.calls();
    assert_eq!(calls[..5], ["read", "read", "write", "read", "write"]);
    assert_eq!(stage.cloud.readied(), [0, 3], "before the first look, and before that of the second attempt");
    assert!(calls.windows(2).all(|pair| pair[1] != "write" || pair[0] == "read"), "{calls:?}");
}

#[tokio::test]
async fn a_read_of_the_old_state_begins_the_count_anew() {
    let mut stage = Stage::with([]).await;
    stage.cloud.read_back(&[false, true, true, false, true, true, true]);
    assert!(is_applied(&stage.first().await));
    assert_eq!(stage.clock.seconds(), [1; 6]);
    assert_eq!(stage.told, ["started 0", "settling 0", "waiting 0", "ended 0"]);
}

#[tokio::test]
async fn what_reads_as_before_for_five_minutes_was_put_back() {
    let mut stage = Stage::with([]).await;
    stage.cloud.read_back(&[false; 1000]);
    let steps = stage.all().await;
    assert!(
        matches!(&steps[0], StepResult::Overwritten(Now::Words(words)) if words.contains("somebody put it back")),
        "{steps:?}"
    );
    assert_eq!(steps[1..], [StepResult::NotStarted, StepResult::NotStarted]);
    let waited = stage.clock.elapsed();
    assert!((Duration::from_mins(5)..Duration::from_secs(303)).contains(&waited), "{waited:?}");
    assert_eq!(stage.cloud.writes(), 1);
}

#[tokio::test]
async fn after_a_passing_fault_it_is_read_before_it_is_written_again() {
    for kind in [CloudErrorKind::Transient, CloudErrorKind::Throttled] {
        let mut stage = Stage::with([Misfortune::Refused(kind), Misfortune::Refused(kind)]).await;
        assert!(is_applied(&stage.first().await));
        let calls = ["read", "read", "write", "read", "write", "read", "write", "read", "read", "read"];
        assert_eq!(stage.cloud.calls(), calls);
        assert_eq!(stage.clock.elapsed(), Duration::from_secs(2 + 4 + 1 + 1), "longer each time");
        assert_eq!(stage.told[1], format!("retrying 0 after {kind:?} and 2 s"));
        assert_eq!(stage.told[2], format!("retrying 0 after {kind:?} and 4 s"));
    }
}

#[tokio::test]
async fn a_lost_answer_is_found_by_reading() {
    let mut stage = Stage::with([Misfortune::AnswerLost]).await;
    assert_eq!(stage.first().await, StepResult::Applied { receipt: Receipt::default() });
    assert_eq!(stage.cloud.calls(), ["read", "read", "write", "read", "read", "read", "read"]);
}

#[tokio::test]
async fn a_fault_that_stays_is_given_up_after_five_attempts() {
    let mut stage = Stage::with([Misfortune::Refused(CloudErrorKind::Transient); 9]).await;
    let steps = stage.all().await;
    assert!(matches!(&steps[0], StepResult::Failed(error) if error.kind == CloudErrorKind::Transient));
    assert_eq!(steps[1..], [StepResult::NotStarted, StepResult::NotStarted]);
    assert_eq!(stage.cloud.writes(), 5);
}

#[tokio::test]
async fn a_refusal_is_never_tried_again() {
    for kind in [
        CloudErrorKind::Lockout,
        CloudErrorKind::AccessDenied,
        CloudErrorKind::InvalidPrincipal,
        CloudErrorKind::Malformed,
        CloudErrorKind::LimitExceeded,
        CloudErrorKind::ExpiredCredentials,
    ] {
        let mut stage = Stage::with([Misfortune::Refused(kind)]).await;
        let result = stage.first().await;
        assert!(matches!(&result, StepResult::Failed(error) if error.kind == kind), "{result:?}");
        assert_eq!(stage.cloud.calls(), ["read", "read", "write"]);
        assert_eq!(stage.clock.seconds(), [0; 0]);
    }
}

#[tokio::test]
async fn somebody_elses_change_stops_it_even_between_two_attempts() {
    let theirs = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}]}"#;
    let mut stage = Stage::with([Misfortune::Overtaken(theirs)]).await;
    let result = stage.first().await;
    assert!(matches!(&result, StepResult::Stale(Now::Text(text)) if text.contains("Theirs")), "{result:?}");
    assert_eq!(stage.cloud.writes(), 1);
}

#[tokio::test]
async fn what_is_so_already_is_not_written() {
    let mut stage = Stage::with([]).await;
    for change in &stage.plan.changes.clone() {
        stage.cloud.inner().perform(&change.operation).await.unwrap();
    }
    assert_eq!(stage.all().await, [const { StepResult::AlreadyDone }; 3]);
    assert_eq!(stage.cloud.writes(), 0);
}

#[tokio::test]
async fn what_is_gone_is_told_in_words() {
    for (world, index, kind, name) in [
        ("copied-ami", 2, "role", "app-instances"),
        ("five-versions", 1, "policy", "KmsKeyUsagePolicy"),
        ("five-versions", 2, "policy", "KmsKeyUsagePolicy"),
    ] {
        let mut stage = Stage::of(world).await;
        stage.meanwhile(|world| {
            let account = &mut world["accounts"]["444455556666"];
            account["roles"]["app-instances"]["attached"] = json!([]);
            let things = if kind == "role" { "roles" } else { "policies" };
            account[things].as_object_mut().unwrap().remove(name);
        });
        let outcome = stage.carry_out(&[index], &|| false, None).await;
        let gone = Now::Words(format!("`arn:aws:iam::444455556666:{kind}/{name}` is gone"));
        assert_eq!(outcome.steps[index], StepResult::Stale(gone));
        assert_eq!(stage.cloud.writes(), 0);
    }
}

#[tokio::test]
async fn a_policy_that_says_something_else_by_now_is_not_attached() {
    let mut stage = Stage::of("copied-ami").await;
    stage.cloud.inner().perform(&stage.plan.changes[1].operation).await.unwrap();
    stage.meanwhile(|world| {
        let policy = &mut world["accounts"]["444455556666"]["policies"]["KmsKeyUsagePolicy"];
        policy["versions"]["v1"]["Statement"] = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]);
    });
    let outcome = stage.carry_out(&[2], &|| false, None).await;
    assert!(matches!(&outcome.steps[2], StepResult::Stale(Now::Text(_))), "{outcome:?}");
    assert_eq!(stage.cloud.writes(), 0);
}

#[tokio::test]
async fn a_policy_that_serves_others_by_now_is_not_widened() {
    let mut stage = Stage::of("five-versions").await;
    stage.meanwhile(|world| {
        let roles = &mut world["accounts"]["444455556666"]["roles"];
        roles["stranger"] = json!({"attached": ["arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy"]});
    });
    let outcome = stage.carry_out(&[2], &|| false, None).await;
    let others = Now::Words("it also serves `role stranger` now".to_owned());
    assert_eq!(outcome.steps[2], StepResult::Stale(others));
    assert_eq!(stage.cloud.writes(), 0);
}

#[tokio::test]
async fn room_that_somebody_else_made_is_room_enough() {
    let mut stage = Stage::of("five-versions").await;
    stage.meanwhile(|world| {
        let policy = &mut world["accounts"]["444455556666"]["policies"]["KmsKeyUsagePolicy"];
        policy["versions"].as_object_mut().unwrap().remove("v4");
    });
    let outcome = stage.carry_out(&[1, 2], &|| false, None).await;
    assert_eq!(outcome.steps[1], StepResult::AlreadyDone, "{outcome:?}");
    assert!(is_applied(&outcome.steps[2]));
}

#[tokio::test]
async fn what_somebody_changes_right_after_the_write_is_told() {
    let theirs = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}]}"#;
    let mut stage = Stage::with([Misfortune::Overwritten(theirs)]).await;
    let result = stage.first().await;
    assert!(
        matches!(&result, StepResult::Overwritten(Now::Text(text)) if text.contains("Theirs")),
        "{result:?}"
    );
    assert_eq!(stage.cloud.writes(), 1);
}

#[tokio::test]
async fn it_is_told_as_soon_as_it_is_read_whatever_the_order_of_principals() {
    let theirs = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::222233334444:root","arn:aws:iam::333344445555:root"]},"Action":"kms:*","Resource":"*"}]}"#;
    let mut stage = Stage::with([Misfortune::Overwritten(theirs)]).await;
    assert!(matches!(stage.first().await, StepResult::Overwritten(Now::Text(_))));
    assert_eq!(stage.cloud.calls(), ["read", "read", "write", "read"]);
    assert_eq!(stage.clock.seconds(), [0; 0]);
}

/// A first run added what a plan that was made on an older read does not have.
#[tokio::test]
async fn what_an_earlier_run_added_is_not_dropped_by_a_read_that_is_older() {
    let mut stage = Stage::with([]).await;
    let Operation::UpdateKeyPolicy(update) = &stage.plan.changes[0].operation else { panic!() };
    let added = update.after.replace("444455556666", "777788889999");
    let first = Operation::UpdateKeyPolicy(KeyPolicyUpdate { after: added, ..update.clone() });
    stage.cloud.perform(&first).await.unwrap();
    stage.recent = Recent::of([&first]);
    stage.cloud.read_back(&[false, false, true]);
    let result = stage.first().await;
    assert!(
        matches!(&result, StepResult::Stale(Now::Text(text)) if text.contains("777788889999")),
        "{result:?}"
    );
    assert_eq!(stage.cloud.calls(), ["write", "read", "read", "read"]);
    assert_eq!(stage.clock.seconds(), [1, 1]);
}

/// What this machine wrote shows as it was before for longer than a read may be late.
#[tokio::test]
async fn what_an_earlier_run_added_and_somebody_took_away_is_not_built_upon() {
    let mut stage = Stage::with([]).await;
    let Operation::UpdateKeyPolicy(update) = &stage.plan.changes[0].operation else { panic!() };
    let added = update.after.replace("444455556666", "777788889999");
    stage.recent =
        Recent::of([&Operation::UpdateKeyPolicy(KeyPolicyUpdate { after: added, ..update.clone() })]);
    let result = stage.first().await;
    assert!(matches!(&result, StepResult::Stale(Now::Words(_))), "{result:?}");
    assert_eq!(stage.cloud.writes(), 0);
    let waited = stage.clock.elapsed();
    assert!((Duration::from_mins(5)..Duration::from_secs(303)).contains(&waited), "{waited:?}");
}

#[tokio::test]
async fn an_interruption_waits_for_the_write_in_flight() {
    let mut stage = Stage::with([]).await;
    let asked = Cell::new(0);
    // Asked before the change gets ready, and before it begins.
    let after_the_first = || asked.replace(asked.get() + 1) > 1;
    let outcome = stage.carry_out(&[0, 1, 2], &after_the_first, None).await;
    assert!(outcome.is_interrupted && !outcome.is_success());
    assert!(is_applied(&outcome.steps[0]), "{outcome:?}");
    assert_eq!(outcome.steps[1..], [StepResult::NotStarted, StepResult::NotStarted]);
}

#[tokio::test]
async fn an_interruption_ends_the_wait_before_another_attempt() {
    let mut stage = Stage::with([Misfortune::Refused(CloudErrorKind::Throttled)]).await;
    let asked = Cell::new(0);
    // Asked twice before the change begins, after the failure, and at each second of the wait.
    let while_waiting = || asked.replace(asked.get() + 1) > 3;
    let outcome = stage.carry_out(&[0, 1, 2], &while_waiting, None).await;
    assert!(matches!(outcome.steps[0], StepResult::Failed(_)), "{outcome:?}");
    assert_eq!(
        stage.cloud.calls(),
        ["read", "read", "write", "read"],
        "the last look tells, nothing is guessed"
    );
    assert!(stage.clock.elapsed() <= Duration::from_secs(1));
}

#[tokio::test]
async fn a_principal_that_is_new_is_waited_for_as_long_as_that_can_help() {
    let theirs = |seconds: Option<u64>| {
        move |world: &mut Value| {
            let role = &mut world["accounts"]["444455556666"]["roles"]["app-instances"];
            if let Some(seconds) = seconds {
                role["age"] = json!(seconds);
            }
        }
    };
    for (age, refusals, expected) in
        [(Some(20), 3, true), (Some(20), 1000, false), (None, 1, false), (Some(121), 1, false)]
    {
        let mut stage =
            Stage::with(vec![Misfortune::Refused(CloudErrorKind::InvalidPrincipal); refusals]).await;
        stage.meanwhile(theirs(age));
        let result = stage.first().await;
        assert_eq!(is_applied(&result), expected, "{age:?}: {result:?}");
        let writes = stage.cloud.writes();
        match (age, expected) {
            (Some(20), false) => assert_eq!(writes, 25, "every five seconds for two minutes"),
            (_, false) => assert_eq!(writes, 1),
            (_, true) => assert_eq!(writes, 4),
        }
        let calls = stage.cloud.calls();
        let unread = calls.windows(2).filter(|pair| *pair == ["write", "write"]).count();
        assert_eq!(unread, 0, "each attempt is after a fresh read");
    }
}

#[tokio::test]
async fn only_what_was_selected_is_written() {
    let mut stage = Stage::with([]).await;
    let outcome = stage.carry_out(&[0], &|| false, None).await;
    assert!(outcome.is_success() && is_applied(&outcome.steps[0]));
    assert_eq!(outcome.steps[1..], [StepResult::Deselected, StepResult::Deselected]);
    assert_eq!(stage.cloud.writes(), 1);
}

#[tokio::test]
async fn the_journal_has_the_intent_before_the_write_and_the_outcome_after_it() {
    let misfortunes = [Misfortune::None, Misfortune::Refused(CloudErrorKind::LimitExceeded)];
    let mut stage = Stage::with(misfortunes).await;
    let (request, observation) = worlds::observe(stage.cloud.inner(), false).await;
    let folder = stage.folder.path().join("journal");
    let beginning = Beginning {
        backend: Backend::Aws,
        origin: Origin::Request,
        tell,
        case: &Case { chain: Chain::default(), request, observation, plan: stage.plan.clone() },
        selected: &BTreeSet::from([0, 1, 2]),
    };
    let mut journal = Journal::begin(&folder, &beginning).await.unwrap();
    let steps = move || -> Vec<(bool, Option<String>)> {
        let history = History::read(&folder, &Backend::Aws).unwrap();
        let steps = &history.last().unwrap().steps;
        steps
            .iter()
            .map(|step| (step.intended.is_some(), step.outcome.map(|fate| fate.word().to_owned())))
            .collect()
    };
    let outcome = |word: &str| (true, Some(word.to_owned()));
    assert_eq!(steps(), [(false, None), (false, None), (false, None)]);

    let seen = stage.cloud.watch(Box::new(steps.clone()));
    stage.carry_out(&[0, 1, 2], &|| false, Some(&mut journal)).await;
    assert_eq!(
        *seen.borrow(),
        [[(true, None), (false, None), (false, None)], [outcome("applied"), (true, None), (false, None)]],
        "as it was on disk at each write"
    );
    assert_eq!(steps(), [outcome("applied"), outcome("failed"), (false, None)]);
}
