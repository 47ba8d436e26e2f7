//! Each line of fixtures/authz/requests.jsonl: a request and its answer.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::authz::requests::{Summary, answer};

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

#[test]
fn requests_are_answered() {
    let cases: Vec<Case> = REQUESTS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
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
            "statements": [{"document": "key_policy", "index": 0, "sid": "All of it"}]})
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
