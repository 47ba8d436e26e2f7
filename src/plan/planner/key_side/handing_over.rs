//! What the administrator of a key's account has to do, where no credentials serve it.

use super::super::Draft;
use super::grants::Lacking;
use super::own_roles;
use super::principals::{KeyPrincipal, distinct};
use crate::arn::KeyArn;
use crate::observation::UnreadReason;
use crate::plan::finding::KeyPolicyFinding;
use crate::plan::patch::{Face, Sids};
use crate::plan::{Handover, Side};

/// No credentials serve the key's account: its administrator gets the statements.
pub(super) fn hand_over(
    key: &KeyArn,
    principals: &[KeyPrincipal],
    lacking: Lacking,
    reason: &UnreadReason,
    draft: &mut Draft,
) {
    draft.find(&key, KeyPolicyFinding::Unread { reason: reason.clone() });
    let mut statements = Vec::new();
    let mut grantees = Vec::new();
    for KeyPrincipal { grantee, .. } in principals {
        draft.key_sides.set(key, grantee, Side::Missing);
        grantees.push(grantee.clone());
    }
    let mut sids = Sids::none(Face::KeyPolicy(key.partition));
    let added = || principals.iter().filter(|principal| principal.is_added);
    for required in distinct(added()) {
        let mut texts: Vec<String> = Vec::new();
        for KeyPrincipal { principal, .. } in added().filter(|own| own.required.contains(required)) {
            let text = principal.principal_text();
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        statements.push(required.for_key_policy(&sids.free(required.key_policy_sid), &texts));
    }
    own_roles::tell_untried(key, added().map(|principal| &principal.grantee), false, draft);
    statements.extend(lacking.statements(&mut sids));
    grantees.extend(lacking.grantees());
    if !statements.is_empty() {
        // Without any, there are only groups of the key's own account, about which its policy has to be read.
        draft.handovers.push(Handover::KeyPolicy { key: key.clone(), statements, grantees });
    }
    lacking.hand_over(draft);
}
