//! Callers that access can't be given to, and why: whoever can't be told to be a user or a role is never its account.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GranteeRef;
use crate::arn::{AccountId, ArnParts, EntityKind, IDENTITY_ONLY_ROLE, Partition};
use crate::policy::AwsPrincipal;

/// Why a caller is no grantee.
///
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoGrantee {
    /// The instance's identity-only role.
    IdentityOnlyRole,
    /// A role that AWS keeps for itself, by its name.
    AwsOwnRole,
    /// An account, or its root user.
    Account,
    /// A federated or web identity session, without the user or role behind it.
    Federated,
    /// An AWS service.
    Service,
    /// A unique id, without the ARN that it stands for.
    IdAlone,
    /// A group.
    Group,
    /// Anything else.
    Unknown,
}

impl NoGrantee {
    /// Whom a text names: a user, a role, or the session of one; else why nobody can be let in by it.
    ///
    /// # Errors
    /// It names nobody, or somebody who can be no grantee.
    pub fn or_grantee(text: &str) -> Result<GranteeRef, Self> {
        // With an instance's id behind it, an ARN of EC2's role could be of a role in a folder of that name.
        if let Some(name) = own_role(text) {
            return Err(if name == IDENTITY_ONLY_ROLE { Self::IdentityOnlyRole } else { Self::AwsOwnRole });
        }
        match AwsPrincipal::parse(text) {
            AwsPrincipal::Entity(entity) if entity.kind == EntityKind::Group => Err(Self::Group),
            AwsPrincipal::Entity(entity) => Ok(GranteeRef::Entity(entity)),
            AwsPrincipal::Session(session) => Ok(GranteeRef::Session(session)),
            AwsPrincipal::Account { .. } => Err(Self::Account),
            AwsPrincipal::UniqueId(_) => Err(Self::IdAlone),
            AwsPrincipal::Anyone => Err(Self::Unknown),
            AwsPrincipal::Other(text) => Err(Self::of_another_form(&text)),
        }
    }

    fn of_another_form(text: &str) -> Self {
        const SERVICES: [&str; 4] = [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".aws.internal"];
        let is_federated = |parts: ArnParts<'_>| {
            parts.service == "sts" && parts.resource.split('/').next() == Some("federated-user")
        };
        // `AROA…:SESSION`: the principalId of a session.
        let is_id = |id: &str| matches!(AwsPrincipal::parse(id), AwsPrincipal::UniqueId(_));
        match ArnParts::parse(text) {
            Ok(parts) if is_federated(parts) => Self::Federated,
            Err(_) if SERVICES.iter().any(|end| text.ends_with(end)) => Self::Service,
            Err(_) if text.split(':').next().is_some_and(is_id) => Self::IdAlone,
            _ => Self::Unknown,
        }
    }

    /// What to do, as a fragment; the account is the caller's, where it is told.
    pub fn way_out(self, account: Option<AccountId>) -> String {
        let account = account.map_or("ID".to_owned(), |account| account.to_string());
        match self {
            Self::IdentityOnlyRole => {
                "name whoever launches with --principal: EC2 makes the grant for this role on its behalf"
                    .to_owned()
            }
            Self::Account => {
                format!(
                    "name the user or role with --principal; to let in the account as a whole: --account {account}"
                )
            }
            Self::Federated => {
                "name the user or role that the session was made with: --principal ARN".to_owned()
            }
            Self::Service | Self::AwsOwnRole => {
                "name whoever launches: --principal ARN, --autoscaling ACCOUNT or --spot ACCOUNT".to_owned()
            }
            Self::IdAlone => {
                format!(
                    "the event in the caller's account {account} tells the ARN; name it with --principal ARN"
                )
            }
            Self::Group => "name its users with --principal, or let in the group: --group ARN".to_owned(),
            Self::Unknown => "name the user or role with --principal ARN".to_owned(),
        }
    }
}

