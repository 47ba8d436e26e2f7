//! What is completed beyond names of commands and options, as the shells ask for it.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::scene::Scene;

/// A folder with profiles, two worlds, a run on one of them, and files that are none.
fn scene() -> Scene {
    let scene = Scene::of("second-role");
    fs::create_dir(scene.path("home/.aws")).unwrap();
    let profiles =
        "[default]\n[profile launcher]\n[profile key-owner]\n[profile \"two words\"]\n[sso-session s]\n";
    fs::write(scene.path("home/.aws/config"), profiles).unwrap();
    fs::write(scene.path("home/.aws/credentials"), "[only-keys]\n").unwrap();
    fs::create_dir(scene.path("more")).unwrap();
    for name in ["more/other.json", "$(reboot).json", "a b.json"] {
        fs::copy(scene.path("world.json"), scene.path(name)).unwrap();
    }
    fs::write(scene.path("none.json"), "{}").unwrap();
    assert_eq!(scene.fix("--yes").status, 0);
    scene
}

/// What is offered for a line up to the cursor; `_` stands for nothing typed yet.
fn offered(scene: &Scene, words: &str) -> Vec<String> {
    let mut command = scene.command("__complete --");
    command.args(words.split(' ').map(|word| word.trim_matches('_')));
    let ran = scene.run_command(&mut command, words);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran}");
    ran.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn runs_profiles_and_worlds_are_offered_where_they_can_stand() {
    let scene = scene();
    let all = ["default", "key-owner", "launcher", "only-keys"].as_slice();
    let cases: &[(&str, &[&str])] = &[
        ("fix --profile _", all),
        ("fix --profile l", &["launcher"]),
        ("fix --profile=k", &["key-owner"]),
        ("fix --verify dry-run --as-profile o", &["only-keys"]),
        ("fix --account-profile 444455556666=", all),
        ("check --account-profile 444455556666=l", &["launcher"]),
        ("check --account-profile 4444", &[]),
        ("rollback --sandbox=world.json _", &["RUN-1"]),
        ("rollback --sandbox=world.json --forget 2", &["RUN-1"]),
        ("rollback --journal world.json.journal --sandbox=world.json --dry-run _", &["RUN-1"]),
        ("rollback --sandbox=world.json 3", &[]),
        ("rollback --sandbox=world.json --journal _", &[]),
        ("rollback --sandbox=nowhere.json _", &[]),
        ("rollback _", &[]),
        ("fix --sandbox=", &["home/", "more/", "world.json"]),
        ("fix --sandbox=w", &["world.json"]),
        ("fix --sandbox=more/", &["more/other.json"]),
        ("fix --sandbox=nowhere/", &[]),
        ("fix --sandbox w", &[]),
        ("fix _", &[]),
        ("nonsense --profile _", &[]),
        ("_", &[]),
    ];
    for (words, expected) in cases {
        assert_eq!(offered(&scene, words), *expected, "{words}");
    }
}

#[test]
fn what_bash_breaks_is_joined() {
    let scene = scene();
    assert_eq!(offered(&scene, "fix --account-profile 444455556666 = l"), ["launcher"]);
    assert_eq!(offered(&scene, "rollback --sandbox = world.json _"), ["RUN-1"]);
    assert_eq!(offered(&scene, "fix --sandbox = w"), ["world.json"]);
    assert_eq!(offered(&scene, "fix --sandbox ="), ["home/", "more/", "world.json"]);
    assert_eq!(offered(&scene, "fix --key arn : aws --profile l"), ["launcher"]);
}

/// The script as bash runs it when Tab is pressed.
#[test]
fn bash_takes_what_is_known_and_else_the_options() {
    let scene = scene();
    fs::create_dir(scene.path("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_keymend"), scene.path("bin/keymend")).unwrap();
    let replies = |words: &str| {
        let line = format!(
            "source <(keymend completions bash); COMP_WORDS=(keymend {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _keymend_known keymend \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"; complete -p keymend"
        );
        let direct = scene.command("");
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", &line]).current_dir(scene.path("")).env_clear();
        bash.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
        bash.env("PATH", format!("{}:/usr/bin:/bin", scene.path("bin").display()));
        let output = bash.output().unwrap();
        scene.shown(output.stdout)
    };
    let completes = "complete -o bashdefault -o default -F _keymend_known keymend\n";
    assert_eq!(replies("fix --account-profile 444455556666 = l"), format!("launcher\n{completes}"));
    assert_eq!(replies("rollback --sandbox = world.json ''"), format!("RUN-1\n{completes}"));
    assert_eq!(replies("fix --detailed"), format!("--detailed-exitcode\n{completes}"));
}
