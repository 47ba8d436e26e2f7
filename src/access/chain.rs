//! From what somebody has, an instance or an image, to the keys: what was found on the way.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Grantee, GranteeRef, NoGrantee, Purpose, Request};
use crate::arn::{AccountId, KeyArn};
use crate::observation::Reading;
use crate::observation::ec2::{AllowedImages, EbsDefaults, Image, Instance, Shares, Snapshot, Volume};
use crate::observation::template::{AutoScalingGroup, Device, LaunchTemplate, TemplateRef};
use crate::observation::usage::Usage;

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Chain {
    /// Where EC2 was looked at.
    pub region: String,
    /// What was looked for: what a launch goes by, or what stopped instances start with, which is their volumes.
    #[serde(default)]
    pub purpose: Purpose,
    /// The instances asked about.
    pub instances: Vec<Instance>,
    /// Their images, and those asked about.
    pub images: Vec<FoundImage>,
    /// Snapshots asked about without an image.
    pub snapshots: Vec<FoundSnapshot>,
    /// Volumes of the instances, and those asked about.
    pub volumes: Vec<Volume>,
    /// The Auto Scaling groups asked about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<AutoScalingGroup>,
    /// The launch templates and launch configurations asked about, and those of the groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<LaunchTemplate>,
    /// The ids of images and snapshots that nothing but templates led to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub by_templates: BTreeSet<String>,
    /// What KMS refused, by CloudTrail.
    pub refusals: Vec<Refusal>,
    /// Refusals of callers that can be no grantees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strangers: Vec<Stranger>,
    /// What EBS, Auto Scaling and EC2 tell of launches that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// The accounts that are let in as a whole because nothing told the user or role; not known where a file does not
    /// tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived_accounts: Option<BTreeSet<AccountId>>,
    /// Whether those whom the images are shared with are to be let in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// Keys that were named and are of another region, so that they can't be meant.
    pub elsewhere: Vec<String>,
    /// The accounts that launch.
    pub requesters: BTreeMap<AccountId, Requester>,
}

/// An image, with what only its owner is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundImage {
    /// The image.
    pub image: Image,
    /// Who may launch it.
    pub launch: Reading<Shares>,
    /// Who uses it, where it is asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Reading<Usage>>,
    /// Its snapshots, in the order of its block devices.
    pub snapshots: Vec<FoundSnapshot>,
}

/// A snapshot, with what only its owner is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundSnapshot {
    /// Its id.
    pub id: String,
    /// The snapshot; `None` where it does not exist or is not shown to the account that looked.
    pub snapshot: Option<Snapshot>,
    /// Who may make volumes and copies of it.
    pub shares: Reading<Shares>,
}

/// What an account that launches has set for itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Requester {
    /// How its volumes are encrypted.
    pub ebs: Reading<EbsDefaults>,
    /// Which images it lets itself use.
    pub allowed_images: Reading<AllowedImages>,
    /// Other accounts' images, by id, and whether it sees them.
    pub sees: BTreeMap<String, Reading<bool>>,
}

/// A call that KMS refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// Who called.
    pub principal: GranteeRef,
    /// What it called, as IAM names the permission: `kms:CreateGrant`.
    pub action: String,
    /// The key it was about; across accounts AWS may leave it out.
    pub key: Option<KeyArn>,
    /// AWS's words.
    pub message: String,
}

/// A call that KMS refused to somebody who can be no grantee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stranger {
    /// Who called, as the record names it.
    pub principal: String,
    /// Its account, where the record tells it.
    pub account: Option<AccountId>,
    /// Why it is no grantee.
    pub reason: NoGrantee,
    /// What it called, as IAM names the permission.
    pub action: String,
    /// The key it was about.
    pub key: Option<KeyArn>,
    /// AWS's words.
    pub message: String,
}

/// What a service tells of a launch that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// Who tells it.
    pub source: NoticeSource,
    /// What it is about: a volume's ARN, a group's name, an operation.
    pub subject: String,
    /// AWS's words.
    pub message: String,
    /// The key that the words name.
    pub key: Option<KeyArn>,
    /// Who launched, where that is told.
    pub launcher: Option<GranteeRef>,
}

