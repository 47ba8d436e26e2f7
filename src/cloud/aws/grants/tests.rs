use aws_sdk_kms::operation::list_grants::ListGrantsOutput;
use aws_sdk_kms::types::GrantOperation;
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use serde_json::json;

use super::*;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn call() -> Call {
    Call { operation: "kms:ListGrants", resource: KEY.to_owned(), account: None, region: None }
}

#[tokio::test]
async fn grants_of_all_pages() {
    let pages = mock!(Client::list_grants)
        .match_requests(|request| request.key_id() == Some(KEY))
        .sequence()
        .output(|| {
            let grant = GrantListEntry::builder().grant_id("1").grantee_principal("p");
            let grant = grant.operations(GrantOperation::Decrypt).build();
            ListGrantsOutput::builder().grants(grant).truncated(true).next_marker("more").build()
        })
        .output(|| {
            let constraints = GrantConstraints::builder().encryption_context_equals("a", "b").build();
            let grant = GrantListEntry::builder().grant_id("2").grantee_service_principal("s");
            ListGrantsOutput::builder().grants(grant.constraints(constraints).build()).build()
        })
        .build();
    let client = mock_client!(aws_sdk_kms, RuleMode::Sequential, [&pages]);
    let found = grants(&client, &call()).await.unwrap();
    let told: Vec<_> = found.iter().map(|grant| (grant.id.as_str(), grant.grantee.as_str())).collect();
    assert_eq!(told, [("1", "p"), ("2", "s")]);
    assert_eq!(found[0].operations, ["Decrypt"]);
    assert_eq!(found[1].context_equals, [("a".to_owned(), "b".to_owned())].into());
}

#[tokio::test]
async fn a_list_that_leads_back_to_itself_ends() {
    let rule = mock!(Client::list_grants)
        .sequence()
        .output(|| ListGrantsOutput::builder().truncated(true).next_marker("more").build())
        .repeatedly()
        .build();
    let error = grants(&mock_client!(aws_sdk_kms, [&rule]), &call()).await.unwrap_err();
    assert_eq!(error.message, "unexpected answer: a list without an end");
}

/// What KMS may answer beyond what the SDK knows: no form of one grant hides the others.
#[tokio::test]
async fn whatever_is_new_about_a_grant_is_told_of_that_grant_alone() {
    let role = "arn:aws:iam::444455556666:role/app";
    let entries = json!([
        {"GrantId": "plain", "GranteePrincipal": role, "Operations": ["Decrypt"]},
        {"GrantId": "source", "GranteePrincipal": role, "Operations": ["Decrypt"],
         "Constraints": {"SourceArn": "arn:aws:s3:::bucket"}},
        {"GrantId": "service", "GranteeServicePrincipal": "quantum.amazonaws.com", "Operations": ["Decrypt"],
         "RetiringServicePrincipal": "quantum.amazonaws.com",
         "Constraints": {"SourceArn": "arn:aws:quantum:eu-west-1:444455556666:lattice/1"}},
        {"GrantId": "operation", "GranteePrincipal": role, "Operations": ["Decrypt", "DecryptInBulk"]},
        {"GrantId": "constraint", "GranteePrincipal": role, "Operations": ["Decrypt"],
         "Constraints": {"SourceVpc": {"Id": "vpc-1"}, "NotAfter": 1, "SourceOrgID": null}},
        {"GrantId": "member", "GranteePrincipal": role, "Operations": ["Decrypt"], "Tier": {"Name": ["gold"]}},
        {"GrantId": "instance", "Operations": ["Decrypt"],
         "GranteePrincipal": "arn:aws:sts::444455556666:assumed-role/aws:ec2-infrastructure/i-0123456789abcdef0"},
        {"GrantId": "older", "Operations": ["Decrypt"],
         "GranteePrincipal": "444455556666:aws:ec2-infrastructure:i-0123456789abcdef0"},
        {"GrantId": "form", "GranteePrincipal": "quantum:444455556666/anything at all", "Operations": []},
        {"GrantId": "nobody", "Operations": ["Decrypt"], "Constraints": null},
        {"Operations": ["Decrypt"]},
    ]);
    let body = json!({"Grants": entries, "Truncated": false, "Hint": "newer"}).to_string();
    let rule = mock!(Client::list_grants)
        .then_http_response(move || HttpResponse::new(200.try_into().unwrap(), SdkBody::from(body.clone())));
    let found = grants(&mock_client!(aws_sdk_kms, [&rule]), &call()).await.unwrap();
    let told = |grant: &KeyGrant| {
        let KeyGrant { id, grantee, operations, source_arn, unknown_constraints, .. } = grant;
        let source = source_arn.as_deref().unwrap_or("-");
        format!("{id}: {grantee}, {}, {source}, {}", operations.join("+"), unknown_constraints.join("+"))
    };
    insta::assert_snapshot!(found.iter().map(told).collect::<Vec<_>>().join("\n"));
}
