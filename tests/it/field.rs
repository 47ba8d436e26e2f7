//! Situations of the field: what people reported in public, with the right answer and the AWS page that decides it.
//!
//! `fixtures/field/cases.json` is the table; `docs/field.md` tells it to people and is held against it here.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;

use crate::scene::{Ran, Scene};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const OTHER_KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/5678abcd-12ab-34cd-56ef-1234567890ab";

/// A situation with the runs that tell of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Situation {
    /// The folder of its files.
    folder: String,
    /// What people see.
    symptom: String,
    /// AWS's page that decides it.
    page: String,
    runs: Vec<Run>,
}

/// A run in a copy of the situation's folder.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    /// The arguments; `KEY` and `OTHER-KEY` stand for ARNs, `< FILE` for standard input.
    #[serde(rename = "run")]
    command: String,
    exit: i32,
    /// The right answer, in words.
    verdict: String,
    /// What the output has to say, line breaks apart.
    says: Vec<String>,
    /// What it must not say.
    #[serde(default)]
    never: Vec<String>,
}

fn situations() -> Vec<Situation> {
    serde_json::from_str(&fs::read_to_string(folder().join("cases.json")).unwrap()).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/field")
}

impl Run {
    fn carried_out(&self, folder: &Path) -> Ran {
        let scene = Scene::with_text("{}");
        for file in fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path();
            fs::copy(&file, scene.path(file.file_name().unwrap().to_str().unwrap())).unwrap();
        }
        let arguments = self.command.replace("OTHER-KEY", OTHER_KEY).replace("KEY", KEY);
        let (arguments, input) = arguments.split_once(" < ").unwrap_or((&arguments, ""));
        let mut command = scene.command(arguments);
        let input = match input {
            "" => Stdio::null(),
            file => fs::File::open(scene.path(file)).unwrap().into(),
        };
        scene.ran(command.stdin(input).output().unwrap(), &self.command)
    }
}

#[test]
fn every_situation_has_its_right_answer() {
    let mut wrong = String::new();
    for situation in situations() {
        for run in &situation.runs {
            let ran = run.carried_out(&folder().join(&situation.folder));
            let told = format!("{} {}", ran.stdout, ran.stderr);
            let words = told.split_whitespace().collect::<Vec<_>>().join(" ");
            let unsaid: Vec<&String> = run.says.iter().filter(|say| !words.contains(*say)).collect();
            let said: Vec<&String> = run.never.iter().filter(|say| words.contains(*say)).collect();
            if ran.status != run.exit || !unsaid.is_empty() || !said.is_empty() {
                writeln!(
                    wrong,
                    "{}: exit status {} for {}, not said {unsaid:?}, said {said:?}\n{ran}",
                    situation.folder, ran.status, run.exit
                )
                .unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The table is written from the cases: `KEYMEND_BLESS=1 cargo test --test it field` writes it anew.
#[test]
fn the_table_for_people_is_that_of_the_cases() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/field.md");
    let table = table();
    if std::env::var_os("KEYMEND_BLESS").is_some() {
        fs::write(&file, &table).unwrap();
    }
    assert_eq!(fs::read_to_string(file).unwrap(), table);
}

fn table() -> String {
    let mut text = "# Symptoms and verdicts\n\n\
        What people reported in public, as small models with made-up names, and what keymend says of each. \
        The files are in [fixtures/field](../fixtures/field), a folder for each; a test runs every command in a copy \
        of its folder. `KEY` stands for the key's ARN.\n"
        .to_owned();
    for Situation { folder, symptom, page, runs } in situations() {
        write!(text, "\n## {symptom}\n\n`{folder}`; [AWS's page]({page})\n\n").unwrap();
        text.push_str("| command | verdict | exit status |\n|---|---|---|\n");
        for Run { command, exit, verdict, .. } in runs {
            writeln!(text, "| `keymend {command}` | {verdict} | {exit} |").unwrap();
        }
    }
    text
}
