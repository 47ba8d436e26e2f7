//! Calls of AWS KMS in one region, with one set of credentials.

use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::{Builder, Config};
use aws_sdk_kms::operation::RequestId;
use aws_sdk_kms::types;

use super::errors::Call;
use crate::access::NewGrant;
use crate::arn::{ArnError, KeyArn};
use crate::cloud::{CloudError, CloudErrorKind, Receipt};
use crate::observation::{KeyManager, KeyMetadata, Tags};

/// The only name a key policy can be written by.
const POLICY_NAME: &str = "default";

/// The name of the policy that AWS Resource Access Manager writes.
const RAM_POLICY_NAME: &str = "AWS_RAM";

/// kms:DescribeKey of the call's resource.
pub(super) async fn describe_key(client: &Client, call: &Call) -> Result<KeyMetadata, CloudError> {
    let request = client.describe_key().key_id(&call.resource);
    let output = request.send().await.map_err(|error| call.failed(&error))?;
    let metadata = output.key_metadata().ok_or_else(|| call.unexpected("no metadata"))?;
    key_metadata(metadata).map_err(|error| call.unexpected(error))
}

/// kms:GetKeyPolicy of the call's resource.
pub(super) async fn key_policy(client: &Client, call: &Call) -> Result<String, CloudError> {
    let request = client.get_key_policy().key_id(&call.resource).policy_name(POLICY_NAME);
    let output = request.send().await.map_err(|error| call.failed(&error))?;
    output.policy.ok_or_else(|| call.unexpected("no policy"))
}

/// kms:GetKeyPolicy of the call's resource, for the policy `AWS_RAM`; `None` where there is none.
pub(super) async fn ram_policy(client: &Client, call: &Call) -> Result<Option<String>, CloudError> {
    let request = client.get_key_policy().key_id(&call.resource).policy_name(RAM_POLICY_NAME);
    match request.send().await.map_err(|error| call.failed(&error)) {
        // A server that knows only one policy may give that, whatever it is asked for.
        Ok(output) => Ok(output
            .policy
            .filter(|_| output.policy_name.as_deref().is_none_or(|name| name == RAM_POLICY_NAME))),
        Err(error) if error.kind == CloudErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// kms:ListResourceTags of the call's resource, all pages.
pub(super) async fn tags(client: &Client, call: &Call) -> Result<Tags, CloudError> {
    let pages = client.list_resource_tags().key_id(&call.resource).into_paginator().items().send();
    let listed: Vec<types::Tag> =
        pages.collect::<Result<_, _>>().await.map_err(|error| call.failed(&error))?;
    Ok(listed.into_iter().map(|tag| (tag.tag_key, tag.tag_value)).collect())
}

/// kms:CreateGrant on the call's resource, tried once.
pub(super) async fn create_grant(
    client: &Client,
    call: &Call,
    grant: &NewGrant,
) -> Result<Receipt, CloudError> {
    let operations = grant.operations.iter().map(|operation| types::GrantOperation::from(operation.as_str()));
    let output = client
        .create_grant()
        .key_id(&call.resource)
        .grantee_principal(grant.grantee.to_string())
        .set_operations(Some(operations.collect()))
        .name(&grant.name)
        .customize()
        .config_override(once())
        .send()
        .await
        .map_err(|error| call.failed(&error))?;
    let request_id = output.request_id().map(str::to_owned);
    Ok(Receipt { request_id, grant: output.grant_id, ..Receipt::default() })
}

/// kms:RevokeGrant on the call's resource, tried once.
pub(super) async fn revoke_grant(client: &Client, call: &Call, id: &str) -> Result<Receipt, CloudError> {
    let request = client.revoke_grant().key_id(&call.resource).grant_id(id);
    let output =
        request.customize().config_override(once()).send().await.map_err(|error| call.failed(&error))?;
    Ok(Receipt { request_id: output.request_id().map(str::to_owned), ..Receipt::default() })
}

fn once() -> Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}

/// kms:PutKeyPolicy on the call's resource, tried once. The lockout safety check stays on.
pub(super) async fn put_key_policy(
    client: &Client,
    call: &Call,
    policy: &str,
) -> Result<Receipt, CloudError> {
    let output = client
        .put_key_policy()
        .key_id(&call.resource)
        .policy_name(POLICY_NAME)
        .policy(policy)
        .customize()
        .config_override(once())
        .send()
        .await
        .map_err(|error| call.failed(&error))?;
    Ok(Receipt { request_id: output.request_id().map(str::to_owned), ..Receipt::default() })
}

fn key_metadata(metadata: &types::KeyMetadata) -> Result<KeyMetadata, ArnError> {
    let arn: KeyArn = metadata.arn().unwrap_or_default().parse()?;
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Ok(KeyMetadata {
        // AWS tells always; servers that only play its part may leave it out.
        manager: metadata
            .key_manager()
            .map_or(KeyManager::Customer, |manager| KeyManager::from(manager.as_str().to_owned())),
        state: text(metadata.key_state().map(types::KeyState::as_str)),
        spec: text(metadata.key_spec().map(types::KeySpec::as_str)),
        usage: text(metadata.key_usage().map(types::KeyUsageType::as_str)),
        origin: text(metadata.origin().map(types::OriginType::as_str)),
        related_keys: related_keys(metadata, &arn)?,
        arn,
    })
}

/// Primary and replicas, without the key itself, in the order of their ARNs.
fn related_keys(metadata: &types::KeyMetadata, own: &KeyArn) -> Result<Vec<KeyArn>, ArnError> {
    let Some(configuration) = metadata.multi_region_configuration() else { return Ok(Vec::new()) };
    let keys = configuration.primary_key().into_iter().chain(configuration.replica_keys());
    let mut arns: Vec<KeyArn> =
        keys.filter_map(types::MultiRegionKey::arn).map(str::parse).collect::<Result<_, _>>()?;
    arns.retain(|arn| arn != own);
    arns.sort();
    Ok(arns)
}

#[cfg(test)]
mod tests {
    use aws_sdk_kms::operation::create_grant::CreateGrantOutput;
    use aws_smithy_mocks::{mock, mock_client};

    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn call() -> Call {
        Call { operation: "kms:CreateGrant", resource: KEY.to_owned(), account: None, region: None }
    }

    #[tokio::test]
    async fn the_id_of_a_new_grant_is_kept() {
        use crate::arn::EntityArn;

        let rule = mock!(Client::create_grant)
            .then_output(|| CreateGrantOutput::builder().grant_id("a1").grant_token("secret").build());
        let client = mock_client!(aws_sdk_kms, [&rule]);
        let role =
            "arn:aws:iam::444455556666:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot";
        let role = role.parse::<EntityArn>().unwrap().try_into().unwrap();
        let grant = NewGrant::for_launch(&KEY.parse().unwrap(), &role);
        let receipt = create_grant(&client, &call(), &grant).await.unwrap();
        assert_eq!(receipt.grant.as_deref(), Some("a1"));
    }
}
