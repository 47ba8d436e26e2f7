//! How a key's account lets a grantee in: by a principal of the key policy, or by a grant.

use super::{Audience, Grantee, ServiceLinkedRole};
use crate::arn::{EntityKind, KeyArn};

impl Grantee {
    /// The principal that a key policy names for the grantee: for a group, which no policy can name, its account.
    ///
    /// "You cannot identify a user group as a principal in a policy":
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
    #[must_use]
    pub fn key_principal(&self) -> Self {
        match self {
            Self::Entity(group) if self.is_group() => {
                Self::Account { partition: group.partition, id: group.account }
            }
            Self::Account { .. }
            | Self::Entity(_)
            | Self::ServiceLinkedRole(_)
            | Self::Members(_)
            | Self::MembersRole(_) => self.clone(),
        }
    }

    /// What stands in a statement's list of principals for it, where a key policy names it.
    pub fn principal_text(&self) -> String {
        match self {
            Self::Members(_) | Self::MembersRole(_) => Audience::PRINCIPAL.to_owned(),
            Self::Account { .. } | Self::Entity(_) | Self::ServiceLinkedRole(_) => self.to_string(),
        }
    }

    /// Whether it is a group, which makes no calls itself.
    pub fn is_group(&self) -> bool {
        matches!(self, Self::Entity(entity) if entity.kind == EntityKind::Group)
    }

    /// The service-linked role that no policy lets use a key, as it is another account's: it needs a grant.
    ///
    /// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html>
    pub fn served_by_grants(&self, key: &KeyArn) -> Option<&ServiceLinkedRole> {
        self.as_service_linked_role().filter(|role| role.arn().account != key.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grantee_is_let_in_by_a_principal_or_by_a_grant() {
        const ROLE: &str =
            "arn:aws:iam::444455556666:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot";
        let root = "arn:aws:iam::444455556666:root";
        let cases = [
            // Grantee, its principal, whether policies are attached to it.
            (root, root, false),
            ("arn:aws:iam::444455556666:user/Ann", "arn:aws:iam::444455556666:user/Ann", true),
            ("arn:aws:iam::444455556666:role/a/Dev", "arn:aws:iam::444455556666:role/a/Dev", true),
            ("arn:aws-cn:iam::444455556666:group/Team", "arn:aws-cn:iam::444455556666:root", true),
            (ROLE, ROLE, false),
            ("o-a1b2c3d4e5", "o-a1b2c3d4e5", false),
            ("autoscaling:o-a1b2c3d4e5", "autoscaling:o-a1b2c3d4e5", false),
        ];
        let key = |account: &str| -> KeyArn {
            format!("arn:aws:kms:eu-west-1:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab")
                .parse()
                .unwrap()
        };
        for (text, principal, is_attachable) in cases {
            let grantee: Grantee = text.parse().unwrap();
            assert_eq!(grantee.key_principal().to_string(), principal);
            assert_eq!(grantee.attachable().is_some(), is_attachable, "{text}");
            assert_eq!(grantee.served_by_grants(&key("111122223333")).is_some(), text == ROLE, "{text}");
            assert_eq!(grantee.served_by_grants(&key("444455556666")), None, "{text}");
        }
    }
}
