//! The question before anything is written, on a pseudo-terminal.

use std::process::Command;

use rexpect::session::{PtySession, spawn_command};
use serde_json::{Value, json};

use crate::scene::Scene;

/// A run on a terminal, with what it shows up to the question.
struct Dialogue<'a> {
    scene: &'a Scene,
    session: PtySession,
}

/// A line for a shell that works where the program does, in the same environment.
fn in_a_shell(scene: &Scene, line: &str) -> Command {
    let direct = scene.command("");
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(direct.get_current_dir().unwrap()).env_clear();
    command.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("NO_COLOR", "1").env("COLUMNS", "100");
    command
}

impl<'a> Dialogue<'a> {
    fn on(scene: &'a Scene) -> Self {
        Self::with(scene, "", "Apply 3 changes? This gives access to account 444455556666.")
    }

    /// With more arguments, which a shell reads.
    fn with(scene: &'a Scene, arguments: &str, question: &str) -> Self {
        Self::of(scene, &format!("fix --sandbox=world.json {arguments}"), question, "xterm")
    }

    /// Of any command, on a terminal of any kind.
    fn of(scene: &'a Scene, arguments: &str, question: &str, term: &str) -> Self {
        let line = format!("'{}' {arguments}; echo exit status $?", env!("CARGO_BIN_EXE_keymend"));
        let mut command = in_a_shell(scene, &line);
        command.env("TERM", term);
        let session = spawn_command(command, Some(20_000)).unwrap();
        let mut dialogue = Self { scene, session };
        dialogue.sees(question);
        dialogue.sees("[no]: ");
        dialogue
    }

    fn sees(&mut self, text: &str) {
        self.session.exp_string(text).unwrap();
    }

    fn press(&mut self, keys: &str) {
        self.session.send(keys).unwrap();
        self.session.flush().unwrap();
    }

    /// What it says from here to its end, and its exit status.
    fn ends(mut self) -> (String, i32) {
        let rest = self.session.exp_eof().unwrap().replace("\r\n", "\n");
        let (said, status) = rest.rsplit_once("exit status ").unwrap();
        (self.scene.shown(said.as_bytes().to_vec()), status.trim().parse().unwrap())
    }
}

/// What a command line shows on a terminal of 30 rows, to its end.
fn on_a_screen(scene: &Scene, line: &str) -> String {
    let mut command = in_a_shell(scene, &format!("stty rows 30 cols 100; {line}"));
    command.env_remove("COLUMNS");
    let mut session = spawn_command(command, Some(20_000)).unwrap();
    session.exp_eof().unwrap().replace("\r\n", "\n")
}

#[test]
fn what_is_longer_than_the_screen_is_paged() {
    let scene = Scene::of("five-versions");
    let keymend = format!("'{}' fix --sandbox=world.json", env!("CARGO_BIN_EXE_keymend"));
    let mut plain = scene.command("fix --sandbox=world.json --dry-run");
    let plain = scene.run_command(plain.env("COLUMNS", "100"), "").stdout;
    let paged = || std::fs::read_to_string(scene.path("paged")).unwrap_or_default();
    let shown = on_a_screen(&scene, &format!("PAGER='cat > paged' {keymend} --dry-run"));
    assert_eq!(paged(), plain);
    assert!(!shown.contains("Plan: ") && shown.contains("hint: nothing was written"), "{shown}");
    let mut check = scene.command("check --sandbox=world.json --all");
    let check = scene.run_command(check.env("COLUMNS", "100"), "").stdout;
    let program = env!("CARGO_BIN_EXE_keymend");
    on_a_screen(&scene, &format!("PAGER='cat > paged' '{program}' check --sandbox=world.json --all"));
    assert_eq!(paged(), check);
    std::fs::remove_file(scene.path("paged")).unwrap();
    for line in [
        format!("PAGER='cat > paged' {keymend} --dry-run --no-pager"),
        format!("PAGER='cat > paged' {keymend} --dry-run | cat"),
        format!("PAGER='cat > paged' TERM=dumb {keymend} --dry-run"),
        format!("KEYMEND_PAGER= PAGER='cat > paged' {keymend} --dry-run"),
        format!("PAGER=no-such-pager {keymend} --dry-run"),
        format!("PAGER='cat > paged' {keymend} --yes"),
    ] {
        let shown = on_a_screen(&scene, &line);
        assert_eq!(paged(), "", "{line}");
        assert!(shown.contains(plain.lines().next().unwrap()), "{line}: {shown}");
    }
}

