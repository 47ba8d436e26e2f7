//! EC2's answers: what is read of them, and what it means.
//!
//! AWS adds words and elements to its answers at any time, and none of that makes one unreadable: words are taken as they
//! stand, and whoever concludes from one knows which words it knows. Elements that are not named here are passed over, but
//! for those of which the absence would be a conclusion: keys of snapshots, criteria of images, who things are shared with.
//!
//! Entities other than XML's own five are refused, nothing is fetched, and what is passed over is not kept, however
//! deep it is.

mod node;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use self::node::Node;
use crate::arn::{AccountId, ArnError, KeyArn, Partition};
use crate::observation::ec2::{
    AllowedImages, Image, ImageCriterion, Instance, Shares, Snapshot, StateReason, Volume,
};

/// An answer that is not what the API's reference promises.
#[derive(Debug)]
pub(super) struct Unexpected(String);

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Unexpected {
    /// Of what should be a time.
    pub(super) fn time(text: &str) -> Self {
        Self(format!("`{text}` is no time"))
    }
}

impl From<ArnError> for Unexpected {
    fn from(error: ArnError) -> Self {
        Self(error.to_string())
    }
}

const TRUE: &str = "true";

/// Reads an answer.
pub(super) fn parse<T: DeserializeOwned>(xml: &str) -> Result<T, Unexpected> {
    quick_xml::de::from_str(xml).map_err(|error| Unexpected(error.to_string()))
}

/// A list, which EC2 wraps: `<imagesSet><item>…</item></imagesSet>`.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct Set<T> {
    #[serde(default = "Vec::new")]
    pub(super) item: Vec<T>,
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self { item: Vec::new() }
    }
}

/// One page of a list that may go on.
pub(super) trait Page {
    type Item;

    /// What is on it, and the token of the next one.
    fn into_parts(self) -> (Vec<Self::Item>, Option<String>);
}

/// Defines the pages of a list by the name of its element.
macro_rules! page {
    ($page:ident, $item:ty, $element:literal) => {
        #[derive(Debug, Deserialize)]
        pub(super) struct $page {
            #[serde(default, rename = $element)]
            set: Set<$item>,
            #[serde(default, rename = "nextToken")]
            next: Option<String>,
        }

        impl Page for $page {
            type Item = $item;

            fn into_parts(self) -> (Vec<$item>, Option<String>) {
                (self.set.item, self.next.filter(|token| !token.is_empty()))
            }
        }
    };
}

pub(super) use page;

