//! Words that people know from elsewhere, and what is meant by them here.

/// Commands of other programs, with what to run.
const COMMANDS: [(&[&str], &str); 9] = [
    (
        &["diff", "preview", "dry-run", "dryrun", "what-if"],
        "`keymend plan` shows what would be written, and writes nothing",
    ),
    (
        &["validate", "test", "verify", "explain", "why", "who", "can-i", "simulate", "audit"],
        "`keymend check` tells whether somebody can launch, and what decides it",
    ),
    (&["undo", "revert", "restore", "destroy", "back"], "`keymend rollback` undoes a run"),
    (
        &["status", "list", "ls", "history", "runs", "log"],
        "`keymend rollback --list` shows the runs and where each stands",
    ),
    (
        &["show", "inspect"],
        "`keymend apply PLAN --dry-run` shows a saved plan; `keymend rollback --list` the runs",
    ),
    (&["mend", "repair", "grant", "allow", "share", "run"], "`keymend fix` plans, shows, asks and writes"),
    (&["resume", "continue"], "`keymend fix --resume` finishes the last run, which was cut"),
    (
        &["policy", "iam"],
        "`keymend permissions` prints the IAM policy that the operator needs; `keymend patch` patches policies in files",
    ),
    (
        &["sandbox", "demo", "tutorial", "init"],
        "`keymend fix --sandbox` shows the whole job on a made-up pair of accounts",
    ),
];

/// Options of other programs, without their dashes; with the option that is meant, and what it takes.
const OPTIONS: [(&[&str], &str, &str); 18] = [
    (
        &[
            "role",
            "roles",
            "role-arn",
            "user",
            "user-arn",
            "principals",
            "principal-arn",
            "iam-role",
            "grantee",
        ],
        "principal",
        "a user or role is given by its ARN: --principal ARN",
    ),
    (
        &["role-name", "user-name", "role-session"],
        "principal",
        "a user or role is given by its ARN: --principal ARN",
    ),
    (
        &["account-id", "account-ids", "accounts", "requester", "target-account"],
        "account",
        "--account ID, once for each account",
    ),
    (&["groups", "group-name", "group-arn", "iam-group"], "group", "--group ARN"),
    (
        &["key-id", "key-ids", "key-arn", "keys", "kms-key", "kms-key-id", "cmk", "alias", "alias-name"],
        "key",
        "--key takes an ARN, an id, alias/NAME or an alias's ARN",
    ),
    (&["image", "images", "image-id", "image-ids", "amis", "ami-id"], "ami", "--ami ID"),
    (&["snapshot-id", "snapshot-ids", "snapshots"], "snapshot", "--snapshot ID"),
    (&["volume-id", "volume-ids", "volumes"], "volume", "--volume ID"),
    (&["instance-id", "instance-ids", "instances"], "instance", "--instance ID"),
    (
        &["asg", "asg-name", "auto-scaling-group-name", "autoscaling-group"],
        "auto-scaling-group",
        "--auto-scaling-group NAME",
    ),
    (
        &["template", "launch-template-id", "launch-template-name"],
        "launch-template",
        "--launch-template ID or NAME, with :VERSION where it is not the default one",
    ),
    (&["org", "org-id", "organization-id"], "organization", "--organization ID or ARN"),
    (
        &["auto-approve", "assume-yes", "no-confirm", "force", "approve"],
        "yes",
        "--yes applies without asking",
    ),
    (
        &["dryrun", "plan", "what-if", "no-execute", "check-only"],
        "dry-run",
        "--dry-run shows the plan and writes nothing",
    ),
    (&["json", "format", "output-format"], "output", "--output json"),
    (&["silent"], "quiet", "--quiet"),
    (&["debug", "trace", "log-level"], "verbose", "-v tells of every call"),
    (&["region-name", "regions"], "region", "--region REGION"),
];

/// What a word is taken for that is no command.
pub(super) fn of_command(word: &str) -> Option<&'static str> {
    COMMANDS.iter().find(|(words, _)| words.contains(&word)).map(|(_, meant)| *meant)
}

/// The option that is meant by one that does not exist, and how it is given.
pub(super) fn of_option(word: &str) -> Option<(&'static str, &'static str)> {
    let word = word.trim_start_matches('-').replace('_', "-").to_ascii_lowercase();
    OPTIONS
        .iter()
        .find(|(words, ..)| words.contains(&word.as_str()))
        .map(|(_, option, meant)| (*option, *meant))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    fn has(command: &clap::Command, option: &str) -> bool {
        command.get_arguments().any(|argument| argument.get_long() == Some(option))
    }

    /// Whether some command has an option.
    fn exists(option: &str) -> bool {
        Cli::command().get_subcommands().any(|command| has(command, option))
    }

    #[test]
    fn what_is_meant_exists_and_the_words_do_not() {
        let program = Cli::command();
        for (words, meant) in COMMANDS {
            for word in words {
                assert!(program.find_subcommand(word).is_none(), "{word}");
            }
            for line in meant.split('`').skip(1).step_by(2) {
                let mut parts = line.split(' ').skip(1);
                assert!(program.find_subcommand(parts.next().unwrap()).is_some(), "{line}");
                for option in parts.filter_map(|part| part.strip_prefix("--")) {
                    assert!(exists(option), "{line}");
                }
            }
        }
        for (words, option, meant) in OPTIONS {
            assert!(exists(option), "{option}");
            assert!(meant.contains(&format!("--{option}")) || option == "verbose", "{meant}");
            // A command that has what is meant has nothing under the words.
            for command in program.get_subcommands().filter(|command| has(command, option)) {
                assert!(!words.iter().any(|word| has(command, word)), "{words:?}");
            }
        }
    }

    #[test]
    fn dashes_and_case_do_not_matter() {
        for word in ["--role", "--Role", "-role", "--ROLE_ARN"] {
            assert_eq!(of_option(word).unwrap().0, "principal", "{word}");
        }
        assert_eq!((of_option("--frobnicate"), of_command("frobnicate")), (None, None));
    }
}
