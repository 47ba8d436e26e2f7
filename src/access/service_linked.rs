//! Service-linked roles: what an AWS service launches instances as, on an account's behalf.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::arn::{AccountId, ArnError, EntityArn, EntityKind, EntityName, Partition};

/// The path of service-linked roles, which the service's name and `/` follow.
const PATH: &str = "/aws-service-role/";

/// A role that an AWS service made for itself: its policies belong to the service.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html>
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "EntityArn", into = "EntityArn")]
pub struct ServiceLinkedRole(EntityArn);

impl ServiceLinkedRole {
    /// The role's ARN.
    pub fn arn(&self) -> &EntityArn {
        &self.0
    }

    /// The service, as it is named when the role is created: `autoscaling.amazonaws.com`.
    pub fn service(&self) -> &str {
        self.0.path.strip_prefix(PATH).unwrap_or_default().trim_end_matches('/')
    }

    /// What tells one of several roles for Auto Scaling from the others.
    ///
    /// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/autoscaling-service-linked-role.html>
    pub fn custom_suffix(&self) -> Option<&str> {
        let suffix = self.0.name.strip_prefix(AUTO_SCALING_ROLE)?.strip_prefix('_')?;
        (self.service() == AUTO_SCALING).then_some(suffix)
    }

    /// The role by its service, where that and its account tell all of it but the partition.
    pub fn well_known(&self) -> Option<WellKnownRole> {
        let account = self.0.account;
        let suffix = self.custom_suffix().and_then(|suffix| suffix.parse().ok());
        [WellKnownRole::AutoScaling { account, suffix }, WellKnownRole::Spot { account }]
            .into_iter()
            .find(|role| role.in_partition(self.0.partition) == *self)
    }

    /// The AWS CLI's command that creates it, with credentials of its account; `None` where no service has such a
    /// name, whose characters a shell might take for its own.
    ///
    /// <https://docs.aws.amazon.com/cli/latest/reference/iam/create-service-linked-role.html>
    pub fn creation_command(&self) -> Option<String> {
        let service = self.service();
        let is_name = service.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
        let suffix = self.custom_suffix().map(|suffix| format!(" --custom-suffix {suffix}"));
        is_name.then(|| {
            format!(
                "aws iam create-service-linked-role --aws-service-name {service}{}",
                suffix.unwrap_or_default()
            )
        })
    }
}

impl TryFrom<EntityArn> for ServiceLinkedRole {
    type Error = ArnError;

    fn try_from(arn: EntityArn) -> Result<Self, ArnError> {
        let service = arn.path.strip_prefix(PATH).and_then(|service| service.strip_suffix('/'));
        let is_one = service.is_some_and(|service| !service.is_empty()) && arn.is_service_linked_role();
        if is_one {
            return Ok(Self(arn));
        }
        Err(ArnError::Kind { arn: arn.to_string(), wanted: "a service-linked role" })
    }
}

impl From<ServiceLinkedRole> for EntityArn {
    fn from(role: ServiceLinkedRole) -> Self {
        role.0
    }
}

impl fmt::Display for ServiceLinkedRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const AUTO_SCALING: &str = "autoscaling.amazonaws.com";
const AUTO_SCALING_ROLE: &str = "AWSServiceRoleForAutoScaling";
const SPOT: &str = "spot.amazonaws.com";
const SPOT_ROLE: &str = "AWSServiceRoleForEC2Spot";

/// A service-linked role that is known by its service: its account's partition still has to be told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WellKnownRole {
    /// `--autoscaling ACCOUNT[:SUFFIX]`
    AutoScaling {
        /// The account of the Auto Scaling groups.
        account: AccountId,
        /// What follows the role's name, where it is not the default one.
        suffix: Option<RoleSuffix>,
    },
    /// `--spot ACCOUNT`
    Spot {
        /// The account that requests Spot Instances.
        account: AccountId,
    },
}

impl WellKnownRole {
    /// The account that the role belongs to.
    pub fn account(&self) -> AccountId {
        match self {
            Self::AutoScaling { account, .. } | Self::Spot { account } => *account,
        }
    }

    /// The role within its account.
    pub fn entity_name(&self) -> EntityName {
        let name = match self {
            Self::AutoScaling { suffix, .. } => auto_scaling_role_name(suffix.as_ref()),
            Self::Spot { .. } => SPOT_ROLE.to_owned(),
        };
        EntityName { kind: EntityKind::Role, name }
    }

    /// The role in a partition.
    pub fn in_partition(&self, partition: Partition) -> ServiceLinkedRole {
        let service = match self {
            Self::AutoScaling { .. } => AUTO_SCALING,
            Self::Spot { .. } => SPOT,
        };
        let EntityName { kind, name } = self.entity_name();
        ServiceLinkedRole(EntityArn {
            partition,
            account: self.account(),
            kind,
            path: format!("{PATH}{service}/"),
            name,
        })
    }
}

