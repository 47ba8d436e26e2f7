//! The texts that `CreatePolicy` and `CreatePolicyVersion` refuse.
//!
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html>

use std::collections::BTreeSet;

use super::{Refusal, has_policy_characters};
use crate::arn::ArnParts;
use crate::cloud::CloudErrorKind;
use crate::policy::{PolicyDocument, Problem, Statement};

/// Whether IAM takes the text as a managed policy of at most `maximum` characters, white space not counted.
pub(in crate::cloud::sandbox) fn check(text: &str, maximum: usize) -> Result<(), Refusal> {
    if !has_policy_characters(text) {
        let message = "The specified value for policyDocument is invalid. It must contain only printable ASCII \
                       characters.";
        return Err(Refusal::new(CloudErrorKind::Malformed, "ValidationError", message));
    }
    let document = PolicyDocument::parse(text).map_err(|error| {
        malformed(match error.problem {
            Problem::NotJson(_) => "The policy is not in the valid JSON format.",
            _ => "Syntax errors in policy.",
        })
    })?;
    grammar(&document)?;
    if text.chars().filter(|c| !c.is_whitespace()).count() > maximum {
        let message = format!("Cannot exceed quota for PolicySize: {maximum}");
        return Err(Refusal::new(CloudErrorKind::LimitExceeded, "LimitExceeded", message));
    }
    Ok(())
}

fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::new(CloudErrorKind::Malformed, "MalformedPolicyDocument", message)
}

fn grammar(document: &PolicyDocument) -> Result<(), Refusal> {
    let has_unknown = document.statements.iter().any(|statement| !statement.unknown.is_empty());
    if has_unknown || !document.unknown.is_empty() || document.statements.is_empty() {
        return Err(malformed("Syntax errors in policy."));
    }
    if document.version.as_deref() != Some("2012-10-17") {
        return Err(malformed("Policy document must be version 2012-10-17 or greater."));
    }
    sids(document)?;
    document.statements.iter().try_for_each(statement)
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html>
fn sids(document: &PolicyDocument) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for sid in document.statements.iter().filter_map(|statement| statement.sid.as_deref()) {
        if !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(malformed(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular \
                 expression [0-9A-Za-z]*",
            ));
        }
        if !sid.is_empty() && !seen.insert(sid) {
            return Err(malformed("Statement IDs (SID) in a single policy must be unique."));
        }
    }
    Ok(())
}

fn statement(statement: &Statement) -> Result<(), Refusal> {
    if statement.principal.is_some() {
        return Err(malformed("Policy document should not specify a principal."));
    }
    let actions = statement.action.iter().flat_map(|action| action.list.iter()).collect::<Vec<_>>();
    if actions.is_empty() {
        return Err(malformed("Policy statement must contain actions."));
    }
    if !actions.iter().all(|action| *action == "*" || action.contains(':')) {
        return Err(malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."));
    }
    let resources = statement.resource.iter().flat_map(|resource| resource.list.iter()).collect::<Vec<_>>();
    if resources.is_empty() {
        return Err(malformed("Policy statement must contain resources."));
    }
    match resources.iter().find(|resource| !is_resource(resource)) {
        Some(wrong) => Err(malformed(format!("Resource {wrong} must be in ARN format or \"*\"."))),
        None => Ok(()),
    }
}

/// `*`, or an ARN whose parts may have wildcards.
fn is_resource(text: &str) -> bool {
    let has_six_parts = text.starts_with("arn:") && text.splitn(6, ':').count() == 6;
    text == "*" || ArnParts::parse(text).is_ok() || (has_six_parts && text.contains(['*', '?', '$']))
}
