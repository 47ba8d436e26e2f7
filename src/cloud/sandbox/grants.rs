//! Grants: created once for each name, and revoked by their id.

use std::fmt::Write as _;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::call::CallerIdentity;
use super::pages::World;
use super::refusals::{Refusal, edited};
use super::source::{Place, Source};
use super::world::organization::OrganizationEntry;
use super::world::{Grant, Key, Object};
use crate::access::NewGrant;
use crate::arn::{Affiliation, KeyArn};
use crate::authz::{Context, Outcome, Policies, Prepared, Principal, Query, RamDocument, evaluate};
use crate::policy::{KmsAction, PolicyDocument};

/// The world's text with the grant, which may be there already.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html>
pub(super) fn create(
    source: &Source,
    world: &World,
    grant: &NewGrant,
    caller: &CallerIdentity<'_>,
) -> Result<Source, Refusal> {
    let NewGrant { key: arn, grantee, operations, name } = grant;
    let key = world.key(arn).ok_or_else(|| Refusal::no_such_key(arn))?;
    let stands = world.organization(caller.account).map(OrganizationEntry::affiliation);
    if !may_create(key, grant, caller, stands.as_ref()) {
        return Err(Refusal::kms_access_denied(&caller.entry.arn, "kms:CreateGrant", &arn.to_string()));
    }
    if key.state != "Enabled" {
        return Err(Refusal::unusable_key(arn, &key.state));
    }
    let role = grantee.arn();
    if world.identity(role).is_none() {
        return Err(Refusal::no_such_grantee(&role.to_string()));
    }
    if id(world, grant).is_some() {
        return Ok(source.clone());
    }
    let new = json!({
        "name": name,
        "id": new_id(key, grant),
        "grantee_principal": grantee,
        "operations": operations,
    });
    let list = place(arn);
    edited(source.with_item(&list, new), &list)
}

/// The id of the grant that creating this one comes to, if it is there: one with the same parameters, constraints
/// included.
pub(super) fn id(world: &World, grant: &NewGrant) -> Option<String> {
    let is_same = |Object(existing): &Object<Grant>| {
        existing.name.as_ref() == Some(&grant.name)
            && existing.grantee() == grant.grantee.to_string()
            && existing.operations == grant.operations
            && existing.observed(0).is_unconstrained()
    };
    let mut grants = world.key(&grant.key)?.grants.iter().enumerate();
    let (index, Object(existing)) = grants.find(|(_, existing)| is_same(existing))?;
    Some(existing.id(index))
}

/// The world's text without the grant.
pub(super) fn revoke(source: &Source, world: &World, arn: &KeyArn, id: &str) -> Result<Source, Refusal> {
    let key = world.key(arn).ok_or_else(|| Refusal::no_such_key(arn))?;
    let mut grants = key.grants.iter().enumerate();
    let (index, _) = grants
        .find(|(index, Object(grant))| grant.id(*index) == id)
        .ok_or_else(|| Refusal::no_such_grant(id))?;
    let item = place(arn).item(index);
    edited(source.without(&item), &item)
}

fn place(key: &KeyArn) -> Place {
    Place::root().member("keys").member(key).member("grants")
}

/// The caller's own IAM policies are taken to allow everything, as for every call in a world.
fn may_create(
    key: &Key,
    grant: &NewGrant,
    caller: &CallerIdentity<'_>,
    stands: Option<&Affiliation>,
) -> bool {
    const EVERYTHING: &str = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
    let documents = [key.policy.text(), EVERYTHING].map(PolicyDocument::parse);
    let (Ok(principal), [Ok(key_policy), Ok(everything)]) =
        (caller.entry.arn.parse::<Principal>(), documents)
    else {
        return false;
    };
    let principal = principal.affiliated(stands);
    let operations = grant.operations.iter().map(String::as_str);
    let context = Context::for_grant(&grant.grantee.to_string(), operations);
    let query = Query::new(&principal, KmsAction::CREATE_GRANT, &grant.key, &context);
    let (key_policy, everything) = (Prepared::new(&key_policy), Prepared::new(&everything));
    let ram_policy = key.ram_policy.as_ref().and_then(|ram| PolicyDocument::parse(ram.text()).ok());
    let ram_policy = ram_policy.as_ref().map(Prepared::new);
    let policies = Policies {
        key_policy: Some(&key_policy),
        ram_policy: ram_policy.as_ref().map_or(RamDocument::None, RamDocument::Document),
        identity: Some(&[&everything]),
        ..Policies::default()
    };
    evaluate(&query, &policies).outcome == Outcome::Allowed
}

/// An id in the form of AWS's that no grant of the key has.
fn new_id(key: &Key, grant: &NewGrant) -> String {
    let is_taken = |id: &String| {
        let mut ids = key.grants.iter().enumerate().map(|(index, Object(grant))| grant.id(index));
        ids.any(|taken| taken == *id)
    };
    let mut id = String::new();
    let mut number = key.grants.len();
    while id.is_empty() || is_taken(&id) {
        id.clear();
        for byte in Sha256::digest(format!("{} {} {number}", grant.key, grant.name)) {
            // Writing to a string does not fail.
            let _ = write!(id, "{byte:02x}");
        }
        number += 1;
    }
    id
}
