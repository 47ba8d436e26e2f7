//! What may become new, as AWS's pages have it: written down here a second time, action by action, so that a slip in
//! the tables that plans are made from is seen.

use serde_json::{Map, Value, json};

use super::grants::MOST;
use crate::access::{Grantee, Profile, Purpose, Request};
use crate::arn::{AccountId, KeyArn, Members};
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
    /// Whether its conditions alone say for whom it is, so that its one principal is `*`.
    pub(super) is_for_anyone: bool,
}

/// Grantees who may be given the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alike {
    OfAccount {
        account: AccountId,
        is_for_a_service: bool,
    },
    Members(Members),
    /// The roles of Auto Scaling of such accounts, with what follows the role's name.
    RolesOf(Members, String),
}

impl Alike {
    /// The account, where it is but one.
    pub(super) fn account(&self) -> Option<AccountId> {
        match self {
            Self::OfAccount { account, .. } => Some(*account),
            Self::Members(_) | Self::RolesOf(..) => None,
        }
    }
}

impl From<&Grantee> for Alike {
    fn from(grantee: &Grantee) -> Self {
        match grantee {
            Grantee::ServiceLinkedRole(role) => {
                Self::OfAccount { account: role.arn().account, is_for_a_service: true }
            }
            Grantee::Account { id, .. } => Self::OfAccount { account: *id, is_for_a_service: false },
            Grantee::Entity(entity) => Self::OfAccount { account: entity.account, is_for_a_service: false },
            Grantee::Members(members) => Self::Members(members.clone()),
            Grantee::MembersRole(role) => {
                let suffix = role.suffix.as_ref().map(|suffix| format!("_{suffix}"));
                Self::RolesOf(role.members.clone(), suffix.unwrap_or_default())
            }
        }
    }
}

impl Demand {
    /// What may be given to users, roles and groups of an account.
    pub(super) fn in_account(request: &Request, key: &KeyArn, account: AccountId) -> Vec<Self> {
        Self::of(request, key, &Alike::OfAccount { account, is_for_a_service: false })
    }

    /// What may be given to grantees who are alike.
    pub(super) fn of(request: &Request, key: &KeyArn, alike: &Alike) -> Vec<Self> {
        let (is_for_a_service, confining) = match alike {
            Alike::OfAccount { is_for_a_service, .. } => (*is_for_a_service, Vec::new()),
            Alike::Members(members) => (false, confining(members, key)),
            Alike::RolesOf(members, suffix) => return vec![Self::of_own_grants(members, suffix, key)],
        };
        let for_resources = condition("Bool", "kms:GrantIsForAWSResource", "true".to_owned());
        let is_least = request.terms(key).profile == Profile::LeastPrivilege;
        let mut common = confining.clone();
        if is_least {
            common.push(condition(
                "StringEquals",
                "kms:ViaService",
                format!("ec2.{}.amazonaws.com", key.region),
            ));
            let caller = alike.account().map(|account| account.to_string());
            common.extend(caller.map(|account| condition("StringEquals", "kms:CallerAccount", account)));
        }
        let is_start = request.terms(key).purpose == Purpose::Start;
        let usage = if is_least { LAUNCH } else { USE };
        let grants = if is_least || is_start || is_for_a_service { GRANT } else { ATTACH };
        let is_for_anyone = !confining.is_empty();
        let new = |actions: &'static [&'static str], conditions| Self {
            actions,
            set: ActionSet::of_patterns(actions.iter().copied()),
            conditions,
            is_for_anyone,
        };
        let grant = new(grants, [common.as_slice(), &[for_resources]].concat());
        if is_start { vec![grant] } else { vec![new(usage, common), grant] }
    }

    /// What lets each account make the grant of its own role, with the caller's account in the role's ARN and nothing that
    /// stands for another one.
    ///
    /// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html>
    fn of_own_grants(members: &Members, suffix: &str, key: &KeyArn) -> Self {
        let role = format!(
            "arn:{}:iam::${{aws:PrincipalAccount}}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling{suffix}",
            key.partition
        );
        let mut conditions = confining(members, key);
        conditions.push(condition("StringEquals", "kms:GranteePrincipal", role));
        conditions.push(Condition {
            values: MOST.map(str::to_owned).to_vec(),
            ..condition("ForAllValues:StringEquals", "kms:GrantOperations", String::new())
        });
        let set = ActionSet::of_patterns(GRANT.iter().copied());
        Self { actions: GRANT, set, conditions, is_for_anyone: true }
    }

    /// Its statement in a key policy.
    pub(super) fn for_principals(&self, principals: &[String]) -> Value {
        let mut statement = self.statement();
        statement.insert("Principal".to_owned(), json!({"AWS": principals}));
        statement.insert("Resource".to_owned(), json!("*"));
        statement.into()
    }

    /// Its statement in an IAM policy.
    pub(super) fn on_keys(&self, keys: &[&KeyArn]) -> Value {
        let mut statement = self.statement();
        statement.insert("Resource".to_owned(), json!(keys));
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

/// What keeps everybody but members of an organization or OU out of a statement for anyone, and the key's own account.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/allow-org-ou-to-use-key.html>,
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>
fn confining(members: &Members, key: &KeyArn) -> Vec<Condition> {
    let organization = members.organization().to_string();
    let mut conditions = vec![condition("StringEquals", "aws:PrincipalOrgID", organization)];
    if let Members::Unit(unit) = members {
        let below = format!("{unit}*");
        conditions.push(condition("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", below));
    }
    conditions.push(condition("StringNotEquals", "aws:PrincipalAccount", key.account.to_string()));
    conditions
}

fn condition(operator: &str, key: &str, value: String) -> Condition {
    Condition { operator: operator.to_owned(), key: key.to_owned(), values: vec![value] }
}
