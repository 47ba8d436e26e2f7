//! `keymend watch`: events in, verdicts and saved plans out, and nothing else is touched.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::assert_valid;
use crate::scene::{Ran, Scene, field};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const FORMS: &str = "05-cloudtrail-forms";
const WATCH: &str = "watch --sandbox=world.json --out told";

/// EventBridge's envelope as the field has it, and the plain event in it.
fn envelope() -> Value {
    serde_json::from_slice(&fs::read(field(FORMS).join("eventbridge.json")).unwrap()).unwrap()
}

fn event() -> Value {
    envelope()["detail"].clone()
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut event = event();
    change(&mut event);
    event
}

/// Of a role, at a second.
fn of(role: &str, second: u32) -> Value {
    changed(|event| {
        let (identity, time) =
            (&mut event["userIdentity"], format!("2026-11-20T09:{:02}:{:02}Z", second / 60, second % 60));
        identity["arn"] = json!(format!("arn:aws:sts::444455556666:assumed-role/{role}/session"));
        identity["sessionContext"]["sessionIssuer"]["arn"] =
            json!(format!("arn:aws:iam::444455556666:role/{role}"));
        event["eventTime"] = json!(time);
    })
}

fn scene() -> Scene {
    Scene::of_field(FORMS, "world.json")
}

fn lines(events: &[Value]) -> String {
    events.iter().fold(String::new(), |lines, event| format!("{lines}{event}\n"))
}

fn watch_with(scene: &Scene, arguments: &str, input: &str) -> Ran {
    fs::write(scene.path("input"), input).unwrap();
    let arguments = format!("{WATCH} {arguments}");
    let input = fs::File::open(scene.path("input")).unwrap();
    let output = scene.command(&arguments).stdin(Stdio::from(input)).output().unwrap();
    scene.ran(output, &arguments)
}

fn watch(scene: &Scene, input: &str) -> Ran {
    watch_with(scene, "", input)
}

