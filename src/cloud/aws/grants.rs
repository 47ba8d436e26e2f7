//! Reads of the grants on a key.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_kms::Client;
use aws_sdk_kms::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_kms::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_kms::error::BoxError;
use aws_sdk_kms::types::{GrantConstraints, GrantListEntry};
use serde::Deserialize;
use serde_json::Value;

use super::errors::Call;
use crate::cloud::CloudError;
use crate::observation::KeyGrant;

/// The most that `ListGrants` gives in one answer.
const PAGE: i32 = 100;

/// The constraints that the SDK tells of.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantConstraints.html>
const KNOWN_CONSTRAINTS: [&str; 3] = ["EncryptionContextEquals", "EncryptionContextSubset", "SourceArn"];

/// kms:ListGrants of the call's resource, all pages. Nothing in one grant keeps the others from being read.
pub(super) async fn grants(client: &Client, call: &Call) -> Result<Vec<KeyGrant>, CloudError> {
    let newer = NewerConstraints::default();
    let mut grants = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let request = client.list_grants().key_id(&call.resource).limit(PAGE).set_marker(marker.clone());
        let answer = request.customize().interceptor(newer.clone()).send().await;
        let page = answer.map_err(|error| call.failed(&error))?;
        grants.extend(page.grants().iter().map(|entry| key_grant(entry, &newer)));
        match page.next_marker.filter(|next| page.truncated && !next.is_empty()) {
            None => return Ok(grants),
            next if next == marker => return Err(call.unexpected("a list without an end")),
            next => marker = next,
        }
    }
}

/// A grant as KMS tells it, whatever is new about it.
fn key_grant(entry: &GrantListEntry, newer: &NewerConstraints) -> KeyGrant {
    let id = entry.grant_id().unwrap_or_default().to_owned();
    let constraints = entry.constraints();
    let pairs = |context: Option<&HashMap<String, String>>| {
        context.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    KeyGrant {
        name: entry.name().map(str::to_owned),
        grantee: entry
            .grantee_principal()
            .or(entry.grantee_service_principal())
            .unwrap_or_default()
            .to_owned(),
        operations: entry.operations().iter().map(|operation| operation.as_str().to_owned()).collect(),
        context_equals: pairs(constraints.and_then(GrantConstraints::encryption_context_equals)),
        context_subset: pairs(constraints.and_then(GrantConstraints::encryption_context_subset)),
        source_arn: constraints.and_then(GrantConstraints::source_arn).map(str::to_owned),
        unknown_constraints: newer.of(&id),
        id,
    }
}

/// The names of constraints that the SDK passes over, by the ids of their grants: it keeps nothing that it does not
/// know, and whoever leaves out a constraint takes the grant for more than it is.
#[derive(Debug, Clone, Default)]
struct NewerConstraints(Arc<Mutex<BTreeMap<String, Vec<String>>>>);

impl NewerConstraints {
    fn found(&self) -> MutexGuard<'_, BTreeMap<String, Vec<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, id: &str) -> Vec<String> {
        self.found().get(id).cloned().unwrap_or_default()
    }
}

impl Intercept for NewerConstraints {
    fn name(&self) -> &'static str {
        "NewerConstraints"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        // What is no list of grants, such as an error, has been made sense of by the SDK.
        if let Ok(page) = serde_json::from_slice::<Page>(body) {
            self.found().extend(page.grants.into_iter().flatten().filter_map(Entry::newer));
        }
        Ok(())
    }
}

/// An answer, as far as the SDK may leave something out.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    grants: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    grant_id: Option<String>,
    constraints: Option<BTreeMap<String, Value>>,
}

impl Entry {
    /// The names of what is newer, with the grant's id.
    fn newer(self) -> Option<(String, Vec<String>)> {
        let is_newer =
            |(name, value): &(String, Value)| !value.is_null() && !KNOWN_CONSTRAINTS.contains(&name.as_str());
        let names = self.constraints.into_iter().flatten().filter(is_newer).map(|(name, _)| name);
        let names: Vec<String> = names.collect();
        (!names.is_empty()).then_some((self.grant_id.unwrap_or_default(), names))
    }
}

#[cfg(test)]
mod tests;
