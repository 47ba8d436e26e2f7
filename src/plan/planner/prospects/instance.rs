//! What the organization's and the key's policies make of the instance's own call, which no change of ours touches.

use super::super::Draft;
use crate::access::assessment::{Assessment, DecidingStatement, InstanceAssessment};
use crate::authz::{Gate, Outcome};
use crate::plan::finding::EvaluationFinding;

/// Finds what denies the instance's identity-only role, or may: once for each account and document, as all grantees of
/// an account launch instances with the same one.
pub(super) fn judge(assessment: &Assessment, draft: &mut Draft) {
    let InstanceAssessment { role, action: call, .. } = &*assessment.instance;
    let action = call.action;
    let denies = call.statements.iter().filter(|statement| statement.denies).cloned();
    let way_out = |statement: &DecidingStatement| assessment.instance.way_out(statement);
    match call.outcome {
        Outcome::Allowed => {}
        Outcome::ExplicitDeny => {
            for statement in denies {
                let way_out = way_out(&statement);
                draft.find(role, EvaluationFinding::InstanceDenied { statement, action, way_out });
            }
        }
        Outcome::ImplicitDeny => {
            for obstacle in call.obstacles.iter().cloned() {
                draft.find(role, EvaluationFinding::InstanceLimited { obstacle, action });
            }
        }
        Outcome::Unknown => {
            let keys: Vec<String> = call.unknown_keys.iter().cloned().collect();
            for statement in denies {
                let (way_out, keys) = (way_out(&statement), keys.clone());
                draft.find(
                    role,
                    EvaluationFinding::InstancePerhapsDenied { statement, action, way_out, keys },
                );
            }
            // What was not read is told as such.
            for obstacle in call.obstacles.iter().filter(|obstacle| obstacle.gate != Gate::RamPolicy) {
                let (obstacle, keys) = (obstacle.clone(), keys.clone());
                draft.find(role, EvaluationFinding::InstancePerhapsLimited { obstacle, action, keys });
            }
        }
    }
}
