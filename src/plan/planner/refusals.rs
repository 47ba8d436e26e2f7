//! Key policies that AWS would refuse to save, each with a way out.

use super::super::patch;
use super::super::{Finding, FindingCode};
use super::key_side::label;
use super::limits::KEY_POLICY_BYTES;
use super::{Draft, all_listed};
use crate::arn::KeyArn;
use crate::observation::Caller;
use crate::policy::{ActionSet, AwsPrincipal, Effect, PolicyDocument};

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
        && !may_put_policy_again(base, caller)
    {
        can = false;
        let message = format!(
            "no statement of the key policy allows `{}` or its account kms:PutKeyPolicy; AWS refuses a policy \
             that locks its author out",
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
            label(index, statement)
        );
        draft.find(FindingCode::InertStatement, key, message, None);
    }
    can
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

/// Whether some Allow, whatever its conditions, could let the caller put the policy again: itself, its account, or
/// everyone. A session's ARN lacks its role's path, so the role's name counts.
fn may_put_policy_again(document: &PolicyDocument, caller: &Caller) -> bool {
    let put = ActionSet::of_pattern("kms:PutKeyPolicy");
    let is_caller = |principal: &AwsPrincipal| match (principal, AwsPrincipal::parse(&caller.arn)) {
        (AwsPrincipal::Anyone, _) => true,
        (AwsPrincipal::Account { id, .. }, _) => *id == caller.account,
        (AwsPrincipal::Entity(role), AwsPrincipal::Session(session)) => {
            role.account == session.account && role.name == session.role_name
        }
        (principal, own) => *principal == own,
    };
    document.statements.iter().any(|statement| {
        statement.effect == Effect::Allow
            && statement.is_effective()
            && statement.kms_actions().contains(put)
            && statement
                .principal
                .as_ref()
                .is_some_and(|principal| principal.negated || principal.aws().iter().any(is_caller))
    })
}
