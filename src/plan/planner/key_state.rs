//! What DescribeKey tells about a key, and what no policy mends.

use super::super::FindingCode;
use super::{Draft, all_listed};
use crate::arn::KeyArn;
use crate::observation::{KeyManager, KeyMetadata};

/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>
const STATES: [&str; 8] = [
    "Creating",
    "Enabled",
    "Disabled",
    "PendingDeletion",
    "PendingImport",
    "PendingReplicaDeletion",
    "Unavailable",
    "Updating",
];

/// How the specs of keys begin that are known not to be for symmetric encryption.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html#KMS-CreateKey-request-KeySpec>
const OTHER_SPECS: [&str; 5] = ["RSA_", "ECC_", "HMAC_", "ML_DSA_", "SM2"];

const OTHER_USAGES: [&str; 3] = ["SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"];

/// Whether EBS encrypts under such a key, and whether that is known.
fn suits_ebs(KeyMetadata { spec, usage, .. }: &KeyMetadata) -> (bool, bool) {
    let (fits, serves) = (spec == "SYMMETRIC_DEFAULT", usage == "ENCRYPT_DECRYPT");
    let is_other =
        OTHER_SPECS.iter().any(|other| spec.starts_with(other)) || OTHER_USAGES.contains(&usage.as_str());
    (fits && serves, (fits && serves) || is_other)
}

/// Something of a key that is newer than this program: nothing is concluded from it.
fn unknown(key: &KeyArn, what: &str, so: &str, draft: &mut Draft) {
    let message = format!("{what}, which keymend does not know: {so} can't be told");
    let hint = "look it up in the KMS Developer Guide, or use a newer keymend".to_owned();
    draft.find(FindingCode::UnknownValue, &key, message, Some(hint));
}

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
    if let KeyManager::Other(manager) = &metadata.manager {
        let what = format!("its manager is `{manager}`");
        unknown(key, &what, "whether its policy can be changed", draft);
    }
    let (suits, is_known) = suits_ebs(metadata);
    if !is_known {
        let what = format!("its spec is `{}` and its usage `{}`", metadata.spec, metadata.usage);
        unknown(key, &what, "whether EBS encrypts under such a key", draft);
    } else if !suits {
        let message = format!(
            "EBS needs a key of spec SYMMETRIC_DEFAULT for ENCRYPT_DECRYPT; this one is {} for {}",
            metadata.spec, metadata.usage
        );
        let hint = "copy the snapshot or the AMI under a symmetric encryption key".to_owned();
        draft.find(FindingCode::UnsuitableKey, &key, message, Some(hint));
    }
    if !STATES.contains(&metadata.state.as_str()) {
        let what = format!("its state is `{}`", metadata.state);
        unknown(key, &what, "whether an instance launches with it", draft);
    } else if is_out_of_use(&metadata.state) {
        let message = format!(
            "the key's state is {}; no instance launches or starts with it, whatever the policies say",
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

/// Whether nothing launches with the key, whatever policies say.
pub(in crate::plan) fn stops_launches(metadata: &KeyMetadata) -> bool {
    suits_ebs(metadata) == (false, true) || is_out_of_use(&metadata.state)
}

fn is_out_of_use(state: &str) -> bool {
    STATES.contains(&state) && state != "Enabled" && state != "Updating"
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
