//! What the administrators of accounts without credentials have to do.

use super::super::patch::{Face, Sids};
use super::super::{FindingCode, Handover, Side};
use super::Draft;
use super::iam_side::identity_center;
use super::key_side::{KeyPrincipal, distinct};
use super::policy_draft::new_document;
use super::service_roles::Lacking;
use crate::access::{Request, RequiredStatement};
use crate::arn::{AccountId, EntityArn, KeyArn, PolicyArn};

/// No credentials serve the key's account: its administrator gets the statements.
pub(super) fn key_side(
    key: &KeyArn,
    principals: &[KeyPrincipal],
    lacking: Lacking,
    reason: &str,
    draft: &mut Draft,
) {
    draft.find(FindingCode::Unread, &key, format!("the key policy was not read: {reason}"), None);
    let mut statements = Vec::new();
    let mut grantees = Vec::new();
    for KeyPrincipal { grantee, .. } in principals {
        draft.key_sides.insert((key.clone(), grantee.clone()), Side::Missing);
        grantees.push(grantee.clone());
    }
    let mut sids = Sids::none(Face::KeyPolicy(key.partition));
    let added = || principals.iter().filter(|principal| principal.is_added);
    for required in distinct(added()) {
        let mut texts: Vec<String> = Vec::new();
        for KeyPrincipal { principal, .. } in added().filter(|own| own.required.contains(required)) {
            if !texts.contains(&principal.to_string()) {
                texts.push(principal.to_string());
            }
        }
        statements.push(required.for_key_policy(&sids.free(required.key_policy_sid), &texts));
    }
    statements.extend(lacking.statements());
    grantees.extend(lacking.grantees());
    if !statements.is_empty() {
        // Without any, there are only groups of the key's own account, about which its policy has to be read.
        draft.handovers.push(Handover::KeyPolicy { key: key.clone(), statements, grantees });
    }
    lacking.hand_over(draft);
}

/// No credentials serve the account: its administrator gets the policy.
pub(super) fn iam_side(
    request: &Request,
    account: AccountId,
    entities: Vec<EntityArn>,
    reason: &str,
    draft: &mut Draft,
) {
    draft.find(FindingCode::Unread, &account, format!("IAM was not read: {reason}"), None);
    let keys: Vec<KeyArn> = request.keys_for(account).cloned().collect();
    for key in &keys {
        for entity in &entities {
            draft.iam_sides.insert((key.clone(), entity.clone()), Side::Missing);
        }
    }
    let (reserved, entities): (Vec<EntityArn>, Vec<EntityArn>) =
        entities.into_iter().partition(EntityArn::is_identity_center_role);
    for entity in &reserved {
        identity_center(entity, &[request.policy_name.to_string()], draft);
    }
    let Some(partition) = entities.iter().chain(&reserved).next().map(|entity| entity.partition) else {
        return;
    };
    draft.handovers.push(Handover::Identity {
        policy: PolicyArn {
            partition,
            account,
            path: "/".to_owned(),
            name: request.policy_name.as_str().to_owned(),
        },
        keys,
        document: handed_over(request, account),
        entities,
        permission_set_roles: reserved,
    });
}

/// The policy for somebody else to make: where what is required names the region, for each region by itself.
fn handed_over(request: &Request, account: AccountId) -> String {
    let mut parts: Vec<(Vec<RequiredStatement>, Vec<String>)> = Vec::new();
    for key in request.keys_for(account) {
        let required = request.required_in(key, account);
        match parts.iter_mut().find(|(known, _)| *known == required) {
            Some((_, keys)) => keys.push(key.to_string()),
            None => parts.push((required, vec![key.to_string()])),
        }
    }
    new_document(parts.iter().map(|(required, keys)| (required.as_slice(), keys.as_slice())))
}
