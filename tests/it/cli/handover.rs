//! Plans as code and as reports, as files on a disk.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::scene::Scene;

#[test]
fn emitted_files_are_written_once_and_never_over_something_else() {
    const POLICY: &str = "KmsKeyUsagePolicy.json";
    for (format, file) in [("terraform", POLICY), ("cli", POLICY), ("cloudformation", "keymend.yaml")] {
        let scene = Scene::of("copied-ami");
        let arguments = format!("--dry-run --emit {format} --emit-dir out/code");
        let ran = scene.fix(&arguments);
        assert_eq!(ran.status, 0, "{ran}");
        let written = scene.content();
        assert!(written.contains_key(&scene.path("out/code/444455556666")), "{written:?}");
        assert_eq!(scene.fix(&arguments).status, 0, "the same once more");
        assert_eq!(scene.content(), written);
        let file = scene.path("out/code/444455556666").join(file);
        fs::write(&file, "mine").unwrap();
        let refused = scene.fix(&arguments);
        assert_eq!(refused.status, 1, "{refused}");
        assert_eq!(fs::read(&file).unwrap(), b"mine");
    }
}

/// Whatever stands there, in text or not, stays, and then nothing else comes to be.
#[test]
fn all_is_emitted_or_nothing() {
    for theirs in [&b"mine"[..], b"", b"\xff\xfe\x00"] {
        for place in ["111122223333/apply.sh", "444455556666/apply.sh", "444455556666/KmsKeyUsagePolicy.json"]
        {
            let scene = Scene::of("copied-ami");
            let file = scene.path("out").join(place);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, theirs).unwrap();
            let before = scene.content();
            let ran = scene.fix("--dry-run --emit cli --emit-dir out");
            assert_eq!(ran.status, 1, "{ran}");
            assert!(ran.stderr.contains("it is there with another content"), "{ran}");
            assert_eq!(scene.content(), before, "{place}");
        }
    }
}

#[test]
fn what_is_blocked_is_not_emitted() {
    let scene = Scene::of("disabled-key");
    let ran = scene.fix("--dry-run --emit cli --emit-dir out");
    assert_eq!(ran.status, 4, "{ran}");
    assert!(!scene.path("out").exists(), "{ran}");
    assert_eq!(scene.fix("--dry-run --allow-blocked --emit cli --emit-dir out").status, 4);
    assert!(scene.path("out/111122223333/apply.sh").exists());
}

#[test]
fn a_script_can_be_run_and_a_saved_plan_emits_the_same() {
    let scene = Scene::of("copied-ami");
    scene.fix("--dry-run --emit cli --emit-dir a --out plan.json");
    let script = scene.path("a/444455556666/apply.sh");
    assert_eq!(fs::metadata(&script).unwrap().permissions().mode() & 0o700, 0o700);
    scene.run("apply plan.json --sandbox=world.json --dry-run --emit cli --emit-dir b");
    for account in ["111122223333", "444455556666"] {
        let read = |folder: &str| fs::read(scene.path(&format!("{folder}/{account}/apply.sh"))).unwrap();
        assert_eq!(read("a"), read("b"));
    }
}

#[test]
fn the_cli_flags_go_together() {
    let scene = Scene::of("copied-ami");
    for arguments in [
        "--dry-run --emit cli",
        "--dry-run --emit-dir out",
        "--yes --emit cli --emit-dir out",
        "--yes --out plan.json",
        "--dry-run --report plan.txt",
    ] {
        assert_eq!(scene.fix(arguments).status, 2, "{arguments}");
    }
}