impl fmt::Display for NoGrantee {
    /// A fragment that follows the caller's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IdentityOnlyRole => {
                "is the instance's identity-only role: EC2's own, which has no policies and can't be managed"
            }
            Self::AwsOwnRole => "is a role of AWS's own, which can't be managed",
            Self::Account => "is an account's root user, and no user or role",
            Self::Federated => "is a federated session, and the user or role behind it is not told",
            Self::Service => "is an AWS service, and no user or role",
            Self::IdAlone => "is told by a unique id alone, and not by the ARN that it stands for",
            Self::Group => "is a group, which calls nothing itself",
            Self::Unknown => "is no user, no role and no session of one",
        })
    }
}

/// The ARN that stands in `aws:PrincipalArn` when the identity-only role of an account's instances calls; `*` for that of
/// every account.
pub fn identity_only_role(partition: Partition, account: &dyn fmt::Display) -> String {
    format!("arn:{partition}:iam::{account}:role/{IDENTITY_ONLY_ROLE}")
}

/// The name of a role that AWS keeps for itself; IAM allows no colon in names.
///
/// It stands in an ARN of the role or of a session, or as `ACCOUNT:NAME` with the session's name behind it.
fn own_role(text: &str) -> Option<&str> {
    let name = match ArnParts::parse(text) {
        Ok(parts) if parts.service == "iam" => parts.resource.strip_prefix("role/")?.split('/').next()?,
        Ok(parts) if parts.service == "sts" => {
            parts.resource.strip_prefix("assumed-role/")?.split('/').next()?
        }
        Ok(_) => return None,
        Err(_) => {
            let (account, rest) = text.split_once(':')?;
            account.parse::<AccountId>().ok()?;
            // The colon within the name is the first, that before the session the second.
            rest.match_indices(':').nth(1).and_then(|(end, _)| rest.get(..end)).unwrap_or(rest)
        }
    };
    name.starts_with("aws:").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_be_a_grantee_and_who_can_not() {
        use NoGrantee::{Account, AwsOwnRole, Federated, Group, IdAlone, IdentityOnlyRole, Service, Unknown};
        for (text, expected) in [
            ("arn:aws:iam::444455556666:role/team/app", None),
            ("arn:aws:iam::444455556666:user/jo", None),
            ("arn:aws:sts::444455556666:assumed-role/app/session", None),
            (
                "arn:aws:iam::444455556666:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot",
                None,
            ),
            (
                "arn:aws:sts::444455556666:assumed-role/aws:ec2-infrastructure/i-0a0a0a0a0a0a0a0a0",
                Some(IdentityOnlyRole),
            ),
            ("arn:aws-cn:sts::444455556666:assumed-role/aws:ec2-infrastructure", Some(IdentityOnlyRole)),
            ("arn:aws:iam::444455556666:role/aws:ec2-infrastructure", Some(IdentityOnlyRole)),
            ("444455556666:aws:ec2-infrastructure:i-0a0a0a0a0a0a0a0a0", Some(IdentityOnlyRole)),
            (
                "arn:aws:iam::444455556666:role/aws:ec2-infrastructure/i-0a0a0a0a0a0a0a0a0",
                Some(IdentityOnlyRole),
            ),
            ("444455556666:aws:ec2-infrastructure", Some(IdentityOnlyRole)),
            ("arn:aws:sts::444455556666:assumed-role/aws:ec2-instance/i-0a0a0a0a0a0a0a0a0", Some(AwsOwnRole)),
            ("444455556666:aws:ec2-infrastructures:i-0", Some(AwsOwnRole)),
            ("arn:aws:iam::444455556666:root", Some(Account)),
            ("444455556666", Some(Account)),
            ("arn:aws:sts::444455556666:federated-user/jo", Some(Federated)),
            ("ec2.amazonaws.com", Some(Service)),
            ("AROAEXAMPLEEXAMPLE123", Some(IdAlone)),
            ("AROAEXAMPLEEXAMPLE123:session", Some(IdAlone)),
            ("arn:aws:iam::444455556666:group/ops", Some(Group)),
            ("arn:aws:s3:::bucket", Some(Unknown)),
            ("*", Some(Unknown)),
            ("", Some(Unknown)),
            ("\u{1b}[31m:\u{202e}", Some(Unknown)),
        ] {
            assert_eq!(NoGrantee::or_grantee(text).err(), expected, "{text}");
        }
    }
}
