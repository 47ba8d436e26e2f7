//! What `deploy/` gives to engines, tried with the tools of each: shellcheck, cfn-lint, the schemas of Kubernetes, a parser of the
//! states language; and the commands in it, with this program.

mod watch;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use keymend::cli::FLEET_EXIT_STATUSES;
use serde_json::Value;

use crate::moto;
use crate::wire_emit::told;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn check(tool: &str, arguments: &[&str], file: &Path) -> Output {
    Command::new(moto::program(tool)).args(arguments).arg(file).output().unwrap()
}

/// A tool has nothing to say to a file, and something to what is made of it by a mistake.
pub(crate) fn is_clean(tool: &str, arguments: &[&str], name: &str, right: &str, wrong: &str) {
    let clean = check(tool, arguments, &file(name));
    assert!(clean.status.success(), "{name}: {}", told(&clean));
    let text = fs::read_to_string(file(name)).unwrap();
    assert!(text.contains(right), "{name}: {right}");
    let folder = tempfile::tempdir().unwrap();
    let mistaken = folder.path().join(Path::new(name).file_name().unwrap());
    fs::write(&mistaken, text.replacen(right, wrong, 1)).unwrap();
    let output = check(tool, arguments, &mistaken);
    assert!(!output.status.success(), "{name}, mistaken: {}", told(&output));
}

#[test]
fn each_file_is_clean_to_its_own_tool() {
    for (script, right, wrong) in [
        ("deploy/slurm/fleet.sbatch", "\"$@\"", "$@"),
        ("scripts/fleet-on-slurm.sh", "\"$keymend\" fleet", "$keymend fleet $unset"),
        ("scripts/container-image.sh", "cp \"$keymend\"", "cp $keymend"),
    ] {
        is_clean("shellcheck", &[], script, right, wrong);
    }
    is_clean("cfn-lint", &[], "deploy/batch/fleet.yaml", "Action: RETRY", "Action: AGAIN");
    let reporting = ("- ReportBatchItemFailures", "- ReportFailures");
    is_clean("cfn-lint", &[], "deploy/watch/watch.yaml", reporting.0, reporting.1);
    let all = ("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", "ENABLED_WITH_ALL_EVENTS");
    is_clean("cfn-lint", &[], "deploy/watch/member.yaml", all.0, all.1);
    let strict = ["--strict", "-k", "1.30"];
    let job = "deploy/kubernetes/fleet.yaml";
    is_clean("kubernetes-validate", &strict, job, "backoffLimitPerIndex: 6", "backoffLimitByIndex: 6");
    let states = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/states.py");
    let machine = "deploy/step-functions/fleet.asl.json";
    is_clean("python", &[states], machine, "\"ItemProcessor\"", "\"ItemProcess\"");
}

/// The documents of YAML as JSON, functions of CloudFormation as mappings.
pub(crate) fn parsed(name: &str) -> Vec<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/template.py");
    let output = check("python", &[script], &file(name));
    assert!(output.status.success(), "{}", told(&output));
    serde_json::Deserializer::from_slice(&output.stdout).into_iter().collect::<Result<_, _>>().unwrap()
}

fn words(list: &Value) -> Vec<String> {
    let word = |word: &Value| word.as_str().unwrap_or("ROLE").to_owned();
    list.as_array().unwrap().iter().map(word).collect()
}

/// The words of `States.Array(…)`, what is read from the input by its name.
fn array(intrinsic: &Value) -> Vec<String> {
    let words = intrinsic.as_str().unwrap().strip_prefix("States.Array(").unwrap().strip_suffix(')').unwrap();
    words.split(", ").map(|word| word.trim_matches('\'').to_owned()).collect()
}

