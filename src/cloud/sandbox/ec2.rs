//! The reads of EC2: each account sees its own, and what is shared with it.

use std::collections::BTreeSet;

use super::call::Call;
use super::pages::World;
use super::refusals::Refusal;
use super::world::ec2::ALL;
use super::world::{Object, Page, ec2};
use super::{Sandbox, broken};
use crate::arn::{AccountId, Members, OuPath};
use crate::cloud::CloudError;
use crate::cloud::ec2::{ObserveEc2, Viewpoint};
use crate::observation::ec2::{
    AllowedImages, EbsDefaults, Image, ImageCriterion, Instance, Shares, Snapshot, StateReason, Volume,
};
use crate::observation::template::{AutoScalingGroup, LaunchTemplate, TemplateRef};
use crate::observation::usage::{ReportHead, Usage, UsageReport};
use crate::policy::pattern;

impl ObserveEc2 for Sandbox {
    fn region(&self) -> Option<String> {
        Some(Self::region(self))
    }

    fn accounts(&self) -> Result<BTreeSet<AccountId>, CloudError> {
        let (operation, resource) = ("sts:GetCallerIdentity", "*".to_owned());
        self.callers(&Call { operation, resource, account: None, region: None })
    }

    async fn images_owned(&self, from: &Viewpoint) -> Result<Vec<Image>, CloudError> {
        self.look(from, "ec2:DescribeImages", "*", |seen| {
            let images = seen.own().images.iter().filter(|(_, image)| {
                let is_own = image.owner == seen.account && seen.is_here(image.region.as_ref());
                is_own && image.state != "disabled" && !seen.is_plain(image)
            });
            images.map(|(id, image)| shown(id, image)).collect()
        })
        .await
    }

    async fn image(&self, from: &Viewpoint, id: &str) -> Result<Option<Image>, CloudError> {
        self.look_anywhere(from, "ec2:DescribeImages", id, |seen| {
            let image = seen.world.image(id).filter(|image| seen.is_here(image.region.as_ref()))?;
            let is_own = image.owner == seen.account;
            let is_shared = seen.is_shared(&image.shared_with) || seen.is_member_of_any(&image.shared_with);
            let is_shown = is_own || (is_shared && seen.lets_itself_use(image));
            is_shown.then(|| shown(id, image))
        })
        .await
    }

    async fn snapshot(&self, from: &Viewpoint, id: &str) -> Result<Option<Snapshot>, CloudError> {
        self.look_anywhere(from, "ec2:DescribeSnapshots", id, |seen| {
            let snapshot =
                seen.world.snapshot(id).filter(|snapshot| seen.is_here(snapshot.region.as_ref()))?;
            (snapshot.owner == seen.account || seen.is_shared(&snapshot.shared_with)).then(|| Snapshot {
                id: id.to_owned(),
                owner: snapshot.owner,
                state: snapshot.state.clone(),
                is_encrypted: snapshot.key.is_some(),
                key: snapshot.key.clone(),
                associated_keys: snapshot.associated_keys.iter().map(ToString::to_string).collect(),
                unknown: Vec::new(),
            })
        })
        .await
    }

    async fn volume(&self, from: &Viewpoint, id: &str) -> Result<Option<Volume>, CloudError> {
        self.look(from, "ec2:DescribeVolumes", id, |seen| {
            let volume = seen.own().volumes.get(id).filter(|volume| seen.is_here(volume.region.as_ref()))?;
            (volume.owner == seen.account).then(|| Volume {
                id: id.to_owned(),
                snapshot: volume.snapshot.clone(),
                is_encrypted: volume.key.is_some(),
                key: volume.key.clone(),
            })
        })
        .await
    }

    async fn instance(&self, from: &Viewpoint, id: &str) -> Result<Option<Instance>, CloudError> {
        self.look(from, "ec2:DescribeInstances", id, |seen| {
            let instance =
                seen.own().instances.get(id).filter(|instance| seen.is_here(instance.region.as_ref()))?;
            (instance.owner == seen.account).then(|| Instance {
                id: id.to_owned(),
                owner: instance.owner,
                image: instance.image.clone(),
                state: instance.state.clone(),
                state_reason: instance.state_reason.as_ref().map(|Object(reason)| StateReason {
                    code: reason.code.clone(),
                    message: reason.message.clone(),
                }),
                volumes: instance.volumes.clone(),
                auto_scaling_group: instance.auto_scaling_group.clone(),
            })
        })
        .await
    }

    async fn launch_permissions(&self, from: &Viewpoint, image: &str) -> Result<Shares, CloudError> {
        self.shares(from, "ec2:DescribeImageAttribute", image, |own| {
            own.images.get(image).map(|image| (image.owner, &image.shared_with))
        })
        .await
    }

