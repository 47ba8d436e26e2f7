//! What is said of accounts and OUs of which it is not known where they stand in AWS Organizations.

use super::Words;
use crate::plan::finding::MembershipFinding;

pub(super) fn words(found: &MembershipFinding) -> Words {
    match found {
        MembershipFinding::Organization { account, reason } => Words::new(format!(
            "of which organization account {account} is a member is not known, and access depends on it: {reason}"
        ))
        .hint(settled(&account.to_string())),
        MembershipFinding::Path { account, organization, reason } => Words::new(format!(
            "where in the organization `{organization}` account {account} is, is not known, and access depends on it: {reason}"
        ))
        .hint(OF_PATHS),
        MembershipFinding::OfKey { account, members, reason } => Words::new(format!(
            "whether account {account}, whose key it is, is a member of the organization `{}` is not known: {reason}",
            members.organization()
        ))
        .hint(settled(&account.to_string())),
        MembershipFinding::Unit { unit, reason } => Words::new(format!(
            "its ARN tells no path, so `*` stands for what is above it (`{}`): {reason}",
            unit.pattern()
        ))
        .hint(format!("{OF_PATHS}; or give --ou its path")),
    }
}

const OF_PATHS: &str = "organizations:ListParents settles it, with credentials of the management account or of a delegated \
                        administrator (--account-profile ACCOUNT=PROFILE)";

fn settled(account: &str) -> String {
    format!(
        "organizations:DescribeOrganization settles it, with credentials of account {account} (--account-profile \
         {account}=PROFILE); or organizations:ListAccounts, with those of the management account or of a delegated administrator"
    )
}
