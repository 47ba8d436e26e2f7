//! `keymend fleet`: many accounts planned, applied, told and taken back through the program.

mod kills;
mod refusals;
mod report;
mod targets;
pub(crate) mod workers;

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::crash::{Documents, documents_of};
use crate::fleet_world::{SMALL, made};
use crate::scene::{Ran, Scene};

/// Where nothing stands in the way.
const CLEAR: &str = "--denied 0 --gone 0";

/// Accounts enough that a worker does not see to all of them at a time.
const MANY: &str =
    "--seed 3 --key-accounts 2 --keys 8 --accounts 24 --shares 4 --roles 1 --denied 0 --gone 0";

/// A world in a folder, with the manifest that asks for all of it.
pub(crate) struct Fleet {
    pub(crate) scene: Scene,
    /// Where its records are.
    pub(crate) dir: String,
    /// What the program finds in its environment.
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Fleet {
    pub(crate) fn of(options: &str) -> Self {
        let scene = Scene::with_text("");
        made(&scene, "world", options);
        Self { scene, dir: "fleet".to_owned(), variables: Vec::new() }
    }

    pub(crate) fn small() -> Self {
        Self::of(&format!("{SMALL} {CLEAR}"))
    }

    /// Runs a command of `keymend fleet` on the world.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        self.ran(&self.line(arguments))
    }

