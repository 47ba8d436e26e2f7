//! Launch templates, launch configurations and Auto Scaling groups: what launches by them name.

use super::{LaunchError, Search, Targets};
use crate::access::KeyRef;
use crate::access::chain::Chain;
use crate::cloud::Observe;
use crate::cloud::ec2::ObserveEc2;
use crate::observation::template::{AutoScalingGroup, LaunchTemplate, TemplateRef};

impl<C: Observe + ObserveEc2> Search<'_, C> {
    /// The groups, and the templates that were named and those of the groups, each once.
    pub(super) async fn launched_by(
        &self,
        targets: &Targets,
    ) -> Result<(Vec<AutoScalingGroup>, Vec<LaunchTemplate>), LaunchError> {
        let mut groups = Vec::new();
        let mut templates = Vec::new();
        for asked in &targets.templates {
            templates.push(self.template(asked).await?);
        }
        for name in &targets.groups {
            let group = self.group(name).await?;
            for asked in &group.templates {
                if templates.iter().all(|template: &LaunchTemplate| template.asked != *asked) {
                    templates.push(self.template(asked).await?);
                }
            }
            groups.push(group);
        }
        Ok((groups, templates))
    }

    async fn template(&self, asked: &TemplateRef) -> Result<LaunchTemplate, LaunchError> {
        let found = self.find(async |from| self.cloud.template(&from, asked).await).await?;
        let what = match asked {
            TemplateRef::Id { .. } | TemplateRef::Name { .. } => "launch template",
            TemplateRef::Configuration(_) => "launch configuration",
        };
        found.map(|(_, template)| template).ok_or_else(|| self.not_found(what, &asked.to_string()))
    }

    async fn group(&self, name: &str) -> Result<AutoScalingGroup, LaunchError> {
        let found = self.find(async |from| self.cloud.auto_scaling_group(&from, name).await).await?;
        found.map(|(_, group)| group).ok_or_else(|| self.not_found("Auto Scaling group", name))
    }
}

/// The images that launches name by their ids.
pub(super) fn images<'t>(
    templates: &'t [LaunchTemplate],
    groups: &'t [AutoScalingGroup],
) -> impl Iterator<Item = &'t String> {
    let of_templates = templates.iter().filter_map(|template| template.image.as_ref());
    of_templates.chain(groups.iter().flat_map(|group| &group.images)).filter(|image| is_an_id(image))
}

fn is_an_id(image: &str) -> bool {
    image.starts_with("ami-")
}

/// The snapshots that launches name themselves.
pub(super) fn snapshots(templates: &[LaunchTemplate]) -> impl Iterator<Item = &String> {
    templates
        .iter()
        .flat_map(|template| template.devices.iter().filter_map(|device| device.snapshot.as_ref()))
}

/// The keys that launches name for their volumes, as the accounts that launch mean them.
///
/// # Errors
/// Something else than a key is named.
pub(super) fn named_keys(chain: &Chain) -> Result<Vec<KeyRef>, LaunchError> {
    let read = |(account, key): (_, &str)| {
        let meant = key.parse().and_then(|key: KeyRef| key.within(account, &chain.region));
        meant.map_err(|_| LaunchError::StrangeKey { account, key: key.to_owned() })
    };
    chain.named_keys().map(read).collect()
}
