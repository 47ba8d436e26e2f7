//! Where the policies of an account and what was asked for differ in what they give.

use super::super::Draft;
use super::Account;
use crate::arn::{EntityArn, KeyArn};
use crate::observation::ManagedPolicy;
use crate::plan::finding::IdentityFinding;
use crate::plan::patch::{Face, Reader};

impl Account<'_, '_> {
    /// Who has more than the least privilege already is told by which policy.
    pub(super) fn warn_of_broader(&self, key: &KeyArn, draft: &mut Draft) {
        for policy in self.policies.iter().filter(|policy| policy.existing.is_some()) {
            let Some(document) = policy.document() else { continue };
            let reader = Reader::new(document, Face::Identity);
            let (name, mut required) = (key.to_string(), self.required(key).iter());
            let is_broader = required.any(|required| !reader.broader(required, &name).is_empty());
            let has_it = |entity: &&EntityArn| policy.attached.contains(&entity.entity_name());
            let needing = self.needing(key);
            let who = needing.entities.iter().filter(|_| is_broader).filter(has_it);
            let who: Vec<String> = who.map(ToString::to_string).collect();
            if !who.is_empty() {
                let (key, purpose) = (key.clone(), self.request.terms(key).purpose);
                draft.find(&policy.arn, IdentityFinding::Broader { who, key, purpose });
            }
        }
    }

    /// An Allow under a further condition is there already, and what is planned does not have the condition.
    pub(super) fn warn_of_wider(&self, key: &KeyArn, needy: &[EntityArn], draft: &mut Draft) {
        let key_name = key.to_string();
        let is_narrower = |existing: &&ManagedPolicy| {
            self.documents.parsed(&existing.document).is_ok_and(|document| {
                let (reader, mut required) =
                    (Reader::new(&document, Face::Identity), self.required(key).iter());
                required.any(|required| !reader.narrower(required, &key_name).is_empty())
            })
        };
        let existing = self.policies.iter().filter_map(|policy| policy.existing);
        let narrower: Vec<&ManagedPolicy> = existing.filter(is_narrower).collect();
        for entity in needy {
            let name = entity.entity_name();
            for policy in narrower.iter().filter(|policy| policy.attached_to.contains(&name)) {
                draft.find(entity, IdentityFinding::Wider { policy: policy.arn.name.clone() });
            }
        }
    }
}
