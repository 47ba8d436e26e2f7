//! What DescribeKey tells about a key, and what no policy mends.

use super::super::FindingCode;
use super::{Draft, all_listed};
use crate::arn::KeyArn;
use crate::observation::{KeyManager, KeyMetadata};

/// What DescribeKey tells that no policy mends.
pub(super) fn judge(key: &KeyArn, metadata: &KeyMetadata, draft: &mut Draft) {
    if metadata.manager == KeyManager::Aws {
        let message = "an AWS managed key: its policy can't be changed and what it encrypts can't be shared";
        let hint = format!(
            "copy the snapshot or the AMI under a customer managed key: aws ec2 copy-image --region {} \
             --source-region {} --source-image-id AMI --name NAME --encrypted --kms-key-id KEY",
            key.region, key.region
        );
        draft.find(FindingCode::AwsManagedKey, &key, message, Some(hint));
        return;
    }
    if metadata.spec != "SYMMETRIC_DEFAULT" || metadata.usage != "ENCRYPT_DECRYPT" {
        let message = format!(
            "EBS needs a key of spec SYMMETRIC_DEFAULT for ENCRYPT_DECRYPT; this one is {} for {}",
            metadata.spec, metadata.usage
        );
        let hint = "copy the snapshot or the AMI under a symmetric encryption key".to_owned();
        draft.find(FindingCode::UnsuitableKey, &key, message, Some(hint));
    }
    if metadata.state != "Enabled" && metadata.state != "Updating" {
        let message = format!(
            "the key's state is {}; no instance launches with it, whatever the policies say",
            metadata.state
        );
        draft.find(FindingCode::KeyState, &key, message, way_out_of_state(key, &metadata.state));
    }
    if !metadata.related_keys.is_empty() {
        let others: Vec<String> = metadata.related_keys.iter().map(ToString::to_string).collect();
        let message = format!(
            "a multi-Region key: {} {} a key policy of {} own, which this plan leaves as it is",
            all_listed(&others),
            if others.len() == 1 { "has" } else { "have" },
            if others.len() == 1 { "its" } else { "their" },
        );
        draft.find(FindingCode::MultiRegionKey, &key, message, None);
    }
}

/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>
fn way_out_of_state(key: &KeyArn, state: &str) -> Option<String> {
    let region = &key.region;
    match state {
        "Disabled" => Some(format!("enable it: aws kms enable-key --region {region} --key-id {key}")),
        "PendingDeletion" => Some(format!(
            "cancel the deletion, then enable it: aws kms cancel-key-deletion --region {region} --key-id {key} \
             && aws kms enable-key --region {region} --key-id {key}"
        )),
        "PendingImport" => Some("import its key material first".to_owned()),
        "Unavailable" => Some("connect its custom key store first".to_owned()),
        _ => None,
    }
}
