//! The statements that must hold on both sides.

use serde_json::json;

use super::grant::{KEY_POLICY_SID, OPERATIONS};
use super::{Audience, Grantee, MembersRole, Profile, Purpose, Request, Terms};
use crate::arn::{AccountId, KeyArn, Members};
use crate::policy::{ActionSet, Condition, condition};

/// What a launch needs of a key besides grants.
///
/// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html#ebs-encryption-permissions>
pub(super) const LAUNCH: &[&str] =
    &["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"];

/// What a launch needs for its volumes to go on using the key.
pub(super) const GRANT: &[&str] = &["kms:CreateGrant"];

/// One of the statements that must hold on both sides.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-default-allow-users>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredStatement {
    /// Its Sid in a key policy, where spaces are allowed.
    pub key_policy_sid: &'static str,
    /// Its Sid in an IAM policy.
    pub identity_sid: &'static str,
    /// What it gives, in words that follow "may".
    pub purpose: &'static str,
    /// Its actions, in the documented order.
    pub actions: &'static [&'static str],
    /// Its condition, where it has one.
    pub conditions: Vec<Condition>,
    /// The actions, wildcards expanded.
    pub action_set: ActionSet,
    /// Whom it is for, where its conditions tell that and not its principals.
    pub audience: Option<Audience>,
}

/// All of a grantee that its statements depend on: grantees of one kind need the same of a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum GranteeKind {
    /// Whoever is of an account.
    InAccount {
        /// Which.
        account: AccountId,
        /// Whether it is a role that an AWS service made for itself.
        is_service_linked: bool,
    },
    /// The accounts of an organization or OU.
    Members(Members),
    /// Their roles of Auto Scaling.
    MembersRole(MembersRole),
}

impl From<&Grantee> for GranteeKind {
    fn from(grantee: &Grantee) -> Self {
        match grantee {
            Grantee::Account { id, .. } => Self::InAccount { account: *id, is_service_linked: false },
            Grantee::Entity(entity) => Self::InAccount { account: entity.account, is_service_linked: false },
            Grantee::ServiceLinkedRole(role) => {
                Self::InAccount { account: role.arn().account, is_service_linked: true }
            }
            Grantee::Members(members) => Self::Members(members.clone()),
            Grantee::MembersRole(role) => Self::MembersRole(role.clone()),
        }
    }
}

impl Request {
    /// The statements that must hold for a grantee and a key.
    pub fn required(&self, key: &KeyArn, grantee: &Grantee) -> Vec<RequiredStatement> {
        self.required_of(key, &grantee.into())
    }

    /// The statements that must hold for a key and an account, its users, roles or groups.
    pub fn required_in(&self, key: &KeyArn, account: AccountId) -> Vec<RequiredStatement> {
        self.required_of(key, &GranteeKind::InAccount { account, is_service_linked: false })
    }

    /// The statements that must hold for a key and grantees of a kind.
    ///
    /// AWS documents the second statement with kms:CreateGrant alone for service-linked roles, and for whoever starts
    /// instances nothing but that.
    ///
    /// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html>,
    /// <https://repost.aws/knowledge-center/kms-iam-ec2-permission>
    pub fn required_of(&self, key: &KeyArn, kind: &GranteeKind) -> Vec<RequiredStatement> {
        match kind {
            GranteeKind::InAccount { account, is_service_linked } => {
                self.unconfined(key, Some(*account), *is_service_linked)
            }
            GranteeKind::Members(members) => {
                let audience = Audience::new(members.clone(), key.account);
                let statements = self.required_anywhere(key).into_iter();
                statements.map(|statement| statement.confined_to(&audience)).collect()
            }
            GranteeKind::MembersRole(role) => vec![RequiredStatement::own_grants(key, role)],
        }
    }

    /// The statements that the IAM of any account must hold for a key: nothing in them tells which account it is.
    pub fn required_anywhere(&self, key: &KeyArn) -> Vec<RequiredStatement> {
        self.unconfined(key, None, false)
    }

