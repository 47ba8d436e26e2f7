//! Every cause that is not a policy of a key or an identity, as findings with their ways out.

mod keys;
mod records;
pub(super) mod sharing;

use super::allowed_images::{is_allowed, is_understood, what_is_newer};
use super::callers;
use super::state_reason;
use crate::access::chain::{Chain, FoundImage, FoundSnapshot, Requester};
use crate::access::{Grantee, Purpose, Request};
use crate::arn::{AccountId, KeyArn};
use crate::observation::ec2::{AllowedImages, Image, Instance, StateReason};
use crate::observation::template::LaunchTemplate;
use crate::observation::{KeyManager, Observation, Reading};
use crate::plan::conclusion::Checked;
use crate::plan::finding::image::{NewerImage, SettingChange, SharingDoubt};
use crate::plan::finding::launch_key::Copied;
use crate::plan::finding::{FailureFinding, ImageFinding, LaunchKeyFinding, Placed};
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
    let found = [of(chain, request, observation), of_sharing(chain, request)].concat();
    let managed: Vec<String> = managed_keys(observation).collect();
    let told = [FindingCode::AwsManagedKey, FindingCode::OwnAwsManagedKey];
    if found.iter().any(|finding| told.contains(&finding.code())) {
        let is_told_better = |finding: &Finding| {
            finding.code() == FindingCode::AwsManagedKey && managed.contains(&finding.subject)
        };
        plan.findings.retain(|finding| !is_told_better(finding));
        let own = plan.coverage.iter_mut().filter(|covered| {
            covered.grantee.is_of(covered.key.account) && managed.contains(&covered.key.to_string())
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
    chain.templates.iter().for_each(|template| causes.of_template(template));
    chain.images.iter().for_each(|found| causes.of_image(found));
    chain.all_snapshots().for_each(|found| causes.of_snapshot(found, request));
    causes.of_keys();
    causes.of_default_keys(request);
    causes.of_unseen_key(request);
    causes.of_records();
    causes.findings
}

/// What was concluded of one grantee and key, with what else stands in the way of this one.
pub fn besides(checked: Checked, chain: &Chain, request: &Request, observation: &Observation) -> Checked {
    let alone = request.alone(&checked.assessment.key, &checked.assessment.grantee);
    checked.besides(of(chain, &alone, observation))
}

/// What was found of those whom the images are shared with, which stands in nobody's way in particular.
pub fn of_sharing(chain: &Chain, request: &Request) -> Vec<Finding> {
    sharing::of(chain, request)
}

fn launching(request: &Request) -> Vec<AccountId> {
    let mut accounts: Vec<AccountId> = request.grantees.iter().filter_map(Grantee::account).collect();
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
    fn find(&mut self, subject: &dyn ToString, kind: impl Into<FindingKind>) {
        self.findings.push(Finding::new(subject, kind));
    }

    fn placed(&self, id: &str) -> Placed {
        Placed::new(&self.chain.region, id)
    }

    fn of_instance(&mut self, instance: &Instance) {
        let state = instance.state.clone();
        let told = instance.state_reason.as_ref().map(in_full);
        let meaning = instance.state_reason.as_ref().and_then(state_reason::meaning);
        self.find(&instance.id, FailureFinding::Instance { state, told, meaning });
    }

    /// Nothing where its image was found, or an image is given besides.
    fn of_template(&mut self, template: &LaunchTemplate) {
        let is_found = |image: &String| self.chain.images.iter().any(|found| found.image.id == *image);
        let is_given = |found: &FoundImage| !self.chain.by_templates.contains(&found.image.id);
        if !template.image.as_ref().is_some_and(is_found) && !self.chain.images.iter().any(is_given) {
            self.find(&template.asked, ImageFinding::Untold { image: template.image.clone() });
        }
    }

    fn of_image(&mut self, found: &FoundImage) {
        let image = &found.image;
        let state = image.state.clone();
        if !IMAGE_STATES.contains(&image.state.as_str()) {
            self.find(&image.id, ImageFinding::Newer(NewerImage::State(state)));
        } else if image.state != "available" {
            let (placed, owner) = (self.placed(&image.id), image.owner);
            self.find(&image.id, ImageFinding::OutOfUse { image: placed, state, owner });
        }
        let is_nothing_encrypted = !found.snapshots.is_empty()
            && found
                .snapshots
                .iter()
                .all(|found| found.snapshot.as_ref().is_some_and(|snapshot| !snapshot.is_encrypted));
        // What is not encrypted is, under a key that the launch names.
        let is_key_named = self.chain.named_keys().next().is_some();
        if (is_nothing_encrypted || found.snapshots.is_empty()) && !is_key_named {
            self.find(&image.id, ImageFinding::NothingEncrypted { purpose: Purpose::Launch });
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
            self.find(&image.id, ImageFinding::Newer(NewerImage::Setting { account, what }));
        }
        match (seen, shared) {
            (Some(true), _) | (None, Some(true)) => {}
            (_, Some(false)) => {
                self.not_shared(account, image, true);
            }
            (Some(false), None) if !may_be_hidden => {
                self.not_shared(account, image, false);
            }
            (Some(false), _) if verdict == Some(false) && may_be_hidden => {}
            (Some(false), _) => {
                self.find(&image.id, ImageFinding::NotSeen { account });
            }
            (None, None) => self.unread(account, found, requester),
        }
    }

    fn not_shared(&mut self, account: AccountId, image: &Image, is_read: bool) {
        let (placed, owner) = (self.placed(&image.id), image.owner);
        self.find(&image.id, ImageFinding::NotShared { account, image: placed, owner, is_read });
    }

    fn unread(&mut self, account: AccountId, found: &FoundImage, requester: &Requester) {
        let why = match (requester.sees.get(&found.image.id), &found.launch) {
            (Some(Reading::Unread(reason)), _) | (None, Reading::Unread(reason)) => {
                SharingDoubt::Unread(reason.clone())
            }
            (_, Reading::Read(shares)) if !shares.unknown.is_empty() => {
                SharingDoubt::Newer(shares.unknown.clone())
            }
            // An organization that it is shared with may hold the account or not.
            _ => SharingDoubt::Organization,
        };
        self.find(&found.image.id, ImageFinding::SharingUnknown { account, why });
    }

    fn not_allowed(&mut self, account: AccountId, image: &Image, settings: &AllowedImages) {
        let way_out = if is_understood(settings) {
            let region = self.chain.region.clone();
            SettingChange::Criteria { region, criteria: settings.criteria.clone() }
        } else if settings.managed_by == "declarative-policy" {
            SettingChange::DeclarativePolicy
        } else {
            SettingChange::ByHand
        };
        let (owner, is_enabled) = (image.owner, settings.state == "enabled");
        self.find(&image.id, ImageFinding::KeptOut { account, owner, is_enabled, way_out });
    }

    fn of_snapshot(&mut self, found: &FoundSnapshot, request: &Request) {
        let Some(snapshot) = &found.snapshot else {
            return self.find(&found.id, ImageFinding::SnapshotUnseen);
        };
        if !snapshot.unknown.is_empty() {
            let told = snapshot.unknown.clone();
            self.find(&snapshot.id, ImageFinding::Newer(NewerImage::Encryption(told)));
        }
        let is_asked_about = |key| request.keys.is_empty() || request.keys.contains(key);
        if !snapshot.associated_keys.is_empty() && snapshot.key.as_ref().is_none_or(is_asked_about) {
            let keys = snapshot.associated_keys.clone();
            self.find(&snapshot.id, LaunchKeyFinding::AssociatedKeys { keys });
        }
        let state = snapshot.state.clone();
        if !SNAPSHOT_STATES.contains(&snapshot.state.as_str()) {
            self.find(&snapshot.id, ImageFinding::Newer(NewerImage::SnapshotState(state)));
        } else if snapshot.state != "completed" {
            self.find(&snapshot.id, ImageFinding::SnapshotOutOfUse { state });
        }
        if is_under(found, self.managed) {
            return;
        }
        let Reading::Read(shares) = &found.shares else { return };
        let foreign = self.accounts.iter().filter(|account| **account != snapshot.owner);
        for account in foreign.filter(|account| shares.include(**account) == Some(false)) {
            let (account, placed) = (*account, self.placed(&snapshot.id));
            self.find(&snapshot.id, ImageFinding::SnapshotNotShared { account, snapshot: placed });
        }
    }

    /// Keys of another region, and those that AWS manages.
    fn of_keys(&mut self) {
        let region = self.chain.region.clone();
        let here: Vec<KeyArn> = self.chain.keys().into_iter().cloned().collect();
        let found = self.chain.all_snapshots().filter_map(|found| found.snapshot.as_ref()?.key.as_ref());
        let found = found.filter(|key| key.region != region).map(ToString::to_string);
        for key in self.chain.elsewhere.iter().cloned().chain(found).collect::<Vec<String>>() {
            let (region, here) = (region.clone(), here.clone());
            self.find(&key, LaunchKeyFinding::OtherRegion { region, here });
        }
        let managed = self.managed;
        for found in &self.chain.images {
            let is_managed = |found: &&FoundSnapshot| is_under(found, managed);
            if let Some(snapshot) = found.snapshots.iter().find(is_managed) {
                let Image { id, name, .. } = &found.image;
                self.of_managed_key(snapshot, Copied::Image { id: id.clone(), name: name.clone() });
            }
        }
        for found in self.chain.snapshots.iter().filter(|found| is_under(found, managed)) {
            self.of_managed_key(found, Copied::Snapshot(found.id.clone()));
        }
    }

    fn of_managed_key(&mut self, found: &FoundSnapshot, copied: Copied) {
        let Some(snapshot) = &found.snapshot else { return };
        let owner = snapshot.owner;
        let others: Vec<AccountId> =
            self.accounts.iter().copied().filter(|account| *account != owner).collect();
        if others.is_empty() {
            return self.find(&found.id, LaunchKeyFinding::OwnManagedKey { owner });
        }
        let region = self.chain.region.clone();
        self.find(&found.id, LaunchKeyFinding::ManagedKey { owner, region, copied, others });
    }
}

/// What EC2 says of a state: its code and its message, which often begins with the code.
fn in_full(StateReason { code, message }: &StateReason) -> String {
    let words = if message.is_empty() { code } else { message };
    if words.contains(code) { words.clone() } else { format!("{code}: {words}") }
}

fn is_under(found: &FoundSnapshot, keys: &[String]) -> bool {
    let key = found.snapshot.as_ref().and_then(|snapshot| snapshot.key.as_ref());
    key.is_some_and(|key| keys.contains(&key.to_string()))
}

#[cfg(test)]
mod tests;
