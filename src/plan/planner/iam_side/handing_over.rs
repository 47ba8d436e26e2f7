//! What the administrator of a requester account has to do, where no credentials serve it.

use super::super::Draft;
use super::identity_center;
use crate::access::Request;
use crate::arn::{AccountId, EntityArn, KeyArn, PolicyArn};
use crate::observation::UnreadReason;
use crate::plan::finding::IdentityFinding;
use crate::plan::{Handover, Side, identity_policy};

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
            draft.iam_sides.set(key, entity, Side::Missing);
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
        document: identity_policy::for_account(request, account),
        entities,
        permission_set_roles: reserved,
    });
}
