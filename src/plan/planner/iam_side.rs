//! The requester accounts: a customer managed policy on the keys' ARNs, attached to each user, role and group.
//!
//! Of another account than its own a key policy says who can have access, and that account's IAM who has it: "Neither
//! the key policy nor the IAM policy alone is sufficient".
//! <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html>

mod handing_over;
mod home;
mod identity_center;
mod needing;
mod surplus;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::super::finding::{IdentityFinding, Unsound};
use super::super::judgement;
use super::super::{Gain, Side};
use super::policy_draft::{PolicyDraft, Wording};
use super::{Draft, Grantees, Read, purposes};
use crate::access::assessment::needed_actions;
use crate::access::evidence::Evidence;
use crate::access::{CoverageRule, Grantee, Profile, Request, RequiredStatement, Terms};
use crate::arn::{AccountId, EntityArn, EntityKind, EntityName, KeyArn};
use crate::authz::Gate;
use crate::observation::{IamObservation, IamQuotas, Reading, UnreadReason};
use crate::policy::{ActionSet, Documents};
use home::Home;
use needing::Needing;

/// Plans IAM in every account that has users, roles or groups among the grantees.
///
/// The evidence tells of the key policies as they will be: who is let in by name may need nothing in IAM.
pub(super) fn plan_accounts(
    request: &Request,
    (observation, documents): Read<'_, '_>,
    grantees: &Grantees,
    evidence: &Evidence,
    draft: &mut Draft,
) {
    let mut accounts: BTreeMap<AccountId, Vec<EntityArn>> = BTreeMap::new();
    for entity in grantees.entities() {
        accounts.entry(entity.account).or_default().push(entity.clone());
    }
    for (account, entities) in accounts.into_iter().filter(|(account, _)| request.plans_in(*account)) {
        match observation.accounts.get(&account) {
            Some(Reading::Read(iam)) => {
                plan_account(request, account, (iam, documents), &entities, evidence, draft);
            }
            Some(Reading::Unread(reason)) => {
                handing_over::hand_over(request, account, entities, reason, draft);
            }
            None => handing_over::hand_over(request, account, entities, &UnreadReason::NotLookedAt, draft),
        }
    }
}

/// What the policies that give something on a key lack of each required statement for it, by their place among all.
type Gaps = Vec<(usize, Vec<ActionSet>)>;

struct Account<'a, 'o> {
    request: &'a Request,
    quotas: IamQuotas,
    evidence: &'a Evidence,
    documents: &'a Documents,
    /// What is required for each key.
    required: BTreeMap<KeyArn, Vec<RequiredStatement>>,
    /// The keys, by their ARNs as texts.
    keys: HashMap<String, KeyArn>,
    /// Who of the account needs each key.
    needing: BTreeMap<KeyArn, Rc<Needing>>,
    policies: Vec<PolicyDraft<'o>>,
    /// What the permission sets of IAM Identity Center's roles have to reference.
    to_reference: BTreeMap<EntityArn, BTreeSet<String>>,
}

fn plan_account(
    request: &Request,
    id: AccountId,
    (iam, documents): (&IamObservation, &Documents),
    entities: &[EntityArn],
    evidence: &Evidence,
    draft: &mut Draft,
) {
    let mut account = Account {
        request,
        quotas: iam.quotas,
        evidence,
        documents,
        required: request.keys_for(Some(id)).map(|key| (key.clone(), request.required_in(key, id))).collect(),
        keys: request.keys_for(Some(id)).map(|key| (key.to_string(), key.clone())).collect(),
        needing: needing::by_key(request, id, entities),
        policies: iam.policies.values().map(|policy| PolicyDraft::of(policy, documents, draft)).collect(),
        to_reference: BTreeMap::new(),
    };
    account.sort_policies();
    for key in request.keys_for(Some(id)) {
        account.plan_key(key, draft);
    }
    for entity in entities {
        account.check_attachments(iam, entity, draft);
    }
    account.judge_new(draft);
    account.finish(draft);
}

impl Account<'_, '_> {
    /// The policy of the very name first, then the others by name: the first that can take a key does, and people look
    /// for the documented name.
    fn sort_policies(&mut self) {
        let base = self.request.policy_name.as_str().to_ascii_lowercase();
        self.policies.sort_by_cached_key(|policy| {
            let name = policy.arn.name.to_ascii_lowercase();
            (name != base, name)
        });
    }

