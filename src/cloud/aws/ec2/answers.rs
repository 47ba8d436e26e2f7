//! EC2's answers: what is read of them, and what it means. Elements that are not named here are passed over.
//!
//! Entities other than XML's own five are refused, nothing is fetched, and what is passed over is not kept, however
//! deep it is.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

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

impl From<ArnError> for Unexpected {
    fn from(error: ArnError) -> Self {
        Self(error.to_string())
    }
}

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
    is_public: bool,
    #[serde(default)]
    block_device_mapping: Set<BlockDevice>,
}

#[derive(Debug, Deserialize)]
struct BlockDevice {
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
}

impl TryFrom<ImageItem> for Image {
    type Error = Unexpected;

    fn try_from(item: ImageItem) -> Result<Self, Unexpected> {
        let mut snapshots = Vec::new();
        for snapshot in
            item.block_device_mapping.item.into_iter().filter_map(|device| device.ebs?.snapshot_id)
        {
            if !snapshot.is_empty() && !snapshots.contains(&snapshot) {
                snapshots.push(snapshot);
            }
        }
        Ok(Self {
            id: item.image_id,
            owner: item.image_owner_id.parse()?,
            owner_alias: item.image_owner_alias.filter(|alias| !alias.is_empty()),
            name: item.name.unwrap_or_default(),
            state: item.image_state,
            is_public: item.is_public,
            snapshots,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SnapshotItem {
    snapshot_id: String,
    owner_id: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    encrypted: bool,
    #[serde(default)]
    kms_key_id: Option<String>,
}

impl SnapshotItem {
    pub(super) fn into_snapshot(self, region: &str) -> Result<Snapshot, Unexpected> {
        let owner: AccountId = self.owner_id.parse()?;
        Ok(Snapshot {
            id: self.snapshot_id,
            owner,
            state: self.status,
            is_encrypted: self.encrypted,
            key: key(self.kms_key_id, region, owner)?,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VolumeItem {
    volume_id: String,
    #[serde(default)]
    snapshot_id: Option<String>,
    #[serde(default)]
    encrypted: bool,
    #[serde(default)]
    kms_key_id: Option<String>,
}

impl VolumeItem {
    /// A volume belongs to whoever sees it.
    pub(super) fn into_volume(self, region: &str, owner: AccountId) -> Result<Volume, Unexpected> {
        Ok(Volume {
            id: self.volume_id,
            snapshot: self.snapshot_id.filter(|id| !id.is_empty()),
            is_encrypted: self.encrypted,
            key: key(self.kms_key_id, region, owner)?,
        })
    }
}

/// A key by its ARN, as the reference has it; by its id alone it is the owner's.
fn key(text: Option<String>, region: &str, owner: AccountId) -> Result<Option<KeyArn>, Unexpected> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let arn = if text.starts_with("arn:") {
        text
    } else {
        format!("arn:{}:kms:{region}:{owner}:key/{text}", Partition::of_region(region))
    };
    Ok(Some(arn.parse()?))
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

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Share {
    group: Option<String>,
    user_id: Option<String>,
    organization_arn: Option<String>,
    organizational_unit_arn: Option<String>,
}

impl TryFrom<Attribute> for Shares {
    type Error = Unexpected;

    fn try_from(attribute: Attribute) -> Result<Self, Unexpected> {
        let mut shares = Self::default();
        for share in
            attribute.launch_permission.item.into_iter().chain(attribute.create_volume_permission.item)
        {
            shares.all |= share.group.as_deref() == Some("all");
            if let Some(account) = share.user_id {
                shares.accounts.push(account.parse()?);
            }
            shares.organizations.extend(share.organization_arn);
            shares.organizations.extend(share.organizational_unit_arn);
        }
        Ok(shares)
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

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Criterion {
    image_provider_set: Set<String>,
    image_name_set: Set<String>,
    marketplace_product_code_set: Set<String>,
    creation_date_condition: Option<Created>,
    deprecation_time_condition: Option<Deprecated>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    maximum_days_since_created: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deprecated {
    maximum_days_since_deprecated: Option<u32>,
}

impl From<AllowedImagesSettings> for AllowedImages {
    fn from(settings: AllowedImagesSettings) -> Self {
        let criterion = |criterion: Criterion| ImageCriterion {
            providers: criterion.image_provider_set.item,
            names: criterion.image_name_set.item,
            product_codes: criterion.marketplace_product_code_set.item,
            days_since_created: criterion.creation_date_condition.and_then(|c| c.maximum_days_since_created),
            days_since_deprecated: criterion
                .deprecation_time_condition
                .and_then(|condition| condition.maximum_days_since_deprecated),
        };
        Self {
            state: settings.state,
            managed_by: settings.managed_by,
            criteria: settings.image_criterion_set.item.into_iter().map(criterion).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
