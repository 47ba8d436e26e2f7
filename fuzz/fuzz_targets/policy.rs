//! Parse → evaluate → patch → parse, on any text and on policies made of any words.
//!
//! Nothing panics; a patched text is a policy; what was allowed stays allowed; patching again changes nothing.

#![no_main]

use std::sync::LazyLock;

use arbitrary::{Arbitrary, Unstructured};
use keymend_fuzz::access::RequiredStatement;
use keymend_fuzz::arn::{KeyArn, Partition};
use keymend_fuzz::authz::{
    Boundary, Context, Decision, Outcome, Policies, Prepared, Principal, Query, evaluate, unmet,
};
use keymend_fuzz::plan::patch::{Face, Reader};
use keymend_fuzz::policy::{KmsAction, PolicyDocument};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// Who asks: of each kind, in the key's account and in another one.
const PRINCIPALS: [&str; 8] = [
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:role/team/app",
    "arn:aws:sts::111122223333:assumed-role/app/s1",
    "arn:aws:iam::444455556666:root",
    "arn:aws:iam::444455556666:user/jo",
    "arn:aws:sts::444455556666:assumed-role/app/s1",
    "arn:aws:iam::444455556666:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot",
    "ec2.amazonaws.com",
];

/// Words that have a meaning somewhere in a policy.
const WORDS: [&str; 32] = [
    "*",
    "kms:*",
    "kms:Decrypt",
    "KMS:re?ncrypt*",
    "kms:GenerateDataKey*",
    "kms:CreateGrant",
    "kms:ListGrants",
    "kms:RevokeGrant",
    "s3:GetObject",
    KEY,
    "arn:aws:kms:*:111122223333:key/*",
    "arn:aws:kms:*:*:key/${aws:username}",
    "arn:aws:kms:eu-west-1:111122223333:alias/app",
    "444455556666",
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::444455556666:root",
    "arn:aws:iam::444455556666:role/app",
    "arn:aws:iam::444455556666:user/jo",
    "arn:aws:sts::444455556666:assumed-role/app/s1",
    "AROAEXAMPLEEXAMPLE123",
    "ec2.amazonaws.com",
    "true",
    "false",
    "${aws:PrincipalTag/team, 'none'}",
    "${*}${?}${$}",
    "203.0.113.0/24",
    "2001:db8::/32",
    "2024-02-29T23:59:60+01:00",
    "-1.5e3",
    "QmluYXJ5",
    "*a*a*a*b",
    "",
];

const OPERATORS: [&str; 16] = [
    "StringEquals",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "ForAllValues:StringLike",
    "ForAnyValue:StringNotEquals",
    "NumericLessThanEquals",
    "DateGreaterThan",
    "Bool",
    "BoolIfExists",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnLike",
    "ArnNotEqualsIfExists",
    "Null",
];

const KEYS: [&str; 10] = [
    "kms:GrantIsForAWSResource",
    "kms:ViaService",
    "kms:CallerAccount",
    "aws:PrincipalArn",
    "aws:PrincipalTag/team",
    "aws:SourceIp",
    "aws:CurrentTime",
    "kms:GrantOperations",
    "kms:EncryptionContext:a",
    "aws:TokenIssueTime",
];

/// A policy of the grammar, or nearly so.
#[derive(Arbitrary, Debug)]
struct Policy {
    version: u8,
    is_array: bool,
    is_pretty: bool,
    statements: Vec<Statement>,
}

#[derive(Arbitrary, Debug)]
struct Statement {
    sid: Option<u8>,
    is_deny: bool,
    /// One bit each for the `Not…` forms of `Principal`, `Action` and `Resource`, and for leaving them out.
    form: u8,
    principals: Vec<Word>,
    services: Option<Vec<Word>>,
    actions: Vec<Word>,
    resources: Vec<Word>,
    conditions: Vec<(u8, u8, Vec<Word>)>,
    surprise: Option<Word>,
}

#[derive(Arbitrary, Debug)]
enum Word {
    Known(u8),
    Any(String),
}

impl Word {
    fn text(&self) -> &str {
        match self {
            Self::Known(index) => WORDS[usize::from(*index) % WORDS.len()],
            Self::Any(text) => text,
        }
    }
}

/// A list of one may stand as a text.
fn list(words: &[Word]) -> Value {
    match words {
        [only] => json!(only.text()),
        several => several.iter().map(Word::text).collect(),
    }
}

