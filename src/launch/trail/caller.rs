//! Who called, by an event of CloudTrail: a user or a role, or why nobody is told whom access can be given to.
//!
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>

use super::word_after;
use crate::access::{GranteeRef, NoGrantee};
use crate::arn::AccountId;
use crate::launch::records::Record;

/// A caller that can be no grantee.
pub(super) struct Unnamed {
    pub(super) principal: String,
    pub(super) account: Option<AccountId>,
    pub(super) reason: NoGrantee,
}

/// The role behind a session, with its path where the event has it; else what AWS's message says. Never the account,
/// which everybody in it would be let in by.
pub(super) fn of(record: &Record) -> Result<GranteeRef, Unnamed> {
    let identity = |member: &str| record.text(&["userIdentity", member]);
    let message = record.text(&["errorMessage"]).unwrap_or_default();
    let named: Vec<String> = [
        record.text(&["userIdentity", "sessionContext", "sessionIssuer", "arn"]),
        identity("arn"),
        Some(word_after(&message, "User: ").to_owned()),
        identity("principalId"),
    ]
    .into_iter()
    .flatten()
    .filter(|name| !name.is_empty())
    .collect();
    let account = identity("accountId").and_then(|account| account.parse().ok());
    let refused = |principal: String, reason| Unnamed { principal, account, reason };
    let read: Vec<Result<GranteeRef, NoGrantee>> =
        named.iter().map(|name| NoGrantee::or_grantee(name)).collect();
    // However else such an event names its caller, AWS's own role has called.
    let own = |result: &&Result<GranteeRef, NoGrantee>| {
        matches!(result, Err(NoGrantee::IdentityOnlyRole | NoGrantee::AwsOwnRole))
    };
    if let Some((name, Err(reason))) = named.iter().zip(&read).find(|(_, result)| own(result)) {
        return Err(refused(name.clone(), *reason));
    }
    if let Some(grantee) = read.iter().find_map(|result| result.as_ref().ok()) {
        return Ok(grantee.clone());
    }
    let kind = identity("type").unwrap_or_default();
    let by_kind = match kind.as_str() {
        "Root" => Some(NoGrantee::Account),
        "FederatedUser" | "SAMLUser" | "WebIdentityUser" | "IdentityCenterUser" => Some(NoGrantee::Federated),
        "AWSService" => Some(NoGrantee::Service),
        _ => None,
    };
    let told = named.into_iter().zip(read).find_map(|(name, result)| Some((name, result.err()?)));
    let (principal, reason) = match (told, by_kind) {
        (Some((name, reason)), by_kind) => (name, by_kind.unwrap_or(reason)),
        (None, by_kind) => {
            let who = identity("invokedBy").or_else(|| identity("userName"));
            let who = who.or_else(|| identity("accountId")).unwrap_or_else(|| "unknown".to_owned());
            // An account alone is no more than that.
            (who, by_kind.unwrap_or(NoGrantee::Unknown))
        }
    };
    Err(refused(principal, reason))
}
