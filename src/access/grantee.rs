//! Who must be able to launch with a key, resolved and as typed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{MembersRole, ServiceLinkedRole, WellKnownRole};
use crate::arn::{AccountId, ArnError, ArnParts, EntityArn, Members, Partition, SessionArn};
use crate::policy::AwsPrincipal;

/// Who must be able to launch with a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grantee {
    /// A whole account: its root, which delegates to its IAM.
    Account {
        /// The account's partition.
        partition: Partition,
        /// The account.
        id: AccountId,
    },
    /// A user, role or group, but no service-linked role.
    Entity(EntityArn),
    /// A role that an AWS service launches instances as; nothing can be attached to it.
    ServiceLinkedRole(ServiceLinkedRole),
    /// The accounts of an organization or of one of its OUs, but for the key's own; their IAM is theirs.
    Members(Members),
    /// The role of Auto Scaling in each of such accounts, which makes its grant itself.
    MembersRole(MembersRole),
}

impl Grantee {
    /// The account that the grantee belongs to, where it is but one.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account { id, .. } => Some(*id),
            Self::Entity(entity) => Some(entity.account),
            Self::ServiceLinkedRole(role) => Some(role.arn().account),
            Self::Members(_) | Self::MembersRole(_) => None,
        }
    }

    /// Whether the grantee belongs to an account.
    pub fn is_of(&self, account: AccountId) -> bool {
        self.account() == Some(account)
    }

    /// The members of an organization that it is.
    pub fn as_members(&self) -> Option<&Members> {
        match self {
            Self::Members(members) => Some(members),
            Self::Account { .. } | Self::Entity(_) | Self::ServiceLinkedRole(_) | Self::MembersRole(_) => {
                None
            }
        }
    }

    /// Those in whose accounts it is a role.
    pub fn as_members_role(&self) -> Option<&MembersRole> {
        match self {
            Self::MembersRole(role) => Some(role),
            Self::Account { .. } | Self::Entity(_) | Self::ServiceLinkedRole(_) | Self::Members(_) => None,
        }
    }

    /// The members of an organization whose accounts it is in, where it is in more than one.
    pub fn members(&self) -> Option<&Members> {
        self.as_members().or_else(|| self.as_members_role().map(|role| &role.members))
    }

    /// The user, role or group that it is; service-linked roles are roles too.
    pub fn as_entity(&self) -> Option<&EntityArn> {
        match self {
            Self::Account { .. } | Self::Members(_) | Self::MembersRole(_) => None,
            Self::Entity(entity) => Some(entity),
            Self::ServiceLinkedRole(role) => Some(role.arn()),
        }
    }

    /// The user, role or group that IAM policies are attached to for its sake: an account needs nothing there, the IAM of
    /// an organization's accounts is theirs, and nothing is ever attached to a service-linked role.
    pub fn attachable(&self) -> Option<&EntityArn> {
        match self {
            Self::Entity(entity) => Some(entity),
            Self::Account { .. } | Self::ServiceLinkedRole(_) | Self::Members(_) | Self::MembersRole(_) => {
                None
            }
        }
    }

    /// The service-linked role that it is.
    pub fn as_service_linked_role(&self) -> Option<&ServiceLinkedRole> {
        match self {
            Self::ServiceLinkedRole(role) => Some(role),
            Self::Account { .. } | Self::Entity(_) | Self::Members(_) | Self::MembersRole(_) => None,
        }
    }

    /// The grantee's partition, where it tells one: an organization is of the key's.
    pub fn partition(&self) -> Option<Partition> {
        match self {
            Self::Account { partition, .. } => Some(*partition),
            Self::Entity(entity) => Some(entity.partition),
            Self::ServiceLinkedRole(role) => Some(role.arn().partition),
            Self::Members(_) | Self::MembersRole(_) => None,
        }
    }
}

impl fmt::Display for Grantee {
    /// The ARN as it stands in a key policy; for an organization its id, for an OU its path, for their roles of Auto Scaling
    /// what `--autoscaling` takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account { partition, id } => write!(f, "arn:{partition}:iam::{id}:root"),
            Self::Entity(entity) => entity.fmt(f),
            Self::ServiceLinkedRole(role) => role.fmt(f),
            Self::Members(members) => members.fmt(f),
            Self::MembersRole(role) => role.fmt(f),
        }
    }
}

impl From<EntityArn> for Grantee {
    fn from(entity: EntityArn) -> Self {
        match entity.clone().try_into() {
            Ok(role) => Self::ServiceLinkedRole(role),
            Err(_) => Self::Entity(entity),
        }
    }
}

impl FromStr for Grantee {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        match AwsPrincipal::parse(text) {
            _ if text.starts_with("o-") => text.parse().map(Self::Members),
            _ if MembersRole::is_named_by(text) => text.parse().map(Self::MembersRole),
            AwsPrincipal::Account { partition: Some(partition), id } => Ok(Self::Account { partition, id }),
            _ => text.parse::<EntityArn>().map(Self::from),
        }
    }
}

