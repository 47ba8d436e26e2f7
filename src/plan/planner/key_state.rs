//! What DescribeKey tells about a key, and what no policy mends.

use super::super::finding::KeyFinding;
use super::super::finding::key::NewerKey;
use super::Draft;
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

/// What DescribeKey tells that no policy mends.
pub(super) fn judge(key: &KeyArn, metadata: &KeyMetadata, draft: &mut Draft) {
    let KeyMetadata { manager, spec, usage, state, related_keys, .. } = metadata;
    match manager {
        KeyManager::Aws => {
            return draft.find(key, KeyFinding::AwsManaged { region: key.region.clone() });
        }
        KeyManager::Customer => {}
        KeyManager::Other(manager) => {
            draft.find(key, KeyFinding::Newer(NewerKey::Manager(manager.clone())));
        }
    }
    let (suits, is_known) = suits_ebs(metadata);
    let (spec, usage) = (spec.clone(), usage.clone());
    if !is_known {
        draft.find(key, KeyFinding::Newer(NewerKey::Use { spec, usage }));
    } else if !suits {
        draft.find(key, KeyFinding::Unsuitable { spec, usage });
    }
    if !STATES.contains(&state.as_str()) {
        draft.find(key, KeyFinding::Newer(NewerKey::State(state.clone())));
    } else if is_out_of_use(state) {
        draft.find(key, KeyFinding::OutOfUse { key: key.clone(), state: state.clone() });
    }
    if !related_keys.is_empty() {
        draft.find(key, KeyFinding::MultiRegion { others: related_keys.clone() });
    }
}

/// Whether nothing launches with the key, whatever policies say.
pub(in crate::plan) fn stops_launches(metadata: &KeyMetadata) -> bool {
    suits_ebs(metadata) == (false, true) || is_out_of_use(&metadata.state)
}

fn is_out_of_use(state: &str) -> bool {
    STATES.contains(&state) && state != "Enabled" && state != "Updating"
}
