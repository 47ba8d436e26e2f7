//! Keys in a world.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::Document;
use super::shape::{Object, members, one_of};
use crate::arn::KeyArn;
use crate::observation::{KeyGrant, KeyManager};

/// A KMS key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct Key {
    #[serde(default)]
    pub(in crate::cloud::sandbox) aliases: Vec<String>,
    #[serde(default = "customer", deserialize_with = "key_manager")]
    pub(in crate::cloud::sandbox) manager: KeyManager,
    #[serde(default = "enabled", deserialize_with = "key_state")]
    pub(in crate::cloud::sandbox) state: String,
    #[serde(default = "symmetric", deserialize_with = "key_spec")]
    pub(in crate::cloud::sandbox) spec: String,
    #[serde(default = "encrypt_decrypt", deserialize_with = "key_usage")]
    pub(in crate::cloud::sandbox) usage: String,
    #[serde(default = "aws_kms", deserialize_with = "key_origin")]
    pub(in crate::cloud::sandbox) origin: String,
    #[serde(default)]
    pub(in crate::cloud::sandbox) related_keys: Vec<KeyArn>,
    #[serde(default, deserialize_with = "members")]
    pub(in crate::cloud::sandbox) tags: BTreeMap<String, String>,
    pub(in crate::cloud::sandbox) policy: Document,
    pub(in crate::cloud::sandbox) ram_policy: Option<Document>,
    #[serde(default)]
    pub(in crate::cloud::sandbox) grants: Vec<Object<Grant>>,
}

/// A grant on a key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct Grant {
    pub(in crate::cloud::sandbox) name: Option<String>,
    pub(in crate::cloud::sandbox) id: Option<String>,
    pub(in crate::cloud::sandbox) grantee_principal: Option<String>,
    pub(in crate::cloud::sandbox) grantee_service_principal: Option<String>,
    pub(in crate::cloud::sandbox) operations: Vec<String>,
    #[serde(default, deserialize_with = "members")]
    pub(in crate::cloud::sandbox) encryption_context_equals: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "members")]
    pub(in crate::cloud::sandbox) encryption_context_subset: BTreeMap<String, String>,
    pub(in crate::cloud::sandbox) source_arn: Option<String>,
    /// The names of constraints that nobody knows yet.
    #[serde(default)]
    pub(in crate::cloud::sandbox) other_constraints: Vec<String>,
}

impl Grant {
    /// What the world says, else the grant's place among the key's, in the form of AWS's ids.
    pub(in crate::cloud::sandbox) fn id(&self, index: usize) -> String {
        self.id.clone().unwrap_or_else(|| format!("{:064x}", index + 1))
    }

    /// Who may use it: one of the two, as a world is checked.
    pub(in crate::cloud::sandbox) fn grantee(&self) -> &str {
        let grantee = self.grantee_principal.as_deref();
        grantee.or(self.grantee_service_principal.as_deref()).unwrap_or_default()
    }

    /// As `ListGrants` tells it.
    pub(in crate::cloud::sandbox) fn observed(&self, index: usize) -> KeyGrant {
        KeyGrant {
            id: self.id(index),
            name: self.name.clone(),
            grantee: self.grantee().to_owned(),
            operations: self.operations.clone(),
            context_equals: self.encryption_context_equals.clone(),
            context_subset: self.encryption_context_subset.clone(),
            source_arn: self.source_arn.clone(),
            unknown_constraints: self.other_constraints.clone(),
        }
    }
}

/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html>
fn key_state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
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
    one_of(deserializer, &STATES)
}

fn key_spec<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    const SPECS: [&str; 17] = [
        "SYMMETRIC_DEFAULT",
        "RSA_2048",
        "RSA_3072",
        "RSA_4096",
        "ECC_NIST_P256",
        "ECC_NIST_P384",
        "ECC_NIST_P521",
        "ECC_SECG_P256K1",
        "ECC_NIST_EDWARDS25519",
        "HMAC_224",
        "HMAC_256",
        "HMAC_384",
        "HMAC_512",
        "ML_DSA_44",
        "ML_DSA_65",
        "ML_DSA_87",
        "SM2",
    ];
    one_of(deserializer, &SPECS)
}

fn key_usage<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    one_of(deserializer, &["ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"])
}

fn key_origin<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    one_of(deserializer, &["AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"])
}

fn key_manager<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KeyManager, D::Error> {
    one_of(deserializer, &["AWS", "CUSTOMER"]).map(KeyManager::from)
}

fn customer() -> KeyManager {
    KeyManager::Customer
}

fn enabled() -> String {
    "Enabled".to_owned()
}

fn symmetric() -> String {
    "SYMMETRIC_DEFAULT".to_owned()
}

fn encrypt_decrypt() -> String {
    "ENCRYPT_DECRYPT".to_owned()
}

fn aws_kms() -> String {
    "AWS_KMS".to_owned()
}
