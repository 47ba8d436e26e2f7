//! The requester accounts: a customer managed policy on the keys' ARNs, attached to each user, role and group.

use std::collections::{BTreeMap, BTreeSet};

use super::super::patch::{Face, Reader};
use super::super::{FindingCode, Gain, Side};
use super::limits::size_without_white_space;
use super::policy_draft::{PolicyDraft, new_document, refused_sid};
use super::{Draft, Grantees, Read, all_listed, handing_over, listed, purposes};
use crate::access::assessment::needed_actions;
use crate::access::evidence::Evidence;
use crate::access::{CoverageRule, Grantee, Profile, Request, RequiredStatement};
use crate::arn::{AccountId, EntityArn, EntityKind, EntityName, KeyArn, PolicyArn};
use crate::authz::Gate;
use crate::observation::{IamObservation, IamQuotas, Reading};
use crate::policy::{ActionSet, Documents, PolicyDocument};

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
    for (account, entities) in accounts {
        match observation.accounts.get(&account) {
            Some(Reading::Read(iam)) => {
                plan_account(request, account, (iam, documents), &entities, evidence, draft);
            }
            Some(Reading::Unread(reason)) => {
                handing_over::iam_side(request, account, entities, reason, draft);
            }
            None => handing_over::iam_side(request, account, entities, "not looked at", draft),
        }
    }
}

/// For each policy, what it lacks of each required statement.
type Gaps = Vec<Vec<ActionSet>>;

struct Account<'a, 'o> {
    request: &'a Request,
    quotas: IamQuotas,
    entities: &'a [EntityArn],
    evidence: &'a Evidence,
    documents: &'a Documents<'o>,
    /// What is required for each key.
    required: BTreeMap<KeyArn, Vec<RequiredStatement>>,
    policies: Vec<PolicyDraft<'o>>,
    /// What the permission sets of IAM Identity Center's roles have to reference.
    to_reference: BTreeMap<EntityArn, BTreeSet<String>>,
}

fn plan_account<'o>(
    request: &Request,
    id: AccountId,
    (iam, documents): (&'o IamObservation, &Documents<'o>),
    entities: &[EntityArn],
    evidence: &Evidence,
    draft: &mut Draft,
) {
    let mut account = Account {
        request,
        quotas: iam.quotas,
        entities,
        evidence,
        documents,
        required: request.keys_for(id).map(|key| (key.clone(), request.required_in(key, id))).collect(),
        policies: iam.policies.values().map(|policy| PolicyDraft::of(policy, documents, draft)).collect(),
        to_reference: BTreeMap::new(),
    };
    account.sort_policies();
    for key in request.keys_for(id) {
        account.plan_key(key, draft);
    }
    for entity in entities {
        account.check_attachments(iam, entity, draft);
    }
    account.check_sizes(draft);
    account.finish(draft);
}

impl Account<'_, '_> {
    /// The policy of the very name first, then the others by name.
    fn sort_policies(&mut self) {
        let base = self.request.policy_name.as_str().to_ascii_lowercase();
        self.policies.sort_by_cached_key(|policy| {
            let name = policy.arn.name.to_ascii_lowercase();
            (name != base, name)
        });
    }

    fn required(&self, key: &KeyArn) -> &[RequiredStatement] {
        self.required.get(key).map_or(&[], Vec::as_slice)
    }

    /// What each policy lacks of each required statement for a key, in the order of both.
    fn gaps(&self, key: &KeyArn) -> Gaps {
        let of = |policy: &PolicyDraft<'_>| policy.missing(self.required(key), key);
        self.policies.iter().map(of).collect()
    }

    /// The required statements that the attached policies together do not cover for an entity.
    fn uncovered(&self, entity: &EntityName, key: &KeyArn, gaps: &Gaps) -> Vec<&RequiredStatement> {
        let attached =
            || self.policies.iter().zip(gaps).filter(|(policy, _)| policy.attached.contains(entity));
        let is_uncovered = |(at, required): &(usize, &RequiredStatement)| {
            let missing = attached()
                .filter_map(|(_, gaps)| gaps.get(*at))
                .fold(required.action_set, |missing, gap| missing.intersection(*gap));
            !missing.is_empty()
        };
        self.required(key).iter().enumerate().filter(is_uncovered).map(|(_, required)| required).collect()
    }

