//! The key's account: the key's state, and the two required statements in its policy.

mod grants;
mod handing_over;
mod own_roles;
mod principals;
mod surplus;

use std::collections::BTreeSet;
use std::rc::Rc;

use super::super::finding::{GranteeFinding, KeyFinding, KeyPolicyFinding, Unsound};
use super::super::judgement::{self, can_be_saved};
use super::super::listing::{all_listed, listed};
use super::super::openness;
use super::super::patch::{self, Face, Reader, Want};
use super::super::{Change, Gain, KeyPolicyUpdate, Operation, Side};
use super::{Draft, Grantees, Read, key_state, purposes};
use crate::access::assessment::{Verdict, needed_actions};
use crate::access::evidence::Evidence;
use crate::access::{CoverageRule, Grantee, Profile, Request, RequiredStatement, Terms};
use crate::arn::KeyArn;
use crate::authz::Gate;
use crate::observation::{KeyManager, Observation, Reading};
use crate::policy::edit::BrokenEdit;
use crate::policy::{Documents, PolicyDocument};
use grants::{Lacking, Permission};
use principals::{KeyPrincipal, distinct, key_principals};

/// Plans one key's policy.
pub(super) fn plan_key(
    request: &Request,
    (observation, documents): Read<'_, '_>,
    grantees: &Grantees,
    key: &KeyArn,
    evidence: &Evidence,
    draft: &mut Draft,
) {
    let Some(observed) = observation.keys.get(key) else { return };
    let side = KeySide { request, observation, documents, key, evidence };
    if let Reading::Read(metadata) = &observed.metadata {
        if metadata.manager == KeyManager::Aws && side.is_at_everybodys_service(&grantees.usable, draft) {
            return;
        }
        key_state::judge(key, metadata, draft);
        if metadata.manager == KeyManager::Aws {
            // Nobody but AWS changes its policy, so there is nothing to plan.
            return;
        }
    }
    let principals = key_principals(request, key, &grantees.usable, draft);
    let lacking = grants::lacking(&side, observed, &grantees.usable, draft);
    match &observed.policy {
        Reading::Unread(reason) => handing_over::hand_over(key, &principals, lacking, reason, draft),
        Reading::Read(text) => match documents.parsed(text) {
            Ok(document) => {
                draft.findings.extend(openness::of_key_policy(key, &document));
                if let Err(broken) = side.plan_policy(&document, &principals, lacking, draft) {
                    draft.find(&key, Unsound::Edit(broken));
                    mark_missing(key, draft);
                }
            }
            Err(error) => {
                draft.find(&key, KeyPolicyFinding::Unreadable { error: error.to_string() });
            }
        },
    }
}

/// One key, and what is known besides its policy.
pub(super) struct KeySide<'a> {
    pub(super) request: &'a Request,
    pub(super) observation: &'a Observation,
    documents: &'a Documents,
    pub(super) key: &'a KeyArn,
    pub(super) evidence: &'a Evidence,
}

