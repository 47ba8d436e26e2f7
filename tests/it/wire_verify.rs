//! `--verify` over the wire. moto knows neither KMS's dry runs nor IAM's simulation: answers of AWS's documented
//! shape stand in their place.

use std::process::{Command, Output};

use serde_json::Value;

use crate::moto::{Account, Moto, Operator, Proxy};

/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html#API_Decrypt_Errors>
fn dry_runs(action: &str) -> Option<(u16, String)> {
    let answer = |code: &str, message: &str| {
        Some((400, serde_json::json!({ "__type": code, "message": message }).to_string()))
    };
    match action {
        "Decrypt" | "GenerateDataKeyWithoutPlaintext" => answer(
            "DryRunOperationException",
            "The request would have succeeded, but the DryRun option is set.",
        ),
        "ReEncrypt" => answer("ValidationException", "DryRunModifiers is not known"),
        _ => None,
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html#API_SimulatePrincipalPolicy_Examples>
fn simulations(action: &str) -> Option<(u16, String)> {
    if action != "SimulatePrincipalPolicy" {
        return None;
    }
    let result = |(action, decision): (&str, &str)| {
        format!(
            "<member><MatchedStatements/><MissingContextValues/><EvalDecision>{decision}</EvalDecision>\
             <EvalActionName>{action}</EvalActionName></member>"
        )
    };
    let results: String =
        [("kms:Decrypt", "allowed"), ("kms:DescribeKey", "explicitDeny")].map(result).concat();
    let body = format!(
        "<SimulatePrincipalPolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
         <SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated>\
         <EvaluationResults>{results}</EvaluationResults></SimulatePrincipalPolicyResult>\
         <ResponseMetadata><RequestId>1cdb5b0a</RequestId></ResponseMetadata></SimulatePrincipalPolicyResponse>"
    );
    Some((200, body))
}

/// A key whose policy leaves all to its account, a role of that account, and how its access is proven.
async fn verified(proxy: Proxy, more: &[&str]) -> (Output, Vec<String>) {
    let account = Account::new(Moto::shared()).await;
    let id = account.id;
    let policy = format!(
        r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{id}:root"}},"Action":"kms:*","Resource":"*"}}]}}"#
    );
    let key = account.create_key(&policy).await;
    account.create_role("/", "app").await;
    let operator = Operator::new(proxy.endpoint(), &[&account]);
    let config = std::fs::read_to_string(operator.config_file()).unwrap();
    let profile = format!(
        "{config}\n[profile app]\nrole_arn = arn:aws:iam::{id}:role/app\nsource_profile = base\n\
         region = eu-west-1\nendpoint_url = {}\n",
        proxy.endpoint()
    );
    std::fs::write(operator.config_file(), profile).unwrap();
    let role = format!("arn:aws:iam::{id}:role/app");
    let mut command = Command::new(env!("CARGO_BIN_EXE_keymend"));
    command.args(["fix", "--yes", "--output", "json", "--key", &key.to_string(), "--principal", &role]);
    let output = operator.run(command.args(more)).output().unwrap();
    (output, proxy.take().0)
}

/// The rulings on the one grantee, by action.
fn rulings(output: &Output) -> Vec<(String, String)> {
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rulings = report["trials"][0]["rulings"].as_array().unwrap();
    rulings.iter().map(|ruling| (text(&ruling["action"]), text(&ruling["standing"]))).collect()
}

const BY_DRY_RUNS: [(&str, &str); 6] = [
    ("kms:CreateGrant", "unproven"),
    ("kms:Decrypt", "proven"),
    ("kms:DescribeKey", "proven"),
    ("kms:GenerateDataKeyWithoutPlaintext", "proven"),
    ("kms:ReEncryptFrom", "unproven"),
    ("kms:ReEncryptTo", "unproven"),
];

fn owned(rulings: &[(&str, &str)]) -> Vec<(String, String)> {
    rulings.iter().map(|(action, standing)| ((*action).to_owned(), (*standing).to_owned())).collect()
}

#[tokio::test]
async fn dry_runs_as_a_profile() {
    let proxy = Proxy::answering(Moto::shared(), dry_runs);
    let (output, calls) = verified(proxy, &["--verify", "dry-run", "--as-profile", "app"]).await;
    assert_eq!(rulings(&output), owned(&BY_DRY_RUNS));
    assert_eq!(output.status.code(), Some(0));
    for call in ["Decrypt", "GenerateDataKeyWithoutPlaintext", "ReEncrypt"] {
        assert_eq!(calls.iter().filter(|made| *made == call).count(), 1, "{calls:?}");
    }
    assert!(!calls.iter().any(|call| call == "CreateGrant"), "{calls:?}");
}

#[tokio::test]
async fn dry_runs_as_the_role_itself() {
    let proxy = Proxy::answering(Moto::shared(), dry_runs);
    let (output, _) = verified(proxy, &["--verify", "dry-run"]).await;
    assert_eq!(rulings(&output), owned(&BY_DRY_RUNS));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let made_by = report["trials"][0]["made_by"].as_str().unwrap();
    assert!(made_by.ends_with(":assumed-role/app/keymend"), "{made_by}");
}

#[tokio::test]
async fn a_simulation_that_denies() {
    let proxy = Proxy::answering(Moto::shared(), simulations);
    let (output, _) = verified(proxy, &["--verify", "simulate"]).await;
    let rulings = rulings(&output);
    assert_eq!(rulings[1..3], owned(&[("kms:Decrypt", "proven"), ("kms:DescribeKey", "refused")]));
    assert_eq!(rulings[0], ("kms:CreateGrant".to_owned(), "unproven".to_owned()), "not spoken of");
    assert_eq!(output.status.code(), Some(3), "what AWS refuses is left to do");
}
