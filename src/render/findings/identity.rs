//! What is said of the policies of requester accounts.

use super::Words;
use crate::plan::finding::identity::Unfit;
use crate::plan::finding::{IdentityFinding, Unsavable};
use crate::plan::listing::{all_listed, listed};

pub(super) fn words(found: &IdentityFinding) -> Words {
    match found {
        IdentityFinding::Unread { reason } => Words::new(format!("IAM was not read: {reason}")),
        IdentityFinding::LeftAlone { error } => {
            Words::new(format!("it is left alone, because it can't be read: {error}"))
        }
        IdentityFinding::Separate { name, why, made, key } => {
            Words::new(format!("{name} is left as it is: {}; so {made} is made for `{key}`", unfit(why)))
        }
        IdentityFinding::NoRoom => {
            Words::new("it has no version left, and the one that would have to go could not be read")
        }
        IdentityFinding::Broader { who, key, purpose } => Words::new(format!(
            "it gives {} more of `{key}` than the {purpose} through EC2 that was asked for",
            listed(who)
        ))
        .hint("keymend takes nothing away: narrow the policy by hand once nobody needs the rest"),
        IdentityFinding::Wider { policy } => Words::new(format!(
            "the policy {policy} allows the key under a further condition, which what this plan adds does not have"
        )),
        IdentityFinding::AttachmentQuota { attached, quota } => {
            Words::new(format!("it has {attached} managed policies attached, and {quota} is the most"))
                .hint("detach one that nobody needs, or ask AWS for a higher quota")
        }
        IdentityFinding::Refused(Unsavable::TooLarge { size, most }) => {
            Words::new(format!("the policy would have {size} characters, AWS takes {most} at most"))
        }
        IdentityFinding::Refused(why) => Words::new(unsavable(why)),
        IdentityFinding::PermissionSet { policies } => Words::new(
            "IAM Identity Center owns this role: nothing can be attached to it, and its name changes when the \
             permission set is assigned anew",
        )
        .hint(format!("reference the customer managed policy {} in the permission set", all_listed(policies))),
    }
}

/// Why a policy can't take the key, after its name and a colon.
fn unfit(why: &Unfit) -> String {
    match why {
        Unfit::Unreadable => "it can't be read".to_owned(),
        Unfit::Refused(Unsavable::RefusedSid(sid)) => {
            format!("IAM refuses to save it again, for the Sid \"{sid}\"")
        }
        Unfit::Strangers(strangers) => {
            format!("it also serves {}, who would get access to the key", all_listed(strangers))
        }
        Unfit::GivesMore => "it gives more than access to this key".to_owned(),
        Unfit::Refused(Unsavable::TooLarge { size, most }) => {
            format!("it would have {size} characters, AWS takes {most} at most")
        }
        Unfit::Refused(why) => unsavable(why),
    }
}

/// Why IAM would not save a policy.
pub(super) fn unsavable(why: &Unsavable) -> String {
    match why {
        Unsavable::RefusedSid(sid) => format!("IAM refuses to save it, for the Sid \"{sid}\""),
        Unsavable::TooLarge { size, most } => {
            format!("it would have {size} characters without white space, AWS takes {most} at most")
        }
        Unsavable::RefusedCharacters => "it has characters that IAM refuses".to_owned(),
        Unsavable::NoStatement => {
            "it would have no statement, and IAM refuses a policy without any".to_owned()
        }
    }
}
