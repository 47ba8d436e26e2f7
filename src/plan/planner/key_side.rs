//! The key's account: the key's state, and the two required statements in its policy.

use super::super::patch::{self, Face, Reader};
use super::super::{Change, FindingCode, Gain, Handover, KeyPolicyUpdate, Operation, Side};
use super::limits::KEY_POLICY_BYTES;
use super::{Draft, Grantees, listed, purposes};
use crate::access::{Grantee, Request, RequiredStatement};
use crate::arn::{EntityKind, KeyArn};
use crate::observation::{KeyManager, KeyMetadata, Observation, Reading};
use crate::policy::{ActionSet, Effect, PolicyDocument, Statement};

/// Plans one key's policy.
pub(super) fn plan_key(
    request: &Request,
    observation: &Observation,
    grantees: &Grantees,
    key: &KeyArn,
    draft: &mut Draft,
) {
    let Some(observed) = observation.keys.get(key) else { return };
    if let Reading::Read(metadata) = &observed.metadata {
        judge_metadata(key, metadata, draft);
        if metadata.manager == KeyManager::Aws {
            return;
        }
    }
    let principals = key_principals(key, &grantees.usable, draft);
    match &observed.policy {
        Reading::Unread(reason) => hand_over(key, principals, reason, draft),
        Reading::Read(text) => match PolicyDocument::parse(text.as_str()) {
            Ok(document) => plan_policy(request, key, &document, &principals, draft),
            Err(error) => {
                draft.find(FindingCode::UnreadablePolicy, &key, format!("the key policy: {error}"), None);
            }
        },
    }
}

/// A grantee and the principal that the key policy has to name for it.
struct KeyPrincipal {
    grantee: Grantee,
    principal: Grantee,
    /// Whether the statements may be added for it, or must be there already.
    is_added: bool,
}

/// Whom the key policy has to name, in the order asked for.
fn key_principals(key: &KeyArn, grantees: &[Grantee], draft: &mut Draft) -> Vec<KeyPrincipal> {
    let mut principals = Vec::new();
    for grantee in grantees {
        let Grantee::Entity(entity) = grantee else {
            principals.push(KeyPrincipal {
                grantee: grantee.clone(),
                principal: grantee.clone(),
                is_added: true,
            });
            continue;
        };
        let is_foreign = entity.account != key.account;
        if entity.kind == EntityKind::Group {
            let root = Grantee::Account { partition: entity.partition, id: entity.account };
            let is_asked_for = grantees.contains(&root);
            if is_foreign && !is_asked_for {
                let message = format!(
                    "a key policy can't name a group, so it lets in account {} as a whole: \
                     whoever that account's IAM allows may use the key",
                    entity.account
                );
                draft.find(FindingCode::GroupDelegation, &entity, message, None);
            }
            let is_added = is_foreign || is_asked_for;
            principals.push(KeyPrincipal { grantee: grantee.clone(), principal: root, is_added });
        } else if is_foreign && entity.is_service_linked_role() {
            let hint = format!(
                "create the grant from account {}: aws kms create-grant --region {} --key-id {key} \
                 --grantee-principal {entity} --operations Encrypt Decrypt ReEncryptFrom ReEncryptTo \
                 GenerateDataKey GenerateDataKeyWithoutPlaintext DescribeKey CreateGrant",
                entity.account, key.region
            );
            let message =
                "a service-linked role of another account needs a grant; neither policy can serve it";
            draft.find(FindingCode::ServiceLinkedRole, &entity, message, Some(hint));
        } else {
            principals.push(KeyPrincipal {
                grantee: grantee.clone(),
                principal: grantee.clone(),
                is_added: true,
            });
        }
    }
    principals
}

fn plan_policy(
    request: &Request,
    key: &KeyArn,
    read: &PolicyDocument,
    principals: &[KeyPrincipal],
    draft: &mut Draft,
) {
    let required = RequiredStatement::documented();
    let face = Face::KeyPolicy(key.partition);
    let pruned = if request.prune_orphans { prune(key, read, draft) } else { None };
    let base = pruned.as_ref().unwrap_or(read);
    let reader = Reader::new(base, face);

    let mut wanted: Vec<String> = Vec::new();
    for KeyPrincipal { grantee, principal, is_added } in principals {
        let text = principal.to_string();
        let missing = required.iter().any(|required| !reader.cover(required, &text).missing.is_empty());
        let side = match (missing, *is_added) {
            (false, _) => Side::Covered(covering(&reader, base, &required, &text)),
            (true, true) => Side::Planned,
            (true, false) => {
                missing_delegation(key, grantee, draft);
                Side::Missing
            }
        };
        draft.key_sides.push((key.clone(), grantee.clone(), side));
        if *is_added && !wanted.contains(&text) {
            wanted.push(text);
        }
    }
    warn_of_denies(key, base, &required, draft);
    let Some(after) = reader.patched(&required, &wanted) else { return };

    let missing: Vec<String> = wanted
        .iter()
        .filter(|wanted| required.iter().any(|required| !reader.cover(required, wanted).missing.is_empty()))
        .cloned()
        .collect();
    warn_of_wider(key, base, &reader, &required, &missing, draft);
    if !can_be_written(key, base, &after, draft) {
        mark_missing(key, draft);
        return;
    }
    draft.changes.push(Change {
        reason: format!("{} must be able to use the key", listed(&missing)),
        gains: gains(key, principals, &reader, &required),
        operation: Operation::UpdateKeyPolicy(KeyPolicyUpdate {
            key: key.clone(),
            before: base.text().to_owned(),
            after,
        }),
    });
}

