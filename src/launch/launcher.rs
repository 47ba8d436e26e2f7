//! Who launches or starts instances, as far as the instances tell, and with what.

use std::collections::BTreeSet;

use crate::access::{GranteeRef, WellKnownRole};
use crate::arn::{KeyArn, Partition};
use crate::observation::ec2::{Instance, Volume};

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

pub(super) fn image_of(instance: &Instance) -> &str {
    &instance.image
}

/// The keys of an instance's volumes.
pub(super) fn keys_of<'v>(volumes: &'v [Volume]) -> impl Fn(&Instance) -> BTreeSet<&'v KeyArn> {
    let is_of = |instance: &Instance, volume: &Volume| instance.volumes.contains(&volume.id);
    move |instance| {
        let own = volumes.iter().filter(|volume| is_of(instance, volume));
        own.filter_map(|volume| volume.key.as_ref()).collect()
    }
}

/// Whether everyone who launched or starts an instance does so with all that any of them does: a request is for all.
pub(super) fn is_each_of_each<'i, Who: Ord, With: Ord>(
    instances: &'i [Instance],
    who: impl Fn(&'i Instance) -> Who,
    with: impl Fn(&'i Instance) -> With,
) -> bool {
    let everyone: BTreeSet<Who> = instances.iter().map(&who).collect();
    let all: BTreeSet<With> = instances.iter().map(&with).collect();
    let pairs: BTreeSet<(Who, With)> =
        instances.iter().map(|instance| (who(instance), with(instance))).collect();
    pairs.len() == everyone.len() * all.len()
}
