//! Roles of IAM Identity Center: only their permission sets give them policies.

use super::super::Draft;
use crate::arn::EntityArn;
use crate::plan::finding::IdentityFinding;

/// Leaves it to the permission set to reference the policies.
pub(super) fn found(entity: &EntityArn, policies: &[String], draft: &mut Draft) {
    draft.find(entity, IdentityFinding::PermissionSet { policies: policies.to_vec() });
}