    /// What is uncovered and has to be planned: all of it, or what evaluation does not show to be allowed.
    fn lacking(&self, entity: &EntityArn, key: &KeyArn, gaps: &Gaps) -> Vec<&RequiredStatement> {
        let mut lacking = self.uncovered(&entity.entity_name(), key, gaps);
        if self.request.coverage == CoverageRule::Effective && !lacking.is_empty() {
            let grantee = Grantee::Entity(entity.clone());
            let assessment = self.evidence.assess(key, &grantee, needed_actions(self.request.purpose));
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
        for entity in self.entities {
            if draft.iam_sides.get(&(key.clone(), entity.clone())) == Some(&Side::NotNeeded) {
                continue;
            }
            let lacks: Vec<RequiredStatement> =
                self.lacking(entity, key, &gaps).into_iter().cloned().collect();
            let side = if lacks.is_empty() {
                Side::Covered(self.covering(&entity.entity_name(), key, &gaps))
            } else {
                needy.push(entity.clone());
                lacking.insert(entity.clone(), lacks);
                if entity.is_identity_center_role() { Side::Missing } else { Side::Planned }
            };
            draft.iam_sides.insert((key.clone(), entity.clone()), side);
        }
        if self.request.profile == Profile::LeastPrivilege {
            self.warn_of_broader(key, draft);
        }
        if needy.is_empty() {
            return;
        }
        let is_lacked =
            |required: &&RequiredStatement| lacking.values().flatten().any(|lacked| lacked == *required);
        let required: Vec<RequiredStatement> = self.required(key).iter().filter(is_lacked).cloned().collect();
        let home = self.home_for(key, &needy, &required, &gaps, draft);
        self.write_into(home, key, &lacking, &needy, &required, draft);
        self.warn_of_wider(key, &needy, draft);
    }

    /// Who has more than the least privilege already is told by which policy.
    fn warn_of_broader(&self, key: &KeyArn, draft: &mut Draft) {
        for policy in self.policies.iter().filter(|policy| policy.existing.is_some()) {
            let Some(document) = &policy.document else { continue };
            let reader = Reader::new(document, Face::Identity);
            let is_broader = self
                .required(key)
                .iter()
                .any(|required| !reader.broader(required, &key.to_string()).is_empty());
            let has_it = |entity: &&EntityArn| policy.attached.contains(&entity.entity_name());
            let who: Vec<String> = self.entities.iter().filter(has_it).map(ToString::to_string).collect();
            if is_broader && !who.is_empty() {
                let message = format!(
                    "it gives {} more of `{key}` than the {} through EC2 that was asked for",
                    listed(&who),
                    self.request.purpose
                );
                let hint = "keymend takes nothing away: narrow the policy by hand once nobody needs the rest";
                draft.find(FindingCode::BroaderThanAsked, &policy.arn, message, Some(hint.to_owned()));
            }
        }
    }

    /// An Allow under a further condition is there already, and what is planned does not have the condition.
    fn warn_of_wider(&self, key: &KeyArn, needy: &[EntityArn], draft: &mut Draft) {
        for entity in needy {
            let name = entity.entity_name();
            for existing in self.policies.iter().filter_map(|policy| policy.existing) {
                let Ok(document) = self.documents.parsed(&existing.document) else { continue };
                let reader = Reader::new(&document, Face::Identity);
                let is_narrower = self
                    .required(key)
                    .iter()
                    .any(|required| !reader.narrower(required, &key.to_string()).is_empty());
                if is_narrower && existing.attached_to.contains(&name) {
                    let message = format!(
                        "the policy {} allows the key under a further condition, which what this plan adds does \
                         not have",
                        existing.arn.name
                    );
                    draft.find(FindingCode::WiderThanExisting, entity, message, None);
                }
            }
        }
    }

    fn covering(&self, entity: &EntityName, key: &KeyArn, gaps: &Gaps) -> Vec<String> {
        let is_useful = |(policy, gaps): &(&PolicyDraft<'_>, &Vec<ActionSet>)| {
            let mut required = self.required(key).iter().zip(*gaps);
            policy.attached.contains(entity) && required.any(|(required, gap)| *gap != required.action_set)
        };
        let useful = self.policies.iter().zip(gaps).filter(is_useful);
        useful.map(|(policy, _)| format!("policy {}", policy.arn.name)).collect()
    }

    /// The first policy that can serve everyone who needs it, else a new one.
    fn home_for(
        &mut self,
        key: &KeyArn,
        needy: &[EntityArn],
        required: &[RequiredStatement],
        gaps: &Gaps,
        draft: &mut Draft,
    ) -> usize {
        let mut refusals = Vec::new();
        for (index, policy) in self.policies.iter().enumerate() {
            match self.refusal(policy, key, needy, required, gaps) {
                None => return index,
                Some(reason) => refusals.push((policy.arn.clone(), reason)),
            }
        }
        let arn = self.new_arn(key, needy);
        for (refused, reason) in refusals {
            let message =
                format!("{} is left as it is: {reason}; so {} is made for `{key}`", refused.name, arn.name);
            draft.find(FindingCode::SeparatePolicy, &refused, message, None);
        }
        self.policies.push(PolicyDraft::new(arn));
        self.policies.len() - 1
    }

    /// Why a policy can't take the key for those who need it; `None` where it can.
    fn refusal(
        &self,
        policy: &PolicyDraft<'_>,
        key: &KeyArn,
        needy: &[EntityArn],
        required: &[RequiredStatement],
        gaps: &Gaps,
    ) -> Option<String> {
        let wanted = [key.to_string()];
        let Some(document) = &policy.document else { return Some("it can't be read".to_owned()) };
        if let Some(sid) = refused_sid(document) {
            return Some(format!("IAM refuses to save it again, for the Sid \"{sid}\""));
        }
        let reader = Reader::new(document, Face::Identity);
        let merged = reader.patched(required, &wanted);
        if merged.is_some() {
            let boundaries = policy.existing.iter().flat_map(|existing| &existing.boundary_of);
            let attached =
                policy.attached.iter().filter(|entity| !self.uncovered(entity, key, gaps).is_empty());
            // A boundary limits whatever else is attached, so who has it has not got the access already.
            let strangers: BTreeSet<String> = attached
                .chain(boundaries)
                .filter(|entity| !self.is_grantee(entity))
                .map(ToString::to_string)
                .collect();
            let strangers: Vec<String> = strangers.into_iter().collect();
            if !strangers.is_empty() {
                return Some(format!(
                    "it also serves {}, who would get access to the key",
                    all_listed(&strangers)
                ));
            }
        }
        let is_new_to_someone = needy.iter().any(|entity| !policy.attached.contains(&entity.entity_name()));
        let asked: Vec<String> = self.required.keys().map(ToString::to_string).collect();
        let all: Vec<RequiredStatement> = self.required.values().flatten().cloned().collect();
        if is_new_to_someone && !reader.gives_only(&all, &asked) {
            return Some("it gives more than access to this key".to_owned());
        }
        let size = merged.as_deref().map_or(0, size_without_white_space);
        (size > self.quotas.policy_size).then(|| {
            format!("it would have {size} characters, AWS takes {} at most", self.quotas.policy_size)
        })
    }

    fn is_grantee(&self, entity: &EntityName) -> bool {
        self.entities.iter().any(|own| own.entity_name() == *entity)
    }

    /// The plain name, else with the key's first eight characters, else counted up.
    fn new_arn(&self, key: &KeyArn, needy: &[EntityArn]) -> PolicyArn {
        let base = self.request.policy_name.as_str();
        let suffixed = format!("{base}-{}", key.short_id());
        let counted = (2..).map(|number| format!("{suffixed}-{number}"));
        let is_free =
            |name: &String| !self.policies.iter().any(|policy| policy.arn.name.eq_ignore_ascii_case(name));
        let name = [base.to_owned(), suffixed.clone()].into_iter().chain(counted).find(is_free);
        let owner = needy.first();
        PolicyArn {
            partition: owner.map_or(key.partition, |entity| entity.partition),
            account: owner.map_or(key.account, |entity| entity.account),
            path: "/".to_owned(),
            name: name.unwrap_or(suffixed),
        }
    }

    fn write_into(
        &mut self,
        home: usize,
        key: &KeyArn,
        lacking: &BTreeMap<EntityArn, Vec<RequiredStatement>>,
        needy: &[EntityArn],
        required: &[RequiredStatement],
        draft: &mut Draft,
    ) {
        let gain = |entity: &EntityArn| Gain {
            grantee: Grantee::Entity(entity.clone()),
            key: key.clone(),
            purposes: purposes(lacking.get(entity).into_iter().flatten()),
            is_complete: true,
        };
        let gains: Vec<(EntityArn, Gain)> =
            needy.iter().map(|entity| (entity.clone(), gain(entity))).collect();
        let wanted = [key.to_string()];
        let Some(policy) = self.policies.get_mut(home) else { return };
        let text = match &policy.document {
            Some(document) => Reader::new(document, Face::Identity).patched(required, &wanted),
            None => Some(new_document([(required, wanted.as_slice())])),
        };
        match text.map(PolicyDocument::parse) {
            Some(Ok(document)) => policy.document = Some(document),
            Some(Err(error)) => {
                let message = format!("a bug of keymend: the patched policy is no policy: {error}");
                draft.find(FindingCode::FailedCheck, &policy.arn, message, None);
            }
            None => {}
        }
        for (entity, gain) in gains {
            if policy.attached.contains(&entity.entity_name()) {
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
            let message = format!("it has {attached} managed policies attached, and {quota} is the most");
            let hint = "detach one that nobody needs, or ask AWS for a higher quota".to_owned();
            draft.find(FindingCode::AttachmentQuota, &entity, message, Some(hint));
            let keys: Vec<KeyArn> = self.required.keys().cloned().collect();
            for key in &keys {
                mark_missing(key, entity, draft);
            }
        }
        if let Some(policies) = self.to_reference.get(entity) {
            identity_center(entity, &policies.iter().cloned().collect::<Vec<_>>(), draft);
        }
    }

    /// AWS would refuse a policy of this size; a policy that existed was not chosen for it.
    fn check_sizes(&self, draft: &mut Draft) {
        for policy in self.policies.iter().filter(|policy| policy.existing.is_none()) {
            let size =
                policy.document.as_ref().map_or(0, |document| size_without_white_space(document.text()));
            if size > self.quotas.policy_size {
                let message = format!(
                    "the policy would have {size} characters, AWS takes {} at most",
                    self.quotas.policy_size
                );
                draft.find(FindingCode::TooLarge, &policy.arn, message, None);
            }
        }
    }

    fn finish(self, draft: &mut Draft) {
        for policy in self.policies {
            policy.into_changes(self.quotas.versions_per_policy, draft);
        }
    }
}

pub(super) fn identity_center(entity: &EntityArn, policies: &[String], draft: &mut Draft) {
    let message = "IAM Identity Center owns this role: nothing can be attached to it, \
                   and its name changes when the permission set is assigned anew";
    let hint =
        format!("reference the customer managed policy {} in the permission set", all_listed(policies));
    draft.find(FindingCode::IdentityCenterRole, entity, message, Some(hint));
}

/// What can't be attached is not planned.
fn mark_missing(key: &KeyArn, entity: &EntityArn, draft: &mut Draft) {
    if let Some(side) = draft.iam_sides.get_mut(&(key.clone(), entity.clone()))
        && *side == Side::Planned
    {
        *side = Side::Missing;
    }
}