/// A change of its own that takes orphans out; the patched document is what the next change builds on.
fn prune(key: &KeyArn, read: &PolicyDocument, draft: &mut Draft) -> Option<PolicyDocument> {
    let pruned = patch::prune_orphans(read)?;
    let after = PolicyDocument::parse(pruned.text.as_str())
        .inspect_err(|error| {
            let message = format!("a bug of keymend: the pruned key policy is no policy: {error}");
            draft.find(FindingCode::FailedCheck, key, message, None);
        })
        .ok()?;
    draft.changes.push(Change {
        reason: match pruned.gone.as_slice() {
            [only] => format!("`{only}` no longer exists, and AWS refuses a policy that names it"),
            several => {
                format!("{} no longer exist, and AWS refuses a policy that names them", listed(several))
            }
        },
        gains: Vec::new(),
        operation: Operation::PruneOrphans(KeyPolicyUpdate {
            key: key.clone(),
            before: read.text().to_owned(),
            after: pruned.text,
        }),
    });
    Some(after)
}

/// What AWS would refuse, and a way out.
fn can_be_written(key: &KeyArn, base: &PolicyDocument, after: &str, draft: &mut Draft) -> bool {
    let orphans = base.orphans();
    if !orphans.is_empty() {
        let hint = if patch::prune_orphans(base).is_some() {
            "give --prune-orphans to remove them first, as a change of its own"
        } else {
            "they stand in a Deny or NotPrincipal, which keymend never touches: edit the policy by hand"
        };
        let message = format!(
            "the key policy names {}, left behind by deleted principals; AWS refuses to save it so",
            listed(&orphans)
        );
        draft.find(FindingCode::OrphanedPrincipals, &key, message, Some(hint.to_owned()));
    }
    if after.len() > KEY_POLICY_BYTES {
        let message =
            format!("the key policy would have {} bytes, AWS takes {KEY_POLICY_BYTES} at most", after.len());
        let hint = "name accounts instead of their users and roles, or remove statements that nobody needs";
        draft.find(FindingCode::TooLarge, &key, message, Some(hint.to_owned()));
    }
    for (index, statement) in
        base.statements.iter().enumerate().filter(|(_, statement)| !statement.is_effective())
    {
        let message = format!(
            "{} of the key policy has no Action or no Resource: it does nothing, and AWS may refuse to save it",
            label(index, statement)
        );
        draft.find(FindingCode::InertStatement, &key, message, None);
    }
    orphans.is_empty() && after.len() <= KEY_POLICY_BYTES
}

/// What was planned for a key that can't be written is missing.
fn mark_missing(key: &KeyArn, draft: &mut Draft) {
    for (own, _, side) in &mut draft.key_sides {
        if own == key && *side == Side::Planned {
            *side = Side::Missing;
        }
    }
}

fn missing_delegation(key: &KeyArn, grantee: &Grantee, draft: &mut Draft) {
    let message = format!(
        "the key policy of `{key}` does not let account {}'s IAM decide, so a group's policies have no effect",
        key.account
    );
    let hint =
        format!("name users or roles instead, or give --account {} to let the account in", key.account);
    draft.find(FindingCode::MissingDelegation, &grantee, message, Some(hint));
}

/// Without evaluation of conditions, every Deny that touches the actions is worth a look.
fn warn_of_denies(
    key: &KeyArn,
    document: &PolicyDocument,
    required: &[RequiredStatement],
    draft: &mut Draft,
) {
    let actions = required.iter().map(|required| required.action_set).reduce(ActionSet::union);
    for (index, statement) in document.statements.iter().enumerate() {
        let touches =
            actions.is_some_and(|actions| !statement.kms_actions().intersection(actions).is_empty());
        if statement.effect == Effect::Deny && touches {
            let message = format!(
                "{} of the key policy denies, and no Allow outweighs a Deny",
                label(index, statement)
            );
            let hint = "see whether it applies to the grantees; keymend never touches a Deny".to_owned();
            draft.find(FindingCode::DenyStatement, &key, message, Some(hint));
        }
    }
}

fn warn_of_wider(
    key: &KeyArn,
    document: &PolicyDocument,
    reader: &Reader<'_>,
    required: &[RequiredStatement],
    missing: &[String],
    draft: &mut Draft,
) {
    for principal in missing {
        for required in required {
            for index in reader.narrower(required, principal) {
                let Some(statement) = document.statements.get(index) else { continue };
                let message = format!(
                    "{} of the key policy of `{key}` allows it under a further condition; \
                     the new statement \"{}\" does not have it",
                    label(index, statement),
                    required.key_policy_sid
                );
                draft.find(FindingCode::WiderThanExisting, &principal, message, None);
            }
        }
    }
}