    fn unconfined(
        &self,
        key: &KeyArn,
        account: Option<AccountId>,
        is_service_linked: bool,
    ) -> Vec<RequiredStatement> {
        let Terms { purpose, profile, .. } = self.terms(key);
        let is_grant_enough = is_service_linked || purpose == Purpose::Start;
        let [usage, attachment] = match profile {
            Profile::Documented if is_grant_enough => {
                let [usage, _] = RequiredStatement::documented();
                [usage, RequiredStatement::attachment(GRANT)]
            }
            Profile::Documented => RequiredStatement::documented(),
            Profile::LeastPrivilege => RequiredStatement::through_ec2(&key.region, account),
        };
        match purpose {
            Purpose::Launch => vec![usage, attachment],
            Purpose::Start => vec![attachment],
        }
    }
}

impl RequiredStatement {
    /// The documented remedy's two statements.
    pub fn documented() -> [Self; 2] {
        const USE: &[&str] =
            &["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"];
        [
            Self {
                key_policy_sid: "Allow use of the key",
                identity_sid: "AllowUseOfTheKey",
                purpose: "use the key",
                actions: USE,
                conditions: Vec::new(),
                action_set: ActionSet::of_patterns(USE.iter().copied()),
                audience: None,
            },
            Self::attachment(&["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"]),
        ]
    }

    /// The second statement with as much as is needed of it.
    fn attachment(actions: &'static [&'static str]) -> Self {
        Self {
            key_policy_sid: "Allow attachment of persistent resources",
            identity_sid: "AllowAttachmentOfPersistentResources",
            purpose: "let AWS services use it for persistent resources",
            actions,
            conditions: vec![for_aws_resources()],
            action_set: ActionSet::of_patterns(actions.iter().copied()),
            audience: None,
        }
    }

    /// What a launch needs and nothing besides: asked by EC2, for somebody of this account if of any.
    ///
    /// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html#ebs-encryption-permissions>,
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service>
    fn through_ec2(region: &str, account: Option<AccountId>) -> [Self; 2] {
        let via_service = equals("kms:ViaService", format!("ec2.{region}.amazonaws.com"));
        let caller = account.map(|account| equals("kms:CallerAccount", account.to_string()));
        let through_ec2: Vec<Condition> = [via_service].into_iter().chain(caller).collect();
        [
            Self {
                key_policy_sid: "Allow launch through EC2",
                identity_sid: "AllowLaunchThroughEC2",
                purpose: "use the key through EC2",
                actions: LAUNCH,
                conditions: through_ec2.clone(),
                action_set: ActionSet::of_patterns(LAUNCH.iter().copied()),
                audience: None,
            },
            Self {
                key_policy_sid: "Allow grants through EC2",
                identity_sid: "AllowGrantsThroughEC2",
                purpose: "let EC2 use it for volumes",
                actions: GRANT,
                conditions: [for_aws_resources()].into_iter().chain(through_ec2).collect(),
                action_set: ActionSet::of_patterns(GRANT.iter().copied()),
                audience: None,
            },
        ]
    }

    /// What lets each account of an organization make the grant of its own role of Auto Scaling, and no other: what
    /// serves such a role is the grant.
    ///
    /// `ForAllValues` also holds where a request lacks the key. None does: `CreateGrant` requires `Operations`, and the
    /// statement allows no other action. A grant to a service principal has no `kms:GranteePrincipal`, which
    /// `StringEquals` wants there.
    ///
    /// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html>,
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-grant-operations>
    fn own_grants(key: &KeyArn, role: &MembersRole) -> Self {
        let audience = Audience::new(role.members.clone(), key.account);
        let operations = Condition {
            operator: "ForAllValues:StringEquals".to_owned(),
            key: "kms:GrantOperations".to_owned(),
            values: OPERATIONS.map(str::to_owned).to_vec(),
        };
        let grantee = equals("kms:GranteePrincipal", role.arn_of_own_account(key.partition));
        let conditions = audience.conditions().into_iter().chain([grantee, operations]);
        Self {
            key_policy_sid: KEY_POLICY_SID,
            identity_sid: "AllowGrantsToServiceLinkedRoles",
            purpose: "get a grant from its own account",
            actions: GRANT,
            conditions: conditions.collect(),
            action_set: ActionSet::of_patterns(GRANT.iter().copied()),
            audience: Some(audience),
        }
    }

    /// The statement for an audience alone.
    fn confined_to(mut self, audience: &Audience) -> Self {
        self.conditions.extend(audience.conditions());
        self.audience = Some(audience.clone());
        self
    }

    /// Whether it holds where a statement under these conditions does, for all whom it is for.
    pub fn is_met_under(&self, conditions: &[Condition]) -> bool {
        match &self.audience {
            None => condition::is_subset(conditions, &self.conditions),
            Some(audience) => conditions.iter().all(|own| {
                audience.meets(own) || condition::is_subset(std::slice::from_ref(own), &self.conditions)
            }),
        }
    }

    /// Whether it means nothing in a document of a version that knows no variables.
    pub fn has_variable(&self) -> bool {
        self.conditions.iter().any(Condition::has_variable)
    }

    /// Whether conditions say that a statement is for those whom this one is for; where its principals do, they need not.
    pub fn is_named_by(&self, conditions: &[Condition]) -> bool {
        let names = |audience: &Audience| conditions.iter().any(|own| audience.is_named_by(own));
        self.audience.as_ref().is_none_or(names)
    }

    /// The statement for a key policy.
    pub fn for_key_policy(&self, sid: &str, principals: &[String]) -> serde_json::Value {
        let aws = if self.audience.is_some() { json!(Audience::PRINCIPAL) } else { json!(principals) };
        self.with_condition(json!({
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"AWS": aws},
            "Action": self.actions,
            "Resource": "*",
        }))
    }

    /// The statement for an IAM policy; the resources are key ARNs.
    pub fn for_identity(&self, sid: &str, resources: &[String]) -> serde_json::Value {
        self.with_condition(json!({
            "Sid": sid,
            "Effect": "Allow",
            "Action": self.actions,
            "Resource": resources,
        }))
    }

    fn with_condition(&self, mut statement: serde_json::Value) -> serde_json::Value {
        let mut element = serde_json::Map::new();
        for Condition { operator, key, values } in &self.conditions {
            let value = match values.as_slice() {
                [only] => json!(only),
                several => json!(several),
            };
            let keys = element.entry(operator).or_insert_with(|| json!({}));
            keys.as_object_mut().into_iter().for_each(|keys| _ = keys.insert(key.clone(), value.clone()));
        }
        if let (Some(members), false) = (statement.as_object_mut(), element.is_empty()) {
            members.insert("Condition".to_owned(), element.into());
        }
        statement
    }
}

