//! What EC2 tells of images, snapshots, volumes and instances, as far as a launch depends on it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arn::{AccountId, KeyArn};

/// An Amazon Machine Image.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Image.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Image {
    /// `ami-…`.
    pub id: String,
    /// The account that owns it.
    pub owner: AccountId,
    /// The alias of an owner that is AWS itself or a marketplace: `amazon`, `aws-marketplace`.
    pub owner_alias: Option<String>,
    /// Its name.
    pub name: String,
    /// `available`, `pending`, `failed`, `disabled`, …
    pub state: String,
    /// Whether every account may launch it.
    pub is_public: bool,
    /// The EBS snapshots of its block devices.
    pub snapshots: Vec<String>,
    /// Its devices, by the snapshot that each is made from; not known where a file does not tell them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub devices: BTreeMap<String, String>,
}

/// An EBS snapshot.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Snapshot.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// `snap-…`.
    pub id: String,
    /// The account that owns it.
    pub owner: AccountId,
    /// `completed`, `pending`, `error`, …
    pub state: String,
    /// Whether it is encrypted.
    pub is_encrypted: bool,
    /// The key it is encrypted under.
    pub key: Option<KeyArn>,
    /// Keys that are associated with it besides, each as EC2 names it: they give access to its data too.
    ///
    /// <https://docs.aws.amazon.com/ebs/latest/userguide/associated-kms-keys.html>
    #[serde(default)]
    pub associated_keys: Vec<String>,
    /// What is newer than this program and may say how it is encrypted: values and names of elements.
    #[serde(default)]
    pub unknown: Vec<String>,
}

/// An EBS volume.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Volume.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Volume {
    /// `vol-…`.
    pub id: String,
    /// The snapshot it was made from.
    pub snapshot: Option<String>,
    /// Whether it is encrypted.
    pub is_encrypted: bool,
    /// The key it is encrypted under.
    pub key: Option<KeyArn>,
}

/// An instance, terminated ones included as long as EC2 remembers them.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// `i-…`.
    pub id: String,
    /// The account that launched it.
    pub owner: AccountId,
    /// The image it was launched from.
    pub image: String,
    /// `pending`, `running`, `terminated`, …
    pub state: String,
    /// Why it changed its state last.
    pub state_reason: Option<StateReason>,
    /// The EBS volumes that are attached still; a terminated instance has none.
    pub volumes: Vec<String>,
    /// The Auto Scaling group that launched it.
    pub auto_scaling_group: Option<String>,
}

impl Instance {
    /// Whether it can be started, now or in a moment.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state.as_str(), "stopped" | "stopping")
    }

    /// Whether it never starts again.
    pub fn is_gone(&self) -> bool {
        matches!(self.state.as_str(), "terminated" | "shutting-down")
    }
}

/// Why an instance changed its state.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateReason {
    /// Such as `Client.InternalError`.
    pub code: String,
    /// In words.
    pub message: String,
}

/// Whom an image or a snapshot is shared with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Shares {
    /// With everybody.
    pub all: bool,
    /// With these accounts.
    pub accounts: Vec<AccountId>,
    /// With organizations and organizational units, by ARN: whose accounts belong to them is not told.
    pub organizations: Vec<String>,
    /// With whom else, in forms that are newer than this program.
    #[serde(default)]
    pub unknown: Vec<String>,
}

impl Shares {
    /// Whether an account is among them; `None` where only its organization tells.
    pub fn include(&self, account: AccountId) -> Option<bool> {
        match self.all || self.accounts.contains(&account) {
            true => Some(true),
            false if self.organizations.is_empty() && self.unknown.is_empty() => Some(false),
            false => None,
        }
    }
}

/// How an account's new volumes are encrypted in a region where nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EbsDefaults {
    /// The default key: an ARN, or `alias/aws/ebs` where none was chosen.
    pub key: String,
    /// Whether volumes are encrypted even where nobody asks for it.
    pub is_always: bool,
}

impl EbsDefaults {
    /// Whether the key is the one that AWS manages, which everybody in the account may use by EBS.
    pub fn is_aws_managed(&self) -> bool {
        self.key.ends_with("alias/aws/ebs")
    }
}

/// Which images an account lets itself use in a region.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetAllowedImagesSettings.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AllowedImages {
    /// `disabled`, `enabled` or `audit-mode`.
    pub state: String,
    /// `account`, or `declarative-policy` where the organization decides.
    pub managed_by: String,
    /// An image has to meet one of these; without any, no other account's image may be used.
    pub criteria: Vec<ImageCriterion>,
}

/// All of this has to hold for an image.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ImageCriterion {
    /// Owners, by account id or alias.
    pub providers: Vec<String>,
    /// Names, with `?` and `*`.
    pub names: Vec<String>,
    /// Marketplace product codes.
    pub product_codes: Vec<String>,
    /// The most days since it was created.
    pub days_since_created: Option<u32>,
    /// The most days since it was deprecated.
    pub days_since_deprecated: Option<u32>,
    /// What else it asks of an image, by the names of elements that are newer than this program.
    #[serde(default)]
    pub unknown: Vec<String>,
}
