//! What is known of a request's context, and the questions asked of it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::LazyLock;

use crate::arn::{Affiliation, KeyArn};
use crate::policy::{ActionSet, KmsAction};

use super::occasion::{Cell, Occasion, Requests, Row};
use super::principal::{Principal, PrincipalKind};

/// The condition keys of a request whose values are known.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// By name in lower case; no value at all where a key is known to be absent.
    values: BTreeMap<String, Vec<String>>,
    is_complete: bool,
    /// Whose calls in a launch these are, which fixes the keys that are not set.
    occasion: Option<Occasion>,
    /// The ARN of the role of the caller's own account that a grant is for, with `*` for the account.
    own_grantee: Option<String>,
}

impl Context {
    /// A context of which nothing is known but what follows from the principal and the key.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// A context in which keys that are not set are absent, but for those that every request has.
    pub fn complete() -> Self {
        Self { is_complete: true, ..Self::default() }
    }

    /// What is known when EC2 launches or starts an instance in a region for somebody: what [`Occasion::Launch`] fixes.
    ///
    /// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html>
    pub fn for_launch(region: &str) -> Self {
        let context = Self { occasion: Some(Occasion::Launch), ..Self::default() };
        match via_ec2(region) {
            Some(service) => context.with("kms:ViaService", [service]),
            None => context,
        }
    }

    /// What is known when an instance's identity-only role decrypts a volume's data key: what
    /// [`Occasion::Instance`] fixes. The grant that EC2 made for it is taken to be there.
    ///
    /// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html#ebs-encryption-instance-permissions>
    pub fn for_instance() -> Self {
        Self { occasion: Some(Occasion::Instance), ..Self::default() }
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
            .with("aws:ViaAWSService", ["false"])
    }

    /// What is known when somebody creates such a grant for a role of the account that it is itself of, whichever that
    /// is: `*` stands for the account in the role's ARN.
    pub fn for_own_grant<'o>(role: &str, operations: impl IntoIterator<Item = &'o str>) -> Self {
        let mut context = Self { own_grantee: Some(role.to_owned()), ..Self::for_grant(role, operations) };
        context.forget("kms:GranteePrincipal");
        context
    }

    /// Sets a key to its values; without any it is known to be absent. The key's case does not count.
    pub fn set<V: Into<String>>(&mut self, key: &str, values: impl IntoIterator<Item = V>) {
        self.values.insert(key.to_ascii_lowercase(), values.into_iter().map(Into::into).collect());
    }

    /// Takes a key for unknown, whatever it was set to.
    pub fn forget(&mut self, key: &str) {
        self.values.remove(&key.to_ascii_lowercase());
    }

    /// As [`Context::set`], for building.
    #[must_use]
    pub fn with<V: Into<String>>(mut self, key: &str, values: impl IntoIterator<Item = V>) -> Self {
        self.set(key, values);
        self
    }

    /// Whose calls in a launch these are.
    pub fn occasion(&self) -> Option<Occasion> {
        self.occasion
    }

    /// Whether what somebody tells of a key is about these requests: of the identity-only role's only what goes for
    /// whoever is of its account.
    pub fn heeds(&self, key: &str) -> bool {
        match self.occasion {
            Some(Occasion::Instance) => Occasion::Instance.is_asked(key),
            Some(Occasion::Launch) | None => true,
        }
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
    pub(crate) key: Rc<QueriedKey>,
}

/// A key, with the texts that are compared.
#[derive(Debug, Clone)]
pub(crate) struct QueriedKey {
    pub(crate) arn: KeyArn,
    arn_text: String,
    /// Whether it stands for a key that is not known, so that nothing follows from it.
    is_unknown: bool,
}

impl QueriedKey {
    pub(crate) fn new(arn: &KeyArn) -> Rc<Self> {
        Rc::new(Self { arn: arn.clone(), arn_text: arn.to_string(), is_unknown: arn.is_unknown() })
    }
}

impl<'q> Query<'q> {
    /// The question.
    pub fn new(principal: &'q Principal, action: KmsAction, key: &KeyArn, context: &'q Context) -> Self {
        Self::of(principal, action, QueriedKey::new(key), context)
    }

