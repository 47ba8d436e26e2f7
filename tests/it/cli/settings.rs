//! What is set in a file and by variables.

use std::fs;

use crate::scene::{Ran, Scene};

/// A scene whose user has a file of settings.
fn with_file(text: &str) -> Scene {
    let scene = Scene::of("copied-ami");
    let folder = scene.path("home/.config/keymend");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("keymend.toml"), text).unwrap();
    scene
}

fn with_variables(scene: &Scene, arguments: &str, variables: &[(&str, &str)]) -> Ran {
    scene.run_command(scene.command(arguments).envs(variables.iter().copied()), arguments)
}

#[test]
fn a_file_of_the_users_own_counts_and_one_in_the_working_folder_does_not() {
    let scene = with_file("policy-name = \"Ours\"\n");
    let plan = "plan --sandbox=world.json";
    assert!(scene.run(plan).stdout.contains("create the policy Ours"));
    fs::write(scene.path("keymend.toml"), "policy-name = \"Theirs\"\n").unwrap();
    assert!(scene.run(plan).stdout.contains("create the policy Ours"));
    assert!(scene.run(&format!("{plan} --config keymend.toml")).stdout.contains("create the policy Theirs"));
    assert!(scene.run(&format!("--config=keymend.toml {plan}")).stdout.contains("create the policy Theirs"));
    assert!(
        scene
            .run(&format!("{plan} --config /dev/null"))
            .stdout
            .contains("create the policy KmsKeyUsagePolicy")
    );
    let elsewhere = [("XDG_CONFIG_HOME", "home/.config")];
    assert!(
        with_variables(&scene, plan, &elsewhere).stdout.contains("create the policy Ours"),
        "a relative folder is none"
    );
    fs::create_dir_all(scene.path("config/keymend")).unwrap();
    fs::write(scene.path("config/keymend/keymend.toml"), "policy-name = \"Elsewhere\"\n").unwrap();
    let folder = scene.path("config").display().to_string();
    let there = with_variables(&scene, plan, &[("XDG_CONFIG_HOME", &folder)]);
    assert!(there.stdout.contains("create the policy Elsewhere"), "{there}");
}

#[test]
fn verbose_tells_what_sets_what() {
    let scene = with_file(
        "policy-name = \"Ours\"\ncoverage = \"named\"\ncolor = \"never\"\n[account-profile]\n444455556666 = \"prod\"\n",
    );
    let arguments = "plan --sandbox=world.json -v --coverage named --read-timeout 7";
    let ran = with_variables(&scene, arguments, &[("KEYMEND_COLOR", "always"), ("KEYMEND_YES", "1")]);
    let told: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("setting")).collect();
    let file = "FOLDER/home/.config/keymend/keymend.toml";
    assert_eq!(
        told,
        [
            "\u{1b}[1m\u{1b}[33mwarning:\u{1b}[0m the variable KEYMEND_YES is no setting, and has no effect",
            " INFO setting color: always, by KEYMEND_COLOR",
            " INFO setting coverage: as typed, by --coverage",
            &format!(" INFO setting policy-name: Ours, by `{file}`, line 1"),
            " INFO setting read-timeout: as typed, by --read-timeout",
            &format!(" INFO setting account-profile: 444455556666=prod, by `{file}`, line 5"),
        ],
        "{ran}"
    );
    assert!(!scene.run("plan --sandbox=world.json").stderr.contains("setting"), "only with -v");
}

#[test]
fn nothing_that_approves_can_be_set() {
    for text in [
        "yes = true\n",
        "allow-blocked = true\n",
        "endpoint-url = \"http://localhost\"\n",
        "coverage = 1\n",
        "x",
    ] {
        let scene = with_file(text);
        let before = scene.content();
        for command in
            ["fix --sandbox=world.json", "fix --sandbox=world.json --yes", "patch --account 444455556666"]
        {
            let ran = scene.run(command);
            assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran}");
            assert!(
                ran.stderr.contains("keymend.toml`, line 1: ") && ran.stderr.contains("\nhint: "),
                "{ran}"
            );
            assert_eq!(scene.content(), before);
        }
        let document = scene.run("fix --sandbox=world.json --yes -o json").json();
        super::assert_valid(&document);
        assert_eq!(document["outcome"], "failed");
        for command in ["version", "completions bash", "--help"] {
            assert_eq!(scene.run(command).status, 0, "{command} needs no settings");
        }
    }
    let yes = [("KEYMEND_YES", "true"), ("KEYMEND_DRY_RUN", "false")];
    assert_eq!(with_variables(&Scene::of("copied-ami"), "fix --sandbox=world.json", &yes).status, 5);
    let ran = Scene::of("copied-ami").run("plan --sandbox=world.json --config nowhere.toml");
    assert!(ran.status == 2 && ran.stderr.contains("`nowhere.toml` can't be read"), "{ran}");
}

#[test]
fn json_by_a_variable_is_json() {
    let scene = Scene::of("copied-ami");
    let ran = with_variables(&scene, "plan --sandbox=world.json", &[("KEYMEND_OUTPUT", "json")]);
    super::assert_valid(&ran.json());
    let typed =
        with_variables(&scene, "plan --sandbox=world.json --output text", &[("KEYMEND_OUTPUT", "json")]);
    assert_eq!(typed.stdout, scene.fix("--dry-run").stdout);
    let table = with_variables(&scene, "check --sandbox=world.json -o table", &[("KEYMEND_OUTPUT", "json")]);
    assert!(table.stdout.starts_with("ACCESS "), "{table}");
}