#[test]
fn reports_tell_what_became_of_the_plan() {
    let scene = Scene::of("copied-ami");
    let planned = scene.fix("--dry-run --report plan.md --report plan.html");
    assert_eq!(planned.status, 0, "{planned}");
    let text = fs::read_to_string(scene.path("plan.md")).unwrap();
    assert!(text.contains("**3 changes planned; nothing was written.**"), "{text}");
    assert!(fs::read_to_string(scene.path("plan.html")).unwrap().starts_with("<!DOCTYPE html>"));
    let applied = scene.fix("--yes --report done.md");
    assert_eq!(applied.status, 0, "{applied}");
    let text = fs::read_to_string(scene.path("done.md")).unwrap();
    assert!(text.contains("**3 changes applied; both sides were read again.**"), "{text}");
    assert!(text.contains("(applied)"), "{text}");
    let run = scene.journals()[0].file_stem().unwrap().to_str().unwrap().to_owned();
    assert!(text.contains(&format!("keymend rollback {run}")), "{text}");
}

#[test]
fn the_commands_of_a_report_repeat_what_shaped_the_plan() {
    let scene = Scene::of("copied-ami");
    let shape = "--least-privilege --coverage effective --policy-name Other";
    let ran = scene.fix(&format!("--yes {shape} --journal runs --report done.md --report done.html"));
    assert_eq!(ran.status, 0, "{ran}");
    let text = fs::read_to_string(scene.path("done.md")).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("keymend ")).collect();
    let [fix, rollback] = lines.as_slice() else { panic!("{text}") };
    assert!(fix.contains(shape) && fix.ends_with("--sandbox=world.json"), "{fix}");
    assert!(rollback.ends_with("--sandbox=world.json --journal runs"), "{rollback}");
    assert!(text.contains("as evaluation of the policies shows"), "{text}");
    assert!(text.contains("| | CreateGrant | Decrypt |"), "{text}");
    let rolled = scene.run(rollback.strip_prefix("keymend ").unwrap());
    assert_eq!(rolled.status, 5, "it asks: {rolled}");
    let again = scene.run(&format!("{} --dry-run", fix.strip_prefix("keymend ").unwrap()));
    assert!(again.stdout.contains("No changes."), "{again}");
}

/// A destination that can't be written is found out before anything is written to AWS.
#[test]
fn nothing_is_written_where_the_report_can_not_be() {
    let scene = Scene::of("copied-ami");
    fs::create_dir(scene.path("folder.md")).unwrap();
    let before = scene.content();
    for file in ["nowhere/done.md", "world.json/done.md", "folder.md"] {
        let ran = scene.fix(&format!("--yes --report {file}"));
        assert_eq!(ran.status, 1, "{ran}");
        assert!(ran.stderr.contains(&format!("`{file}` could not be written")), "{ran}");
        assert_eq!(scene.content(), before, "{file}");
        let again = scene.fix(&format!("--yes --output json --report {file}"));
        assert_eq!((again.status, &again.json()["exit_status"]), (1, &serde_json::json!(1)), "{again}");
    }
    scene.fix("--dry-run --out plan.json");
    let before = scene.content();
    let ran = scene.run("apply plan.json --sandbox=world.json --yes --report nowhere/done.md");
    assert_eq!(ran.status, 1, "{ran}");
    assert_eq!(scene.content(), before);
}

/// What a Deny, a boundary or the key's state forbids is no gain, whatever the documents come to say.
#[test]
fn what_is_forbidden_all_the_same_is_told_as_that() {
    const LATER: &str = "once nothing else forbids it any more";
    for (world, is_planned) in [("disabled-key", true), ("boundary", false)] {
        let scene = Scene::of(world);
        let ran = scene.fix("--dry-run --allow-blocked --report plan.md --report plan.html");
        assert_eq!(ran.status, 4, "{ran}");
        let words = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words.matches(LATER).count(), if is_planned { 2 } else { 0 }, "{ran}");
        assert!(!words.contains("outside the key's own account. "), "{ran}");
        let text = fs::read_to_string(scene.path("plan.md")).unwrap();
        assert_eq!(text.contains(LATER), is_planned, "{text}");
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| role")).collect();
        let is_forbidden = |row: &&str| row.contains('✗') && !row.contains('✓');
        assert!(!rows.is_empty() && rows.iter().all(is_forbidden), "{text}");
        let page = fs::read_to_string(scene.path("plan.html")).unwrap();
        assert!(page.contains("and it is forbidden all the same"), "{page}");
    }
}
