//! Statements that look as if they let a grantee in: why the plan does not do with them.

use std::collections::BTreeSet;

use super::super::Draft;
use super::Prospects;
use crate::access::assessment::{Assessment, DocumentName, Missed};
use crate::arn::KeyArn;
use crate::plan::finding::EvaluationFinding;

impl Prospects<'_> {
    /// Tells of each once, on the sides where something is planned for somebody whom it was meant for.
    pub(super) fn tell_near_misses(&self, key: &KeyArn, before: &[Assessment], draft: &mut Draft) {
        let mut told: BTreeSet<&Missed> = BTreeSet::new();
        for Assessment { grantee, actions, .. } in before {
            let [on_key_side, on_iam_side] = draft.planned_sides(key, grantee);
            let is_on_side = |missed: &&Missed| match &missed.statement.document {
                DocumentName::KeyPolicy { .. } => on_key_side,
                DocumentName::IdentityPolicy { .. } => on_iam_side,
                _ => false,
            };
            told.extend(actions.iter().flat_map(|action| &action.near_misses).filter(is_on_side));
        }
        let purpose = self.request.terms(key).purpose;
        for missed in told.into_iter().cloned() {
            draft.find(key, EvaluationFinding::NearMiss { missed, purpose });
        }
    }
}
