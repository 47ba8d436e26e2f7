//! What has a say in a launch and was not considered.

use std::collections::BTreeSet;

use super::super::Draft;
use super::Prospects;
use crate::access::CoverageRule;
use crate::access::assessment::Assessment;
use crate::arn::KeyArn;
use crate::observation::{RamPolicy, Reading};
use crate::plan::FindingCode;
use crate::plan::finding::EvaluationFinding;
use crate::policy::PolicyDocument;

impl Prospects<'_> {
    /// What has a say and was not considered: by name only what could have been read, in effect everything.
    pub(super) fn tell_gaps(&self, key: &KeyArn, assessed: &[Assessment], draft: &mut Draft) {
        // What is covered by name holds whatever evaluation did not see; a verdict of evaluation is as good as its sources.
        let gaps: BTreeSet<String> = match self.request.terms(key).coverage {
            CoverageRule::Effective => assessed.iter().flat_map(|one| &one.not_considered).cloned().collect(),
            CoverageRule::Named => self.unread(key, draft),
        };
        if !gaps.is_empty() {
            draft.find(key, EvaluationFinding::NotConsidered { gaps });
        }
    }

    /// What was not read of sides that were read otherwise, as far as no other finding tells of it.
    fn unread(&self, key: &KeyArn, draft: &Draft) -> BTreeSet<String> {
        let mut unread = BTreeSet::new();
        let subject = key.to_string();
        let mut told = draft.findings.iter().filter(|finding| finding.code() == FindingCode::Unread);
        if let Some(observed) = self.observation.keys.get(key)
            && !told.any(|finding| finding.subject == subject)
            && matches!(observed.policy, Reading::Read(_))
        {
            if let Reading::Unread(reason) = &observed.grants {
                unread.insert(format!("grants ({reason})"));
            }
            let reason = match &observed.ram_policy {
                RamPolicy::Unread(reason) => Some(reason.to_string()),
                RamPolicy::Read(text) => {
                    PolicyDocument::parse(text.as_str()).err().map(|error| error.to_string())
                }
                RamPolicy::NotLookedAt | RamPolicy::Absent => None,
            };
            unread.extend(reason.map(|reason| format!("the key's policy AWS_RAM ({reason})")));
        }
        for entity in self.grantees.needing(self.request, key).entities() {
            let iam = self.observation.accounts.get(&entity.account).and_then(Reading::read);
            let found = iam.and_then(|iam| iam.entities.get(entity)).and_then(Option::as_ref);
            if let Some(Reading::Unread(reason)) = found.map(|found| &found.identity) {
                unread.insert(format!("the IAM policies of {} ({reason})", entity.entity_name()));
            }
        }
        unread
    }
}
