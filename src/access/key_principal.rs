//! How a grantee is let in on either side: whom a key policy names for it, whom IAM policies serve, and who needs a
//! grant.

use super::{Grantee, ServiceLinkedRole};
use crate::arn::{EntityArn, EntityKind, KeyArn};

impl Grantee {
    /// The grantee's account as a whole.
    #[must_use]
    pub fn whole_account(&self) -> Self {
        Self::Account { partition: self.partition(), id: self.account() }
    }

    /// The principal that a key policy names for the grantee: for a group, which no policy can name, its account.
    ///
    /// "You cannot identify a user group as a principal in a policy":
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
    #[must_use]
    pub fn key_principal(&self) -> Self {
        if self.is_group() { self.whole_account() } else { self.clone() }
    }

    /// Whether it is a group, which makes no calls itself.
    pub fn is_group(&self) -> bool {
        matches!(self, Self::Entity(entity) if entity.kind == EntityKind::Group)
    }

    /// The user, role or group to which managed policies can be attached; what a service-linked role may do belongs to
    /// its service, and an account has its users' and roles' policies only.
    pub fn in_iam(&self) -> Option<&EntityArn> {
        match self {
            Self::Entity(entity) => Some(entity),
            Self::Account { .. } | Self::ServiceLinkedRole(_) => None,
        }
    }

    /// The service-linked role that no policy lets use a key, as it is another account's: it needs a grant.
    ///
    /// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html>
    pub fn served_by_grants(&self, key: &KeyArn) -> Option<&ServiceLinkedRole> {
        match self {
            Self::ServiceLinkedRole(role) if role.arn().account != key.account => Some(role),
            Self::Account { .. } | Self::Entity(_) | Self::ServiceLinkedRole(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grantee_is_let_in_by_a_principal_and_by_iam_or_by_a_grant() {
        const ROLE: &str =
            "arn:aws:iam::444455556666:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot";
        let root = "arn:aws:iam::444455556666:root";
        let cases = [
            // Grantee, its principal, whether IAM serves it.
            (root, root, false),
            ("arn:aws:iam::444455556666:user/Ann", "arn:aws:iam::444455556666:user/Ann", true),
            ("arn:aws:iam::444455556666:role/a/Dev", "arn:aws:iam::444455556666:role/a/Dev", true),
            ("arn:aws-cn:iam::444455556666:group/Team", "arn:aws-cn:iam::444455556666:root", true),
            (ROLE, ROLE, false),
        ];
        let key = |account: &str| -> KeyArn {
            format!("arn:aws:kms:eu-west-1:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab")
                .parse()
                .unwrap()
        };
        for (text, principal, is_in_iam) in cases {
            let grantee: Grantee = text.parse().unwrap();
            assert_eq!(grantee.key_principal().to_string(), principal);
            assert_eq!(grantee.in_iam().is_some(), is_in_iam, "{text}");
            assert_eq!(grantee.served_by_grants(&key("111122223333")).is_some(), text == ROLE, "{text}");
            assert_eq!(grantee.served_by_grants(&key("444455556666")), None, "{text}");
        }
    }
}
