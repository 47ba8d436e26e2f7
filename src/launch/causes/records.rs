//! What records tell beside whom to let in: which policy refused, who can be no grantee, what failed.

use super::Causes;
use crate::access::NoGrantee;
use crate::access::chain::{Notice, NoticeSource, Stranger};
use crate::access::no_grantee::identity_only_role;
use crate::arn::{ArnParts, Partition};
use crate::launch::{state_reason, trail};
use crate::observation::ec2::StateReason;
use crate::plan::finding::caller::Denial;
use crate::plan::finding::{CallerFinding, FailureFinding};

impl Causes<'_> {
    pub(super) fn of_records(&mut self) {
        self.of_refusals();
        self.chain.strangers.iter().for_each(|stranger| self.of_stranger(stranger));
        self.chain.notices.iter().for_each(|notice| self.of_notice(notice));
    }

    fn of_refusals(&mut self) {
        for refusal in &self.chain.refusals {
            let Some(denial) = Denial::of(&refusal.message).filter(Denial::is_beyond_us) else { continue };
            let action = refusal.action.clone();
            self.find(&refusal.principal, CallerFinding::RefusedElsewhere { action, denial });
        }
    }

    /// Nothing is granted, and what has to be done instead is told.
    fn of_stranger(&mut self, stranger: &Stranger) {
        let Stranger { principal, account, reason, action, message, .. } = stranger;
        let denial = Denial::of(message);
        match denial.filter(Denial::is_beyond_us) {
            Some(denial) if *reason == NoGrantee::IdentityOnlyRole => {
                self.of_identity_only_role(stranger, denial);
            }
            denial => {
                let (action, reason, account) = (action.clone(), *reason, *account);
                self.find(principal, CallerFinding::NoGrantee { action, denial, reason, account });
            }
        }
    }

    /// EC2's role for an instance: what denies it has to spare it.
    ///
    /// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html#ebs-encryption-instance-permissions>
    fn of_identity_only_role(&mut self, stranger: &Stranger, denial: Denial) {
        let Stranger { principal, account, reason, action, key, .. } = stranger;
        let partition = ArnParts::parse(principal).ok().map(|parts| parts.partition);
        let partition = partition.or_else(|| key.as_ref().map(|key| key.partition));
        let partition = partition.unwrap_or_else(|| Partition::of_region(&self.chain.region));
        let role = match account {
            Some(account) if !denial.is_of_organization() => identity_only_role(partition, account),
            _ => identity_only_role(partition, &"*"),
        };
        let (action, reason) = (action.clone(), *reason);
        self.find(principal, CallerFinding::InstanceDenied { action, denial, reason, role });
    }

    fn of_notice(&mut self, notice: &Notice) {
        let Notice { source, subject, message, .. } = notice;
        match source {
            NoticeSource::Ebs => self.find(subject, FailureFinding::Ebs { told: message.clone() }),
            NoticeSource::AutoScaling => {
                let reason = StateReason { code: String::new(), message: message.clone() };
                let meaning = state_reason::meaning(&reason);
                self.find(subject, FailureFinding::Group { told: message.clone(), meaning });
            }
            NoticeSource::Ec2 => {
                let encoded = trail::encoded_message(message).map(str::to_owned);
                self.find(subject, CallerFinding::RefusedByEc2 { call: subject.clone(), encoded });
            }
        }
    }
}