fn gains(
    key: &KeyArn,
    principals: &[KeyPrincipal],
    reader: &Reader<'_>,
    required: &[RequiredStatement],
) -> Vec<Gain> {
    let mut gains: Vec<Gain> = Vec::new();
    for KeyPrincipal { principal, .. } in principals.iter().filter(|principal| principal.is_added) {
        let text = principal.to_string();
        let new = required.iter().filter(|required| !reader.cover(required, &text).missing.is_empty());
        let purposes = purposes(new);
        if !purposes.is_empty() && !gains.iter().any(|gain| gain.grantee == *principal) {
            gains.push(Gain { grantee: principal.clone(), key: key.clone(), purposes });
        }
    }
    gains
}

/// The statements that cover a principal, in words, each once.
fn covering(
    reader: &Reader<'_>,
    document: &PolicyDocument,
    required: &[RequiredStatement],
    principal: &str,
) -> Vec<String> {
    let mut indices: Vec<usize> =
        required.iter().flat_map(|required| reader.cover(required, principal).by).collect();
    indices.sort_unstable();
    indices.dedup();
    indices
        .into_iter()
        .filter_map(|index| document.statements.get(index).map(|statement| label(index, statement)))
        .collect()
}

fn label(index: usize, statement: &Statement) -> String {
    match &statement.sid {
        Some(sid) => format!("statement \"{sid}\""),
        None => format!("statement {}", index + 1),
    }
}

/// No credentials serve the key's account: its administrator gets the statements.
fn hand_over(key: &KeyArn, principals: Vec<KeyPrincipal>, reason: &str, draft: &mut Draft) {
    draft.find(FindingCode::Unread, &key, format!("the key policy was not read: {reason}"), None);
    let mut texts: Vec<String> = Vec::new();
    let mut grantees = Vec::new();
    for KeyPrincipal { grantee, principal, is_added } in principals {
        if is_added && !texts.contains(&principal.to_string()) {
            texts.push(principal.to_string());
        }
        draft.key_sides.push((key.clone(), grantee.clone(), Side::Missing));
        grantees.push(grantee);
    }
    if texts.is_empty() {
        // Only groups of the key's own account: whether it delegates to its IAM is for its policy to say.
        return;
    }
    let statements = RequiredStatement::documented()
        .iter()
        .map(|required| required.for_key_policy(required.key_policy_sid, &texts))
        .collect();
    draft.handovers.push(Handover::KeyPolicy { key: key.clone(), statements, grantees });
}

/// What DescribeKey tells that no policy mends.
fn judge_metadata(key: &KeyArn, metadata: &KeyMetadata, draft: &mut Draft) {
    if metadata.manager == KeyManager::Aws {
        let message = "an AWS managed key: its policy can't be changed and what it encrypts can't be shared";
        let hint = format!(
            "copy the snapshot or the AMI under a customer managed key: aws ec2 copy-image --region {} \
             --source-region {} --source-image-id AMI --name NAME --encrypted --kms-key-id KEY",
            key.region, key.region
        );
        draft.find(FindingCode::AwsManagedKey, &key, message, Some(hint));
        return;
    }
    if metadata.spec != "SYMMETRIC_DEFAULT" || metadata.usage != "ENCRYPT_DECRYPT" {
        let message = format!(
            "EBS needs a key of spec SYMMETRIC_DEFAULT for ENCRYPT_DECRYPT; this one is {} for {}",
            metadata.spec, metadata.usage
        );
        let hint = "copy the snapshot or the AMI under a symmetric encryption key".to_owned();
        draft.find(FindingCode::UnsuitableKey, &key, message, Some(hint));
    }
    if metadata.state != "Enabled" && metadata.state != "Updating" {
        let message = format!(
            "its state is {}; no instance launches with it, whatever the policies say",
            metadata.state
        );
        draft.find(FindingCode::KeyState, &key, message, way_out_of_state(key, &metadata.state));
    }
    if !metadata.related_keys.is_empty() {
        let others: Vec<String> = metadata.related_keys.iter().map(ToString::to_string).collect();
        let message = format!(
            "a multi-Region key: {} {} a key policy of {} own, which this plan leaves as it is",
            listed(&others),
            if others.len() == 1 { "has" } else { "have" },
            if others.len() == 1 { "its" } else { "their" },
        );
        draft.find(FindingCode::MultiRegionKey, &key, message, None);
    }
}

/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>
fn way_out_of_state(key: &KeyArn, state: &str) -> Option<String> {
    let region = &key.region;
    match state {
        "Disabled" => Some(format!("enable it: aws kms enable-key --region {region} --key-id {key}")),
        "PendingDeletion" => Some(format!(
            "cancel the deletion, then enable it: aws kms cancel-key-deletion --region {region} --key-id {key} \
             && aws kms enable-key --region {region} --key-id {key}"
        )),
        "PendingImport" => Some("import its key material first".to_owned()),
        "Unavailable" => Some("connect its custom key store first".to_owned()),
        _ => None,
    }
}
