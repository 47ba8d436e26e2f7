//! Plan files and journals of earlier versions are read, applied and undone.

use std::fs;
use std::path::{Path, PathBuf};

use keymend::access::Request;
use keymend::access::chain::Chain;
use keymend::apply::journal::{Backend, History, RunState};
use keymend::arn::EntityArn;
use keymend::launch::causes;
use keymend::plan::Fate;
use keymend::plan::saved::{SavedPlan, SavedPlanError};
use keymend::policy::AwsPrincipal;
use keymend::render::findings::tell;
use serde_json::Value;

use crate::scene::Scene;

fn formats(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats").join(kind)
}

fn names(kind: &str) -> Vec<String> {
    let files = fs::read_dir(formats(kind)).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> =
        files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What a journal said before the first write; in the first format, all that it says.
fn said(text: &str) -> Value {
    serde_json::Deserializer::from_str(text).into_iter().next().unwrap().unwrap()
}

/// A scene with the journal of an earlier version beside its world, and the run's id.
fn with_journal(scene: &Scene, name: &str) -> String {
    let text = fs::read_to_string(formats("journals").join(name).with_extension("json")).unwrap();
    let text = text.replace("\"WORLD\"", &serde_json::to_string(&scene.path("world.json")).unwrap());
    let run = said(&text)["run"].as_str().unwrap().to_owned();
    let folder = scene.path("world.json.journal");
    _ = fs::remove_dir_all(&folder);
    scene.keep_journal(&run, &text);
    run
}

/// Each journal with its world, where its run stands, and the fates of its changes.
const JOURNALS: [(&str, &str, RunState, &[Fate]); 12] = [
    ("1-autoscaling-not-permitted", "autoscaling-not-permitted", RunState::Done, &[Fate::Applied]),
    ("1-copied-ami", "copied-ami", RunState::Done, &[Fate::Applied; 3]),
    ("1-copied-ami-stopped", "copied-ami", RunState::Stopped, &[Fate::Applied, Fate::Applied, Fate::Unknown]),
    ("1-no-requester-credentials", "no-requester-credentials", RunState::Done, &[Fate::Applied]),
    (
        "1-without-purpose-autoscaling-across-accounts",
        "autoscaling-across-accounts",
        RunState::Done,
        &[Fate::Applied; 2],
    ),
    ("1-without-purpose-copied-ami", "copied-ami", RunState::Done, &[Fate::Applied; 3]),
    ("2-autoscaling-not-permitted", "autoscaling-not-permitted", RunState::Done, &[Fate::Applied]),
    ("2-copied-ami", "copied-ami", RunState::Done, &[Fate::Applied; 3]),
    // Its last line was not written to its end.
    ("2-copied-ami-cut", "copied-ami", RunState::Cut, &[Fate::Applied; 2]),
    ("2-copied-ami-stopped", "copied-ami", RunState::Stopped, &[Fate::Applied, Fate::Applied, Fate::Unknown]),
    ("2-no-requester-credentials", "no-requester-credentials", RunState::Done, &[Fate::Applied]),
    ("2-organization", "organization", RunState::Done, &[Fate::Applied]),
];

/// Whether everything that was said is said still; more may be. Null says nothing.
fn keeps(former: &Value, now: &Value) -> bool {
    match (former, now) {
        (Value::Object(former), Value::Object(now)) => former
            .iter()
            .all(|(name, value)| value.is_null() || now.get(name).is_some_and(|now| keeps(value, now))),
        (Value::Array(former), Value::Array(now)) => {
            former.len() == now.len() && former.iter().zip(now).all(|(former, now)| keeps(former, now))
        }
        _ => former == now,
    }
}

#[test]
fn every_journal_is_read() {
    assert_eq!(names("journals"), JOURNALS.map(|(name, ..)| name));
    for (name, fixture, state, fates) in JOURNALS {
        let scene = Scene::of(fixture);
        let run = with_journal(&scene, name);
        let backend = Backend::World(scene.path("world.json"));
        let history = History::read(&scene.path("world.json.journal"), &backend).unwrap();
        let record = history.run(&run).unwrap();
        assert_eq!(history.state(record), state, "{name}");
        let told: Vec<Fate> = record.steps.iter().filter_map(|step| step.outcome).collect();
        assert_eq!(told, fates, "{name}");
        // What is not understood would be lost when it is written again.
        let text = fs::read_to_string(scene.path("world.json.journal").join(format!("{run}.json"))).unwrap();
        assert!(keeps(&said(&text), &serde_json::to_value(record).unwrap()), "{name}");
    }
}

/// What a scene's world says: a list that became empty says no more than one that is not there, and anyone is anyone in
/// either form.
fn world(scene: &Scene) -> Value {
    let mut world = serde_json::from_slice(&fs::read(scene.path("world.json")).unwrap()).unwrap();
    plain(&mut world);
    world
}

fn plain(value: &mut Value) {
    let is_empty = |value: &Value| {
        *value == Value::Array(Vec::new()) || *value == Value::Object([].into_iter().collect())
    };
    if *value == serde_json::json!({"AWS": "*"}) {
        *value = "*".into();
    }
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(plain);
            members.retain(|_, member| !is_empty(member));
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

#[test]
fn the_runs_of_earlier_versions_are_undone() {
    for (name, fixture, ..) in JOURNALS {
        let scene = Scene::of(fixture);
        let before = world(&scene);
        scene.fix("--yes");
        assert_ne!(world(&scene), before, "{name}");
        with_journal(&scene, name);
        let back = scene.run("rollback --sandbox=world.json --yes");
        assert_eq!((back.status, world(&scene)), (0, before), "{name}: {back}");
    }
}

#[test]
fn the_runs_of_earlier_versions_are_listed_and_finished() {
    for (name, fixture, state, _) in JOURNALS {
        let (fixed, scene) = (Scene::of(fixture), Scene::of(fixture));
        fixed.fix("--yes");
        let run = with_journal(&scene, name);
        let states = || {
            let list = scene.run("rollback --sandbox=world.json --list --output json").json();
            let runs = list["runs"].as_array().unwrap().iter();
            runs.map(|run| run["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(states(), [state.words()], "{name}");
        let is_done = state == RunState::Done;
        let told = scene.fix("--dry-run").stderr;
        assert_eq!(told.contains("warning: the run RUN-1 "), !is_done, "{name}: {told}");
        let ran = scene.fix("--resume --yes");
        if is_done {
            assert!(ran.status == 0 && ran.stderr.contains("nothing to resume"), "{name}: {ran}");
        } else {
            assert_eq!((ran.status, world(&scene)), (0, world(&fixed)), "{name}, run {run}: {ran}");
            assert_eq!(states(), ["resumed", "done"], "{name}");
        }
    }
}

/// Each plan with its world and the exit status of applying it.
const PLANS: [(&str, &str, i32); 4] = [
    ("2-autoscaling-not-permitted", "autoscaling-not-permitted", 3),
    ("2-copied-ami", "copied-ami", 0),
    ("2-no-requester-credentials", "no-requester-credentials", 3),
    ("2-organization", "organization", 0),
];

/// Plans of the days when not every edit showed, each with its world and the exit status of what is asked for in them.
const WITHOUT_DIGEST: [(&str, &str, i32); 5] = [
    ("1-autoscaling-not-permitted", "autoscaling-not-permitted", 3),
    ("1-copied-ami", "copied-ami", 0),
    ("1-no-requester-credentials", "no-requester-credentials", 3),
    ("1-without-purpose-autoscaling-across-accounts", "autoscaling-across-accounts", 0),
    ("1-without-purpose-copied-ami", "copied-ami", 0),
];

/// A scene with the plan of an earlier version beside its world.
fn with_plan(name: &str, fixture: &str) -> Scene {
    let scene = Scene::of(fixture);
    fs::copy(formats("plans").join(name).with_extension("json"), scene.path("plan.json")).unwrap();
    scene
}

const APPLY: &str = "apply plan.json --sandbox=world.json --yes";

#[test]
fn every_plan_is_applied_or_refused_with_the_way_to_another() {
    let told = WITHOUT_DIGEST.iter().chain(&PLANS).map(|(name, ..)| *name);
    assert_eq!(names("plans"), told.collect::<Vec<_>>());
    for (name, fixture, status) in PLANS {
        let (fixed, applied) = (Scene::of(fixture), with_plan(name, fixture));
        assert_eq!(fixed.fix("--yes").status, status, "{name}");
        let ran = applied.run(APPLY);
        assert_eq!((ran.status, world(&applied)), (status, world(&fixed)), "{name}: {ran}");
    }
    for (name, fixture, status) in WITHOUT_DIGEST {
        let (fixed, scene) = (Scene::of(fixture), with_plan(name, fixture));
        assert_eq!(fixed.fix("--yes").status, status, "{name}");
        let before = scene.content();
        let ran = scene.run(APPLY);
        assert_eq!((ran.status, scene.content()), (1, before), "{name}: {ran}");
        let refused = "error: the plan `plan.json` is of an earlier format, which does not tell whether it was edited\n";
        assert!(ran.stderr.starts_with(refused), "{name}: {ran}");
        let way = ran.stderr.split_once("hint: save it anew: keymend ").unwrap().1.trim_end();
        assert!(way.ends_with(" --sandbox=world.json --dry-run --out plan.json"), "{name}: {ran}");
        assert_eq!(scene.run(way).status, status, "{name}: {way}");
        let ran = scene.run(APPLY);
        assert_eq!((ran.status, world(&scene)), (status, world(&fixed)), "{name}: {ran}");
    }
}

#[test]
fn a_plan_that_this_version_makes_otherwise_is_refused_with_the_way_to_another() {
    let scene = with_plan("2-copied-ami", "copied-ami");
    let text = fs::read_to_string(scene.path("plan.json")).unwrap();
    let way = |_: &Chain, request: &Request| request.keys.len().to_string();
    let planned = |chain, request, observation| {
        let mut case = causes::planned(chain, request, observation);
        case.plan.changes.truncate(1);
        case
    };
    let refused = SavedPlan::parse(&text, "plan.json", planned, tell, way).unwrap_err();
    let expected = SavedPlanError::Different {
        file: "plan.json".to_owned(),
        made_by: "0.1.0".to_owned(),
        way: "1".to_owned(),
    };
    assert_eq!(refused, expected);
}

/// Programs that know no organizations refuse files that have one among their grantees. Of plans they took format 1 alone.
/// Of journals they took format 2 too, and in both a grantee had to be the ARN of an account's root or of a user, role or
/// group: with any other word the file was refused whole.
#[test]
fn whoever_knows_no_organizations_refuses_files_that_have_some() {
    let file = |kind: &str| fs::read_to_string(formats(kind).join("2-organization.json")).unwrap();
    let (plan, journal) = (said(&file("plans")), said(&file("journals")));
    assert_ne!(plan["keymend_plan"], 1);
    assert_eq!(plan["keymend_plan"], keymend::plan::saved::FORMAT);
    for said in [plan, journal] {
        let grantees: Vec<&str> = said["request"]["grantees"]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap())
            .collect();
        assert_eq!(grantees, ["o-a1b2c3d4e5"]);
        for grantee in grantees {
            let is_root = matches!(AwsPrincipal::parse(grantee), AwsPrincipal::Account { .. });
            assert!(!is_root && grantee.parse::<EntityArn>().is_err(), "{grantee}");
        }
    }
}
