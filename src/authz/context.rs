//! What is known of a request's context, and the questions asked of it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::arn::KeyArn;
use crate::policy::{ActionSet, KmsAction};

use super::principal::{Principal, PrincipalKind};

/// The condition keys of a request whose values are known.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// By name in lower case; no value at all where a key is known to be absent.
    values: BTreeMap<String, Vec<String>>,
    is_complete: bool,
}

impl Context {
    /// A context of which nothing is known but what follows from the principal and the key.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// A context in which keys that are not set are absent.
    pub fn complete() -> Self {
        Self { is_complete: true, ..Self::default() }
    }

    /// What is known when EC2 launches an instance in a region for somebody.
    ///
    /// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html>
    pub fn for_launch(region: &str) -> Self {
        Self::default()
            .with("kms:ViaService", [format!("ec2.{region}.amazonaws.com")])
            .with("kms:GrantIsForAWSResource", ["true"])
            .with("aws:SecureTransport", ["true"])
    }

    /// What is known when somebody creates a grant without an AWS service in between.
    ///
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html>
    pub fn for_grant<'o>(grantee: &str, operations: impl IntoIterator<Item = &'o str>) -> Self {
        Self::default()
            .with("kms:GranteePrincipal", [grantee])
            .with("kms:GrantOperations", operations)
            .with("kms:GrantIsForAWSResource", ["false"])
            .with::<String>("kms:GrantConstraintType", [])
            .with::<String>("kms:RetiringPrincipal", [])
            .with::<String>("kms:ViaService", [])
            .with("aws:SecureTransport", ["true"])
    }

    /// Sets a key to its values; without any it is known to be absent. The key's case does not count.
    pub fn set<V: Into<String>>(&mut self, key: &str, values: impl IntoIterator<Item = V>) {
        self.values.insert(key.to_ascii_lowercase(), values.into_iter().map(Into::into).collect());
    }

    /// As [`Context::set`], for building.
    #[must_use]
    pub fn with<V: Into<String>>(mut self, key: &str, values: impl IntoIterator<Item = V>) -> Self {
        self.set(key, values);
        self
    }

    /// Whether keys that are not set are absent, rather than unknown.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The names of the keys that are set, in lower case.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// The values of a key in lower case, if it is set.
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.values.get(key).map(Vec::as_slice)
    }
}

/// One question: may this principal do this with this key?
#[derive(Debug, Clone)]
pub struct Query<'q> {
    pub(crate) principal: &'q Principal,
    pub(crate) action: KmsAction,
    pub(crate) context: &'q Context,
    pub(crate) key: Key,
}

/// A key, with the texts that are compared.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) arn: KeyArn,
    arn_text: String,
    account_text: String,
}

impl<'q> Query<'q> {
    /// The question.
    pub fn new(principal: &'q Principal, action: KmsAction, key: &KeyArn, context: &'q Context) -> Self {
        let key = Key { arn: key.clone(), arn_text: key.to_string(), account_text: key.account.to_string() };
        Self { principal, action, context, key }
    }

    /// The same question about another action.
    #[must_use]
    pub fn about(mut self, action: KmsAction) -> Self {
        self.action = action;
        self
    }

    /// What the `Resource` element is compared with.
    pub(crate) fn resource(&self) -> &str {
        if self.action.is_keyless() { "*" } else { &self.key.arn_text }
    }

