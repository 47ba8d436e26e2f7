//! What the administrators of accounts without credentials have to do.

use std::collections::BTreeMap;

use super::super::{FindingCode, Handover, Side};
use super::Draft;
use super::iam_side::identity_center;
use super::key_side::{Demand, KeyPrincipal};
use super::policy_draft::new_document;
use super::service_roles::Lacking;
use crate::access::{Profile, Request, RequiredStatement};
use crate::arn::{AccountId, EntityArn, KeyArn, PolicyArn};

/// No credentials serve the key's account: its administrator gets the statements.
pub(super) fn key_side(key: &KeyArn, demands: &[Demand], lacking: Lacking, reason: &str, draft: &mut Draft) {
    draft.find(FindingCode::Unread, &key, format!("the key policy was not read: {reason}"), None);
    let mut statements = Vec::new();
    let mut grantees = Vec::new();
    for (index, Demand { required, principals }) in demands.iter().enumerate() {
        let mut texts: Vec<String> = Vec::new();
        for KeyPrincipal { grantee, principal, is_added } in principals {
            if *is_added && !texts.contains(&principal.to_string()) {
                texts.push(principal.to_string());
            }
            draft.key_sides.insert((key.clone(), grantee.clone()), Side::Missing);
            grantees.push(grantee.clone());
        }
        if !texts.is_empty() {
            let sid = |required: &RequiredStatement| match index {
                0 => required.key_policy_sid.to_owned(),
                _ => format!("{} ({})", required.key_policy_sid, index + 1),
            };
            statements
                .extend(required.iter().map(|required| required.for_key_policy(&sid(required), &texts)));
        }
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
    let mut regions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for key in request.keys_for(account) {
        let region = if request.profile == Profile::LeastPrivilege { key.region.as_str() } else { "" };
        regions.entry(region).or_default().push(key.to_string());
    }
    let parts: Vec<([RequiredStatement; 2], &[String])> = regions
        .iter()
        .map(|(region, keys)| (RequiredStatement::of(request.profile, region, account), keys.as_slice()))
        .collect();
    new_document(parts.iter().map(|(required, keys)| (required.as_slice(), *keys)))
}
