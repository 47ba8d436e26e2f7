//! What `deploy/watch/` makes of `keymend watch`: what comes to it, and what it may do.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use clap::Parser as _;
use keymend::cli::{Cli, Command};
use keymend::cloud::aws::APP_NAME;
use keymend::commands::watch::queue::{Messages, OPTIONS};
use serde_json::{Value, json};

use super::{check, file, parsed};
use crate::scene::Scene;
use crate::wire_emit::told;

const TEMPLATE: &str = "deploy/watch/watch.yaml";
const OF_MEMBERS: &str = "deploy/watch/member.yaml";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn resource(template: &str, name: &str) -> Value {
    parsed(template)[0]["Resources"][name]["Properties"].clone()
}

/// The recorded events, each with whether it is one.
fn events() -> Vec<Value> {
    let batch = fs::read(file("fixtures/queue/batch.json")).unwrap();
    let batch: Messages = serde_json::from_slice(&batch).unwrap();
    batch.messages.iter().filter_map(|message| serde_json::from_str(&message.body).ok()).collect()
}

/// Whether a rule takes each event, as moto matches patterns.
fn taken(template: &str, rule: &str, events: &[Value]) -> Vec<bool> {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = format!("{}\n", resource(template, rule)["EventPattern"]);
    for event in events {
        writeln!(lines, "{event}").unwrap();
    }
    fs::write(folder.path().join("lines"), lines).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/moto/pattern.py");
    let output = check("python", &[script], &folder.path().join("lines"));
    assert!(output.status.success(), "{}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What KMS refused and what Auto Scaling tells; neither what was no refusal, nor what keymend was refused itself.
#[test]
fn rules_take_what_watch_looks_at_and_no_call_of_keymend() {
    let mut events = events();
    let mut nameless = events[0].clone();
    nameless["detail"].as_object_mut().unwrap().remove("userAgent");
    let ebs = json!({"source": "aws.ec2", "detail-type": "EBS Volume Notification", "detail": {"result": "failed"}});
    let fine = json!({"source": "aws.ec2", "detail-type": "EBS Volume Notification", "detail": {"result": "available"}});
    events.extend([nameless, ebs, fine]);
    let own = events.iter().position(|event| event.to_string().contains(&format!("app/{APP_NAME}"))).unwrap();
    for template in [TEMPLATE, OF_MEMBERS] {
        let refusals = taken(template, "Refusals", &events);
        assert_eq!(refusals, [true, true, false, false, false, true, false, false], "{template}");
        assert!(!refusals[own]);
        let failures = taken(template, "Failures", &events);
        assert_eq!(failures, [false, false, false, true, false, false, true, false], "{template}");
        // Most of what a launch calls is read-only to CloudTrail.
        let state = resource(template, "Refusals")["State"].clone();
        assert_eq!(state, "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS");
    }
    assert!(taken(TEMPLATE, "OfMembers", &events).iter().all(|taken| *taken));
}

#[test]
fn the_function_is_given_options_of_watch() {
    let function = resource(TEMPLATE, "Function");
    let options = function["Environment"]["Variables"][OPTIONS]["Sub"].as_str().unwrap();
    let given = [("Bucket", "records"), ("Prefix", "a/b"), ("Window", "15m"), ("AssumeRoleName", "Auditor")];
    let options = given.iter().fold(options.to_owned(), |text, (name, value)| {
        assert!(text.contains(&format!("${{{name}}}")), "{name}: {text}");
        text.replace(&format!("${{{name}}}"), value)
    });
    let words = ["keymend", "watch"].into_iter().chain(options.split_whitespace());
    let Command::Watch(args) = Cli::try_parse_from(words).unwrap().command else { panic!("{options}") };
    assert_eq!(args.out.to_str(), Some("s3://records/a/b"));
    assert_eq!(args.backend.assume_role_name.as_deref(), Some("Auditor"));
    // A message is with one worker until that is done with it.
    let seconds = |value: &Value| value.as_u64().unwrap();
    let visible = seconds(&resource(TEMPLATE, "Queue")["VisibilityTimeout"]);
    assert_eq!(visible, 6 * seconds(&function["Timeout"]));
}

/// The actions of a role's policy.
fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
    let lists = statements.iter().flat_map(|statement| match &statement["Action"] {
        Value::Array(actions) => actions.clone(),
        one => vec![one.clone()],
    });
    lists.map(|action| action.as_str().unwrap().to_owned()).collect()
}

/// It may read what `keymend permissions` says that a plan takes, and write to its bucket and its log alone.
#[test]
fn the_function_may_read_and_keep_what_it_found_and_no_more() {
    let role = resource(TEMPLATE, "Role");
    let [own, reads] = role["Policies"].as_array().unwrap().as_slice() else { panic!("{role}") };
    let own_actions = [
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:GetObject",
        "s3:PutObject",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sts:AssumeRole",
    ];
    assert_eq!(actions(own), own_actions.map(str::to_owned).into());
    let printed = Scene::with_text("{}").run(&format!(
        "permissions --key {KEY} --account 444455556666 --dry-run --service-linked-roles --organizations"
    ));
    let policies = printed.json();
    let needed = policies.as_object().unwrap().values();
    let needed = needed.flat_map(|policy| actions(&json!({"PolicyDocument": policy})));
    assert_eq!(actions(reads), needed.collect());
}
