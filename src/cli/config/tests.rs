//! Where a value comes from, and what is refused.

use clap::CommandFactory as _;

use super::*;
use crate::cli::{Cli, Command};

/// What is read with a file and with variables.
fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keymend.toml");
    std::fs::write(&file, text).unwrap();
    let value =
        |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
    let names = variables.iter().map(|(name, _)| (*name).to_owned());
    Config::read(Some(&file), &value, names).map_err(|error| {
        let hint = crate::error::Error::from(error.clone()).hint().unwrap_or_default();
        format!("{error} ({hint})").replace(folder.path().to_str().unwrap(), "DIR")
    })
}

fn fix(config: &Config, line: &str) -> crate::cli::FixArgs {
    let words = format!("keymend fix {line}");
    let matches = config.as_defaults(Cli::command()).try_get_matches_from(words.split_whitespace()).unwrap();
    let cli = <Cli as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
    let Command::Fix(args) = cli.command else { panic!("fix") };
    *args
}

#[test]
fn typed_before_variables_before_the_file_before_what_is_so_by_default() {
    const FILE: &str = "coverage = \"effective\"\npolicy-name = \"Ours\"\n";
    let named = [("KEYMEND_COVERAGE", "named"), ("KEYMEND_POLICY_NAME", "")];
    for (file, variables, line, coverage, policy) in [
        ("", &[][..], "", CoverageChoice::Named, "KmsKeyUsagePolicy"),
        (FILE, &[], "", CoverageChoice::Effective, "Ours"),
        (FILE, &named, "", CoverageChoice::Named, "Ours"),
        (FILE, &named, "--coverage effective --policy-name Typed", CoverageChoice::Effective, "Typed"),
        (FILE, &[], "--resume", CoverageChoice::Effective, "Ours"),
    ] {
        let args = fix(&read(file, variables).unwrap(), line);
        assert_eq!(
            (args.target.remedy.coverage, args.target.remedy.policy_name.as_str()),
            (coverage, policy),
            "{file} {line}"
        );
    }
}

#[test]
fn a_share_of_the_quotas_is_set_as_a_number_or_in_percent() {
    let rate = |file, variables, line| fix(&read(file, variables).unwrap(), line).backend.rate;
    let share = |text: &str| Some(text.parse().unwrap());
    assert_eq!(rate("", &[], ""), None);
    assert_eq!(rate("rate = 80", &[], ""), share("80%"));
    assert_eq!(rate("rate = \"80%\"", &[("KEYMEND_RATE", "50")], ""), share("50%"));
    assert_eq!(rate("rate = \"80%\"", &[("KEYMEND_RATE", "50")], "--rate 7%"), share("7%"));
}

#[test]
fn profiles_are_told_account_by_account() {
    let file = "[account-profile]\n\"4444-5555-6666\" = \"file\"\n111122223333 = \"file\"\n777788889999 = \"file\"\n";
    let config =
        read(file, &[("KEYMEND_ACCOUNT_PROFILE", "111122223333=variable, 777788889999=variable")]).unwrap();
    assert_eq!(
        config.more_profiles(&["7777-8888-9999=typed".to_owned()]),
        ["111122223333=variable", "444455556666=file"]
    );
}

