//! Reads of EC2: what instances launch from, and what each account lets itself use.

use std::collections::BTreeSet;

use super::CloudError;
use crate::arn::AccountId;
use crate::observation::ec2::{AllowedImages, EbsDefaults, Image, Instance, Shares, Snapshot, Volume};
use crate::observation::template::{AutoScalingGroup, LaunchTemplate, TemplateRef};
use crate::observation::usage::Usage;

/// From where EC2 is looked at: it shows each account what that account owns and what is shared with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Viewpoint {
    /// The account whose credentials ask; the default ones where none is named.
    pub account: Option<AccountId>,
    /// The region; the configured one where none is named.
    pub region: Option<String>,
}

impl Viewpoint {
    /// The same region with an account's credentials.
    #[must_use]
    pub fn of(&self, account: AccountId) -> Self {
        Self { account: Some(account), region: self.region.clone() }
    }
}

/// Reads of EC2. What does not exist and what is not shown to the account that asks are the same: `None`.
pub trait ObserveEc2 {
    /// The region where none is named.
    fn region(&self) -> Option<String>;

    /// The accounts that credentials were given for by name.
    fn accounts(&self) -> Result<BTreeSet<AccountId>, CloudError>;

    /// ec2:DescribeImages, page by page: the images that the account that asks owns, without those of which EC2 tells that
    /// nothing is encrypted. Disabled ones are not among them.
    async fn images_owned(&self, from: &Viewpoint) -> Result<Vec<Image>, CloudError>;

    /// ec2:DescribeImages.
    async fn image(&self, from: &Viewpoint, id: &str) -> Result<Option<Image>, CloudError>;

    /// ec2:DescribeSnapshots.
    async fn snapshot(&self, from: &Viewpoint, id: &str) -> Result<Option<Snapshot>, CloudError>;

    /// ec2:DescribeVolumes.
    async fn volume(&self, from: &Viewpoint, id: &str) -> Result<Option<Volume>, CloudError>;

    /// ec2:DescribeInstances. A terminated instance is shown for about an hour.
    async fn instance(&self, from: &Viewpoint, id: &str) -> Result<Option<Instance>, CloudError>;

    /// ec2:DescribeImageAttribute for `launchPermission`, which only the image's owner may read.
    async fn launch_permissions(&self, from: &Viewpoint, image: &str) -> Result<Shares, CloudError>;

    /// ec2:DescribeImageUsageReports and ec2:DescribeImageUsageReportEntries: of the reports that were made for the
    /// image in the account that asks.
    async fn image_usage(&self, from: &Viewpoint, image: &str) -> Result<Usage, CloudError>;

    /// ec2:DescribeSnapshotAttribute for `createVolumePermission`, which only the snapshot's owner may read.
    async fn volume_permissions(&self, from: &Viewpoint, snapshot: &str) -> Result<Shares, CloudError>;

    /// ec2:GetEbsDefaultKmsKeyId and ec2:GetEbsEncryptionByDefault.
    async fn ebs_defaults(&self, from: &Viewpoint) -> Result<EbsDefaults, CloudError>;

    /// ec2:GetAllowedImagesSettings.
    async fn allowed_images(&self, from: &Viewpoint) -> Result<AllowedImages, CloudError>;

    /// ec2:DescribeLaunchTemplateVersions, where parameters of Systems Manager are resolved, or
    /// autoscaling:DescribeLaunchConfigurations.
    async fn template(
        &self,
        from: &Viewpoint,
        template: &TemplateRef,
    ) -> Result<Option<LaunchTemplate>, CloudError>;

    /// autoscaling:DescribeAutoScalingGroups.
    async fn auto_scaling_group(
        &self,
        from: &Viewpoint,
        name: &str,
    ) -> Result<Option<AutoScalingGroup>, CloudError>;
}
