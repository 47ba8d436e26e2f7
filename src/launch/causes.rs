//! Every cause that is not a policy of a key or an identity, as findings with their ways out.

mod keys;
mod records;

use super::allowed_images::{is_allowed, what_is_newer};
use super::callers;
use super::commands::{self, Copied};
use super::state_reason;
use crate::access::chain::{Chain, FoundImage, FoundSnapshot, Requester};
use crate::access::{Grantee, Request};
use crate::arn::AccountId;
use crate::observation::ec2::{AllowedImages, Image, Instance, Snapshot};
use crate::observation::{KeyManager, Observation, Reading, UnreadReason};
use crate::plan::{self, Case, Finding, FindingCode, FindingKind, Plan, Side};

/// The plan, with every cause besides.
pub fn planned(chain: Chain, request: Request, observation: Observation) -> Case {
    let mut plan = plan::plan(&request, &observation);
    add_to(&mut plan, &chain, &request, &observation);
    Case { chain, request, observation, plan }
}

/// Adds what was found on the way to a plan.
///
/// Of a snapshot under an AWS managed key the plan says less than the chain knows: that finding is replaced.
fn add_to(plan: &mut Plan, chain: &Chain, request: &Request, observation: &Observation) {
    let found = of(chain, request, observation);
    let managed: Vec<String> = managed_keys(observation).collect();
    let told = [FindingCode::AwsManagedKey, FindingCode::OwnAwsManagedKey];
    if found.iter().any(|finding| told.contains(&finding.code())) {
        let is_told_better = |finding: &Finding| {
            finding.code() == FindingCode::AwsManagedKey && managed.contains(&finding.subject)
        };
        plan.findings.retain(|finding| !is_told_better(finding));
        let own = plan.coverage.iter_mut().filter(|covered| {
            covered.key.account == covered.grantee.account() && managed.contains(&covered.key.to_string())
        });
        own.for_each(|covered| (covered.key_policy, covered.identity) = (Side::NotNeeded, Side::NotNeeded));
    }
    for finding in found {
        if !plan.findings.contains(&finding) {
            plan.findings.push(finding);
        }
    }
    plan.findings.sort_by_key(Finding::severity);
}

/// Everything that was found on the way, as far as it matters for those who launch; nothing where nothing was looked
/// for.
pub fn of(chain: &Chain, request: &Request, observation: &Observation) -> Vec<Finding> {
    if chain.is_empty() {
        return Vec::new();
    }
    let accounts = launching(request);
    let managed: Vec<String> = managed_keys(observation).collect();
    let mut causes = Causes { chain, accounts: &accounts, managed: &managed, findings: Vec::new() };
    chain.instances.iter().for_each(|instance| {
        causes.of_instance(instance);
        causes.findings.extend(callers::unknown(chain, instance, request));
        causes.findings.extend(callers::unhindered(chain, instance));
    });
    chain.images.iter().for_each(|found| causes.of_image(found));
    chain.all_snapshots().for_each(|found| causes.of_snapshot(found, request));
    causes.of_keys();
    causes.of_default_keys(request);
    causes.of_unseen_key(request);
    causes.of_records();
    causes.findings
}

fn launching(request: &Request) -> Vec<AccountId> {
    let mut accounts: Vec<AccountId> = request.grantees.iter().map(Grantee::account).collect();
    accounts.sort();
    accounts.dedup();
    accounts
}

fn managed_keys(observation: &Observation) -> impl Iterator<Item = String> {
    let managed = observation
        .keys
        .iter()
        .filter(|(_, key)| key.metadata.read().is_some_and(|metadata| metadata.manager == KeyManager::Aws));
    managed.map(|(arn, _)| arn.to_string())
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Image.html>
const IMAGE_STATES: [&str; 8] =
    ["available", "pending", "invalid", "deregistered", "transient", "failed", "error", "disabled"];

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Snapshot.html>
const SNAPSHOT_STATES: [&str; 5] = ["completed", "pending", "error", "recoverable", "recovering"];

struct Causes<'c> {
    chain: &'c Chain,
    /// Those that launch.
    accounts: &'c [AccountId],
    /// The keys that AWS manages.
    managed: &'c [String],
    findings: Vec<Finding>,
}

