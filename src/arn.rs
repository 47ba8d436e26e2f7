//! Amazon Resource Names and the ids inside them, parsed once at the edge.
//!
//! Format: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

mod organization;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use organization::{Affiliation, Child, MemberOf, Members, OrganizationId, OuPath};

/// The name of the role under which EC2 uses the keys of an instance's volumes; it is the same in every account.
///
/// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html#ebs-encryption-instance-permissions>
pub const IDENTITY_ONLY_ROLE: &str = "aws:ec2-infrastructure";

/// Why a text is not the ARN or id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// Not twelve digits.
    #[error("`{0}` is not an account id of 12 digits")]
    AccountId(String),
    /// No id of an organization.
    #[error("`{0}` is not an organization's id (such as o-a1b2c3d4e5)")]
    Organization(String),
    /// No path of an organizational unit.
    #[error("`{0}` is not an OU's path (such as o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/)")]
    OuPath(String),
    /// No name of the roles of Auto Scaling of an organization's accounts.
    #[error(
        "`{0}` does not name the Auto Scaling roles of an organization's accounts (such as autoscaling:o-a1b2c3d4e5)"
    )]
    MembersRole(String),
    /// No partition of this name is known.
    #[error("`{0}` is not a known AWS partition")]
    Partition(String),
    /// Not six colon-separated parts that start with `arn`.
    #[error("`{0}` is not an ARN (arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE)")]
    Format(String),
    /// An ARN, but not one of the wanted kind.
    #[error("`{arn}` is not the ARN of {wanted}")]
    Kind {
        /// The text as given.
        arn: String,
        /// What it should name, with its article: "a KMS key".
        wanted: &'static str,
    },
}

/// A group of regions with credentials and ARNs of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Partition {
    /// The commercial regions.
    Aws,
    /// The regions in China.
    AwsCn,
    /// The AWS GovCloud (US) regions.
    AwsUsGov,
    /// The US ISO regions.
    AwsIso,
    /// The US ISOB regions.
    AwsIsoB,
    /// The EU ISOE regions.
    AwsIsoE,
    /// The US ISOF regions.
    AwsIsoF,
    /// The AWS European Sovereign Cloud.
    AwsEusc,
}

impl Partition {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Aws, "aws"),
        (Self::AwsCn, "aws-cn"),
        (Self::AwsUsGov, "aws-us-gov"),
        (Self::AwsIso, "aws-iso"),
        (Self::AwsIsoB, "aws-iso-b"),
        (Self::AwsIsoE, "aws-iso-e"),
        (Self::AwsIsoF, "aws-iso-f"),
        (Self::AwsEusc, "aws-eusc"),
    ];

    /// The name as it stands in ARNs.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(partition, _)| *partition == self).map_or("aws", |(_, name)| name)
    }

    /// The partition that a region belongs to, by its name's form.
    pub fn of_region(region: &str) -> Self {
        const PREFIXES: [(&str, Partition); 7] = [
            ("cn-", Partition::AwsCn),
            ("us-gov-", Partition::AwsUsGov),
            ("us-isob-", Partition::AwsIsoB),
            ("us-isof-", Partition::AwsIsoF),
            ("us-iso-", Partition::AwsIso),
            ("eu-isoe-", Partition::AwsIsoE),
            ("eusc-", Partition::AwsEusc),
        ];
        PREFIXES
            .iter()
            .find(|(prefix, _)| region.starts_with(prefix))
            .map_or(Self::Aws, |(_, partition)| *partition)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Partition {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        Self::ALL
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(partition, _)| *partition)
            .ok_or_else(|| ArnError::Partition(text.to_owned()))
    }
}

/// A twelve-digit AWS account id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountId([u8; 12]);

impl AccountId {
    /// Its digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Ord for AccountId {
    /// As numbers, which are compared at once: whatever is kept by key or grantee is looked up by this.
    fn cmp(&self, other: &Self) -> Ordering {
        let number = |Self([a, b, c, d, e, f, g, h, i, j, k, l]): Self| {
            (u64::from_be_bytes([a, b, c, d, e, f, g, h]), u32::from_be_bytes([i, j, k, l]))
        };
        number(*self).cmp(&number(*other))
    }
}

