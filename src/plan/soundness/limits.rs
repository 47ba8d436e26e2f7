//! What AWS takes as a document, looked at here by other means than where plans are made.

use super::ensure;
use crate::arn::KeyArn;
use crate::authz::{Context, Outcome, Policies, Prepared, Principal, Query, evaluate};
use crate::policy::PolicyDocument;

/// <https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html#key-policy-limit>
const KEY_POLICY: usize = 32 * 1024;

/// A key policy as PutKeyPolicy takes it, from this caller where it is known.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html#KMS-PutKeyPolicy-request-Policy>
pub(in crate::plan) fn check_key_policy(
    key: &KeyArn,
    document: &PolicyDocument,
    caller: Option<&str>,
) -> Result<(), String> {
    check_text(document, "PutKeyPolicy")?;
    ensure(document.text().len() <= KEY_POLICY, || "the key policy is too large".to_owned())?;
    let Some(caller) = caller else { return Ok(()) };
    let (Ok(principal), Ok(put)) = (caller.parse::<Principal>(), "kms:PutKeyPolicy".parse()) else {
        return Ok(());
    };
    // Whatever the caller's own policies allow, the key policy has to let it.
    let everything = PolicyDocument::parse(super::ALLOW_EVERYTHING).map_err(|error| error.to_string())?;
    let (everything, prepared) = (Prepared::new(&everything), Prepared::new(document));
    let own = [&everything];
    let policies = Policies { key_policy: Some(&prepared), identity: Some(&own), ..Policies::default() };
    let context = Context::unknown();
    let outcome = evaluate(&Query::new(&principal, put, key, &context), &policies).outcome;
    ensure(matches!(outcome, Outcome::Allowed | Outcome::Unknown), || {
        format!("the caller `{caller}` is locked out of the key policy")
    })
}

/// A customer managed policy as IAM takes it, of so many characters without white space at most.
///
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicyVersion.html>
pub(in crate::plan) fn check_identity_policy(document: &PolicyDocument, most: usize) -> Result<(), String> {
    check_text(document, "IAM")?;
    let counted = document.text().split_whitespace().map(|word| word.chars().count()).sum::<usize>();
    ensure(counted <= most, || format!("the policy is too large: {counted} characters, {most} at most"))
}

fn check_text(document: &PolicyDocument, who: &str) -> Result<(), String> {
    ensure(!document.statements.is_empty(), || "no statement is left".to_owned())?;
    let is_taken = |c: char| matches!(u32::from(c), 0x09 | 0x0a | 0x0d | 0x20..=0xff);
    ensure(document.text().chars().all(is_taken), || format!("the text has characters that {who} refuses"))
}
