//! What the organization's and the key's policies make of the instance's own call, which no change of ours touches.

use std::collections::BTreeSet;

use super::super::Draft;
use super::words::depends_on;
use crate::access::assessment::{Assessment, InstanceAssessment};
use crate::authz::{Gate, Occasion, Outcome};
use crate::plan::FindingCode;

/// Finds what denies the instance's identity-only role, or may: once for each account and document, as all grantees of
/// an account launch instances with the same one.
pub(super) fn judge(assessment: &Assessment, draft: &mut Draft) {
    let InstanceAssessment { role, action, .. } = &assessment.instance;
    let denies = action.statements.iter().filter(|statement| statement.denies);
    match action.outcome {
        Outcome::Allowed => {}
        Outcome::ExplicitDeny => {
            for statement in denies {
                let message = format!(
                    "{statement} denies it {}: the instance attaches its encrypted volumes as this role, so neither a \
                     launch nor a start succeeds",
                    action.action
                );
                let way_out = assessment.instance.way_out(statement);
                let hint = format!("keymend never touches a Deny; have this done first: {way_out}");
                draft.find(FindingCode::ExplicitDeny, role, message, Some(hint));
            }
        }
        Outcome::ImplicitDeny => {
            for obstacle in &action.obstacles {
                let message = format!(
                    "the instance attaches its encrypted volumes as this role and needs {}, and {obstacle}",
                    action.action
                );
                let hint = format!("have the organization allow it {} first", action.action);
                draft.find(FindingCode::ImplicitDeny, role, message, Some(hint));
            }
        }
        Outcome::Unknown => {
            let keys: Vec<String> = action.unknown_keys.iter().cloned().collect();
            let open: BTreeSet<&str> = keys.iter().filter_map(|key| Occasion::Instance.open(key)).collect();
            let depends = depends_on(&keys);
            let depends: Vec<&str> = std::iter::once(depends.as_str()).chain(open).collect();
            let depends = depends.join("; ");
            for statement in denies {
                let message = format!(
                    "{statement} may deny it {}, and the instance attaches its encrypted volumes as this role: {depends}",
                    action.action
                );
                let way_out = assessment.instance.way_out(statement);
                let hint = format!("where it applies, {way_out}; keymend never touches a Deny");
                draft.find(FindingCode::DenyStatement, role, message, Some(hint));
            }
            // What was not read is told as such.
            for obstacle in action.obstacles.iter().filter(|obstacle| obstacle.gate != Gate::RamPolicy) {
                let message = format!(
                    "the instance attaches its encrypted volumes as this role and needs {}, and {obstacle}: {depends}",
                    action.action
                );
                draft.find(FindingCode::BoundaryInDoubt, role, message, None);
            }
        }
    }
}
