//! What people are used to from other programs.

use std::fmt::Write as _;

use serde_json::json;

use crate::scene::{Ran, Scene};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROLE: &str = "arn:aws:iam::444455556666:role/app-instances";

#[test]
fn the_version_by_flag_and_by_word() {
    let scene = Scene::of("copied-ami");
    let (word, flag) = (scene.run("version"), scene.run("--version"));
    assert_eq!((word.status, &word.stdout, word.stderr.as_str()), (0, &flag.stdout, ""));
    assert_eq!(word.stdout, format!("keymend {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn plan_is_a_dry_run_whatever_else_is_said() {
    let scene = Scene::of("copied-ami");
    let before = scene.content();
    let dry = scene.fix("--dry-run");
    for arguments in [
        "plan --sandbox=world.json",
        "plan --sandbox=world.json --yes",
        "plan --sandbox=world.json --dry-run",
        "fix --sandbox=world.json --yes --dry-run",
        "fix --sandbox=world.json --dry-run -y",
    ] {
        let ran = scene.run(arguments);
        assert_eq!((ran.status, &ran.stdout), (0, &dry.stdout), "{arguments}");
        assert_eq!(scene.content(), before, "{arguments}: nothing is written");
    }
    assert_eq!(scene.run("plan --sandbox=world.json --detailed-exitcode").status, 3);
    let document = scene.run("plan --sandbox=world.json --yes -o json").json();
    super::assert_valid(&document);
    assert_eq!((&document["command"], &document["outcome"]), (&json!("fix"), &json!("planned")));
    assert_eq!(scene.run("plan --sandbox=world.json --out plan.json").status, 0);
    let saved = scene.content();
    for arguments in [
        "apply plan.json --sandbox=world.json --yes --dry-run",
        "rollback --sandbox=world.json --yes --dry-run",
    ] {
        assert_eq!(scene.run(arguments).status, 0, "{arguments}");
        assert_eq!(scene.content(), saved, "{arguments}: nothing is written");
    }
}

#[test]
fn accounts_as_the_console_shows_them() {
    let scene = Scene::of("copied-ami");
    for (console, plain) in [
        (
            "plan --sandbox=world.json --account 4444-5555-6666",
            "plan --sandbox=world.json --account 444455556666",
        ),
        (
            "plan --sandbox=world.json --autoscaling 4444-5555-6666:blue",
            "plan --sandbox=world.json --autoscaling 444455556666:blue",
        ),
        ("plan --sandbox=world.json --spot 4444-5555-6666", "plan --sandbox=world.json --spot 444455556666"),
        ("plan --sandbox=world.json --grantees console", "plan --sandbox=world.json --account 444455556666"),
        ("permissions --account 4444-5555-6666", "permissions --account 444455556666"),
        ("patch --account 4444-5555-6666 policy.json", "patch --account 444455556666 policy.json"),
    ] {
        std::fs::write(scene.path("console"), "4444-5555-6666 # theirs\n").unwrap();
        std::fs::write(scene.path("policy.json"), r#"{"Statement": []}"#).unwrap();
        let (ran, known) = (scene.run(console), scene.run(plain));
        assert_eq!((ran.status, ran.stdout), (known.status, known.stdout), "{console}");
    }
    assert_eq!(scene.run("plan --sandbox=world.json --out plan.json").status, 0);
    let part = |account| {
        scene.run(&format!("apply plan.json --sandbox=world.json --account {account} --dry-run")).stdout
    };
    assert_eq!(part("1111-2222-3333"), part("111122223333"));
    for (wrong, hint) in [
        ("--principal 4444-5555-6666", "hint: give --account 444455556666\n"),
        ("--organization 4444-5555-6666", "hint: give --account 444455556666\n"),
        ("--ou 4444-5555-6666", "hint: give --account 444455556666\n"),
        ("--account 4444-5555-66666", "`4444-5555-66666` is not an account id of 12 digits"),
        ("--account 444455556666 --account-profile 4444-5555-6666=", "is not ACCOUNT=PROFILE"),
    ] {
        let ran = scene.run(&format!("plan --key {KEY} {wrong}"));
        assert!(ran.status == 2 && ran.stderr.contains(hint), "{ran}");
    }
    let twice = "--account-profile 4444-5555-6666=a --account-profile 444455556666=b";
    let ran = scene.run(&format!("plan --key {KEY} --account 444455556666 {twice}"));
    assert!(ran.stderr.contains("two profiles are given for account 444455556666"), "{ran}");
}

#[test]
fn words_and_flags_from_elsewhere_lead_to_ours() {
    let scene = Scene::of("copied-ami");
    let mut said = String::new();
    for arguments in [
        "diff",
        "validate",
        "undo",
        "status",
        "list",
        "show",
        "fx",
        "fix --accounts 444455556666",
        "fix --role app",
        "check --user jo",
        "fix --principals app",
        "fix --region-name eu-west-1",
        "fix --dryrun",
        "fix --no-colour",
        "apply plan.json --auto-approve",
        "permissions --role app",
        "fix --frobnicate",
    ] {
        let ran = scene.run(arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran}");
        writeln!(said, "$ keymend {arguments}\n{}", ran.stderr).unwrap();
    }
    insta::assert_snapshot!(said);
    let document = scene.run("fix --role app -o json").json();
    super::assert_valid(&document);
    assert_eq!(document["error"]["hint"], "a user or role is given by its ARN: --principal ARN");
}

#[test]
fn tables_where_there_is_a_list() {
    let scene = Scene::of("copied-ami");
    let check = format!("check --sandbox=world.json --principal {ROLE} --account 444455556666");
    let mut said = scene.run(&format!("{check} -o table")).stdout;
    assert_eq!(scene.fix("--yes").status, 0);
    assert_eq!(scene.run("rollback --sandbox=world.json --yes").status, 0);
    assert_eq!(scene.fix("--yes").status, 0);
    said.push_str(&scene.run(&format!("{check} --output=table")).stdout);
    let list = scene.run("rollback --sandbox=world.json --list -o table").stdout;
    let started = list.lines().nth(1).unwrap().split_whitespace().nth(1).unwrap();
    assert_eq!(started.len(), "2026-11-27T10:00:00.000Z".len(), "{list}");
    let columns: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(columns[0], ["RUN", "STARTED", "CHANGES", "STATE", "OF"]);
    assert_eq!(columns.len(), 4, "{list}");
    assert!(list.contains("  3        rolled back  -\n") && list.contains("undoes RUN-1\n"), "{list}");
    insta::assert_snapshot!(said);
    for (refused, told) in [
        ("fix --sandbox=world.json --output table", "there is no table of what this command shows"),
        ("apply plan.json --sandbox=world.json -o table", "there is no table of what this command shows"),
        ("rollback --sandbox=world.json -o table", "there is no table of what this command shows"),
        ("check --sandbox=world.json --users -o table", "there is no table of who may use a key"),
    ] {
        let ran = scene.run(refused);
        assert!(ran.status == 2 && ran.stdout.is_empty() && ran.stderr.contains(told), "{ran}");
    }
    assert_eq!(Scene::of("copied-ami").run("rollback --sandbox=world.json --list -o table").stdout, "");
}

#[test]
fn colours_off_by_a_short_word() {
    let scene = Scene::of("copied-ami");
    let ran = |arguments: &str| {
        let arguments = format!("plan --sandbox=world.json {arguments}");
        scene.run_command(scene.command(&arguments).env("CLICOLOR_FORCE", "1"), &arguments)
    };
    assert!(ran("").stdout.contains('\u{1b}'));
    assert!(!ran("--no-color").stdout.contains('\u{1b}'));
    assert_eq!(ran("--no-color --color always").status, 2);
}

#[test]
fn quiet_is_quiet_until_something_is_wrong() {
    let scene = Scene::of("copied-ami");
    let (loud, quiet) = (scene.fix("--dry-run"), scene.fix("--dry-run -q"));
    assert!(loud.stderr.contains("Sandbox, nothing here touches AWS."), "{loud}");
    assert_eq!((quiet.status, quiet.stderr.as_str(), &quiet.stdout), (0, "", &loud.stdout));
    let applied = scene.fix("--yes --quiet");
    assert_eq!((applied.status, applied.stderr.as_str()), (0, ""));
    let again = scene.run(&format!("check --sandbox=world.json --quiet --account 444455556666 --key {KEY}"));
    assert_eq!(again.stderr, "");
    let refused = Scene::of("copied-ami").fix("--quiet");
    assert_eq!(refused.status, 5);
    assert_eq!(
        refused.stderr,
        "error: there is no terminal to ask on; nothing was written\n\
         hint: --yes applies without asking, --dry-run only shows the plan\n"
    );
    assert_eq!(scene.fix("-q -v --dry-run").status, 2, "one excludes the other");
    let patched = scene.run("patch -q --account 444455556666 --check policy.json");
    assert!(patched.stderr.starts_with("error: "), "{patched}");
}

#[test]
fn names_that_are_nearly_right_are_told_where_they_may_be_read() {
    let wrong = "--principal arn:aws:iam::444455556666:role/app-instnces --principal arn:aws:iam::444455556666:user/Deploier";
    let hint = "hint: there is no role `app-instnces` in account 444455556666; is `app-instances` meant?\n";
    let scene = Scene::of("copied-ami");
    for command in ["plan", "check"] {
        let ran = scene.run(&format!("{command} --sandbox=world.json {wrong}"));
        assert!(ran.status == 4 && ran.stderr.contains(hint), "{ran}");
        assert!(
            ran.stderr
                .contains("there is no user `Deploier` in account 444455556666; is `deployer` meant?\n"),
            "{ran}"
        );
    }
    let strange = scene.run("plan --sandbox=world.json --principal arn:aws:iam::444455556666:role/nobody");
    assert!(!strange.stderr.contains("meant"), "{strange}");
    scene.change(|world| world["callers"]["444455556666"]["denied"] = json!(["iam:ListRoles"]));
    let denied = scene.run(&format!("plan --sandbox=world.json {wrong}"));
    assert!(denied.status == 4 && !denied.stderr.contains("`app-instances` meant"), "{denied}");
    assert!(denied.stderr.contains("is `deployer` meant?"), "{denied}");
}

#[test]
fn one_policy_is_printed_as_it_is_taken_and_of_several_it_is_told() {
    let scene = Scene::of("copied-ami");
    let one = scene.run("permissions --account 4444-5555-6666");
    assert_eq!((one.status, one.stderr.as_str()), (0, ""), "{one}");
    assert!(one.json()["Statement"].is_array(), "{one}");
    let both = scene.run(&format!("permissions --account 444455556666 --key {KEY}"));
    assert_eq!((both.status, both.json().as_object().unwrap().len()), (0, 2));
    assert!(both.stderr.starts_with("hint: these are several policies, by account: "), "{both}");
}

#[test]
fn what_a_survey_reads_is_one_policy_for_all_accounts() {
    let scene = Scene::of("copied-ami");
    let resources = |ran: &Ran| ran.json()["Statement"][2]["Resource"][0].as_str().unwrap().to_owned();
    let any = scene.run("permissions --survey");
    assert_eq!(
        (any.status, any.stderr.as_str(), &*resources(&any)),
        (0, "", "arn:aws:kms:*:*:key/*"),
        "{any}"
    );
    let one = scene.run("permissions --survey --account 111122223333 --organizations");
    assert_eq!(resources(&one), "arn:aws:kms:*:111122223333:key/*");
    assert!(one.stdout.contains("organizations:ListAccounts"), "{one}");
    let both = scene.run("permissions --survey --account 111122223333 --account 444455556666");
    assert_eq!((both.status, both.json().as_object().unwrap().len()), (0, 2));
    assert!(both.stderr.contains("without --account one serves all of them"), "{both}");
    for other in
        ["--ami", "--dry-run", "--simulate", "--policy-name Other", "--service-linked-roles", "--key x"]
    {
        assert_eq!(scene.run(&format!("permissions --survey {other}")).status, 2, "{other}");
    }
}

#[test]
fn aliases_and_profiles_that_are_nearly_there_are_told_after_the_error() {
    let scene = Scene::of("copied-ami");
    for command in ["fix --dry-run", "check"] {
        let ran = scene.run(&format!("{command} --sandbox=world.json --key alias/ami-snapshos"));
        assert!(ran.stderr.ends_with("\nhint: is `ami-snapshots` meant?\n"), "{ran}");
        let ran = scene.run(&format!("{command} --sandbox=world.json --key alias/something-else"));
        assert!(ran.status == 1 && !ran.stderr.contains("meant?"), "{ran}");
    }
    std::fs::create_dir_all(scene.path("home/.aws")).unwrap();
    let profiles = "[profile launcher]\nregion=eu-west-1\n[profile key-owner]\nregion=eu-west-1\n";
    std::fs::write(scene.path("home/.aws/config"), profiles).unwrap();
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    for (profile, meant) in [("laucher", Some("launcher")), ("key-owner", None), ("somebody", None)] {
        let ran = scene.run(&format!("check --key {key} --account 444455556666 --profile {profile}"));
        let end = meant.map_or("--sandbox\n".to_owned(), |meant| format!("\nhint: is `{meant}` meant?\n"));
        assert!(ran.status == 1 && ran.stderr.ends_with(&end), "{ran}");
    }
}
