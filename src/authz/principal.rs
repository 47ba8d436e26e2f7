//! Who makes a request.

use std::fmt;
use std::str::FromStr;

use crate::arn::{
    AccountId, Affiliation, ArnError, ArnParts, EntityArn, EntityKind, IDENTITY_ONLY_ROLE, Members,
    Partition, SessionArn,
};

/// The principal of a request.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    kind: PrincipalKind,
    /// As it stands in a policy's `Principal` element.
    name: String,
    home: Option<Home>,
    /// Where it belongs as far as that is known of whoever is of some account of an organization.
    membership: Option<Membership>,
    /// Where its account stands in AWS Organizations, where that is known.
    affiliation: Option<Affiliation>,
}

/// What kind of principal it is, which decides what limits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalKind {
    /// The root user of an account.
    Root,
    /// An IAM user.
    User {
        /// The friendly name.
        name: String,
    },
    /// A role, standing for any session of it whose name is not known.
    Role {
        /// Whether an AWS service made it for itself.
        is_service_linked: bool,
    },
    /// One session of a role.
    Session {
        /// The role's name.
        role_name: String,
        /// The role's ARN; where the path is not known, as if it had none.
        role_arn: String,
        /// Whether the role's path is known: a session's ARN leaves it out.
        is_path_known: bool,
        /// Whether an AWS service made the role for itself.
        is_service_linked: bool,
    },
    /// A session that `GetFederationToken` gave.
    FederatedUser,
    /// An instance's identity-only role, whose credentials nobody has and which has no policies of its own.
    IdentityOnly,
    /// An AWS service, such as `ec2.amazonaws.com`.
    Service,
    /// Somebody of some account of an organization, whose own account's policies are taken to allow everything, as the root
    /// user's are.
    Member,
}

/// Some account of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) organization: String,
    /// What its path in the organization is like.
    pub(crate) path_pattern: String,
    /// The account that it is not.
    pub(crate) other_than: String,
}

impl Membership {
    fn new(members: &Members, other_than: AccountId) -> Self {
        Self {
            organization: members.organization().to_string(),
            path_pattern: members.path_pattern(),
            other_than: other_than.to_string(),
        }
    }
}

/// Where a principal of IAM belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) partition: Partition,
    pub(crate) account: AccountId,
}

impl Principal {
    fn at_home(kind: PrincipalKind, name: String, home: Home) -> Self {
        Self { kind, name, home: Some(home), membership: None, affiliation: None }
    }

    fn homeless(kind: PrincipalKind, name: String) -> Self {
        Self { kind, name, home: None, membership: None, affiliation: None }
    }

    /// The same, with what is known of its account's place in AWS Organizations.
    #[must_use]
    pub fn affiliated(self, affiliation: Option<&Affiliation>) -> Self {
        Self { affiliation: affiliation.cloned(), ..self }
    }

    /// Somebody of one of the accounts of an organization or OU, but for one account: which and who is not known.
    pub fn member(members: &Members, other_than: AccountId) -> Self {
        let membership = Some(Membership::new(members, other_than));
        Self { membership, ..Self::homeless(PrincipalKind::Member, members.to_string()) }
    }

    /// The identity-only role of the instances of such an account; `*` stands for the account in its name.
    pub fn identity_only_of_member(partition: Partition, members: &Members, other_than: AccountId) -> Self {
        let membership = Some(Membership::new(members, other_than));
        let name = format!("arn:{partition}:iam::*:role/{IDENTITY_ONLY_ROLE}");
        Self { membership, ..Self::homeless(PrincipalKind::IdentityOnly, name) }
    }

    /// The root user of an account.
    pub fn root(partition: Partition, account: AccountId) -> Self {
        let home = Home { partition, account };
        let arn = format!("arn:{partition}:iam::{account}:root");
        Self::at_home(PrincipalKind::Root, arn, home)
    }

    /// A user or a role.
    ///
    /// # Errors
    /// A group makes no requests.
    pub fn entity(entity: &EntityArn) -> Result<Self, ArnError> {
        match entity.kind {
            EntityKind::User | EntityKind::Role => Ok(Self::one_of(entity)),
            EntityKind::Group => Err(not_a_principal(&entity.to_string())),
        }
    }

