//! Each line of fixtures/authz/requests.jsonl: a request and its answer.

use std::fmt::Write as _;
use std::io::{self, BufReader, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::naive::KEY;
use crate::authz::requests::{Batch, MOST_CACHED, Summary, answer};

const REQUESTS: &str = include_str!("../../../fixtures/authz/requests.jsonl");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    request: Value,
    expected: Expected,
}

/// What is left out may be anything.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    decision: Option<String>,
    /// `key_policy[0]`: the document and the statement's index.
    statements: Option<Vec<String>>,
    unknown_keys: Option<Vec<String>>,
    error: Option<String>,
}

fn answers(input: &str) -> (Vec<Value>, Summary) {
    let mut output = Vec::new();
    let summary = answer(input.as_bytes(), &mut output).unwrap();
    let output = String::from_utf8(output).unwrap();
    (output.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), summary)
}

fn mismatch(found: &Value, expected: &Expected) -> bool {
    let statements = found["statements"].as_array().map(|statements| {
        let name = |s: &Value| format!("{}[{}]", s["document"].as_str().unwrap(), s["index"]);
        statements.iter().map(name).collect::<Vec<_>>()
    });
    let differs = |field: &str, expected: Option<Value>| expected.is_some_and(|value| found[field] != value);
    differs("decision", expected.decision.as_ref().map(|decision| json!(decision)))
        || differs("unknown_keys", expected.unknown_keys.as_ref().map(|keys| json!(keys)))
        || found["error"] != json!(expected.error)
        || (expected.statements.is_some() && statements != expected.statements)
}

fn cases() -> Vec<Case> {
    REQUESTS.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn requests_are_answered() {
    let cases = cases();
    let mut input = String::new();
    for case in &cases {
        writeln!(input, "{}", case.request).unwrap();
    }
    let (answers, _) = answers(&input);
    assert_eq!(answers.len(), cases.len());
    let failures: Vec<_> = cases
        .iter()
        .zip(&answers)
        .filter(|(case, found)| found["id"] != case.request["id"] || mismatch(found, &case.expected))
        .map(|(_, found)| found.to_string())
        .collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

/// What is met once is taken apart for one action, and what comes again for all.
#[test]
fn a_document_answers_the_same_whatever_it_was_asked_about_before() {
    for Case { request, .. } in cases() {
        let (line, mut other) = (request.to_string(), request);
        other["action"] = json!("kms:ScheduleKeyDeletion");
        let lines = [&other.to_string(), &line, &line, &other.to_string(), &line];
        let alone = lines.map(|line| answers(line).0.remove(0));
        assert_eq!(answers(&lines.map(String::as_str).join("\n")).0, alone, "{line}");
    }
}

#[test]
fn a_bad_line_is_told_and_the_next_is_read() {
    let good = json!({"id": {"any": "value"}, "principal": "arn:aws:iam::111122223333:root",
        "action": "kms:Decrypt",
        "key": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "key_policy": {"Statement": {"Sid": "All of it", "Effect": "Allow", "Principal": "*", "Action": "*",
            "Resource": "*"}}});
    let input = format!("{{\n\n{{\"id\": \"x\", \"colour\": 1}}\r\n[]\n{good}");
    let (answers, summary) = answers(&input);
    assert_eq!(summary, Summary { allowed: 1, bad: 3, ..Summary::default() });
    assert_eq!(answers[0]["id"], Value::Null);
    assert!(answers[0]["error"].as_str().unwrap().starts_with("not a request: EOF"), "{}", answers[0]);
    assert_eq!(answers[1]["id"], json!("x"));
    assert!(answers[1]["error"].as_str().unwrap().contains("`colour`"), "{}", answers[1]);
    assert_eq!(
        answers[3],
        json!({"id": {"any": "value"}, "decision": "allowed", "unknown_keys": [],
            "statements": [{"document": "key_policy", "index": 0, "effect": "Allow", "sid": "All of it"}]})
    );
}

#[test]
fn what_is_not_utf8_or_too_long_is_a_bad_line() {
    let mut input = vec![b'"', 0xff, b'"', b'\n'];
    input.extend(std::iter::repeat_n(b' ', 17 << 20));
    input.extend(b"x\n");
    let mut output = Vec::new();
    assert_eq!(answer(input.as_slice(), &mut output).unwrap().bad, 2);
    let output = String::from_utf8(output).unwrap();
    assert!(output.contains("not UTF-8") && output.contains("longer than 16777216 bytes"), "{output}");
}

/// The request of a root user, who may do anything.
fn simple(id: &str) -> String {
    format!(
        "{{\"id\": {id}, \"principal\": \"111122223333\", \"action\": \"kms:Decrypt\", \"key\": \"{KEY}\", \
         \"key_policy\": {{\"Statement\": {{\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"*\", \
         \"Resource\": \"*\"}}}}, \"boundary\": null, \"scps\": null, \"rcps\": null, \"grants\": null, \
         \"context\": null, \"session_policy\": null, \"identity_policies\": null}}\n"
    )
}

#[test]
fn an_id_comes_back_as_it_is() {
    for id in ["null", "true", "-1.50e3", "12345678901234567890123", "\"\\u00e9\"", "[1, {\"a\":  2}]", "{}"]
    {
        let mut output = Vec::new();
        answer(simple(id).as_bytes(), &mut output).unwrap();
        let output = String::from_utf8(output).unwrap();
        assert!(output.starts_with(&format!("{{\"id\":{id},\"decision\":\"allowed\"")), "{output}");
    }
    let without = simple("1").replacen("\"id\": 1, ", "", 1);
    assert_eq!(answers(&without).0[0]["id"], Value::Null);
}

#[test]
fn lines_end_in_any_way() {
    let line = simple("1");
    let line = line.trim_end();
    let (answers, summary) = answers(&format!("{line}\r\n\r\n  \n{line}\n\n{line}"));
    assert_eq!((answers.len(), summary.allowed, summary.bad), (3, 3, 0));
}

/// Gives a line only when the answer to the one before has come out.
struct Dialogue<'d> {
    line: String,
    asked: &'d AtomicUsize,
    answered: &'d AtomicUsize,
}

impl Read for Dialogue<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let asked = self.asked.load(Ordering::SeqCst);
        let started = Instant::now();
        while self.answered.load(Ordering::SeqCst) < asked {
            assert!(started.elapsed() < Duration::from_mins(1), "the answer is held back");
            thread::sleep(Duration::from_millis(1));
        }
        if self.asked.load(Ordering::SeqCst) == 3 {
            return Ok(0);
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.line.as_bytes().read(buffer)
    }
}