    async fn image_usage(&self, from: &Viewpoint, image: &str) -> Result<Usage, CloudError> {
        let reports = |seen: &Seen<'_>| {
            let own = seen.own().images.get(image).filter(|image| image.owner == seen.account);
            own.into_iter()
                .flat_map(|image| &image.usage_reports)
                .map(|Object(report)| report.head())
                .collect()
        };
        let heads = self.look(from, "ec2:DescribeImageUsageReports", image, reports).await?;
        let report = match ReportHead::newest(heads) {
            Ok(report) => report,
            Err(none) => return Ok(Usage::Unreported(none)),
        };
        let entries = |seen: &Seen<'_>| {
            let reports = seen.own().images.get(image).into_iter().flat_map(|image| &image.usage_reports);
            let chosen = reports.filter(|Object(own)| own.id == report.id);
            chosen.flat_map(|Object(own)| own.entries.clone()).filter(|(_, count)| *count > 0).collect()
        };
        let accounts = self.look(from, "ec2:DescribeImageUsageReportEntries", image, entries).await?;
        Ok(Usage::Reported(UsageReport { id: report.id, age: report.age, accounts }))
    }

    async fn volume_permissions(&self, from: &Viewpoint, snapshot: &str) -> Result<Shares, CloudError> {
        self.shares(from, "ec2:DescribeSnapshotAttribute", snapshot, |own| {
            own.snapshots.get(snapshot).map(|snapshot| (snapshot.owner, &snapshot.shared_with))
        })
        .await
    }

    async fn ebs_defaults(&self, from: &Viewpoint) -> Result<EbsDefaults, CloudError> {
        self.look(from, "ec2:GetEbsEncryptionByDefault", "*", |_| ()).await?;
        self.look(from, "ec2:GetEbsDefaultKmsKeyId", "*", |seen| {
            let account = seen.world.account(seen.account);
            let key = account.and_then(|account| account.default_ebs_key.as_ref());
            EbsDefaults {
                key: key.map_or("alias/aws/ebs".to_owned(), ToString::to_string),
                is_always: account.is_some_and(|account| account.ebs_encryption_by_default),
            }
        })
        .await
    }

    async fn allowed_images(&self, from: &Viewpoint) -> Result<AllowedImages, CloudError> {
        self.look(from, "ec2:GetAllowedImagesSettings", "*", |seen| match seen.setting() {
            Some(setting) => AllowedImages {
                state: setting.state.clone(),
                managed_by: setting.managed_by.clone(),
                criteria: setting
                    .criteria
                    .iter()
                    .map(|Object(criterion)| {
                        let ec2::Criterion { providers, names, other } = criterion;
                        ImageCriterion {
                            providers: providers.clone(),
                            names: names.clone(),
                            unknown: other.clone(),
                            ..ImageCriterion::default()
                        }
                    })
                    .collect(),
            },
            None => AllowedImages {
                state: "disabled".to_owned(),
                managed_by: "account".to_owned(),
                criteria: Vec::new(),
            },
        })
        .await
    }

    async fn template(
        &self,
        from: &Viewpoint,
        template: &TemplateRef,
    ) -> Result<Option<LaunchTemplate>, CloudError> {
        let operation = match template {
            TemplateRef::Id { .. } | TemplateRef::Name { .. } => "ec2:DescribeLaunchTemplateVersions",
            TemplateRef::Configuration(_) => "autoscaling:DescribeLaunchConfigurations",
        };
        self.look(from, operation, &template.to_string(), |seen| seen.template(template)).await
    }

    async fn auto_scaling_group(
        &self,
        from: &Viewpoint,
        name: &str,
    ) -> Result<Option<AutoScalingGroup>, CloudError> {
        self.look(from, "autoscaling:DescribeAutoScalingGroups", name, |seen| seen.auto_scaling_group(name))
            .await
    }
}

/// A world as one account sees it in one region.
pub(super) struct Seen<'w> {
    pub(super) world: &'w World,
    pub(super) account: AccountId,
    pub(super) region: String,
}

/// An image as EC2 describes it.
fn shown(id: &str, image: &ec2::Image) -> Image {
    Image {
        id: id.to_owned(),
        owner: image.owner,
        owner_alias: None,
        name: image.name.clone(),
        state: image.state.clone(),
        is_public: image.shared_with.iter().any(|with| with == ALL),
        snapshots: image.snapshots.clone(),
        devices: image.devices(),
    }
}

