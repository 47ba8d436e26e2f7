//! What evaluation says of the time after the changes: who still can't launch, and what stands in the way.

mod doubts;
mod gaps;
mod instance;
mod near_misses;
mod obstacles;

use std::collections::BTreeSet;

use super::super::finding::EvaluationFinding;
use super::super::{Side, membership};
use super::{Draft, Grantees};
use crate::access::assessment::{
    Assessment, DecidingStatement, DocumentName, Verdict, documented_actions, needed_actions,
};
use crate::access::evidence::Evidence;
use crate::access::{CoverageRule, Grantee, Purpose, Request, Terms};
use crate::arn::{EntityKind, KeyArn};
use crate::authz::{Gate, Outcome};
use crate::observation::{KeyManager, Observation};
use crate::policy::KmsAction;
use doubts::Doubts;

/// The evidence before and after the changes.
pub(super) struct Prospects<'a> {
    pub(super) request: &'a Request,
    pub(super) observation: &'a Observation,
    pub(super) grantees: &'a Grantees,
    pub(super) before: &'a Evidence,
    pub(super) after: &'a Evidence,
}

impl Prospects<'_> {
    /// Finds what the changes will not make work, and what was not known in saying so.
    pub(super) fn judge(&self, draft: &mut Draft) {
        for key in self.request.keys.iter().filter(|key| self.is_ours_to_mend(key)) {
            let Terms { purpose, coverage, .. } = self.request.terms(key);
            // All of the documented actions, as a Deny on those that are not needed is worth a warning.
            let actions = documented_actions(purpose);
            let needing = self.grantees.needing(self.request, key);
            let assessed: Vec<Assessment> = self.after.assess_each(key, &needing.usable, actions).collect();
            let mut doubts = Doubts::of(purpose);
            for assessment in &assessed {
                obstacles::certain(purpose, assessment, draft);
                obstacles::in_doubt(purpose, assessment, draft);
                instance::judge(assessment, draft);
                doubts.gather(assessment);
                draft.tell(membership::undecided(assessment, needed_actions(purpose), self.observation));
                self.tell_what_allows(assessment, draft);
                self.warn_of_escaped_boundary(key, &assessment.grantee, draft);
            }
            doubts.tell(key, draft);
            let before = self.before_of_planned(key, draft);
            // What evaluation could not tell is planned for, and may be there already.
            for before in before.iter().filter(|_| coverage == CoverageRule::Effective) {
                draft.tell(membership::undecided(before, needed_actions(purpose), self.observation));
            }
            self.hint_at_less(key, &before, draft);
            self.tell_near_misses(key, &before, draft);
            self.tell_gaps(key, &assessed, draft);
        }
    }

    /// Another finding tells of keys that AWS manages.
    fn is_ours_to_mend(&self, key: &KeyArn) -> bool {
        let metadata = self.observation.keys.get(key).and_then(|key| key.metadata.read());
        metadata.is_none_or(|metadata| metadata.manager != KeyManager::Aws)
    }

    /// Where evaluation is what counts, the statements that it rests on: by name they may cover nobody, or in part.
    fn tell_what_allows(&self, assessment: &Assessment, draft: &mut Draft) {
        let Assessment { key, grantee, actions, .. } = assessment;
        let Terms { purpose, coverage, .. } = self.request.terms(key);
        let is_by_name = coverage == CoverageRule::Named;
        if is_by_name && grantee.as_members_role().is_none() {
            return;
        }
        let needed = actions.iter().filter(|action| is_needed(purpose, action.action));
        let allowed = needed.filter(|action| action.outcome == Outcome::Allowed);
        let statements: BTreeSet<&DecidingStatement> =
            allowed.flat_map(|action| action.statements.iter()).collect();
        if statements.is_empty() {
            return;
        }
        let is_of_key = |statement: &&DecidingStatement| {
            matches!(
                statement.document,
                DocumentName::KeyPolicy { .. } | DocumentName::RamPolicy { .. } | DocumentName::Grant { .. }
            )
        };
        let (of_key, of_grantee): (Vec<_>, Vec<_>) = statements.into_iter().partition(is_of_key);
        if let Some(Side::Covered(by)) = draft.key_sides.get_mut(key, grantee)
            && !of_key.is_empty()
        {
            *by = of_key.into_iter().map(DecidingStatement::in_short).collect();
        }
        if let Some(entity) = grantee.attachable()
            && let Some(side @ Side::Covered(_)) = draft.iam_sides.get_mut(key, entity)
        {
            let by: Vec<String> = of_grantee.into_iter().map(ToString::to_string).collect();
            *side = if by.is_empty() { Side::NotNeeded } else { Side::Covered(by) };
        }
    }

    /// A user whom the key policy of its own account names is no longer limited by what its boundary leaves out, only by
    /// what it denies. A role's ARN that is named, and whoever is of another account, stay limited by both.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html>
    fn warn_of_escaped_boundary(&self, key: &KeyArn, grantee: &Grantee, draft: &mut Draft) {
        let Some(user) = grantee.attachable() else { return };
        let is_named_at_home = user.kind == EntityKind::User
            && user.account == key.account
            && draft.key_sides.get(key, grantee) == Some(&Side::Planned);
        if !is_named_at_home {
            return;
        }
        let before = self.before.assess(key, grantee, documented_actions(self.request.terms(key).purpose));
        let boundary = before.actions.iter().flat_map(|action| &action.obstacles);
        let mut boundary = boundary.filter(|obstacle| obstacle.gate == Gate::Boundary && obstacle.is_certain);
        if let Some(document) = boundary.find_map(|obstacle| obstacle.document.as_ref()) {
            draft.find(user, EvaluationFinding::EscapesBoundary { boundary: document.clone() });
        }
    }

    /// Where those stand before the changes for whom something is planned.
    fn before_of_planned(&self, key: &KeyArn, draft: &Draft) -> Vec<Assessment> {
        let is_planned = |grantee: &&Grantee| draft.planned_sides(key, grantee).contains(&true);
        let needing = self.grantees.needing(self.request, key);
        let planned = needing.usable.iter().filter(is_planned);
        self.before.assess_each(key, planned, needed_actions(self.request.terms(key).purpose)).collect()
    }

    /// The documented remedy is planned for somebody who can launch without it. By name that is what was asked for; that
    /// another rule would write less has to be known before it is approved.
    fn hint_at_less(&self, key: &KeyArn, before: &[Assessment], draft: &mut Draft) {
        let Terms { purpose, coverage, .. } = self.request.terms(key);
        if coverage == CoverageRule::Effective {
            return;
        }
        let can_already = before.iter().filter(|before| before.verdict() == Verdict::Able);
        let who: Vec<Grantee> = can_already.map(|before| before.grantee.clone()).collect();
        if !who.is_empty() {
            draft.find(key, EvaluationFinding::AccessAlready { who, purpose });
        }
    }
}

fn is_needed(purpose: Purpose, action: KmsAction) -> bool {
    needed_actions(purpose).contains(&action)
}
