//! What is said of key policies.

use super::Words;
use crate::plan::finding::KeyPolicyFinding;
use crate::plan::listing::{all_listed, listed};

pub(super) fn words(found: &KeyPolicyFinding) -> Words {
    match found {
        KeyPolicyFinding::Unread { reason } => Words::new(format!("the key policy was not read: {reason}")),
        KeyPolicyFinding::Unreadable { error } => Words::new(format!("the key policy: {error}")),
        KeyPolicyFinding::RefusedCharacters => {
            Words::new("the key policy has characters that PutKeyPolicy refuses")
                .hint("it takes tab, line feed, carriage return and U+0020 to U+00FF: edit the policy by hand")
        }
        KeyPolicyFinding::Orphans { orphans, can_be_pruned } => {
            let words = Words::new(format!(
                "the key policy names {}, left behind by deleted principals; AWS refuses to save it so",
                all_listed(orphans)
            ));
            words.hint(if *can_be_pruned {
                "give --prune-orphans to remove them first, as a change of its own"
            } else {
                "they stand in a Deny or NotPrincipal, which keymend never touches: edit the policy by hand"
            })
        }
        KeyPolicyFinding::TooLarge { bytes, most } => {
            Words::new(format!("the key policy would have {bytes} bytes, AWS takes {most} at most"))
                .hint("name accounts instead of their users and roles, or remove statements that nobody needs")
        }
        KeyPolicyFinding::NoStatement => {
            Words::new("no statement would be left in the key policy, and AWS refuses a policy without any")
                .hint("let somebody in first, such as the account of the key")
        }
        KeyPolicyFinding::Lockout { caller } => Words::new(format!(
            "the key policy does not allow `{caller}` or its account kms:PutKeyPolicy; AWS refuses a policy that locks \
             its author out"
        ))
        .hint("run it with credentials that the key policy lets change it"),
        KeyPolicyFinding::NoVariables { version, role } => {
            let version = match version {
                Some(version) => format!("is of the version `{version}`"),
                None => "has no `Version`, which makes it one of 2008-10-17".to_owned(),
            };
            Words::new(format!(
                "the key policy {version}, and takes `${{aws:PrincipalAccount}}` for plain text: no statement in it lets each \
                 account of {} make the grant of its own {}",
                role.members,
                role.name()
            ))
            .hint(format!(
                "name the accounts one by one, --autoscaling {}; or set its `Version` to 2012-10-17 by hand, once you have seen \
                 that no other statement has a `${{`",
                role.option_value(&"ACCOUNT")
            ))
        }
        KeyPolicyFinding::Inert { statement } => Words::new(format!(
            "{statement} of the key policy has no Action or no Resource: it does nothing, and AWS may refuse to save it"
        )),
        KeyPolicyFinding::RepeatedSid { sid } => Words::new(format!(
            "several statements of the key policy have the Sid \"{sid}\": AWS may refuse to save it, and nobody can \
             tell them apart"
        ))
        .hint("give each statement a Sid of its own, or none"),
        KeyPolicyFinding::OpenToAnyone { statement, is_negated, conditions } => {
            let whom = if *is_negated { "everyone but those it names" } else { "every AWS account" };
            let why = match conditions {
                0 => "without a condition",
                1 => "and its condition confines it to nobody",
                _ => "and its conditions confine it to nobody",
            };
            Words::new(format!("open to anyone: {statement} of the key policy is for {whom}, {why}")).hint(
                "have it name who needs the key, or confine it by a condition, such as StringEquals on \
                 aws:PrincipalOrgID; keymend never narrows a statement",
            )
        }
        KeyPolicyFinding::LacksGrants { statement, who } => Words::new(format!(
            "{statement} of the key policy lets `{who}` use the key, but not kms:CreateGrant, as older pages of AWS have \
             it: no instance launches by it"
        )),
        KeyPolicyFinding::Broader { statement, who, purpose } => Words::new(format!(
            "{statement} of the key policy gives {} more than the {purpose} through EC2 that was asked for",
            listed(who)
        ))
        .hint("keymend takes nothing away: narrow the statement by hand once nobody needs the rest"),
        KeyPolicyFinding::Wider { statement, who } => Words::new(format!(
            "{statement} of the key policy lets {} use it under a further condition, which what this plan adds does \
             not have",
            listed(who)
        )),
    }
}
