//! The way back, and runs that were cut, as users meet them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use keymend::apply::journal::Record;
use keymend::arn::Partition;
use keymend::policy::PolicyDocument;
use serde_json::{Value, json};

use crate::cli::assert_valid;
use crate::scene::{Ran, Scene, fixture};

fn rollback(scene: &Scene, arguments: &str) -> Ran {
    scene.run(&format!("rollback --sandbox=world.json {arguments}"))
}

fn world(scene: &Scene) -> Value {
    serde_json::from_slice(&fs::read(scene.path("world.json")).unwrap()).unwrap()
}

fn key_policy(world: &Value) -> Value {
    let policy = &world["keys"].as_object().unwrap().values().next().unwrap()["policy"];
    policy.as_str().map_or_else(|| policy.clone(), |text| serde_json::from_str(text).unwrap())
}

fn add_their_statement(world: &mut Value) {
    let mut policy = key_policy(world);
    policy["Statement"].as_array_mut().unwrap().insert(
        1,
        json!({"Sid": "Theirs", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
               "Action": "kms:ListAliases", "Resource": "*"}),
    );
    world["keys"].as_object_mut().unwrap().values_mut().next().unwrap()["policy"] = policy;
}

fn states(scene: &Scene) -> Vec<String> {
    let document = rollback(scene, "--list --output json").json();
    assert_valid(&document);
    let runs = document["runs"].as_array().unwrap();
    runs.iter().map(|run| run["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn it_shows_asks_and_puts_everything_back() {
    let scene = Scene::of("copied-ami");
    scene.fix("--yes");
    let before = scene.content();
    let dry = rollback(&scene, "--dry-run");
    let asked = rollback(&scene, "");
    assert_eq!(scene.content(), before);
    assert_eq!((dry.status, asked.status), (0, 5));
    assert_eq!(rollback(&scene, "--dry-run --detailed-exitcode").status, 3);
    insta::assert_snapshot!(dry);
    let done = rollback(&scene, "--yes");
    insta::assert_snapshot!(done.after(&dry));

    let original: Value = serde_json::from_str(&fixture("copied-ami")).unwrap();
    assert_eq!(key_policy(&world(&scene)), key_policy(&original));
    let requester = &world(&scene)["accounts"]["444455556666"];
    assert_eq!(requester["policies"], json!({}));
    assert_eq!(requester["roles"]["app-instances"]["attached"], json!([]));
    assert_eq!(states(&scene), ["rolled back", "done"]);
}

#[test]
fn a_second_time_changes_nothing() {
    for name in [
        "copied-ami",
        "five-versions",
        "shared-policy",
        "second-role",
        "organization",
        "group-grantee",
        "same-account",
    ] {
        let scene = Scene::of(name);
        assert_eq!(scene.fix("--yes").status, 0);
        assert_eq!(rollback(&scene, "--yes").status, 0);
        let undone = scene.content();
        let again = rollback(&scene, "--yes");
        assert!(again.status == 0 && again.stdout.starts_with("No changes.\n"), "{again}");
        assert!(again.stderr.contains("hint: it is rolled back already"), "{again}");
        assert_eq!(scene.content(), undone, "{name}");
        assert_eq!(scene.fix("--yes").status, 0, "and forward again");
    }
}

#[test]
fn what_can_not_come_back_is_said() {
    let scene = Scene::of("five-versions");
    scene.fix("--yes");
    let ran = rollback(&scene, "--yes");
    assert!(
        ran.stdout.contains("\nnote: version v3, which went to make room, stays deleted; it said:"),
        "{ran}"
    );
    assert!(ran.stdout.contains(r#""Action":["kms:Decrypt"]"#), "{ran}");
    let versions = &world(&scene)["accounts"]["444455556666"]["policies"]["KmsKeyUsagePolicy"];
    assert_eq!(versions["default_version"], "v7");
    let ids: Vec<&String> = versions["versions"].as_object().unwrap().keys().collect();
    assert_eq!(ids, ["v4", "v5", "v6", "v7"]);

    let scene = Scene::of("orphaned-principal");
    scene.fix("--yes --prune-orphans");
    let ran = rollback(&scene, "--yes");
    assert_eq!(ran.status, 0, "{ran}");
    assert!(ran.stdout.contains("were taken out of the key policy and stay out"), "{ran}");
}

#[test]
fn a_principal_that_was_deleted_since_blocks_with_its_name() {
    let gone = "arn:aws:iam::111122223333:role/gone";
    let scene = Scene::changed("copied-ami", |world| {
        world["accounts"]["111122223333"]["roles"]["gone"] = json!({"id": "AROAEXAMPLEEXAMPLE123"});
        let mut policy = key_policy(world);
        policy["Statement"][0]["Principal"]["AWS"] = json!(["arn:aws:iam::111122223333:root", gone]);
        world["keys"].as_object_mut().unwrap().values_mut().next().unwrap()["policy"] = policy;
    });
    assert_eq!(scene.fix("--yes").status, 0);
    scene.change(|world| {
        world["accounts"]["111122223333"]["roles"].as_object_mut().unwrap().remove("gone");
        let text = key_policy(world).to_string().replace(gone, "AROAEXAMPLEEXAMPLE123");
        let policy: Value = serde_json::from_str(&text).unwrap();
        world["keys"].as_object_mut().unwrap().values_mut().next().unwrap()["policy"] = policy;
    });
    let before = scene.content();
    let ran = rollback(&scene, "--yes");
    assert_eq!(ran.status, 4, "{ran}");
    assert!(ran.stdout.contains("blocked: it was deleted since"), "{ran}");
    assert!(ran.stdout.contains(&format!("about: {gone}\n")), "{ran}");
    assert_eq!(scene.content(), before);
}

#[test]
fn what_somebody_changed_since_is_not_overwritten() {
    let scene = Scene::of("copied-ami");
    scene.fix("--yes");
    scene.change(add_their_statement);
    let before = scene.content();
    let ran = rollback(&scene, "--yes");
    assert_eq!(ran.status, 6);
    insta::assert_snapshot!(ran);
    assert_eq!(scene.content(), before);
    let document = rollback(&scene, "--yes --output json").json();
    assert_valid(&document);
    assert_eq!((&document["outcome"], &document["exit_status"]), (&json!("stale"), &json!(6)));
    assert_eq!(document["conflicts"].as_array().unwrap().len(), 1);

    let ours = rollback(&scene, "--yes --only-ours");
    assert!(ours.stdout.contains("what somebody else changed stays."), "{ours}");
    assert_eq!(ours.status, 0, "{ours}");
    let mut expected: Value = serde_json::from_str(&fixture("copied-ami")).unwrap();
    add_their_statement(&mut expected);
    assert_eq!(key_policy(&world(&scene)), key_policy(&expected));
    let undone = scene.content();
    assert_eq!(rollback(&scene, "--yes").status, 0);
    assert_eq!(scene.content(), undone);
}

#[test]
fn what_somebody_added_to_a_policy_since_stays_in_it() {
    let scene = Scene::changed("five-versions", |world| {
        world["accounts"]["444455556666"]["quotas"] = json!({"versions_per_policy": 8});
    });
    assert_eq!(scene.fix("--yes").status, 0);
    let policy = |world: &Value| world["accounts"]["444455556666"]["policies"]["KmsKeyUsagePolicy"].clone();
    let in_force = |world: &Value| {
        let policy = policy(world);
        policy["versions"][policy["default_version"].as_str().unwrap()].clone()
    };
    let theirs =
        json!({"Sid": "Theirs", "Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"});
    let mut expected = in_force(&serde_json::from_str(&fixture("five-versions")).unwrap());
    expected["Statement"].as_array_mut().unwrap().push(theirs.clone());
    scene.change(|world| {
        let mut document = in_force(world);
        document["Statement"].as_array_mut().unwrap().push(theirs);
        let policy = &mut world["accounts"]["444455556666"]["policies"]["KmsKeyUsagePolicy"];
        policy["versions"]["v9"] = document;
        policy["default_version"] = json!("v9");
    });
    let barred = rollback(&scene, "--yes");
    assert_eq!(barred.status, 6, "{barred}");
    let ours = rollback(&scene, "--yes --only-ours");
    assert_eq!(ours.status, 0, "{ours}");
    let text = |document: &Value| document.as_str().map_or_else(|| document.to_string(), str::to_owned);
    let now = text(&in_force(&world(&scene)));
    let (now, expected) =
        (PolicyDocument::parse(now).unwrap(), PolicyDocument::parse(expected.to_string()).unwrap());
    assert!(now.same_meaning(&expected, Partition::Aws), "{now:?}");
    assert_eq!(policy(&world(&scene))["default_version"], "v10");
}

#[test]
fn what_others_came_to_use_stays() {
    let scene = Scene::of("copied-ami");
    scene.fix("--yes");
    let policy = "arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy";
    scene.change(|world| {
        world["accounts"]["444455556666"]["roles"]["IamAdmin"]["attached"] = json!([policy]);
    });
    let ran = rollback(&scene, "--yes");
    assert!(ran.status == 6 && ran.stdout.contains("it also serves `role IamAdmin` now"), "{ran}");
    let ours = rollback(&scene, "--yes --only-ours");
    assert_eq!(ours.status, 3, "something stays: {ours}");
    let requester = &world(&scene)["accounts"]["444455556666"];
    assert_eq!(requester["roles"]["IamAdmin"]["attached"], json!([policy]));
    assert_eq!(requester["roles"]["app-instances"]["attached"], json!([]));
    assert!(requester["policies"]["KmsKeyUsagePolicy"].is_object());
    assert_eq!(states(&scene), ["partly rolled back", "done"]);
    let runs = rollback(&scene, "--list --output json").json();
    let left: Vec<&Value> = runs["runs"].as_array().unwrap().iter().map(|run| &run["left_to_do"]).collect();
    assert_eq!(left, [&json!(false), &json!(true)], "of the run that undid");
    assert!(rollback(&scene, "--list").stdout.contains("  done, with something left to do (undoes RUN-1)\n"));
}

#[test]
fn a_later_run_on_the_same_key_goes_first() {
    let scene = Scene::of("copied-ami");
    scene.fix("--yes");
    let original = key_policy(&serde_json::from_str(&fixture("copied-ami")).unwrap());
    assert_eq!(scene.fix("--yes --account 777788889999").status, 0);
    let runs = scene.journals();
    let first = runs[0].file_stem().unwrap().to_str().unwrap().to_owned();
    let ran = rollback(&scene, &format!("{first} --yes"));
    assert_eq!(ran.status, 6, "{ran}");
    assert!(ran.stderr.contains("later: undo that first, keymend rollback RUN-2"), "{ran}");
    assert_eq!(rollback(&scene, "--yes").status, 0);
    assert_eq!(rollback(&scene, &format!("{first} --yes")).status, 0);
    assert_eq!(key_policy(&world(&scene)), original);
    assert_eq!(states(&scene), ["rolled back", "rolled back", "done", "done"]);
}

/// Gives the only run the id and moments that it would have had under another clock.
fn begun_at(scene: &Scene, run: &str) {
    let path = scene.journals().pop().unwrap();
    let record =
        Record { run: run.to_owned(), started: "2999-01-01T00:00:00.000Z".to_owned(), ..scene.record(0) };
    fs::remove_file(&path).unwrap();
    scene.keep_journal(run, &format!("{}\n", serde_json::to_string(&record).unwrap()));
}

#[test]
fn after_the_clock_went_back_the_last_run_is_undone() {
    // The second is of an earlier version.
    for earlier in ["29990101T000000Z-000001", "29990101T000000Z-1"] {
        let scene = Scene::of("copied-ami");
        assert_eq!(scene.fix("--yes").status, 0);
        begun_at(&scene, earlier);
        let between = key_policy(&world(&scene));
        assert_eq!(scene.fix("--yes --account 777788889999").status, 0);
        let back = rollback(&scene, "--yes");
        assert_eq!((back.status, key_policy(&world(&scene))), (0, between), "{back}");
        assert_eq!(states(&scene), ["done", "rolled back", "done"]);
        assert_eq!(rollback(&scene, &format!("{earlier} --yes")).status, 0);
        assert_eq!(states(&scene), ["rolled back", "rolled back", "done", "done"]);
    }
}

#[test]
fn runs_are_listed_and_kept_until_they_are_forgotten() {
    let scene = Scene::of("copied-ami");
    assert_eq!(rollback(&scene, "--list").stdout, "");
    let nothing = rollback(&scene, "--yes");
    assert!(nothing.status == 0 && nothing.stderr.contains("There is no run to undo."), "{nothing}");
    scene.fix("--yes");
    rollback(&scene, "--yes");
    let listed = rollback(&scene, "--list");
    let times = regex_free_times(&listed.stdout);
    insta::assert_snapshot!(times);
    let undoing = scene.journals()[1].file_stem().unwrap().to_str().unwrap().to_owned();
    let refused = rollback(&scene, &format!("{undoing} --yes"));
    assert!(refused.status == 2 && refused.stderr.contains("is a rollback itself"), "{refused}");
    for (run, left) in
        [(undoing.as_str(), 1), (scene.journals()[0].file_stem().unwrap().to_str().unwrap(), 0)]
    {
        let forgotten = rollback(&scene, &format!("--forget {run}"));
        assert_eq!(forgotten.status, 0, "{forgotten}");
        assert_eq!(scene.journals().len(), left);
    }
    let unknown = rollback(&scene, "--forget nothing-1");
    assert!(unknown.status == 1 && unknown.stderr.contains("there is no run `nothing-1`"), "{unknown}");
    let builtin = scene.run("rollback --sandbox --yes");
    assert!(
        builtin.status == 2 && builtin.stderr.contains("the built-in world keeps no journal"),
        "{builtin}"
    );
}

/// The list without the moments at which the runs began.
fn regex_free_times(text: &str) -> String {
    let line = |line: &str| -> String {
        let words = line
            .split("  ")
            .map(|word| if word.ends_with('Z') && word.contains('T') { "TIME" } else { word });
        words.collect::<Vec<_>>().join("  ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_aws_refused_is_not_undone_when_somebody_else_did_it() {
    let policy = "arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy";
    let scene = Scene::changed("copied-ami", |world| {
        world["callers"]["444455556666"]["denied"] = json!(["iam:AttachRolePolicy"]);
    });
    assert_eq!(scene.fix("--yes").status, 1);
    scene.change(|world| {
        world["callers"]["444455556666"]["denied"] = json!([]);
        world["accounts"]["444455556666"]["roles"]["app-instances"]["attached"] = json!([policy]);
    });
    let ran = rollback(&scene, "--yes --only-ours");
    assert_eq!(ran.status, 3, "{ran}");
    let role = &world(&scene)["accounts"]["444455556666"]["roles"]["app-instances"];
    assert_eq!(role["attached"], json!([policy]), "it was not ours");
}

#[test]
fn journals_may_be_kept_elsewhere() {
    let scene = Scene::of("copied-ami");
    let kept = scene.path("kept");
    assert_eq!(scene.fix("--yes --journal kept").status, 0);
    assert_eq!(scene.journals().len(), 0);
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o700);
    let files: Vec<_> = fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    assert_eq!(fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(rollback(&scene, "--yes --journal kept").status, 0);
    fs::write(&files[0], r#"{"keymend_journal": 99}"#).unwrap();
    let ran = rollback(&scene, "--yes --journal kept");
    assert!(ran.status == 1 && ran.stderr.contains("has format 99, which is not known here"), "{ran}");
    let fix = scene.fix("--yes --journal kept");
    assert!(
        fix.status == 0 && fix.stderr.contains("has format 99"),
        "an old record does not bar the way: {fix}"
    );
}

/// A journal that somebody else could put there tells what a rollback puts back: access for a stranger, say.
#[test]
fn journals_that_others_could_have_written_are_not_believed() {
    let scene = Scene::of("copied-ami");
    assert_eq!(scene.fix("--yes").status, 0);
    let (folder, file) = (scene.path("world.json.journal"), scene.journals().remove(0));
    let forged = fs::read_to_string(&file).unwrap().replace("111122223333:root", "999999999999:root");
    fs::write(&file, forged).unwrap();
    let before = key_policy(&world(&scene));
    for (path, modes) in [(&folder, [0o770, 0o707, 0o777]), (&file, [0o620, 0o602, 0o666])] {
        let private = fs::metadata(path).unwrap().permissions();
        for mode in modes {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            let told = scene.shown(path.display().to_string().into_bytes());
            for arguments in ["--yes", "--list", "--yes --only-ours"] {
                let ran = rollback(&scene, arguments);
                let refused =
                    format!("error: the journal `{told}` is not believed: others may write to it\n");
                assert!(ran.status == 1 && ran.stderr.contains(&refused), "{ran}");
                assert!(ran.stderr.contains(&format!("chmod go-w {told}\n")), "{ran}");
            }
            assert_eq!(scene.fix("--resume --yes").status, 1);
            let other = scene.fix("--yes --account 777788889999");
            assert!(other.stderr.contains("is not believed"), "{other}");
            // Into a folder of others' no record is written, and without one nothing.
            assert_eq!(other.status, i32::from(path == &folder), "{other}");
            fs::set_permissions(path, private.clone()).unwrap();
            if other.status == 0 {
                assert_eq!(rollback(&scene, "--yes").status, 0);
            }
            assert_eq!(key_policy(&world(&scene)), before);
        }
    }
}

/// Waits until the journal of a run says that a step was intended.
fn until_intended(scene: &Scene, run: usize, step: usize) {
    let begun = Instant::now();
    let is_intended = || {
        let record = (run < scene.journals().len()).then(|| scene.record(run));
        record.is_some_and(|record| record.steps[step].intended.is_some())
    };
    while !is_intended() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        thread::sleep(Duration::from_millis(5));
    }
}

/// A run that is sent a signal while it writes the second of three changes, and how it ended.
fn signalled(signal: &str) -> Scene {
    let scene = Scene::changed("copied-ami", |world| {
        world["faults"] =
            json!([{"operation": "iam:CreatePolicy", "fault": "latency", "milliseconds": 1500}]);
    });
    let mut command = scene.command("fix --sandbox=world.json --yes");
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until_intended(&scene, 0, 1);
    let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{signal}");
    let stdout = scene.shown(output.stdout);
    assert!(stdout.ends_with(
        "  applied      1. update the key policy\n  applied      2. create the policy KmsKeyUsagePolicy\n  \
         not started  3. attach the policy KmsKeyUsagePolicy to role app-instances\n"
    ), "{signal}: {stdout}");
    scene
}

#[test]
fn being_asked_to_end_is_like_ctrl_c() {
    assert_eq!(states(&signalled("-TERM")), ["cut"]);
}

#[test]
fn ctrl_c_finishes_the_write_in_flight_and_the_rest_is_resumed() {
    let scene = signalled("-INT");
    scene.change(|world| world["faults"] = json!([]));

    assert_eq!(states(&scene), ["cut"]);
    let told = scene.fix("--dry-run");
    assert!(
        told.stderr.contains("was interrupted at change 3 of 3 (attach the policy KmsKeyUsagePolicy"),
        "{told}"
    );
    assert!(
        told.stderr
            .contains("hint: `keymend fix --resume` finishes it, `keymend rollback RUN-1` undoes it\n"),
        "{told}"
    );
    let resumed = scene.fix("--resume --yes");
    assert!(resumed.status == 0 && resumed.stdout.contains("\nApplied 1 change. Both sides"), "{resumed}");
    assert_eq!(states(&scene), ["resumed", "done"]);
    assert!(!scene.fix("--dry-run").stderr.contains("warning"), "nothing is told any more");
    let again = scene.fix("--resume --yes");
    assert!(again.status == 0 && again.stderr.contains("nothing to resume"), "{again}");
    assert_eq!(rollback(&scene, "--yes").status, 0);
    assert_eq!(states(&scene), ["rolled back", "rolled back", "done"], "both are one");
    let original: Value = serde_json::from_str(&fixture("copied-ami")).unwrap();
    assert_eq!(key_policy(&world(&scene)), key_policy(&original));
}

#[test]
fn an_undoing_that_is_killed_is_told_of_and_finished() {
    let scene = Scene::of("copied-ami");
    scene.fix("--yes");
    let slow = json!([{"operation": "iam:DeletePolicy", "fault": "latency", "milliseconds": 60_000}]);
    scene.change(|world| world["faults"] = slow);
    let mut command = scene.command("rollback --sandbox=world.json --yes");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until_intended(&scene, 1, 1);
    child.kill().unwrap();
    child.wait().unwrap();
    scene.change(|world| world["faults"] = json!([]));
    assert_eq!(states(&scene), ["partly rolled back", "cut"]);
    let told = scene.fix("--dry-run");
    assert!(told.stderr.contains("warning: the run RUN-1 was not rolled back to the end\n"), "{told}");
    let resumed = scene.fix("--resume --yes");
    assert!(resumed.status == 2 && resumed.stderr.contains("is being rolled back"), "{resumed}");
    assert_eq!(rollback(&scene, "--yes").status, 0);
    assert_eq!(states(&scene)[0], "rolled back");
}

/// A scene with a run that was killed while it created the policy.
fn killed() -> Scene {
    let scene = Scene::of("copied-ami");
    kill_in_creation(&scene, 0, 1);
    scene
}

/// Kills a run while it creates the policy, which is one of its steps; so many runs came before.
fn kill_in_creation(scene: &Scene, earlier: usize, step: usize) {
    let slow = json!([{"operation": "iam:CreatePolicy", "fault": "latency", "milliseconds": 60_000}]);
    scene.change(|world| world["faults"] = slow);
    let mut command = scene.command("fix --sandbox=world.json --yes");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until_intended(scene, earlier, step);
    child.kill().unwrap();
    child.wait().unwrap();
    scene.change(|world| world["faults"] = json!([]));
}

#[test]
fn a_run_that_was_cut_stays_known_whatever_ran_in_between() {
    let warning =
        "warning: the run RUN-1 was cut, or is still under way, at change 2 of 3 (create the policy";
    let scene = killed();
    for other in ["777788889999", "999999999999"] {
        let ran = scene.fix(&format!("--yes --account {other}"));
        assert!(ran.status == 0 && ran.stderr.contains(warning), "{ran}");
    }
    assert_eq!(rollback(&scene, "--yes").status, 0, "of the last one");
    assert_eq!(states(&scene), ["cut", "done", "rolled back", "done"]);
    let told = scene.fix("--dry-run");
    assert!(told.stderr.contains(warning), "{told}");
    let resumed = scene.fix("--resume --yes");
    assert_eq!(resumed.status, 0, "{resumed}");
    assert_eq!(states(&scene), ["resumed", "done", "rolled back", "done", "done"]);
    assert!(!scene.fix("--dry-run").stderr.contains("warning"), "nothing is told any more");
    assert!(scene.fix("--resume --yes").stderr.contains("nothing to resume"));

    for is_forgotten in [false, true] {
        let scene = killed();
        assert_eq!(scene.fix("--yes --account 777788889999").status, 0);
        let cut = scene.journals()[0].file_stem().unwrap().to_str().unwrap().to_owned();
        if is_forgotten {
            assert_eq!(rollback(&scene, &format!("--forget {cut}")).status, 0);
            assert_eq!(states(&scene), ["done"]);
        } else {
            assert_eq!(rollback(&scene, "--yes").status, 0, "the later one goes first");
            assert_eq!(rollback(&scene, &format!("{cut} --yes")).status, 0);
            assert_eq!(states(&scene), ["rolled back", "rolled back", "done", "done"]);
        }
        assert!(!scene.fix("--dry-run").stderr.contains("warning"));
    }
}

#[test]
fn several_cut_runs_are_all_told_of_and_finished_from_the_last() {
    let scene = killed();
    kill_in_creation(&scene, 1, 0);
    let told = scene.fix("--dry-run");
    assert!(told.stderr.contains("warning: the run RUN-2 was cut"), "{told}");
    assert!(told.stderr.contains("warning: the run RUN-1 is not done either"), "{told}");
    assert_eq!(scene.fix("--resume --yes").status, 0);
    assert_eq!(states(&scene), ["cut", "resumed", "done"]);
    let told = scene.fix("--dry-run");
    assert!(
        told.stderr.contains("warning: the run RUN-1 was cut") && !told.stderr.contains("not done either"),
        "{told}"
    );
    assert_eq!(scene.fix("--resume --yes").status, 0);
    assert_eq!(states(&scene), ["resumed", "resumed", "done", "done"]);
    assert!(!scene.fix("--dry-run").stderr.contains("warning"));
}

#[test]
fn a_run_that_stopped_is_over_when_the_same_is_done() {
    let scene = Scene::changed("copied-ami", |world| {
        world["callers"]["444455556666"]["denied"] = json!(["iam:CreatePolicy"]);
    });
    assert_eq!(scene.fix("--yes").status, 1);
    scene.change(|world| world["callers"]["444455556666"]["denied"] = json!([]));
    let other = scene.fix("--yes --account 777788889999");
    assert!(other.stderr.contains("RUN-1 stopped before it was done"), "{other}");
    assert!(scene.fix("--yes").stderr.contains("RUN-1 stopped before it was done"));
    assert!(!scene.fix("--yes").stderr.contains("warning"));
}

#[test]
fn resume_takes_no_targets() {
    let scene = Scene::of("copied-ami");
    for arguments in ["--account 444455556666", "--key alias/ami-snapshots", "--prune-orphans"] {
        assert_eq!(scene.fix(&format!("--resume {arguments}")).status, 2);
    }
}

/// What must never be in a record, in the talk, or in an error.
const SECRETS: [&str; 3] = ["AKIAPLANTEDPLANTED12", "planted/secret+access=key", "planted-session-token"];

#[test]
fn no_credential_shows_anywhere() {
    let scene = Scene::changed("copied-ami", |world| {
        world["callers"]["444455556666"]["denied"] = json!(["iam:AttachRolePolicy"]);
    });
    let run = |arguments: &str| {
        let mut command = scene.command(arguments);
        command
            .env("AWS_ACCESS_KEY_ID", SECRETS[0])
            .env("AWS_SECRET_ACCESS_KEY", SECRETS[1])
            .env("AWS_SESSION_TOKEN", SECRETS[2])
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("RUST_LOG", "trace");
        format!("{}", scene.run_command(&mut command, arguments))
    };
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let said = [
        run("fix --sandbox=world.json --yes -vvv"),
        run("rollback --sandbox=world.json --yes -vvv --output json"),
        // Nobody listens there: every error of the way is told.
        run(&format!(
            "fix --key {key} --account 444455556666 --endpoint-url http://127.0.0.1:9 --region eu-west-1 --yes -vvv"
        )),
    ];
    let files = scene.content();
    assert!(said[0].contains("failed") && said[2].contains("error: "), "{said:?}");
    for secret in SECRETS {
        assert!(said.iter().all(|said| !said.contains(secret)), "{secret}: {said:?}");
        for (path, content) in &files {
            let text = String::from_utf8_lossy(content.as_deref().unwrap_or_default());
            assert!(!text.contains(secret), "{}", path.display());
        }
    }
}
