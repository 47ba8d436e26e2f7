//! Launch templates, launch configurations and Auto Scaling groups in a world.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::shape::{Object, objects};
use crate::arn::{AccountId, EntityArn};

/// A launch template.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct LaunchTemplate {
    pub(in crate::cloud::sandbox) owner: AccountId,
    pub(in crate::cloud::sandbox) region: Option<String>,
    pub(in crate::cloud::sandbox) name: String,
    #[serde(default = "one")]
    pub(in crate::cloud::sandbox) default_version: u64,
    /// By number.
    #[serde(deserialize_with = "objects")]
    pub(in crate::cloud::sandbox) versions: BTreeMap<u64, Launch>,
}

/// A launch configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct LaunchConfiguration {
    pub(in crate::cloud::sandbox) owner: AccountId,
    pub(in crate::cloud::sandbox) region: Option<String>,
    pub(in crate::cloud::sandbox) launch: Object<Launch>,
}

/// What a launch names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct Launch {
    pub(in crate::cloud::sandbox) image: Option<String>,
    #[serde(default)]
    pub(in crate::cloud::sandbox) devices: Vec<Object<Device>>,
}

/// A block device.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct Device {
    pub(in crate::cloud::sandbox) name: String,
    pub(in crate::cloud::sandbox) snapshot: Option<String>,
    /// An id, an alias or an ARN.
    pub(in crate::cloud::sandbox) key: Option<String>,
}

/// An Auto Scaling group.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct AutoScalingGroup {
    pub(in crate::cloud::sandbox) owner: AccountId,
    pub(in crate::cloud::sandbox) region: Option<String>,
    /// The service-linked role, where it is not the default one.
    pub(in crate::cloud::sandbox) role: Option<EntityArn>,
    /// Launch templates, those of overrides included, as `--launch-template` takes them.
    #[serde(default)]
    pub(in crate::cloud::sandbox) templates: Vec<String>,
    pub(in crate::cloud::sandbox) launch_configuration: Option<String>,
    /// Images that overrides name.
    #[serde(default)]
    pub(in crate::cloud::sandbox) images: Vec<String>,
}

fn one() -> u64 {
    1
}
