//! Sessions that write, narrowed to what was approved: what AWS is asked for, and that nobody needs it.

use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::moto::{Account, Moto};
use crate::moto::{Operator, Proxy};
use crate::wire_emit::told;
use crate::wire_fix::Stage;

/// What went through, each as it was sent.
type Requests = Arc<Mutex<Vec<String>>>;

/// An answer to narrowed assumptions of a role, by their policy.
type Refusal = fn(&str) -> Option<(u16, String)>;

fn refused(code: &str) -> (u16, String) {
    let error = format!(
        "<ErrorResponse><Error><Code>{code}</Code><Message>nothing</Message></Error></ErrorResponse>"
    );
    (if code == "AccessDenied" { 403 } else { 400 }, error)
}

/// The policy that an assumption of a role carries.
fn policy(request: &str) -> Option<Value> {
    let body = request.split("\r\n\r\n").nth(1)?;
    let given = body.split('&').find_map(|pair| pair.strip_prefix("Policy="))?;
    Some(serde_json::from_str(&percent_decode_str(given).decode_utf8().unwrap()).unwrap())
}

fn is_assumption(request: &str) -> bool {
    request.contains("Action=AssumeRole&")
}

/// Whose credentials a request is signed with.
fn signer(request: &str) -> String {
    let (_, rest) = request.split_once("Credential=").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

/// A key and its operator in one account, who assumes a role in the one that launches; all that is asked goes by.
async fn stage(refusal: Refusal) -> (Stage, Requests) {
    let stage = Stage::new().await;
    let requests = Requests::default();
    let kept = Arc::clone(&requests);
    let proxy = Proxy::refusing(Moto::shared(), move |request| {
        kept.lock().unwrap().push(request.to_owned());
        policy(request).and_then(|policy| refusal(&policy.to_string()))
    });
    let operator = Operator::new(proxy.endpoint(), &[&stage.owner]);
    (Stage { operator, ..stage }, requests)
}

fn run(stage: &Stage, verb: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
    command.args([verb, "--assume-role-name", "operator", "--yes", "-v"]).args(more);
    stage.operator.run(&mut command).output().unwrap()
}

fn fix(stage: &Stage) -> Output {
    run(stage, "fix", &["--key", &stage.key.to_string(), "--principal", &stage.role])
}

/// The requests of one action.
fn of<'r>(requests: &'r [String], action: &str) -> Vec<&'r String> {
    requests.iter().filter(|request| request.contains(&format!("Action={action}&"))).collect()
}

fn policies_of(launcher: &Account) -> String {
    format!("arn:aws:iam::{}:policy/KmsKeyUsagePolicy", launcher.id)
}