#[test]
fn the_question_repeats_what_ran_past_the_screen() {
    let scene = Scene::of("five-versions");
    let keymend = format!("'{}' fix --sandbox=world.json", env!("CARGO_BIN_EXE_keymend"));
    for (rows, times) in [(30, 2), (300, 1)] {
        let line = format!("stty rows {rows} cols 100; {keymend} --no-pager; echo exit status $?");
        let session = spawn_command(in_a_shell(&scene, &line), Some(20_000)).unwrap();
        let mut dialogue = Dialogue { scene: &scene, session };
        let before = dialogue.session.exp_string("[no]: ").unwrap();
        assert_eq!(before.matches("Plan: ").count(), times, "{rows} rows: {before}");
        assert!(before.contains("Apply 3 changes?"), "{before}");
        dialogue.press("n\r");
        assert_eq!(dialogue.ends().1, 5);
    }
}

/// What it says after an answer at once, and its exit status.
fn answered(keys: &str) -> (String, i32) {
    let scene = Scene::of("five-versions");
    let mut dialogue = Dialogue::on(&scene);
    dialogue.press(keys);
    dialogue.ends()
}

/// How a run ends that was declined with these keys, after which nothing has changed.
fn declined(keys: &str) -> (String, i32) {
    let scene = Scene::of("five-versions");
    let before = scene.content();
    let mut dialogue = Dialogue::on(&scene);
    dialogue.press(keys);
    let end = dialogue.ends();
    assert_eq!(scene.content(), before, "nothing is written");
    end
}

#[test]
fn yes_applies_and_the_last_line_says_what_to_do() {
    for keys in ["y\r", "Yes\r", "yx\u{7f}\r"] {
        let (said, status) = answered(keys);
        assert_eq!(status, 0, "{said}");
        let applied = said.find("\nApplied 3 changes. Both sides were read again and hold.\n");
        assert!(said.find("[3/3] update the policy KmsKeyUsagePolicy") < applied, "in this order: {said}");
        let last: Vec<&str> = said.lines().rev().take(2).collect();
        assert_eq!(last[0], "Undo: keymend rollback RUN-1 --sandbox=world.json");
        assert!(last[1].starts_with("Launch the instance again. If it still goes `pending` -> `terminated`"));
    }
}

#[test]
fn anything_less_than_yes_writes_nothing() {
    for keys in ["no\r", "n\r", "\r"] {
        let (said, status) = declined(keys);
        assert!(status == 5 && said.ends_with("Nothing was written.\n"), "{status}: {said}");
    }
}

#[test]
fn ctrl_c_writes_nothing() {
    for keys in ["\u{3}", "yes\u{3}"] {
        let (said, status) = declined(keys);
        assert!(status == 130 && said.ends_with("\nInterrupted. Nothing was written.\n"), "{status}: {said}");
    }
}

#[test]
fn what_is_no_answer_is_asked_again() {
    let scene = Scene::of("five-versions");
    let mut dialogue = Dialogue::on(&scene);
    dialogue.press("sure\r");
    dialogue.sees("`sure` is no answer: type yes, no, select or details, or the first letter");
    dialogue.sees("[no]: ");
    dialogue.press("n\r");
    assert_eq!(dialogue.ends().1, 5);
}