#[test]
fn what_is_no_setting_is_told_with_its_line() {
    let allowed = "a file sets account-profile, assume-role-name, color, connect-timeout, coverage, output, policy-name, \
                   rate, read-timeout, verify; all else is typed each time";
    for (file, told) in [
        (
            "# no\nyes = true\n",
            &*format!("`DIR/keymend.toml`, line 2: `yes` is nothing that a file sets ({allowed})"),
        ),
        (
            "endpoint-url = \"http://localhost\"",
            &format!("`DIR/keymend.toml`, line 1: `endpoint-url` is nothing that a file sets ({allowed})"),
        ),
        (
            "\n\nallow-blocked = true",
            &format!("`DIR/keymend.toml`, line 3: `allow-blocked` is nothing that a file sets ({allowed})"),
        ),
        (
            "coverage = \"all\"",
            "`DIR/keymend.toml`, line 1: `all` can't be the coverage (it is named or effective)",
        ),
        (
            "output = \"table\"",
            "`DIR/keymend.toml`, line 1: `table` can't be the output (it is text or json)",
        ),
        ("color = true", "`DIR/keymend.toml`, line 1: color has another form (it is a text: color = \"…\")"),
        (
            "read-timeout = \"5\"\nconnect-timeout = 0",
            "`DIR/keymend.toml`, line 2: `0` can't be the connect-timeout (it is seconds, from 1 to 900)",
        ),
        ("rate = 0", "`DIR/keymend.toml`, line 1: `0` can't be the rate (it is from 1% to 100%)"),
        (
            "policy-name = \"a/b\"",
            "`DIR/keymend.toml`, line 1: `a/b` can't be the policy-name (it is the name of a policy)",
        ),
        (
            "account-profile = \"x\"",
            "`DIR/keymend.toml`, line 1: account-profile has another form (it is a table: [account-profile], and below it lines such as \"444455556666\" = \"PROFILE\")",
        ),
        (
            "[account-profile]\n\"4444\" = \"x\"",
            "`DIR/keymend.toml`, line 2: `4444` is not an account id of 12 digits (`aws sts get-caller-identity` shows the account of your credentials)",
        ),
        (
            "[account-profile]\n444455556666 = 1",
            "`DIR/keymend.toml`, line 2: a profile's name is a text (for example \"444455556666\" = \"prod\")",
        ),
        ("[account-profile]\n444455556666 = \"a\"\n\"4444-5555-6666\" = \"b\"", "line "),
        ("coverage = ", "`DIR/keymend.toml`, line 1: "),
    ] {
        let error = read(file, &[]).unwrap_err();
        assert!(error.contains(told), "{file}: {error}");
    }
    for (name, value, told) in [
        (
            "KEYMEND_VERIFY",
            "no",
            "KEYMEND_VERIFY: `no` can't be the verify (it is evaluate or dry-run or simulate)",
        ),
        (
            "KEYMEND_ACCOUNT_PROFILE",
            "4444=x",
            "KEYMEND_ACCOUNT_PROFILE: `4444=x` can't be the account-profile (it is ACCOUNT=PROFILE, with commas between several)",
        ),
    ] {
        assert_eq!(read("", &[(name, value)]).unwrap_err(), told);
    }
    let config = read("", &[("KEYMEND_YES", "1"), ("KEYMEND_COLOR", "never"), ("PATH", "")]).unwrap();
    assert_eq!(config.unknown_variables(), ["KEYMEND_YES"]);
}

#[test]
fn a_working_folder_is_never_asked() {
    let file = |variables: &[(&str, &str)]| {
        let value =
            |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        default_file(&value).map(|file| file.display().to_string())
    };
    assert_eq!(file(&[("HOME", "/h")]).unwrap(), "/h/.config/keymend/keymend.toml");
    assert_eq!(file(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/c")]).unwrap(), "/c/keymend/keymend.toml");
    assert_eq!(file(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "c")]).unwrap(), "/h/.config/keymend/keymend.toml");
    assert_eq!(file(&[("HOME", "h"), ("XDG_CONFIG_HOME", "")]), None);
}

#[test]
fn every_setting_is_an_option_and_stands_in_the_docs() {
    let docs = include_str!("../../../docs/settings.md");
    let program = Cli::command();
    let mut rows = 0;
    for setting in &SETTINGS {
        let takes = |command: &clap::Command| {
            command.get_arguments().any(|argument| argument.get_long() == Some(setting.name))
        };
        assert!(program.get_subcommands().any(takes), "{}", setting.name);
        let row = format!("| `{}` | `{}` | {} |\n", setting.name, setting.variable(), setting.about);
        assert!(docs.contains(&row), "{row}");
        rows += 1;
    }
    for (name, about) in VARIABLES {
        let row = format!("| `{name}` | {about} |\n");
        assert!(docs.contains(&row), "{row}");
    }
    assert_eq!(docs.matches("| `KEYMEND_").count(), rows + 1, "no other but that of the pager");
    for never in ["yes", "allow-blocked", "endpoint-url", "profile", "sandbox", "journal", "prune-orphans"] {
        assert!(SETTINGS.iter().all(|setting| setting.name != never), "{never}");
    }
}