    /// Who of the account needs a key.
    fn needing(&self, key: &KeyArn) -> Rc<Needing> {
        self.needing.get(key).cloned().unwrap_or_default()
    }

    fn required(&self, key: &KeyArn) -> &[RequiredStatement] {
        self.required.get(key).map_or(&[], Vec::as_slice)
    }

    /// What the policies that give something on a key lack of each required statement for it, in the order of both.
    fn gaps(&self, key: &KeyArn) -> Gaps {
        let (name, required) = (key.to_string(), self.required(key));
        let gives = |gaps: &Vec<ActionSet>| {
            required.iter().zip(gaps).any(|(required, gap)| *gap != required.action_set)
        };
        let gaps = self.policies.iter().map(|policy| policy.missing(required, &name)).enumerate();
        gaps.filter(|(_, gaps)| gives(gaps)).collect()
    }

    /// The policies that give something on a key and are attached to somebody, each with what it lacks.
    fn giving<'g>(
        &self,
        entity: &EntityName,
        gaps: &'g Gaps,
    ) -> impl Iterator<Item = (&PolicyDraft<'_>, &'g [ActionSet])> {
        let giving = gaps.iter().filter_map(|(at, gaps)| Some((self.policies.get(*at)?, gaps.as_slice())));
        giving.filter(|(policy, _)| policy.attached.contains(entity))
    }

    /// The required statements that the attached policies together do not cover for an entity: IAM adds up what they
    /// allow, so what one lacks another may give.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>
    fn uncovered(&self, entity: &EntityName, key: &KeyArn, gaps: &Gaps) -> Vec<&RequiredStatement> {
        let giving: Vec<&[ActionSet]> = self.giving(entity, gaps).map(|(_, gaps)| gaps).collect();
        let is_uncovered = |(at, required): &(usize, &RequiredStatement)| {
            let missing = giving
                .iter()
                .filter_map(|gaps| gaps.get(*at))
                .fold(required.action_set, |missing, gap| missing.intersection(*gap));
            !missing.is_empty()
        };
        self.required(key).iter().enumerate().filter(is_uncovered).map(|(_, required)| required).collect()
    }

    /// What is uncovered and has to be planned: all of it, or what evaluation does not show to be allowed.
    fn lacking(&self, entity: &EntityArn, key: &KeyArn, gaps: &Gaps) -> Vec<&RequiredStatement> {
        let mut lacking = self.uncovered(&entity.entity_name(), key, gaps);
        let Terms { purpose, coverage, .. } = self.request.terms(key);
        if coverage == CoverageRule::Effective && !lacking.is_empty() {
            let grantee = Grantee::Entity(entity.clone());
            let assessment = self.evidence.assess(key, &grantee, needed_actions(purpose));
            // Whom the key policy names at home needs no IAM policy, and its gate is then open without one.
            lacking.retain(|required| {
                let mut actions = assessment.actions.iter();
                actions.any(|action| {
                    required.action_set.contains(action.action.set()) && !action.passes(Gate::Identity)
                })
            });
        }
        lacking
    }

    fn plan_key(&mut self, key: &KeyArn, draft: &mut Draft) {
        let gaps = self.gaps(key);
        let mut needy = Vec::new();
        let mut lacking: BTreeMap<EntityArn, Vec<RequiredStatement>> = BTreeMap::new();
        for entity in &self.needing(key).entities {
            if draft.iam_sides.get(key, entity) == Some(&Side::NotNeeded) {
                // The key's own policy serves everybody of the account: so it was found on the key's side.
                continue;
            }
            let lacks: Vec<RequiredStatement> =
                self.lacking(entity, key, &gaps).into_iter().cloned().collect();
            let side = if lacks.is_empty() {
                Side::Covered(self.covering(&entity.entity_name(), &gaps))
            } else {
                needy.push(entity.clone());
                lacking.insert(entity.clone(), lacks);
                if entity.is_identity_center_role() { Side::Missing } else { Side::Planned }
            };
            draft.iam_sides.set(key, entity, side);
        }
        if self.request.terms(key).profile == Profile::LeastPrivilege {
            self.warn_of_broader(key, draft);
        }
        if needy.is_empty() {
            return;
        }
        let is_lacked =
            |required: &&RequiredStatement| lacking.values().flatten().any(|lacked| lacked == *required);
        let required: Vec<RequiredStatement> = self.required(key).iter().filter(is_lacked).cloned().collect();
        match self.home_for(key, &needy, &required, &gaps, draft) {
            Ok(home) => self.write_into(home, key, &lacking, &needy),
            Err(broken) => draft.find(key, Unsound::Edit(broken)),
        }
        self.warn_of_wider(key, &needy, draft);
    }

    fn covering(&self, entity: &EntityName, gaps: &Gaps) -> Vec<String> {
        self.giving(entity, gaps).map(|(policy, _)| format!("policy {}", policy.arn.name)).collect()
    }

    fn write_into(
        &mut self,
        home: Home,
        key: &KeyArn,
        lacking: &BTreeMap<EntityArn, Vec<RequiredStatement>>,
        needy: &[EntityArn],
    ) {
        let gain = |entity: &EntityArn| Gain {
            grantee: Grantee::Entity(entity.clone()),
            key: key.clone(),
            purposes: purposes(lacking.get(entity).into_iter().flatten()),
            is_complete: true,
        };
        let gains: Vec<(EntityArn, Gain)> =
            needy.iter().map(|entity| (entity.clone(), gain(entity))).collect();
        let Some(policy) = self.policies.get_mut(home.index) else { return };
        if let Some(document) = home.document {
            policy.wording = Some(Wording::new(self.documents.keep(document)));
        }
        for (entity, gain) in gains {
            if policy.attached.contains(&entity.entity_name()) {
                // Who gets the policy by this plan gains by the attachment: its new text alone would give them nothing.
                let planned = policy.attach.iter_mut().find(|(planned, _)| *planned == entity);
                planned.map_or(&mut policy.gains, |(_, gains)| gains).push(gain);
            } else if entity.is_identity_center_role() {
                self.to_reference.entry(entity).or_default().insert(policy.arn.name.clone());
            } else {
                policy.attached.insert(entity.entity_name());
                policy.attach.push((entity, vec![gain]));
            }
        }
    }

    /// An attachment beyond the quota would be refused only after others were made: it blocks before any is.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
    fn check_attachments(&self, iam: &IamObservation, entity: &EntityArn, draft: &mut Draft) {
        let attached =
            iam.entities.get(entity).and_then(Option::as_ref).map_or(0, |found| found.attached.len());
        let new =
            self.policies.iter().filter(|policy| policy.attach.iter().any(|(new, _)| new == entity)).count();
        let quota = match entity.kind {
            EntityKind::User => self.quotas.attached_per_user,
            EntityKind::Role => self.quotas.attached_per_role,
            EntityKind::Group => self.quotas.attached_per_group,
        };
        if new > 0 && attached + new > quota {
            draft.find(&entity, IdentityFinding::AttachmentQuota { attached, quota });
            let keys: Vec<KeyArn> = self.required.keys().cloned().collect();
            for key in &keys {
                mark_missing(key, entity, draft);
            }
        }
        if let Some(policies) = self.to_reference.get(entity) {
            identity_center::found(entity, &policies.iter().cloned().collect::<Vec<_>>(), draft);
        }
    }

    /// A policy that IAM would not save is not written; one that existed was not chosen for it.
    fn judge_new(&self, draft: &mut Draft) {
        for policy in self.policies.iter().filter(|policy| policy.existing.is_none()) {
            let Some(document) = policy.document() else { continue };
            if let Err(why) = judgement::of_identity_policy(document, self.quotas.policy_size) {
                draft.find(&policy.arn, IdentityFinding::Refused(why));
            }
        }
    }

    fn finish(self, draft: &mut Draft) {
        for policy in self.policies {
            policy.into_changes(self.quotas.versions_per_policy, draft);
        }
    }
}

/// What can't be attached is not planned.
fn mark_missing(key: &KeyArn, entity: &EntityArn, draft: &mut Draft) {
    if let Some(side) = draft.iam_sides.get_mut(key, entity)
        && *side == Side::Planned
    {
        *side = Side::Missing;
    }
}
