//! The key's account: the key's state, and the two required statements in its policy.

use std::collections::BTreeSet;

use super::super::patch::{self, Face, Reader};
use super::super::{Change, FindingCode, Gain, Handover, KeyPolicyUpdate, Operation, Side};
use super::service_roles::{self, Lacking, Permission};
use super::{Draft, Grantees, all_listed, key_state, listed, purposes, refusals};
use crate::access::{Grantee, Request, RequiredStatement};
use crate::arn::{EntityKind, KeyArn};
use crate::observation::{KeyManager, Observation, Reading};
use crate::policy::{PolicyDocument, PolicyError, Statement};

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
    let lacking = service_roles::lacking(key, observed, &grantees.usable, draft);
    match &observed.policy {
        Reading::Unread(reason) => hand_over(key, principals, lacking, reason, draft),
        Reading::Read(text) => match PolicyDocument::parse(text.as_str()) {
            Ok(document) => {
                let grantees = &grantees.usable;
                let asked = Asked { request, observation, key, grantees, principals: &principals, lacking };
                plan_policy(&document, asked, draft);
            }
            Err(error) => {
                draft.find(FindingCode::UnreadablePolicy, &key, format!("the key policy: {error}"), None);
            }
        },
    }
}

/// What is asked of one key's policy.
struct Asked<'a> {
    request: &'a Request,
    observation: &'a Observation,
    key: &'a KeyArn,
    grantees: &'a [Grantee],
    /// Whom it has to name.
    principals: &'a [KeyPrincipal],
    /// The grants that it has to let be created.
    lacking: Lacking,
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
        let is_foreign = grantee.account() != key.account;
        if let Grantee::Entity(entity) = grantee
            && entity.kind == EntityKind::Group
        {
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
        } else if !(is_foreign && matches!(grantee, Grantee::ServiceLinkedRole(_))) {
            principals.push(KeyPrincipal {
                grantee: grantee.clone(),
                principal: grantee.clone(),
                is_added: true,
            });
        }
    }
    principals
}

fn plan_policy(read: &PolicyDocument, asked: Asked<'_>, draft: &mut Draft) {
    let Asked { request, observation, key, grantees, principals, lacking } = asked;
    let required = RequiredStatement::documented();
    let pruned = if request.prune_orphans { prune(key, read, draft) } else { None };
    let base = pruned.as_ref().unwrap_or(read);
    let reader = Reader::new(base, Face::KeyPolicy(key.partition));
    let needs = needs(&reader, &required, principals);
    for need in &needs {
        let side = judge(key, base, &reader, &required, need, draft);
        draft.key_sides.insert((key.clone(), need.of.grantee.clone()), side);
    }
    warn_of_denies(key, base, &reader, &required, grantees, draft);
    let wanted = texts(needs.iter().filter(|need| need.of.is_added));
    let Ok(naming) = parsed(key, reader.patched(&required, &wanted), draft) else { return };

    let missing: Vec<&Need<'_>> =
        needs.iter().filter(|need| need.of.is_added && !need.missing.is_empty()).collect();
    warn_of_wider(key, base, &reader, &missing, draft);
    // A grant needs what the key policy says in the end, whoever it comes to name besides.
    let permission = service_roles::permit(key, naming.as_ref().unwrap_or(base), &lacking, observation);
    let Ok(permitting) = parsed(key, permission.as_ref().map(|permission| permission.text.clone()), draft)
    else {
        return;
    };
    let after = permitting.as_ref().or(naming.as_ref());
    if let Some(after) = after {
        let caller = observation.callers.get(&key.account);
        if !refusals::can_be_written(key, base, after.text(), caller, draft) {
            mark_missing(key, draft);
            return;
        }
        draft.changes.push(update(key, (base, after), &missing, permission.as_ref()));
    }
    service_roles::plan_grants(after.unwrap_or(base), lacking, permission.as_ref(), observation, draft);
}

/// A text that was made of a policy is a policy again.
fn parsed(
    key: &KeyArn,
    text: Option<String>,
    draft: &mut Draft,
) -> Result<Option<PolicyDocument>, PolicyError> {
    text.map(PolicyDocument::parse).transpose().inspect_err(|error| {
        let message = format!("a bug of keymend: the new key policy is no policy: {error}");
        draft.find(FindingCode::FailedCheck, key, message, None);
        mark_missing(key, draft);
    })
}

/// The change of a key policy that names who has to be named and permits the grants that have to be possible.
fn update(
    key: &KeyArn,
    (before, after): (&PolicyDocument, &PolicyDocument),
    missing: &[&Need<'_>],
    permission: Option<&Permission>,
) -> Change {
    let naming = (!missing.is_empty())
        .then(|| format!("{} must be able to use the key", listed(&texts(missing.iter().copied()))));
    let reasons: Vec<String> = naming.into_iter().chain(permission.map(Permission::reason)).collect();
    Change {
        reason: reasons.join("; "),
        gains: gains(key, missing).chain(permission.into_iter().flat_map(Permission::gains)).collect(),
        operation: Operation::UpdateKeyPolicy(KeyPolicyUpdate {
            key: key.clone(),
            before: before.text().to_owned(),
            after: after.text().to_owned(),
        }),
    }
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
    let after = parsed(key, Some(pruned.text.clone()), draft).ok()??;
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
    grantees: &[Grantee],
    draft: &mut Draft,
) {
    let mut doubtful = BTreeSet::new();
    for grantee in grantees {
        let text = grantee.to_string();
        for (index, is_certain) in required.iter().flat_map(|required| reader.denies(required, &text)) {
            let Some(statement) = document.statements.get(index) else { continue };
            if is_certain {
                let message = format!(
                    "{} of the key policy of `{key}` denies it, and no Allow outweighs a Deny",
                    label(index, statement)
                );
                let hint = "keymend never touches a Deny: have it changed first".to_owned();
                draft.find(FindingCode::ExplicitDeny, grantee, message, Some(hint));
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

fn warn_of_wider(
    key: &KeyArn,
    document: &PolicyDocument,
    reader: &Reader<'_>,
    missing: &[&Need<'_>],
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

fn gains<'a>(key: &KeyArn, missing: &'a [&'a Need<'a>]) -> impl Iterator<Item = Gain> + use<'a> {
    let key = key.clone();
    let mut seen = BTreeSet::new();
    missing.iter().filter(move |need| seen.insert(&need.text)).map(move |need| Gain {
        grantee: need.of.principal.clone(),
        key: key.clone(),
        purposes: purposes(need.missing.iter().copied()),
        is_complete: true,
    })
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
fn hand_over(key: &KeyArn, principals: Vec<KeyPrincipal>, lacking: Lacking, reason: &str, draft: &mut Draft) {
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
    let required = RequiredStatement::documented();
    let mut statements: Vec<_> = required
        .iter()
        .filter(|_| !texts.is_empty())
        .map(|required| required.for_key_policy(required.key_policy_sid, &texts))
        .collect();
    statements.extend(lacking.statements());
    grantees.extend(lacking.grantees());
    // There are none for groups of the key's own account: whether it delegates to its IAM is for its policy to say.
    if !statements.is_empty() {
        draft.handovers.push(Handover::KeyPolicy { key: key.clone(), statements, grantees });
    }
    lacking.hand_over(draft);
}
