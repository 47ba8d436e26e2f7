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
