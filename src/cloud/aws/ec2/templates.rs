//! What instances are launched by: EC2's answers about launch templates, and Auto Scaling's.

use serde::Deserialize;

use super::answers::{Page, Set, Unexpected, page};
use crate::access::WellKnownRole;
use crate::arn::{AccountId, EntityArn, Partition};
use crate::observation::template::{AutoScalingGroup, DEFAULT_VERSION, Device, LaunchTemplate, TemplateRef};

page!(VersionsPage, VersionItem, "launchTemplateVersionSet");

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionItem {
    #[serde(default)]
    launch_template_name: String,
    #[serde(default)]
    version_number: String,
    #[serde(default)]
    launch_template_data: Data,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Data {
    image_id: String,
    block_device_mapping_set: Set<Mapping>,
}

/// A block device, in either service's spelling. Of launch configurations no key is documented; one is read all the same.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Mapping {
    #[serde(rename = "deviceName", alias = "DeviceName")]
    device_name: String,
    #[serde(alias = "Ebs")]
    ebs: Ebs,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Ebs {
    #[serde(rename = "snapshotId", alias = "SnapshotId")]
    snapshot_id: String,
    #[serde(rename = "kmsKeyId", alias = "KmsKeyId")]
    kms_key_id: String,
}

impl From<Mapping> for Device {
    fn from(Mapping { device_name, ebs }: Mapping) -> Self {
        Self { name: device_name, snapshot: said(ebs.snapshot_id), key: said(ebs.kms_key_id) }
    }
}

fn said(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl VersionItem {
    /// A template belongs to whoever sees it.
    pub(super) fn into_template(self, asked: &TemplateRef, owner: AccountId) -> LaunchTemplate {
        let Data { image_id, block_device_mapping_set } = self.launch_template_data;
        LaunchTemplate {
            asked: asked.clone(),
            name: self.launch_template_name,
            version: self.version_number,
            owner,
            image: said(image_id),
            devices: block_device_mapping_set.item.into_iter().map(Device::from).collect(),
        }
    }
}

/// A list as Auto Scaling has it.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Members<T> {
    #[serde(default = "Vec::new")]
    member: Vec<T>,
}

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self { member: Vec::new() }
    }
}

/// Defines a list of Auto Scaling's by the names of its elements, in which the call's own stands.
macro_rules! result {
    ($page:ident, $inner:ident, $item:ty, $result:literal, $element:literal) => {
        #[derive(Debug, Deserialize)]
        pub(super) struct $page {
            #[serde(rename = $result)]
            result: $inner,
        }

        #[derive(Debug, Deserialize)]
        struct $inner {
            #[serde(default, rename = $element)]
            list: Members<$item>,
            #[serde(default, rename = "NextToken")]
            next: Option<String>,
        }

        impl Page for $page {
            type Item = $item;

            fn into_parts(self) -> (Vec<$item>, Option<String>) {
                (self.result.list.member, self.result.next.filter(|token| !token.is_empty()))
            }
        }
    };
}

result!(GroupsPage, Groups, GroupItem, "DescribeAutoScalingGroupsResult", "AutoScalingGroups");
result!(
    ConfigurationsPage,
    Configurations,
    ConfigurationItem,
    "DescribeLaunchConfigurationsResult",
    "LaunchConfigurations"
);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ConfigurationItem {
    launch_configuration_name: String,
    #[serde(default)]
    image_id: String,
    #[serde(default)]
    block_device_mappings: Members<Mapping>,
}

