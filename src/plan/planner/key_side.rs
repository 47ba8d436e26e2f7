//! The key's account: the key's state, and the two required statements in its policy.

use std::collections::BTreeSet;

use super::super::patch::{self, Face, Reader};
use super::super::{Change, FindingCode, Gain, Handover, KeyPolicyUpdate, Operation, Side};
use super::{Draft, Grantees, all_listed, key_state, listed, purposes, refusals};
use crate::access::{Grantee, Request, RequiredStatement};
use crate::arn::{EntityKind, KeyArn};
use crate::observation::{Caller, KeyManager, Observation, Reading};
use crate::policy::{PolicyDocument, Statement};

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
        key_state::judge(key, metadata, draft);
        if metadata.manager == KeyManager::Aws {
            return;
        }
    }
    let principals = key_principals(key, &grantees.usable, draft);
    match &observed.policy {
        Reading::Unread(reason) => hand_over(key, principals, reason, draft),
        Reading::Read(text) => match PolicyDocument::parse(text.as_str()) {
            Ok(document) => {
                let caller = observation.callers.get(&key.account);
                plan_policy(request, key, caller, &document, &principals, draft);
            }
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
                "create the grant from account {}, with an identity that may kms:CreateGrant on the key without the \
                 condition kms:GrantIsForAWSResource: aws kms create-grant --region {} --key-id {key} \
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
    caller: Option<&Caller>,
    read: &PolicyDocument,
    principals: &[KeyPrincipal],
    draft: &mut Draft,
) {
    let required = RequiredStatement::documented();
    let pruned = if request.prune_orphans { prune(key, read, draft) } else { None };
    let base = pruned.as_ref().unwrap_or(read);
    let reader = Reader::new(base, Face::KeyPolicy(key.partition));
    let needs = needs(&reader, &required, principals);
    for need in &needs {
        let side = judge(key, base, &reader, &required, need, draft);
        draft.key_sides.insert((key.clone(), need.of.grantee.clone()), side);
    }
    warn_of_denies(key, base, &reader, &required, &needs, draft);
    let wanted = texts(needs.iter().filter(|need| need.of.is_added));
    let Some(after) = reader.patched(&required, &wanted) else { return };

    let missing = || needs.iter().filter(|need| need.of.is_added && !need.missing.is_empty());
    warn_of_wider(key, base, &reader, missing(), draft);
    if !refusals::can_be_written(key, base, &after, caller, draft) {
        mark_missing(key, draft);
        return;
    }
    draft.changes.push(Change {
        reason: format!("{} must be able to use the key", listed(&texts(missing()))),
        gains: gains(key, missing()),
        operation: Operation::UpdateKeyPolicy(KeyPolicyUpdate {
            key: key.clone(),
            before: base.text().to_owned(),
            after,
        }),
    });
}

/// A grantee's principal, and the required statements that the key policy lacks for it.
struct Need<'a> {
    of: &'a KeyPrincipal,
    text: String,
    missing: Vec<&'a RequiredStatement>,
}

fn needs<'a>(
    reader: &Reader<'_>,
    required: &'a [RequiredStatement],
    principals: &'a [KeyPrincipal],
) -> Vec<Need<'a>> {
    principals
        .iter()
        .map(|of| {
            let text = of.principal.to_string();
            let lacks = |required: &&RequiredStatement| !reader.cover(required, &text).missing.is_empty();
            Need { of, missing: required.iter().filter(lacks).collect(), text }
        })
        .collect()
}

/// The principals, each once.
fn texts<'a>(needs: impl Iterator<Item = &'a Need<'a>>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    needs.filter(|need| seen.insert(&need.text)).map(|need| need.text.clone()).collect()
}

fn judge(
    key: &KeyArn,
    document: &PolicyDocument,
    reader: &Reader<'_>,
    required: &[RequiredStatement],
    need: &Need<'_>,
    draft: &mut Draft,
) -> Side {
    match (need.missing.is_empty(), need.of.is_added) {
        (true, _) => Side::Covered(covering(reader, document, required, &need.text)),
        (false, true) => Side::Planned,
        (false, false) => {
            missing_delegation(key, &need.of.grantee, draft);
            Side::Missing
        }
    }
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
    if !after.orphans().is_empty() {
        // AWS would refuse what is left, so nothing is gained by pruning.
        refusals::orphaned(key, &after.orphans(), refusals::ORPHANS_BY_HAND, draft);
        return None;
    }
    draft.changes.push(Change {
        reason: match pruned.gone.as_slice() {
            [only] => format!("`{only}` no longer exists, and AWS refuses a policy that names it"),
            several => {
                format!("{} no longer exist, and AWS refuses a policy that names them", all_listed(several))
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

/// What was planned for a key that can't be written is missing.
fn mark_missing(key: &KeyArn, draft: &mut Draft) {
    for ((own, _), side) in &mut draft.key_sides {
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

/// A Deny without conditions blocks whom it names; any other that touches the actions is worth a look.
fn warn_of_denies(
    key: &KeyArn,
    document: &PolicyDocument,
    reader: &Reader<'_>,
    required: &[RequiredStatement],
    needs: &[Need<'_>],
    draft: &mut Draft,
) {
    let mut doubtful = BTreeSet::new();
    for need in needs {
        let text = need.of.grantee.to_string();
        for (index, is_certain) in required.iter().flat_map(|required| reader.denies(required, &text)) {
            let Some(statement) = document.statements.get(index) else { continue };
            if is_certain {
                let message = format!(
                    "{} of the key policy of `{key}` denies it, and no Allow outweighs a Deny",
                    label(index, statement)
                );
                let hint = "keymend never touches a Deny: have it changed first".to_owned();
                draft.find(FindingCode::ExplicitDeny, &need.of.grantee, message, Some(hint));
            } else if doubtful.insert(index) {
                let message = format!(
                    "{} of the key policy denies, and no Allow outweighs a Deny",
                    label(index, statement)
                );
                let hint = "see whether it applies to the grantees; keymend never touches a Deny".to_owned();
                draft.find(FindingCode::DenyStatement, key, message, Some(hint));
            }
        }
    }
}

fn warn_of_wider<'a>(
    key: &KeyArn,
    document: &PolicyDocument,
    reader: &Reader<'_>,
    missing: impl Iterator<Item = &'a Need<'a>>,
    draft: &mut Draft,
) {
    for need in missing {
        for required in &need.missing {
            for index in reader.narrower(required, &need.text) {
                let Some(statement) = document.statements.get(index) else { continue };
                let message = format!(
                    "{} of the key policy of `{key}` lets it {} under a further condition, which what this plan \
                     adds does not have",
                    label(index, statement),
                    required.purpose
                );
                draft.find(FindingCode::WiderThanExisting, &need.text, message, None);
            }
        }
    }
}

fn gains<'a>(key: &KeyArn, missing: impl Iterator<Item = &'a Need<'a>>) -> Vec<Gain> {
    let mut seen = BTreeSet::new();
    missing
        .filter(|need| seen.insert(&need.text))
        .map(|need| Gain {
            grantee: need.of.principal.clone(),
            key: key.clone(),
            purposes: purposes(need.missing.iter().copied()),
            is_complete: true,
        })
        .collect()
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

pub(super) fn label(index: usize, statement: &Statement) -> String {
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
        draft.key_sides.insert((key.clone(), grantee.clone()), Side::Missing);
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
