//! What is read of EC2 and of Auto Scaling, in one region, with one set of credentials.

mod answers;
mod templates;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::SystemTime;

use serde::de::DeserializeOwned;
use tokio::try_join;

use self::answers::{
    AllowedImagesSettings, Attribute, EbsDefaultKey, EbsEncryption, ImagesPage, Page, ReservationsPage,
    SnapshotsPage, Unexpected, VolumesPage,
};
use self::templates::{ConfigurationsPage, GroupsPage, VersionsPage};
use self::usage::{EntriesPage, ReportsPage};
use super::Aws;
use super::ec2_client::{Api, Client, Query, QueryError};
use super::errors::Call;
use super::session::Session;
use crate::arn::AccountId;
use crate::cloud::ec2::{ObserveEc2, Viewpoint};
use crate::cloud::{CloudError, CloudErrorKind};
use crate::observation::ec2::{AllowedImages, EbsDefaults, Image, Instance, Shares, Snapshot, Volume};
use crate::observation::template::{AutoScalingGroup, LaunchTemplate, TemplateRef};
use crate::observation::usage::{ReportHead, Usage, UsageReport};

/// More pages of one list than EC2 has ever reason to give.
const MOST_PAGES: usize = 1000;

/// As many images as one answer has at most.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html>
const IMAGES_A_PAGE: &str = "1000";

/// Whom a call is made as, where, and about what.
struct Ec2 {
    client: Client,
    session: Rc<Session>,
    region: String,
    call: Call,
}

impl Aws {
    async fn ec2(
        &self,
        from: &Viewpoint,
        operation: &'static str,
        resource: &str,
    ) -> Result<Ec2, CloudError> {
        let mut call = Call {
            operation,
            resource: resource.to_owned(),
            account: from.account,
            region: from.region.clone(),
        };
        let session = match from.account {
            Some(account) => self.sessions.required(&call, account).await?,
            None => Rc::clone(self.sessions.default_session()),
        };
        call.account = call.account.or(session.known_caller().map(|caller| caller.account));
        call.region = call.region.or_else(|| self.region());
        let region = call.region.clone().ok_or_else(|| {
            call.error(CloudErrorKind::Other, "no region is configured: give --region, or set AWS_REGION")
        })?;
        let client = session
            .query(Api::of(operation), &region)
            .await
            .map_err(|what| call.error(CloudErrorKind::Other, what))?;
        Ok(Ec2 { client, session, region, call })
    }
}

impl Ec2 {
    async fn ask<T: DeserializeOwned>(&self, query: Query) -> Result<T, CloudError> {
        let answer = self.client.operation().invoke(query).await.map_err(|error| {
            let own_id = error.as_service_error().and_then(QueryError::request_id).map(str::to_owned);
            let failed = self.call.failed(&error);
            CloudError { request_id: failed.request_id.clone().or(own_id), ..failed }
        })?;
        answers::parse(&answer).map_err(|error| self.call.unexpected(error))
    }

    /// Everything on every page of a list about things named; nothing where EC2 does not show them.
    async fn list<P: Page + DeserializeOwned>(&self, query: Query) -> Result<Vec<P::Item>, CloudError> {
        let mut items = Vec::new();
        let mut next = Some(query.clone());
        for _ in 0..MOST_PAGES {
            let Some(page) = next.take() else { return Ok(items) };
            let page: P = match self.ask(page).await {
                Err(error) if error.kind == CloudErrorKind::NotFound => return Ok(Vec::new()),
                answer => answer?,
            };
            let (found, token) = page.into_parts();
            items.extend(found);
            next = token.map(|token| query.clone().with("NextToken", &token));
        }
        Err(self.call.unexpected("a list without an end"))
    }

    fn unexpected(&self, error: &Unexpected) -> CloudError {
        self.call.unexpected(error)
    }
}

impl ObserveEc2 for Aws {
    fn region(&self) -> Option<String> {
        self.default_region().map(str::to_owned)
    }

    fn accounts(&self) -> Result<BTreeSet<AccountId>, CloudError> {
        Ok(self.sessions.named().collect())
    }

