//! Roles of IAM Identity Center: only their permission sets give them policies.

use super::super::{Draft, all_listed};
use crate::arn::EntityArn;
use crate::plan::FindingCode;

/// Leaves it to the permission set to reference the policies.
pub(super) fn found(entity: &EntityArn, policies: &[String], draft: &mut Draft) {
    let message = "IAM Identity Center owns this role: nothing can be attached to it, \
                   and its name changes when the permission set is assigned anew";
    let hint =
        format!("reference the customer managed policy {} in the permission set", all_listed(policies));
    draft.find(FindingCode::IdentityCenterRole, entity, message, Some(hint));
}
