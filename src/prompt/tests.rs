//! The dialogue, held in a pseudo-terminal with a process that asks.

use std::collections::BTreeMap;
use std::process::Command;

use rexpect::session::{PtySession, spawn_command};

use super::*;
use crate::render::testing::{self, OTHER_ROOT, USER, empty_plan};

fn plan_of_everything() -> Plan {
    Plan { changes: testing::every_operation(), ..empty_plan() }
}

/// Not a test: what runs on the other side of the pseudo-terminal.
#[test]
#[ignore = "asks on a terminal, for the tests below"]
fn asker() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _context = runtime.enter();
    let _handler = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).unwrap();
    let answer = ask(&plan_of_everything(), &Styles::plain());
    io::Write::write_all(&mut io::stdout(), format!("answer: {answer:?}\n").as_bytes()).unwrap();
}

/// A process that asks, with what it shows up to the question.
fn asking() -> PtySession {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["prompt::tests::asker", "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    command.env("TERM", "xterm").env_remove("NO_COLOR");
    let mut session = spawn_command(command, Some(20_000)).unwrap();
    session.exp_string("Apply 7 changes? This gives access to account 444455556666.").unwrap();
    session.exp_string("[no]: ").unwrap();
    session
}

fn press(session: &mut PtySession, keys: &str) {
    session.send(keys).unwrap();
    session.flush().unwrap();
}

fn answer(session: &mut PtySession) -> String {
    session.exp_string("answer: ").unwrap();
    session.read_line().unwrap()
}

fn answer_to(keys: &str) -> String {
    let mut session = asking();
    press(&mut session, keys);
    answer(&mut session)
}

#[test]
fn yes_no_and_the_default() {
    assert_eq!(answer_to("y\r"), "Ok(Apply([0, 1, 2, 3, 4, 5, 6]))");
    assert_eq!(answer_to("Yes\r"), "Ok(Apply([0, 1, 2, 3, 4, 5, 6]))");
    assert_eq!(answer_to("no\r"), "Ok(Declined)");
    assert_eq!(answer_to("\r"), "Ok(Declined)");
    assert_eq!(answer_to("yx\u{7f}\r"), "Ok(Apply([0, 1, 2, 3, 4, 5, 6]))", "backspace takes a letter back");
}

#[test]
fn ctrl_c_ends_it() {
    assert_eq!(answer_to("yes\u{3}"), "Ok(Interrupted)");
}

#[test]
fn what_is_no_answer_is_asked_again() {
    let mut session = asking();
    press(&mut session, "sure\r");
    session.exp_string("`sure` is no answer").unwrap();
    session.exp_string("[no]: ").unwrap();
    press(&mut session, "n\r");
    assert_eq!(answer(&mut session), "Ok(Declined)");
}

#[test]
fn details_show_whole_documents_and_ask_again() {
    let mut session = asking();
    press(&mut session, "details\r");
    session.exp_string("1. ~ remove principals").unwrap();
    session.exp_string("before:").unwrap();
    session.exp_string("AROAEXAMPLEEXAMPLE123").unwrap();
    session.exp_string("after:").unwrap();
    session.exp_string("Apply 7 changes?").unwrap();
    press(&mut session, "y\r");
    assert_eq!(answer(&mut session), "Ok(Apply([0, 1, 2, 3, 4, 5, 6]))");
}

#[test]
fn select_drops_changes_with_what_needs_them() {
    let mut session = asking();
    press(&mut session, "select\r");
    session.exp_string("> [x] 1. ~ remove principals").unwrap();
    // The fourth: the old version that has to go before a new one can come.
    press(&mut session, "jjj ");
    session.exp_string("> [ ] 4. - delete version v3").unwrap();
    press(&mut session, "\r");
    session
        .exp_string("Change 5 (update the policy KmsKeyUsagePolicy) drops too: it needs change 4.")
        .unwrap();
    session.exp_string("Change 6 (attach the policy KmsKeyUsagePolicy to role app) drops too").unwrap();
    session.exp_string("Apply 4 changes? This gives access to account 444455556666.").unwrap();
    press(&mut session, "yes\r");
    assert_eq!(answer(&mut session), "Ok(Apply([0, 1, 2, 6]))");
}

#[test]
fn the_cursor_comes_back_after_ctrl_c_in_the_list() {
    let mut session = asking();
    press(&mut session, "s\r");
    session.exp_string("\u{1b}[?25l").unwrap();
    session.exp_string("Enter accepts").unwrap();
    press(&mut session, "\u{3}");
    session.exp_string("\u{1b}[?25h").unwrap();
    assert_eq!(answer(&mut session), "Ok(Interrupted)");
}

#[test]
fn esc_in_the_list_goes_back_and_nothing_selected_declines() {
    let mut session = asking();
    press(&mut session, "s\r");
    session.exp_string("Enter accepts").unwrap();
    press(&mut session, "\u{1b}");
    session.exp_string("Apply 7 changes?").unwrap();
    session.exp_string("[no]: ").unwrap();
    press(&mut session, "s\r");
    session.exp_string("Enter accepts").unwrap();
    press(&mut session, "a\r");
    session.exp_string("No change is left.").unwrap();
    assert_eq!(answer(&mut session), "Ok(Declined)");
}

#[test]
fn the_question_names_other_accounts_only() {
    let update = |grantees: &[&str]| {
        let mut change = testing::update_key_policy(String::new(), String::new());
        change.gains.clear();
        change.giving(grantees, &testing::BOTH)
    };
    assert_eq!(question(&[&update(&[USER])]), "Apply 1 change?");
    let (both, third) = (update(&[USER, OTHER_ROOT]), update(&["arn:aws:iam::777788889999:root"]));
    assert_eq!(
        question(&[&both, &third]),
        "Apply 2 changes? This gives access to accounts 444455556666 and 777788889999."
    );
}

#[test]
fn what_depends_on_a_dropped_change_goes_too() {
    let plan = plan_of_everything();
    let without = |dropped: &[usize]| {
        let selection = plan.without(&dropped.iter().copied().collect());
        (selection.kept, selection.dragged)
    };
    assert_eq!(without(&[]), (vec![0, 1, 2, 3, 4, 5, 6], BTreeMap::new()));
    assert_eq!(without(&[0]), (vec![2, 3, 4, 5, 6], [(1, 0)].into()));
    assert_eq!(without(&[2]), (vec![0, 1, 3, 4, 5], [(6, 2)].into()));
    assert_eq!(without(&[3]), (vec![0, 1, 2, 6], [(4, 3), (5, 4)].into()), "through the change between");
    assert_eq!(without(&[3, 4]), (vec![0, 1, 2, 6], [(5, 4)].into()));
    assert_eq!(without(&[5]), (vec![0, 1, 2, 3, 4, 6], BTreeMap::new()));
}