    /// A user or a role; of a group some user, with a name that no user can have and so no policy names.
    pub fn one_of(entity: &EntityArn) -> Self {
        let home = Home { partition: entity.partition, account: entity.account };
        let named =
            |name: String| EntityArn { kind: EntityKind::User, path: "/".to_owned(), name, ..entity.clone() };
        match entity.kind {
            EntityKind::User => {
                Self::at_home(PrincipalKind::User { name: entity.name.clone() }, entity.to_string(), home)
            }
            EntityKind::Role => {
                let kind = PrincipalKind::Role { is_service_linked: entity.is_service_linked_role() };
                Self::at_home(kind, entity.to_string(), home)
            }
            EntityKind::Group => Self::one_of(&named(format!("(a user of {})", entity.name))),
        }
    }

    /// A session of a role; the role's path, such as `/team/`, where it is known.
    pub fn session(session: &SessionArn, role_path: Option<&str>) -> Self {
        let role = EntityArn {
            partition: session.partition,
            account: session.account,
            kind: EntityKind::Role,
            path: role_path.unwrap_or("/").to_owned(),
            name: session.role_name.clone(),
        };
        let kind = PrincipalKind::Session {
            role_name: session.role_name.clone(),
            role_arn: role.to_string(),
            is_path_known: role_path.is_some(),
            is_service_linked: role.is_service_linked_role()
                || (role_path.is_none() && role.name.starts_with("AWSServiceRoleFor")),
        };
        let home = Home { partition: session.partition, account: session.account };
        Self::at_home(kind, session.to_string(), home)
    }

    /// The identity-only role of an account's instances: `arn:PARTITION:iam::ACCOUNT:role/aws:ec2-infrastructure`.
    ///
    /// It is in no IAM console, and nobody manages it; key policies, service control policies and resource control
    /// policies apply to it.
    ///
    /// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html#ebs-encryption-instance-permissions>
    pub fn identity_only(partition: Partition, account: AccountId) -> Self {
        let name = format!("arn:{partition}:iam::{account}:role/{IDENTITY_ONLY_ROLE}");
        Self::at_home(PrincipalKind::IdentityOnly, name, Home { partition, account })
    }

    /// An AWS service, by the name that policies have for it.
    pub fn service(name: impl Into<String>) -> Self {
        Self::homeless(PrincipalKind::Service, name.into())
    }

    /// What kind of principal it is.
    pub fn kind(&self) -> &PrincipalKind {
        &self.kind
    }

    /// The account it belongs to, where that is known; a service belongs to none.
    pub fn account(&self) -> Option<AccountId> {
        self.home.as_ref().map(|home| home.account)
    }

    /// The partition it belongs to, where that is known; a service is in each.
    pub fn partition(&self) -> Option<Partition> {
        self.home.as_ref().map(|home| home.partition)
    }

    /// As it stands in a policy's `Principal` element.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of `aws:PrincipalArn`: for a session its role's ARN.
    pub fn arn(&self) -> Option<&str> {
        match &self.kind {
            PrincipalKind::Session { role_arn, .. } => Some(role_arn),
            PrincipalKind::Service | PrincipalKind::Member => None,
            _ => Some(&self.name),
        }
    }

    /// The name of the role whose path is not known, of a session.
    pub(crate) fn role_of_unknown_path(&self) -> Option<&str> {
        match &self.kind {
            PrincipalKind::Session { role_name, is_path_known: false, .. } => Some(role_name),
            _ => None,
        }
    }

    /// Whether it is, or is a session of, a role that an AWS service made for itself.
    pub fn is_service_linked(&self) -> bool {
        matches!(
            self.kind,
            PrincipalKind::Role { is_service_linked: true }
                | PrincipalKind::Session { is_service_linked: true, .. }
        )
    }

    /// Whether it acts in a session that somebody made and knows.
    pub(crate) fn has_session_of_user(&self) -> bool {
        match self.kind {
            PrincipalKind::Role { is_service_linked } | PrincipalKind::Session { is_service_linked, .. } => {
                !is_service_linked
            }
            // Whether a member that is not told has one is not known: nothing is taken to be absent for that.
            PrincipalKind::FederatedUser | PrincipalKind::Member => true,
            PrincipalKind::Root
            | PrincipalKind::User { .. }
            | PrincipalKind::IdentityOnly
            | PrincipalKind::Service => false,
        }
    }

    pub(crate) fn affiliation(&self) -> Option<&Affiliation> {
        self.affiliation.as_ref()
    }

