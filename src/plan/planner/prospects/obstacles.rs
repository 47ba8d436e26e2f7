//! What forbids a launch after all changes, surely or perhaps: a Deny, a boundary, a policy of the organization.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Draft;
use super::is_needed;
use super::words::{depends_on, in_words};
use crate::access::Purpose;
use crate::access::assessment::{Assessment, DecidingStatement, Missed, Obstacle};
use crate::authz::{Gate, Occasion, Outcome};
use crate::plan::FindingCode;
use crate::policy::KmsAction;

const NEVER_A_DENY: &str = "keymend never touches a Deny: have it changed first";

/// A `Deny` that applies, or a boundary or policy of the organization that does not allow: it blocks.
pub(super) fn certain(purpose: Purpose, assessment: &Assessment, draft: &mut Draft) {
    let mut denied: BTreeMap<&DecidingStatement, Vec<KmsAction>> = BTreeMap::new();
    let mut limited: BTreeMap<String, (Vec<KmsAction>, BTreeSet<&Missed>)> = BTreeMap::new();
    for action in assessment.actions.iter().filter(|action| is_needed(purpose, action.action)) {
        if action.outcome == Outcome::ExplicitDeny {
            action.statements.iter().for_each(|by| denied.entry(by).or_default().push(action.action));
        }
        if action.outcome == Outcome::ImplicitDeny {
            for obstacle in action.obstacles.iter().filter(|obstacle| limits(obstacle)) {
                let (actions, missed) = limited.entry(obstacle.to_string()).or_default();
                actions.push(action.action);
                missed.extend(action.near_misses.iter().filter(|missed| obstacle.is_for(missed)));
            }
        }
    }
    for (statement, actions) in denied {
        let message =
            format!("{statement} denies it {}, and no Allow outweighs a Deny", in_words(purpose, &actions));
        draft.find(FindingCode::ExplicitDeny, &assessment.grantee, message, Some(NEVER_A_DENY.to_owned()));
    }
    for (obstacle, (actions, missed)) in limited {
        let why = missed.first().map(|missed| format!(": {}", missed.told(purpose)));
        let message = format!(
            "the grantee needs {}, and {obstacle}{}",
            in_words(purpose, &actions),
            why.unwrap_or_default()
        );
        let hint =
            "no Allow elsewhere outweighs that: have it allow these actions on the key first".to_owned();
        draft.find(FindingCode::ImplicitDeny, &assessment.grantee, message, Some(hint));
    }
}

/// A boundary or a level of the organization that allows what is needed under a condition of which nobody can tell
/// whether it holds.
pub(super) fn in_doubt(purpose: Purpose, assessment: &Assessment, draft: &mut Draft) {
    let mut in_doubt: BTreeMap<String, (Vec<KmsAction>, BTreeSet<&String>)> = BTreeMap::new();
    let launch = assessment.actions.iter().filter(|action| is_needed(purpose, action.action));
    for action in launch.filter(|action| action.outcome == Outcome::Unknown) {
        let doubtful = |obstacle: &&Obstacle| match obstacle.gate {
            // Of a boundary that was not read, nobody knows whether there is one.
            Gate::Boundary => !obstacle.is_certain && obstacle.document.is_some(),
            Gate::Scp(_) => !obstacle.is_certain,
            _ => false,
        };
        for obstacle in action.obstacles.iter().filter(doubtful) {
            let (actions, keys) = in_doubt.entry(obstacle.to_string()).or_default();
            actions.push(action.action);
            keys.extend(&action.unknown_keys);
        }
    }
    for (obstacle, (actions, keys)) in in_doubt {
        let keys: Vec<String> = keys.into_iter().cloned().collect();
        let depends = depends_on(&keys);
        let message = format!("the grantee needs {}, and {obstacle}: {depends}", in_words(purpose, &actions));
        let is_asked = keys.iter().any(|key| Occasion::Launch.is_asked(key));
        let hint = "`keymend check` with --context KEY=VALUE tells what a value makes of it".to_owned();
        let hint = is_asked.then_some(hint);
        draft.find(FindingCode::BoundaryInDoubt, &assessment.grantee, message, hint);
    }
}

/// Whether it limits whatever else allows.
fn limits(obstacle: &Obstacle) -> bool {
    obstacle.is_certain && matches!(obstacle.gate, Gate::Boundary | Gate::Session | Gate::Scp(_))
}
