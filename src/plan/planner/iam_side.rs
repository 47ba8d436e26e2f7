//! The requester accounts: a customer managed policy on the keys' ARNs, attached to each user, role and group.

use std::collections::{BTreeMap, BTreeSet};

use super::super::patch::{Face, Reader};
use super::super::{Change, FindingCode, Gain, Handover, Operation, Side};
use super::limits::size_without_white_space;
use super::{Draft, Grantees, listed, purposes};
use crate::access::{Grantee, Request, RequiredStatement};
use crate::arn::{AccountId, EntityArn, EntityKind, EntityName, KeyArn, PolicyArn};
use crate::observation::{IamObservation, IamQuotas, ManagedPolicy, Observation, Reading};
use crate::policy::{ActionSet, PolicyDocument};

/// Plans IAM in every account that has users, roles or groups among the grantees.
pub(super) fn plan_accounts(
    request: &Request,
    observation: &Observation,
    grantees: &Grantees,
    draft: &mut Draft,
) {
    let mut accounts: BTreeMap<AccountId, Vec<EntityArn>> = BTreeMap::new();
    for entity in grantees.entities() {
        if entity.is_service_linked_role() {
            // Nothing can be attached to it; what it needs is on the key's side.
            for key in &request.keys {
                draft.iam_sides.push((key.clone(), entity.clone(), Side::NotNeeded));
            }
        } else {
            accounts.entry(entity.account).or_default().push(entity.clone());
        }
    }
    for (account, entities) in accounts {
        match observation.accounts.get(&account) {
            Some(Reading::Read(iam)) => plan_account(request, iam, &entities, draft),
            Some(Reading::Unread(reason)) => hand_over(request, account, entities, reason, draft),
            None => hand_over(request, account, entities, "not looked at", draft),
        }
    }
}

/// A managed policy as it is and as it will be.
struct PolicyDraft<'o> {
    arn: PolicyArn,
    existing: Option<&'o ManagedPolicy>,
    /// The text to be, and its typed view where it is a policy.
    document: Option<PolicyDocument>,
    attached: BTreeSet<EntityName>,
    /// Whom the change of its text gives something.
    gains: Vec<Gain>,
    /// New attachments.
    attach: Vec<(EntityArn, Vec<Gain>)>,
}

struct Account<'o> {
    request: &'o Request,
    quotas: IamQuotas,
    entities: &'o [EntityArn],
    required: [RequiredStatement; 2],
    policies: Vec<PolicyDraft<'o>>,
}

fn plan_account(request: &Request, iam: &IamObservation, entities: &[EntityArn], draft: &mut Draft) {
    let mut account = Account {
        request,
        quotas: iam.quotas,
        entities,
        required: RequiredStatement::documented(),
        policies: iam.policies.values().map(|policy| read_policy(policy, draft)).collect(),
    };
    account.sort_policies();
    for key in &request.keys {
        account.plan_key(key, draft);
    }
    for entity in entities {
        account.check_attachments(iam, entity, draft);
    }
    account.finish(draft);
}

fn read_policy<'o>(policy: &'o ManagedPolicy, draft: &mut Draft) -> PolicyDraft<'o> {
    let document = match PolicyDocument::parse(policy.document.as_str()) {
        Ok(document) => Some(document),
        Err(error) => {
            let message = format!("it is left alone, because it can't be read: {error}");
            draft.find(FindingCode::SeparatePolicy, &policy.arn, message, None);
            None
        }
    };
    PolicyDraft {
        arn: policy.arn.clone(),
        existing: Some(policy),
        document,
        attached: policy.attached_to.iter().cloned().collect(),
        gains: Vec::new(),
        attach: Vec::new(),
    }
}

impl PolicyDraft<'_> {
    /// The required actions on the key that the policy does not give.
    fn missing(&self, required: &RequiredStatement, key: &KeyArn) -> ActionSet {
        self.document.as_ref().map_or(required.action_set, |document| {
            Reader::new(document, Face::Identity).cover(required, &key.to_string()).missing
        })
    }
}