    pub(crate) fn membership(&self) -> Option<&Membership> {
        self.membership.as_ref()
    }

    /// Whether its own account's policies are not asked.
    pub(crate) fn is_above_iam(&self) -> bool {
        matches!(self.kind, PrincipalKind::Root | PrincipalKind::Member)
    }

    pub(crate) fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Principal {
    type Err = ArnError;

    /// Reads the ARN of a root, user, role or session, an account id or the name of a service.
    fn from_str(text: &str) -> Result<Self, ArnError> {
        if !text.starts_with("arn:") {
            if is_service_name(text) {
                return Ok(Self::service(text));
            }
            return text.parse().map(|account| Self::root(Partition::Aws, account));
        }
        let parts = ArnParts::parse(text)?;
        match (parts.service, parts.resource) {
            ("iam" | "sts", resource) if is_identity_only(resource) => {
                Ok(Self::identity_only(parts.partition, parts.account.parse()?))
            }
            ("iam", "root") => Ok(Self::root(parts.partition, parts.account.parse()?)),
            ("iam", _) => Self::entity(&EntityArn::of_parts(parts, text)?),
            ("sts", resource) if resource.starts_with("federated-user/") => {
                let home = Home { partition: parts.partition, account: parts.account.parse()? };
                Ok(Self::at_home(PrincipalKind::FederatedUser, text.to_owned(), home))
            }
            ("sts", _) => text.parse().map(|session| Self::session(&session, None)),
            _ => Err(not_a_principal(text)),
        }
    }
}

/// `role/aws:ec2-infrastructure`, and with an instance's id behind it; a session of it likewise.
fn is_identity_only(resource: &str) -> bool {
    let name = resource.strip_prefix("role/").or_else(|| resource.strip_prefix("assumed-role/"));
    let rest = name.and_then(|name| name.strip_prefix(IDENTITY_ONLY_ROLE));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn not_a_principal(text: &str) -> ArnError {
    ArnError::Kind { arn: text.to_owned(), wanted: "a root, user, role or session" }
}

/// `ec2.amazonaws.com`, `ec2.amazonaws.com.cn`, `delivery.logs.amazonaws.com`.
fn is_service_name(text: &str) -> bool {
    [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".aws.internal"]
        .iter()
        .any(|suffix| text.strip_suffix(suffix).is_some_and(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(text: &str) -> Principal {
        text.parse().unwrap()
    }

    #[test]
    fn kinds() {
        assert_eq!(*principal("arn:aws:iam::111122223333:root").kind(), PrincipalKind::Root);
        assert_eq!(principal("111122223333"), principal("arn:aws:iam::111122223333:root"));
        assert_eq!(*principal("ec2.amazonaws.com").kind(), PrincipalKind::Service);
        let linked =
            "arn:aws:iam::111122223333:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot";
        assert!(principal(linked).is_service_linked());
        let session = principal("arn:aws:sts::111122223333:assumed-role/app/s");
        assert_eq!(session.arn(), Some("arn:aws:iam::111122223333:role/app"));
        assert_eq!(session.role_of_unknown_path(), Some("app"));
        for text in [
            "arn:aws:iam::111122223333:role/aws:ec2-infrastructure",
            "arn:aws:iam::111122223333:role/aws:ec2-infrastructure/i-0a0a0a0a0a0a0a0a0",
            "arn:aws:sts::111122223333:assumed-role/aws:ec2-infrastructure/i-0a0a0a0a0a0a0a0a0",
        ] {
            let role = Principal::identity_only(Partition::Aws, "111122223333".parse().unwrap());
            assert_eq!(principal(text), role);
            assert_eq!(role.arn(), Some("arn:aws:iam::111122223333:role/aws:ec2-infrastructure"));
        }
        assert!("arn:aws:iam::111122223333:role/aws:ec2-infrastructures".parse::<Principal>().is_err());
        let federated = principal("arn:aws:sts::111122223333:federated-user/jo");
        assert_eq!(*federated.kind(), PrincipalKind::FederatedUser);
        assert_eq!(
            "arn:aws:iam::111122223333:group/ops".parse::<Principal>().unwrap_err().to_string(),
            "`arn:aws:iam::111122223333:group/ops` is not the ARN of a root, user, role or session"
        );
        assert!("arn:aws:s3:::bucket".parse::<Principal>().is_err());
        assert!("nobody".parse::<Principal>().is_err());
    }
}