/// The folders of events.
fn told(scene: &Scene) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(scene.path("told")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn json_of(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// The one verdict, which is valid.
fn verdict(scene: &Scene) -> Value {
    let [folder] = told(scene).try_into().unwrap();
    let verdict = json_of(&folder.join("verdict.json"));
    assert_valid(&verdict);
    verdict
}

#[test]
fn every_form_comes_to_what_check_and_fix_come_to() {
    let event = event();
    let sns = json!({"Type": "Notification", "Message": envelope().to_string()}).to_string();
    let pretty = serde_json::to_string_pretty(&event).unwrap();
    let forms = [
        event.to_string(),
        envelope().to_string(),
        json!({"Records": [event]}).to_string(),
        json!({"messageId": "m1", "body": envelope().to_string(), "eventSource": "aws:sqs"}).to_string(),
        serde_json::to_string_pretty(&json!({"Messages": [{"MessageId": "m1", "Body": sns}]})).unwrap(),
        json!({"logEvents": [{"id": "1", "message": event.to_string()}], "messageType": "DATA_MESSAGE"})
            .to_string(),
        format!("2026-11-20T09:00:02.000000+00:00 111122223333_CloudTrail_eu-west-1 \n{pretty}"),
        format!("2026-11-20T09:00:02 {event}"),
    ];
    let scene = scene();
    fs::write(scene.path("event.json"), event.to_string()).unwrap();
    let world = fs::read(scene.path("world.json")).unwrap();
    let checked = scene.run("check --sandbox=world.json --cloudtrail event.json --output json");
    let fixed = scene.fix("--cloudtrail event.json --dry-run --out saved.json");
    assert_eq!((checked.status, fixed.status), (3, 0), "{checked}{fixed}");
    let plan = |file: &Path| {
        let mut plan = json_of(file);
        assert!(plan["made_at"].take().is_string() && plan["digest"].take().is_string());
        plan
    };
    let mut first: Option<Ran> = None;
    for form in forms {
        let ran = watch(&scene, &form);
        assert_eq!(ran.status, 3, "{form}: {ran}");
        let [folder] = told(&scene).try_into().unwrap();
        assert_eq!(fs::read_to_string(folder.join("verdict.json")).unwrap(), checked.stdout, "{form}");
        assert_eq!(plan(&folder.join("plan.json")), plan(&scene.path("saved.json")), "{form}");
        fs::remove_dir_all(scene.path("told")).unwrap();
        let first = first.get_or_insert_with(|| ran.clone());
        assert_eq!((&ran.stdout, &ran.stderr), (&first.stdout, &first.stderr), "{form}");
    }
    assert_eq!(fs::read(scene.path("world.json")).unwrap(), world);
    assert_eq!(scene.journals(), Vec::<PathBuf>::new());
    insta::assert_snapshot!(watch(&scene, &lines(&[event])));
}

#[test]
fn a_plan_is_applied_and_then_the_same_event_is_told_to_be_settled() {
    let scene = scene();
    let input = lines(&[event()]);
    assert_eq!(watch(&scene, &input).status, 3);
    let plan = told(&scene)[0].join("plan.json");
    let applied = scene.run(&format!("apply --sandbox=world.json --yes {}", plan.display()));
    assert_eq!(applied.status, 0, "{applied}");
    let again = watch(&scene, &input);
    assert!(again.status == 0 && again.stdout.contains("role/app: can launch, by "), "{again}");
    assert_eq!(told(&scene).len(), 1, "the same event has the same folder");
    let verdict = verdict(&scene);
    assert_eq!((&verdict["outcome"], &verdict["exit_status"]), (&json!("can_launch"), &json!(0)));
    assert_eq!(json_of(&plan)["has_changes"], false);
}

/// By the events' own times, in whatever order they come.
#[test]
fn the_same_principal_and_key_are_told_once_in_the_window() {
    let scene = scene();
    for (window, seconds, verdicts) in [
        ("15m", vec![0, 1, 899, 899], 1),
        ("15m", vec![899, 0, 500], 1),
        ("15m", vec![0, 900], 2),
        ("15m", vec![900, 0, 901], 3),
        ("1m", vec![0, 59, 60, 61, 119, 120], 3),
        ("0s", vec![0, 1, 2], 3),
        ("1d", vec![0, 3599], 1),
    ] {
        let events: Vec<Value> = seconds.iter().map(|second| of("app", *second)).collect();
        let ran = watch_with(&scene, &format!("--window {window}"), &lines(&events));
        assert_eq!((ran.status, ran.stdout.lines().count()), (3, verdicts), "{window} {seconds:?}: {ran}");
        let known = seconds.len() - verdicts;
        let is_told = ran.stderr.contains(&format!("passed over: {known} told before"));
        assert_eq!(is_told, known > 0, "{ran}");
    }
    let other_key = changed(|event| {
        let message = event["errorMessage"].as_str().unwrap();
        event["errorMessage"] = json!(message.replace("1234abcd-12ab", "0987dcba-12ab"));
    });
    let apart = lines(&[of("app", 0), of("IamAdmin2", 0), other_key, of("app", 0)]);
    assert_eq!(watch(&scene, &apart).stdout.lines().count(), 3);
    // Without a time of its own an event is of the time at which it comes.
    let timeless = changed(|event| event["eventTime"] = Value::Null);
    assert_eq!(watch(&scene, &lines(&[timeless.clone(), timeless])).stdout.lines().count(), 1);
    assert_eq!(watch_with(&scene, "--window soon", "").status, 2);
}

#[test]
fn everything_that_one_batch_tells_of_a_principal_is_in_its_verdict() {
    let scene = scene();
    let grant = changed(|event| event["eventName"] = json!("CreateGrant"));
    let ran = watch(&scene, &lines(&[json!({"Records": [event(), grant, of("IamAdmin2", 5)]})]));
    assert_eq!((ran.stdout.lines().count(), told(&scene).len()), (2, 2), "{ran}");
    let refused = |folder: &PathBuf| json_of(&folder.join("verdict.json"))["chain"]["refusals"].clone();
    let mut counts: Vec<usize> =
        told(&scene).iter().map(|folder| refused(folder).as_array().unwrap().len()).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2]);
}

/// What it is refused while it looks would be the next event.
#[test]
fn its_own_calls_are_not_acted_on() {
    let scene = scene();
    let by_agent = changed(|event| event["userAgent"] = json!("aws-sdk-rust/1.3.9 ua/2.1 app/keymend"));
    let mut of_the_key_account = of("KeyAdmin", 1);
    let text = of_the_key_account.to_string().replace("444455556666:", "111122223333:");
    of_the_key_account = serde_json::from_str(&text).unwrap();
    of_the_key_account["userIdentity"]["accountId"] = json!("111122223333");
    let own = [by_agent, of("IamAdmin", 0), of("IamAdmin", 1), of_the_key_account];
    let ran = watch(&scene, &lines(&own));
    assert_eq!((ran.status, ran.stdout.as_str()), (0, ""), "{ran}");
    assert!(ran.stderr.contains("4 of keymend's own"), "{ran}");
    assert_eq!(told(&scene), Vec::<PathBuf>::new());
}

