mod notes;

use std::cell::{Cell, RefCell};
use std::os::unix::fs::PermissionsExt as _;
use std::rc::Rc;

use futures_util::FutureExt as _;

use super::*;
use crate::access::Request;
use crate::access::chain::Chain;
use crate::cloud::{CloudError, CloudErrorKind, Receipt};
use crate::files::Unnamed;
use crate::observation::Observation;
use crate::plan::{Change, Fate, Operation, Plan};
use crate::render::findings::tell;

/// The real disk, watched; and full, when an addition comes to it, after so many bytes.
#[derive(Debug, Clone, Default)]
struct Watched {
    calls: Rc<RefCell<Vec<String>>>,
    bytes: Rc<Cell<u64>>,
    room: Rc<Cell<Option<usize>>>,
}

impl Watched {
    fn note(&self, what: &str, path: &Path) {
        let name = path.file_name().unwrap().to_string_lossy();
        // A run's id depends on the time.
        let name = if name.ends_with(".json") { "RUN.json" } else { &name };
        self.calls.borrow_mut().push(format!("{what} {name}"));
    }
}

impl Disk for Watched {
    fn make_folder(&mut self, folder: &Path) -> io::Result<()> {
        self.note("make", folder);
        RealDisk.make_folder(folder)
    }

    fn write_beside(&mut self, path: &Path, text: &str) -> io::Result<Unnamed> {
        self.note("write and flush beside", path);
        self.bytes.update(|bytes| bytes + text.len() as u64);
        RealDisk.write_beside(path, text)
    }

    fn name_new(&mut self, file: Unnamed, path: &Path) -> io::Result<()> {
        self.note("name new", path);
        RealDisk.name_new(file, path)
    }

    fn flush_folder(&mut self, folder: &Path) -> io::Result<()> {
        self.note("flush", folder);
        RealDisk.flush_folder(folder)
    }

    fn add(&mut self, path: &Path, length: u64, text: &str) -> io::Result<()> {
        self.note("add and flush", path);
        self.bytes.update(|bytes| bytes + text.len() as u64);
        let Some(room) = self.room.get() else { return RealDisk.add(path, length, text) };
        RealDisk.add(path, length, &text[..text.len().min(room)])?;
        Err(io::ErrorKind::StorageFull.into())
    }
}

fn request() -> Request {
    Request {
        keys: Vec::new(),
        grantees: Vec::new(),
        policy_name: crate::access::PolicyName::default(),
        profile: crate::access::Profile::default(),
        coverage: crate::access::CoverageRule::default(),
        prune_orphans: false,
        purpose: crate::access::Purpose::default(),
        only_for: [].into(),
        part: None,
    }
}

fn plan() -> Plan {
    plan_of(3)
}

fn plan_of(changes: usize) -> Plan {
    let change = |index| {
        let operation = Operation::CreatePolicy {
            policy: format!("arn:aws:iam::444455556666:policy/P{index}").parse().unwrap(),
            description: String::new(),
            after: "{ \"Statement\" : [\t] }\r\n".to_owned(),
        };
        Change { operation, reason: String::new(), gains: Vec::new() }
    };
    let changes = (0..changes).map(change).collect();
    Plan { findings: Vec::new(), changes, coverage: Vec::new(), handovers: Vec::new() }
}

/// A folder is written without waiting.
fn at_once<T>(written: impl Future<Output = T>) -> T {
    written.now_or_never().unwrap()
}

fn begin<D: Disk>(disk: D, folder: &Path) -> Journal<D> {
    begin_with(disk, folder, plan())
}

fn begin_with<D: Disk>(disk: D, folder: &Path, plan: Plan) -> Journal<D> {
    let (chain, observation) = (Chain::default(), Observation::default());
    let selected = (0..plan.changes.len()).collect();
    let case = Case { chain, request: request(), observation, plan };
    let beginning =
        Beginning { backend: Backend::Aws, origin: Origin::Request, case: &case, tell, selected: &selected };
    at_once(Journal::begin_on(disk, folder, &beginning)).unwrap()
}

fn applied() -> StepResult {
    StepResult::Applied { receipt: Receipt { version: Some("v3".to_owned()), ..Receipt::default() } }
}

