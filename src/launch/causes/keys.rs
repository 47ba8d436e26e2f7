//! Keys that a launch needs besides those of its snapshots: an account's default EBS key, and what the launch itself
//! names.

use super::Causes;
use crate::access::chain::{NoticeSource, Requester};
use crate::access::{Purpose, Request};
use crate::arn::AccountId;
use crate::launch::state_reason;
use crate::observation::Reading;
use crate::observation::ec2::Instance;
use crate::plan::finding::LaunchKeyFinding;
use crate::plan::finding::failure::StateMeaning;
use crate::plan::finding::launch_key::EncryptedAnew;

impl Causes<'_> {
    pub(super) fn of_default_keys(&mut self, request: &Request) {
        let is_only = request.keys.len() == request.only_for.len();
        for (key, accounts) in &request.only_for {
            for account in accounts {
                let why = self.why_default_key(*account);
                let found = LaunchKeyFinding::DefaultKey { account: *account, is_second: !is_only, why };
                self.find(key, found);
            }
        }
        let is_key_found = !request.keys.is_empty();
        for account in self.accounts {
            // Where no key is found, all hangs on whether the account encrypts by default.
            let mut snapshots = self.chain.all_snapshots().filter_map(|found| found.snapshot.as_ref());
            let is_concerned = snapshots.any(|snapshot| !is_key_found || snapshot.owner != *account);
            if let (true, Some(Requester { ebs: Reading::Unread(reason), .. })) =
                (is_concerned, self.chain.requesters.get(account))
            {
                let (account, reason) = (*account, reason.clone());
                self.find(&account, LaunchKeyFinding::DefaultKeyUnread { account, reason, is_key_found });
            }
        }
    }

    /// <https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html>
    fn why_default_key(&self, account: AccountId) -> EncryptedAnew {
        match self.chain.encrypted_anew(account) {
            Some(snapshot) if !snapshot.is_encrypted => {
                EncryptedAnew::ByDefault { snapshot: snapshot.id.clone() }
            }
            Some(snapshot) => EncryptedAnew::Foreign { snapshot: snapshot.id.clone(), owner: snapshot.owner },
            None => EncryptedAnew::Untold,
        }
    }

    /// EC2 points to a key, and none is found: the launch itself may name one, which nothing shows afterwards.
    ///
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html>
    pub(super) fn of_unseen_key(&mut self, request: &Request) {
        let is_suspect = |instance: &&Instance| {
            let reason = instance.state_reason.as_ref();
            reason.and_then(state_reason::meaning).is_some_and(StateMeaning::may_be_of_a_key)
        };
        let noticed = self.chain.notices.iter().find(|notice| notice.source == NoticeSource::AutoScaling);
        let instance = self.chain.instances.iter().find(is_suspect);
        let subject = instance.map(|instance| &instance.id).or(noticed.map(|notice| &notice.subject));
        // A key of another region is told as what it is.
        let mut snapshots = self.chain.all_snapshots().filter_map(|found| found.snapshot.as_ref());
        let is_none_found = request.keys.is_empty() && snapshots.all(|snapshot| snapshot.key.is_none());
        // What starts has its volumes already, and they show their keys.
        let is_none_found = is_none_found && request.purpose == Purpose::Launch;
        let (Some(subject), true) = (subject, is_none_found) else { return };
        let (subject, instance) = (subject.clone(), instance.map(|instance| instance.id.clone()));
        self.find(&subject, LaunchKeyFinding::KeyUnseen { region: self.chain.region.clone(), instance });
    }
}