impl Seen<'_> {
    /// Whether each of an image's snapshots is there and unencrypted.
    fn is_plain(&self, image: &ec2::Image) -> bool {
        let mut snapshots = image.snapshots.iter().map(|id| self.world.snapshot(id));
        snapshots.all(|snapshot| snapshot.is_some_and(|snapshot| snapshot.key.is_none()))
    }

    /// Where the account's own things stand.
    pub(super) fn own(&self) -> &Page {
        self.world.page(self.account)
    }

    pub(super) fn is_here(&self, region: Option<&String>) -> bool {
        region.unwrap_or(self.world.region()) == &self.region
    }

    fn is_shared(&self, shared_with: &[String]) -> bool {
        shared_with.iter().any(|with| with == ALL || *with == self.account.to_string())
    }

    /// Whether the account is of one of the organizations and OUs among those that something is shared with.
    fn is_member_of_any(&self, shared_with: &[String]) -> bool {
        let Some(entry) = self.world.organization(self.account) else { return false };
        shared_with.iter().filter_map(|with| Members::of_arn(with).ok()).any(|(members, _)| {
            let is_in = |unit: &OuPath| {
                let path = entry.path.as_deref().unwrap_or_default();
                path.split('/').any(|step| step == unit.id())
            };
            *members.organization() == entry.id
                && match &members {
                    Members::Organization(_) => true,
                    Members::Unit(unit) => is_in(unit),
                }
        })
    }

    fn setting(&self) -> Option<&ec2::AllowedImages> {
        let Object(setting) = self.world.account(self.account)?.allowed_images.as_ref()?;
        Some(setting)
    }

    /// An image of another account that the setting keeps out does not show.
    fn lets_itself_use(&self, image: &ec2::Image) -> bool {
        let Some(setting) = self.setting().filter(|setting| setting.state == "enabled") else { return true };
        let owner = image.owner.to_string();
        setting.criteria.iter().any(|Object(criterion)| {
            // What else is asked for, nothing here meets.
            criterion.other.is_empty()
                && (criterion.providers.is_empty() || criterion.providers.contains(&owner))
                && (criterion.names.is_empty()
                    || criterion.names.iter().any(|name| pattern::matches(name, &image.name)))
        })
    }
}

impl Sandbox {
    fn call(&self, from: &Viewpoint, operation: &'static str, resource: &str) -> Call {
        let shared = self.shared();
        Call {
            operation,
            resource: resource.to_owned(),
            account: from.account.or(shared.page.default_caller),
            region: Some(from.region.clone().unwrap_or_else(|| shared.page.region.clone())),
        }
    }

    async fn look<T>(
        &self,
        from: &Viewpoint,
        operation: &'static str,
        resource: &str,
        see: impl FnOnce(&Seen<'_>) -> T,
    ) -> Result<T, CloudError> {
        let call = self.call(from, operation, resource);
        let world = self.current(&call).await?;
        seen(&world, &call).map(|seen| see(&seen))
    }

    /// The same for what others may see who don't say whose it is.
    async fn look_anywhere<T>(
        &self,
        from: &Viewpoint,
        operation: &'static str,
        id: &str,
        see: impl FnOnce(&Seen<'_>) -> T,
    ) -> Result<T, CloudError> {
        let call = self.call(from, operation, id);
        let mut world = self.current(&call).await?;
        seen(&world, &call)?;
        if world.image(id).is_none() && world.snapshot(id).is_none() {
            let owner = self.whereabouts(&call, id)?;
            let added = owner.map_or(Ok(()), |owner| self.add(&mut world, owner, false));
            added.map_err(|error| broken(&call, &error))?;
        }
        seen(&world, &call).map(|seen| see(&seen))
    }

    /// An attribute that only the owner may read.
    async fn shares(
        &self,
        from: &Viewpoint,
        operation: &'static str,
        resource: &str,
        find: impl for<'w> FnOnce(&'w Page) -> Option<(AccountId, &'w Vec<String>)>,
    ) -> Result<Shares, CloudError> {
        let call = self.call(from, operation, resource);
        let world = self.current(&call).await?;
        let seen = seen(&world, &call)?;
        match find(seen.own()) {
            Some((owner, shared_with)) if owner == seen.account => Ok(Shares {
                all: shared_with.iter().any(|with| with == ALL),
                accounts: shared_with.iter().filter_map(|with| with.parse().ok()).collect(),
                unknown: Vec::new(),
                organizations: shared_with.iter().filter(|with| with.starts_with("arn:")).cloned().collect(),
            }),
            _ => Err(call.failed(Some(seen.account), Refusal::not_the_owner(resource))),
        }
    }
}

fn seen<'w>(world: &'w World, call: &Call) -> Result<Seen<'w>, CloudError> {
    let caller = call.authorized(world)?;
    let region = call.region.clone().unwrap_or_default();
    Ok(Seen { world, account: caller.account, region })
}
