//! The grants of a key.

use std::collections::BTreeSet;

use super::{Checked, Mistake};
use crate::arn::ArnParts;
use crate::cloud::sandbox::source::Place;
use crate::cloud::sandbox::world::{Key, Object};

pub(super) fn check(key: &Key, place: &Place) -> Checked {
    /// <https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantListEntry.html>
    const OPERATIONS: [&str; 17] = [
        "CreateGrant",
        "Decrypt",
        "DeriveSharedSecret",
        "DescribeKey",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateMac",
        "GetPublicKey",
        "ReEncryptFrom",
        "ReEncryptTo",
        "RetireGrant",
        "Sign",
        "Verify",
        "VerifyMac",
    ];
    let mut ids = BTreeSet::new();
    for (index, Object(grant)) in key.grants.iter().enumerate() {
        let place = place.item(index);
        let id = grant.id(index);
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Mistake::new(place.member("id"), format!("`{id}` is not the id of a grant")));
        }
        if !ids.insert(id) {
            return Err(Mistake::new(place.member("id"), format!("`{}` stands twice", grant.id(index))));
        }
        let grantee = &grant.grantee_principal;
        if ArnParts::parse(grantee).is_err() && !grantee.ends_with(".amazonaws.com") {
            let message = format!("`{grantee}` is not the ARN of a principal");
            return Err(Mistake::new(place.member("grantee_principal"), message));
        }
        for (index, operation) in grant.operations.iter().enumerate() {
            if !OPERATIONS.contains(&operation.as_str()) {
                let message = format!("`{operation}` is not an operation that a grant can allow");
                return Err(Mistake::new(place.member("operations").item(index), message));
            }
        }
    }
    Ok(())
}
