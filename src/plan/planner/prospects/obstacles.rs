//! What forbids a launch after all changes, surely or perhaps: a Deny, a boundary, a policy of the organization.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Draft;
use super::is_needed;
use crate::access::Purpose;
use crate::access::assessment::{Assessment, DecidingStatement, Missed, Obstacle};
use crate::authz::{Gate, Outcome};
use crate::plan::finding::EvaluationFinding;
use crate::policy::KmsAction;

/// A `Deny` that applies, or a boundary or policy of the organization that does not allow: it blocks.
pub(super) fn certain(purpose: Purpose, assessment: &Assessment, draft: &mut Draft) {
    let mut denied: BTreeMap<&DecidingStatement, Vec<KmsAction>> = BTreeMap::new();
    let mut limited: BTreeMap<String, (&Obstacle, Vec<KmsAction>, BTreeSet<&Missed>)> = BTreeMap::new();
    for action in assessment.actions.iter().filter(|action| is_needed(purpose, action.action)) {
        if action.outcome == Outcome::ExplicitDeny {
            action.statements.iter().for_each(|by| denied.entry(by).or_default().push(action.action));
        }
        if action.outcome == Outcome::ImplicitDeny {
            for obstacle in action.obstacles.iter().filter(|obstacle| limits(obstacle)) {
                let (_, actions, missed) = limited
                    .entry(obstacle.to_string())
                    .or_insert_with(|| (obstacle, vec![], BTreeSet::new()));
                actions.push(action.action);
                missed.extend(action.near_misses.iter().filter(|missed| obstacle.is_for(missed)));
            }
        }
    }
    let grantee = &assessment.grantee;
    for (statement, actions) in denied {
        draft.find(grantee, EvaluationFinding::Denied { statement: statement.clone(), actions, purpose });
    }
    for (obstacle, actions, missed) in limited.into_values() {
        let (obstacle, missed) = (obstacle.clone(), missed.first().copied().cloned());
        draft.find(grantee, EvaluationFinding::Limited { obstacle, missed, actions, purpose });
    }
}

/// A boundary or a level of the organization that allows what is needed under a condition of which nobody can tell
/// whether it holds.
pub(super) fn in_doubt(purpose: Purpose, assessment: &Assessment, draft: &mut Draft) {
    let mut in_doubt: BTreeMap<String, (&Obstacle, Vec<KmsAction>, BTreeSet<&String>)> = BTreeMap::new();
    let launch = assessment.actions.iter().filter(|action| is_needed(purpose, action.action));
    for action in launch.filter(|action| action.outcome == Outcome::Unknown) {
        let doubtful = |obstacle: &&Obstacle| match obstacle.gate {
            // Of a boundary that was not read, nobody knows whether there is one.
            Gate::Boundary => !obstacle.is_certain && obstacle.document.is_some(),
            Gate::Scp(_) => !obstacle.is_certain,
            _ => false,
        };
        for obstacle in action.obstacles.iter().filter(doubtful) {
            let (_, actions, keys) =
                in_doubt.entry(obstacle.to_string()).or_insert_with(|| (obstacle, vec![], BTreeSet::new()));
            actions.push(action.action);
            keys.extend(&action.unknown_keys);
        }
    }
    for (obstacle, actions, keys) in in_doubt.into_values() {
        let (obstacle, keys) = (obstacle.clone(), keys.into_iter().cloned().collect());
        let found = EvaluationFinding::PerhapsLimited { obstacle, actions, purpose, keys };
        draft.find(&assessment.grantee, found);
    }
}

/// Whether it limits whatever else allows. What the key policy and IAM lack is ours to add; a boundary, a session policy
/// and a policy of the organization have to allow the same besides.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>
fn limits(obstacle: &Obstacle) -> bool {
    obstacle.is_certain && matches!(obstacle.gate, Gate::Boundary | Gate::Session | Gate::Scp(_))
}
