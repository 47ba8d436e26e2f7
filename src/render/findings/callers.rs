//! What is said of those who launch or start.

use super::Words;
use crate::access::Purpose;
use crate::access::inquiry::{how_to_decode, who_called};
use crate::plan::finding::CallerFinding;

pub(super) fn words(found: &CallerFinding) -> Words {
    match found {
        CallerFinding::RefusedElsewhere { action, denial } => {
            Words::new(format!("{action} was refused {denial}, which no change of keymend's mends"))
                .hint("the administrator of the organization or of the account has to change that policy")
        }
        CallerFinding::RefusedByEc2 { call, encoded } => Words::new(format!(
            "EC2 refused {call} itself: no key had a part in it, and no key policy mends it"
        ))
        .hint(how_to_decode(encoded.as_deref())),
        CallerFinding::NoGrantee { action, denial, reason, account } => {
            let denial = denial.as_ref().map_or(String::new(), |denial| format!(" {denial}"));
            Words::new(format!("{action} was refused{denial}; nothing is granted, for the caller {reason}"))
                .hint(reason.way_out(*account))
        }
        CallerFinding::InstanceDenied { action, denial, reason, role } => {
            let words = Words::new(format!(
                "{action} was refused {denial}; nothing is granted, for the caller {reason}"
            ));
            words.hint(if denial.is_explicit {
                format!(
                    "whoever administers that policy has to let the Deny spare the role, with a condition beside its own\n\
                     \"StringNotLike\": {{\"aws:PrincipalArn\": \"{role}\"}}"
                )
            } else {
                format!("whoever administers that policy has to let it allow the call to `{role}`")
            })
        }
        CallerFinding::WholeAccount { account, instance } => {
            let command = who_called(Purpose::Launch, &instance.region, &instance.id);
            Words::new(format!(
                "the instance `{}` does not tell which user or role launched it, so the whole account {account} is let in: \
                 every user and role there whose IAM policies allow the key, and that one's have to",
                instance.id
            ))
            .hint(format!("name the user or role instead: --principal ARN; CloudTrail tells it\n{command}"))
        }
        CallerFinding::Unknown { purpose, account, instance } => {
            let did = match purpose {
                Purpose::Launch => "launched it",
                Purpose::Start => "starts it",
            };
            let command = who_called(*purpose, &instance.region, &instance.id);
            Words::new(format!(
                "the instance does not tell which user or role of account {account} {did}: that one's IAM policies have to \
                 allow the key too"
            ))
            .hint(format!("name it with --principal; CloudTrail tells it\n{command}"))
        }
        CallerFinding::StarterUnknown { account, instance } => {
            let command = who_called(Purpose::Start, &instance.region, &instance.id);
            Words::new(format!(
                "the instance does not tell which user or role of account {account} starts it, and it need not be who \
                 launched it: whether it can start is not known"
            ))
            .hint(format!("name it with --principal; CloudTrail tells it\n{command}"))
        }
    }
}