    /// The question about a key that others are about, too.
    pub(crate) fn of(
        principal: &'q Principal,
        action: KmsAction,
        key: Rc<QueriedKey>,
        context: &'q Context,
    ) -> Self {
        Self { principal, action, context, key }
    }

    /// The same question about another action.
    #[must_use]
    pub fn about(&self, action: KmsAction) -> Self {
        Self { action, key: Rc::clone(&self.key), ..*self }
    }

    /// What the `Resource` element is compared with.
    pub(crate) fn resource(&self) -> &str {
        if self.action.is_keyless() { "*" } else { &self.key.arn_text }
    }

    /// Whether it is about a key, and which one is not known.
    pub(crate) fn is_of_unknown_key(&self) -> bool {
        self.key.is_unknown && !self.action.is_keyless()
    }

    /// What is known of a condition key.
    pub(crate) fn look_up(&self, key: &ConditionKey) -> Lookup<'_> {
        let is_carried = key.row.is_none_or(|row| row.requests.include(self.action));
        if key.derived == Some(Derived::GrantIsForAwsResource) && !is_carried {
            return Lookup::Absent;
        }
        let of_member = key.derived.and_then(|derived| self.of_member(derived));
        match (of_member, self.context.get(&key.name)) {
            // What a member is by being one nobody can tell otherwise.
            (Some(found), given) if given.is_none() || !found.is_open() => return found,
            (_, Some(values)) => return Lookup::of(values),
            (_, None) => {}
        }
        let fixed = key.row.zip(self.context.occasion).and_then(|(row, occasion)| {
            if is_carried { self.fixed(row.on(occasion)) } else { Some(Lookup::Absent) }
        });
        let is_there = key.row.is_some_and(|row| row.is_always_there);
        fixed.or_else(|| key.derived.and_then(|derived| self.derive(derived))).unwrap_or(match key.derived {
            None | Some(Derived::ViaAwsService | Derived::GranteePrincipal) if is_there => Lookup::Present,
            _ if self.context.is_complete => Lookup::Absent,
            _ => Lookup::Unknown,
        })
    }

    /// What a launch makes of a key, if anything.
    fn fixed(&self, cell: Cell) -> Option<Lookup<'static>> {
        match cell {
            Cell::Is(value) => Some(Lookup::One(value)),
            Cell::Absent => Some(Lookup::Absent),
            Cell::AbsentOr(value) => Some(Lookup::AbsentOr(value)),
            Cell::Elsewhere => Some(Lookup::Elsewhere),
            Cell::OfSession if !self.principal.has_session_of_user() => Some(Lookup::Absent),
            Cell::OfSession | Cell::Follows | Cell::Asked | Cell::Open(_) => None,
        }
    }

    /// What is known of a key that follows from the principal, where that is somebody of some account of an organization.
    fn of_member(&self, derived: Derived) -> Option<Lookup<'_>> {
        let member = self.principal.membership()?;
        match derived {
            Derived::PrincipalOrgId => Some(Lookup::One(&member.organization)),
            Derived::PrincipalOrgPaths => Some(Lookup::Like(&member.path_pattern)),
            Derived::PrincipalAccount => Some(Lookup::OtherThan(&member.other_than)),
            Derived::PrincipalArn => Some(self.principal.arn().map_or(Lookup::Present, Lookup::Like)),
            Derived::PrincipalType if *self.principal.kind() == PrincipalKind::Member => {
                Some(Lookup::Present)
            }
            Derived::UserName if *self.principal.kind() == PrincipalKind::Member => Some(Lookup::Unknown),
            Derived::PrincipalType
            | Derived::PrincipalIsAwsService
            | Derived::UserName
            | Derived::ResourceAccount
            | Derived::RequestedRegion
            | Derived::SecureTransport
            | Derived::ViaAwsService
            | Derived::GranteePrincipal
            | Derived::GrantIsForAwsResource => None,
        }
    }

    /// The value of a key that follows from the principal and the KMS key.
    fn derive(&self, derived: Derived) -> Option<Lookup<'_>> {
        let kind = self.principal.kind();
        match derived {
            Derived::PrincipalArn => {
                let arn = self.principal.arn()?;
                Some(match (kind, self.principal.role_of_unknown_path()) {
                    (PrincipalKind::IdentityOnly, _) => Lookup::IdentityOnlyRole(arn),
                    (_, Some(name)) => Lookup::RoleOfUnknownPath { arn, name },
                    (_, None) => Lookup::One(arn),
                })
            }
            Derived::PrincipalAccount => self.principal.home().map(|home| Lookup::One(home.account.as_str())),
            Derived::ResourceAccount | Derived::RequestedRegion if self.key.is_unknown => {
                Some(Lookup::Unknown)
            }
            Derived::ResourceAccount => Some(Lookup::One(self.key.arn.account.as_str())),
            Derived::RequestedRegion => Some(Lookup::One(&self.key.arn.region)),
            Derived::PrincipalIsAwsService => {
                Some(Lookup::One(if *kind == PrincipalKind::Service { "true" } else { "false" }))
            }
            Derived::PrincipalType => Some(Lookup::One(match kind {
                PrincipalKind::Root => "Account",
                PrincipalKind::User { .. } => "User",
                PrincipalKind::Role { .. } | PrincipalKind::Session { .. } | PrincipalKind::IdentityOnly => {
                    "AssumedRole"
                }
                PrincipalKind::FederatedUser => "FederatedUser",
                PrincipalKind::Service | PrincipalKind::Member => return None,
            })),
            Derived::UserName => match kind {
                PrincipalKind::User { name } => Some(Lookup::One(name)),
                PrincipalKind::Service | PrincipalKind::Member => None,
                _ => Some(Lookup::Absent),
            },
            // "This key is included in the request context only if the principal is a member of an organization."
            Derived::PrincipalOrgId | Derived::PrincipalOrgPaths if *kind == PrincipalKind::Service => {
                Some(Lookup::Absent)
            }
            Derived::PrincipalOrgId => Some(match self.principal.affiliation()? {
                Affiliation::Member(known) => Lookup::One(known.organization.as_str()),
                Affiliation::Independent => Lookup::Absent,
            }),
            Derived::PrincipalOrgPaths => Some(match self.principal.affiliation()? {
                Affiliation::Member(known) => known.path.as_deref().map_or(Lookup::Present, Lookup::One),
                Affiliation::Independent => Lookup::Absent,
            }),
            // "AWS KMS supports only Transport Layer Security."
            // https://docs.aws.amazon.com/kms/latest/developerguide/infrastructure-security.html
            Derived::SecureTransport => Some(Lookup::One("true")),
            Derived::ViaAwsService => {
                let services = self.context.get("kms:viaservice")?;
                (!services.is_empty()).then_some(Lookup::One("true"))
            }
            Derived::GranteePrincipal => self.context.own_grantee.as_deref().map(Lookup::OfOwnAccount),
            Derived::GrantIsForAwsResource => None,
        }
    }
}

