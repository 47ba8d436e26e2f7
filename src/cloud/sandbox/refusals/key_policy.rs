//! The texts that PutKeyPolicy refuses.
//!
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html>

use super::{Refusal, has_policy_characters};
use crate::arn::{AccountId, EntityArn, EntityKind, KeyArn, Partition};
use crate::cloud::CloudErrorKind;
use crate::cloud::sandbox::authority::{Asker, allows};
use crate::cloud::sandbox::pages::World;
use crate::observation::KeyManager;
use crate::policy::{AwsPrincipal, PolicyDocument, PrincipalElement};

/// <https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html#key-policy-limit>
const MAXIMUM_BYTES: usize = 32_768;
const MALFORMED: &str = "MalformedPolicyDocumentException";

/// A policy that somebody wants a key to have.
pub(in crate::cloud::sandbox) struct Proposal<'a> {
    /// The key's ARN.
    pub(in crate::cloud::sandbox) key: &'a KeyArn,
    /// Who manages the key.
    pub(in crate::cloud::sandbox) manager: KeyManager,
    /// Who sends the policy.
    pub(in crate::cloud::sandbox) asker: Asker<'a>,
    /// The policy.
    pub(in crate::cloud::sandbox) text: &'a str,
}

/// Whether AWS takes the policy.
pub(in crate::cloud::sandbox) fn check(world: &World, proposal: &Proposal<'_>) -> Result<(), Refusal> {
    let Proposal { key, manager, asker, text } = proposal;
    if *manager == KeyManager::Aws {
        let message = format!("{key} is an AWS managed key, whose key policy can't be changed");
        return Err(Refusal::new(CloudErrorKind::Unmodifiable, "UnsupportedOperationException", message));
    }
    if !has_policy_characters(text) {
        let message = "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must \
                       satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+";
        return Err(Refusal::new(CloudErrorKind::Malformed, "ValidationException", message));
    }
    if text.len() > MAXIMUM_BYTES {
        let message = format!("Key policies are limited to {MAXIMUM_BYTES} bytes");
        return Err(Refusal::new(CloudErrorKind::LimitExceeded, "LimitExceededException", message));
    }
    let document = grammar(text)?;
    if !document.statements.iter().all(|statement| {
        statement
            .principal
            .as_ref()
            .is_some_and(|principal| principals_exist(world, key.partition, principal))
    }) {
        let message = "Policy contains a statement with one or more invalid principals.";
        return Err(Refusal::new(CloudErrorKind::InvalidPrincipal, MALFORMED, message));
    }
    if !allows(&document, key, asker, "kms:PutKeyPolicy") {
        let message = "The new key policy will not allow you to update the key policy in the future.";
        return Err(Refusal::new(CloudErrorKind::Lockout, MALFORMED, message));
    }
    Ok(())
}

/// Statements without an action or a resource are taken, and do nothing.
fn grammar(text: &str) -> Result<PolicyDocument, Refusal> {
    let malformed = |message: &str| Refusal::new(CloudErrorKind::Malformed, MALFORMED, message);
    let document = PolicyDocument::parse(text).map_err(|_| malformed("Policy document is malformed."))?;
    let versions = ["2012-10-17", "2008-10-17"];
    if document.version.as_deref().is_some_and(|version| !versions.contains(&version)) {
        return Err(malformed("The policy must contain a valid version string."));
    }
    if !document.unknown.is_empty()
        || document.statements.iter().any(|statement| !statement.unknown.is_empty())
    {
        return Err(malformed("Policy document contains unknown elements."));
    }
    let is_nobody = |principal: &PrincipalElement| {
        principal
            .types
            .as_ref()
            .is_some_and(|types| types.iter().all(|kind| kind.list.iter().next().is_none()))
    };
    if document.statements.iter().any(|statement| statement.principal.as_ref().is_none_or(is_nobody)) {
        return Err(malformed("Policy contains a statement with no principal."));
    }
    Ok(document)
}

fn principals_exist(world: &World, partition: Partition, element: &PrincipalElement) -> bool {
    let types_exist = element.types.iter().flatten().all(|kind| match kind.name.as_str() {
        "AWS" | "Federated" | "CanonicalUser" => true,
        "Service" => kind.list.iter().all(|name| name.contains(".amazonaws.com")),
        _ => false,
    });
    types_exist && element.aws().iter().all(|principal| exists(world, partition, principal))
}

fn exists(world: &World, partition: Partition, principal: &AwsPrincipal) -> bool {
    match principal {
        AwsPrincipal::Anyone => true,
        AwsPrincipal::Account { partition: named, id } => {
            named.is_none_or(|named| named == partition) && account_exists(world, *id)
        }
        AwsPrincipal::Entity(entity) => entity.partition == partition && entity_exists(world, entity),
        AwsPrincipal::Session(session) => {
            session.partition == partition
                && world.account(session.account).map_or(world.shared().unknown_accounts_exist, |account| {
                    account.roles.contains_key(&session.role_name)
                })
        }
        AwsPrincipal::UniqueId(id) => world.entity_with_id(id).is_some(),
        AwsPrincipal::Other(_) => false,
    }
}

fn account_exists(world: &World, account: AccountId) -> bool {
    world.shared().unknown_accounts_exist || world.account(account).is_some()
}

/// A group is never a principal.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
fn entity_exists(world: &World, entity: &EntityArn) -> bool {
    entity.kind != EntityKind::Group
        && world.account(entity.account).map_or(world.shared().unknown_accounts_exist, |account| {
            account.of_kind(entity.kind).get(&entity.name).is_some_and(|found| found.path == entity.path)
        })
}