impl Account<'_> {
    /// The policy of the very name first, then the others by name.
    fn sort_policies(&mut self) {
        let base = self.request.policy_name.as_str().to_ascii_lowercase();
        self.policies.sort_by_cached_key(|policy| {
            let name = policy.arn.name.to_ascii_lowercase();
            (name != base, name)
        });
    }

    /// The required statements that the attached policies together do not cover for an entity.
    fn uncovered(&self, entity: &EntityName, key: &KeyArn) -> Vec<&RequiredStatement> {
        let attached = || self.policies.iter().filter(|policy| policy.attached.contains(entity));
        self.required
            .iter()
            .filter(|required| {
                let missing = attached().fold(required.action_set, |missing, policy| {
                    missing.intersection(policy.missing(required, key))
                });
                !missing.is_empty()
            })
            .collect()
    }

    fn plan_key(&mut self, key: &KeyArn, draft: &mut Draft) {
        let mut needy = Vec::new();
        for entity in self.entities {
            let side = if self.uncovered(&entity.entity_name(), key).is_empty() {
                Side::Covered(self.covering(&entity.entity_name(), key))
            } else {
                needy.push(entity.clone());
                if entity.is_identity_center_role() { Side::Missing } else { Side::Planned }
            };
            draft.iam_sides.push((key.clone(), entity.clone(), side));
        }
        if needy.is_empty() {
            return;
        }
        let home = self.home_for(key, &needy, draft);
        self.write_into(home, key, &needy);
    }

    fn covering(&self, entity: &EntityName, key: &KeyArn) -> Vec<String> {
        let useful = |policy: &&PolicyDraft<'_>| {
            policy.attached.contains(entity)
                && self.required.iter().any(|required| policy.missing(required, key) != required.action_set)
        };
        self.policies.iter().filter(useful).map(|policy| format!("policy {}", policy.arn.name)).collect()
    }

    /// The first policy that can serve everyone who needs it, else a new one.
    fn home_for(&mut self, key: &KeyArn, needy: &[EntityArn], draft: &mut Draft) -> usize {
        let mut refusals = Vec::new();
        for (index, policy) in self.policies.iter().enumerate() {
            match self.refusal(policy, key, needy) {
                None => return index,
                Some(reason) => refusals.push((policy.arn.clone(), reason)),
            }
        }
        let arn = self.new_arn(key, needy);
        for (refused, reason) in refusals {
            let message = format!("{reason}; so {} is made for `{key}`", arn.name);
            draft.find(FindingCode::SeparatePolicy, &refused, message, None);
        }
        self.policies.push(PolicyDraft {
            arn,
            existing: None,
            document: None,
            attached: BTreeSet::new(),
            gains: Vec::new(),
            attach: Vec::new(),
        });
        self.policies.len() - 1
    }

    /// Why a policy can't take the key for those who need it; `None` where it can.
    fn refusal(&self, policy: &PolicyDraft<'_>, key: &KeyArn, needy: &[EntityArn]) -> Option<String> {
        let wanted = [key.to_string()];
        let Some(document) = &policy.document else { return Some("it can't be read".to_owned()) };
        let reader = Reader::new(document, Face::Identity);
        let merged = reader.patched(&self.required, &wanted);
        if merged.is_some() {
            let boundaries = policy.existing.iter().flat_map(|existing| &existing.boundary_of);
            let strangers: Vec<String> = policy
                .attached
                .iter()
                .chain(boundaries)
                .filter(|entity| !self.is_grantee(entity) && !self.uncovered(entity, key).is_empty())
                .map(ToString::to_string)
                .collect();
            if !strangers.is_empty() {
                return Some(format!(
                    "it also serves {}, who would get access to the key",
                    listed(&strangers)
                ));
            }
        }
        let is_new_to_someone = needy.iter().any(|entity| !policy.attached.contains(&entity.entity_name()));
        let asked: Vec<String> = self.request.keys.iter().map(ToString::to_string).collect();
        if is_new_to_someone && !reader.gives_only(&self.required, &asked) {
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

    fn write_into(&mut self, home: usize, key: &KeyArn, needy: &[EntityArn]) {
        let gain = |required: Vec<&RequiredStatement>, entity: &EntityArn| Gain {
            grantee: Grantee::Entity(entity.clone()),
            key: key.clone(),
            purposes: purposes(required),
        };
        let gains: Vec<(EntityArn, Gain)> = needy
            .iter()
            .map(|entity| (entity.clone(), gain(self.uncovered(&entity.entity_name(), key), entity)))
            .collect();
        let wanted = [key.to_string()];
        let Some(policy) = self.policies.get_mut(home) else { return };
        let text = match &policy.document {
            Some(document) => Reader::new(document, Face::Identity).patched(&self.required, &wanted),
            None => Some(new_document(&self.required, &wanted)),
        };
        if let Some(document) = text.and_then(|text| PolicyDocument::parse(text).ok()) {
            policy.document = Some(document);
        }
        for (entity, gain) in gains {
            if policy.attached.contains(&entity.entity_name()) {
                let planned = policy.attach.iter_mut().find(|(planned, _)| *planned == entity);
                planned.map_or(&mut policy.gains, |(_, gains)| gains).push(gain);
            } else if !entity.is_identity_center_role() {
                policy.attached.insert(entity.entity_name());
                policy.attach.push((entity, vec![gain]));
            }
        }
    }

    fn check_attachments(&self, iam: &IamObservation, entity: &EntityArn, draft: &mut Draft) {
        let name = entity.entity_name();
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
        }
        let missing: Vec<&KeyArn> =
            self.request.keys.iter().filter(|key| !self.uncovered(&name, key).is_empty()).collect();
        if entity.is_identity_center_role() && !missing.is_empty() {
            let policies: Vec<String> = self.policies.iter().map(|policy| policy.arn.name.clone()).collect();
            identity_center(entity, &policies, draft);
        }
    }

    fn finish(self, draft: &mut Draft) {
        let versions_quota = self.quotas.versions_per_policy;
        for policy in self.policies {
            let Some(document) = policy.document else { continue };
            match policy.existing {
                None => draft.changes.push(creation(&policy.arn, document.text(), policy.attach.len())),
                Some(existing) if existing.document != document.text() => {
                    match room_for_version(existing, versions_quota) {
                        Ok(deletion) => {
                            draft.changes.extend(deletion);
                            draft.changes.push(new_version(existing, document.text(), policy.gains));
                        }
                        Err(message) => {
                            draft.find(FindingCode::UnreadablePolicy, &existing.arn, message, None);
                        }
                    }
                }
                Some(_) => {}
            }
            for (entity, gains) in policy.attach {
                draft.changes.push(Change {
                    reason: format!("{} needs it to use the key", entity.entity_name()),
                    gains,
                    operation: Operation::AttachPolicy { policy: policy.arn.clone(), entity },
                });
            }
        }
    }
}

