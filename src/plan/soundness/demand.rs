//! What may become new, as AWS's pages have it: written down here a second time, action by action, so that a slip in
//! the tables that plans are made from is seen.

use serde_json::{Map, Value, json};

use crate::access::{Grantee, Profile, Purpose, Request};
use crate::arn::{AccountId, KeyArn};
use crate::policy::{ActionSet, Condition};

/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-users>,
/// where patterns stand for these.
const USE: &[&str] = &[
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyPair",
    "kms:GenerateDataKeyPairWithoutPlaintext",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
];

/// The same page's second statement.
const ATTACH: &[&str] = &["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"];

/// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html#ebs-encryption-permissions>
const LAUNCH: &[&str] = &[
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
];

/// All that whoever starts an instance needs, and all that a service-linked role has of the second statement.
///
/// <https://repost.aws/knowledge-center/kms-iam-ec2-permission>,
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html>
const GRANT: &[&str] = &["kms:CreateGrant"];

/// A statement that may come to a document, whoever it is for and on whatever key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Demand {
    actions: &'static [&'static str],
    /// Those actions.
    pub(super) set: ActionSet,
    pub(super) conditions: Vec<Condition>,
}

/// Grantees who may be given the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Alike {
    pub(super) account: AccountId,
    is_for_a_service: bool,
}

impl From<&Grantee> for Alike {
    fn from(grantee: &Grantee) -> Self {
        let is_for_a_service = match grantee {
            Grantee::ServiceLinkedRole(_) => true,
            Grantee::Account { .. } | Grantee::Entity(_) => false,
        };
        Self { account: grantee.account(), is_for_a_service }
    }
}

impl Demand {
    /// What may be given to users, roles and groups of an account.
    pub(super) fn in_account(request: &Request, key: &KeyArn, account: AccountId) -> Vec<Self> {
        Self::of(request, key, Alike { account, is_for_a_service: false })
    }

    /// What may be given to grantees who are alike.
    pub(super) fn of(request: &Request, key: &KeyArn, alike: Alike) -> Vec<Self> {
        let Alike { account, is_for_a_service } = alike;
        let for_resources = condition("Bool", "kms:GrantIsForAWSResource", "true".to_owned());
        let is_least = request.profile == Profile::LeastPrivilege;
        let through_ec2: Vec<Condition> = if is_least {
            vec![
                condition("StringEquals", "kms:ViaService", format!("ec2.{}.amazonaws.com", key.region)),
                condition("StringEquals", "kms:CallerAccount", account.to_string()),
            ]
        } else {
            Vec::new()
        };
        let is_start = request.purpose == Purpose::Start;
        let usage = if is_least { LAUNCH } else { USE };
        let grants = if is_least || is_start || is_for_a_service { GRANT } else { ATTACH };
        let grant = Self::new(grants, [through_ec2.as_slice(), &[for_resources]].concat());
        if is_start { vec![grant] } else { vec![Self::new(usage, through_ec2), grant] }
    }

    fn new(actions: &'static [&'static str], conditions: Vec<Condition>) -> Self {
        Self { actions, set: ActionSet::of_patterns(actions.iter().copied()), conditions }
    }

    /// Its statement in a key policy.
    pub(super) fn for_principals(&self, principals: &[String]) -> Value {
        let mut statement = self.statement();
        statement.insert("Principal".to_owned(), json!({"AWS": principals}));
        statement.insert("Resource".to_owned(), json!("*"));
        statement.into()
    }

    /// Its statement in an IAM policy.
    pub(super) fn on_key(&self, key: &KeyArn) -> Value {
        let mut statement = self.statement();
        statement.insert("Resource".to_owned(), json!(key));
        statement.into()
    }

    fn statement(&self) -> Map<String, Value> {
        let mut conditions = Map::new();
        for Condition { operator, key, values } in &self.conditions {
            let of_operator = conditions.entry(operator).or_insert_with(|| json!({}));
            if let Some(of_operator) = of_operator.as_object_mut() {
                of_operator.insert(key.clone(), json!(values));
            }
        }
        let members =
            [("Effect", json!("Allow")), ("Action", json!(self.actions)), ("Condition", conditions.into())];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn condition(operator: &str, key: &str, value: String) -> Condition {
    Condition { operator: operator.to_owned(), key: key.to_owned(), values: vec![value] }
}