#[tokio::test]
async fn what_writes_may_do_what_was_approved_and_no_more() {
    let (stage, requests) = stage(|_| None).await;
    let fixed = fix(&stage);
    assert_eq!(fixed.status.code(), Some(0), "{}", told(&fixed));
    let sent = std::mem::take(&mut *requests.lock().unwrap());
    let assumed: Vec<Option<Value>> =
        sent.iter().filter(|request| is_assumption(request)).map(|request| policy(request)).collect();
    let policy_arn = policies_of(&stage.launcher);
    let narrow = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": [stage.role],
         "Condition": {"ArnEquals": {"iam:PolicyARN": policy_arn}}},
        {"Effect": "Allow", "Action": "iam:CreatePolicy", "Resource": [policy_arn]},
    ]});
    // The operator's own role, as its profile has it, and the other account's to read; then that once more, to write.
    assert_eq!(assumed.last(), Some(&Some(narrow)), "{assumed:#?}");
    assert_eq!(assumed.iter().filter(|policy| policy.is_some()).count(), 1, "{assumed:#?}");
    let writers = ["CreatePolicy", "AttachRolePolicy"].map(|action| of(&sent, action));
    let writers: Vec<String> = writers.iter().flatten().map(|request| signer(request)).collect();
    assert!(writers.len() == 2 && writers[0] == writers[1], "{writers:?}");
    for read in ["ListPolicies", "ListAttachedRolePolicies", "ListPolicyVersions"]
        .iter()
        .flat_map(|action| of(&sent, action))
    {
        assert_ne!(signer(read), writers[0], "what reads is what it was: {read}");
    }
    let talk = told(&fixed);
    let account = stage.launcher.id;
    assert!(
        talk.contains(&format!(
            "writes in account {account}: the session is narrowed to iam:AttachRolePolicy, iam:CreatePolicy"
        )),
        "{talk}"
    );
    assert!(
        talk.contains(&format!("writes in account {}: by credentials as they are", stage.owner.id)),
        "{talk}"
    );
    assert_eq!(stage.attached().await, ["KmsKeyUsagePolicy"]);

    // The way back is narrowed to its own calls.
    let back = run(&stage, "rollback", &[]);
    assert_eq!(back.status.code(), Some(0), "{}", told(&back));
    let sent = std::mem::take(&mut *requests.lock().unwrap());
    let narrowed: Vec<Value> =
        sent.iter().filter(|request| is_assumption(request)).filter_map(|request| policy(request)).collect();
    let [narrowed] = narrowed.as_slice() else { panic!("{narrowed:#?}") };
    let actions = narrowed["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .map(|statement| statement["Action"].as_str().unwrap());
    assert_eq!(actions.collect::<Vec<_>>(), ["iam:DeletePolicy", "iam:DetachRolePolicy"]);
    assert!(stage.attached().await.is_empty());
}

#[tokio::test]
async fn a_refusal_leaves_the_session_as_it_was() {
    for (refusal, code) in [
        ((|_| Some(refused("AccessDenied"))) as Refusal, "AccessDenied"),
        (|_| Some(refused("MalformedPolicyDocument")), "MalformedPolicyDocument"),
        (|_| Some(refused("PackedPolicyTooLarge")), "PackedPolicyTooLarge"),
    ] {
        let (stage, requests) = stage(refusal).await;
        let fixed = fix(&stage);
        assert_eq!(fixed.status.code(), Some(0), "{code}: {}", told(&fixed));
        let expected =
            format!("writes in account {}: the session is not narrowed, {code}: nothing", stage.launcher.id);
        assert!(told(&fixed).contains(&expected), "{}", told(&fixed));
        let sent = std::mem::take(&mut *requests.lock().unwrap());
        // The last: the first ones may be of whoever was guessed.
        let read = signer(of(&sent, "ListAttachedRolePolicies").last().unwrap());
        assert_eq!(signer(of(&sent, "AttachRolePolicy")[0]), read, "{code}");
        assert_eq!(stage.attached().await, ["KmsKeyUsagePolicy"]);
    }
}

#[tokio::test]
async fn what_packs_too_badly_is_narrowed_to_the_calls_alone() {
    let (stage, requests) =
        stage(|policy| policy.contains("arn:aws").then(|| refused("PackedPolicyTooLarge"))).await;
    let fixed = fix(&stage);
    assert_eq!(fixed.status.code(), Some(0), "{}", told(&fixed));
    assert!(
        told(&fixed).contains("the session is narrowed to iam:AttachRolePolicy, iam:CreatePolicy"),
        "{}",
        told(&fixed)
    );
    let sent = std::mem::take(&mut *requests.lock().unwrap());
    let narrowed: Vec<Value> =
        sent.iter().filter(|request| is_assumption(request)).filter_map(|request| policy(request)).collect();
    assert_eq!(narrowed.len(), 2, "{narrowed:#?}");
    assert_eq!(
        narrowed[1]["Statement"],
        json!([{"Effect": "Allow", "Action": ["iam:AttachRolePolicy", "iam:CreatePolicy"], "Resource": "*"}])
    );
    assert_ne!(
        signer(of(&sent, "AttachRolePolicy")[0]),
        signer(of(&sent, "ListAttachedRolePolicies").last().unwrap())
    );
}