page!(ImagesPage, ImageItem, "imagesSet");
page!(SnapshotsPage, SnapshotItem, "snapshotSet");
page!(VolumesPage, VolumeItem, "volumeSet");
page!(ReservationsPage, ReservationItem, "reservationSet");

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageItem {
    image_id: String,
    image_owner_id: String,
    #[serde(default)]
    image_owner_alias: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    image_state: String,
    #[serde(default)]
    is_public: String,
    #[serde(default)]
    block_device_mapping: Set<BlockDevice>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockDevice {
    #[serde(default)]
    device_name: String,
    #[serde(default)]
    ebs: Option<Ebs>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ebs {
    #[serde(default)]
    snapshot_id: Option<String>,
    #[serde(default)]
    volume_id: Option<String>,
    #[serde(default)]
    encrypted: String,
}

impl ImageItem {
    /// Whether each of its volumes is told to be unencrypted; of what is not told, nothing is concluded.
    pub(super) fn is_plain(&self) -> bool {
        let mut volumes = self.block_device_mapping.item.iter().filter_map(|device| device.ebs.as_ref());
        volumes.all(|ebs| ebs.encrypted == "false")
    }
}

impl TryFrom<ImageItem> for Image {
    type Error = Unexpected;

    fn try_from(item: ImageItem) -> Result<Self, Unexpected> {
        let mut snapshots = Vec::new();
        let mut devices = BTreeMap::new();
        for BlockDevice { device_name, ebs } in item.block_device_mapping.item {
            let snapshot = ebs.and_then(|ebs| ebs.snapshot_id).unwrap_or_default();
            if !snapshot.is_empty() && !snapshots.contains(&snapshot) {
                devices.insert(snapshot.clone(), device_name);
                snapshots.push(snapshot);
            }
        }
        Ok(Self {
            id: item.image_id,
            owner: item.image_owner_id.parse()?,
            owner_alias: item.image_owner_alias.filter(|alias| !alias.is_empty()),
            name: item.name.unwrap_or_default(),
            state: item.image_state,
            // Of what is neither, whoever launches is looked at.
            is_public: item.is_public == TRUE,
            snapshots,
            devices,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct SnapshotItem(Node);

impl SnapshotItem {
    pub(super) fn into_snapshot(self, region: &str) -> Result<Snapshot, Unexpected> {
        let Self(node) = self;
        let text = |name| node.text_of(name);
        let owner: AccountId = text("ownerId").parse()?;
        let mut encryption =
            Encryption::new(&text("encrypted"), text("kmsKeyId"), &text("sseType"), region, owner);
        let mut associated_keys = Vec::new();
        // How the element of associated keys is named in this answer is not documented.
        // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociatedKmsKey.html
        for (name, child) in node.children.iter().filter(|(name, _)| is_about_further_keys(name)) {
            match child.texts() {
                keys if keys.is_empty() => {}
                keys if keys.iter().all(|key| key.starts_with("arn:")) => associated_keys.extend(keys),
                _ => encryption.unknown.push(name.clone()),
            }
        }
        Ok(Snapshot {
            id: text("snapshotId"),
            owner,
            state: text("status"),
            is_encrypted: encryption.is_encrypted,
            key: encryption.key,
            associated_keys,
            unknown: encryption.unknown,
        })
    }
}

/// Whether an element tells, by its name, of keys besides the one that a snapshot is encrypted under.
fn is_about_further_keys(name: &str) -> bool {
    // "A unique identifier that corresponds to the data encryption key": no key of KMS's.
    const KNOWN: [&str; 2] = ["kmsKeyId", "dataEncryptionKeyId"];
    let folded = name.to_ascii_lowercase();
    (folded.contains("kms") || folded.contains("key")) && !KNOWN.contains(&name)
}

/// How a snapshot or volume is encrypted.
struct Encryption {
    is_encrypted: bool,
    key: Option<KeyArn>,
    unknown: Vec<String>,
}

impl Encryption {
    fn new(encrypted: &str, kms_key_id: String, sse_type: &str, region: &str, owner: AccountId) -> Self {
        let mut unknown = Vec::new();
        if !["", "none", "sse-ebs", "sse-kms"].contains(&sse_type) {
            unknown.push(sse_type.to_owned());
        }
        if !["", TRUE, "false"].contains(&encrypted) {
            unknown.push(encrypted.to_owned());
        }
        let key = key(&kms_key_id, region, owner).unwrap_or_else(|_| {
            unknown.push(kms_key_id);
            None
        });
        // Whatever the word is, something encrypts it.
        let is_encrypted = encrypted == TRUE || key.is_some() || !unknown.is_empty();
        Self { is_encrypted, key, unknown }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VolumeItem {
    volume_id: String,
    #[serde(default)]
    snapshot_id: Option<String>,
    #[serde(default)]
    encrypted: String,
    #[serde(default)]
    kms_key_id: String,
    #[serde(default)]
    sse_type: String,
}

impl VolumeItem {
    /// A volume belongs to whoever sees it.
    pub(super) fn into_volume(self, region: &str, owner: AccountId) -> Volume {
        let encryption = Encryption::new(&self.encrypted, self.kms_key_id, &self.sse_type, region, owner);
        Volume {
            id: self.volume_id,
            snapshot: self.snapshot_id.filter(|id| !id.is_empty()),
            is_encrypted: encryption.is_encrypted,
            key: encryption.key,
        }
    }
}

/// A key by its ARN, as the reference has it; by its id alone it is the owner's.
fn key(text: &str, region: &str, owner: AccountId) -> Result<Option<KeyArn>, ArnError> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.starts_with("arn:") {
        return text.parse().map(Some);
    }
    format!("arn:{}:kms:{region}:{owner}:key/{text}", Partition::of_region(region)).parse().map(Some)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReservationItem {
    owner_id: String,
    #[serde(default)]
    instances_set: Set<InstanceItem>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstanceItem {
    instance_id: String,
    #[serde(default)]
    image_id: String,
    #[serde(default)]
    instance_state: InstanceState,
    #[serde(default)]
    state_reason: Option<StateReasonItem>,
    #[serde(default)]
    block_device_mapping: Set<BlockDevice>,
    #[serde(default)]
    tag_set: Set<Tag>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InstanceState {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct StateReasonItem {
    code: String,
    message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tag {
    key: String,
    value: String,
}

impl ReservationItem {
    pub(super) fn into_instances(self) -> Result<Vec<Instance>, Unexpected> {
        /// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html>
        const GROUP_TAG: &str = "aws:autoscaling:groupName";
        let owner: AccountId = self.owner_id.parse()?;
        let instance = |item: InstanceItem| Instance {
            id: item.instance_id,
            owner,
            image: item.image_id,
            state: item.instance_state.name,
            state_reason: item
                .state_reason
                .map(|reason| StateReason { code: reason.code, message: reason.message })
                .filter(|reason| !reason.code.is_empty()),
            volumes: item
                .block_device_mapping
                .item
                .into_iter()
                .filter_map(|device| device.ebs?.volume_id)
                .collect(),
            auto_scaling_group: item
                .tag_set
                .item
                .into_iter()
                .find(|tag| tag.key == GROUP_TAG)
                .map(|tag| tag.value),
        };
        Ok(self.instances_set.item.into_iter().map(instance).collect())
    }
}

/// Whom an image (`DescribeImageAttribute`) or a snapshot (`DescribeSnapshotAttribute`) is shared with.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attribute {
    #[serde(default)]
    launch_permission: Set<Share>,
    #[serde(default)]
    create_volume_permission: Set<Share>,
}

/// With whom: one member, of which the name tells the kind.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
struct Share(Node);

impl From<Attribute> for Shares {
    fn from(attribute: Attribute) -> Self {
        let mut shares = Self::default();
        let listed =
            attribute.launch_permission.item.into_iter().chain(attribute.create_volume_permission.item);
        for (kind, Node { text, children }) in listed.flat_map(|Share(share)| share.children) {
            match (kind.as_str(), text.parse()) {
                _ if text.is_empty() && children.is_empty() => {}
                ("group", _) if text == "all" => shares.all = true,
                ("userId", Ok(account)) => shares.accounts.push(account),
                ("organizationArn" | "organizationalUnitArn", _) => shares.organizations.push(text),
                _ => shares.unknown.push(format!("{kind} {text}").trim_end().to_owned()),
            }
        }
        shares
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EbsDefaultKey {
    pub(super) kms_key_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EbsEncryption {
    #[serde(default)]
    pub(super) ebs_encryption_by_default: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AllowedImagesSettings {
    state: String,
    #[serde(default)]
    managed_by: String,
    #[serde(default)]
    image_criterion_set: Set<Criterion>,
}

/// All that is asked of an image at once, by names.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
struct Criterion(Node);

impl From<Criterion> for ImageCriterion {
    fn from(Criterion(node): Criterion) -> Self {
        let mut criterion = Self::default();
        let unknown = &mut criterion.unknown;
        for (name, child) in &node.children {
            match name.as_str() {
                "imageProviderSet" => criterion.providers.extend(child.items(unknown)),
                "imageNameSet" => criterion.names.extend(child.items(unknown)),
                "marketplaceProductCodeSet" => criterion.product_codes.extend(child.items(unknown)),
                "creationDateCondition" => {
                    criterion.days_since_created = days(child, "maximumDaysSinceCreated", unknown);
                }
                "deprecationTimeCondition" => {
                    criterion.days_since_deprecated = days(child, "maximumDaysSinceDeprecated", unknown);
                }
                _ => unknown.push(name.clone()),
            }
        }
        criterion
    }
}

/// The days of a condition; the names of whatever else it has.
fn days(condition: &Node, wanted: &str, unknown: &mut Vec<String>) -> Option<u32> {
    let mut days = None;
    for (name, child) in &condition.children {
        match child.text.parse() {
            Ok(number) if name == wanted && child.children.is_empty() => days = Some(number),
            _ => unknown.push(name.clone()),
        }
    }
    days
}

impl From<AllowedImagesSettings> for AllowedImages {
    fn from(settings: AllowedImagesSettings) -> Self {
        Self {
            state: settings.state,
            managed_by: settings.managed_by,
            criteria: settings.image_criterion_set.item.into_iter().map(ImageCriterion::from).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
