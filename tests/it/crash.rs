//! The program, killed at every boundary between its steps and at random moments, then resumed or rolled back: every
//! document ends in its state before or after, never in any other.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use keymend::arn::Partition;
use keymend::policy::PolicyDocument;
use serde_json::{Value, json};

use crate::scene::Scene;
use crate::worlds::multiply_keys;

/// A world, how many keys like its own there are, and further arguments.
#[derive(Debug, Clone, Copy)]
struct Setting {
    world: &'static str,
    keys: usize,
    arguments: &'static str,
}

impl Setting {
    const fn of(world: &'static str) -> Self {
        Self { world, keys: 1, arguments: "" }
    }

    /// How many calls of a kind wait when the program is killed.
    fn at_a_time(self) -> usize {
        self.keys.min(3)
    }

    fn scene(self) -> Scene {
        Scene::changed(self.world, |world| {
            if self.keys > 1 {
                multiply_keys(world, self.keys);
            }
        })
    }
}

const SETTINGS: [Setting; 9] = [
    Setting::of("copied-ami"),
    Setting { keys: 8, ..Setting::of("copied-ami") },
    Setting::of("five-versions"),
    Setting::of("shared-policy"),
    Setting::of("same-account"),
    Setting::of("group-grantee"),
    Setting::of("second-role"),
    Setting { arguments: "--prune-orphans", ..Setting::of("orphaned-principal") },
    Setting::of("autoscaling-across-accounts"),
];

/// When the program is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// While the n-th call of this kind is under way.
    During(&'static str, usize),
    /// After so many tenths of a millisecond.
    After(u64),
}

/// Every boundary: each call that a run makes to look or to write, and the record between them.
const CALLS: [&str; 14] = [
    "kms:PutKeyPolicy",
    "kms:CreateGrant",
    "iam:CreatePolicy",
    "iam:DeletePolicyVersion",
    "iam:CreatePolicyVersion",
    "iam:AttachRolePolicy",
    "iam:AttachGroupPolicy",
    "kms:GetKeyPolicy",
    "kms:ListGrants",
    "iam:ListPolicyVersions",
    "iam:GetRole",
    "iam:GetGroup",
    "iam:ListEntitiesForPolicy",
    "iam:GetAccountSummary",
];

/// What stands in a world, by meaning: documents in force, attachments and grants.
pub(crate) type Documents = BTreeMap<String, String>;

fn meaning(document: &Value) -> String {
    let text = document.as_str().map_or_else(|| document.to_string(), str::to_owned);
    PolicyDocument::parse(text).unwrap().fingerprint(Partition::Aws).to_string()
}

fn documents(scene: &Scene) -> Documents {
    documents_of(&serde_json::from_slice(&std::fs::read(scene.path("world.json")).unwrap()).unwrap())
}

pub(crate) fn documents_of(world: &Value) -> Documents {
    let mut documents = Documents::new();
    for (arn, key) in world["keys"].as_object().unwrap() {
        documents.insert(arn.clone(), meaning(&key["policy"]));
        let grants = key["grants"].as_array().into_iter().flatten();
        let grants: Vec<String> =
            grants.map(|grant| format!("{} {}", grant["grantee_principal"], grant["operations"])).collect();
        documents.insert(format!("{arn} grants"), grants.join("\n"));
    }
    for (id, account) in world["accounts"].as_object().unwrap() {
        for (name, policy) in account["policies"].as_object().into_iter().flatten() {
            let version = policy["default_version"].as_str().unwrap();
            documents.insert(format!("{id} policy {name}"), meaning(&policy["versions"][version]));
        }
        for kind in ["users", "roles", "groups"] {
            for (name, entity) in account[kind].as_object().into_iter().flatten() {
                let mut attached: Vec<String> =
                    entity["attached"].as_array().into_iter().flatten().map(Value::to_string).collect();
                attached.sort();
                documents.insert(format!("{id} {kind} {name}"), attached.join(" "));
            }
        }
    }
    documents
}

/// Puts a wait into the world at the moment, so that the program is there when it is killed.
fn set_faults(scene: &Scene, faults: &Value) {
    scene.change(|world| world["faults"] = faults.clone());
}

/// Runs the program and kills it; gives up waiting where the moment does not come. Where several changes go side by side,
/// as many as there may be are under way then.
fn killed(scene: &Scene, arguments: &str, (moment, at_a_time): (Moment, usize)) {
    let faults = match moment {
        Moment::During(operation, call) => json!([{
            "operation": operation,
            "call": call,
            "times": at_a_time,
            "fault": "latency",
            "milliseconds": 60_000,
        }]),
        Moment::After(_) => json!([]),
    };
    set_faults(scene, &faults);
    let mut child = scene
        .command(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    match moment {
        Moment::After(tenths) => thread::sleep(Duration::from_micros(100 * tenths)),
        Moment::During(..) => until_it_waits(&mut child),
    }
    // SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
    set_faults(scene, &json!([]));
}

/// The program has come to its wait when it sleeps and its time on the processor stands still; or it has ended.
fn until_it_waits(child: &mut Child) {
    let used = |id: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let fields: Vec<String> = stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect();
        // Fields 3, 14 and 15 of proc(5).
        (fields.first()? == "S").then(|| (fields.get(11).cloned(), fields.get(12).cloned()))
    };
    let (mut last, mut still) = (None, 0);
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() && still < 8 && begun.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(4));
        let now = used(child.id());
        still = if now.is_some() && now == last { still + 1 } else { 0 };
        last = now;
    }
}

/// How the cut run is dealt with.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// It is finished.
    Resume,
    /// It is undone.
    Undo,
    /// It is finished, and then all is undone.
    ResumeThenUndo,
    /// It is undone, the undoing is killed too, and undone again.
    UndoTwice(Moment),
}