fn refused(message: &str) -> StepResult {
    StepResult::Failed(CloudError {
        kind: CloudErrorKind::AccessDenied,
        operation: "iam:CreatePolicy",
        resource: String::new(),
        account: None,
        region: None,
        profile: None,
        code: None,
        message: message.to_owned(),
        request_id: None,
    })
}

fn only_record(folder: &Path) -> Record {
    History::read(folder, &Backend::Aws).unwrap().last().unwrap().clone()
}

#[test]
fn it_is_for_its_owner_alone_and_reads_back_byte_for_byte() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("a/b");
    let mut journal = begin(RealDisk, &folder);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(journal.path())), (0o700, 0o600));
    // Changes that are under way at once are told alternately.
    at_once(journal.intend(0)).unwrap();
    at_once(journal.intend(2)).unwrap();
    at_once(journal.conclude(2, &refused("\n\0nö"))).unwrap();
    at_once(journal.conclude(1, &StepResult::AlreadyDone)).unwrap();
    at_once(journal.conclude(0, &applied())).unwrap();
    at_once(journal.end()).unwrap();
    assert_eq!((mode(&folder), mode(journal.path())), (0o700, 0o600));
    let history = History::read(&folder, &Backend::Aws).unwrap();
    let record = history.run(journal.run()).unwrap();
    assert_eq!(record, &journal.record);
    assert_eq!(record.plan, plan().map_findings(tell));
    let fates = record.steps.iter().map(|step| step.outcome.unwrap());
    assert_eq!(fates.collect::<Vec<_>>(), [Fate::Applied, Fate::AlreadyDone, Fate::Failed]);
    assert_eq!(record.steps[0].version.as_deref(), Some("v3"));
    let other = Backend::World("/w.json".into());
    assert!(History::read(&folder, &other).unwrap().last().is_none(), "runs of another backend are not seen");
}

#[test]
fn runs_of_one_moment_are_told_apart_and_in_order() {
    let root = tempfile::tempdir().unwrap();
    let runs: Vec<String> = (0..12).map(|_| begin(RealDisk, root.path()).run().to_owned()).collect();
    let history = History::read(root.path(), &Backend::Aws).unwrap();
    let read: Vec<&str> = history.runs().map(|(record, _)| record.run.as_str()).collect();
    assert_eq!(read, runs);
}

/// Gives a run the id that it would have had at another moment, or under an earlier version.
fn rename(journal: &Journal, run: &str) {
    let record = Record { run: run.to_owned(), ..journal.record.clone() };
    let path = journal.path().with_file_name(format!("{run}.json"));
    std::fs::rename(journal.path(), &path).unwrap();
    std::fs::write(path, text::head(&record).unwrap()).unwrap();
}

#[test]
fn after_the_clock_went_back_the_last_run_is_the_last_one_still() {
    let root = tempfile::tempdir().unwrap();
    for earlier in ["29990101T000000Z-7", "29990101T000000Z-000001", "29980101T000000Z-000002"] {
        rename(&begin(RealDisk, root.path()), earlier);
        let last = begin(RealDisk, root.path());
        let history = History::read(root.path(), &Backend::Aws).unwrap();
        assert_eq!(history.last().unwrap().run, last.run(), "{earlier}");
        std::fs::remove_file(last.path()).unwrap();
    }
    let history = History::read(root.path(), &Backend::Aws).unwrap();
    let read: Vec<&str> = history.runs().map(|(record, _)| record.run.as_str()).collect();
    assert_eq!(read, ["29990101T000000Z-7", "29990101T000000Z-000001", "29980101T000000Z-000002"]);
}

#[test]
fn runs_that_begin_at_once_have_numbers_of_their_own() {
    let root = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..10).for_each(|_| drop(begin(RealDisk, root.path()))));
        }
    });
    let history = History::read(root.path(), &Backend::Aws).unwrap();
    let numbers = history.runs().map(|(record, _)| record.run.rsplit_once('-').unwrap().1.parse().unwrap());
    assert_eq!(numbers.collect::<Vec<u64>>(), (1..=80).collect::<Vec<_>>());
}