    async fn images_owned(&self, from: &Viewpoint) -> Result<Vec<Image>, CloudError> {
        let ec2 = self.ec2(from, "ec2:DescribeImages", "*").await?;
        let query = Query::new("DescribeImages")
            .with_each("Owner", &["self".to_owned()])
            .with("MaxResults", IMAGES_A_PAGE);
        let found = ec2.list::<ImagesPage>(query).await?.into_iter();
        let encrypted = found.filter(|item| !item.is_plain()).map(Image::try_from);
        encrypted.collect::<Result<_, _>>().map_err(|error| ec2.unexpected(&error))
    }

    async fn image(&self, from: &Viewpoint, id: &str) -> Result<Option<Image>, CloudError> {
        let ec2 = self.ec2(from, "ec2:DescribeImages", id).await?;
        let query = Query::new("DescribeImages").with_each("ImageId", &[id.to_owned()]);
        let found = ec2.list::<ImagesPage>(query).await?.into_iter().next();
        found.map(Image::try_from).transpose().map_err(|error| ec2.unexpected(&error))
    }

    async fn snapshot(&self, from: &Viewpoint, id: &str) -> Result<Option<Snapshot>, CloudError> {
        let ec2 = self.ec2(from, "ec2:DescribeSnapshots", id).await?;
        let query = Query::new("DescribeSnapshots").with_each("SnapshotId", &[id.to_owned()]);
        let found = ec2.list::<SnapshotsPage>(query).await?.into_iter().next();
        found.map(|item| item.into_snapshot(&ec2.region)).transpose().map_err(|error| ec2.unexpected(&error))
    }

    async fn volume(&self, from: &Viewpoint, id: &str) -> Result<Option<Volume>, CloudError> {
        let ec2 = self.ec2(from, "ec2:DescribeVolumes", id).await?;
        let query = Query::new("DescribeVolumes").with_each("VolumeId", &[id.to_owned()]);
        let (found, owner) = try_join!(ec2.list::<VolumesPage>(query), ec2.session.caller())?;
        Ok(found.into_iter().next().map(|item| item.into_volume(&ec2.region, owner.account)))
    }

    async fn instance(&self, from: &Viewpoint, id: &str) -> Result<Option<Instance>, CloudError> {
        let ec2 = self.ec2(from, "ec2:DescribeInstances", id).await?;
        let query = Query::new("DescribeInstances").with_each("InstanceId", &[id.to_owned()]);
        let found = ec2.list::<ReservationsPage>(query).await?.into_iter().next();
        let instances = found.map(answers::ReservationItem::into_instances).transpose();
        Ok(instances
            .map_err(|error| ec2.unexpected(&error))?
            .and_then(|instances| instances.into_iter().next()))
    }

    async fn launch_permissions(&self, from: &Viewpoint, image: &str) -> Result<Shares, CloudError> {
        let ec2 = self.ec2(from, "ec2:DescribeImageAttribute", image).await?;
        let query =
            Query::new("DescribeImageAttribute").with("ImageId", image).with("Attribute", "launchPermission");
        let attribute: Attribute = ec2.ask(query).await?;
        Ok(attribute.into())
    }

    async fn image_usage(&self, from: &Viewpoint, image: &str) -> Result<Usage, CloudError> {
        let ec2 = self.ec2(from, "ec2:DescribeImageUsageReports", image).await?;
        let query = Query::new("DescribeImageUsageReports").with_each("ImageId", &[image.to_owned()]);
        let reports = ec2.list::<ReportsPage>(query).await?;
        let heads = reports.into_iter().map(|item| item.into_head(SystemTime::now()));
        let heads = heads.collect::<Result<Vec<_>, _>>().map_err(|error| ec2.unexpected(&error))?;
        let report = match ReportHead::newest(heads) {
            Ok(report) => report,
            Err(none) => return Ok(Usage::Unreported(none)),
        };
        let ec2 = self.ec2(from, "ec2:DescribeImageUsageReportEntries", image).await?;
        let query = Query::new("DescribeImageUsageReportEntries")
            .with_each("ReportId", std::slice::from_ref(&report.id));
        let entries = ec2.list::<EntriesPage>(query).await?;
        let accounts = usage::by_account(entries, image).map_err(|error| ec2.unexpected(&error))?;
        Ok(Usage::Reported(UsageReport { id: report.id, age: report.age, accounts }))
    }

