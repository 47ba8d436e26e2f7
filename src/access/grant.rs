//! The grant that a service-linked role needs on a key of another account.
//!
//! The account's own administrators make it, as nothing in IAM or in the key policy serves such a role:
//! <https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html>.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Grantee, ServiceLinkedRole};
use crate::arn::{AccountId, KeyArn};
use crate::observation::KeyGrant;
use crate::policy::ActionSet;

/// The operations of the documented grant, as KMS names them.
pub const OPERATIONS: [&str; 8] = [
    "Encrypt",
    "Decrypt",
    "ReEncryptFrom",
    "ReEncryptTo",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "DescribeKey",
    "CreateGrant",
];

/// The actions that the documented grant allows.
pub fn granted_actions() -> ActionSet {
    OPERATIONS
        .iter()
        .map(|operation| ActionSet::of_pattern(&format!("kms:{operation}")))
        .fold(ActionSet::EMPTY, ActionSet::union)
}

/// The Sid of the key policy's statement that lets another account make such grants.
pub const KEY_POLICY_SID: &str = "Allow grants to service-linked roles";

/// A grant to be.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NewGrant {
    /// On which key.
    pub key: KeyArn,
    /// Who may use it.
    pub grantee: ServiceLinkedRole,
    /// The operations it allows, as KMS names them.
    pub operations: Vec<String>,
    /// What makes creating it idempotent: a second grant of the same name, grantee and operations is the first.
    pub name: String,
}

impl NewGrant {
    /// The documented grant.
    pub fn for_launch(key: &KeyArn, grantee: &ServiceLinkedRole) -> Self {
        Self {
            key: key.clone(),
            name: name(grantee),
            grantee: grantee.clone(),
            operations: OPERATIONS.map(str::to_owned).to_vec(),
        }
    }

    /// The account whose credentials create it: the role's own.
    pub fn account(&self) -> AccountId {
        self.grantee.arn().account
    }

    /// That account, as somebody whom a key policy can name.
    pub fn maker(&self) -> Grantee {
        let role = self.grantee.arn();
        Grantee::Account { partition: role.partition, id: role.account }
    }

    /// Who gets it.
    pub fn for_whom(&self) -> Grantee {
        Grantee::ServiceLinkedRole(self.grantee.clone())
    }

    /// Whether a grant that exists gives all that this one would, unconditionally.
    pub fn is_covered_by(&self, grant: &KeyGrant) -> bool {
        let given: BTreeSet<&String> = grant.operations.iter().collect();
        grant.grantee == self.grantee.to_string()
            && self.operations.iter().all(|operation| given.contains(operation))
            && grant.is_unconstrained()
    }

    /// Whether a grant that exists is what creating this one came to.
    pub fn became(&self, grant: &KeyGrant) -> bool {
        grant.name.as_deref() == Some(&self.name)
            && self.is_covered_by(grant)
            && grant.operations.len() == self.operations.len()
    }

    /// What the IAM policies of whoever creates it have to allow: also no condition `kms:GrantIsForAWSResource`,
    /// which no call but an AWS service's meets.
    pub fn identity_statement(&self) -> Value {
        json!({
            "Sid": "AllowGrantsToServiceLinkedRoles",
            "Effect": "Allow",
            "Action": "kms:CreateGrant",
            "Resource": self.key,
            "Condition": conditions(&[&self.grantee]),
        })
    }
}

/// The key policy's statement that lets an account make these grants and no others.
pub fn key_policy_statement(sid: &str, account_root: &str, roles: &[&ServiceLinkedRole]) -> Value {
    json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": [account_root]},
        "Action": "kms:CreateGrant",
        "Resource": "*",
        "Condition": conditions(roles),
    })
}

/// `ForAllValues` also holds where a request lacks the key. None does: `CreateGrant` requires `Operations`, and
/// `kms:GrantOperations` has its values in each such request. The statement allows no other action.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-grant-operations>
fn conditions(roles: &[&ServiceLinkedRole]) -> Value {
    let grantees = match roles {
        [only] => json!(only),
        several => json!(several),
    };
    json!({
        "StringEquals": {"kms:GranteePrincipal": grantees},
        "ForAllValues:StringEquals": {"kms:GrantOperations": OPERATIONS},
    })
}

