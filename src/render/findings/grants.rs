//! What is said of the grants of service-linked roles.

use super::Words;
use crate::plan::finding::GrantFinding;
use crate::plan::finding::grant::Barrier;
use crate::plan::listing::all_listed;

pub(super) fn words(found: &GrantFinding) -> Words {
    match found {
        GrantFinding::Unread { reason } => {
            Words::new(format!("the grants on the key were not read: {reason}")).hint(
                "without them nobody can tell whether a service-linked role has its grant already, nor prove it \
                 afterwards; it takes kms:ListGrants with credentials of the key's account",
            )
        }
        GrantFinding::NoCredentials { account } => {
            Words::new(format!("the grant can't be created: no credentials for account {account}"))
        }
        GrantFinding::Untried { value, is_read } => {
            let version = if *is_read {
                ""
            } else {
                "the key policy has to be of the `Version` 2012-10-17, or nobody can make a grant by that statement; "
            };
            Words::new(format!(
                "the key policy lets each account make its grant by `{value}` in kms:GranteePrincipal: AWS does not document \
                 that KMS puts the caller's account there, and it has not been tried; where KMS does not, no account can make \
                 a grant"
            ))
            .hint(format!(
                "{version}if CreateGrant is refused then, name the accounts one by one, --autoscaling ACCOUNT: their roles' \
                 ARNs are written out"
            ))
        }
        GrantFinding::MembershipUnknown { account } => Words::new(format!(
            "a statement of the key policy for an organization may let account {account} create the grant already: of which \
             organization it is a member is not known"
        ))
        .hint(format!(
            "organizations:DescribeOrganization with credentials of account {account} settles it: --account-profile \
             {account}=PROFILE"
        )),
        GrantFinding::Denied { statements, key, account } => Words::new(format!(
            "{} of the key policy of `{key}` denies account {account} the grant that it needs, and no Allow outweighs a \
             Deny",
            statements.join(" and ")
        ))
        .hint("keymend never touches a Deny: have it changed first"),
        GrantFinding::Forbidden { caller, by, statement } => {
            Words::new(format!("`{caller}` may not create the grant: {}", barrier(by, "")))
                .hint(format!("its IAM policies need this statement: {statement}"))
        }
        GrantFinding::Uncertain { caller, by, statement } => Words::new(format!(
            "whether `{caller}` may create the grant is not known: {}",
            barrier(by, " surely")
        ))
        .hint(format!("its IAM policies need this statement: {statement}")),
    }
}

fn barrier(by: &Barrier, surely: &str) -> String {
    let not_allowing = |what: &str| {
        format!(
            "{what} not{surely} allow kms:CreateGrant on the key's ARN for a call that no AWS service makes"
        )
    };
    match by {
        Barrier::KeyPolicyDenies => "the key policy denies it kms:CreateGrant".to_owned(),
        Barrier::OwnPoliciesDeny => "its own policies deny it kms:CreateGrant".to_owned(),
        Barrier::Boundary => not_allowing("its permissions boundary does"),
        Barrier::Identity => not_allowing("its IAM policies do"),
        Barrier::Keys(keys) => format!("it depends on {}", all_listed(keys)),
        Barrier::Unread { reason } => format!("its policies were not read: {reason}"),
    }
}
