//! What records tell beside whom to let in: which policy refused, who can be no grantee, what failed.

use super::Causes;
use crate::access::NoGrantee;
use crate::access::chain::{Notice, NoticeSource, Stranger};
use crate::access::no_grantee::identity_only_role;
use crate::arn::{ArnParts, Partition};
use crate::launch::denial::Denial;
use crate::launch::{state_reason, trail};
use crate::observation::ec2::StateReason;
use crate::plan::FindingCode;

impl Causes<'_> {
    pub(super) fn of_records(&mut self) {
        self.of_refusals();
        self.chain.strangers.iter().for_each(|stranger| self.of_stranger(stranger));
        self.chain.notices.iter().for_each(|notice| self.of_notice(notice));
    }

    fn of_refusals(&mut self) {
        for refusal in &self.chain.refusals {
            let Some(denial) = Denial::of(&refusal.message).filter(Denial::is_beyond_us) else { continue };
            let message =
                format!("{} was refused {denial}, which no change of keymend's mends", refusal.action);
            let hint = "the administrator of the organization or of the account has to change that policy";
            self.find(
                FindingCode::RefusedElsewhere,
                &refusal.principal.to_string(),
                message,
                Some(hint.to_owned()),
            );
        }
    }

    /// Nothing is granted, and what has to be done instead is told.
    fn of_stranger(&mut self, stranger: &Stranger) {
        let Stranger { principal, account, reason, action, message, .. } = stranger;
        let denial = Denial::of(message);
        match denial.filter(Denial::is_beyond_us) {
            Some(denial) if *reason == NoGrantee::IdentityOnlyRole => {
                self.of_identity_only_role(stranger, &denial);
            }
            denial => {
                let denial = denial.map_or(String::new(), |denial| format!(" {denial}"));
                let message =
                    format!("{action} was refused{denial}; nothing is granted, for the caller {reason}");
                self.find(FindingCode::NoGrantee, principal, message, Some(reason.way_out(*account)));
            }
        }
    }

    /// EC2's role for an instance: what denies it has to spare it.
    ///
    /// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html#ebs-encryption-instance-permissions>
    fn of_identity_only_role(&mut self, stranger: &Stranger, denial: &Denial<'_>) {
        let Stranger { principal, account, reason, action, key, .. } = stranger;
        let partition = ArnParts::parse(principal).ok().map(|parts| parts.partition);
        let partition = partition.or_else(|| key.as_ref().map(|key| key.partition));
        let partition = partition.unwrap_or_else(|| Partition::of_region(&self.chain.region));
        let role = match account {
            Some(account) if !denial.is_of_organization() => identity_only_role(partition, account),
            _ => identity_only_role(partition, &"*"),
        };
        let message = format!("{action} was refused {denial}; nothing is granted, for the caller {reason}");
        let hint = if denial.is_explicit {
            format!(
                "whoever administers that policy has to let the Deny spare the role, with a condition beside its own\n\
                 \"StringNotLike\": {{\"aws:PrincipalArn\": \"{role}\"}}"
            )
        } else {
            format!("whoever administers that policy has to let it allow the call to `{role}`")
        };
        self.find(FindingCode::IdentityOnlyRoleDenied, principal, message, Some(hint));
    }

    fn of_notice(&mut self, notice: &Notice) {
        let Notice { source, subject, message, .. } = notice;
        match source {
            NoticeSource::Ebs => {
                let message = format!("EBS failed: `{message}`");
                self.find(FindingCode::StateReason, subject, message, None);
            }
            NoticeSource::AutoScaling => {
                let reason = StateReason { code: String::new(), message: message.clone() };
                let meaning = state_reason::meaning(&reason).map(|meaning| meaning.words.to_owned());
                let message = format!("a launch of the Auto Scaling group failed: `{message}`");
                self.find(FindingCode::StateReason, subject, message, meaning);
            }
            NoticeSource::Ec2 => {
                let told = format!(
                    "EC2 refused {subject} itself: no key had a part in it, and no key policy mends it"
                );
                let hint = trail::how_to_decode(message);
                self.find(FindingCode::RefusedElsewhere, subject, told, Some(hint));
            }
        }
    }
}
