//! Statements that look as if they let a grantee in: why the plan does not do with them.

use std::collections::BTreeSet;

use super::super::Draft;
use super::Prospects;
use crate::access::assessment::{DocumentName, Missed, needed_actions};
use crate::arn::KeyArn;
use crate::plan::Side;
use crate::plan::finding::EvaluationFinding;

impl Prospects<'_> {
    /// Tells of each once, on the sides where something is planned for somebody whom it was meant for.
    pub(super) fn tell_near_misses(&self, key: &KeyArn, draft: &mut Draft) {
        let purpose = self.request.purpose;
        let mut told: BTreeSet<Missed> = BTreeSet::new();
        for grantee in &self.grantees.usable {
            let is_planned = |side: Option<&Side>| side == Some(&Side::Planned);
            let on_key_side = is_planned(draft.key_sides.get(&(key.clone(), grantee.clone())));
            let on_iam_side = grantee
                .attachable()
                .is_some_and(|entity| is_planned(draft.iam_sides.get(&(key.clone(), entity.clone()))));
            if !on_key_side && !on_iam_side {
                continue;
            }
            let is_on_side = |missed: &Missed| match &missed.statement.document {
                DocumentName::KeyPolicy { .. } => on_key_side,
                DocumentName::IdentityPolicy { .. } => on_iam_side,
                _ => false,
            };
            let assessed = self.before.assess(key, grantee, needed_actions(purpose));
            let missed = assessed.actions.into_iter().flat_map(|action| action.near_misses);
            told.extend(missed.filter(is_on_side));
        }
        for missed in told {
            draft.find(key, EvaluationFinding::NearMiss { missed, purpose });
        }
    }
}
