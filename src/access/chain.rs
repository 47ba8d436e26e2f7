//! From what somebody has, an instance or an image, to the keys: what was found on the way.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GranteeRef;
use crate::arn::{AccountId, KeyArn};
use crate::observation::Reading;
use crate::observation::ec2::{AllowedImages, EbsDefaults, Image, Instance, Shares, Snapshot, Volume};

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Chain {
    /// Where EC2 was looked at.
    pub region: String,
    /// The instances asked about.
    pub instances: Vec<Instance>,
    /// Their images, and those asked about.
    pub images: Vec<FoundImage>,
    /// Snapshots asked about without an image.
    pub snapshots: Vec<FoundSnapshot>,
    /// Volumes of the instances, and those asked about.
    pub volumes: Vec<Volume>,
    /// What KMS refused, by CloudTrail.
    pub refusals: Vec<Refusal>,
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
    /// The key it was about.
    pub key: KeyArn,
    /// AWS's words.
    pub message: String,
}

impl Chain {
    /// Whether nothing was looked for.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty()
            && self.images.is_empty()
            && self.snapshots.is_empty()
            && self.volumes.is_empty()
            && self.refusals.is_empty()
    }

    /// Whether something was found that lives in one region, with its keys.
    pub fn is_in_a_region(&self) -> bool {
        !(self.images.is_empty() && self.snapshots.is_empty() && self.volumes.is_empty())
    }

    /// The ids asked about, each with the option that names it; what an instance led to is named by the instance.
    pub fn options(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let is_of_instance = |id: &String| {
            self.instances.iter().any(|instance| instance.image == *id || instance.volumes.contains(id))
        };
        let instances = self.instances.iter().map(|instance| ("--instance", instance.id.as_str()));
        let images = self.images.iter().map(|found| &found.image.id).filter(move |id| !is_of_instance(id));
        let volumes = self.volumes.iter().map(|volume| &volume.id).filter(move |id| !is_of_instance(id));
        let snapshots = self.snapshots.iter().map(|found| ("--snapshot", found.id.as_str()));
        let images = images.map(|id| ("--ami", id.as_str()));
        instances.chain(images).chain(snapshots).chain(volumes.map(|id| ("--volume", id.as_str())))
    }

    /// Every snapshot that counts.
    pub fn all_snapshots(&self) -> impl Iterator<Item = &FoundSnapshot> {
        self.images.iter().flat_map(|found| &found.snapshots).chain(&self.snapshots)
    }

    /// The keys that everybody who launches has to use, each once, in the order found.
    ///
    /// A key of another region than the image's can't be what its snapshot is encrypted under: it is left out.
    pub fn keys(&self) -> Vec<&KeyArn> {
        let of_snapshots = self.all_snapshots().filter_map(|found| found.snapshot.as_ref()?.key.as_ref());
        let of_volumes = self.volumes.iter().filter_map(|volume| volume.key.as_ref());
        let here = of_snapshots.chain(of_volumes).filter(|key| key.region == self.region);
        let refused = self.refusals.iter().map(|refusal| &refusal.key);
        let mut keys = Vec::new();
        for key in here.chain(refused) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// The account's default EBS key, where its volumes are encrypted anew under a key that a policy guards.
    ///
    /// That is so for snapshots that another account owns, and for all that is not encrypted where the account
    /// encrypts always. <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption.html#encryption-parameters>
    pub fn default_key(&self, account: AccountId) -> Option<&EbsDefaults> {
        let defaults = self.requesters.get(&account)?.ebs.read()?;
        let is_encrypted_anew = |snapshot: &Snapshot| {
            if snapshot.is_encrypted { snapshot.owner != account } else { defaults.is_always }
        };
        let mut snapshots = self.all_snapshots().filter_map(|found| found.snapshot.as_ref());
        (!defaults.is_aws_managed() && snapshots.any(is_encrypted_anew)).then_some(defaults)
    }
}
