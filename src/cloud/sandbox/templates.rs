//! Launch templates, launch configurations and Auto Scaling groups, as their account sees them.

use super::ec2::Seen;
use super::world::Object;
use super::world::template::{Device as DeviceEntry, Launch};
use crate::access::WellKnownRole;
use crate::arn::Partition;
use crate::observation::template::{
    AutoScalingGroup, DEFAULT_VERSION, Device, LATEST_VERSION, LaunchTemplate, TemplateRef,
};

impl Seen<'_> {
    pub(super) fn template(&self, asked: &TemplateRef) -> Option<LaunchTemplate> {
        let templates = &self.own().launch_templates;
        let (found, wanted) = match asked {
            TemplateRef::Id { id, version } => (templates.get(id), version),
            TemplateRef::Name { name, version } => {
                let mut own = templates.values().filter(|template| template.owner == self.account);
                (own.find(|template| template.name == *name), version)
            }
            TemplateRef::Configuration(name) => {
                let found = self.own().launch_configurations.get(name)?;
                let is_shown = found.owner == self.account && self.is_here(found.region.as_ref());
                let Object(launch) = &found.launch;
                return is_shown.then(|| self.launch(asked, (name, String::new()), launch));
            }
        };
        let found =
            found.filter(|found| found.owner == self.account && self.is_here(found.region.as_ref()))?;
        let number = match wanted.as_str() {
            DEFAULT_VERSION => found.default_version,
            LATEST_VERSION => *found.versions.keys().last()?,
            number => number.parse().ok()?,
        };
        let launch = found.versions.get(&number)?;
        Some(self.launch(asked, (&found.name, number.to_string()), launch))
    }

    fn launch(
        &self,
        asked: &TemplateRef,
        (name, version): (&str, String),
        launch: &Launch,
    ) -> LaunchTemplate {
        let device = |Object(DeviceEntry { name, snapshot, key }): &Object<DeviceEntry>| Device {
            name: name.clone(),
            snapshot: snapshot.clone(),
            key: key.clone(),
        };
        LaunchTemplate {
            asked: asked.clone(),
            name: name.to_owned(),
            version,
            owner: self.account,
            image: launch.image.clone(),
            devices: launch.devices.iter().map(device).collect(),
        }
    }

    pub(super) fn auto_scaling_group(&self, name: &str) -> Option<AutoScalingGroup> {
        let group = self.own().auto_scaling_groups.get(name)?;
        let is_shown = group.owner == self.account && self.is_here(group.region.as_ref());
        let own = || {
            let role = WellKnownRole::AutoScaling { account: group.owner, suffix: None };
            role.in_partition(Partition::of_region(&self.region)).into()
        };
        let templates = group.templates.iter().filter_map(|template| template.parse().ok());
        let configuration = group.launch_configuration.iter().cloned().map(TemplateRef::Configuration);
        is_shown.then(|| AutoScalingGroup {
            name: name.to_owned(),
            owner: group.owner,
            role: group.role.clone().unwrap_or_else(own),
            templates: templates.chain(configuration).collect(),
            images: group.images.clone(),
        })
    }
}