impl Serialize for Grantee {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Grantee {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Grantee {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Grantee".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "The ARN of a user, role or group; for a whole account its root's; for an organization its \
                            id, for an OU its path; for the Auto Scaling roles of their accounts `autoscaling:` and that.",
        })
    }
}

/// A grantee as typed: a session still has to be traced to its role, an account to its partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum GranteeRef {
    /// `--account`: in the partition of the key.
    Account(AccountId),
    /// A user, role or group, by its ARN; a service-linked role too.
    Entity(EntityArn),
    /// A session, which stands for its role; the role's path has to be looked up.
    Session(SessionArn),
    /// A service-linked role, by its service: in the partition of the key.
    ServiceLinkedRole(WellKnownRole),
    /// An organization, or an OU of one.
    Members {
        /// Which.
        members: Members,
        /// The partition, where an ARN told it: else the key's.
        partition: Option<Partition>,
    },
    /// The role of Auto Scaling in each account of an organization or OU.
    MembersRole {
        /// Which.
        role: MembersRole,
        /// The partition, where an ARN told it: else the key's.
        partition: Option<Partition>,
    },
}

impl From<&Grantee> for GranteeRef {
    /// The same grantee once more.
    fn from(grantee: &Grantee) -> Self {
        match grantee {
            Grantee::Account { id, .. } => Self::Account(*id),
            Grantee::Entity(entity) => Self::Entity(entity.clone()),
            Grantee::ServiceLinkedRole(role) => Self::Entity(role.arn().clone()),
            Grantee::Members(members) => Self::Members { members: members.clone(), partition: None },
            Grantee::MembersRole(role) => Self::MembersRole { role: role.clone(), partition: None },
        }
    }
}

impl fmt::Display for GranteeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => account.fmt(f),
            Self::Entity(entity) => entity.fmt(f),
            Self::Session(session) => session.fmt(f),
            Self::ServiceLinkedRole(role) => role.fmt(f),
            Self::Members { members, .. } => members.fmt(f),
            Self::MembersRole { role, .. } => role.fmt(f),
        }
    }
}

impl FromStr for GranteeRef {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        match AwsPrincipal::parse(text) {
            _ if text.starts_with("o-") => Ok(Self::Members { members: text.parse()?, partition: None }),
            _ if ArnParts::parse(text).is_ok_and(|parts| parts.service == "organizations") => {
                let (members, partition) = Members::of_arn(text)?;
                Ok(Self::Members { members, partition: Some(partition) })
            }
            _ if MembersRole::is_named_by(text) => {
                Ok(Self::MembersRole { role: text.parse()?, partition: None })
            }
            AwsPrincipal::Account { id, .. } => Ok(Self::Account(id)),
            AwsPrincipal::Session(session) => Ok(Self::Session(session)),
            _ => text.parse().map(Self::Entity),
        }
    }
}

impl Serialize for GranteeRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GranteeRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for GranteeRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "GranteeAsNamed".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "An account's id, the ARN of a user, role, group or session, an organization's id or an OU's \
                            path, or `autoscaling:` and one of these two.",
        })
    }
}

impl GranteeRef {
    /// The account that the grantee belongs to, where it is but one.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account(account) => Some(*account),
            Self::Entity(entity) => Some(entity.account),
            Self::Session(session) => Some(session.account),
            Self::ServiceLinkedRole(role) => Some(role.account()),
            Self::Members { .. } | Self::MembersRole { .. } => None,
        }
    }

    /// Whether it is a service-linked role, as far as the text tells: IAM keeps the beginning of their names for them.
    pub fn is_service_linked_role(&self) -> bool {
        match self {
            Self::Account(_) | Self::Members { .. } | Self::MembersRole { .. } => false,
            Self::Entity(entity) => entity.is_service_linked_role(),
            Self::Session(session) => session.role_name.starts_with("AWSServiceRoleFor"),
            Self::ServiceLinkedRole(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_files_reads_back_and_earlier_versions_refuse_what_is_new_to_them() {
        for (text, is_new) in [
            ("arn:aws:iam::444455556666:root", false),
            ("arn:aws:iam::444455556666:role/team/app", false),
            ("o-a1b2c3d4e5", true),
            ("o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/", true),
            ("o-a1b2c3d4e5/*/ou-ab12-11111111/", true),
            ("autoscaling:o-a1b2c3d4e5", true),
            ("autoscaling:o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/:blue", true),
        ] {
            let grantee: Grantee = serde_json::from_value(text.into()).unwrap();
            assert_eq!(serde_json::to_value(&grantee).unwrap(), text);
            // So all versions before organizations read a grantee of a plan file or a journal.
            let is_root =
                matches!(AwsPrincipal::parse(text), AwsPrincipal::Account { partition: Some(_), .. });
            assert_eq!(!is_root && text.parse::<EntityArn>().is_err(), is_new, "{text}");
        }
    }
}