impl PartialOrd for AccountId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AccountId {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        let wrong = || ArnError::AccountId(text.to_owned());
        let digits: [u8; 12] = text.as_bytes().try_into().map_err(|_| wrong())?;
        if digits.iter().all(u8::is_ascii_digit) { Ok(Self(digits)) } else { Err(wrong()) }
    }
}

/// The parts of any ARN, borrowed from its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArnParts<'a> {
    /// Second part.
    pub partition: Partition,
    /// Third part, such as `iam`.
    pub service: &'a str,
    /// Fourth part, empty for global services.
    pub region: &'a str,
    /// Fifth part, `aws` for what AWS itself owns.
    pub account: &'a str,
    /// All the rest, colons included.
    pub resource: &'a str,
}

impl<'a> ArnParts<'a> {
    /// Splits an ARN.
    ///
    /// # Errors
    /// [`ArnError::Format`] or [`ArnError::Partition`].
    pub fn parse(text: &'a str) -> Result<Self, ArnError> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or_else(|| ArnError::Format(text.to_owned()));
        let (prefix, partition, service, region, account, resource) =
            (next()?, next()?, next()?, next()?, next()?, next()?);
        if prefix != "arn" || service.is_empty() || resource.is_empty() {
            return Err(ArnError::Format(text.to_owned()));
        }
        Ok(Self { partition: partition.parse()?, service, region, account, resource })
    }
}

/// Region and id of a key of which neither is known.
const UNKNOWN: &str = "unknown";

/// The ARN of a KMS key: never an alias.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyArn {
    /// The key's partition.
    pub partition: Partition,
    /// The key's region; a multi-Region key has an ARN in each.
    pub region: String,
    /// The key account.
    pub account: AccountId,
    /// A UUID, or `mrk-` and 32 hexadecimal digits.
    pub id: String,
}

impl KeyArn {
    /// The stand-in for a key of which nothing but the partition is known: what it is made up of is no fact.
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a literal of twelve digits")]
    pub fn unknown(partition: Partition) -> Self {
        let account = "000000000000".parse().expect("twelve digits");
        Self { partition, region: UNKNOWN.to_owned(), account, id: UNKNOWN.to_owned() }
    }

    /// Whether this is the stand-in for a key that is not known, whatever is known of its account.
    pub fn is_unknown(&self) -> bool {
        self.region == UNKNOWN && self.id == UNKNOWN
    }

    /// The first eight characters of the key id, which tell policies of several keys apart.
    pub fn short_id(&self) -> &str {
        self.id.get(..8).unwrap_or(&self.id)
    }
}

impl fmt::Display for KeyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, region, account, id } = self;
        // In one piece: it is written for each pair of a key and a grantee.
        f.write_str(
            &["arn:", partition.as_str(), ":kms:", region, ":", account.as_str(), ":key/", id].concat(),
        )
    }
}

impl FromStr for KeyArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        let parts = ArnParts::parse(text)?;
        let wrong = || ArnError::Kind { arn: text.to_owned(), wanted: "a KMS key" };
        let id = parts.resource.strip_prefix("key/").ok_or_else(wrong)?;
        let well_formed = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if parts.service != "kms" || parts.region.is_empty() || !well_formed {
            return Err(wrong());
        }
        Ok(Self {
            partition: parts.partition,
            region: parts.region.to_owned(),
            account: parts.account.parse()?,
            id: id.to_owned(),
        })
    }
}

/// What kind of IAM identity an [`EntityArn`] names.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    /// An IAM user.
    User,
    /// An IAM role.
    Role,
    /// An IAM group.
    Group,
}

impl EntityKind {
    /// The word for it, which is also the prefix of the ARN's resource.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
            Self::Group => "group",
        }
    }
}