/// The value of `kms:ViaService` for EC2, where AWS documents it: of other partitions it tells no suffix.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service>
fn via_ec2(region: &str) -> Option<String> {
    let is_elsewhere =
        ["cn-", "us-iso", "eu-iso", "eusc-"].iter().any(|beginning| region.starts_with(beginning));
    (!is_elsewhere).then(|| format!("ec2.{region}.amazonaws.com"))
}

/// Whether nothing but the statements about them tells two actions apart.
pub(super) fn are_of_one_kind(one: KmsAction, other: KmsAction) -> bool {
    /// Of each action, those that are of its kind.
    static ALIKE: LazyLock<BTreeMap<KmsAction, ActionSet>> = LazyLock::new(|| {
        let kinds = |action: KmsAction| {
            let limited = Requests::LIMITED.map(|requests| requests.include(action));
            (action.works_across_accounts(), action.is_keyless(), action.is_retirement(), limited)
        };
        let alike = |one: KmsAction| KmsAction::all().filter(move |other| kinds(one) == kinds(*other));
        let set = |one| alike(one).map(KmsAction::set).fold(ActionSet::EMPTY, ActionSet::union);
        KmsAction::all().map(|one| (one, set(one))).collect()
    });
    ALIKE.get(&one).is_some_and(|alike| alike.contains(other.set()))
}

