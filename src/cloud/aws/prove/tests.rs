use aws_sdk_kms::config::http::HttpResponse;
use aws_smithy_mocks::{RuleMode, mock, mock_client};

use super::*;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROLE: &str = "arn:aws:iam::444455556666:role/app";

fn call(operation: &'static str, resource: &str) -> Call {
    let account = Some("444455556666".parse().unwrap());
    Call { operation, resource: resource.to_owned(), account, region: None }
}

/// An answer of KMS in the documented shape.
fn refusal(code: &str, message: &str) -> HttpResponse {
    let body = serde_json::json!({ "__type": code, "message": message }).to_string();
    HttpResponse::new(400.try_into().unwrap(), body.into())
}

async fn decrypt(answer: fn() -> HttpResponse) -> Result<(), CloudError> {
    let rule = mock!(aws_sdk_kms::Client::decrypt)
        .match_requests(|request| {
            request.dry_run() == Some(true)
                && request.dry_run_modifiers() == [IgnoreCiphertext]
                && request.ciphertext_blob().is_none()
                && request.key_id() == Some(KEY)
        })
        .then_http_response(answer);
    let client = mock_client!(aws_sdk_kms, [&rule]);
    let ended = try_call(&client, &call("kms:Decrypt", KEY), LaunchCall::Decrypt).await;
    assert_eq!(rule.num_calls(), 1);
    ended
}

#[tokio::test]
async fn a_dry_run_that_would_succeed() {
    const SUCCEEDS: &str = "The request would have succeeded, but the DryRun option is set.";
    assert_eq!(decrypt(|| refusal("DryRunOperationException", SUCCEEDS)).await, Ok(()));
}

#[tokio::test]
async fn a_dry_run_that_is_refused() {
    let error = decrypt(|| refusal("AccessDeniedException", "User: x is not authorized")).await.unwrap_err();
    assert_eq!(error.kind, CloudErrorKind::AccessDenied);
    assert!(error.to_string().starts_with("kms:Decrypt on"), "{error}");
}

#[tokio::test]
async fn a_dry_run_that_does_not_tell() {
    let error = decrypt(|| refusal("ValidationException", "no such modifier")).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (CloudErrorKind::Other, Some("ValidationException")));
}

#[tokio::test]
async fn a_call_that_is_carried_out_is_no_proof() {
    let carried_out = || HttpResponse::new(200.try_into().unwrap(), "{}".into());
    let error = decrypt(carried_out).await.unwrap_err();
    assert!(error.message.contains("although a dry run was asked for"), "{error}");
}

#[tokio::test]
async fn the_other_calls_are_dry_runs_too() {
    let would_succeed = || refusal("DryRunOperationException", "");
    let data_key = mock!(aws_sdk_kms::Client::generate_data_key_without_plaintext)
        .match_requests(|request| request.dry_run() == Some(true) && request.key_id() == Some(KEY))
        .then_http_response(would_succeed);
    let re_encrypt = mock!(aws_sdk_kms::Client::re_encrypt)
        .match_requests(|request| {
            request.dry_run() == Some(true)
                && request.dry_run_modifiers() == [IgnoreCiphertext]
                && [request.source_key_id(), request.destination_key_id()] == [Some(KEY); 2]
        })
        .then_http_response(would_succeed);
    let client = mock_client!(aws_sdk_kms, RuleMode::MatchAny, [&data_key, &re_encrypt]);
    for call_ in [LaunchCall::GenerateDataKeyWithoutPlaintext, LaunchCall::ReEncrypt] {
        assert_eq!(try_call(&client, &call(call_.operation(), KEY), call_).await, Ok(()));
    }
}

/// The answer's form in the API's reference, with the members that tests need.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>
fn simulation(results: &str, more: &str) -> HttpResponse {
    let body = format!(
        r#"<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
             <SimulatePrincipalPolicyResult>
               <IsTruncated>{}</IsTruncated>{more}
               <EvaluationResults>{results}</EvaluationResults>
             </SimulatePrincipalPolicyResult>
             <ResponseMetadata><RequestId>1cdb5b0a-4c15-11e5-b121-bd8c7EXAMPLE</RequestId></ResponseMetadata>
           </SimulatePrincipalPolicyResponse>"#,
        !more.is_empty()
    );
    HttpResponse::new(200.try_into().unwrap(), body.into())
}

const ALLOWED: &str = r"<member>
    <MatchedStatements>
      <member>
        <SourcePolicyId>KmsKeyUsagePolicy</SourcePolicyId>
        <SourcePolicyType>IAM Policy</SourcePolicyType>
        <StartPosition><Line>1</Line><Column>2</Column></StartPosition>
        <EndPosition><Line>9</Line><Column>3</Column></EndPosition>
      </member>
    </MatchedStatements>
    <MissingContextValues/>
    <EvalResourceName>arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab</EvalResourceName>
    <EvalDecision>allowed</EvalDecision>
    <EvalActionName>kms:Decrypt</EvalActionName>
  </member>";

const DENIED: &str = r"<member>
    <MatchedStatements/>
    <MissingContextValues/>
    <EvalDecision>implicitDeny</EvalDecision>
    <EvalActionName>kms:DescribeKey</EvalActionName>
    <OrganizationsDecisionDetail><AllowedByOrganizations>true</AllowedByOrganizations></OrganizationsDecisionDetail>
    <ResourceSpecificResults>
      <member>
        <EvalResourceName>arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab</EvalResourceName>
        <EvalResourceDecision>implicitDeny</EvalResourceDecision>
        <MissingContextValues><member>aws:SourceVpc</member></MissingContextValues>
        <PermissionsBoundaryDecisionDetail>
          <AllowedByPermissionsBoundary>false</AllowedByPermissionsBoundary>
        </PermissionsBoundaryDecisionDetail>
      </member>
    </ResourceSpecificResults>
  </member>";

#[tokio::test]
async fn a_simulation_of_two_pages() {
    let pages = mock!(aws_sdk_iam::Client::simulate_principal_policy)
        .match_requests(|request| {
            let context: Vec<_> = request
                .context_entries()
                .iter()
                .map(|entry| (entry.context_key_name().unwrap(), entry.context_key_values().join(",")))
                .collect();
            request.policy_source_arn() == Some(ROLE)
                && request.resource_arns() == [KEY]
                && request.action_names() == ["kms:Decrypt", "kms:DescribeKey"]
                && context.contains(&("kms:ViaService", "ec2.eu-west-1.amazonaws.com".to_owned()))
                && context.contains(&("kms:CallerAccount", "444455556666".to_owned()))
        })
        .sequence()
        .http_response(|| simulation(ALLOWED, "<Marker>more</Marker>"))
        .http_response(|| simulation(DENIED, ""))
        .build();
    let client = mock_client!(aws_sdk_iam, RuleMode::Sequential, [&pages]);
    let actions = ["kms:Decrypt", "kms:DescribeKey"].map(|action| action.parse().unwrap());
    let call = call("iam:SimulatePrincipalPolicy", ROLE);
    let answers = simulate(&client, &call, &KEY.parse().unwrap(), &actions).await.unwrap();
    let [allowed, denied] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!((allowed.decision, allowed.action), (Simulation::Allowed, actions[0]));
    assert_eq!(allowed.decided_by, ["KmsKeyUsagePolicy"]);
    assert_eq!((denied.decision, denied.action), (Simulation::ImplicitDeny, actions[1]));
    assert_eq!((denied.allowed_by_organization, denied.allowed_by_boundary), (Some(true), Some(false)));
    assert_eq!(denied.missing_keys, ["aws:SourceVpc"]);
    assert!(!denied.is_across_accounts);
}