impl fmt::Display for EntityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The ARN of an IAM user, role or group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityArn {
    /// The account's partition.
    pub partition: Partition,
    /// The account that the identity lives in.
    pub account: AccountId,
    /// User, role or group.
    pub kind: EntityKind,
    /// `/`, or `/a/b/`.
    pub path: String,
    /// The friendly name, unique in its account whatever the case.
    pub name: String,
}

/// A user, role or group within its account; IAM's lists give no more.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct EntityName {
    /// User, role or group.
    pub kind: EntityKind,
    /// The friendly name.
    pub name: String,
}

impl fmt::Display for EntityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

impl EntityArn {
    /// The entity within its account.
    pub fn entity_name(&self) -> EntityName {
        EntityName { kind: self.kind, name: self.name.clone() }
    }

    /// Whether this is a service-linked role, which nothing can be attached to.
    pub fn is_service_linked_role(&self) -> bool {
        self.kind == EntityKind::Role && self.path.starts_with("/aws-service-role/")
    }

    /// Whether IAM Identity Center made this role for a permission set.
    pub fn is_identity_center_role(&self) -> bool {
        self.kind == EntityKind::Role
            && self.path.starts_with("/aws-reserved/sso.amazonaws.com/")
            && self.name.starts_with("AWSReservedSSO_")
    }
}

impl fmt::Display for EntityArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, account, kind, path, name } = self;
        let (partition, account, kind) = (partition.as_str(), account.as_str(), kind.as_str());
        f.write_str(&["arn:", partition, ":iam::", account, ":", kind, path, name].concat())
    }
}

impl FromStr for EntityArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        Self::of_parts(ArnParts::parse(text)?, text)
    }
}

impl EntityArn {
    /// The same of an ARN that was split already.
    pub(crate) fn of_parts(parts: ArnParts<'_>, text: &str) -> Result<Self, ArnError> {
        let wrong = || ArnError::Kind { arn: text.to_owned(), wanted: "an IAM user, role or group" };
        if parts.service != "iam" || !parts.region.is_empty() {
            return Err(wrong());
        }
        let (kind, rest) = parts.resource.split_once('/').ok_or_else(wrong)?;
        let kind = match kind {
            "user" => EntityKind::User,
            "role" => EntityKind::Role,
            "group" => EntityKind::Group,
            _ => return Err(wrong()),
        };
        let (path, name) = split_path(rest).ok_or_else(wrong)?;
        Ok(Self { partition: parts.partition, account: parts.account.parse()?, kind, path, name })
    }
}

/// The ARN of a customer managed policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyArn {
    /// The account's partition.
    pub partition: Partition,
    /// The account that owns the policy.
    pub account: AccountId,
    /// `/`, or `/a/b/`.
    pub path: String,
    /// The policy's name, unique in its account whatever the case.
    pub name: String,
}

impl fmt::Display for PolicyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{}:iam::{}:policy{}{}", self.partition, self.account, self.path, self.name)
    }
}

impl FromStr for PolicyArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        let parts = ArnParts::parse(text)?;
        let wrong = || ArnError::Kind { arn: text.to_owned(), wanted: "a customer managed policy" };
        let rest = parts.resource.strip_prefix("policy/").ok_or_else(wrong)?;
        let (path, name) = split_path(rest).ok_or_else(wrong)?;
        if parts.service != "iam" {
            return Err(wrong());
        }
        Ok(Self { partition: parts.partition, account: parts.account.parse()?, path, name })
    }
}

/// An STS session of a role; IAM leaves the role's path out of its ARN.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionArn {
    /// The account's partition.
    pub partition: Partition,
    /// The role's account.
    pub account: AccountId,
    /// The role's name, without its path.
    pub role_name: String,
    /// The session's name.
    pub session: String,
}

impl fmt::Display for SessionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, account, role_name, session } = self;
        write!(f, "arn:{partition}:sts::{account}:assumed-role/{role_name}/{session}")
    }
}

