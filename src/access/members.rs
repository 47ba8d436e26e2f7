//! How a key policy lets the accounts of an organization in: as anyone, under conditions that only they meet.

use super::{Grantee, GranteeRef};
use crate::arn::{AccountId, Members, Partition, SessionArn};
use crate::policy::{Condition, pattern};

/// The accounts of an organization or OU as a key policy has them: without the key's own account.
///
/// A statement for anyone lets the identities of the key's account in directly, whatever their IAM says, so that they are
/// kept out of it.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/allow-org-ou-to-use-key.html>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Audience {
    members: Members,
    /// The key's account.
    but: AccountId,
}

impl Audience {
    /// The principal of a statement for an audience, which its conditions confine.
    pub const PRINCIPAL: &str = "*";

    /// Those of the members who are not of the key's account.
    pub(super) fn new(members: Members, but: AccountId) -> Self {
        Self { members, but }
    }

    /// What exactly they meet, in the order of our statements.
    ///
    /// The ids of OUs are unique in their organization only, which is why it is asked for too.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgpaths>
    pub(super) fn conditions(&self) -> Vec<Condition> {
        let one = |operator: &str, key: &str, value: String| Condition {
            operator: operator.to_owned(),
            key: key.to_owned(),
            values: vec![value],
        };
        let organization = self.members.organization().to_string();
        let mut conditions = vec![one("StringEquals", "aws:PrincipalOrgID", organization)];
        if let Members::Unit(unit) = &self.members {
            conditions.push(one("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", unit.pattern()));
        }
        conditions.push(one("StringNotEquals", "aws:PrincipalAccount", self.but.to_string()));
        conditions
    }

    /// Whether a condition is about them by name, and all of them meet it.
    pub fn is_named_by(&self, condition: &Condition) -> bool {
        let (operator, key, values) = condition.meaning();
        let mut values = values.into_iter().filter(|value| !value.contains("${"));
        let organization = self.members.organization().as_str();
        let paths = self.members.path_pattern();
        match (operator, key.as_str()) {
            // A pattern for other organizations too names none.
            ("StringEquals" | "StringLike", "aws:principalorgid") => {
                values.any(|value| value == organization)
            }
            ("ForAnyValue:StringLike", "aws:principalorgpaths") => values.any(|value| {
                value.starts_with(&format!("{organization}/")) && pattern::covers(value, &paths)
            }),
            _ => false,
        }
    }

    /// Whether all of them meet a condition: one that names them, or that keeps the key's own account out.
    pub fn meets(&self, condition: &Condition) -> bool {
        let (operator, key, values) = condition.meaning();
        let own = self.but.to_string();
        let is_account = ["aws:principalaccount", "kms:calleraccount"].contains(&key.as_str());
        let keeps_own_out = operator == "StringNotEquals" && values.iter().all(|value| *value == own);
        (is_account && keeps_own_out) || self.is_named_by(condition)
    }
}

/// An organization whose ARN tells another partition than the key's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{members}` is in the partition `{told}`, the key in `{wanted}`; access can't cross partitions")]
pub struct OtherPartition {
    members: Members,
    told: Partition,
    wanted: Partition,
}

impl OtherPartition {
    /// What to do about it.
    pub fn hint(&self) -> String {
        format!("name an organization of the partition `{}`", self.wanted)
    }
}

impl GranteeRef {
    /// Whom it names for keys of a partition; a session itself has to be traced to its role.
    ///
    /// # Errors
    /// An organization's ARN told another partition.
    pub fn in_partition(&self, wanted: Partition) -> Result<Result<Grantee, &SessionArn>, OtherPartition> {
        Ok(Ok(match self {
            Self::Account(id) => Grantee::Account { partition: wanted, id: *id },
            Self::Entity(entity) => entity.clone().into(),
            Self::ServiceLinkedRole(role) => Grantee::ServiceLinkedRole(role.in_partition(wanted)),
            Self::Members { members, partition } => {
                ensure_in(wanted, members, *partition)?;
                Grantee::Members(members.clone())
            }
            Self::MembersRole { role, partition } => {
                ensure_in(wanted, &role.members, *partition)?;
                Grantee::MembersRole(role.clone())
            }
            Self::Session(session) => return Ok(Err(session)),
        }))
    }
}

