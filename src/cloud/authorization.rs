//! All that IAM of one account gives and denies, as one list tells it instead of many calls.

use std::collections::BTreeMap;

use crate::arn::{EntityName, PolicyArn};
use crate::observation::{Entity, ManagedPolicy};

/// What a request needs of an account's users, roles, groups and policies.
///
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html>
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthorizationDetails {
    /// The users and roles that were asked for, as far as they exist, and all groups.
    pub entities: BTreeMap<EntityName, EntityDetails>,
    /// The customer managed policies that bear the name that was asked for.
    pub named: BTreeMap<PolicyArn, ManagedPolicy>,
    /// The documents in force of all customer managed policies, by ARN.
    pub documents: BTreeMap<String, String>,
}

/// A user, role or group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityDetails {
    /// With the policies attached to it.
    pub entity: Entity,
    /// The ARN of the policy that is its permissions boundary.
    pub boundary: Option<String>,
    /// The names of the groups that a user is in.
    pub groups: Vec<String>,
    /// Its inline policies by name.
    pub inline: BTreeMap<String, String>,
}
