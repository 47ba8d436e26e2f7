//! Who launches or starts instances, as far as the instances tell, and with what.

use std::collections::BTreeSet;

use crate::access::{GranteeRef, WellKnownRole};
use crate::arn::{KeyArn, Partition};
use crate::observation::ec2::{Instance, Volume};
use crate::observation::template::AutoScalingGroup;

/// The role of Auto Scaling where its group launched the instance, else the account: more an instance doesn't tell.
///
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/autoscaling-service-linked-role.html>
pub(super) fn who_launched(region: &str) -> impl Fn(&Instance) -> GranteeRef {
    move |instance| auto_scaling(instance, region).unwrap_or(GranteeRef::Account(instance.owner))
}

/// The role of Auto Scaling where the instance is its group's, in a warm pool; else nobody knows: whoever starts an
/// instance need not be who launched it, nor can a whole account be meant.
///
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-warm-pools.html>
pub(super) fn who_starts(region: &str) -> impl Fn(&Instance) -> Option<GranteeRef> {
    move |instance| auto_scaling(instance, region)
}

fn auto_scaling(instance: &Instance, region: &str) -> Option<GranteeRef> {
    let role = WellKnownRole::AutoScaling { account: instance.owner, suffix: None };
    let role = role.in_partition(Partition::of_region(region));
    instance.auto_scaling_group.as_ref().map(|_| GranteeRef::Entity(role.into()))
}

/// Who launches what: instances by their images, groups by themselves.
pub(super) fn launches(
    instances: &[Instance],
    groups: &[AutoScalingGroup],
    region: &str,
) -> BTreeSet<(GranteeRef, String)> {
    let who = who_launched(region);
    let instances = instances.iter().map(|instance| (who(instance), instance.image.clone()));
    let role = |group: &AutoScalingGroup| GranteeRef::Entity(group.role.clone());
    instances.chain(groups.iter().map(|group| (role(group), group.name.clone()))).collect()
}

/// Who starts instances with volumes under which keys.
pub(super) fn starts<'v>(
    instances: &[Instance],
    volumes: &'v [Volume],
    region: &str,
) -> BTreeSet<(Option<GranteeRef>, BTreeSet<&'v KeyArn>)> {
    let who = who_starts(region);
    let with = |instance: &Instance| {
        let own = volumes.iter().filter(|volume| instance.volumes.contains(&volume.id));
        own.filter_map(|volume| volume.key.as_ref()).collect()
    };
    instances.iter().map(|instance| (who(instance), with(instance))).collect()
}

/// Whether everyone who launches or starts something does so with all that any of them does: a request is for all.
pub(super) fn is_each_of_each<Who: Ord, With: Ord>(pairs: &BTreeSet<(Who, With)>) -> bool {
    let everyone: BTreeSet<&Who> = pairs.iter().map(|(who, _)| who).collect();
    let all: BTreeSet<&With> = pairs.iter().map(|(_, with)| with).collect();
    pairs.len() == everyone.len() * all.len()
}