/// A condition key as it is looked up.
#[derive(Debug, Clone)]
pub(crate) struct ConditionKey {
    /// As written.
    pub(crate) text: String,
    /// In lower case: case does not count.
    name: String,
    derived: Option<Derived>,
    /// What a launch makes of it.
    row: Option<&'static Row>,
}

/// A key whose value follows from the principal, the action or the KMS key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Derived {
    PrincipalArn,
    PrincipalAccount,
    PrincipalType,
    PrincipalIsAwsService,
    PrincipalOrgId,
    PrincipalOrgPaths,
    UserName,
    ResourceAccount,
    RequestedRegion,
    SecureTransport,
    ViaAwsService,
    GranteePrincipal,
    GrantIsForAwsResource,
}

impl ConditionKey {
    pub(crate) fn new(text: &str) -> Self {
        let name = text.to_ascii_lowercase();
        let derived = match name.as_str() {
            "aws:principalarn" => Some(Derived::PrincipalArn),
            "aws:principalaccount" | "kms:calleraccount" => Some(Derived::PrincipalAccount),
            "aws:principaltype" => Some(Derived::PrincipalType),
            "aws:principalorgid" => Some(Derived::PrincipalOrgId),
            "aws:principalorgpaths" => Some(Derived::PrincipalOrgPaths),
            "aws:principalisawsservice" => Some(Derived::PrincipalIsAwsService),
            "aws:username" => Some(Derived::UserName),
            "aws:resourceaccount" => Some(Derived::ResourceAccount),
            "aws:requestedregion" => Some(Derived::RequestedRegion),
            "aws:securetransport" => Some(Derived::SecureTransport),
            "aws:viaawsservice" => Some(Derived::ViaAwsService),
            "kms:granteeprincipal" => Some(Derived::GranteePrincipal),
            "kms:grantisforawsresource" => Some(Derived::GrantIsForAwsResource),
            _ => None,
        };
        Self { text: text.to_owned(), row: Row::of(&name), name, derived }
    }

    /// Which requests alone have the key, where those of an action never do.
    pub(crate) fn others_alone_have_it(&self, action: KmsAction) -> Option<&'static str> {
        self.row.filter(|row| !row.requests.include(action))?.requests.in_words()
    }

    /// Whether it tells of the principal's organization.
    pub(crate) fn is_of_organizations(&self) -> bool {
        matches!(self.derived, Some(Derived::PrincipalOrgId | Derived::PrincipalOrgPaths))
    }

    /// Whether this is `aws:PrincipalAccount`.
    pub(crate) fn is_principal_account(&self) -> bool {
        self.name == "aws:principalaccount"
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
    /// The ARN of an identity-only role, which AWS's pages give with and without the instance's id behind it.
    IdentityOnlyRole(&'a str),
    /// It has several values.
    Many(&'a [String]),
    /// It has one value, which is not known but for that it matches this pattern.
    Like(&'a str),
    /// It has one value: this pattern with the caller's own account, which may not be known, for its `*`.
    OfOwnAccount(&'a str),
    /// It has one value, which is not known but for that it is not this one.
    OtherThan(&'a str),
    /// It is absent or has this value.
    AbsentOr(&'a str),
    /// It is absent, or has a value that is none of anybody's own networks.
    Elsewhere,
    /// It is there, and with what value is not known.
    Present,
    /// Whether it is there, and with what value, is not known.
    Unknown,
}

impl<'a> Lookup<'a> {
    /// Whether more may come to be known of it.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Absent | Self::One(_) | Self::Many(_) => false,
            Self::RoleOfUnknownPath { .. }
            | Self::IdentityOnlyRole(_)
            | Self::AbsentOr(_)
            | Self::Like(_)
            | Self::OfOwnAccount(_)
            | Self::OtherThan(_)
            | Self::Elsewhere
            | Self::Present
            | Self::Unknown => true,
        }
    }

    fn of(values: &'a [String]) -> Self {
        match values {
            [] => Self::Absent,
            [only] => Self::One(only),
            several => Self::Many(several),
        }
    }
}