    /// What is known of a condition key.
    pub(crate) fn look_up(&self, key: &ConditionKey) -> Lookup<'_> {
        if key.derived == Some(Derived::GrantIsForAwsResource) && !has_grant_is_for_aws_resource(self.action)
        {
            return Lookup::Absent;
        }
        if let Some(values) = self.context.get(&key.name) {
            return Lookup::of(values);
        }
        let derived = key.derived.and_then(|derived| self.derive(derived));
        derived.unwrap_or(if self.context.is_complete { Lookup::Absent } else { Lookup::Unknown })
    }

    /// The value of a key that follows from the principal and the KMS key.
    fn derive(&self, derived: Derived) -> Option<Lookup<'_>> {
        let kind = self.principal.kind();
        match derived {
            Derived::PrincipalArn => match self.principal.role_of_unknown_path() {
                Some(name) => self.principal.arn().map(|arn| Lookup::RoleOfUnknownPath { arn, name }),
                None => self.principal.arn().map(Lookup::One),
            },
            Derived::PrincipalAccount => self.principal.home().map(|home| Lookup::One(&home.account_text)),
            Derived::ResourceAccount => Some(Lookup::One(&self.key.account_text)),
            Derived::RequestedRegion => Some(Lookup::One(&self.key.arn.region)),
            Derived::PrincipalIsAwsService => {
                Some(Lookup::One(if *kind == PrincipalKind::Service { "true" } else { "false" }))
            }
            Derived::PrincipalType => Some(Lookup::One(match kind {
                PrincipalKind::Root => "Account",
                PrincipalKind::User { .. } => "User",
                PrincipalKind::Role { .. } | PrincipalKind::Session { .. } => "AssumedRole",
                PrincipalKind::FederatedUser => "FederatedUser",
                PrincipalKind::Service => return None,
            })),
            Derived::UserName => match kind {
                PrincipalKind::User { name } => Some(Lookup::One(name)),
                PrincipalKind::Service => None,
                _ => Some(Lookup::Absent),
            },
            Derived::GrantIsForAwsResource => None,
        }
    }
}

/// The operations whose requests have the key.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-grant-is-for-aws-resource>
fn has_grant_is_for_aws_resource(action: KmsAction) -> bool {
    ["CreateGrant", "ListGrants", "RevokeGrant"].contains(&action.name())
}

/// Whether nothing but the statements about them tells two actions apart.
pub(super) fn are_of_one_kind(one: KmsAction, other: KmsAction) -> bool {
    static KINDS: LazyLock<[ActionSet; 4]> = LazyLock::new(|| {
        let set = |is_of_kind: fn(KmsAction) -> bool| {
            let members = KmsAction::all().filter(|action| is_of_kind(*action));
            members.map(KmsAction::set).fold(ActionSet::EMPTY, ActionSet::union)
        };
        [
            set(KmsAction::works_across_accounts),
            set(KmsAction::is_keyless),
            set(|action| action.name() == "RetireGrant"),
            set(has_grant_is_for_aws_resource),
        ]
    });
    KINDS.iter().all(|kind| kind.contains(one.set()) == kind.contains(other.set()))
}

/// A condition key as it is looked up.
#[derive(Debug, Clone)]
pub(crate) struct ConditionKey {
    /// As written.
    pub(crate) text: String,
    /// In lower case: case does not count.
    name: String,
    derived: Option<Derived>,
}

/// A key whose value follows from the principal, the action or the KMS key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Derived {
    PrincipalArn,
    PrincipalAccount,
    PrincipalType,
    PrincipalIsAwsService,
    UserName,
    ResourceAccount,
    RequestedRegion,
    GrantIsForAwsResource,
}

impl ConditionKey {
    pub(crate) fn new(text: &str) -> Self {
        let name = text.to_ascii_lowercase();
        let derived = match name.as_str() {
            "aws:principalarn" => Some(Derived::PrincipalArn),
            "aws:principalaccount" | "kms:calleraccount" => Some(Derived::PrincipalAccount),
            "aws:principaltype" => Some(Derived::PrincipalType),
            "aws:principalisawsservice" => Some(Derived::PrincipalIsAwsService),
            "aws:username" => Some(Derived::UserName),
            "aws:resourceaccount" => Some(Derived::ResourceAccount),
            "aws:requestedregion" => Some(Derived::RequestedRegion),
            "kms:grantisforawsresource" => Some(Derived::GrantIsForAwsResource),
            _ => None,
        };
        Self { text: text.to_owned(), name, derived }
    }

    /// Whether this is `aws:PrincipalArn`.
    pub(crate) fn is_principal_arn(&self) -> bool {
        self.derived == Some(Derived::PrincipalArn)
    }
}

/// What is known of a condition key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lookup<'a> {
    /// The request does not have it.
    Absent,
    /// It has one value.
    One(&'a str),
    /// The ARN of a session's role as if it had no path; it may have one.
    RoleOfUnknownPath { arn: &'a str, name: &'a str },
    /// It has several values.
    Many(&'a [String]),
    /// Whether it is there, and with what value, is not known.
    Unknown,
}

impl<'a> Lookup<'a> {
    fn of(values: &'a [String]) -> Self {
        match values {
            [] => Self::Absent,
            [only] => Self::One(only),
            several => Self::Many(several),
        }
    }
}
