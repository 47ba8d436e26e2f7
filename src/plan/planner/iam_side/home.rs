//! Which policy takes a key for those who need it.

use std::collections::BTreeSet;

use super::super::Draft;
use super::super::policy_draft::{PolicyDraft, Wording};
use super::{Account, Gaps};
use crate::access::RequiredStatement;
use crate::arn::{EntityArn, EntityName, KeyArn, PolicyArn};
use crate::plan::finding::identity::Unfit;
use crate::plan::finding::{IdentityFinding, Unsavable};
use crate::plan::identity_policy::new_document;
use crate::plan::judgement;
use crate::plan::patch::{Face, Reader};
use crate::policy::PolicyDocument;
use crate::policy::edit::BrokenEdit;

/// The policy that takes a key.
pub(super) struct Home {
    /// Which one of the account's.
    pub(super) index: usize,
    /// What it is to say; `None` where it says it already.
    pub(super) document: Option<PolicyDocument>,
}

impl Account<'_, '_> {
    /// The first policy that can serve everyone who needs it, else a new one.
    pub(super) fn home_for(
        &mut self,
        key: &KeyArn,
        needy: &[EntityArn],
        required: &[RequiredStatement],
        gaps: &Gaps,
        draft: &mut Draft,
    ) -> Result<Home, BrokenEdit> {
        let wanted = [key.to_string()];
        let [name] = &wanted;
        let is_full = |policy: &PolicyDraft<'_>| {
            let wording = policy.wording.as_ref();
            wording.is_some_and(|wording| wording.is_full_for(name, required.len(), self.quotas.policy_size))
        };
        for (index, policy) in self.policies.iter().enumerate().filter(|(_, policy)| !is_full(policy)) {
            if let Ok(document) = self.with(policy, key, needy, (required, &wanted), gaps)? {
                return Ok(Home { index, document });
            }
        }
        let arn = self.new_arn(key, needy);
        for policy in &self.policies {
            let Err(why) = self.with(policy, key, needy, (required, &wanted), gaps)? else { continue };
            let (name, made, key) = (policy.arn.name.clone(), arn.name.clone(), key.clone());
            draft.find(&policy.arn, IdentityFinding::Separate { name, why, made, key });
        }
        self.policies.push(PolicyDraft::new(arn));
        let document = Some(new_document([(required, wanted.as_slice())])?);
        Ok(Home { index: self.policies.len() - 1, document })
    }

    /// What a policy says with the key in it, nothing where it says it already; or why it can't take the key.
    fn with(
        &self,
        policy: &PolicyDraft<'_>,
        key: &KeyArn,
        needy: &[EntityArn],
        (required, wanted): (&[RequiredStatement], &[String]),
        gaps: &Gaps,
    ) -> Result<Result<Option<PolicyDocument>, Unfit>, BrokenEdit> {
        let Some(document) = policy.document() else { return Ok(Err(Unfit::Unreadable)) };
        let reader = Reader::new(document, Face::Identity);
        let merged = reader.patched(required, wanted)?;
        let refusal = self.refusal(policy, (&reader, merged.as_ref().unwrap_or(document)), key, needy, gaps);
        Ok(refusal.map_or(Ok(merged), Err))
    }

    /// Why a policy can't take the key for those who need it, as it is and as it would be; `None` where it can.
    fn refusal(
        &self,
        policy: &PolicyDraft<'_>,
        (reader, merged): (&Reader<'_>, &PolicyDocument),
        key: &KeyArn,
        needy: &[EntityArn],
        gaps: &Gaps,
    ) -> Option<Unfit> {
        let judged = judgement::of_identity_policy(merged, self.quotas.policy_size);
        if let Err(why @ Unsavable::RefusedSid(_)) = judged {
            return Some(Unfit::Refused(why));
        }
        let is_written = policy.document() != Some(merged);
        if is_written {
            let needing = self.needing(key);
            let boundaries = policy.existing.iter().flat_map(|existing| &existing.boundary_of);
            // Who gets the policy by this plan gets of it what it was asked for, whatever others give it.
            let is_new = |entity: &EntityName| {
                policy.attach.iter().any(|(attached, _)| attached.entity_name() == *entity)
            };
            let attached = policy
                .attached
                .iter()
                .filter(|entity| is_new(entity) || !self.uncovered(entity, key, gaps).is_empty());
            // A boundary limits whatever else is attached, so who has it has not got the access already.
            let strangers: BTreeSet<String> = attached
                .chain(boundaries)
                .filter(|entity| !needing.includes(entity))
                .map(ToString::to_string)
                .collect();
            let strangers: Vec<String> = strangers.into_iter().collect();
            if !strangers.is_empty() {
                return Some(Unfit::Strangers(strangers));
            }
        }
        // Whoever it is attached to anew gets all that it says, for other keys and actions too.
        let is_new_to_someone = needy.iter().any(|entity| !policy.attached.contains(&entity.entity_name()));
        if is_new_to_someone && !self.asks_for_all_of(policy, reader, needy) {
            return Some(Unfit::GivesMore);
        }
        judged.err().filter(|_| is_written).map(Unfit::Refused)
    }

    /// Whether a policy gives nothing but what was asked for, for each of those who get it.
    fn asks_for_all_of(&self, policy: &PolicyDraft<'_>, reader: &Reader<'_>, needy: &[EntityArn]) -> bool {
        let named = policy.wording.iter().flat_map(Wording::named);
        let named: Vec<(&String, &KeyArn)> = named.filter_map(|name| self.keys.get_key_value(name)).collect();
        let is_everybodys = |key: &KeyArn| {
            let needing = self.needing(key);
            needy.iter().all(|entity| needing.includes(&entity.entity_name()))
        };
        let asked: Vec<String> =
            named.iter().filter(|(_, key)| is_everybodys(key)).map(|(name, _)| (*name).clone()).collect();
        let mut all: Vec<RequiredStatement> = Vec::new();
        for required in named.iter().flat_map(|(_, key)| self.required(key)) {
            if !all.contains(required) {
                all.push(required.clone());
            }
        }
        reader.gives_only(&all, &asked)
    }

    /// The plain name, else with the key's first eight characters, else counted up. IAM does not tell names apart by case.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
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
}