/// Ids of the runs that are not done, the last one first.
fn unfinished(folder: &Path) -> Vec<String> {
    let Some(Unfinished { last, earlier, .. }) = Unfinished::read(folder, &Backend::Aws).unwrap() else {
        return Vec::new();
    };
    std::iter::once(last.run).chain(earlier.into_iter().rev()).collect()
}

/// Writes a run after all others; its changes have that fate.
fn after(folder: &Path, origin: Origin, fate: Option<Fate>) -> String {
    let mut record = begin(RealDisk, folder).record;
    record.origin = origin;
    for step in &mut record.steps {
        *step = StepRecord { intended: Some(now()), outcome: fate, ..StepRecord::default() };
    }
    write_anew(folder, &record);
    record.run
}

/// Lets a run be what it never was.
fn write_anew(folder: &Path, record: &Record) {
    let path = folder.join(format!("{}.json", record.run));
    std::fs::write(path, text::head(record).unwrap()).unwrap();
}

#[test]
fn runs_stay_unfinished_until_they_are_finished_or_undone() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    let runs: Vec<_> = (0..5).map(|_| begin(RealDisk, folder).run().to_owned()).collect();
    let [one, two, three, four, five] = runs.try_into().unwrap();
    let known = |runs: &[&String]| assert_eq!(unfinished(folder).iter().collect::<Vec<_>>(), runs);
    known(&[&five, &four, &three, &two, &one]);
    // The same was asked for again and done: whether what was cut came through is for somebody to look at still.
    after(folder, Origin::Request, Some(Fate::Applied));
    known(&[&five, &four, &three, &two, &one]);
    after(folder, Origin::Resumes(two.clone()), Some(Fate::Applied));
    known(&[&five, &four, &three, &one]);
    // Who goes on with a run takes its place, and is the one to be gone on with.
    let again = after(folder, Origin::Resumes(four.clone()), None);
    known(&[&again, &five, &three, &one]);
    after(folder, Origin::Resumes(again), Some(Fate::Applied));
    known(&[&five, &three, &one]);
    after(folder, Origin::Undoes(one.clone()), Some(Fate::Failed));
    after(folder, Origin::Undoes(three.clone()), None);
    known(&[&five, &three, &one]);
    after(folder, Origin::Undoes(one.clone()), Some(Fate::Deselected));
    after(folder, Origin::Undoes(three), Some(Fate::Applied));
    known(&[&five, &one]);
    after(folder, Origin::Undoes(one), Some(Fate::Applied));
    known(&[&five]);
    let history = History::read(folder, &Backend::Aws).unwrap();
    for (record, state) in history.runs().filter(|(record, _)| record.run == two || record.run == four) {
        assert_eq!(state, RunState::Resumed, "{}", record.run);
    }
    history.forget(&five).unwrap();
    known(&[]);
}

#[test]
fn a_run_that_stopped_is_over_when_the_same_was_done() {
    let root = tempfile::tempdir().unwrap();
    let mut journal = begin(RealDisk, root.path());
    at_once(journal.intend(0)).unwrap();
    at_once(journal.conclude(0, &refused(""))).unwrap();
    at_once(journal.end()).unwrap();
    assert_eq!(unfinished(root.path()), [journal.run()]);
    let mut other = begin(RealDisk, root.path());
    for index in 0..3 {
        at_once(other.conclude(index, &StepResult::AlreadyDone)).unwrap();
    }
    at_once(other.end()).unwrap();
    other.record.request.prune_orphans = true;
    write_anew(root.path(), &other.record);
    assert_eq!(unfinished(root.path()), [journal.run()], "something else was asked for");
    after(root.path(), Origin::Request, Some(Fate::Applied));
    assert_eq!(unfinished(root.path()), Vec::<String>::new());
}

#[test]
fn stamps_order_as_texts() {
    let second = OffsetDateTime::from_unix_timestamp(1_764_000_000).unwrap();
    let stamps = [0, 1, 100, 120, 999].map(|milliseconds| {
        stamp(second + time::Duration::milliseconds(milliseconds) + time::Duration::nanoseconds(1))
    });
    assert!(stamps.is_sorted(), "{stamps:?}");
    assert_eq!(stamps[3], "2025-11-24T16:00:00.120Z");
}
