//! Help, manual, completions: every flag is in each.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use keymend::cli::EXAMPLES;
use keymend::cli::config::{SETTINGS, VARIABLES};

use crate::scene::Scene;

/// The commands with options of their own or none.
const COMMANDS: [&str; 13] = [
    "fix",
    "plan",
    "check",
    "survey",
    "watch",
    "rollback",
    "apply",
    "patch",
    "permissions",
    "version",
    "completions",
    "man",
    "schema",
];

/// The long flags in a text.
fn flags(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
    text.split("--")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| is_part(*c)).collect::<String>())
        .filter(|flag| flag.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}

/// What was printed by a command that has nothing to do but print.
fn printed(arguments: &str) -> String {
    let ran = Scene::of("copied-ami").run(arguments);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran}");
    ran.stdout
}

/// The page as a reader searches it: without roff's escapes.
fn manual() -> String {
    let escapes = [("\\-", "-"), ("\\*(Aq", "'"), ("\\fB", ""), ("\\fI", ""), ("\\fR", "")];
    escapes.iter().fold(printed("man"), |page, (escape, text)| page.replace(escape, text))
}

#[test]
fn the_manual_has_every_flag_of_every_command() {
    let manual = manual();
    for command in COMMANDS {
        let heading = format!(".SH \"KEYMEND {}\"", command.to_uppercase());
        let (_, section) = manual.split_once(&heading).unwrap_or_else(|| panic!("{heading}: {manual}"));
        let section = section.split("\n.SH ").next().unwrap();
        let missing: Vec<String> =
            flags(&printed(&format!("{command} --help"))).difference(&flags(section)).cloned().collect();
        assert_eq!(missing, Vec::<String>::new(), "{command}");
    }
    assert!(flags(&printed("fix --help")).len() > 15, "the flags are found at all");
}

#[test]
fn the_manual_tells_the_exit_statuses_of_help() {
    let (help, manual) = (printed("fix --help"), manual());
    let (_, statuses) = help.split_once("Exit status:\n").unwrap();
    let (_, section) = manual.split_once("\n.SH \"EXIT STATUS\"\n").unwrap();
    for line in statuses.lines() {
        let (status, meaning) = line.trim().split_once("  ").unwrap();
        assert!(section.contains(&format!("\n{status}\n{meaning}\n")), "{line}: {section}");
    }
    assert_eq!(statuses.lines().count(), 9);
}

#[test]
fn the_manual_has_the_sections_that_people_look_for() {
    let manual = manual();
    let section = |title: &str| {
        let (_, rest) =
            manual.split_once(&format!("\n.SH {title}\n")).unwrap_or_else(|| panic!("{title}: {manual}"));
        rest.split("\n.SH ").next().unwrap().to_owned()
    };
    let environment = section("ENVIRONMENT");
    for setting in &SETTINGS {
        assert!(environment.contains(&format!("\n{}\n", setting.variable())), "{}", setting.name);
    }
    for (name, about) in VARIABLES {
        assert!(environment.contains(&format!("\n{name}\n{about}")), "{name}: {environment}");
    }
    let help = printed("fix --help");
    for (example, about) in EXAMPLES {
        assert!(section("EXAMPLES").contains(&format!("\n{example}\n{about}")), "{example}");
        assert!(
            help.lines().any(|line| line.contains(example) && line.ends_with(about)),
            "{example}: {help}"
        );
    }
    let files = section("FILES");
    assert!(files.contains("keymend.toml") && files.contains("RUN.json"), "{files}");
    assert!(section("\"SEE ALSO\"").contains("https://docs.aws.amazon.com/"));
    assert!(!manual.contains("__complete"), "it is for scripts");
}

#[test]
fn help_is_worth_reading() {
    insta::assert_snapshot!(format!("{}\n----\n{}", printed("--help"), printed("fix --help")));
    insta::assert_snapshot!(printed("check --help"));
}

/// What a command's `-h` is on a terminal of 80 columns.
fn short_help(command: &str) -> String {
    let scene = Scene::of("copied-ami");
    let arguments = format!("{command} -h");
    let ran = scene.run_command(scene.command(&arguments).env("COLUMNS", "80"), &arguments);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran}");
    ran.stdout
}

#[test]
fn short_help_is_one_screen_and_all_of_it_stands_in_the_long_one() {
    let mut all = String::new();
    for command in [""].into_iter().chain(COMMANDS) {
        let short = short_help(command);
        assert!(short.lines().count() <= 28, "{} lines: {short}", short.lines().count());
        assert!(short.lines().all(|line| line.chars().count() <= 80), "{short}");
        let long = printed(&format!("{command} --help"));
        assert!(flags(&short).is_subset(&flags(&long)), "{command}");
        write!(all, "$ keymend {command} -h\n{short}\n").unwrap();
    }
    insta::assert_snapshot!(all);
    assert!(flags(&short_help("fix")).len() < flags(&printed("fix --help")).len() / 2);
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&format!("completions {shell}"));
        for word in COMMANDS.into_iter().chain(["prune-orphans", "detailed-exitcode"]) {
            assert!(script.contains(word), "{shell}: {word}");
        }
        // What the program knows itself: three of the shells ask it.
        let asks = ["bash", "fish", "zsh"].contains(&shell);
        assert_eq!(script.contains("keymend __complete -- "), asks, "{shell}");
    }
}