#[test]
fn what_cannot_be_read_is_told_by_its_line_and_ends_nothing() {
    let scene = scene();
    let other = changed(|event| event["eventName"] = json!("DisableKey"));
    let nameless = changed(|event| event["eventName"] = Value::Null);
    let input = format!("{other}\n\nno event\n{{\"a\": 1}}\n{{\"eventSource\": \n{nameless}\n{}", event());
    let ran = watch(&scene, &input);
    assert_eq!((ran.status, ran.stdout.lines().count(), told(&scene).len()), (1, 1, 1), "{ran}");
    insta::assert_snapshot!(ran);
    let others = watch(&scene, &lines(&[other, json!({"Records": []})]));
    assert_eq!((others.status, others.stdout.as_str()), (0, ""), "{others}");
    assert!(others.stderr.ends_with("0 verdicts; passed over: 1 of something else\n"), "{others}");
    assert_eq!(watch(&scene, "").status, 0);
}

/// What is different in a world.
type Change = Box<dyn Fn(&mut Value)>;

#[test]
fn what_cannot_be_looked_at_is_unknown_and_never_can() {
    let untold = changed(|event| {
        event["errorMessage"] = json!("User is not authorized to perform: kms:Decrypt on this resource");
    });
    let hasty = |permission: &'static str| {
        move |world: &mut Value| world["callers"]["111122223333"]["denied"] = json!([permission])
    };
    let gone = |world: &mut Value| world["keys"] = json!({});
    let alone = |world: &mut Value| _ = world["callers"].as_object_mut().unwrap().remove("444455556666");
    let nobody = |world: &mut Value| {
        world["callers"] = json!({});
        world.as_object_mut().unwrap().remove("default_caller");
    };
    let same = |_: &mut Value| {};
    let cases: [(Value, Change, i32); 6] = [
        (untold, Box::new(same), 1),
        (event(), Box::new(hasty("kms:GetKeyPolicy")), 1),
        (event(), Box::new(hasty("kms:DescribeKey")), 1),
        (event(), Box::new(gone), 1),
        (event(), Box::new(alone), 3),
        (event(), Box::new(nobody), 1),
    ];
    for (index, (event, change, status)) in cases.into_iter().enumerate() {
        let scene = scene();
        scene.change(change);
        let ran = watch_with(&scene, "--output json", &lines(&[event]));
        assert_eq!(ran.status, status, "{index}: {ran}");
        let line = ran.json();
        let verdict = verdict(&scene);
        assert_ne!(verdict["outcome"], "can_launch", "{index}");
        assert_eq!(verdict["exit_status"], status, "{index}");
        if status == 1 {
            assert_eq!(
                (&verdict["outcome"], &line["conclusion"]),
                (&json!("unknown"), &json!("unknown")),
                "{index}"
            );
            assert!(line["plan"].is_null() && !line["error"].is_null(), "{index}: {line}");
            assert_eq!(verdict["error"], line["error"], "{index}");
            assert_eq!(verdict["chain"]["refusals"].as_array().unwrap().len(), 1, "{index}");
        }
    }
}

/// What was found of an event says more than that nothing can be found now.
#[test]
fn a_verdict_outlives_a_reading_that_fails() {
    let scene = scene();
    assert_eq!(watch(&scene, &lines(&[event()])).status, 3);
    let before = verdict(&scene);
    scene.change(|world| world["keys"] = json!({}));
    let ran = watch(&scene, &lines(&[event()]));
    assert!(ran.status == 1 && ran.stdout.contains("nobody can tell whether it can launch"), "{ran}");
    assert_eq!(verdict(&scene), before);
}

