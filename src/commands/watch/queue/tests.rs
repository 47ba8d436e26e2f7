use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// What Lambda gives a function, as it was recorded: EventBridge's events in a queue.
fn batch() -> Messages {
    serde_json::from_slice(&fs::read(fixture("queue/batch.json")).unwrap()).unwrap()
}

fn of(messages: &[(&str, &Value)]) -> Messages {
    let message = |(id, body): &(&str, &Value)| json!({"messageId": id, "body": body.to_string()});
    let messages: Vec<Value> = messages.iter().map(message).collect();
    serde_json::from_value(json!({"Records": messages})).unwrap()
}

/// A folder with a world, and a queue whose verdicts go there.
async fn queue(world: &Value, more: &str) -> (tempfile::TempDir, Queue) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::write(at("world.json"), world.to_string()).unwrap();
    let options = format!("--sandbox={} --out {} {more}", at("world.json"), at("told"));
    let queue = Queue::begin(&options).await.unwrap();
    (folder, queue)
}

fn world() -> Value {
    let text = fs::read(fixture("field/05-cloudtrail-forms/world.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// What it says and which messages have to come once more.
async fn seen(queue: &mut Queue, batch: &Messages) -> (String, Vec<String>) {
    let mut out = Vec::new();
    let failures = serde_json::to_value(queue.see(batch, &mut out).await.unwrap()).unwrap();
    let ids = failures["batchItemFailures"].as_array().unwrap().iter();
    let ids = ids.map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect();
    (String::from_utf8(out).unwrap(), ids)
}

/// The verdicts that were told, by who launched.
fn told(out: &str) -> Vec<(String, String)> {
    let lines = out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    lines.map(|line| (text(&line["principal"]), text(&line["conclusion"]))).collect()
}

#[tokio::test]
async fn a_recorded_batch_is_told_once_and_what_is_no_event_comes_again() {
    let (folder, mut queue) = queue(&world(), "").await;
    let before = fs::read(folder.path().join("world.json")).unwrap();
    let (out, again) = seen(&mut queue, &batch()).await;
    let app = "arn:aws:iam::444455556666:role/app".to_owned();
    let scaling = "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    let (verdicts, missing) = (told(&out), "missing".to_owned());
    assert_eq!(verdicts[0], (app, missing), "{out}");
    assert_eq!((verdicts.len(), verdicts[1].0.as_str()), (2, scaling), "{out}");
    assert_ne!(verdicts[1].1, "can_launch", "{out}");
    assert_eq!(again, ["6ead0000-0000-4000-8000-000000000006"]);
    assert!(out.contains("message 6ead0000-0000-4000-8000-000000000006: not JSON"), "{out}");
    assert_eq!(fs::read_dir(folder.path().join("told")).unwrap().count(), 2);
    assert_eq!(fs::read(folder.path().join("world.json")).unwrap(), before);
    // What the function remembers from one batch to the next.
    assert_eq!(told(&seen(&mut queue, &batch()).await.0), []);
}

/// What keeps a verdict from being had for good is a verdict; what may pass is tried again, and then told.
#[tokio::test]
async fn what_may_pass_comes_again_and_what_does_not_is_told() {
    let event: Value = serde_json::from_str(&batch().messages[0].body).unwrap();
    let mut throttled = world();
    throttled["faults"] = json!([{"operation": "kms:GetKeyPolicy", "times": 50, "fault": "error", "code": "ThrottlingException"}]);
    let (folder, mut queue) = queue(&throttled, "").await;
    let batch = of(&[("m1", &event)]);
    let (out, again) = seen(&mut queue, &batch).await;
    assert_eq!((again.as_slice(), told(&out)[0].1.as_str()), (&["m1".to_owned()][..], "unknown"), "{out}");
    fs::write(folder.path().join("world.json"), world().to_string()).unwrap();
    let (out, again) = seen(&mut queue, &batch).await;
    assert_eq!((again.len(), told(&out)[0].1.as_str()), (0, "missing"), "{out}");

    let mut denied = world();
    denied["callers"]["111122223333"]["denied"] = json!(["kms:GetKeyPolicy"]);
    fs::write(folder.path().join("world.json"), denied.to_string()).unwrap();
    let mut later = event.clone();
    later["detail"]["eventTime"] = json!("2026-11-20T12:00:00Z");
    let (out, again) = seen(&mut queue, &of(&[("m2", &later)])).await;
    assert_eq!((again.len(), told(&out)[0].1.as_str()), (0, "unknown"), "{out}");
}

#[tokio::test]
async fn a_verdict_that_can_not_be_written_is_not_lost() {
    let (folder, mut queue) = queue(&world(), "").await;
    fs::remove_dir(folder.path().join("told")).unwrap();
    fs::write(folder.path().join("told"), "no folder").unwrap();
    let (out, again) = seen(&mut queue, &batch()).await;
    assert_eq!(again.len(), 4, "{out}");
    fs::remove_file(folder.path().join("told")).unwrap();
    fs::create_dir(folder.path().join("told")).unwrap();
    assert_eq!(told(&seen(&mut queue, &batch()).await.0).len(), 2);
}

#[tokio::test]
async fn options_are_those_of_watch() {
    for (options, told) in [
        ("", "--out"),
        ("--out x --yes", "--yes"),
        ("--out s3://Nobody", "no place in a bucket"),
        ("--out x --window soon", "soon"),
        ("--help", "--out"),
    ] {
        let refused = Queue::begin(options).await.err().unwrap().to_string();
        assert!(refused.contains(told), "{options}: {refused}");
    }
}
