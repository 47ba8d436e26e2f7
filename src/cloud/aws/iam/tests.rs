use aws_sdk_iam::operation::get_account_summary::GetAccountSummaryOutput;
use aws_sdk_iam::operation::get_policy::GetPolicyOutput;
use aws_sdk_iam::operation::get_policy_version::GetPolicyVersionOutput;
use aws_sdk_iam::operation::list_entities_for_policy::ListEntitiesForPolicyOutput;
use aws_sdk_iam::operation::list_policies::ListPoliciesOutput;
use aws_sdk_iam::types::{Policy, PolicyRole, PolicyUser, PolicyVersion, SummaryKeyType};
use aws_smithy_mocks::{RuleMode, mock, mock_client};

use super::*;

const ARN: &str = "arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy";

fn iam(client: Client) -> Iam {
    Iam { client, account: "444455556666".parse().unwrap(), partition: Partition::Aws }
}

fn listed(name: &str) -> Policy {
    let arn = format!("arn:aws:iam::444455556666:policy/{name}");
    Policy::builder().policy_name(name).arn(arn).default_version_id("v1").build()
}

#[tokio::test]
async fn policies_of_all_pages() {
    let pages = mock!(Client::list_policies)
        .match_requests(|request| request.scope() == Some(&PolicyScopeType::Local))
        .sequence()
        .output(|| {
            let page =
                ListPoliciesOutput::builder().policies(listed("KmsKeyUsagePolicy-2")).is_truncated(true);
            page.policies(listed("Other")).marker("more").build()
        })
        .output(|| ListPoliciesOutput::builder().policies(listed("KmsKeyUsagePolicy")).build())
        .build();
    let iam = iam(mock_client!(aws_sdk_iam, [&pages]));
    let policies = iam.policies_named(&PolicyName::default()).await.unwrap();
    let names: Vec<_> = policies.iter().map(|(policy, _)| &*policy.name).collect();
    assert_eq!(names, ["KmsKeyUsagePolicy", "KmsKeyUsagePolicy-2"]);
}

#[tokio::test]
async fn users_of_a_policy_of_all_pages() {
    let boundary = mock!(Client::list_entities_for_policy)
        .match_requests(|request| {
            request.policy_usage_filter() == Some(&PolicyUsageType::PermissionsBoundary)
        })
        .sequence()
        .output(|| {
            let role = PolicyRole::builder().role_name("app").build();
            let page = ListEntitiesForPolicyOutput::builder().policy_roles(role).is_truncated(true);
            page.marker("more").build()
        })
        .output(|| {
            let user = PolicyUser::builder().user_name("ann").build();
            ListEntitiesForPolicyOutput::builder().policy_users(user).build()
        })
        .build();
    let iam = iam(mock_client!(aws_sdk_iam, [&boundary]));
    let names = iam.used_by(ARN, PolicyUsageType::PermissionsBoundary).await.unwrap();
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["user ann", "role app"]);
}

#[tokio::test]
async fn documents_are_percent_decoded_and_plus_stays_plus() {
    let version = mock!(Client::get_policy_version).then_output(|| {
        let version = PolicyVersion::builder().document("%7B%22Sid%22%3A+%22a+b%2Bc%20%C3%A9%22%7D").build();
        GetPolicyVersionOutput::builder().policy_version(version).build()
    });
    let iam = iam(mock_client!(aws_sdk_iam, [&version]));
    assert_eq!(iam.document(ARN, "v1").await.unwrap(), r#"{"Sid":+"a+b+c é"}"#);
}

#[tokio::test]
async fn quotas_that_are_missing_are_the_documented_ones() {
    let summary = mock!(Client::get_account_summary).then_output(|| {
        GetAccountSummaryOutput::builder()
            .summary_map(SummaryKeyType::AttachedPoliciesPerRoleQuota, 20)
            .build()
    });
    let iam = iam(mock_client!(aws_sdk_iam, [&summary]));
    assert_eq!(iam.quotas().await.unwrap(), IamQuotas { attached_per_role: 20, ..IamQuotas::default() });
}

#[test]
fn the_tenth_version_is_younger_than_the_ninth() {
    assert!(version_number("v10") > version_number("v9"));
}

#[tokio::test]
async fn the_document_in_force_of_one_of_awss_policies() {
    const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let policy = mock!(Client::get_policy).match_requests(|request| request.policy_arn() == Some(READ_ONLY));
    let policy = policy.then_output(|| {
        let policy = Policy::builder().arn(READ_ONLY).default_version_id("v12").build();
        GetPolicyOutput::builder().policy(policy).build()
    });
    let version =
        mock!(Client::get_policy_version).match_requests(|request| request.version_id() == Some("v12"));
    let version = version.then_output(|| {
        let version = PolicyVersion::builder().document("%7B%7D").build();
        GetPolicyVersionOutput::builder().policy_version(version).build()
    });
    let iam = iam(mock_client!(aws_sdk_iam, RuleMode::MatchAny, [&policy, &version]));
    assert_eq!(iam.document_in_force(READ_ONLY).await.unwrap(), "{}");
}
