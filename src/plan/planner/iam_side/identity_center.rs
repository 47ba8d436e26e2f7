//! Roles of IAM Identity Center: only their permission sets give them policies.

use super::super::Draft;
use crate::arn::EntityArn;
use crate::plan::finding::IdentityFinding;

/// Leaves it to the permission set to reference the policies: by name and path, so that the same name in each account
/// serves all of its roles.
///
/// <https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_CustomerManagedPolicyReference.html>
pub(super) fn found(entity: &EntityArn, policies: &[String], draft: &mut Draft) {
    draft.find(entity, IdentityFinding::PermissionSet { policies: policies.to_vec() });
}