impl Statement {
    fn json(&self) -> Value {
        let mut statement = Map::new();
        if let Some(sid) = self.sid {
            statement.insert(
                "Sid".to_owned(),
                json!(["Allow use of the key", "a", "é\"\n", ""][usize::from(sid) % 4]),
            );
        }
        statement.insert("Effect".to_owned(), json!(if self.is_deny { "Deny" } else { "Allow" }));
        let mut element = |name: &str, bit: u8, value: Value| {
            if self.form & (8 << bit) == 0 || self.form & 0x40 == 0 {
                let negation = if self.form & (1 << bit) == 0 { "" } else { "Not" };
                statement.insert(format!("{negation}{name}"), value);
            }
        };
        let mut principals = json!({"AWS": list(&self.principals)});
        if let Some(services) = &self.services {
            principals["Service"] = list(services);
        }
        element("Principal", 0, if self.form & 0x80 == 0 { principals } else { json!("*") });
        element("Action", 1, list(&self.actions));
        element("Resource", 2, list(&self.resources));
        let mut conditions = Map::new();
        for (operator, key, values) in &self.conditions {
            let operator = OPERATORS[usize::from(*operator) % OPERATORS.len()];
            let key = KEYS[usize::from(*key) % KEYS.len()];
            let keys = conditions.entry(operator).or_insert_with(|| json!({}));
            keys[key] = list(values);
        }
        if !conditions.is_empty() {
            statement.insert("Condition".to_owned(), conditions.into());
        }
        if let Some(surprise) = &self.surprise {
            statement.insert("Surprise".to_owned(), json!(surprise.text()));
        }
        statement.into()
    }
}

impl Policy {
    fn text(&self) -> String {
        let statements: Vec<Value> = self.statements.iter().map(Statement::json).collect();
        let statements = match statements.as_slice() {
            [only] if !self.is_array => only.clone(),
            _ => json!(statements),
        };
        let policy = match self.version % 4 {
            0 => json!({"Statement": statements}),
            1 => json!({"Version": "2008-10-17", "Statement": statements}),
            _ => json!({"Version": "2012-10-17", "Statement": statements}),
        };
        if self.is_pretty { serde_json::to_string_pretty(&policy).unwrap() } else { policy.to_string() }
    }
}

/// What is asked of every policy.
struct Questions {
    principals: Vec<Principal>,
    actions: Vec<KmsAction>,
    key: KeyArn,
    context: Context,
    required: [RequiredStatement; 2],
    /// Whom a key policy is patched for.
    grantees: Vec<String>,
}

static QUESTIONS: LazyLock<Questions> = LazyLock::new(|| Questions {
    principals: PRINCIPALS.iter().map(|text| text.parse().unwrap()).collect(),
    actions: ["kms:Decrypt", "kms:CreateGrant", "kms:PutKeyPolicy", "kms:ListKeys", "kms:RetireGrant"]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect(),
    key: KEY.parse().unwrap(),
    context: Context::for_launch("eu-west-1").with("kms:GrantOperations", ["Decrypt", "Encrypt"]),
    required: RequiredStatement::documented(),
    grantees: ["arn:aws:iam::444455556666:role/app", "arn:aws:iam::444455556666:root"]
        .map(str::to_owned)
        .into(),
});

/// A document in each place that it can stand in, for each question.
fn decisions(document: &PolicyDocument) -> Vec<Decision> {
    let prepared = Prepared::new(document);
    let everything = PolicyDocument::parse(
        r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}"#,
    );
    let open = Prepared::new(&everything.unwrap());
    let (own, levels) = ([&prepared], [vec![&prepared]]);
    let as_key_policy = Policies { key_policy: Some(&prepared), identity: Some(&own), ..Policies::default() };
    let as_limits = Policies {
        key_policy: Some(&open),
        identity: Some(&own),
        boundary: Boundary::Document(&prepared),
        session: Some(&own),
        scps: Some(&levels),
        rcps: Some(&levels),
        grants: None,
    };
    let mut decisions = Vec::new();
    for principal in &QUESTIONS.principals {
        for action in &QUESTIONS.actions {
            let query = Query::new(principal, *action, &QUESTIONS.key, &QUESTIONS.context);
            for policies in [&as_key_policy, &as_limits] {
                decisions.push(evaluate(&query, policies));
                unmet(&query, policies);
            }
        }
    }
    decisions
}

/// The text with the required statements, if they do not hold; then they do, and nothing is lost.
fn patch(document: &PolicyDocument, face: Face, wanted: &[String]) {
    let required = &QUESTIONS.required;
    let patched = Reader::new(document, face).patched(required, wanted);
    let patched = patched.unwrap_or_else(|broken| panic!("{broken}\n{}", document.text()));
    let Some(patched) = patched else { return };
    let text = patched.text();
    let again = Reader::new(&patched, face).patched(required, wanted);
    assert_eq!(again, Ok(None), "patched twice:\n{text}");
    for (before, after) in decisions(document).into_iter().zip(decisions(&patched)) {
        if before.outcome == Outcome::Allowed {
            assert_eq!(after.outcome, Outcome::Allowed, "{before:?}\n{text}");
        }
    }
}

fn check(text: &str) {
    let Ok(document) = PolicyDocument::parse(text) else { return };
    assert_eq!(document.text(), text);
    decisions(&document);
    document.fingerprint(Partition::Aws);
    patch(&document, Face::KeyPolicy(Partition::Aws), &QUESTIONS.grantees);
    patch(&document, Face::Identity, &[KEY.to_owned()]);
}

fuzz_target!(|data: &[u8]| {
    // What begins like a document is one; all else says how to make one.
    match str::from_utf8(data) {
        Ok(text) if text.starts_with(['{', ' ', '\n']) => check(text),
        _ => {
            if let Ok(policy) = Policy::arbitrary(&mut Unstructured::new(data)) {
                check(&policy.text());
            }
        }
    }
});