struct Answers<'d>(&'d AtomicUsize);

impl io::Write for Answers<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(usize::from(bytes.ends_with(b"\n")), Ordering::SeqCst);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn whoever_waits_for_an_answer_gets_it() {
    let (asked, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let input = BufReader::new(Dialogue { line: simple("1"), asked: &asked, answered: &answered });
    answer(input, io::BufWriter::new(Answers(&answered))).unwrap();
    assert_eq!(answered.load(Ordering::SeqCst), 3);
}

#[test]
fn an_output_that_is_closed_is_an_error() {
    struct Closed;
    impl io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = answer(simple("1").as_bytes(), Closed).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn documents_are_forgotten_before_they_fill_the_memory() {
    let mut batch = Batch::default();
    let padding = "x".repeat(64 << 10);
    let mut most = 0;
    for id in 0..600 {
        let line =
            simple(&id.to_string()).replace("\"Effect\"", &format!("\"Sid\": \"{id}{padding}\", \"Effect\""));
        for _ in 0..2 {
            batch.answer_line(line.as_bytes(), &mut io::sink()).unwrap();
            most = batch.cached_bytes().max(most);
        }
    }
    assert!(most <= MOST_CACHED && most > MOST_CACHED / 2);
    assert_eq!(batch.summary.allowed, 1200);
}

#[test]
fn a_document_is_kept_from_its_second_time_on() {
    let mut batch = Batch::default();
    let mut kept = |line: &str| {
        batch.answer_line(line.as_bytes(), &mut io::sink()).unwrap();
        batch.cached_bytes()
    };
    let (line, other) = (simple("1"), simple("1").replace("\"Action\": \"*\"", "\"Action\": \"kms:*\""));
    assert_eq!(kept(&line), 0);
    assert_eq!(kept(&other), 0);
    let bytes = kept(&line);
    assert!(bytes > 0);
    assert_eq!(kept(&line), bytes);
    assert!(kept(&other) > bytes);
}