fn ensure_in(wanted: Partition, members: &Members, told: Option<Partition>) -> Result<(), OtherPartition> {
    match told {
        Some(told) if told != wanted => Err(OtherPartition { members: members.clone(), told, wanted }),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::PolicyDocument;

    fn condition(element: &serde_json::Value) -> Condition {
        let statement = json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": element});
        let document = PolicyDocument::parse(json!({"Statement": [statement]}).to_string()).unwrap();
        document.statements[0].conditions[0].clone()
    }

    #[test]
    fn what_all_members_meet() {
        const UNIT: &str = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/";
        let audience =
            |members: &str| Audience::new(members.parse().unwrap(), "111122223333".parse().unwrap());
        let [organization, unit] = [audience("o-a1b2c3d4e5"), audience(UNIT)];
        let paths = |operator: &str, value: &str| json!({operator: {"aws:PrincipalOrgPaths": value}});
        let id = |operator: &str, value: serde_json::Value| json!({operator: {"aws:PrincipalOrgID": value}});
        let account = |value: serde_json::Value| json!({"StringNotEquals": {"aws:PrincipalAccount": value}});
        for (element, by_organization, by_unit) in [
            (id("StringEquals", json!("o-a1b2c3d4e5")), true, true),
            (id("StringLike", json!("o-a1b2c3d4e5")), true, true),
            (id("StringEquals", json!(["o-zzzzzzzzzz", "o-a1b2c3d4e5"])), true, true),
            (id("StringEquals", json!("o-a1b2c3d4e")), false, false),
            (id("StringEquals", json!("o-a1b2c3d4e55")), false, false),
            (id("StringLike", json!("o-*")), false, false),
            (id("StringEquals", json!("${aws:ResourceOrgID}")), false, false),
            (id("StringEqualsIfExists", json!("o-a1b2c3d4e5")), false, false),
            (id("StringNotEquals", json!("o-a1b2c3d4e5")), false, false),
            (paths("ForAnyValue:StringLike", "o-a1b2c3d4e5/*"), true, true),
            (paths("ForAnyValue:StringLike", "o-a1b2c3d4e5/r-ab12/*"), false, true),
            (paths("ForAnyValue:StringLike", "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"), false, true),
            (paths("ForAnyValue:StringLike", "o-a1b2c3d4e5/*/ou-ab12-11111111/*"), false, true),
            (paths("ForAnyValue:StringLike", "o-a1b2c3d4e5/r-ab12/ou-ab12-1111111?/*"), false, false),
            (
                paths("ForAnyValue:StringLike", "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-2*"),
                false,
                false,
            ),
            (paths("ForAnyValue:StringEquals", UNIT), false, false),
            (paths("ForAllValues:StringLike", "o-a1b2c3d4e5/*"), false, false),
            (paths("ForAnyValue:StringLike", "*"), false, false),
            (account(json!("111122223333")), true, true),
            (account(json!(["111122223333", "444455556666"])), false, false),
            (json!({"StringNotEquals": {"kms:CallerAccount": "111122223333"}}), true, true),
            (json!({"StringEquals": {"kms:ViaService": "ec2.eu-west-1.amazonaws.com"}}), false, false),
        ] {
            let condition = condition(&element);
            assert_eq!(
                [organization.meets(&condition), unit.meets(&condition)],
                [by_organization, by_unit],
                "{element}"
            );
        }
        for audience in [organization, unit] {
            assert!(audience.conditions().iter().all(|own| audience.meets(own)));
        }
    }
}
