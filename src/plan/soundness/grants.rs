//! The independent check of grants, and of the statements that permit them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::shape::Shape;
use super::{Asked, ensure};
use crate::access::{Grantee, NewGrant, ServiceLinkedRole};
use crate::arn::KeyArn;
use crate::policy::{ActionSet, Effect};

/// All that a service-linked role may be granted.
///
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html>
pub(super) const MOST: [&str; 8] = [
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
];

/// The service-linked roles of other accounts than the key's that were asked for, where they need the key.
pub(super) fn foreign_roles<'a>(
    asked: &'a Asked<'_>,
    key: &'a KeyArn,
) -> impl Iterator<Item = &'a ServiceLinkedRole> {
    asked.needing(key).into_iter().filter_map(|grantee| match grantee {
        Grantee::ServiceLinkedRole(role) => (role.arn().account != key.account).then_some(role),
        Grantee::Account { .. } | Grantee::Entity(_) | Grantee::Members(_) | Grantee::MembersRole(_) => None,
    })
}

/// Nobody but a role that was asked for gets a grant, with no more operations than a launch needs.
pub(super) fn check(asked: &Asked<'_>, grant: &NewGrant) -> Result<(), String> {
    ensure(asked.keys.contains_key(&grant.key.to_string()), || {
        format!("a grant on `{}`, which nobody asked for", grant.key)
    })?;
    let role = &grant.grantee;
    ensure(foreign_roles(asked, &grant.key).any(|asked| asked == role), || {
        format!("a grant for `{role}`, which nobody asked for")
    })?;
    let too_much = grant.operations.iter().find(|operation| !MOST.contains(&operation.as_str()));
    too_much.map_or(Ok(()), |operation| Err(format!("a grant with the operation {operation}")))
}

/// Whether a statement lets one account create such grants for its own roles, and nothing besides.
pub(super) fn is_permission(asked: &Asked<'_>, key: &KeyArn, statement: &Shape) -> bool {
    let is_plain =
        statement.effect == Effect::Allow && statement.is_unnegated() && !statement.has_other_principals;
    let roots: BTreeSet<String> = foreign_roles(asked, key)
        .map(ServiceLinkedRole::arn)
        .filter(|role| {
            names_only(statement, "StringEquals", "kms:GranteePrincipal", |value| {
                let own = foreign_roles(asked, key)
                    .map(ServiceLinkedRole::arn)
                    .filter(|own| own.account == role.account);
                own.map(ToString::to_string).any(|own| own == value)
            })
        })
        .map(|role| format!("arn:{}:iam::{}:root", role.partition, role.account))
        .collect();
    is_plain
        && statement.is_for_resource("*")
        && statement.expanded() == Some(ActionSet::of_pattern("kms:CreateGrant"))
        && statement.aws.len() == 1
        && statement.aws.is_subset(&roots)
        && statement.conditions.len() == 2
        && names_only(statement, "ForAllValues:StringEquals", "kms:GrantOperations", |value| {
            MOST.contains(&value)
        })
}

/// The statement that lets an account create all the grants of its roles, and no others.
pub(super) fn permission(root: &str, roles: &[&ServiceLinkedRole]) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": {"AWS": root},
        "Action": "kms:CreateGrant",
        "Resource": "*",
        "Condition": {
            "StringEquals": {"kms:GranteePrincipal": roles},
            "ForAllValues:StringEquals": {"kms:GrantOperations": MOST},
        },
    })
}

/// Whether there is such a condition, with values of these only.
fn names_only(statement: &Shape, operator: &str, key: &str, is_known: impl Fn(&str) -> bool) -> bool {
    statement.conditions.iter().any(|condition| {
        condition.operator == operator
            && condition.key == key
            && !condition.values.is_empty()
            && condition.values.iter().all(|value| is_known(value))
    })
}