struct Case {
    setting: Setting,
    moment: Moment,
    way: Way,
}

impl Case {
    /// Whether the run was cut after its first write and before its end.
    fn play(&self) -> bool {
        let Self { setting, moment, way } = self;
        let Setting { world, arguments, .. } = setting;
        let label = format!("{setting:?}, killed {moment:?}, {way:?}");
        let scene = setting.scene();
        let before = documents(&scene);
        let fix = format!("fix --sandbox=world.json --yes {arguments}");
        let planned = setting.scene();
        assert_eq!(planned.run(&fix).status, 0, "{label}");
        let after = documents(&planned);

        killed(&scene, &fix, (*moment, setting.at_a_time()));
        let cut = documents(&scene);
        for (name, meaning) in &cut {
            let expected = [before.get(name), after.get(name)];
            let attached = name.contains("roles") || name.contains("groups");
            // A pruned policy that is not updated yet is neither.
            let is_between = *world == "orphaned-principal";
            assert!(expected.contains(&Some(meaning)) || attached || is_between, "{label}: {name}");
        }
        let is_recorded = !scene.journals().is_empty();
        let undo = "rollback --sandbox=world.json --yes";
        let ok = |arguments: &str| {
            let ran = scene.run(arguments);
            assert_eq!(ran.status, 0, "{label}: {ran}");
        };
        match way {
            Way::Resume => {
                let told = scene.run(&format!("fix --sandbox=world.json --dry-run {arguments}"));
                let is_told = told.stderr.contains("warning: the run ");
                let is_done = cut == after;
                assert!(is_told || is_done || !is_recorded, "{label}: {told}");
                ok("fix --sandbox=world.json --yes --resume");
                if is_recorded {
                    assert_eq!(documents(&scene), after, "{label}");
                } else {
                    assert_eq!(documents(&scene), before, "{label}");
                }
            }
            Way::Undo => {
                ok(undo);
                assert_undone(&scene, (&before, &after), &label);
            }
            Way::ResumeThenUndo => {
                ok("fix --sandbox=world.json --yes --resume");
                ok(undo);
                assert_undone(&scene, (&before, &after), &label);
            }
            Way::UndoTwice(moment) => {
                killed(&scene, undo, (*moment, setting.at_a_time()));
                ok(undo);
                assert_undone(&scene, (&before, &after), &label);
                let twice = documents(&scene);
                ok(undo);
                assert_eq!(documents(&scene), twice, "{label}: undone a second time");
            }
        }
        cut != before && cut != after
    }
}

/// Everything is as it was, but for pruned orphans.
fn assert_undone(scene: &Scene, (before, after): (&Documents, &Documents), label: &str) {
    let found = documents(scene);
    for (name, meaning) in &found {
        let is_pruned = label.contains("orphaned-principal") && name.starts_with("arn:aws:kms");
        assert!(Some(meaning) == before.get(name) || is_pruned, "{label}: {name} is not as it was");
    }
    assert!(before.keys().all(|name| found.contains_key(name)), "{label}: something is lost");
    assert!(after.keys().all(|name| before.contains_key(name) || !found.contains_key(name)), "{label}");
}

/// A generator of its own: the same cases in every run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn cases(boundaries_from: usize, boundaries_step: usize, random: usize) -> Vec<Case> {
    let mut numbers = Numbers(0x5EED_1234_5678_9ABC);
    let mut all = Vec::new();
    for setting in SETTINGS {
        for operation in CALLS {
            for call in 1..=4 {
                all.push((setting, Moment::During(operation, call)));
            }
        }
    }
    let boundaries = all.into_iter().skip(boundaries_from).step_by(boundaries_step);
    let randoms =
        (0..random).map(|index| (SETTINGS[index % SETTINGS.len()], Moment::After(numbers.below(600))));
    let moments: Vec<_> = boundaries.chain(randoms).collect();
    let mut numbers = Numbers(0x0BAD_CAFE_0BAD_CAFE);
    let way = |index: usize, numbers: &mut Numbers| match index % 4 {
        0 => Way::Resume,
        1 => Way::Undo,
        2 => Way::ResumeThenUndo,
        _ => Way::UndoTwice(match numbers.below(5) {
            0 => Moment::During("iam:Detach*", 1),
            1 => Moment::During("iam:SetDefaultPolicyVersion", 1),
            2 => Moment::During("kms:PutKeyPolicy", 1),
            3 => Moment::During("kms:RevokeGrant", 1),
            _ => Moment::After(numbers.below(600)),
        }),
    };
    moments
        .into_iter()
        .enumerate()
        .map(|(index, (setting, moment))| Case { setting, moment, way: way(index, &mut numbers) })
        .collect()
}

/// How many were killed between their first and their last write.
fn play(cases: &[Case]) -> usize {
    let (next, halfway) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if case.play() {
                        halfway.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    halfway.into_inner()
}

#[test]
fn a_killed_run_can_be_finished_or_undone() {
    let cases = cases(0, 13, 8);
    let halfway = play(&cases);
    assert!(halfway > 3, "{halfway} of {} were killed halfway", cases.len());
}

/// `cargo test --test it crash::every -- --ignored --nocapture`
#[test]
#[ignore = "some minutes: the test above plays a part of it"]
#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn every_boundary_and_many_moments() {
    let begun = Instant::now();
    let cases = cases(0, 1, 264);
    let halfway = play(&cases);
    println!(
        "{} runs killed in {} settings, {halfway} of them between first and last write; {} s",
        cases.len(),
        SETTINGS.len(),
        begun.elapsed().as_secs()
    );
    assert!(cases.len() >= 500 && halfway > 50);
}
