//! The grants of a key.

use std::collections::BTreeSet;

use super::{Checked, Mistake};
use crate::cloud::sandbox::source::Place;
use crate::cloud::sandbox::world::{Grant, Key, Object, may_be_newer};
use crate::policy::AwsPrincipal;

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
        grantee(grant, &place)?;
        for (index, operation) in grant.operations.iter().enumerate() {
            if !OPERATIONS.contains(&operation.as_str()) && !may_be_newer(operation, &OPERATIONS) {
                let message = format!("`{operation}` is not an operation that a grant can allow");
                return Err(Mistake::new(place.member("operations").item(index), message));
            }
        }
    }
    Ok(())
}

/// A principal of any form: AWS documents not all that it shows.
fn grantee(grant: &Grant, place: &Place) -> Checked {
    let (member, grantee) = match (&grant.grantee_principal, &grant.grantee_service_principal) {
        (Some(principal), None) => ("grantee_principal", principal),
        (None, Some(service)) => ("grantee_service_principal", service),
        (Some(_), Some(_)) => return Err(Mistake::new(place.clone(), "a grant has one grantee")),
        (None, None) => return Err(Mistake::new(place.clone(), "missing field `grantee_principal`")),
    };
    let is_principal = grantee.contains(':') || grantee.ends_with(".amazonaws.com") || is_unique_id(grantee);
    if is_principal {
        return Ok(());
    }
    Err(Mistake::new(place.member(member), format!("`{grantee}` is not the ARN of a principal")))
}

/// What `ListGrants` shows of a principal that was deleted.
fn is_unique_id(text: &str) -> bool {
    matches!(AwsPrincipal::parse(text), AwsPrincipal::UniqueId(_))
}
