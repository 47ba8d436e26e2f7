//! Key policies that AWS would refuse to save, each with a way out.

use std::collections::BTreeSet;

use super::super::Finding;
use super::super::finding::KeyPolicyFinding;
use super::super::patch;
use super::Draft;
use super::limits::KEY_POLICY_BYTES;
use crate::arn::KeyArn;
use crate::authz::{Context, Outcome, Policies, Prepared, Principal, Query, evaluate};
use crate::observation::Caller;
use crate::policy::PolicyDocument;

pub(super) fn orphaned(key: &KeyArn, orphans: Vec<String>, can_be_pruned: bool, draft: &mut Draft) {
    draft.find(key, KeyPolicyFinding::Orphans { orphans, can_be_pruned });
}

/// Whether AWS would save the patched policy; where not, why.
pub(super) fn can_be_written(
    key: &KeyArn,
    base: &PolicyDocument,
    after: &str,
    caller: Option<&Caller>,
    draft: &mut Draft,
) -> bool {
    let mut can = true;
    let orphans = base.orphans();
    if !orphans.is_empty() {
        can = false;
        let pruned = patch::prune_orphans(base).and_then(|pruned| PolicyDocument::parse(pruned.text).ok());
        let can_be_pruned = pruned.is_some_and(|pruned| pruned.orphans().is_empty());
        orphaned(key, orphans, can_be_pruned, draft);
    }
    if after.len() > KEY_POLICY_BYTES {
        can = false;
        draft.find(key, KeyPolicyFinding::TooLarge { bytes: after.len(), most: KEY_POLICY_BYTES });
    }
    if !after.chars().all(is_allowed_character) {
        can = false;
        draft.find(key, KeyPolicyFinding::RefusedCharacters);
    }
    if let Some(caller) = caller
        && !may_put_policy_again(key, base, caller)
    {
        can = false;
        draft.find(key, KeyPolicyFinding::Lockout { caller: caller.arn.clone() });
    }
    for (index, statement) in
        base.statements.iter().enumerate().filter(|(_, statement)| !statement.is_effective())
    {
        draft.find(key, KeyPolicyFinding::Inert { statement: statement.label(index) });
    }
    if let Some(sid) = repeated_sid(base) {
        draft.find(key, KeyPolicyFinding::RepeatedSid { sid: sid.to_owned() });
    }
    can
}

/// "The Sid value must be unique within a JSON policy."
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html>
fn repeated_sid(document: &PolicyDocument) -> Option<&str> {
    let mut seen = BTreeSet::new();
    let mut sids = document.statements.iter().filter_map(|statement| statement.sid.as_deref());
    sids.find(|sid| !sid.is_empty() && !seen.insert(*sid))
}

/// What AWS would say against a key policy that is sent as it is.
pub(in crate::plan) fn of_key_policy(
    key: &KeyArn,
    document: &PolicyDocument,
    caller: Option<&Caller>,
) -> Vec<Finding> {
    let mut draft = Draft::default();
    can_be_written(key, document, document.text(), caller, &mut draft);
    draft.findings
}

/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html#KMS-PutKeyPolicy-request-Policy>
fn is_allowed_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}')
}

/// Whether the key policy may let the caller put a policy again, where its IAM policies do.
///
/// "The key policy must allow the principal that is making the PutKeyPolicy request to make a subsequent
/// PutKeyPolicy request": <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html>
fn may_put_policy_again(key: &KeyArn, document: &PolicyDocument, caller: &Caller) -> bool {
    let (Ok(principal), Ok(action)) = (caller.arn.parse::<Principal>(), "kms:PutKeyPolicy".parse()) else {
        // Who the caller is can't be told, so AWS is asked.
        return true;
    };
    let key_policy = Prepared::new(document);
    let policies = Policies { key_policy: Some(&key_policy), ..Policies::default() };
    let context = Context::unknown();
    let decision = evaluate(&Query::new(&principal, action, key, &context), &policies);
    // What its IAM policies say was not read, so it is unknown at best where they decide.
    !matches!(decision.outcome, Outcome::ExplicitDeny | Outcome::ImplicitDeny)
}