#[test]
fn details_show_whole_documents_and_ask_again() {
    let scene = Scene::of("five-versions");
    let mut dialogue = Dialogue::on(&scene);
    dialogue.press("details\r");
    dialogue.sees("1. ~ update the key policy");
    dialogue.sees("before:");
    dialogue.sees("Enable IAM User Permissions");
    dialogue.sees("after:");
    dialogue.sees("2. - delete version v3");
    dialogue.sees("Apply 3 changes?");
    dialogue.press("y\r");
    assert_eq!(dialogue.ends().1, 0);
}

#[test]
fn select_drops_changes_with_what_needs_them() {
    let scene = Scene::of("five-versions");
    let mut dialogue = Dialogue::on(&scene);
    dialogue.press("select\r");
    dialogue.sees("> [x] 1. ~ update the key policy");
    // The second: the old version that has to go before a new one can come.
    dialogue.press("j ");
    dialogue.sees("> [ ] 2. - delete version v3");
    dialogue.press("\r");
    dialogue.sees("Change 3 (update the policy KmsKeyUsagePolicy) drops too: it needs change 2.");
    dialogue.sees("Apply 1 change? This gives access to account 444455556666.");
    dialogue.press("yes\r");
    let (said, status) = dialogue.ends();
    assert_eq!(status, 3, "the role's own side was left out: {said}");
    assert!(said.contains("\nApplied 1 change. What was written holds.\n"), "{said}");
    assert!(said.contains("can't launch yet with key"), "{said}");
    assert!(said.contains("\n  left to do: delete version v3 of the policy KmsKeyUsagePolicy\n"), "{said}");
    assert!(said.contains("\nWhen that is done, launch the instance again."));
    assert!(
        scene
            .fix("--dry-run")
            .stdout
            .contains("\nPlan: 0 to create, 1 to update, 0 to attach, 1 to delete.\n")
    );
}

#[test]
fn what_an_undoing_leaves_out_is_left_to_do() {
    let scene = Scene::of("copied-ami");
    assert_eq!(scene.fix("--yes").status, 0);
    let list = || scene.run("rollback --sandbox=world.json --list").stdout;
    let mut dialogue = Dialogue::of(&scene, "rollback --sandbox=world.json", "Apply 3 changes?", "xterm");
    dialogue.press("select\r");
    dialogue.sees("> [x] 1. - detach the policy");
    dialogue.press("jj ");
    dialogue.sees("> [ ] 3. ~ put the former key policy back");
    dialogue.press("\r");
    dialogue.sees("Apply 2 changes?");
    dialogue.press("yes\r");
    let (said, status) = dialogue.ends();
    assert!(said.contains("\n  left to do: put the former key policy back\n"), "{said}");
    assert_eq!(status, 3, "{said}");
    let listed = list();
    assert!(listed.contains("  partly rolled back\n"), "{listed}");
    assert!(listed.contains("  done, with something left to do (undoes "), "{listed}");
    assert!(!scene.fix("--dry-run").stderr.contains("warning"), "it was left out on purpose");
    assert_eq!(scene.run("rollback --sandbox=world.json --yes").status, 0);
    let listed = list();
    assert!(listed.contains("  rolled back\n") && !listed.contains("left to do"), "{listed}");
}

#[test]
fn the_cursor_comes_back_after_ctrl_c_in_the_list() {
    let scene = Scene::of("five-versions");
    let mut dialogue = Dialogue::on(&scene);
    dialogue.press("s\r");
    dialogue.sees("\u{1b}[?25l");
    dialogue.sees("Enter accepts");
    dialogue.press("\u{3}");
    dialogue.sees("\u{1b}[?25h");
    assert_eq!(dialogue.ends().1, 130);
}

/// Who gains what is told anew for what is kept: without its own side the role can't use the key.
#[test]
fn select_tells_who_gains_what_by_what_is_kept() {
    let scene = Scene::of("five-versions");
    let arguments = "--principal arn:aws:iam::444455556666:role/app-instances";
    let question = "Apply 3 changes? This gives access to account 444455556666.";
    let mut dialogue = Dialogue::with(&scene, arguments, question);
    dialogue.press("select\r");
    dialogue.sees("> [x] 1. ~ update the key policy");
    dialogue.press("j ");
    dialogue.sees("> [ ] 2. - delete version v3");
    dialogue.press("\r");
    dialogue.sees("Who gains what:");
    dialogue.sees("once the other side allows it too");
    dialogue.sees("Apply 1 change? This gives access to account 444455556666, once the other side");
    dialogue.press("n\r");
    assert_eq!(dialogue.ends().1, 5);
}

