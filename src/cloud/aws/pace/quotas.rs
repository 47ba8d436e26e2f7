//! How often AWS takes each call, in one account and Region, and where that is written. A call across accounts counts for
//! the caller's.

use std::time::Duration;

use super::limit::Limit;

/// <https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html>. All can be raised for an account; whoever
/// has done that is paced by the defaults nevertheless.
const KMS: [(&str, Limit); 9] = [
    ("kms:CreateGrant", Limit::per_second(50)),
    ("kms:DescribeKey", Limit::per_second(2000)),
    ("kms:GetKeyLastUsage", Limit::per_second(5)),
    ("kms:GetKeyPolicy", Limit::per_second(1000)),
    ("kms:ListAliases", Limit::per_second(500)),
    ("kms:ListGrants", Limit::per_second(100)),
    ("kms:ListKeys", Limit::per_second(500)),
    ("kms:PutKeyPolicy", Limit::per_second(15)),
    ("kms:RevokeGrant", Limit::per_second(50)),
];

/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
const ORGANIZATIONS: [(&str, Limit); 4] = [
    ("organizations:DescribeOrganization", Limit::per_second(1)),
    ("organizations:ListAccounts", Limit::per_second(8)),
    ("organizations:ListAccountsForParent", Limit::per_second(5)),
    ("organizations:ListParents", Limit::per_second(5)),
];

/// The reads of EC2 that are neither filtered nor paged have less. Whether naming ids is filtering is not said, so what names
/// them is taken to be none.
///
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
const EC2_UNPAGED: [&str; 4] =
    ["ec2:DescribeImages", "ec2:DescribeInstances", "ec2:DescribeSnapshots", "ec2:DescribeVolumes"];
const OF_EC2_UNPAGED: Limit = Limit::bucket(50, Duration::from_millis(104));

/// Every other read of EC2, on the same page: each action has a bucket of its own.
const OF_EC2: Limit = Limit::bucket(100, Duration::from_millis(52));

/// IAM publishes nothing: those are the rates that others keep to who read whole accounts.
const IAM: [(&str, Limit); 3] = [
    ("iam:GetPolicy", Limit::in_bursts(35)),
    ("iam:GetPolicyVersion", Limit::in_bursts(35)),
    ("iam:ListEntitiesForPolicy", Limit::in_bursts(40)),
];

/// The same for every other call of IAM's: the lowest rate that anybody keeps to.
const OF_IAM: Limit = Limit::in_bursts(15);

/// By practice, too: no page gives a figure for sessions of roles in other accounts.
///
/// <https://repost.aws/knowledge-center/iam-sts-throttling-error>
const STS: [(&str, Limit); 1] =
    [("sts:AssumeRole", Limit::Window { calls: 50, within: Duration::from_millis(60 * 1040) })];

/// How many calls of an operation, named as its permission, are taken; none where nobody says.
pub(super) fn known(operation: &str) -> Option<Limit> {
    let rows = KMS.iter().chain(&ORGANIZATIONS).chain(&IAM).chain(&STS);
    let row = rows.copied().find(|(name, _)| *name == operation).map(|(_, limit)| limit);
    row.or_else(|| match operation.split_once(':')?.0 {
        "iam" => Some(OF_IAM),
        "ec2" if EC2_UNPAGED.contains(&operation) => Some(OF_EC2_UNPAGED),
        "ec2" => Some(OF_EC2),
        _ => None,
    })
}
