//! Where the policies of an account and what was asked for differ in what they give.

use super::super::{Draft, listed};
use super::Account;
use crate::arn::{EntityArn, KeyArn};
use crate::plan::FindingCode;
use crate::plan::patch::{Face, Reader};

impl Account<'_, '_> {
    /// Who has more than the least privilege already is told by which policy.
    pub(super) fn warn_of_broader(&self, key: &KeyArn, draft: &mut Draft) {
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
}