impl KeySide<'_> {
    /// Whether the policy of an AWS managed key lets all of them use it already, as that of `aws/ebs` does with whoever
    /// works through EBS in the key's own account: then nothing has to be done, in IAM neither.
    ///
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-cmk>
    fn is_at_everybodys_service(&self, grantees: &[Grantee], draft: &mut Draft) -> bool {
        let KeySide { request, key, evidence, .. } = self;
        let needed = needed_actions(request.terms(key).purpose);
        let is_served = |grantee: &Grantee| {
            grantee.is_of(key.account) && evidence.assess(key, grantee, needed).verdict() == Verdict::Able
        };
        if grantees.is_empty() || !grantees.iter().all(is_served) {
            return false;
        }
        for grantee in grantees {
            draft.key_sides.set(key, grantee, Side::NotNeeded);
            if let Some(entity) = grantee.attachable() {
                draft.iam_sides.set(key, entity, Side::NotNeeded);
            }
        }
        let (account, purpose) = (key.account, request.terms(key).purpose);
        draft.find(key, KeyFinding::OwnAwsManaged { account, purpose });
        true
    }

    fn plan_policy(
        &self,
        read: &PolicyDocument,
        principals: &[KeyPrincipal],
        lacking: Lacking,
        draft: &mut Draft,
    ) -> Result<(), BrokenEdit> {
        let key = self.key;
        let pruning = if self.request.prune_orphans { self.prune(read, draft)? } else { Pruning::NotNeeded };
        let base = match &pruning {
            Pruning::Planned(pruned) | Pruning::Refused(pruned) => pruned,
            Pruning::NotNeeded | Pruning::Impossible => read,
        };
        let reader = Reader::new(base, Face::KeyPolicy(key.partition));
        let needs: Vec<Need<'_>> = principals.iter().map(|principal| self.need(&reader, principal)).collect();
        let needs: Vec<Need<'_>> =
            needs.into_iter().map(|need| own_roles::possible(key, base, need, draft)).collect();
        for need in &needs {
            let side = judge(key, base, &reader, need, draft);
            draft.key_sides.set(key, &need.of.grantee, side);
        }
        surplus::tell_of_missing_grants(key, base, &reader, &needs, draft);
        let Terms { purpose, profile, .. } = self.request.terms(key);
        if profile == Profile::LeastPrivilege {
            surplus::warn_of_broader(key, base, &reader, &needs, purpose, draft);
        }
        let naming = patched(&reader, &needs)?;

        let missing: Vec<&Need<'_>> =
            needs.iter().filter(|need| need.is_added && !need.missing.is_empty()).collect();
        surplus::warn_of_wider(key, base, &reader, missing.iter().copied(), draft);
        // A grant needs what the key policy says in the end, whoever it comes to name besides.
        let permitted =
            grants::permit(key, naming.as_ref().unwrap_or(base), &lacking, self.observation, draft)?;
        let (permitting, permission) = permitted.unzip();
        let after = permitting.or(naming).map(|after| self.documents.keep(after));
        if let Some(after) = &after {
            let can_be_saved = self.can_be_saved(after, draft);
            // What was refused without its orphans is refused with more in it, too.
            if !can_be_saved || matches!(pruning, Pruning::Refused(_)) {
                mark_missing(key, draft);
                return Ok(());
            }
            draft.changes.push(update(key, (base, after), &missing, permission.as_ref()));
            own_roles::tell_untried(key, missing.iter().map(|need| &need.of.grantee), true, draft);
        }
        grants::plan_grants(after.as_deref().unwrap_or(base), lacking, permission.as_ref(), self, draft);
        Ok(())
    }

    /// Whether AWS would save a key policy; where not, that is found.
    fn can_be_saved(&self, document: &PolicyDocument, draft: &mut Draft) -> bool {
        let caller = self.observation.callers.get(&self.key.account);
        let findings = judgement::of_key_policy(self.key, document, caller);
        let can_be_saved = can_be_saved(&findings);
        draft.tell(findings);
        can_be_saved
    }

    /// A change of its own that takes orphans out, unless AWS would refuse it.
    fn prune(&self, read: &PolicyDocument, draft: &mut Draft) -> Result<Pruning, BrokenEdit> {
        let Some(pruned) = patch::prune_orphans(read)? else { return Ok(Pruning::NotNeeded) };
        let after = self.documents.keep(pruned.document);
        let can_be_saved = self.can_be_saved(&after, draft);
        if !after.orphans().is_empty() {
            // AWS would refuse what is left, so nothing is gained by pruning.
            return Ok(Pruning::Impossible);
        }
        if !can_be_saved {
            return Ok(Pruning::Refused(after));
        }
        draft.changes.push(Change {
            reason: match pruned.gone.as_slice() {
                [only] => format!("`{only}` no longer exists, and AWS refuses a policy that names it"),
                several => {
                    format!(
                        "{} no longer exist, and AWS refuses a policy that names them",
                        all_listed(several)
                    )
                }
            },
            gains: Vec::new(),
            operation: Operation::PruneOrphans(KeyPolicyUpdate {
                key: self.key.clone(),
                before: read.text().to_owned(),
                after: after.text().to_owned(),
            }),
        });
        Ok(Pruning::Planned(after))
    }

    fn need<'p>(&self, reader: &Reader<'_>, of: &'p KeyPrincipal) -> Need<'p> {
        let text = of.principal.principal_text();
        let lacks = |required: &&RequiredStatement| !reader.cover(required, &text).missing.is_empty();
        let mut missing: Vec<&RequiredStatement> = of.required.iter().filter(lacks).collect();
        // What names the principal counts under either rule; evaluation is asked about the rest alone. Whether grants can
        // be made is a matter of evaluation under either rule.
        let is_by_effect = self.request.terms(self.key).coverage == CoverageRule::Effective
            || of.grantee.as_members_role().is_some();
        if is_by_effect && !missing.is_empty() {
            missing.retain(|required| !self.lets_in(&of.grantee, required));
        }
        Need { of, name: of.principal.to_string(), text, missing, is_added: of.is_added }
    }

    /// Whether evaluation shows that the key's side allows what is needed of a required statement. What a statement has
    /// beyond the needs of a launch is not missed.
    fn lets_in(&self, grantee: &Grantee, required: &RequiredStatement) -> bool {
        let assessment =
            self.evidence.assess(self.key, grantee, needed_actions(self.request.terms(self.key).purpose));
        let mut actions = assessment.actions.iter();
        actions.all(|action| {
            !required.action_set.contains(action.action.set()) || action.passes(Gate::KeyPolicy)
        })
    }
}

