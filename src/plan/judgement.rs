//! Whether AWS would save a document as it will be, whatever changed it: the one judgement of plans, patched files,
//! prunings and ways back. The independent check has its own.

use std::collections::BTreeSet;

use super::finding::{KeyPolicyFinding, Unsavable};
use super::{Finding, Severity, patch};
use crate::arn::KeyArn;
use crate::authz::{Context, Outcome, Policies, Prepared, Principal, Query, evaluate};
use crate::observation::Caller;
use crate::policy::PolicyDocument;

/// The most bytes that PutKeyPolicy takes.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html>
const KEY_POLICY_BYTES: usize = 32_768;

/// What AWS would say against a key policy; what does not block is worth knowing.
pub(super) fn of_key_policy(
    key: &KeyArn,
    document: &PolicyDocument,
    caller: Option<&Caller>,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let orphans = document.orphans();
    if !orphans.is_empty() {
        let can_go = patch::orphans_that_can_go(document);
        let can_be_pruned = orphans.iter().all(|orphan| can_go.contains(orphan));
        found.push(KeyPolicyFinding::Orphans { orphans, can_be_pruned });
    }
    let bytes = document.text().len();
    if bytes > KEY_POLICY_BYTES {
        found.push(KeyPolicyFinding::TooLarge { bytes, most: KEY_POLICY_BYTES });
    }
    if !document.text().chars().all(is_allowed_character) {
        found.push(KeyPolicyFinding::RefusedCharacters);
    }
    if document.statements.is_empty() {
        found.push(KeyPolicyFinding::NoStatement);
    }
    if let Some(caller) = caller.filter(|caller| !may_put_policy_again(key, document, caller)) {
        found.push(KeyPolicyFinding::Lockout { caller: caller.arn.clone() });
    }
    let statements = document.statements.iter().enumerate();
    let inert = statements.filter(|(_, statement)| !statement.is_effective());
    found.extend(
        inert.map(|(index, statement)| KeyPolicyFinding::Inert { statement: statement.label(index) }),
    );
    found.extend(repeated_sid(document).map(|sid| KeyPolicyFinding::RepeatedSid { sid: sid.to_owned() }));
    found.into_iter().map(|found| Finding::new(key, found)).collect()
}

/// Whether AWS would save what this was found of.
pub(super) fn can_be_saved(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.severity() != Severity::Blocking)
}

/// "The Sid value must be unique within a JSON policy."
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html>
fn repeated_sid(document: &PolicyDocument) -> Option<&str> {
    let mut seen = BTreeSet::new();
    let mut sids = document.statements.iter().filter_map(|statement| statement.sid.as_deref());
    sids.find(|sid| !sid.is_empty() && !seen.insert(*sid))
}

/// Both APIs take the same ones.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html#KMS-PutKeyPolicy-request-Policy>,
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicyVersion.html>
pub(super) fn is_allowed_character(character: char) -> bool {
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

/// Whether IAM would save a customer managed policy of an account whose policies may have so many characters.
pub(super) fn of_identity_policy(document: &PolicyDocument, most: usize) -> Result<(), Unsavable> {
    if let Some(sid) = refused_sid(document) {
        return Err(Unsavable::RefusedSid(sid.to_owned()));
    }
    if document.statements.is_empty() {
        return Err(Unsavable::NoStatement);
    }
    if !document.text().chars().all(is_allowed_character) {
        return Err(Unsavable::RefusedCharacters);
    }
    let size = size_of_identity_policy(document);
    if size > most { Err(Unsavable::TooLarge { size, most }) } else { Ok(()) }
}

/// So many characters count: "IAM doesn't count white space when calculating the size of a policy".
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub(super) fn size_of_identity_policy(document: &PolicyDocument) -> usize {
    document.text().chars().filter(|character| !character.is_whitespace()).count()
}

/// A Sid that IAM takes in no new version.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html>
fn refused_sid(document: &PolicyDocument) -> Option<&str> {
    let mut seen = BTreeSet::new();
    let mut sids = document.statements.iter().filter_map(|statement| statement.sid.as_deref());
    sids.find(|sid| {
        let is_legal = sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        !sid.is_empty() && (!is_legal || !seen.insert(*sid))
    })
}
