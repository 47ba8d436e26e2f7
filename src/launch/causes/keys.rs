//! Keys that a launch needs besides those of its snapshots: an account's default EBS key, and what the launch itself
//! names.

use super::{Causes, how_to_read};
use crate::access::chain::{NoticeSource, Requester};
use crate::access::{Purpose, Request};
use crate::arn::AccountId;
use crate::launch::{commands, state_reason};
use crate::observation::Reading;
use crate::observation::ec2::Instance;
use crate::plan::FindingCode;

impl Causes<'_> {
    pub(super) fn of_default_keys(&mut self, request: &Request) {
        let is_only = request.keys.len() == request.only_for.len();
        for (key, accounts) in &request.only_for {
            for account in accounts {
                let start = if is_only { "" } else { "a second key: " };
                let message = format!("{start}{}", self.why_default_key(*account));
                self.find(FindingCode::DefaultEbsKey, &key.to_string(), message, None);
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
                let message = format!(
                    "the default EBS key of account {account}, under which what it launches may be encrypted anew, is not \
                     known: {reason}"
                );
                let hint = how_to_read(*account, Some(reason));
                let (code, message) = if is_key_found {
                    (FindingCode::LaunchUnread, message)
                } else {
                    (
                        FindingCode::KeyUnseen,
                        format!("no key was found, and whether one is needed is open: {message}"),
                    )
                };
                self.find(code, &account.to_string(), message, Some(hint));
            }
        }
    }

    /// <https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html>
    fn why_default_key(&self, account: AccountId) -> String {
        const USE: &str = "which its grantees, and nobody else's, need to use";
        match self.chain.encrypted_anew(account) {
            Some(snapshot) if !snapshot.is_encrypted => format!(
                "account {account} encrypts every new volume (encryption by default), so what it launches from the \
                 unencrypted snapshot `{}` is encrypted under its default EBS key, {USE}",
                snapshot.id
            ),
            Some(snapshot) => format!(
                "the encrypted snapshot `{}` belongs to another account ({}), so what account {account} launches from it \
                 is encrypted anew under its own default EBS key, {USE} too",
                snapshot.id, snapshot.owner
            ),
            None => {
                format!("what account {account} launches is encrypted under its default EBS key, {USE} too")
            }
        }
    }

    /// EC2 points to a key, and none is found: the launch itself may name one, which nothing shows afterwards.
    ///
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html>
    pub(super) fn of_unseen_key(&mut self, request: &Request) {
        let is_suspect = |instance: &&Instance| {
            let reason = instance.state_reason.as_ref();
            reason.and_then(state_reason::meaning).is_some_and(|meaning| meaning.may_be_of_a_key)
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
        let message = "the failure points to a key, and none that can be seen is one that a policy guards: the launch \
                       itself may name a key (KmsKeyId of a block device), and whether that one can be used is not known";
        let hint = "look where the launch names its volumes, in the launch template, the launch configuration, the fleet or \
                    the call of RunInstances, and give the key: --key ARN";
        let region = &self.chain.region;
        let mut ways = vec![commands::keys_of_launch_template(region)];
        ways.extend(instance.map(|instance| commands::who_called(request.purpose, region, &instance.id)));
        let hint = format!("{hint}\n{}", ways.join("\n"));
        self.find(FindingCode::KeyUnseen, &subject.clone(), message.to_owned(), Some(hint));
    }
}