fn identity_center(entity: &EntityArn, policies: &[String], draft: &mut Draft) {
    let message = "IAM Identity Center owns this role: nothing can be attached to it, \
                   and its name changes when the permission set is assigned anew";
    let hint = format!("reference the customer managed policy {} in the permission set", listed(policies));
    draft.find(FindingCode::IdentityCenterRole, entity, message, Some(hint));
}

fn creation(policy: &PolicyArn, document: &str, attachments: usize) -> Change {
    Change {
        reason: format!(
            "account {} has no policy of this name that could serve {}",
            policy.account,
            if attachments > 1 { "the grantees" } else { "the grantee" }
        ),
        gains: Vec::new(),
        operation: Operation::CreatePolicy {
            policy: policy.clone(),
            description: "Use of KMS keys for launching instances from encrypted AMIs; kept by keymend"
                .to_owned(),
            after: document.to_owned(),
        },
    }
}

/// The deletion that makes room for a version, where one is needed.
fn room_for_version(policy: &ManagedPolicy, quota: usize) -> Result<Option<Change>, String> {
    if policy.versions.len() < quota {
        return Ok(None);
    }
    let oldest = policy.versions.iter().find(|version| !version.is_default);
    let (version, before) = oldest
        .and_then(|version| Some((version.id.clone(), version.document.clone()?)))
        .ok_or("it has no version left, and the one that would have to go could not be read")?;
    Ok(Some(Change {
        reason: format!(
            "the policy has {quota} versions, the most there may be; this is the oldest not in force"
        ),
        gains: Vec::new(),
        operation: Operation::DeletePolicyVersion { policy: policy.arn.clone(), version, before },
    }))
}

fn new_version(policy: &ManagedPolicy, after: &str, gains: Vec<Gain>) -> Change {
    Change {
        reason: "the policy does not cover the key yet".to_owned(),
        gains,
        operation: Operation::CreatePolicyVersion {
            policy: policy.arn.clone(),
            base_version: policy
                .versions
                .iter()
                .find(|version| version.is_default)
                .map_or_else(String::new, |version| version.id.clone()),
            before: policy.document.clone(),
            after: after.to_owned(),
        },
    }
}

fn new_document(required: &[RequiredStatement], keys: &[String]) -> String {
    let statements: Vec<serde_json::Value> =
        required.iter().map(|required| required.for_identity(required.identity_sid, keys)).collect();
    let document = serde_json::json!({"Version": "2012-10-17", "Statement": statements});
    format!("{document:#}")
}

/// No credentials serve the account: its administrator gets the policy.
fn hand_over(
    request: &Request,
    account: AccountId,
    entities: Vec<EntityArn>,
    reason: &str,
    draft: &mut Draft,
) {
    draft.find(FindingCode::Unread, &account, format!("IAM was not read: {reason}"), None);
    for key in &request.keys {
        for entity in &entities {
            draft.iam_sides.push((key.clone(), entity.clone(), Side::Missing));
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
    let keys: Vec<String> = request.keys.iter().map(ToString::to_string).collect();
    draft.handovers.push(Handover::Identity {
        policy: PolicyArn {
            partition,
            account,
            path: "/".to_owned(),
            name: request.policy_name.as_str().to_owned(),
        },
        keys: request.keys.clone(),
        document: new_document(&RequiredStatement::documented(), &keys),
        entities,
    });
}
