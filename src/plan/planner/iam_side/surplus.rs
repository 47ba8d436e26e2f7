//! Where the policies of an account and what was asked for differ in what they give.

use super::super::Draft;
use super::Account;
use crate::arn::{EntityArn, KeyArn};
use crate::plan::finding::IdentityFinding;
use crate::plan::patch::{Face, Reader};

impl Account<'_, '_> {
    /// Who has more than the least privilege already is told by which policy.
    pub(super) fn warn_of_broader(&self, key: &KeyArn, draft: &mut Draft) {
        for policy in self.policies.iter().filter(|policy| policy.existing.is_some()) {
            let Some(document) = policy.document() else { continue };
            let reader = Reader::new(document, Face::Identity);
            let is_broader = self
                .required(key)
                .iter()
                .any(|required| !reader.broader(required, &key.to_string()).is_empty());
            let has_it = |entity: &&EntityArn| policy.attached.contains(&entity.entity_name());
            let who: Vec<String> = self.needing(key).iter().filter(has_it).map(ToString::to_string).collect();
            if is_broader && !who.is_empty() {
                let (key, purpose) = (key.clone(), self.request.terms(key).purpose);
                draft.find(&policy.arn, IdentityFinding::Broader { who, key, purpose });
            }
        }
    }

    /// An Allow under a further condition is there already, and what is planned does not have the condition.
    pub(super) fn warn_of_wider(&self, key: &KeyArn, needy: &[EntityArn], draft: &mut Draft) {
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
                    draft.find(entity, IdentityFinding::Wider { policy: existing.arn.name.clone() });
                }
            }
        }
    }
}