fn for_aws_resources() -> Condition {
    Condition {
        operator: "Bool".to_owned(),
        key: "kms:GrantIsForAWSResource".to_owned(),
        values: vec!["true".to_owned()],
    }
}

fn equals(key: &str, value: String) -> Condition {
    Condition { operator: "StringEquals".to_owned(), key: key.to_owned(), values: vec![value] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_condition_has_the_documented_form() {
        let [_, attach] = RequiredStatement::documented();
        assert_eq!(
            attach.for_identity("S", &["arn".to_owned()])["Condition"],
            json!({"Bool": {"kms:GrantIsForAWSResource": "true"}})
        );
    }

    #[test]
    fn the_least_privilege_is_through_ec2_and_for_one_account() {
        let account = "444455556666".parse().unwrap();
        let [launch, grants] = RequiredStatement::through_ec2("eu-west-1", Some(account));
        let through =
            json!({"kms:ViaService": "ec2.eu-west-1.amazonaws.com", "kms:CallerAccount": "444455556666"});
        assert_eq!(launch.for_key_policy("S", &[])["Condition"], json!({"StringEquals": through}));
        assert_eq!(
            grants.for_key_policy("S", &[])["Condition"],
            json!({"Bool": {"kms:GrantIsForAWSResource": "true"}, "StringEquals": through})
        );
        assert!(!launch.action_set.contains(ActionSet::of_pattern("kms:Encrypt")));
    }
}