#[test]
fn esc_in_the_list_goes_back_and_nothing_selected_declines() {
    let scene = Scene::of("five-versions");
    let before = scene.content();
    let mut dialogue = Dialogue::on(&scene);
    dialogue.press("s\r");
    dialogue.sees("Enter accepts");
    dialogue.press("\u{1b}");
    dialogue.sees("Apply 3 changes?");
    dialogue.sees("[no]: ");
    dialogue.press("s\r");
    dialogue.sees("Enter accepts");
    dialogue.press("a\r");
    dialogue.sees("No change is left.");
    assert_eq!(dialogue.ends().1, 5);
    assert_eq!(scene.content(), before);
}

#[test]
fn access_within_the_keys_account_names_no_other() {
    let scene = Scene::of("same-account");
    let mut dialogue = Dialogue::with(&scene, "", "Apply 3 changes?\r\n");
    dialogue.press("n\r");
    assert_eq!(dialogue.ends().1, 5);
}

#[test]
fn warnings_stand_before_the_question() {
    let scene = Scene::of("group-grantee");
    let mut dialogue = Dialogue::with(&scene, "", "warning: a key policy can't name a group");
    dialogue.press("n\r");
    assert_eq!(dialogue.ends().1, 5);
}

/// Somebody else adds a statement to the key policy.
fn add_theirs(world: &mut Value) {
    let key = world["keys"].as_object_mut().unwrap().values_mut().next().unwrap();
    let theirs = json!({
        "Sid": "Theirs", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "kms:ListGrants", "Resource": "*",
    });
    key["policy"]["Statement"].as_array_mut().unwrap().push(theirs);
}

#[test]
fn what_changed_since_it_was_shown_is_not_overwritten() {
    let scene = Scene::of("copied-ami");
    let mut dialogue = Dialogue::on(&scene);
    scene.change(add_theirs);
    let world = scene.content()[&scene.path("world.json")].clone();
    dialogue.press("y\r");
    let (said, status) = dialogue.ends();
    assert_eq!(status, 6, "{said}");
    assert_eq!(scene.content()[&scene.path("world.json")], world);
    let (_, after_the_answer) = said.split_once("\u{1b}[?25h").unwrap();
    insta::assert_snapshot!(after_the_answer);
}

#[test]
fn stale_is_a_document_too_and_the_plan_was_shown_on_the_terminal() {
    let scene = Scene::of("copied-ami");
    let question = "Apply 3 changes? This gives access to account 444455556666.";
    let mut dialogue = Dialogue::with(&scene, "--output json >out.json", question);
    scene.change(add_theirs);
    dialogue.press("y\r");
    assert_eq!(dialogue.ends().1, 6);
    let document: Value = serde_json::from_slice(&std::fs::read(scene.path("out.json")).unwrap()).unwrap();
    crate::cli::assert_valid(&document);
    assert_eq!((&document["outcome"], &document["exit_status"]), (&json!("stale"), &json!(6)));
    let message = document["error"]["message"].as_str().unwrap();
    assert!(message.ends_with("is not what the plan was made on: somebody else changed it meanwhile"));
}

#[test]
fn an_interrupted_prompt_leaves_a_document_too() {
    let scene = Scene::of("copied-ami");
    let question = "Apply 3 changes? This gives access to account 444455556666.";
    let mut dialogue = Dialogue::with(&scene, "--output json >out.json", question);
    dialogue.press("\u{3}");
    assert_eq!(dialogue.ends().1, 130);
    let document: Value = serde_json::from_slice(&std::fs::read(scene.path("out.json")).unwrap()).unwrap();
    crate::cli::assert_valid(&document);
    assert_eq!((&document["outcome"], &document["exit_status"]), (&json!("declined"), &json!(130)));
}

