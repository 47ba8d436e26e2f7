//! The role of Auto Scaling in each account of an organization: which account it is of, only a request tells.

use std::fmt;
use std::str::FromStr;

use super::RoleSuffix;
use super::service_linked::{auto_scaling_role, auto_scaling_role_name};
use crate::arn::{ArnError, Members, Partition};

/// The service-linked role of Auto Scaling of every account of an organization or OU but the key's own: each uses a key
/// by a grant, which its own account makes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MembersRole {
    /// Whose.
    pub members: Members,
    /// What follows the role's name, where it is not the default one.
    pub suffix: Option<RoleSuffix>,
}

/// What its text begins with.
const BEGINNING: &str = "autoscaling:";

/// The caller's own account, as the value of a condition.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>
const OWN_ACCOUNT: &str = "${aws:PrincipalAccount}";

impl MembersRole {
    /// Whether a text is meant to name one.
    pub fn is_named_by(text: &str) -> bool {
        text.starts_with(BEGINNING)
    }

    /// Its ARN in the account of whoever asks, as a condition of a policy has it. Never with `*` for the account: that
    /// would let a member make grants to roles of accounts outside.
    pub fn arn_of_own_account(&self, partition: Partition) -> String {
        auto_scaling_role(partition, &OWN_ACCOUNT, self.suffix.as_ref())
    }

    /// Its ARN with `*` for the account.
    pub fn arn_pattern(&self, partition: Partition) -> String {
        auto_scaling_role(partition, &'*', self.suffix.as_ref())
    }

    /// What `--autoscaling` takes for the role of one account, or of whatever stands for one.
    pub fn option_value(&self, of: &dyn fmt::Display) -> String {
        match &self.suffix {
            Some(suffix) => format!("{of}:{suffix}"),
            None => of.to_string(),
        }
    }

    /// The role's name, which is the same in each account.
    pub fn name(&self) -> String {
        auto_scaling_role_name(self.suffix.as_ref())
    }
}

impl fmt::Display for MembersRole {
    /// `autoscaling:` and what `--autoscaling` takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BEGINNING}{}", self.option_value(&self.members))
    }
}

impl FromStr for MembersRole {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        let wrong = || ArnError::MembersRole(text.to_owned());
        let rest = text.strip_prefix(BEGINNING).ok_or_else(wrong)?;
        let (members, suffix) = match rest.split_once(':') {
            Some((members, suffix)) => (members, Some(suffix.parse().map_err(|_| wrong())?)),
            None => (rest, None),
        };
        Ok(Self { members: members.parse().map_err(|_| wrong())?, suffix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_has_its_own() {
        for (text, own) in [
            ("autoscaling:o-a1b2c3d4e5", "AWSServiceRoleForAutoScaling"),
            ("autoscaling:o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/", "AWSServiceRoleForAutoScaling"),
            ("autoscaling:o-a1b2c3d4e5:blue.1", "AWSServiceRoleForAutoScaling_blue.1"),
        ] {
            let role: MembersRole = text.parse().unwrap();
            assert_eq!(role.to_string(), text);
            assert_eq!(role.name(), own);
            let arn = |account: &str| {
                format!("arn:aws-cn:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/{own}")
            };
            assert_eq!(role.arn_of_own_account(Partition::AwsCn), arn("${aws:PrincipalAccount}"));
            assert_eq!(role.arn_pattern(Partition::AwsCn), arn("*"));
        }
    }

    #[test]
    fn nothing_that_a_condition_would_read_otherwise_is_one() {
        for text in [
            "o-a1b2c3d4e5",
            "autoscaling:",
            "autoscaling:444455556666",
            "autoscaling:o-*",
            "autoscaling:o-a1b2c3d4e5:",
            "autoscaling:o-a1b2c3d4e5:*",
            "autoscaling:o-a1b2c3d4e5:${aws:username}",
            "autoscaling:o-a1b2c3d4e5:a:b",
            "autoscaling:o-a1b2c3d4e5/r-ab12/ou-ab12-11111111",
        ] {
            assert!(text.parse::<MembersRole>().is_err(), "{text}");
        }
    }
}