/// What becomes of orphans that were asked to go.
enum Pruning {
    /// There are none that can go.
    NotNeeded,
    /// They go first, and the next change builds on what is left.
    Planned(Rc<PolicyDocument>),
    /// AWS would refuse what is left, and whatever builds on it.
    Refused(Rc<PolicyDocument>),
    /// Others stand where nothing is touched.
    Impossible,
}

/// The change of a key policy that names who has to be named and permits the grants that have to be possible.
fn update(
    key: &KeyArn,
    (before, after): (&PolicyDocument, &PolicyDocument),
    missing: &[&Need<'_>],
    permission: Option<&Permission>,
) -> Change {
    let (own_roles, using): (Vec<&Need<'_>>, Vec<&Need<'_>>) =
        missing.iter().copied().partition(|need| need.of.grantee.as_members_role().is_some());
    let naming = (!using.is_empty())
        .then(|| format!("{} must be able to use the key", listed(&names(using.iter().copied()))));
    let own_roles = own_roles::reason(own_roles.iter().filter_map(|need| need.of.grantee.as_members_role()));
    let reasons: Vec<String> =
        naming.into_iter().chain(own_roles).chain(permission.map(Permission::reason)).collect();
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

/// The policy with what is missing for those who may be added.
fn patched(reader: &Reader<'_>, needs: &[Need<'_>]) -> Result<Option<PolicyDocument>, BrokenEdit> {
    let added = || needs.iter().filter(|need| need.is_added);
    let statements = distinct(added().map(|need| need.of));
    let asked = |required| texts(added().filter(|need| need.of.required.contains(required)));
    let wanted: Vec<Vec<String>> = statements.iter().copied().map(asked).collect();
    let wants = statements.iter().zip(&wanted).map(|(required, wanted)| Want {
        required,
        missing: texts(added().filter(|need| need.missing.contains(required))),
        wanted,
    });
    reader.patched_for(&wants.collect::<Vec<_>>())
}

/// A grantee's principal, and the required statements that the key policy lacks for it.
struct Need<'a> {
    of: &'a KeyPrincipal,
    /// What the principal is called.
    name: String,
    /// How a statement names it.
    text: String,
    missing: Vec<&'a RequiredStatement>,
    /// Whether the statements may be added for it.
    is_added: bool,
}

/// The principals as statements name them, each once.
fn texts<'a>(needs: impl Iterator<Item = &'a Need<'a>>) -> Vec<String> {
    distinct_texts(needs.map(|need| need.text.as_str()))
}

/// The principals as they are called, each once.
fn names<'a>(needs: impl Iterator<Item = &'a Need<'a>>) -> Vec<String> {
    distinct_texts(needs.map(|need| need.name.as_str()))
}

fn distinct_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    texts.filter(|text| seen.insert(*text)).map(str::to_owned).collect()
}

fn judge(
    key: &KeyArn,
    document: &PolicyDocument,
    reader: &Reader<'_>,
    need: &Need<'_>,
    draft: &mut Draft,
) -> Side {
    match (need.missing.is_empty(), need.is_added) {
        (true, _) => Side::Covered(covering(reader, document, &need.of.required, &need.text)),
        (false, true) => Side::Planned,
        (false, false) if need.of.is_added => Side::Missing,
        (false, false) => {
            draft.find(&need.of.grantee, GranteeFinding::NoDelegation { key: key.clone() });
            Side::Missing
        }
    }
}

/// What was planned for a key that can't be written is missing.
fn mark_missing(key: &KeyArn, draft: &mut Draft) {
    for side in draft.key_sides.of_mut(key).filter(|side| **side == Side::Planned) {
        *side = Side::Missing;
    }
}

fn gains<'a>(key: &KeyArn, missing: &'a [&'a Need<'a>]) -> impl Iterator<Item = Gain> + use<'a> {
    let key = key.clone();
    let mut seen = BTreeSet::new();
    missing.iter().filter(move |need| seen.insert(&need.name)).map(move |need| Gain {
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
        .filter_map(|index| document.statements.get(index).map(|statement| statement.label(index)))
        .collect()
}