impl ConfigurationItem {
    pub(super) fn into_template(self, owner: AccountId) -> LaunchTemplate {
        LaunchTemplate {
            asked: TemplateRef::Configuration(self.launch_configuration_name.clone()),
            name: self.launch_configuration_name,
            version: String::new(),
            owner,
            image: said(self.image_id),
            devices: self.block_device_mappings.member.into_iter().map(Device::from).collect(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GroupItem {
    auto_scaling_group_name: String,
    #[serde(default)]
    launch_configuration_name: String,
    #[serde(default)]
    launch_template: Option<Specification>,
    #[serde(default)]
    mixed_instances_policy: MixedInstancesPolicy,
    #[serde(default, rename = "ServiceLinkedRoleARN")]
    service_linked_role: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct MixedInstancesPolicy {
    launch_template: MixedTemplate,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct MixedTemplate {
    launch_template_specification: Option<Specification>,
    overrides: Members<Override>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Override {
    launch_template_specification: Option<Specification>,
    image_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Specification {
    launch_template_id: String,
    launch_template_name: String,
    version: String,
}

impl From<Specification> for TemplateRef {
    fn from(
        Specification { launch_template_id: id, launch_template_name: name, version }: Specification,
    ) -> Self {
        let version = said(version).unwrap_or_else(|| DEFAULT_VERSION.to_owned());
        if id.is_empty() { Self::Name { name, version } } else { Self::Id { id, version } }
    }
}

impl GroupItem {
    /// A group belongs to whoever sees it, and launches with the role that it has, the default one where none is told.
    ///
    /// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/autoscaling-service-linked-role.html>
    pub(super) fn into_group(self, owner: AccountId, region: &str) -> Result<AutoScalingGroup, Unexpected> {
        let default = WellKnownRole::AutoScaling { account: owner, suffix: None };
        let role: EntityArn = match said(self.service_linked_role).map(|arn| arn.parse()) {
            Some(parsed) => parsed?,
            None => default.in_partition(Partition::of_region(region)).into(),
        };
        let MixedTemplate { launch_template_specification, overrides } =
            self.mixed_instances_policy.launch_template;
        let mut templates = Vec::new();
        let mut images = Vec::new();
        let own = self.launch_template.into_iter().chain(launch_template_specification);
        templates.extend(own.map(TemplateRef::from));
        templates.extend(said(self.launch_configuration_name).map(TemplateRef::Configuration));
        for Override { launch_template_specification, image_id } in overrides.member {
            templates.extend(launch_template_specification.map(TemplateRef::from));
            images.extend(said(image_id));
        }
        templates.dedup();
        images.dedup();
        Ok(AutoScalingGroup { name: self.auto_scaling_group_name, owner, role, templates, images })
    }
}

#[cfg(test)]
mod tests {
    use super::super::answers::parse;
    use super::*;

    const ACCOUNT: &str = "444455556666";

    fn group(inner: &str) -> AutoScalingGroup {
        let page: GroupsPage = parse(&format!(
            "<DescribeAutoScalingGroupsResponse xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\">\
             <DescribeAutoScalingGroupsResult><AutoScalingGroups><member>\
             <AutoScalingGroupName>web</AutoScalingGroupName><Instances/>{inner}</member></AutoScalingGroups>\
             </DescribeAutoScalingGroupsResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>\
             </DescribeAutoScalingGroupsResponse>"
        ))
        .unwrap();
        let (items, next) = page.into_parts();
        assert_eq!(next, None);
        items.into_iter().next().unwrap().into_group(ACCOUNT.parse().unwrap(), "eu-west-1").unwrap()
    }

    fn launched_by(group: &AutoScalingGroup) -> Vec<String> {
        group.templates.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_group_tells_everything_that_it_launches_by() {
        let plain = group(
            "<LaunchTemplate><LaunchTemplateId>lt-0123456789abcdef0</LaunchTemplateId>\
             <LaunchTemplateName>web</LaunchTemplateName><Version>$Latest</Version></LaunchTemplate>",
        );
        assert_eq!(launched_by(&plain), ["lt-0123456789abcdef0:$Latest"]);
        let role = "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
        assert_eq!(plain.role.to_string(), role, "the default role where none is told");
        let mixed = group(&format!(
            "<MixedInstancesPolicy><InstancesDistribution/><LaunchTemplate>\
             <LaunchTemplateSpecification><LaunchTemplateName>web</LaunchTemplateName></LaunchTemplateSpecification>\
             <Overrides><member><InstanceType>m7g.large</InstanceType>\
             <LaunchTemplateSpecification><LaunchTemplateId>lt-0fedcba9876543210</LaunchTemplateId><Version>3</Version>\
             </LaunchTemplateSpecification></member><member><ImageId>ami-0123456789abcdef0</ImageId></member>\
             <member><InstanceType>m7i.large</InstanceType></member></Overrides></LaunchTemplate>\
             </MixedInstancesPolicy><ServiceLinkedRoleARN>{role}_web</ServiceLinkedRoleARN><NewElement><x/></NewElement>"
        ));
        assert_eq!(launched_by(&mixed), ["web:$Default", "lt-0fedcba9876543210:3"]);
        assert_eq!(mixed.images, ["ami-0123456789abcdef0"]);
        assert_eq!(mixed.role.to_string(), format!("{role}_web"));
        let old = group("<LaunchConfigurationName>web-2019</LaunchConfigurationName>");
        assert_eq!(old.templates, [TemplateRef::Configuration("web-2019".to_owned())]);
    }

    #[test]
    fn a_template_tells_its_image_and_its_devices() {
        let page: VersionsPage = parse(
            "<DescribeLaunchTemplateVersionsResponse><requestId>r</requestId><launchTemplateVersionSet><item>\
             <launchTemplateId>lt-0123456789abcdef0</launchTemplateId><launchTemplateName>web</launchTemplateName>\
             <versionNumber>2</versionNumber><launchTemplateData><imageId>ami-0123456789abcdef0</imageId>\
             <blockDeviceMappingSet><item><deviceName>/dev/xvda</deviceName><ebs><encrypted>true</encrypted>\
             <kmsKeyId>alias/web</kmsKeyId></ebs></item><item><deviceName>/dev/sdb</deviceName>\
             <virtualName>ephemeral0</virtualName></item><item><deviceName>/dev/sdf</deviceName><ebs>\
             <snapshotId>snap-0123456789abcdef0</snapshotId></ebs></item></blockDeviceMappingSet></launchTemplateData>\
             </item></launchTemplateVersionSet></DescribeLaunchTemplateVersionsResponse>",
        )
        .unwrap();
        let asked: TemplateRef = "web:2".parse().unwrap();
        let item = page.into_parts().0.into_iter().next().unwrap();
        let template = item.into_template(&asked, ACCOUNT.parse().unwrap());
        assert_eq!((template.name.as_str(), template.version.as_str()), ("web", "2"));
        assert_eq!(template.image.as_deref(), Some("ami-0123456789abcdef0"));
        let device = |name: &str, snapshot: Option<&str>, key: Option<&str>| Device {
            name: name.to_owned(),
            snapshot: snapshot.map(str::to_owned),
            key: key.map(str::to_owned),
        };
        let expected = [
            device("/dev/xvda", None, Some("alias/web")),
            device("/dev/sdb", None, None),
            device("/dev/sdf", Some("snap-0123456789abcdef0"), None),
        ];
        assert_eq!(template.devices, expected);
    }

    #[test]
    fn a_launch_configuration_is_read_alike() {
        let page: ConfigurationsPage = parse(
            "<DescribeLaunchConfigurationsResponse><DescribeLaunchConfigurationsResult><LaunchConfigurations><member>\
             <LaunchConfigurationName>old</LaunchConfigurationName><ImageId>ami-0123456789abcdef0</ImageId>\
             <BlockDeviceMappings><member><DeviceName>/dev/xvda</DeviceName><Ebs>\
             <SnapshotId>snap-0123456789abcdef0</SnapshotId><Encrypted>true</Encrypted></Ebs></member>\
             </BlockDeviceMappings></member></LaunchConfigurations></DescribeLaunchConfigurationsResult>\
             </DescribeLaunchConfigurationsResponse>",
        )
        .unwrap();
        let item = page.into_parts().0.into_iter().next().unwrap();
        let template = item.into_template(ACCOUNT.parse().unwrap());
        assert_eq!((template.asked.to_string().as_str(), template.version.as_str()), ("old", ""));
        assert_eq!(template.devices[0].snapshot.as_deref(), Some("snap-0123456789abcdef0"));
    }
}
