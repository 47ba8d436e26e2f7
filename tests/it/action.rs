//! The GitHub Action: its metadata, and its scripts as the metadata has them run, with a `gh` that keeps comments in a file.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::deploy::{is_clean, parsed};
use crate::moto;
use crate::packages::{TAG, packed};
use crate::scene::Scene;
use crate::wire_emit::told;

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Sid": "Root", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"}]}"#;
const GRANTEE: &str = "--account\n444455556666\n";

/// A runner with a workspace.
struct Runner {
    scene: Scene,
}

/// What a step left.
struct Ran {
    status: i32,
    log: String,
    summary: String,
    outputs: BTreeMap<String, String>,
}

impl Runner {
    fn new() -> Self {
        let scene = Scene::with_text(
            fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/docs/world.json")).unwrap(),
        );
        for folder in ["bin", "temp", "gh"] {
            fs::create_dir(scene.path(folder)).unwrap();
        }
        let runner = Self { scene };
        let gh = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/gh.py");
        runner.program("gh", &format!("exec '{}' '{gh}' \"$@\"", moto::program("python").display()));
        runner
    }

    fn program(&self, name: &str, body: &str) -> PathBuf {
        let file = self.scene.path(&format!("bin/{name}"));
        fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    /// Runs the action's step as a runner does: its command in a shell, its variables with what they stand for.
    fn step(&self, id: &str, inputs: &[(&str, &str)]) -> Ran {
        let action = &parsed("action.yml")[0];
        let steps = action["runs"]["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["id"] == id).unwrap();
        let given = |name: &str| {
            let default = action["inputs"][name]["default"].as_str().unwrap().to_owned();
            inputs.iter().find(|(known, _)| *known == name).map_or(default, |(_, value)| (*value).to_owned())
        };
        let value = |expression: &str| match expression {
            "${{ github.action_ref }}" => "main".to_owned(),
            "${{ github.action_repository }}" => "owner/keymend".to_owned(),
            "${{ github.event.pull_request.number }}" => "17".to_owned(),
            "${{ inputs.token }}" => "the token".to_owned(),
            "${{ inputs.program || steps.install.outputs.program }}" => given("program"),
            input => given(input.strip_prefix("${{ inputs.").unwrap().strip_suffix(" }}").unwrap()),
        };
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"].as_str().unwrap()]);
        let path = format!("{}:/usr/bin:/bin", self.scene.path("bin").display());
        command
            .current_dir(self.scene.path(""))
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.scene.path("home"));
        for (name, expression) in step["env"].as_object().unwrap() {
            command.env(name, value(expression.as_str().unwrap()));
        }
        let files = ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH"]
            .map(|name| (name, self.scene.path(&format!("temp/{name}"))));
        for (name, file) in &files {
            fs::write(file, "").unwrap();
            command.env(name, file);
        }
        command
            .env("GITHUB_ACTION_PATH", env!("CARGO_MANIFEST_DIR"))
            .env("RUNNER_TEMP", self.scene.path("temp"));
        command.env("FAKE_GH", self.scene.path("gh"));
        for (name, value) in [
            ("GITHUB_REPOSITORY", "owner/infrastructure"),
            ("GITHUB_WORKFLOW", "policies --> $(touch pwned)"),
            ("GITHUB_JOB", "check"),
            ("GITHUB_ACTION", "keymend"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_RUN_ID", "42"),
        ] {
            command.env(name, value);
        }
        let output = command.output().unwrap();
        let read = |name: &str| fs::read_to_string(self.scene.path(&format!("temp/{name}"))).unwrap();
        Ran {
            status: output.status.code().unwrap(),
            log: told(&output),
            summary: read("GITHUB_STEP_SUMMARY"),
            outputs: outputs(&read("GITHUB_OUTPUT")),
        }
    }

    fn run(&self, inputs: &[(&str, &str)]) -> Ran {
        let program = [("program", env!("CARGO_BIN_EXE_keymend"))];
        self.step("run", &[&program, inputs].concat())
    }

    fn comments(&self) -> Vec<Value> {
        let kept = fs::read(self.scene.path("gh/comments.json"));
        kept.map(|text| serde_json::from_slice(&text).unwrap()).unwrap_or_default()
    }
}

/// `NAME=VALUE`, and `NAME<<END` with the value up to a line that is the end.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let (mut outputs, mut lines) = (BTreeMap::new(), text.lines());
    while let Some(line) = lines.next() {
        if let Some((name, end)) = line.split_once("<<") {
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            outputs.insert(name.to_owned(), value.join("\n"));
        } else {
            let (name, value) = line.split_once('=').unwrap();
            outputs.insert(name.to_owned(), value.to_owned());
        }
    }
    outputs
}

#[test]
fn the_metadata_and_the_scripts_are_clean() {
    let schema = ["--builtin-schema", "vendor.github-actions"];
    is_clean("check-jsonschema", &schema, "action.yml", "using: composite", "using: composed");
    is_clean("shellcheck", &[], "scripts/action.sh", "\"$report\" \"$output\"", "$report \"$output\"");
    is_clean(
        "shellcheck",
        &[],
        "scripts/action-install.sh",
        "\"$folder/$name/keymend\" --version",
        "$folder/$name/keymend --version",
    );
    let action = &parsed("action.yml")[0];
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml")).unwrap();
    for step in action["runs"]["steps"].as_array().unwrap() {
        assert!(
            !step["run"].as_str().unwrap().contains("${{"),
            "what is given is never a part of a script: {step}"
        );
    }
    for input in action["inputs"].as_object().unwrap().keys() {
        assert!(text.contains(&format!("inputs.{input}")), "{input} goes nowhere");
        let documented =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/github-action.md")).unwrap();
        assert!(documented.contains(&format!("| `{input}` |")), "{input} is not in docs/github-action.md");
    }
}

#[test]
fn policies_are_checked_by_patterns_and_odd_names_are_names() {
    let runner = Runner::new();
    fs::create_dir_all(runner.scene.path("in fra/policies")).unwrap();
    let names = [
        "policies/a b.json",
        "policies/$(touch pwned).json",
        "policies/x\ny.json",
        "-q",
        "policies/`touch pwned`;.json",
    ];
    for name in names {
        fs::write(runner.scene.path("in fra").join(name), POLICY).unwrap();
    }
    let ran =
        runner.run(&[("args", GRANTEE), ("files", "policies/*.json\n-q\n"), ("working-directory", "in fra")]);
    assert_eq!((ran.status, ran.outputs["exit-status"].as_str()), (3, "3"), "{}", ran.log);
    let log: Value = serde_json::from_slice(&fs::read(&ran.outputs["sarif"]).unwrap()).unwrap();
    let places = log["runs"][0]["results"].as_array().unwrap().iter().map(|result| {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap()
    });
    let mut places: Vec<&str> = places.collect();
    places.sort_unstable();
    assert_eq!(
        places,
        [
            "in%20fra/-q",
            "in%20fra/policies/%24%28touch%20pwned%29.json",
            "in%20fra/policies/%60touch%20pwned%60%3B.json",
            "in%20fra/policies/a%20b.json",
            "in%20fra/policies/x%0Ay.json"
        ]
    );
    assert!(
        ran.summary.starts_with("## keymend patch\n\nExit status 3.\n\n```text\n")
            && ran.summary.ends_with("\n```\n"),
        "{}",
        ran.summary
    );
    assert!(ran.summary.contains("would patch in fra/policies/x\\ny.json"), "{}", ran.summary);
    assert_eq!(fs::read_to_string(&ran.outputs["report"]).unwrap(), ran.summary);
    assert!(!runner.scene.path("pwned").exists() && !runner.scene.path("in fra/pwned").exists());
    assert!(runner.comments().is_empty());

    // Only what is asked for fails the step.
    for (fail_on, status) in [("any", 3), ("1 3", 3), ("1 2 4", 0)] {
        let inputs = [("args", GRANTEE), ("files", "in fra/-q"), ("fail-on", fail_on)];
        assert_eq!(runner.run(&inputs).status, status, "{fail_on}");
    }
    for (inputs, why) in [
        (vec![("files", "in fra/*.yaml")], "no file matches"),
        (vec![("files", "")], "names no file"),
        (vec![("files", "in fra/-q"), ("fail-on", "3; touch pwned")], "fail-on"),
        (vec![("command", "apply")], "none of patch, check and fix"),
        (vec![("working-directory", "nowhere")], "no folder"),
    ] {
        let ran = runner.run(&inputs);
        assert!(
            ran.status == 2 && ran.log.contains("::error::keymend: ") && ran.log.contains(why),
            "{}",
            ran.log
        );
        assert!(ran.outputs.is_empty());
    }
}

#[test]
fn nothing_that_is_printed_commands_the_runner() {
    let runner = Runner::new();
    let program = runner.program(
        "keymend-of-a-test",
        "echo '  ::error::mine'; echo '````'; echo '::set-output name=a::b' >&2; exit 4",
    );
    let ran = runner.step("run", &[("program", program.to_str().unwrap()), ("command", "check")]);
    let lines: Vec<&str> = ran.log.lines().collect();
    let token = lines[0].strip_prefix("::stop-commands::").unwrap();
    assert_eq!((token.len(), lines.last().unwrap()), (32, &format!("::{token}::").as_str()), "{}", ran.log);
    assert_eq!(
        ran.summary,
        "## keymend check\n\nExit status 4.\n\n`````text\n  ::error::mine\n````\n::set-output name=a::b\n`````\n"
    );
    assert_eq!((ran.status, ran.outputs["sarif"].as_str()), (4, ""));
}

#[test]
fn a_dry_run_is_reported_and_its_comment_is_kept_up_to_date() {
    let runner = Runner::new();
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let args = format!(
        "--sandbox=world.json\n--key\n{key}\n--principal\narn:aws:iam::444455556666:role/app-instances\n"
    );
    let before = fs::read(runner.scene.path("world.json")).unwrap();
    let inputs = [("command", "fix"), ("args", &args), ("comment", "true")];
    // Somebody else's comment that looks like it is left alone.
    let marker = || -> String {
        let body = runner.comments().pop().unwrap()["body"].as_str().unwrap().to_owned();
        body.lines().next().unwrap().to_owned()
    };
    let first = runner.run(&inputs);
    assert_eq!(first.status, 3, "{}", first.log);
    assert_eq!(fs::read(runner.scene.path("world.json")).unwrap(), before);
    assert!(first.summary.starts_with("# Access to KMS keys for launching instances\n"), "{}", first.summary);
    assert_eq!(runner.comments().len(), 1, "{}", first.log);
    assert_eq!(runner.comments()[0]["body"], format!("{}\n{}", marker(), first.summary));
    assert!(
        marker().starts_with("<!-- keymend ") && marker().ends_with(" -->") && !marker().contains("pwned")
    );

    let theirs = json!({"id": 7, "user": {"login": "mallory"}, "body": marker()});
    let both = json!([theirs, runner.comments()[0]]);
    fs::write(runner.scene.path("gh/comments.json"), both.to_string()).unwrap();
    let fixed = Command::new(env!("CARGO_BIN_EXE_keymend"))
        .arg("fix")
        .args(args.lines())
        .arg("--yes")
        .current_dir(runner.scene.path(""))
        .env("HOME", runner.scene.path("home"))
        .output()
        .unwrap();
    assert!(fixed.status.success(), "{}", told(&fixed));
    let second = runner.run(&inputs);
    assert_eq!(second.status, 0, "{}", second.log);
    let comments = runner.comments();
    assert_eq!((comments.len(), &comments[0]), (2, &theirs));
    assert_eq!(comments[1]["body"], format!("{}\n{}", marker(), second.summary));
    assert_ne!(first.summary, second.summary);

    // Where the token may not write, the run is what it is, and that is told.
    fs::write(runner.scene.path("gh/refused"), "").unwrap();
    let refused = runner.run(&inputs);
    assert!(
        refused.status == 0 && refused.log.contains("::warning::keymend: the comment"),
        "{}",
        refused.log
    );
    let checked = runner.run(&[("command", "check"), ("args", &args)]);
    assert!(checked.status == 0 && checked.summary.contains("```text\n"), "{}", checked.log);
}

#[test]
fn what_there_is_no_room_for_is_counted_and_fences_are_closed() {
    let runner = Runner::new();
    let program = runner.program(
        "long",
        "i=0; while [ $i -lt 40000 ]; do echo \"line $i of a long report, ä\"; i=$((i + 1)); done; exit 3",
    );
    let inputs = [("program", program.to_str().unwrap()), ("command", "check"), ("comment", "true")];
    let ran = runner.step("run", &inputs);
    let comment = runner.comments()[0]["body"].as_str().unwrap().to_owned();
    assert_eq!(fs::read_to_string(&ran.outputs["report"]).unwrap().lines().count(), 40000 + 6);
    for (text, most, more) in [(&ran.summary, 1 << 20, "output report"), (&comment, 65536, "actions/runs/42")]
    {
        assert!(text.len() > most * 9 / 10 && text.len() < most, "{}", text.len());
        let (shown, rest) = text.rsplit_once("\n```\n\n**Left out: the last ").unwrap();
        assert!(rest.contains(more), "{rest}");
        let left: usize = rest.split(' ').next().unwrap().parse().unwrap();
        let report = shown.lines().filter(|line| !line.starts_with("<!--")).count();
        assert_eq!(left + report, 40000 + 6);
    }
}

#[test]
fn a_release_is_installed_where_its_digest_is_right() {
    let runner = Runner::new();
    let dist = packed(&runner.scene.path("gh"));
    fs::create_dir(runner.scene.path("gh/releases")).unwrap();
    fs::rename(&dist, runner.scene.path("gh/releases").join(TAG)).unwrap();
    fs::rename(runner.scene.path("gh/releases"), runner.scene.path("gh/dist")).unwrap();
    let ran = runner.step("install", &[("version", TAG)]);
    assert_eq!(ran.status, 0, "{}", ran.log);
    let program = &ran.outputs["program"];
    let version = Command::new(program).arg("--version").output().unwrap();
    assert_eq!(
        String::from_utf8(version.stdout).unwrap(),
        format!("keymend {}\n", env!("CARGO_PKG_VERSION"))
    );
    let path = fs::read_to_string(runner.scene.path("temp/GITHUB_PATH")).unwrap();
    assert_eq!(Path::new(path.trim_end()), Path::new(program).parent().unwrap());

    for (version, why) in [
        ("", "give the input version"),
        ("v1.2.3; touch pwned", "give the input version"),
        ("v0.0.9", "release not found"),
    ] {
        let ran = runner.step("install", &[("version", version)]);
        assert!(ran.status != 0 && ran.log.contains(why) && ran.outputs.is_empty(), "{}", ran.log);
    }
    let folder = runner.scene.path("gh/dist").join(TAG);
    for archive in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        if archive.to_str().unwrap().ends_with(".tar.gz") {
            fs::copy(runner.scene.path("world.json"), archive).unwrap();
        }
    }
    let ran = runner.step("install", &[("version", TAG)]);
    assert!(ran.status != 0 && ran.log.contains("FAILED") && ran.outputs.is_empty(), "{}", ran.log);
    fs::write(folder.join("SHA256SUMS"), "").unwrap();
    let ran = runner.step("install", &[("version", TAG)]);
    assert!(ran.status != 0 && ran.log.contains("does not name") && ran.outputs.is_empty(), "{}", ran.log);
}
