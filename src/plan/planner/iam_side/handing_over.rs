//! What the administrator of a requester account has to do, where no credentials serve it.

use super::super::Draft;
use super::super::policy_draft::new_text;
use super::identity_center;
use crate::access::{Request, RequiredStatement};
use crate::arn::{AccountId, EntityArn, KeyArn, PolicyArn};
use crate::observation::UnreadReason;
use crate::plan::finding::IdentityFinding;
use crate::plan::{Handover, Side};

/// No credentials serve the account: its administrator gets the policy.
pub(super) fn hand_over(
    request: &Request,
    account: AccountId,
    entities: Vec<EntityArn>,
    reason: &UnreadReason,
    draft: &mut Draft,
) {
    draft.find(&account, IdentityFinding::Unread { reason: reason.clone() });
    let keys: Vec<KeyArn> = request.keys_for(Some(account)).cloned().collect();
    for key in &keys {
        for entity in &entities {
            draft.iam_sides.insert((key.clone(), entity.clone()), Side::Missing);
        }
    }
    let (reserved, entities): (Vec<EntityArn>, Vec<EntityArn>) =
        entities.into_iter().partition(EntityArn::is_identity_center_role);
    for entity in &reserved {
        identity_center::found(entity, &[request.policy_name.to_string()], draft);
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
    for key in request.keys_for(Some(account)) {
        let required = request.required_in(key, account);
        match parts.iter_mut().find(|(known, _)| *known == required) {
            Some((_, keys)) => keys.push(key.to_string()),
            None => parts.push((required, vec![key.to_string()])),
        }
    }
    new_text(parts.iter().map(|(required, keys)| (required.as_slice(), keys.as_slice())))
}
