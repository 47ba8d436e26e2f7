//! Images, snapshots, volumes and instances in a world.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

use super::shape::{Object, one_of};
use crate::arn::{AccountId, KeyArn};
use crate::observation::usage::{ReportHead, USING};

/// Shared with everybody.
pub(in crate::cloud::sandbox) const ALL: &str = "all";

/// An image.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct Image {
    pub(in crate::cloud::sandbox) owner: AccountId,
    pub(in crate::cloud::sandbox) region: Option<String>,
    #[serde(default)]
    pub(in crate::cloud::sandbox) name: String,
    #[serde(default = "available", deserialize_with = "image_state")]
    pub(in crate::cloud::sandbox) state: String,
    #[serde(default)]
    pub(in crate::cloud::sandbox) snapshots: Vec<String>,
    /// The names of the snapshots' devices, in the same order; without any they are the usual ones.
    #[serde(default)]
    pub(in crate::cloud::sandbox) devices: Vec<String>,
    #[serde(default)]
    pub(in crate::cloud::sandbox) shared_with: Vec<String>,
    #[serde(default)]
    pub(in crate::cloud::sandbox) usage_reports: Vec<Object<UsageReport>>,
}

impl Image {
    /// The device that each snapshot is for.
    pub(in crate::cloud::sandbox) fn devices(&self) -> BTreeMap<String, String> {
        /// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html>
        const USUAL: [&str; 4] = ["/dev/xvda", "/dev/sdf", "/dev/sdg", "/dev/sdh"];
        let usual = USUAL.iter().map(|name| (*name).to_owned());
        let names = if self.devices.is_empty() { usual.collect() } else { self.devices.clone() };
        self.snapshots.iter().cloned().zip(names).collect()
    }
}

/// A report about the use of an image.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct UsageReport {
    pub(in crate::cloud::sandbox) id: String,
    #[serde(default)]
    pub(in crate::cloud::sandbox) age: u64,
    #[serde(default = "available", deserialize_with = "report_state")]
    pub(in crate::cloud::sandbox) state: String,
    #[serde(default = "all_kinds")]
    pub(in crate::cloud::sandbox) kinds: BTreeSet<String>,
    /// The accounts that it was asked for, where that is not all of them.
    #[serde(default)]
    pub(in crate::cloud::sandbox) of_accounts: Vec<AccountId>,
    #[serde(default)]
    pub(in crate::cloud::sandbox) entries: BTreeMap<AccountId, u64>,
}

impl UsageReport {
    pub(in crate::cloud::sandbox) fn head(&self) -> ReportHead {
        ReportHead {
            id: self.id.clone(),
            state: self.state.clone(),
            age: self.age,
            kinds: self.kinds.clone(),
            is_of_some_accounts: !self.of_accounts.is_empty(),
        }
    }
}

/// An EBS snapshot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct Snapshot {
    pub(in crate::cloud::sandbox) owner: AccountId,
    pub(in crate::cloud::sandbox) region: Option<String>,
    #[serde(default = "completed", deserialize_with = "snapshot_state")]
    pub(in crate::cloud::sandbox) state: String,
    pub(in crate::cloud::sandbox) key: Option<KeyArn>,
    #[serde(default)]
    pub(in crate::cloud::sandbox) associated_keys: Vec<KeyArn>,
    #[serde(default)]
    pub(in crate::cloud::sandbox) shared_with: Vec<String>,
}

/// An EBS volume.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct Volume {
    pub(in crate::cloud::sandbox) owner: AccountId,
    pub(in crate::cloud::sandbox) region: Option<String>,
    pub(in crate::cloud::sandbox) key: Option<KeyArn>,
    pub(in crate::cloud::sandbox) snapshot: Option<String>,
}

/// An instance.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct Instance {
    pub(in crate::cloud::sandbox) owner: AccountId,
    pub(in crate::cloud::sandbox) region: Option<String>,
    pub(in crate::cloud::sandbox) image: String,
    #[serde(default = "terminated", deserialize_with = "instance_state")]
    pub(in crate::cloud::sandbox) state: String,
    pub(in crate::cloud::sandbox) state_reason: Option<Object<StateReason>>,
    #[serde(default)]
    pub(in crate::cloud::sandbox) volumes: Vec<String>,
    pub(in crate::cloud::sandbox) auto_scaling_group: Option<String>,
}

/// Why an instance is in its state.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct StateReason {
    pub(in crate::cloud::sandbox) code: String,
    #[serde(default)]
    pub(in crate::cloud::sandbox) message: String,
}

/// An account's Allowed AMIs setting.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct AllowedImages {
    #[serde(deserialize_with = "setting_state")]
    pub(in crate::cloud::sandbox) state: String,
    #[serde(default = "account", deserialize_with = "managed_by")]
    pub(in crate::cloud::sandbox) managed_by: String,
    #[serde(default)]
    pub(in crate::cloud::sandbox) criteria: Vec<Object<Criterion>>,
}

/// What an allowed image meets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct Criterion {
    #[serde(default)]
    pub(in crate::cloud::sandbox) providers: Vec<String>,
    #[serde(default)]
    pub(in crate::cloud::sandbox) names: Vec<String>,
    /// The names of elements that nobody knows yet.
    #[serde(default)]
    pub(in crate::cloud::sandbox) other: Vec<String>,
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Image.html>
fn image_state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    const STATES: [&str; 8] =
        ["available", "pending", "invalid", "deregistered", "transient", "failed", "error", "disabled"];
    one_of(deserializer, &STATES)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Snapshot.html>
fn snapshot_state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    one_of(deserializer, &["completed", "pending", "error", "recoverable", "recovering"])
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImageUsageReport.html>
fn report_state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    one_of(deserializer, &["available", "pending", "error"])
}

fn all_kinds() -> BTreeSet<String> {
    USING.iter().map(ToString::to_string).collect()
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html>
fn instance_state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    one_of(deserializer, &["pending", "running", "shutting-down", "terminated", "stopping", "stopped"])
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetAllowedImagesSettings.html>
fn setting_state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    one_of(deserializer, &["disabled", "enabled", "audit-mode"])
}

fn managed_by<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    one_of(deserializer, &["account", "declarative-policy"])
}

fn available() -> String {
    "available".to_owned()
}

fn completed() -> String {
    "completed".to_owned()
}

fn terminated() -> String {
    "terminated".to_owned()
}

fn account() -> String {
    "account".to_owned()
}
