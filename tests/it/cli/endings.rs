//! How runs end: every command, with its exit status and what it says; and what becomes of a run when nobody can be told.

use std::fs::{self, OpenOptions};
use std::process::{self, Stdio};

use crate::scene::{Ran, Scene};

/// A world, commands that come before, the command, its exit status, and a part of what it says on either stream.
type Ending = (&'static str, &'static [&'static str], &'static str, i32, &'static str);

const SAVE: &str = "fix --sandbox=world.json --dry-run --out plan.json";
const ROLE: &str = "arn:aws:iam::444455556666:role/app-instances";

const ENDINGS: &[Ending] = &[
    // fix
    (
        "copied-ami",
        &[],
        "fix --sandbox=world.json --yes",
        0,
        "by everything read: key policy, grants, IAM policies.",
    ),
    ("already-mended", &[], "fix --sandbox=world.json", 0, "No changes."),
    ("copied-ami", &[], "fix --sandbox=world.json --dry-run", 0, "Plan: 1 to create"),
    ("copied-ami", &[], "fix --sandbox=world.json --dry-run --detailed-exitcode", 3, "Plan: 1 to create"),
    ("already-mended", &[], "fix --sandbox=world.json --dry-run --detailed-exitcode", 0, "No changes."),
    ("copied-ami", &[], "fix --sandbox=world.json", 5, "there is no terminal to ask on"),
    ("copied-ami", &[], "fix --sandbox=world.json --key nonsense!", 2, "nonsense!"),
    ("copied-ami", &[], "fix --sandbox=nowhere.json", 1, "nowhere.json"),
    ("disabled-key", &[], "fix --sandbox=world.json --yes", 4, "Nothing was written."),
    ("disabled-key", &[], "fix --sandbox=world.json --yes --allow-blocked", 4, "Applied 3 changes."),
    ("no-requester-credentials", &[], "fix --sandbox=world.json --yes", 3, "may be able to launch with"),
    ("no-requester-credentials", &[], "fix --sandbox=world.json --dry-run", 3, "may be able to launch with"),
    ("identity-center-role", &[], "fix --sandbox=world.json --yes", 3, "left to do"),
    (
        "ami-not-encrypted",
        &[],
        "fix --sandbox=world.json --ami ami-0123456789abcdef0",
        0,
        "none of its snapshots is encrypted",
    ),
    ("copied-ami", &[], "fix --sandbox=world.json --resume", 0, "there is nothing to resume"),
    // apply
    ("copied-ami", &[SAVE], "apply plan.json --sandbox=world.json --yes", 0, "Applied 3 changes."),
    ("copied-ami", &[SAVE], "apply plan.json --sandbox=world.json --dry-run", 0, "Plan: 1 to create"),
    (
        "copied-ami",
        &[SAVE],
        "apply plan.json --sandbox=world.json --dry-run --detailed-exitcode",
        3,
        "Plan: 1 to create",
    ),
    ("copied-ami", &[SAVE], "apply plan.json --sandbox=world.json", 5, "there is no terminal to ask on"),
    (
        "copied-ami",
        &[SAVE],
        "apply plan.json --sandbox=world.json --yes --account 111122223333",
        3,
        "can't launch yet",
    ),
    (
        "copied-ami",
        &[SAVE],
        "apply plan.json --sandbox=world.json --dry-run --account 111122223333",
        3,
        "can't launch yet",
    ),
    (
        "copied-ami",
        &[SAVE],
        "apply plan.json --sandbox=world.json --yes --account 444455556666",
        6,
        "comes first",
    ),
    (
        "copied-ami",
        &[SAVE],
        "apply plan.json --sandbox=world.json --yes --account 999988887777",
        2,
        "its accounts are",
    ),
    (
        "copied-ami",
        &[SAVE, "fix --sandbox=world.json --yes"],
        "apply plan.json --sandbox=world.json --yes",
        0,
        "Everything was so already. Both sides were read again and hold.",
    ),
    ("disabled-key", &[SAVE], "apply plan.json --sandbox=world.json --yes", 4, "Nothing was written."),
    ("copied-ami", &[], "apply plan.json --sandbox=world.json --yes", 1, "plan.json"),
    // rollback
    (
        "copied-ami",
        &["fix --sandbox=world.json --yes"],
        "rollback --sandbox=world.json --yes",
        0,
        "is as it was before the run",
    ),
    (
        "copied-ami",
        &["fix --sandbox=world.json --yes"],
        "rollback --sandbox=world.json",
        5,
        "there is no terminal to ask on",
    ),
    (
        "copied-ami",
        &["fix --sandbox=world.json --yes"],
        "rollback --sandbox=world.json --dry-run --detailed-exitcode",
        3,
        "Plan:",
    ),
    ("copied-ami", &[], "rollback --sandbox=world.json --yes", 0, "There is no run to undo."),
    ("copied-ami", &[], "rollback --sandbox=world.json --list", 0, "There is no run."),
    ("copied-ami", &[], "rollback --sandbox --yes", 2, "keeps no journal"),
    ("copied-ami", &[], "rollback --sandbox=world.json --yes 20260101T000000Z-1", 1, "there is no run"),
    // check
    ("already-mended", &[], "check --sandbox=world.json", 0, "can launch with"),
    ("copied-ami", &[], "check --sandbox=world.json", 3, "can't launch yet"),
    (
        "no-requester-credentials",
        &["fix --sandbox=world.json --yes"],
        "check --sandbox=world.json",
        3,
        "may or may not be able to launch",
    ),
    ("boundary", &[], "check --sandbox=world.json", 4, "can't launch"),
    ("copied-ami", &[], "check --sandbox=world.json --key nonsense!", 2, "nonsense!"),
    ("copied-ami", &[], "check --sandbox=nowhere.json", 1, "nowhere.json"),
    // patch
    (
        "copied-ami",
        &[],
        "patch --principal arn:aws:iam::444455556666:role/app nowhere.json",
        2,
        "nowhere.json",
    ),
    // permissions
    ("copied-ami", &[], "permissions --account 444455556666", 0, "\"Version\""),
    ("copied-ami", &[], "permissions", 2, "no key and no account is given"),
];

#[test]
fn every_ending_of_every_command() {
    for (world, before, command, status, says) in ENDINGS {
        let scene = Scene::of(world);
        for earlier in *before {
            scene.run(earlier);
        }
        let ran = scene.run(command);
        assert_eq!(ran.status, *status, "{world}: {ran}");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = format!("{} {}", words(&ran.stdout), words(&ran.stderr));
        assert!(said.contains(says), "{world}: {says}: {ran}");
    }
}

/// Nothing that is encrypted needs no key, unless the account encrypts by default, which has to be known.
#[test]
fn without_a_key_it_has_to_be_known_that_none_is_needed() {
    for (is_known, status) in [(true, 0), (false, 3)] {
        let scene = Scene::changed("ami-not-encrypted", |world| {
            if !is_known {
                world["callers"].as_object_mut().unwrap().remove("444455556666");
            }
        });
        for command in ["fix --sandbox=world.json --yes", "check --sandbox=world.json"] {
            let ran = scene.run(&format!("{command} --ami ami-0123456789abcdef0 --account 444455556666"));
            assert_eq!(ran.status, status, "{ran}");
            let words = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains("none of its snapshots is encrypted"), "{ran}");
            assert_eq!(words.contains("whether one is needed is open"), !is_known, "{ran}");
        }
    }
}

#[test]
fn a_patch_tells_by_its_status_what_it_came_to() {
    let scene = Scene::of("copied-ami");
    let open = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"}]}"#;
    fs::write(scene.path("policy.json"), open).unwrap();
    let patch =
        |arguments: &str| scene.run(&format!("patch --principal {ROLE} {arguments} policy.json")).status;
    assert_eq!((patch("--check"), patch("--in-place"), patch("--check")), (3, 0, 0));
    fs::write(
        scene.path("policy.json"),
        open.replace("arn:aws:iam::111122223333:root", "AROAEXAMPLEEXAMPLE123"),
    )
    .unwrap();
    assert_eq!((patch("--check"), patch("--in-place")), (4, 4), "an orphan");
}

/// Commands name themselves wherever their line can't be understood.
#[test]
fn a_document_of_a_mistake_names_its_command() {
    let scene = Scene::of("copied-ami");
    for command in
        ["fix", "check", "apply", "rollback", "patch", "permissions", "completions", "man", "schema"]
    {
        for arguments in ["--output json --no-such-option", "--no-such-option --output=json"] {
            let ran = scene.run(&format!("{command} {arguments}"));
            assert_eq!(ran.status, 2, "{ran}");
            let document = ran.json();
            crate::cli::assert_valid(&document);
            assert_eq!(document["command"], command, "{ran}");
            assert_eq!(document["exit_status"], 2, "{ran}");
        }
    }
}

/// Where standard output goes.
type Output = fn() -> Stdio;

/// A standard output that takes nothing: a full disk, and a pipe that nobody reads, each with what is told then.
fn outputs() -> [(&'static str, Output); 2] {
    fn full() -> Stdio {
        OpenOptions::new().write(true).open("/dev/full").unwrap().into()
    }
    fn closed() -> Stdio {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer.into()
    }
    [("could not be written", full), ("Standard output was closed", closed)]
}

fn untold(scene: &Scene, arguments: &str, stdout: Stdio) -> Ran {
    let mut command = scene.command(arguments);
    let child = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
    let process::Output { status, stderr, .. } = child.wait_with_output().unwrap();
    scene.ran(process::Output { status, stdout: Vec::new(), stderr }, arguments)
}

#[test]
fn what_can_not_be_told_is_an_error() {
    for (told, output) in outputs() {
        let scene = Scene::of("copied-ami");
        scene.fix("--dry-run --out plan.json");
        for arguments in [
            "fix --sandbox=world.json --dry-run",
            "fix --sandbox=world.json --yes",
            "apply plan.json --sandbox=world.json --yes",
            "check --sandbox=world.json",
            "check --sandbox=world.json --output json",
            "permissions --account 444455556666",
            "schema",
            "man",
            "completions bash",
            "--help",
            "fix --help",
            "--version",
        ] {
            let before = scene.content();
            let ran = untold(&scene, arguments, output());
            assert_eq!(ran.status, 1, "{ran}");
            assert!(ran.stderr.contains(told), "{ran}");
            assert_eq!(scene.content(), before, "{ran}");
        }
    }
}

/// Where results come after the writes, these are recorded and told elsewhere.
#[test]
fn what_was_written_is_recorded_and_told_where_results_can_not_be() {
    for (told, output) in outputs() {
        let scene = Scene::of("copied-ami");
        let before = fs::read(scene.path("world.json")).unwrap();
        let ran = untold(&scene, "fix --sandbox=world.json --yes --output json", output());
        assert_eq!(ran.status, 1, "{ran}");
        assert!(ran.stderr.contains(told) && ran.stderr.contains("3 changes of 3 written."), "{ran}");
        assert!(ran.stderr.contains("The run and every former text are kept in"), "{ran}");
        assert_eq!(scene.fix("--dry-run").status, 0, "all of it is there");
        let back = untold(&scene, "rollback --sandbox=world.json --yes --output json", output());
        assert_eq!(back.status, 1, "{back}");
        let parsed = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
        let after = fs::read(scene.path("world.json")).unwrap();
        assert_eq!(parsed(&after)["keys"], parsed(&before)["keys"], "the record was whole");
        assert_eq!(scene.run("rollback --sandbox=world.json --yes").status, 0, "nothing is left to undo");
    }
}

#[test]
fn no_file_is_patched_unseen() {
    for (told, output) in outputs() {
        let scene = Scene::of("copied-ami");
        let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"}]}"#;
        for name in ["one.json", "two.json"] {
            fs::write(scene.path(name), policy).unwrap();
        }
        let before = scene.content();
        let arguments = format!("patch --principal {ROLE} --in-place --diff one.json two.json");
        let ran = untold(&scene, &arguments, output());
        assert_eq!(ran.status, 1, "{ran}");
        assert!(ran.stderr.contains(told), "{ran}");
        assert_eq!(scene.content(), before);
    }
}
