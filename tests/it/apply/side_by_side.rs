//! Many documents at a time: as many as can be, each as carefully as a single one.

use std::cell::Cell;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use keymend::access::chain::Chain;
use keymend::apply::journal::{Backend, Beginning, History, Journal, Origin};
use keymend::apply::{Clock, StepResult};
use keymend::cloud::CloudErrorKind;
use keymend::plan::{Case, Fate};
use keymend::render::findings::tell;

use super::cloud::Misfortune;
use super::{Stage, is_applied};
use crate::worlds;

/// The time that calls take too.
struct Virtual(tokio::time::Instant);

impl Virtual {
    fn new() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Clock for Virtual {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

async fn begin(stage: &Stage, folder: &Path) -> Journal {
    let (request, observation) = worlds::observe(stage.cloud.inner(), false).await;
    let case = Case { chain: Chain::default(), request, observation, plan: stage.plan.clone() };
    let selected = (0..stage.plan.changes.len()).collect();
    let beginning =
        Beginning { backend: Backend::Aws, origin: Origin::Request, case: &case, tell, selected: &selected };
    Journal::begin(folder, &beginning).await.unwrap()
}

/// What the record says of each change.
fn recorded(folder: &Path) -> Vec<Option<Fate>> {
    let history = History::read(folder, &Backend::Aws).unwrap();
    history.last().unwrap().steps.iter().map(|step| step.outcome).collect()
}

fn fates(steps: &[StepResult], known: bool) -> Vec<Option<Fate>> {
    let fate = |step: &StepResult| (known || *step != StepResult::NotStarted).then(|| step.fate());
    steps.iter().map(fate).collect()
}

#[tokio::test(start_paused = true)]
async fn eighty_key_policies_take_seconds() {
    let mut stage = Stage::on(worlds::with_keys(80, 50)).await;
    let all: Vec<usize> = (0..stage.plan.changes.len()).collect();
    assert_eq!(all.len(), 86, "and three policies that hold them, each with its attachment");
    let clock = Virtual::new();
    let outcome = stage.carry_out_by(&clock, &all, &|| false, None).await;
    assert!(outcome.is_success() && outcome.steps.iter().all(is_applied), "{outcome:?}");
    assert_eq!(stage.cloud.writes(), 86);
    assert!((20..=60).contains(&stage.cloud.most_at_a_time()), "{}", stage.cloud.most_at_a_time());
    // Two rounds of key policies, one of policies and one of attachments, each settling for two seconds.
    assert!(clock.elapsed() < Duration::from_secs(12), "{:?}", clock.elapsed());
    let told = |what: &str, of: Range<usize>| -> Vec<usize> {
        let at = |index| stage.told.iter().position(|told| *told == format!("{what} {index}")).unwrap();
        of.map(at).collect()
    };
    let ended = |of| told("ended", of).into_iter().max();
    let started = |of| told("started", of).into_iter().min();
    assert!(ended(0..80) < started(80..83), "{:?}", stage.told);
    assert!(ended(80..83) < started(83..86), "{:?}", stage.told);
}

#[tokio::test(start_paused = true)]
async fn a_failure_stops_what_has_not_begun_and_what_was_under_way_is_recorded() {
    let mut stage = Stage::on(worlds::with_keys(80, 50)).await;
    stage.cloud.expect([Misfortune::None, Misfortune::Refused(CloudErrorKind::Lockout)]);
    let folder = tempfile::tempdir().unwrap();
    let mut journal = begin(&stage, folder.path()).await;
    let all: Vec<usize> = (0..stage.plan.changes.len()).collect();
    let outcome = stage.carry_out_by(&Virtual::new(), &all, &|| false, Some(&mut journal)).await;
    let failed = |step: &&StepResult| matches!(step, StepResult::Failed(error) if error.kind == CloudErrorKind::Lockout);
    assert_eq!(outcome.steps.iter().filter(failed).count(), 1);
    let under_way = outcome.steps.iter().filter(|step| is_applied(step)).count();
    assert_eq!(under_way, 59);
    assert_eq!(stage.cloud.writes(), 60, "nothing was written that is not told");
    assert!(outcome.steps[60..].iter().all(|step| *step == StepResult::NotStarted), "{outcome:?}");
    assert_eq!(recorded(folder.path()), fates(&outcome.steps, false));
}

#[tokio::test(start_paused = true)]
async fn an_interruption_lets_what_is_under_way_end() {
    let mut stage = Stage::on(worlds::with_keys(80, 50)).await;
    let all: Vec<usize> = (0..stage.plan.changes.len()).collect();
    let clock = Virtual::new();
    let folder = tempfile::tempdir().unwrap();
    let mut journal = begin(&stage, folder.path()).await;
    let after_a_second = || clock.elapsed() > Duration::from_secs(1);
    let outcome = stage.carry_out_by(&clock, &all, &after_a_second, Some(&mut journal)).await;
    assert!(outcome.is_interrupted && !outcome.is_success());
    assert!(outcome.steps[..60].iter().all(is_applied), "{outcome:?}");
    assert!(outcome.steps[60..].iter().all(|step| *step == StepResult::NotStarted));
    assert_eq!(recorded(folder.path()), fates(&outcome.steps, false));
    assert!(clock.elapsed() < Duration::from_secs(4), "{:?}", clock.elapsed());
}

/// A run whose record can't be kept up writes nothing more, but for what was recorded before.
#[tokio::test(start_paused = true)]
async fn no_write_begins_that_can_not_be_recorded() {
    let mut stage = Stage::on(worlds::with_keys(80, 50)).await;
    let folder = tempfile::tempdir().unwrap();
    let mut journal = begin(&stage, folder.path()).await;
    let all: Vec<usize> = (0..stage.plan.changes.len()).collect();
    let gone = Cell::new(false);
    let path = folder.path().to_owned();
    let clock = Virtual::new();
    let lose_the_record = || {
        if clock.elapsed() > Duration::from_secs(1) && !gone.replace(true) {
            std::fs::remove_dir_all(&path).unwrap();
        }
        false
    };
    let outcome = stage.carry_out_by(&clock, &all, &lose_the_record, Some(&mut journal)).await;
    assert!(outcome.journal_error.is_some() && !outcome.is_success(), "{outcome:?}");
    assert_eq!(stage.cloud.writes(), 60, "the first ones had been recorded");
    assert!(outcome.steps[60..].iter().all(|step| *step == StepResult::NotStarted));
}
