//! Writes to AWS IAM, each tried once: whoever tries again has to read first.

use aws_sdk_iam::Client;
use aws_sdk_iam::operation::RequestId;
use aws_sdk_iam::types::PolicyVersion;

use super::errors::Call;
use super::transport::send_once;
use crate::arn::{EntityArn, EntityKind, PolicyArn};
use crate::cloud::{CloudError, Receipt};

fn receipt(output: &impl RequestId) -> Receipt {
    Receipt { request_id: output.request_id().map(str::to_owned), ..Receipt::default() }
}

/// iam:CreatePolicy.
pub(super) async fn create_policy(
    client: &Client,
    call: &Call,
    policy: &PolicyArn,
    description: &str,
    document: &str,
) -> Result<Receipt, CloudError> {
    let request = client
        .create_policy()
        .policy_name(&policy.name)
        .path(&policy.path)
        .description(description)
        .policy_document(document);
    Ok(receipt(&send_once!(aws_sdk_iam, call, request)?))
}

/// iam:DeletePolicyVersion.
pub(super) async fn delete_policy_version(
    client: &Client,
    call: &Call,
    version: &str,
) -> Result<Receipt, CloudError> {
    let request = client.delete_policy_version().policy_arn(&call.resource).version_id(version);
    Ok(receipt(&send_once!(aws_sdk_iam, call, request)?))
}

/// iam:CreatePolicyVersion, which becomes the default.
pub(super) async fn create_policy_version(
    client: &Client,
    call: &Call,
    document: &str,
) -> Result<Receipt, CloudError> {
    let request = client
        .create_policy_version()
        .policy_arn(&call.resource)
        .policy_document(document)
        .set_as_default(true);
    let output = send_once!(aws_sdk_iam, call, request)?;
    let version = output.policy_version().and_then(PolicyVersion::version_id).map(str::to_owned);
    Ok(Receipt { version, ..receipt(&output) })
}

/// iam:SetDefaultPolicyVersion.
pub(super) async fn set_default_version(
    client: &Client,
    call: &Call,
    version: &str,
) -> Result<Receipt, CloudError> {
    let request = client.set_default_policy_version().policy_arn(&call.resource).version_id(version);
    Ok(receipt(&send_once!(aws_sdk_iam, call, request)?))
}

/// iam:DeletePolicy.
pub(super) async fn delete_policy(client: &Client, call: &Call) -> Result<Receipt, CloudError> {
    let request = client.delete_policy().policy_arn(&call.resource);
    Ok(receipt(&send_once!(aws_sdk_iam, call, request)?))
}

/// iam:AttachUserPolicy, iam:AttachRolePolicy, iam:AttachGroupPolicy.
pub(super) async fn attach_policy(
    client: &Client,
    call: &Call,
    entity: &EntityArn,
) -> Result<Receipt, CloudError> {
    let (policy, name) = (&call.resource, &entity.name);
    match entity.kind {
        EntityKind::User => {
            let request = client.attach_user_policy().user_name(name).policy_arn(policy);
            Ok(receipt(&send_once!(aws_sdk_iam, call, request)?))
        }
        EntityKind::Role => {
            let request = client.attach_role_policy().role_name(name).policy_arn(policy);
            Ok(receipt(&send_once!(aws_sdk_iam, call, request)?))
        }
        EntityKind::Group => {
            let request = client.attach_group_policy().group_name(name).policy_arn(policy);
            Ok(receipt(&send_once!(aws_sdk_iam, call, request)?))
        }
    }
}

/// iam:DetachUserPolicy, iam:DetachRolePolicy, iam:DetachGroupPolicy.
pub(super) async fn detach_policy(
    client: &Client,
    call: &Call,
    entity: &EntityArn,
) -> Result<Receipt, CloudError> {
    let (policy, name) = (&call.resource, &entity.name);
    match entity.kind {
        EntityKind::User => {
            let request = client.detach_user_policy().user_name(name).policy_arn(policy);
            Ok(receipt(&send_once!(aws_sdk_iam, call, request)?))
        }
        EntityKind::Role => {
            let request = client.detach_role_policy().role_name(name).policy_arn(policy);
            Ok(receipt(&send_once!(aws_sdk_iam, call, request)?))
        }
        EntityKind::Group => {
            let request = client.detach_group_policy().group_name(name).policy_arn(policy);
            Ok(receipt(&send_once!(aws_sdk_iam, call, request)?))
        }
    }
}
