//! What flags, and the lack of a terminal, make of a run.

use crate::scene::Scene;

const NO_TERMINAL: &str = "error: there is no terminal to ask on; nothing was written\n\
                           hint: --yes applies without asking, --dry-run only shows the plan\n";

#[test]
fn without_a_terminal_somebody_has_to_say_yes_beforehand() {
    let scene = Scene::of("copied-ami");
    let before = scene.content();
    let ran = scene.fix("");
    assert_eq!(ran.status, 5);
    assert!(ran.stderr.ends_with(NO_TERMINAL), "{}", ran.stderr);
    assert_eq!(ran.stdout, scene.fix("--dry-run").stdout, "the plan is shown all the same");
    assert_eq!(scene.content(), before);
    assert_eq!(Scene::of("already-mended").fix("").status, 0, "nothing has to be asked");
}

#[test]
fn pending_changes_show_in_the_exit_status_when_asked_for() {
    for (world, arguments, plain, detailed) in [
        ("copied-ami", "--dry-run", 0, 3),
        ("copied-ami", "--yes", 0, 0),
        ("already-mended", "--dry-run", 0, 0),
        ("no-requester-credentials", "--dry-run", 3, 3),
        ("identity-center-role", "--yes", 3, 3),
        ("disabled-key", "--dry-run", 4, 4),
    ] {
        for (flag, status) in [("", plain), ("--detailed-exitcode", detailed)] {
            let ran = Scene::of(world).fix(&format!("{arguments} {flag}"));
            assert_eq!(ran.status, status, "{world}: {ran}");
        }
    }
}

#[test]
fn what_blocks_can_be_overruled() {
    let scene = Scene::of("disabled-key");
    let blocked = scene.fix("--dry-run");
    let allowed = scene.fix("--yes --allow-blocked").after(&blocked);
    insta::assert_snapshot!(allowed);
    let again = scene.fix("--yes");
    assert_eq!(again.status, 4, "the key is still disabled");
    assert!(again.stdout.contains("\nNo changes here; 1 finding stands in the way.\n"), "{again}");
}

#[test]
fn the_built_in_world_keeps_nothing() {
    let scene = Scene::of("copied-ami");
    let before = scene.content();
    for _ in 0..2 {
        let ran = scene.run("fix --sandbox --yes");
        assert_eq!(ran.status, 0);
        assert!(ran.stdout.contains("\nApplied 3 changes."), "{ran}");
        assert!(!ran.stderr.contains("are kept in"), "{ran}");
    }
    assert_eq!(scene.content(), before);
}

#[test]
fn colours_when_asked_for_and_never_into_a_pipe_unasked() {
    let scene = Scene::of("five-versions");
    let (plain, coloured) = (scene.fix("--dry-run"), scene.fix("--dry-run --color=always"));
    assert!(!format!("{plain}").contains('\u{1b}'));
    insta::assert_snapshot!(format!("{coloured}").replace('\u{1b}', "␛"));
    let forced =
        scene.run_command(scene.command("fix --sandbox=world.json --dry-run").env("CLICOLOR_FORCE", "1"), "");
    assert_eq!(forced.stdout, coloured.stdout);
    for (arguments, variable) in [("--color=never", "CLICOLOR_FORCE"), ("", "NO_COLOR")] {
        let arguments = format!("fix --sandbox=world.json --dry-run {arguments}");
        let ran = scene.run_command(scene.command(&arguments).env(variable, "1"), "");
        assert_eq!(ran.stdout, plain.stdout, "{arguments} {variable}");
    }
}

#[test]
fn prose_fits_the_width_and_arns_never_break() {
    let scene = Scene::of("group-grantee");
    let columns = |columns: &str| {
        let mut command = scene.command("fix --sandbox=world.json --dry-run");
        let ran = scene.run_command(command.env("COLUMNS", columns), "");
        ran.stdout
    };
    let prose = |text: &str| {
        let (first, _) = text.split_once("\n1. ").unwrap();
        first.to_owned()
    };
    let narrow = columns("50");
    assert!(narrow.contains(
        "     where  arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab\n"
    ));
    insta::assert_snapshot!(format!("{}\n----\n{}", prose(&narrow), prose(&columns("140"))));
    assert_eq!(columns("80"), columns(""), "the width where there is no other");
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let scene = Scene::of("copied-ami");
    let mut command = scene.command("fix --sandbox=world.json --dry-run");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdin(std::process::Stdio::null()).stdout(writer).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("error") && !stderr.contains("panic"), "{stderr}");
}