/// Who tells that something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeSource {
    /// EBS, of a volume or a snapshot.
    ///
    /// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-cloud-watch-events.html>
    Ebs,
    /// Auto Scaling, of a group's launch.
    ///
    /// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html>
    AutoScaling,
    /// EC2, which refused a call itself.
    Ec2,
}

impl Chain {
    /// Whether nothing was looked for.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty()
            && self.images.is_empty()
            && self.snapshots.is_empty()
            && self.volumes.is_empty()
            && self.groups.is_empty()
            && self.templates.is_empty()
            && self.refusals.is_empty()
            && self.strangers.is_empty()
            && self.notices.is_empty()
    }

    /// Whether something was found that lives in one region, with its keys.
    pub fn is_in_a_region(&self) -> bool {
        let is_anything = !(self.images.is_empty() && self.snapshots.is_empty() && self.volumes.is_empty());
        is_anything || !self.templates.is_empty()
    }

    /// Whether an instance or a launch template led to an image, a snapshot or a volume.
    pub fn is_led_to(&self, id: &String) -> bool {
        let is_of = |instance: &Instance| instance.image == *id || instance.volumes.contains(id);
        self.by_templates.contains(id) || self.instances.iter().any(is_of)
    }

    /// The ids asked about, each with the option that names it; what an instance led to is named by the instance.
    pub fn options(&self) -> impl Iterator<Item = (&'static str, String)> {
        let of_groups: Vec<&TemplateRef> = self.groups.iter().flat_map(|group| &group.templates).collect();
        let groups = self.groups.iter().map(|group| ("--auto-scaling-group", group.name.clone()));
        let named = self.templates.iter().filter(move |template| !of_groups.contains(&&template.asked));
        let templates = named.map(|template| ("--launch-template", template.asked.to_string()));
        let instances = self.instances.iter().map(|instance| ("--instance", &instance.id));
        let images = self.images.iter().map(|found| ("--ami", &found.image.id));
        let snapshots = self.snapshots.iter().map(|found| ("--snapshot", &found.id));
        let volumes = self.volumes.iter().map(|volume| ("--volume", &volume.id));
        let sources = images.chain(snapshots).chain(volumes).filter(|(_, id)| !self.is_led_to(id));
        let ids = instances.chain(sources).map(|(option, id)| (option, id.clone()));
        ids.chain(groups).chain(templates)
    }

    /// Every snapshot that counts.
    pub fn all_snapshots(&self) -> impl Iterator<Item = &FoundSnapshot> {
        self.images.iter().flat_map(|found| &found.snapshots).chain(&self.snapshots)
    }

    /// The keys that everybody who launches or starts has to use, each once, in the order found.
    ///
    /// A key of another region than the image's can't be what its snapshot is encrypted under: it is left out.
    pub fn keys(&self) -> Vec<&KeyArn> {
        let of_snapshots = self.all_snapshots().filter_map(|found| found.snapshot.as_ref()?.key.as_ref());
        let of_volumes = self.volumes.iter().filter_map(|volume| volume.key.as_ref());
        let here = of_snapshots.chain(of_volumes).filter(|key| key.region == self.region);
        let mut keys = Vec::new();
        for key in here.chain(told_keys(&self.refusals, &self.strangers, &self.notices)) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// The accounts that a request lets in as a whole though nobody named them.
    pub fn derived_accounts(&self, request: &Request) -> BTreeSet<AccountId> {
        let unnamed: BTreeSet<AccountId> = self.derived_accounts.clone().unwrap_or_else(|| {
            let refused = self.refusals.iter().filter_map(|refusal| match &refusal.principal {
                GranteeRef::Account(account) => Some(*account),
                _ => None,
            });
            let instances = self.instances.iter().filter(|instance| instance.auto_scaling_group.is_none());
            instances.map(|instance| instance.owner).chain(refused).collect()
        });
        let accounts = request.grantees.iter().filter_map(|grantee| match grantee {
            Grantee::Account { id, .. } => Some(*id),
            Grantee::Entity(_)
            | Grantee::ServiceLinkedRole(_)
            | Grantee::Members(_)
            | Grantee::MembersRole(_) => None,
        });
        accounts.filter(|account| unnamed.contains(account)).collect()
    }

    /// The account's default EBS key, where its volumes are encrypted anew under a key that a policy guards.
    ///
    /// That is so for snapshots that another account owns, and for all that is not encrypted where the account
    /// encrypts always. <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption.html#encryption-parameters>
    pub fn default_key(&self, account: AccountId) -> Option<&EbsDefaults> {
        let defaults = self.requesters.get(&account)?.ebs.read()?;
        (!defaults.is_aws_managed() && self.encrypted_anew(account).is_some()).then_some(defaults)
    }

    /// The first snapshot that is not used as it is: what an account launches from it is encrypted under the account's
    /// default EBS key.
    pub fn encrypted_anew(&self, account: AccountId) -> Option<&Snapshot> {
        let defaults = self.requesters.get(&account)?.ebs.read()?;
        let is_encrypted_anew = |snapshot: &&Snapshot| {
            if snapshot.is_encrypted { snapshot.owner != account } else { defaults.is_always }
        };
        let named = |image| move |found: &&FoundSnapshot| !self.is_under_a_named_key(image, &found.id);
        let of_images = self
            .images
            .iter()
            .flat_map(|FoundImage { image, snapshots, .. }| snapshots.iter().filter(named(Some(image))));
        let others = self.snapshots.iter().filter(named(None));
        of_images.chain(others).filter_map(|found| found.snapshot.as_ref()).find(is_encrypted_anew)
    }

    /// Whether every launch that leads to a snapshot names the key for the volume that is made from it.
    ///
    /// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption.html#encryption-parameters>
    fn is_under_a_named_key(&self, image: Option<&Image>, snapshot: &String) -> bool {
        if !self.by_templates.contains(image.map_or(snapshot, |image| &image.id)) {
            return false;
        }
        let device = image.and_then(|image| image.devices.get(snapshot));
        let names_it = |template: &LaunchTemplate| {
            let is_it = |own: &Device| {
                own.snapshot.as_ref() == Some(snapshot) || device.is_some_and(|device| own.name == *device)
            };
            template.devices.iter().any(|own| is_it(own) && own.key.is_some())
        };
        let mut launching = self.launching(image, snapshot).peekable();
        launching.peek().is_some() && launching.all(names_it)
    }

    /// The templates by which a snapshot is launched, by itself or with its image.
    fn launching(&self, image: Option<&Image>, snapshot: &str) -> impl Iterator<Item = &LaunchTemplate> {
        let is_by = move |template: &&LaunchTemplate| match image {
            None => template.devices.iter().any(|device| device.snapshot.as_deref() == Some(snapshot)),
            Some(image) => {
                let overriding = self.groups.iter().filter(|group| group.images.contains(&image.id));
                template.image.as_ref() == Some(&image.id)
                    || overriding.flat_map(|group| &group.templates).any(|asked| *asked == template.asked)
            }
        };
        self.templates.iter().filter(is_by)
    }

    /// The keys that launches name for their volumes, as they name them, each with the account that launches.
    pub fn named_keys(&self) -> impl Iterator<Item = (AccountId, &str)> {
        self.templates.iter().flat_map(|template| {
            let keys = template.devices.iter().filter_map(|device| device.key.as_deref());
            keys.map(|key| (template.owner, key))
        })
    }
}

/// The keys that records tell. What was refused to somebody who can be no grantee, or what failed without telling whom,
/// counts where nobody is told who can be one: nobody gets a key that somebody else was refused.
pub fn told_keys<'r>(
    refusals: &'r [Refusal],
    strangers: &'r [Stranger],
    notices: &'r [Notice],
) -> impl Iterator<Item = &'r KeyArn> {
    let is_told = !refusals.is_empty() || notices.iter().any(|notice| notice.launcher.is_some());
    let refused = refusals.iter().filter_map(|refusal| refusal.key.as_ref());
    let noticed = notices.iter().filter(move |notice| !is_told || notice.launcher.is_some());
    let of_strangers =
        strangers.iter().filter(move |_| !is_told).filter_map(|stranger| stranger.key.as_ref());
    refused.chain(noticed.filter_map(|notice| notice.key.as_ref())).chain(of_strangers)
}
