//! What can be wrong with a world's launch templates, launch configurations and Auto Scaling groups.

use super::ec2::{described, well_formed};
use super::{Checked, Mistake};
use crate::cloud::sandbox::source::Place;
use crate::cloud::sandbox::world::template::{Device, Launch};
use crate::cloud::sandbox::world::{Object, Page};
use crate::observation::template::TemplateRef;

pub(super) fn check(page: &Page, root: &Place) -> Checked {
    for (id, template) in &page.launch_templates {
        let place = root.member("launch_templates").member(id);
        well_formed(id, "lt-", &place)?;
        described(page, template.owner, &place)?;
        let versions = place.member("versions");
        for (number, launch) in &template.versions {
            check_launch(launch, &versions.member(number))?;
        }
        if !template.versions.contains_key(&template.default_version) {
            let message = format!("there is no version {}", template.default_version);
            return Err(Mistake::new(place.member("default_version"), message));
        }
    }
    for (name, configuration) in &page.launch_configurations {
        let place = root.member("launch_configurations").member(name);
        described(page, configuration.owner, &place)?;
        let Object(launch) = &configuration.launch;
        check_launch(launch, &place.member("launch"))?;
    }
    for (name, group) in &page.auto_scaling_groups {
        let place = root.member("auto_scaling_groups").member(name);
        described(page, group.owner, &place)?;
        let templates = place.member("templates");
        for (index, template) in group.templates.iter().enumerate() {
            if let Err(error) = template.parse::<TemplateRef>() {
                return Err(Mistake::new(templates.item(index), error.to_string()));
            }
        }
    }
    Ok(())
}

fn check_launch(launch: &Launch, place: &Place) -> Checked {
    let devices = place.member("devices");
    for (index, Object(Device { snapshot, .. })) in launch.devices.iter().enumerate() {
        if let Some(snapshot) = snapshot {
            well_formed(snapshot, "snap-", &devices.item(index).member("snapshot"))?;
        }
    }
    Ok(())
}
