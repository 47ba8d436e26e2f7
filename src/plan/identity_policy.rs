//! The document of a customer managed policy that gives what is required and nothing besides.

use super::patch::{Face, Sids};
use crate::access::{Request, RequiredStatement};
use crate::arn::{AccountId, KeyArn};
use crate::observation::IamQuotas;
use crate::policy::PolicyDocument;
use crate::policy::edit::BrokenEdit;

/// The policy for an account's administrator to make: for all keys that the account's grantees need.
pub(super) fn for_account(request: &Request, account: AccountId) -> String {
    let required = |key: &KeyArn| request.required_in(key, account);
    for_keys(request.keys_for(Some(account)), required)
}

/// The policy that serves whoever launches in an account of an organization, the same in each of its accounts.
pub fn for_members(request: &Request) -> String {
    for_keys(request.keys_for(None), |key| request.required_anywhere(key))
}

/// How many characters that policy has and how many IAM takes, where these are fewer: each account's own quota is not known.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub fn excess_for_members(request: &Request) -> Option<(usize, usize)> {
    let most = IamQuotas::default().policy_size;
    let size = for_members(request).chars().filter(|character| !character.is_whitespace()).count();
    (size > most).then_some((size, most))
}

/// Where what is required names the region, each region is by itself.
fn for_keys<'k>(
    keys: impl Iterator<Item = &'k KeyArn>,
    required: impl Fn(&KeyArn) -> Vec<RequiredStatement>,
) -> String {
    let mut parts: Vec<(Vec<RequiredStatement>, Vec<String>)> = Vec::new();
    for key in keys {
        let required = required(key);
        match parts.iter_mut().find(|(known, _)| *known == required) {
            Some((_, keys)) => keys.push(key.to_string()),
            None => parts.push((required, vec![key.to_string()])),
        }
    }
    new_text(parts.iter().map(|(required, keys)| (required.as_slice(), keys.as_slice())))
}

/// A document of required statements, each for its keys.
pub(super) fn new_document<'r>(
    parts: impl IntoIterator<Item = (&'r [RequiredStatement], &'r [String])>,
) -> Result<PolicyDocument, BrokenEdit> {
    Ok(PolicyDocument::parse(new_text(parts))?)
}

/// The text of such a document; Sids that come again count up.
fn new_text<'r>(parts: impl IntoIterator<Item = (&'r [RequiredStatement], &'r [String])>) -> String {
    let mut sids = Sids::none(Face::Identity);
    let mut statements = Vec::new();
    for (required, keys) in parts {
        let named =
            required.iter().map(|required| required.for_identity(&sids.free(required.identity_sid), keys));
        statements.extend(named);
    }
    let document = serde_json::json!({"Version": "2012-10-17", "Statement": statements});
    format!("{document:#}")
}