/// However many keys an image has and accounts launch from it: one diff, one question.
#[test]
fn one_question_for_all_keys_and_accounts() {
    let scene = Scene::changed("ami-with-two-keys", |world| {
        let launcher = world["accounts"]["444455556666"].clone();
        world["accounts"]["999988887777"] = launcher;
        let operator = json!({"arn": "arn:aws:sts::999988887777:assumed-role/IamAdmin/operator"});
        world["callers"]["999988887777"] = operator;
        world["images"]["ami-0123456789abcdef0"]["shared_with"] = json!(["444455556666", "999988887777"]);
        world["defaults"]["grantees"] = json!([
            "arn:aws:iam::444455556666:role/app-instances",
            "arn:aws:iam::999988887777:role/app-instances",
        ]);
    });
    let question = "Apply 6 changes? This gives access to accounts 444455556666 and 999988887777.";
    let mut dialogue = Dialogue::with(&scene, "", question);
    dialogue.press("yes\r");
    let (said, status) = dialogue.ends();
    assert_eq!(status, 0, "{said}");
    assert_eq!(said.matches("Apply ").count(), 0, "nothing is asked again: {said}");
    assert!(said.contains("Applied 6 changes."), "{said}");
    let again = scene.run("check --sandbox=world.json --output json").json();
    let conclusions: Vec<&Value> =
        again["checks"].as_array().unwrap().iter().map(|check| &check["conclusion"]).collect();
    assert_eq!(conclusions, ["can_launch"; 4]);
}

#[test]
fn ctrl_d_is_no() {
    for keys in ["\u{4}", "yes\u{4}"] {
        let (said, status) = declined(keys);
        assert!(status == 5 && said.ends_with("Nothing was written.\n"), "{status}: {said}");
    }
}

#[test]
fn a_question_mark_tells_the_answers() {
    let scene = Scene::of("five-versions");
    let mut dialogue = Dialogue::on(&scene);
    dialogue.press("?\r");
    dialogue.sees("yes      writes these changes");
    dialogue.sees("no       writes nothing; so do Enter alone and Ctrl-D");
    dialogue.sees("select   lets you leave changes out, then asks again");
    dialogue.sees("details  shows the documents before and after");
    dialogue.sees("[no]: ");
    dialogue.press("y\r");
    assert_eq!(dialogue.ends().1, 0);
}

#[test]
fn nothing_is_asked_that_was_not_shown() {
    let scene = Scene::of("copied-ami");
    let mut dialogue = Dialogue::with(&scene, ">out.txt", "Who gains what:");
    dialogue.press("n\r");
    assert_eq!(dialogue.ends().1, 5);
    let kept = std::fs::read_to_string(scene.path("out.txt")).unwrap();
    assert!(kept.contains("\nWho gains what:\n"), "{kept}");
}

#[test]
fn a_dumb_terminal_has_a_plain_list() {
    let scene = Scene::of("five-versions");
    let question = "Apply 3 changes?";
    let mut dialogue = Dialogue::of(&scene, "fix --sandbox=world.json", question, "dumb");
    dialogue.press("select\r");
    dialogue.sees("  [x] 2. - delete version v3");
    dialogue.sees("Numbers switch changes off or on, Enter accepts: ");
    dialogue.press("7\r");
    dialogue.sees("error: `7` is none of the numbers");
    dialogue.press("2\r");
    dialogue.sees("  [ ] 2. - delete version v3");
    dialogue.press("\r");
    dialogue.sees("Change 3 (update the policy KmsKeyUsagePolicy) drops too: it needs change 2.");
    dialogue.sees("Apply 1 change?");
    dialogue.press("n\r");
    let (said, status) = dialogue.ends();
    assert!(status == 5 && !said.contains('\u{1b}'), "{said:?}");
}