/// Whoever can be no grantee gets a verdict, and a plan that gives nothing.
#[test]
fn strangers_and_keys_alone_are_told_too() {
    let stranger = json_of(&field("07-cloudtrail-identity-only-role").join("event-scp.json"));
    let ebs = json!({
        "version": "0", "id": "n1", "detail-type": "EBS Volume Notification", "source": "aws.ec2",
        "account": "444455556666", "region": "eu-west-1", "time": "2026-11-20T09:00:00Z",
        "resources": ["arn:aws:ec2:eu-west-1:444455556666:volume/vol-01234567"],
        "detail": {"event": "attachVolume", "result": "failed", "cause": format!("{KEY} is disabled.")},
    });
    for event in [stranger, ebs] {
        let scene = scene();
        let ran = watch_with(&scene, "--output json", &lines(&[event]));
        assert_eq!(ran.status, 3, "{ran}");
        let line = ran.json();
        assert!(line["changes"] == 0 && line["conclusion"] != "can_launch", "{line}");
        let verdict = verdict(&scene);
        assert!(["unknown", "blocked"].contains(&verdict["outcome"].as_str().unwrap()), "{verdict:#}");
        assert_eq!(json_of(&told(&scene)[0].join("plan.json"))["plan"]["changes"], json!([]));
    }
}

#[test]
fn a_line_is_as_its_schema_says() {
    let scene = scene();
    let printed = scene.run("schema watch").json();
    let schema = jsonschema::draft202012::options().build(&printed).unwrap();
    let untold = changed(|event| event["errorMessage"] = json!("denied"));
    let ran = watch_with(&scene, "--output json", &lines(&[event(), untold]));
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    for line in &lines {
        let errors: Vec<String> = schema.iter_errors(line).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{line:#}");
    }
    let elsewhere = changed(|event| event["eventTime"] = json!("2026-11-20T10:00:01+01:00"));
    let utc = watch_with(&scene, "--output json", &elsewhere.to_string()).json();
    assert_eq!(utc["time"], lines[0]["time"]);
    let mut wrong = lines[0].clone();
    wrong["conclusion"] = json!("maybe");
    assert!(!schema.is_valid(&wrong));
    insta::assert_json_snapshot!(lines);
}

/// Of an event's text nothing reaches a path, and nothing goes through a link.
#[test]
fn whatever_an_event_says_only_its_own_folder_is_written() {
    let scene = scene();
    let hostile = changed(|event| {
        event["eventID"] = json!("../../../escaped");
        event["eventTime"] = json!("../2026");
        event["userIdentity"] = json!({"type": "AWSService", "invokedBy": "../../etc/\u{1b}[31m\n"});
    });
    let before = scene.content();
    let ran = watch(&scene, &lines(&[hostile, of("../../app", 0), of(&"a".repeat(5000), 1)]));
    assert!(!ran.stdout.contains('\u{1b}') && ran.stdout.lines().count() == 3, "{ran}");
    let is_name = |folder: &PathBuf| {
        let name = folder.file_name().unwrap().to_str().unwrap();
        name.len() < 90 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    assert!(told(&scene).iter().all(is_name), "{:?}", told(&scene));
    let new = scene.content().into_keys().filter(|path| !before.contains_key(path));
    let outside: Vec<PathBuf> =
        new.filter(|path| !path.starts_with(scene.path("told")) && *path != scene.path("input")).collect();
    assert_eq!(outside, Vec::<PathBuf>::new());
}

#[test]
fn no_link_is_followed() {
    let scene = scene();
    let input = lines(&[event()]);
    watch(&scene, &input);
    let folder = told(&scene).remove(0);
    fs::write(scene.path("theirs"), "theirs").unwrap();
    for name in ["verdict.json", "plan.json"] {
        fs::remove_file(folder.join(name)).unwrap();
        symlink(scene.path("theirs"), folder.join(name)).unwrap();
    }
    assert_eq!(watch(&scene, &input).status, 3);
    assert_eq!(fs::read_to_string(scene.path("theirs")).unwrap(), "theirs");
    assert!(folder.join("plan.json").symlink_metadata().unwrap().is_file());
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir(scene.path("elsewhere")).unwrap();
    symlink(scene.path("elsewhere"), &folder).unwrap();
    let refused = watch(&scene, &input);
    assert!(refused.status == 1 && refused.stderr.contains("it is no folder"), "{refused}");
    assert_eq!(fs::read_dir(scene.path("elsewhere")).unwrap().count(), 0);
}

/// A verdict comes with its event, not with the next one; and Ctrl-C ends what waits.
#[test]
fn it_tells_at_once_and_ends_when_it_is_asked_to() {
    let scene = scene();
    for signal in ["-INT", "-TERM"] {
        let mut child = scene
            .command(WATCH)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(serde_json::to_string_pretty(&event()).unwrap().as_bytes()).unwrap();
        input.write_all(b"\n").unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("can't launch yet"), "{line}");
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(130) && stderr.ends_with("\n1 verdict\n"), "{signal}: {stderr}");
        drop(input);
    }
}