    fn ran(&self, line: &str) -> Ran {
        self.scene.run_command(&mut self.command(line), line)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = self.scene.command(line);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn line(&self, arguments: &str) -> String {
        format!("fleet {arguments} --dir {} --sandbox=world", self.dir)
    }

    /// A worker that goes on beside the test.
    pub(crate) fn worker(&self, arguments: &str) -> Child {
        let mut command = self.command(&self.line(arguments));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    pub(crate) fn plan(&self, options: &str) -> Ran {
        self.run(&format!("plan --manifest world.jsonl {options}"))
    }

    /// Runs a command with what `fleet status` says of the step before.
    pub(crate) fn approved(&self, command: &str) -> Ran {
        let digest = digest(&self.status());
        self.run(&format!("{command} --yes --digest {digest}"))
    }

    pub(crate) fn status(&self) -> Ran {
        self.ran(&format!("fleet status --dir {} -o json", self.dir))
    }

    /// Each account's state, every account there once.
    pub(crate) fn states(&self) -> BTreeMap<String, String> {
        states(&self.status())
    }

    /// A file of the world.
    fn change(&self, file: &str, change: impl FnOnce(&mut Value)) {
        change_json(&self.scene, &format!("world/{file}.json"), change);
    }

    pub(crate) fn set_faults(&self, faults: Value) {
        self.change("world", |world| world["faults"] = faults);
    }

    fn world(&self) -> Value {
        let mut world = json!({ "keys": {}, "accounts": {} });
        for entry in fs::read_dir(self.scene.path("world")).unwrap() {
            let path = entry.unwrap().path();
            // What a killed worker had not named yet is no part of the world.
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            for member in ["keys", "accounts"] {
                for (name, value) in file[member].as_object().into_iter().flatten() {
                    world[member][name] = value.clone();
                }
            }
        }
        world
    }

    pub(crate) fn documents(&self) -> Documents {
        documents_of(&self.world())
    }
}

fn change_json(scene: &Scene, file: &str, change: impl FnOnce(&mut Value)) {
    let file = scene.path(file);
    let mut value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut value);
    fs::write(file, serde_json::to_string(&value).unwrap()).unwrap();
}

/// The digest that a command printed.
pub(crate) fn digest(ran: &Ran) -> String {
    let line = ran.stderr.lines().find_map(|line| line.strip_prefix("Digest of the "));
    line.and_then(|line| line.split_once(": ")).unwrap_or_else(|| panic!("no digest: {ran}")).1.to_owned()
}

fn states(status: &Ran) -> BTreeMap<String, String> {
    let document = status.json();
    let accounts = document["accounts"].as_array().unwrap();
    let text = |account: &Value, member: &str| account[member].as_str().unwrap().to_owned();
    let states: BTreeMap<_, _> =
        accounts.iter().map(|account| (text(account, "account"), text(account, "state"))).collect();
    assert_eq!(states.len(), accounts.len(), "an account is there twice: {status}");
    let counts = document["counts"].as_object().unwrap().values();
    let all: u64 = counts.map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(usize::try_from(all).unwrap(), states.len(), "counts do not add up: {status}");
    states
}

pub(crate) fn count(states: &BTreeMap<String, String>, state: &str) -> usize {
    states.values().filter(|own| *own == state).count()
}

/// `fleet status` without what differs from run to run.
pub(crate) fn comparable(status: &Ran) -> String {
    let mut document = status.json();
    for account in document["accounts"].as_array_mut().unwrap() {
        let account = account.as_object_mut().unwrap();
        // Plans and journals tell when they were made, and where.
        for member in ["plan", "run", "journal"] {
            account.remove(member);
        }
    }
    serde_json::to_string_pretty(&document).unwrap()
}

#[test]
fn a_fleet_is_planned_applied_and_taken_back() {
    let fleet = Fleet::small();
    let before = fleet.documents();
    let planned = fleet.plan("");
    assert_eq!(planned.status, 0, "{planned}");
    assert_eq!(fleet.documents(), before, "a plan writes nothing");
    let status = fleet.status();
    assert_eq!((status.status, digest(&status)), (0, digest(&planned)), "{status}");
    let states = fleet.states();
    assert!(count(&states, "planned") > 5, "{states:?}");

    let applied = fleet.approved("apply");
    assert_eq!(applied.status, 0, "{applied}");
    let after = fleet.documents();
    assert_ne!(after, before);
    let states = fleet.states();
    assert_eq!(count(&states, "done") + count(&states, "nothing"), states.len(), "{states:?}");

    // Nothing is left to do, by another fleet's account and by the same commands.
    let journals = fleet.scene.content();
    let digests = digest(&planned);
    let again = fleet.run(&format!("apply --yes --digest {digests}"));
    assert_eq!(again.status, 0, "{again}");
    assert_eq!(fleet.scene.content().len(), journals.len() + 1, "a lease is all that is new");
    let other = fleet.scene.run("fleet plan --manifest world.jsonl --dir other --sandbox=world");
    let nothing = self::states(&fleet.scene.run("fleet status --dir other -o json"));
    assert_eq!((other.status, count(&nothing, "nothing")), (0, states.len()), "{other}");

    let undone = fleet.approved("rollback");
    assert_eq!(undone.status, 0, "{undone}");
    assert_eq!(fleet.documents(), before);
    let states = fleet.states();
    assert_eq!(count(&states, "rolled_back") + count(&states, "nothing"), states.len(), "{states:?}");
}

#[test]
fn the_merged_result_is_the_same_of_1_4_and_16_shards() {
    let told = [1, 4, 16].map(|shards| {
        let fleet = Fleet::of(&format!("{SMALL} --no-credentials 1"));
        let each = |command: &str| {
            for shard in 1..=shards {
                let ran = fleet.run(&format!("{command} --shard {shard}/{shards}"));
                assert!([0, 3, 4].contains(&ran.status), "{ran}");
            }
            comparable(&fleet.status())
        };
        let planned = each("plan --manifest world.jsonl");
        let digest = digest(&fleet.status());
        (planned, each(&format!("apply --yes --digest {digest}")), fleet.documents())
    });
    let [one, four, sixteen] = told;
    assert!(one.0.contains("\"planned\"") && one.1.contains("\"done\""), "{}", one.1);
    assert!(one == four, "{}\n{}", one.1, four.1);
    assert!(one == sixteen, "{}\n{}", one.1, sixteen.1);
}