/// Every command is one that this program takes: it comes as far as to look for the folder, which is not there.
#[test]
fn the_commands_are_commands_of_this_program() {
    let definition = &parsed("deploy/batch/fleet.yaml")[0]["Resources"]["JobDefinition"]["Properties"];
    let batch = words(&definition["ContainerProperties"]["Command"]);
    let container = &parsed("deploy/kubernetes/fleet.yaml")[0]["spec"]["template"]["spec"]["containers"][0];
    let kubernetes = [words(&container["command"]), words(&container["args"])].concat();
    let machine = fs::read_to_string(file("deploy/step-functions/fleet.asl.json")).unwrap();
    let machine: Value = serde_json::from_str(&machine).unwrap();
    let command = |task: &Value| array(&task["Parameters"]["ContainerOverrides"]["Command.$"]);
    let account = command(&machine["States"]["Apply"]["ItemProcessor"]["States"]["Account"]);
    let status = command(&machine["States"]["Status"]);
    let folder = tempfile::tempdir().unwrap();
    for (command, variables) in [
        (batch, vec![("AWS_BATCH_JOB_ARRAY_INDEX", "3"), ("AWS_BATCH_JOB_ARRAY_SIZE", "8")]),
        (kubernetes, vec![("JOB_COMPLETION_INDEX", "3")]),
        (account, vec![]),
        (status, vec![]),
    ] {
        let absent = folder.path().join("absent").display().to_string();
        let digest = "0".repeat(64);
        let given = |word: &String| match word.as_str() {
            "Ref::dir" | "$.dir" | "$.place.dir" | "/fleet" => absent.clone(),
            "Ref::digest" | "$.digest" | "DIGEST" => digest.clone(),
            "$.account" => "111122223333".to_owned(),
            "$.role" => "ROLE".to_owned(),
            _ => word.clone(),
        };
        let (program, arguments) = command.split_first().unwrap();
        assert_eq!(program, "keymend");
        let mut run = Command::new(env!("CARGO_BIN_EXE_keymend"));
        run.args(arguments.iter().map(given)).envs(variables).current_dir(folder.path());
        let output = run.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(1) && stderr.contains("absent"),
            "{command:?}: {}",
            told(&output)
        );
    }
}

/// The machine runs: of all records in the bucket each plan file becomes the job of its account, and the status is told at the
/// end.
#[test]
fn the_machine_gives_each_plan_file_a_job_of_its_own() {
    let script = file("tests/moto/machine.py");
    let records =
        ["fleet.json", "plans/111122223333.json", "plan/111122223333.json", "plans/444455556666.json"];
    let ran = Command::new(moto::program("python"))
        .args([&script, &file("deploy/step-functions/fleet.asl.json")])
        .args(records)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", told(&ran));
    let commands: Vec<Vec<String>> = serde_json::from_slice(&ran.stdout).unwrap();
    let dir = "--dir s3://amzn-s3-demo-bucket/fleets/2026.11";
    let job = |account: &str| {
        format!("keymend fleet apply {dir} --account {account} --assume-role-name ROLE --yes --digest DIGEST")
    };
    let wanted = [job("111122223333"), job("444455556666"), format!("keymend fleet status {dir}")];
    assert_eq!(commands.iter().map(|words| words.join(" ")).collect::<Vec<_>>(), wanted);
}

/// Another try is for what it may change: an incomplete shard, and a host that went away.
#[test]
fn what_is_tried_again_goes_by_the_exit_statuses() {
    let job = &parsed("deploy/kubernetes/fleet.yaml")[0]["spec"];
    let rules = job["podFailurePolicy"]["rules"].as_array().unwrap();
    let fails: Vec<u64> = rules
        .iter()
        .filter(|rule| rule["action"] == "FailIndex")
        .flat_map(|rule| rule["onExitCodes"]["values"].as_array().unwrap().iter().filter_map(Value::as_u64))
        .collect();
    let final_ones = FLEET_EXIT_STATUSES.iter().map(|(status, _)| u64::from(*status));
    let final_ones: Vec<u64> = final_ones.filter(|status| ![0, 7, 130].contains(status)).collect();
    assert_eq!(fails, final_ones);
    assert_eq!(rules[0]["onPodConditions"][0]["type"], "DisruptionTarget");
    // One number of shards in all places.
    let args = words(&job["template"]["spec"]["containers"][0]["args"]);
    let shards = args.iter().skip_while(|word| *word != "--shards").nth(1).unwrap();
    assert_eq!(
        [&job["completions"], &job["parallelism"]].map(ToString::to_string),
        [shards.clone(), shards.clone()]
    );

    let definition = &parsed("deploy/batch/fleet.yaml")[0]["Resources"]["JobDefinition"]["Properties"];
    let rules = definition["RetryStrategy"]["EvaluateOnExit"].as_array().unwrap();
    let retried: Vec<&Value> = rules.iter().filter(|rule| rule["Action"] == "RETRY").collect();
    assert_eq!(retried.len(), 2);
    assert_eq!(
        (&retried[0]["OnExitCode"], &retried[1]["OnStatusReason"]),
        (&"7".into(), &"Host EC2*".into())
    );
    assert!(rules[2..].iter().all(|rule| rule["Action"] == "EXIT"));
}