impl Causes<'_> {
    fn find(&mut self, code: FindingCode, subject: &str, message: String, hint: Option<String>) {
        self.findings.push(Finding::new(&subject, FindingKind::Told { code, message, hint }));
    }

    fn of_instance(&mut self, instance: &Instance) {
        let state = &instance.state;
        let Some(reason) = &instance.state_reason else {
            let message = format!("the instance is {state}, and EC2 gives no reason");
            return self.find(FindingCode::StateReason, &instance.id, message, None);
        };
        let words = if reason.message.is_empty() { &reason.code } else { &reason.message };
        let told =
            if words.contains(&reason.code) { words.clone() } else { format!("{}: {words}", reason.code) };
        let message = format!("the instance is {state}: `{told}`");
        let meaning = state_reason::meaning(reason).map(|meaning| meaning.words.to_owned());
        self.find(FindingCode::StateReason, &instance.id, message, meaning);
    }

    fn of_image(&mut self, found: &FoundImage) {
        let image = &found.image;
        if !IMAGE_STATES.contains(&image.state.as_str()) {
            let what = format!("the image's state is `{}`", image.state);
            self.unknown(&image.id, &what, "whether anything launches from it");
        } else if image.state != "available" {
            let message = format!("the image is {}: nothing launches from it", image.state);
            self.find(
                FindingCode::ImageState,
                &image.id,
                message,
                way_out_of_state(&self.chain.region, image),
            );
        }
        let is_nothing_encrypted = !found.snapshots.is_empty()
            && found
                .snapshots
                .iter()
                .all(|found| found.snapshot.as_ref().is_some_and(|snapshot| !snapshot.is_encrypted));
        if is_nothing_encrypted || found.snapshots.is_empty() {
            let message =
                "none of its snapshots is encrypted: no key of theirs stands in the way of a launch";
            self.find(FindingCode::NotEncrypted, &image.id, message.to_owned(), None);
        }
        for account in self.accounts.iter().filter(|account| **account != image.owner) {
            self.of_visitor(*account, found);
        }
    }

    /// Another account's image has to be shared with whoever launches it, and allowed there.
    fn of_visitor(&mut self, account: AccountId, found: &FoundImage) {
        let nobody = Requester::default();
        let requester = self.chain.requesters.get(&account).unwrap_or(&nobody);
        let (image, settings) = (&found.image, requester.allowed_images.read());
        let seen = requester.sees.get(&image.id).and_then(Reading::read).copied();
        let shared = if image.is_public {
            Some(true)
        } else {
            found.launch.read().and_then(|shares| shares.include(account))
        };
        let verdict = settings.map_or(Some(true), |settings| is_allowed(settings, image));
        if let (Some(false), Some(settings)) = (verdict, settings) {
            self.not_allowed(account, image, settings);
        }
        // An image that the setting keeps out does not show, shared or not.
        let may_be_hidden = verdict != Some(true)
            && settings
                .is_some_and(|settings| settings.state != "audit-mode" && settings.state != "disabled");
        let newer = settings.filter(|_| verdict.is_none() && seen != Some(true) && may_be_hidden);
        if let Some(what) = newer.and_then(what_is_newer) {
            let what = format!("the Allowed AMIs setting of account {account} has {what}");
            self.unknown(&image.id, &what, "whether it lets the image in");
        }
        match (seen, shared) {
            (Some(true), _) | (None, Some(true)) => {}
            (_, Some(false)) => {
                self.not_shared(account, image, "its launch permission does not name the account");
            }
            (Some(false), None) if !may_be_hidden => {
                self.not_shared(account, image, "the account does not see it");
            }
            (Some(false), _) if verdict == Some(false) && may_be_hidden => {}
            (Some(false), _) => {
                let message = format!(
                    "account {account} does not see the image: its own Allowed AMIs setting, its organization, or a \
                     missing launch permission keeps it out"
                );
                self.find(FindingCode::LaunchPermission, &image.id, message, None);
            }
            (None, None) => self.unread(account, found, requester),
        }
    }

    fn not_shared(&mut self, account: AccountId, image: &Image, why: &str) {
        let message = format!("account {account} may not launch the image: {why}");
        let command = commands::share_image(&self.chain.region, &image.id, account);
        let hint = format!("share it, as its owner, account {}\n{command}", image.owner);
        self.find(FindingCode::LaunchPermission, &image.id, message, Some(hint));
    }

    fn unread(&mut self, account: AccountId, found: &FoundImage, requester: &Requester) {
        let unread = match (requester.sees.get(&found.image.id), &found.launch) {
            (Some(Reading::Unread(reason)), _) | (None, Reading::Unread(reason)) => Some(reason),
            _ => None,
        };
        let reason = match (unread, &found.launch) {
            (Some(reason), _) => reason.to_string(),
            (None, Reading::Read(shares)) if !shares.unknown.is_empty() => {
                format!(
                    "it is shared in a way that keymend does not know (`{}`)",
                    shares.unknown.join("`, `")
                )
            }
            // An organization that it is shared with may hold the account or not.
            _ => format!(
                "it is shared with an organization, and whether account {account} is in it is not told"
            ),
        };
        let message = format!("whether account {account} may launch the image is not known: {reason}");
        let hint = how_to_read(account, unread);
        self.find(FindingCode::LaunchUnread, &found.image.id, message, Some(hint));
    }

    fn not_allowed(&mut self, account: AccountId, image: &Image, settings: &AllowedImages) {
        let owner = image.owner;
        let command = commands::allow_owner(&self.chain.region, settings, owner);
        let hint = match command {
            Some(command) => format!("allow images of account {owner}, in account {account}\n{command}"),
            None if settings.managed_by == "declarative-policy" => {
                "its organization's declarative policy for EC2 decides: allow images of the owner there"
                    .to_owned()
            }
            None => format!(
                "allow images of account {owner} there, by hand: the setting has what keymend does not know, and a command \
                 that replaces it would drop that"
            ),
        };
        let (code, message) = if settings.state == "enabled" {
            let message =
                format!("the Allowed AMIs setting of account {account} keeps out images of account {owner}");
            (FindingCode::ImageNotAllowed, message)
        } else {
            let message = format!(
                "the Allowed AMIs setting of account {account} is in audit mode: enabled, it would keep out images of \
                 account {owner}"
            );
            (FindingCode::ImageAudited, message)
        };
        self.find(code, &image.id, message, Some(hint));
    }

    fn of_snapshot(&mut self, found: &FoundSnapshot, request: &Request) {
        let Some(snapshot) = &found.snapshot else {
            let message =
                "the snapshot is not shown to the accounts that asked, or gone: its key can't be told";
            let hint =
                "give credentials of its owner, --account-profile OWNER=PROFILE, or its key, --key ARN";
            return self.find(
                FindingCode::SnapshotUnseen,
                &found.id,
                message.to_owned(),
                Some(hint.to_owned()),
            );
        };
        if !snapshot.unknown.is_empty() {
            let what = format!("EC2 tells of its encryption `{}`", snapshot.unknown.join("`, `"));
            self.unknown(&snapshot.id, &what, "which keys a launch needs");
        }
        let is_asked_about = |key| request.keys.is_empty() || request.keys.contains(key);
        if !snapshot.associated_keys.is_empty() && snapshot.key.as_ref().is_none_or(is_asked_about) {
            self.of_associated_keys(snapshot);
        }
        if !SNAPSHOT_STATES.contains(&snapshot.state.as_str()) {
            let what = format!("the snapshot's state is `{}`", snapshot.state);
            self.unknown(&snapshot.id, &what, "whether anything launches from it");
        } else if snapshot.state != "completed" {
            let message = format!("the snapshot is {}: nothing launches from it", snapshot.state);
            self.find(FindingCode::ImageState, &snapshot.id, message, None);
        }
        if is_under(found, self.managed) {
            return;
        }
        let Reading::Read(shares) = &found.shares else { return };
        let foreign = self.accounts.iter().filter(|account| **account != snapshot.owner);
        for account in foreign.filter(|account| shares.include(**account) == Some(false)) {
            let message = format!(
                "the snapshot is not shared with account {account}: a launch does not need that, a copy of the image does \
                 (CopyImage)"
            );
            let command = commands::share_snapshot(&self.chain.region, &snapshot.id, *account);
            let hint = format!("to let it copy the image, share the snapshot too\n{command}");
            self.find(FindingCode::SnapshotPermission, &snapshot.id, message, Some(hint));
        }
    }

    /// Something that is newer than keymend: nothing is concluded from it.
    fn unknown(&mut self, subject: &str, what: &str, so: &str) {
        let message = format!("{what}, which keymend does not know: {so} can't be told");
        let hint = "look it up in EC2's API reference, or use a newer keymend".to_owned();
        self.find(FindingCode::UnknownValue, subject, message, Some(hint));
    }

    /// "A second, independent way to access the snapshot's data": which way a launch takes is not documented.
    ///
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateKmsKeyId.html>
    fn of_associated_keys(&mut self, snapshot: &Snapshot) {
        let keys = snapshot.associated_keys.join(", ");
        let message = format!(
            "the snapshot has further keys associated with it ({keys}): either they or its own key may serve a launch, and \
             AWS does not say which is used; keymend looked at its own key alone"
        );
        let hint = "`keymend check` with --key and each of them tells who may use it".to_owned();
        self.find(FindingCode::AssociatedKeys, &snapshot.id, message, Some(hint));
    }

    /// Keys of another region, and those that AWS manages.
    fn of_keys(&mut self) {
        let region = &self.chain.region;
        let here: Vec<String> = self.chain.keys().into_iter().map(ToString::to_string).collect();
        let found = self.chain.all_snapshots().filter_map(|found| found.snapshot.as_ref()?.key.as_ref());
        let found = found.filter(|key| key.region != *region).map(ToString::to_string);
        for key in self.chain.elsewhere.iter().cloned().chain(found).collect::<Vec<String>>() {
            let message = format!(
                "the key is not in the region {region}, where the image is: an image that was copied to another region is \
                 encrypted under a key of that region"
            );
            let hint = if here.is_empty() {
                format!("copy the image to {region} under a key of {region}")
            } else {
                format!("leave --key out: {} is planned, for the region {region}", here.join(", "))
            };
            self.find(FindingCode::KeyRegion, &key, message, Some(hint));
        }
        let managed = self.managed;
        for found in &self.chain.images {
            let is_managed = |found: &&FoundSnapshot| is_under(found, managed);
            if let Some(snapshot) = found.snapshots.iter().find(is_managed) {
                self.of_managed_key(snapshot, Copied::Image(&found.image));
            }
        }
        for found in self.chain.snapshots.iter().filter(|found| is_under(found, managed)) {
            self.of_managed_key(found, Copied::Snapshot(&found.id));
        }
    }

    fn of_managed_key(&mut self, found: &FoundSnapshot, copied: Copied<'_>) {
        let Some(snapshot) = &found.snapshot else { return };
        let foreign: Vec<AccountId> =
            self.accounts.iter().copied().filter(|account| *account != snapshot.owner).collect();
        if foreign.is_empty() {
            let message = format!(
                "the snapshot is encrypted under the AWS managed key (aws/ebs) of account {}, which whoever launches in \
                 that account may use; no other account can be let into it",
                snapshot.owner
            );
            return self.find(FindingCode::OwnAwsManagedKey, &found.id, message, None);
        }
        let message = "the snapshot is encrypted under an AWS managed key (aws/ebs), which no other account can be let into";
        let commands = commands::copy_under_new_key(&self.chain.region, copied, &foreign);
        let hint = format!(
            "copy it under a customer managed key, in account {}\n{}",
            snapshot.owner,
            commands.join("\n")
        );
        self.find(FindingCode::AwsManagedKey, &found.id, message.to_owned(), Some(hint));
    }
}

fn how_to_read(account: AccountId, reason: Option<&UnreadReason>) -> String {
    if matches!(reason, Some(UnreadReason::NoCredentials(_))) {
        format!("give credentials: --account-profile {account}=PROFILE")
    } else {
        format!("`keymend permissions --account {account} --ami` prints what the operator needs there")
    }
}

fn is_under(found: &FoundSnapshot, keys: &[String]) -> bool {
    let key = found.snapshot.as_ref().and_then(|snapshot| snapshot.key.as_ref());
    key.is_some_and(|key| keys.contains(&key.to_string()))
}

fn way_out_of_state(region: &str, image: &Image) -> Option<String> {
    (image.state == "disabled").then(|| {
        let command = commands::enable_image(region, &image.id);
        format!("enable it, as its owner, account {}\n{command}", image.owner)
    })
}

#[cfg(test)]
mod tests;
