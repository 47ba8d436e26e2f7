//! Key policies that AWS would refuse to save, each with a way out.

use std::collections::BTreeSet;

use super::super::patch;
use super::super::{Finding, FindingCode};
use super::limits::KEY_POLICY_BYTES;
use super::{Draft, all_listed};
use crate::arn::KeyArn;
use crate::authz::{Context, Outcome, Policies, Prepared, Principal, Query, evaluate};
use crate::observation::Caller;
use crate::policy::PolicyDocument;

pub(super) const ORPHANS_BY_HAND: &str =
    "they stand in a Deny or NotPrincipal, which keymend never touches: edit the policy by hand";

pub(super) fn orphaned(key: &KeyArn, orphans: &[String], hint: &str, draft: &mut Draft) {
    let message = format!(
        "the key policy names {}, left behind by deleted principals; AWS refuses to save it so",
        all_listed(orphans)
    );
    draft.find(FindingCode::OrphanedPrincipals, key, message, Some(hint.to_owned()));
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
        let hint = if pruned.is_some_and(|pruned| pruned.orphans().is_empty()) {
            "give --prune-orphans to remove them first, as a change of its own"
        } else {
            ORPHANS_BY_HAND
        };
        orphaned(key, &orphans, hint, draft);
    }
    if after.len() > KEY_POLICY_BYTES {
        can = false;
        let message =
            format!("the key policy would have {} bytes, AWS takes {KEY_POLICY_BYTES} at most", after.len());
        let hint = "name accounts instead of their users and roles, or remove statements that nobody needs";
        draft.find(FindingCode::TooLarge, key, message, Some(hint.to_owned()));
    }
    if !after.chars().all(is_allowed_character) {
        can = false;
        let message = "the key policy has characters that PutKeyPolicy refuses";
        let hint = "it takes tab, line feed, carriage return and U+0020 to U+00FF: edit the policy by hand";
        draft.find(FindingCode::UnreadablePolicy, key, message, Some(hint.to_owned()));
    }
    if let Some(caller) = caller
        && !may_put_policy_again(key, base, caller)
    {
        can = false;
        let message = format!(
            "the key policy does not allow `{}` or its account kms:PutKeyPolicy; AWS refuses a policy that locks \
             its author out",
            caller.arn
        );
        let hint = "run it with credentials that the key policy lets change it".to_owned();
        draft.find(FindingCode::Lockout, key, message, Some(hint));
    }
    for (index, statement) in
        base.statements.iter().enumerate().filter(|(_, statement)| !statement.is_effective())
    {
        let message = format!(
            "{} of the key policy has no Action or no Resource: it does nothing, and AWS may refuse to save it",
            statement.label(index)
        );
        draft.find(FindingCode::InertStatement, key, message, None);
    }
    if let Some(sid) = repeated_sid(base) {
        let message = format!(
            "several statements of the key policy have the Sid \"{sid}\": AWS may refuse to save it, and nobody can \
             tell them apart"
        );
        let hint = "give each statement a Sid of its own, or none".to_owned();
        draft.find(FindingCode::InertStatement, key, message, Some(hint));
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
