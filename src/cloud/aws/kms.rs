//! Calls of AWS KMS in one region, with one set of credentials.

use aws_sdk_kms::Client;
use aws_sdk_kms::operation::RequestId;
use aws_sdk_kms::types;

use super::errors::Call;
use super::transport::send_once;
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

/// kms:ListAliases, one page.
pub(super) async fn aliases(client: &Client, call: &Call) -> Result<Vec<String>, CloudError> {
    let output = client.list_aliases().send().await.map_err(|error| call.failed(&error))?;
    Ok(output.aliases().iter().filter_map(|alias| alias.alias_name().map(str::to_owned)).collect())
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
    let request = client
        .create_grant()
        .key_id(&call.resource)
        .grantee_principal(grant.grantee.to_string())
        .set_operations(Some(operations.collect()))
        .name(&grant.name);
    let output = send_once!(aws_sdk_kms, call, request)?;
    let request_id = output.request_id().map(str::to_owned);
    Ok(Receipt { request_id, grant: output.grant_id, ..Receipt::default() })
}

/// kms:RevokeGrant on the call's resource, tried once.
pub(super) async fn revoke_grant(client: &Client, call: &Call, id: &str) -> Result<Receipt, CloudError> {
    let request = client.revoke_grant().key_id(&call.resource).grant_id(id);
    let output = send_once!(aws_sdk_kms, call, request)?;
    Ok(Receipt { request_id: output.request_id().map(str::to_owned), ..Receipt::default() })
}

/// kms:PutKeyPolicy on the call's resource, tried once. The lockout safety check stays on.
pub(super) async fn put_key_policy(
    client: &Client,
    call: &Call,
    policy: &str,
) -> Result<Receipt, CloudError> {
    let request = client.put_key_policy().key_id(&call.resource).policy_name(POLICY_NAME).policy(policy);
    let output = send_once!(aws_sdk_kms, call, request)?;
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
        related_keys: related_keys(metadata, &arn),
        arn,
    })
}

/// Primary and replicas, without the key itself, in the order of their ARNs; only told, so that one in a form which is
/// newer than this program is left out.
fn related_keys(metadata: &types::KeyMetadata, own: &KeyArn) -> Vec<KeyArn> {
    let configuration = metadata.multi_region_configuration();
    let keys = configuration.into_iter().flat_map(|configuration| {
        configuration.primary_key().into_iter().chain(configuration.replica_keys())
    });
    let arns = keys.filter_map(types::MultiRegionKey::arn).filter_map(|arn| arn.parse().ok());
    let mut arns: Vec<KeyArn> = arns.filter(|arn| arn != own).collect();
    arns.sort();
    arns
}

#[cfg(test)]
mod tests {
    use aws_sdk_kms::operation::create_grant::CreateGrantOutput;
    use aws_smithy_mocks::{mock, mock_client};
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_types::body::SdkBody;
    use serde_json::json;

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

    fn answer(status: u16, body: &serde_json::Value) -> HttpResponse {
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()));
        response.headers_mut().insert("Content-Type", "application/x-amz-json-1.1");
        response
    }

    /// Words that the SDK has never heard of come as they are.
    #[tokio::test]
    async fn words_of_next_year_break_no_description() {
        let replica = "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab";
        let body = json!({"KeyMetadata": {
            "KeyId": "1234abcd-12ab-34cd-56ef-1234567890ab", "Arn": KEY, "KeyManager": "PARTNER",
            "KeyState": "QuantumPending", "KeySpec": "SYMMETRIC_LATTICE", "KeyUsage": "ENTANGLE", "Origin": "ORBIT",
            "EncryptionAlgorithms": ["LATTICE_1"], "Entangled": {"With": [1, null]},
            "MultiRegionConfiguration": {"MultiRegionKeyType": "SECONDARY", "PrimaryKey": {"Arn": KEY},
                "ReplicaKeys": [{"Arn": "arn:aws:kms:moon:111122223333:ring/1"}, {"Arn": replica}, {}]},
        }});
        let rule = mock!(Client::describe_key).then_http_response(move || answer(200, &body));
        let described = describe_key(&mock_client!(aws_sdk_kms, [&rule]), &call()).await.unwrap();
        let KeyMetadata { manager, state, spec, usage, origin, related_keys, .. } = described;
        assert_eq!(manager, KeyManager::Other("PARTNER".to_owned()));
        assert_eq!(
            [state, spec, usage, origin],
            ["QuantumPending", "SYMMETRIC_LATTICE", "ENTANGLE", "ORBIT"]
        );
        assert_eq!(related_keys, [replica.parse().unwrap()]);
    }

    #[tokio::test]
    async fn the_policy_of_resource_access_manager_is_there_or_not() {
        let refused = |code: &str| json!({"__type": code, "message": "No such policy exists"});
        for (status, body, expected) in [
            (200, json!({"Policy": "{}", "PolicyName": "AWS_RAM"}), Ok(Some("{}"))),
            (200, json!({"Policy": "{}"}), Ok(Some("{}"))),
            // A server that knows one policy only.
            (200, json!({"Policy": "{}", "PolicyName": "default"}), Ok(None)),
            (400, refused("NotFoundException"), Ok(None)),
            (400, refused("AccessDeniedException"), Err(CloudErrorKind::AccessDenied)),
            (400, refused("QuantumStateException"), Err(CloudErrorKind::Other)),
        ] {
            let told = body.to_string();
            let rule = mock!(Client::get_key_policy)
                .match_requests(|request| request.policy_name() == Some("AWS_RAM"))
                .then_http_response(move || answer(status, &body));
            let read = ram_policy(&mock_client!(aws_sdk_kms, [&rule]), &call()).await;
            assert_eq!(read.as_ref().map(Option::as_deref).map_err(|error| error.kind), expected, "{told}");
        }
    }
}