impl FromStr for SessionArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        let parts = ArnParts::parse(text)?;
        let wrong = || ArnError::Kind { arn: text.to_owned(), wanted: "an assumed-role session" };
        let rest = parts.resource.strip_prefix("assumed-role/").ok_or_else(wrong)?;
        let (role_name, session) = rest.split_once('/').ok_or_else(wrong)?;
        if parts.service != "sts" || !is_name(role_name) || session.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            partition: parts.partition,
            account: parts.account.parse()?,
            role_name: role_name.to_owned(),
            session: session.to_owned(),
        })
    }
}

/// Splits `a/b/name` into the path `/a/b/` and the name.
fn split_path(rest: &str) -> Option<(String, String)> {
    let (path, name) =
        rest.rsplit_once('/').map_or(("/".to_owned(), rest), |(path, name)| (format!("/{path}/"), name));
    let printable = path.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    (printable && is_name(name)).then(|| (path, name.to_owned()))
}

/// The characters IAM allows in names of users, roles, groups and policies.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b))
}

/// Serialises as the text and reads it back through `FromStr`.
macro_rules! serde_as_text {
    ($($name:ident),+) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string"})
            }
        }
    )+};
}

serde_as_text!(Partition, AccountId, KeyArn, EntityArn, PolicyArn, SessionArn, OrganizationId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_survive_a_round_trip() {
        for text in [
            "arn:aws:iam::444455556666:role/app",
            "arn:aws-cn:iam::444455556666:role/team/blue/app",
            "arn:aws-us-gov:iam::012345678901:user/jo.doe@example",
            "arn:aws:iam::444455556666:group/ops",
        ] {
            assert_eq!(text.parse::<EntityArn>().unwrap().to_string(), text);
        }
        let key = "arn:aws-eusc:kms:eusc-de-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab";
        assert_eq!(key.parse::<KeyArn>().unwrap().to_string(), key);
        let policy = "arn:aws:iam::444455556666:policy/team/KmsKeyUsagePolicy";
        assert_eq!(policy.parse::<PolicyArn>().unwrap().to_string(), policy);
        let session = "arn:aws:sts::444455556666:assumed-role/app/i-0abc";
        assert_eq!(session.parse::<SessionArn>().unwrap().to_string(), session);
    }

    #[test]
    fn what_is_not_the_wanted_arn_says_so() {
        let message = |text: &str| text.parse::<KeyArn>().unwrap_err().to_string();
        assert_eq!(
            message("nonsense"),
            "`nonsense` is not an ARN (arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE)"
        );
        assert_eq!(
            message("arn:aws:kms:eu-west-1:111122223333:alias/app"),
            "`arn:aws:kms:eu-west-1:111122223333:alias/app` is not the ARN of a KMS key"
        );
        assert_eq!(
            message("arn:amazon:kms:eu-west-1:111122223333:key/1"),
            "`amazon` is not a known AWS partition"
        );
        assert_eq!(
            message("arn:aws:kms:eu-west-1:11112222333:key/1"),
            "`11112222333` is not an account id of 12 digits"
        );
        assert!("arn:aws:s3:::bucket/key".parse::<EntityArn>().is_err());
        assert!("arn:aws:iam::444455556666:root".parse::<EntityArn>().is_err());
        assert!("arn:aws:iam::444455556666:role/a\u{1b}[31m".parse::<EntityArn>().is_err());
        assert!("arn:aws:iam::444455556666:role/a\u{202e}/b".parse::<EntityArn>().is_err());
    }

    #[test]
    fn regions_tell_their_partition() {
        for (region, partition) in [
            ("eu-west-1", Partition::Aws),
            ("cn-north-1", Partition::AwsCn),
            ("us-gov-west-1", Partition::AwsUsGov),
            ("us-iso-east-1", Partition::AwsIso),
            ("us-isob-east-1", Partition::AwsIsoB),
            ("eu-isoe-west-1", Partition::AwsIsoE),
            ("us-isof-south-1", Partition::AwsIsoF),
            ("eusc-de-east-1", Partition::AwsEusc),
        ] {
            assert_eq!(Partition::of_region(region), partition);
        }
    }
}