    async fn volume_permissions(&self, from: &Viewpoint, snapshot: &str) -> Result<Shares, CloudError> {
        let ec2 = self.ec2(from, "ec2:DescribeSnapshotAttribute", snapshot).await?;
        let query = Query::new("DescribeSnapshotAttribute")
            .with("SnapshotId", snapshot)
            .with("Attribute", "createVolumePermission");
        let attribute: Attribute = ec2.ask(query).await?;
        Ok(attribute.into())
    }

    async fn ebs_defaults(&self, from: &Viewpoint) -> Result<EbsDefaults, CloudError> {
        let (key, encryption) = try_join!(
            self.ec2(from, "ec2:GetEbsDefaultKmsKeyId", "*"),
            self.ec2(from, "ec2:GetEbsEncryptionByDefault", "*")
        )?;
        let (EbsDefaultKey { kms_key_id }, EbsEncryption { ebs_encryption_by_default }) = try_join!(
            key.ask(Query::new("GetEbsDefaultKmsKeyId")),
            encryption.ask(Query::new("GetEbsEncryptionByDefault"))
        )?;
        Ok(EbsDefaults { key: kms_key_id, is_always: ebs_encryption_by_default })
    }

    async fn allowed_images(&self, from: &Viewpoint) -> Result<AllowedImages, CloudError> {
        let ec2 = self.ec2(from, "ec2:GetAllowedImagesSettings", "*").await?;
        ec2.ask::<AllowedImagesSettings>(Query::new("GetAllowedImagesSettings"))
            .await
            .map(AllowedImages::from)
    }

    async fn template(
        &self,
        from: &Viewpoint,
        template: &TemplateRef,
    ) -> Result<Option<LaunchTemplate>, CloudError> {
        let resource = template.to_string();
        let (parameter, which, version) = match template {
            TemplateRef::Id { id, version } => ("LaunchTemplateId", id, version),
            TemplateRef::Name { name, version } => ("LaunchTemplateName", name, version),
            TemplateRef::Configuration(name) => {
                let ec2 = self.ec2(from, "autoscaling:DescribeLaunchConfigurations", &resource).await?;
                let query = Query::of_auto_scaling("DescribeLaunchConfigurations")
                    .with_each("LaunchConfigurationNames.member", std::slice::from_ref(name));
                let (found, owner) = try_join!(ec2.list::<ConfigurationsPage>(query), ec2.session.caller())?;
                return Ok(found.into_iter().next().map(|item| item.into_template(owner.account)));
            }
        };
        let ec2 = self.ec2(from, "ec2:DescribeLaunchTemplateVersions", &resource).await?;
        let query = Query::new("DescribeLaunchTemplateVersions")
            .with(parameter, which)
            .with_each("LaunchTemplateVersion", std::slice::from_ref(version))
            // The image may be a parameter of Systems Manager.
            .with("ResolveAlias", "true");
        let (found, owner) = try_join!(ec2.list::<VersionsPage>(query), ec2.session.caller())?;
        Ok(found.into_iter().next().map(|item| item.into_template(template, owner.account)))
    }

    async fn auto_scaling_group(
        &self,
        from: &Viewpoint,
        name: &str,
    ) -> Result<Option<AutoScalingGroup>, CloudError> {
        let ec2 = self.ec2(from, "autoscaling:DescribeAutoScalingGroups", name).await?;
        let query = Query::of_auto_scaling("DescribeAutoScalingGroups")
            .with_each("AutoScalingGroupNames.member", &[name.to_owned()]);
        let (found, owner) = try_join!(ec2.list::<GroupsPage>(query), ec2.session.caller())?;
        let group = found.into_iter().next().map(|item| item.into_group(owner.account, &ec2.region));
        group.transpose().map_err(|error| ec2.unexpected(&error))
    }
}
