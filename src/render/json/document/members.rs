//! What the accounts of an organization or OU need that is a grantee.

use schemars::JsonSchema;
use serde::Serialize;

use super::texts;
use crate::access::{Grantee, Request};
use crate::plan::identity_policy;

/// The policy that each member account of organizations and OUs needs, the same in each: to be attached to whoever launches
/// there.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MembersOutput {
    /// The organizations' ids, and the paths of OUs.
    members: Vec<String>,
    /// The policy's name.
    policy_name: String,
    /// Its document.
    document: String,
    /// Whether it is larger than IAM takes, so that fewer keys have to be given at once.
    is_too_large: bool,
}

impl MembersOutput {
    /// Nothing where no organization is a grantee.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let members: Vec<String> = texts(request.grantees.iter().filter_map(Grantee::as_members));
        (!members.is_empty()).then(|| Self {
            members,
            policy_name: request.policy_name.as_str().to_owned(),
            document: identity_policy::for_members(request),
            is_too_large: identity_policy::excess_for_members(request).is_some(),
        })
    }
}
