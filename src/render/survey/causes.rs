//! Why somebody can't launch, in words that are the same for everybody in whose way the same stands.

use std::collections::BTreeSet;

use crate::access::assessment::{ActionAssessment, Assessment};
use crate::access::{Request, RequiredStatement};
use crate::authz::{Gate, Outcome};
use crate::plan::conclusion::{Checked, Conclusion};
use crate::plan::survey::Cause;
use crate::plan::{Finding, FindingCode};
use crate::render::findings::tell;
use crate::render::text::reasons;

/// Why one grantee can't launch with one key, or why nobody can tell; nothing where it can.
pub fn causes(request: &Request, checked: &Checked) -> BTreeSet<Cause> {
    if checked.conclusion == Conclusion::CanLaunch {
        return BTreeSet::new();
    }
    let Assessment { key, grantee, actions, .. } = &checked.assessment;
    let required = request.required(key, grantee);
    let is_lacked = |statement: &&RequiredStatement| {
        let mut lacking = actions.iter().filter(|action| is_lacking(action));
        lacking.any(|own| statement.action_set.contains(own.action.set()))
    };
    let statements = required.iter().filter(is_lacked);
    let statements =
        statements.map(|required| Cause::Lacks { statement: required.key_policy_sid.to_owned() });
    // What the statements allow is in nobody's way any more.
    let with_statements = |action: &ActionAssessment| {
        let outcome = if is_lacking(action) { Outcome::Allowed } else { action.outcome };
        ActionAssessment { outcome, ..action.clone() }
    };
    let rest =
        Assessment { actions: actions.iter().map(with_statements).collect(), ..checked.assessment.clone() };
    let policies = reasons::in_the_way(&rest).into_iter();
    let policies = policies.map(|message| Cause::Policy { message: for_all(&message, checked) });
    let findings = checked.findings.iter().filter(|finding| !is_told_by_evaluation(finding));
    let findings = findings.map(|finding| Cause::Finding {
        code: finding.code(),
        message: for_all(&tell(finding).message, checked),
    });
    statements.chain(policies).chain(findings).collect()
}

/// What is found of an image and is about nobody in particular.
pub fn cause(finding: &Finding) -> Cause {
    Cause::Finding { code: finding.code(), message: tell(finding).message }
}

/// What has a say and was not considered, in the same way.
pub fn not_considered(checked: &Checked) -> impl Iterator<Item = String> {
    checked.assessment.not_considered.iter().map(|gap| for_all(gap, checked))
}

/// Whether an action fails for nothing but that the key policy does not allow it.
fn is_lacking(action: &ActionAssessment) -> bool {
    let mut obstacles = action.obstacles.iter();
    action.outcome == Outcome::ImplicitDeny
        && !action.obstacles.is_empty()
        && obstacles.all(|obstacle| obstacle.gate == Gate::KeyPolicy && obstacle.is_certain)
}

/// What the statements that decide tell better.
fn is_told_by_evaluation(finding: &Finding) -> bool {
    let told = [FindingCode::ExplicitDeny, FindingCode::ImplicitDeny, FindingCode::DenyStatement];
    told.contains(&finding.code())
}

/// The same words for every key and account.
fn for_all(message: &str, checked: &Checked) -> String {
    let Assessment { key, grantee, .. } = &checked.assessment;
    let message = message.replace(&key.to_string(), "KEY");
    match grantee.account() {
        Some(account) => message.replace(&account.to_string(), "ACCOUNT"),
        None => message,
    }
}