/// The name of Auto Scaling's role in every account.
pub(super) fn auto_scaling_role_name(suffix: Option<&RoleSuffix>) -> String {
    match suffix {
        Some(suffix) => format!("{AUTO_SCALING_ROLE}_{suffix}"),
        None => AUTO_SCALING_ROLE.to_owned(),
    }
}

/// The ARN of Auto Scaling's role in an account, or in whichever account something else stands for.
pub(super) fn auto_scaling_role(
    partition: Partition,
    account: &dyn fmt::Display,
    suffix: Option<&RoleSuffix>,
) -> String {
    let name = auto_scaling_role_name(suffix);
    format!("arn:{partition}:iam::{account}:role{PATH}{AUTO_SCALING}/{name}")
}

impl fmt::Display for WellKnownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of account {}", self.entity_name().name, self.account())
    }
}

/// The custom suffix of a service-linked role.
///
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleSuffix(String);

/// Why a text is no custom suffix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role's custom suffix (up to {LONGEST_SUFFIX} of A-Z a-z 0-9 _ + = , . @ -)")]
pub struct RoleSuffixError(String);

/// A role's name has 64 characters at most, and the suffix follows `AWSServiceRoleForAutoScaling_`.
const LONGEST_SUFFIX: usize = 64 - (AUTO_SCALING_ROLE.len() + 1);

impl FromStr for RoleSuffix {
    type Err = RoleSuffixError;

    fn from_str(text: &str) -> Result<Self, RoleSuffixError> {
        let well_formed = (1..=LONGEST_SUFFIX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
        if well_formed { Ok(Self(text.to_owned())) } else { Err(RoleSuffixError(text.to_owned())) }
    }
}

impl fmt::Display for RoleSuffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(text: &str) -> Result<ServiceLinkedRole, ArnError> {
        text.parse::<EntityArn>().unwrap().try_into()
    }

    #[test]
    fn well_known_roles_in_their_partition() {
        let account = "444455556666".parse().unwrap();
        let suffix = Some("blue.1".parse().unwrap());
        let role = WellKnownRole::AutoScaling { account, suffix }.in_partition(Partition::AwsCn);
        assert_eq!(
            role.to_string(),
            "arn:aws-cn:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_blue.1"
        );
        assert_eq!(
            role.creation_command().unwrap(),
            "aws iam create-service-linked-role --aws-service-name autoscaling.amazonaws.com --custom-suffix blue.1"
        );
        let known = WellKnownRole::AutoScaling { account, suffix: Some("blue.1".parse().unwrap()) };
        assert_eq!(role.well_known(), Some(known));
        assert_eq!(
            WellKnownRole::Spot { account }.in_partition(Partition::Aws).to_string(),
            "arn:aws:iam::444455556666:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"
        );
    }

    #[test]
    fn only_auto_scaling_takes_suffixes() {
        let fleet = role(
            "arn:aws:iam::444455556666:role/aws-service-role/dynamodb.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_DynamoDBTable",
        );
        let fleet = fleet.unwrap();
        assert_eq!((fleet.custom_suffix(), fleet.well_known()), (None, None));
        assert!("".parse::<RoleSuffix>().is_err() && "a b".parse::<RoleSuffix>().is_err());
        assert!("x".repeat(35).parse::<RoleSuffix>().is_ok());
        assert_eq!(
            "x".repeat(36).parse::<RoleSuffix>().unwrap_err().to_string(),
            format!(
                "`{}` is not a role's custom suffix (up to 35 of A-Z a-z 0-9 _ + = , . @ -)",
                "x".repeat(36)
            )
        );
    }

    #[test]
    fn no_command_has_what_a_shell_would_run() {
        for service in ["$(reboot)", "`reboot`", "a;reboot", "a/b", "a'b", "a|b"] {
            let hostile =
                format!("arn:aws:iam::444455556666:role/aws-service-role/{service}/AWSServiceRoleForX");
            assert_eq!(role(&hostile).unwrap().creation_command(), None, "{service}");
        }
    }

    #[test]
    fn other_roles_are_none() {
        assert_eq!(
            role("arn:aws:iam::444455556666:role/app").unwrap_err().to_string(),
            "`arn:aws:iam::444455556666:role/app` is not the ARN of a service-linked role"
        );
        assert!(role("arn:aws:iam::444455556666:role/aws-service-role/AWSServiceRoleForX").is_err());
        assert!(role("arn:aws:iam::444455556666:user/aws-service-role/x.amazonaws.com/y").is_err());
    }
}