/// Grants' names have fewer characters than roles' names: others stand as `:` and their code.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html#KMS-CreateGrant-request-Name>
fn name(grantee: &ServiceLinkedRole) -> String {
    let arn = grantee.arn();
    let mut name = format!("keymend/{}/", arn.account);
    for byte in arn.name.bytes() {
        if byte.is_ascii_alphanumeric() || b"_-".contains(&byte) {
            name.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(name, ":{byte:02x}");
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arn::EntityArn;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn needed(suffix: &str) -> NewGrant {
        let arn = format!(
            "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling{suffix}"
        );
        let role = arn.parse::<EntityArn>().unwrap().try_into().unwrap();
        NewGrant::for_launch(&KEY.parse().unwrap(), &role)
    }

    fn existing(new: &NewGrant) -> KeyGrant {
        KeyGrant {
            id: "a1".to_owned(),
            name: Some(new.name.clone()),
            grantee: new.grantee.to_string(),
            operations: new.operations.iter().rev().cloned().collect(),
            context_equals: std::collections::BTreeMap::new(),
            context_subset: std::collections::BTreeMap::new(),
            source_arn: None,
            unknown_constraints: Vec::new(),
        }
    }

    #[test]
    fn names_are_of_kms_characters_and_differ_as_the_roles_do() {
        assert_eq!(needed("").name, "keymend/444455556666/AWSServiceRoleForAutoScaling");
        assert_eq!(needed("_a.b").name, "keymend/444455556666/AWSServiceRoleForAutoScaling_a:2eb");
        assert_ne!(needed("_a.b").name, needed("_a-b").name);
    }

    #[test]
    fn wider_grants_cover_and_constrained_ones_do_not() {
        let new = needed("");
        let equal = existing(&new);
        assert!(new.is_covered_by(&equal) && new.became(&equal));

        let mut wider = existing(&new);
        wider.operations.push("RetireGrant".to_owned());
        assert!(new.is_covered_by(&wider) && !new.became(&wider));

        let unnamed = KeyGrant { name: None, ..existing(&new) };
        assert!(new.is_covered_by(&unnamed) && !new.became(&unnamed));

        let narrower = KeyGrant { operations: vec!["Decrypt".to_owned()], ..existing(&new) };
        let pair = ("aws:ebs:id".to_owned(), "vol-1".to_owned());
        let constrained = KeyGrant { context_subset: [pair].into(), ..existing(&new) };
        let sourced = KeyGrant { source_arn: Some("arn:aws:s3:::b".to_owned()), ..existing(&new) };
        let newer = KeyGrant { unknown_constraints: vec!["NotAfter".to_owned()], ..existing(&new) };
        let others = KeyGrant { grantee: needed("_x").grantee.to_string(), ..existing(&new) };
        for other in [narrower, constrained, sourced, newer, others] {
            assert!(!new.is_covered_by(&other) && !new.became(&other), "{other:?}");
        }
    }

    #[test]
    fn the_statements() {
        let new = needed("");
        insta::assert_snapshot!(format!("{:#}", new.identity_statement()), @r#"
        {
          "Sid": "AllowGrantsToServiceLinkedRoles",
          "Effect": "Allow",
          "Action": "kms:CreateGrant",
          "Resource": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
          "Condition": {
            "StringEquals": {
              "kms:GranteePrincipal": "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
            },
            "ForAllValues:StringEquals": {
              "kms:GrantOperations": [
                "Encrypt",
                "Decrypt",
                "ReEncryptFrom",
                "ReEncryptTo",
                "GenerateDataKey",
                "GenerateDataKeyWithoutPlaintext",
                "DescribeKey",
                "CreateGrant"
              ]
            }
          }
        }
        "#);
        let root = "arn:aws:iam::444455556666:root";
        let two = key_policy_statement(KEY_POLICY_SID, root, &[&new.grantee, &needed("_b").grantee]);
        insta::assert_snapshot!(format!("{two:#}"), @r#"
        {
          "Sid": "Allow grants to service-linked roles",
          "Effect": "Allow",
          "Principal": {
            "AWS": [
              "arn:aws:iam::444455556666:root"
            ]
          },
          "Action": "kms:CreateGrant",
          "Resource": "*",
          "Condition": {
            "StringEquals": {
              "kms:GranteePrincipal": [
                "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
                "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_b"
              ]
            },
            "ForAllValues:StringEquals": {
              "kms:GrantOperations": [
                "Encrypt",
                "Decrypt",
                "ReEncryptFrom",
                "ReEncryptTo",
                "GenerateDataKey",
                "GenerateDataKeyWithoutPlaintext",
                "DescribeKey",
                "CreateGrant"
              ]
            }
          }
        }
        "#);
    }
}
