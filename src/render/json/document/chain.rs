//! What was found on the way from images and instances to keys.

use schemars::JsonSchema;
use serde::Serialize;

use super::texts;
use crate::access::NoGrantee;
use crate::access::chain::{
    Chain, FoundImage, FoundSnapshot, Notice, NoticeSource, Refusal, Requester, Stranger,
};
use crate::arn::AccountId;
use crate::observation::ec2::{Instance, Volume};
use crate::observation::template::{AutoScalingGroup, Device, LaunchTemplate};

/// The way from what was given to the keys.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChainOutput {
    /// Where EC2 was looked at.
    region: String,
    /// The instances that were asked about.
    instances: Vec<InstanceOutput>,
    /// The images that were asked about, and those of the instances.
    images: Vec<ImageOutput>,
    /// Snapshots that were asked about without an image.
    snapshots: Vec<SnapshotOutput>,
    /// Volumes that were asked about, and those of the instances.
    volumes: Vec<VolumeOutput>,
    /// The Auto Scaling groups that were asked about.
    auto_scaling_groups: Vec<GroupOutput>,
    /// The launch templates and launch configurations that were asked about, and those of the groups.
    launch_templates: Vec<TemplateOutput>,
    /// What KMS refused, by CloudTrail.
    refusals: Vec<RefusalOutput>,
    /// What KMS refused to callers that can be no grantees, by CloudTrail.
    strangers: Vec<StrangerOutput>,
    /// What EBS, Auto Scaling and EC2 tell of launches that failed.
    notices: Vec<NoticeOutput>,
    /// The ids of accounts that are let in as a whole though nobody named them.
    derived_accounts: Vec<String>,
    /// What the accounts that launch have set for themselves.
    requesters: Vec<RequesterOutput>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InstanceOutput {
    /// Its id.
    id: String,
    /// The id of the account that launched it.
    account: String,
    /// The id of its image.
    image: String,
    /// `terminated`, `running` and so on.
    state: String,
    /// EC2's code for the reason of its last change of state, such as `Client.InternalError`.
    state_reason_code: Option<String>,
    /// The same in EC2's words.
    state_reason_message: Option<String>,
    /// The Auto Scaling group that launched it.
    auto_scaling_group: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ImageOutput {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// The id of the account that owns it.
    account: String,
    /// `available`, `disabled` and so on.
    state: String,
    /// Whether every account may launch it.
    public: bool,
    /// Its snapshots.
    snapshots: Vec<SnapshotOutput>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SnapshotOutput {
    /// Its id.
    id: String,
    /// Whether it was shown to anybody who asked; what follows is null where it was not.
    seen: bool,
    /// The id of the account that owns it.
    account: Option<String>,
    /// Whether it is encrypted.
    encrypted: Option<bool>,
    /// The ARN of the key it is encrypted under.
    key: Option<String>,
    /// Keys that are associated with it besides.
    associated_keys: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct VolumeOutput {
    /// Its id.
    id: String,
    /// Whether it is encrypted.
    encrypted: bool,
    /// The ARN of the key it is encrypted under.
    key: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RefusalOutput {
    /// Who was refused: an ARN, or an account's id.
    principal: String,
    /// The call, as IAM names its permission.
    action: String,
    /// The ARN of the key; null where the event leaves it out.
    key: Option<String>,
    /// AWS's words.
    message: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StrangerOutput {
    /// Who was refused, as the event names it.
    principal: String,
    /// The id of its account, where it is told.
    account: Option<String>,
    /// Why it can be no grantee.
    reason: NoGrantee,
    /// The call, as IAM names its permission.
    action: String,
    /// The ARN of the key; null where the event leaves it out.
    key: Option<String>,
    /// AWS's words.
    message: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoticeOutput {
    /// Who tells it.
    source: NoticeSource,
    /// What it is about: the ARN of a volume, the name of a group, a call.
    subject: String,
    /// AWS's words.
    message: String,
    /// The ARN of the key that they name.
    key: Option<String>,
    /// The ARN of who launched, where it is told.
    launcher: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RequesterOutput {
    /// The account's id.
    account: String,
    /// Its default EBS key: an ARN or an alias; null where it was not read.
    default_ebs_key: Option<String>,
    /// Whether its volumes are encrypted even where nobody asks for it; null where it was not read.
    ebs_encryption_by_default: Option<bool>,
    /// Its Allowed AMIs setting: `enabled`, `disabled` or `audit-mode`; null where it was not read.
    allowed_amis: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GroupOutput {
    /// Its name.
    name: String,
    /// The id of its account.
    account: String,
    /// The ARN of the service-linked role that launches.
    role: String,
    /// What it launches by: launch templates as `--launch-template` takes them, and names of launch configurations.
    launch_templates: Vec<String>,
    /// The ids of images that its overrides name.
    images: Vec<String>,
}

impl From<&AutoScalingGroup> for GroupOutput {
    fn from(group: &AutoScalingGroup) -> Self {
        Self {
            name: group.name.clone(),
            account: group.owner.to_string(),
            role: group.role.to_string(),
            launch_templates: texts(&group.templates),
            images: group.images.clone(),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TemplateOutput {
    /// How it was asked for.
    asked: String,
    /// Its name.
    name: String,
    /// Its version's number; null for a launch configuration.
    version: Option<String>,
    /// The id of the account that launches by it.
    account: String,
    /// The image that it names.
    image: Option<String>,
    /// What it says of block devices.
    devices: Vec<DeviceOutput>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DeviceOutput {
    /// Its name.
    name: String,
    /// The snapshot that its volume is made from.
    snapshot: Option<String>,
    /// The key that its volume is encrypted under, as it is named.
    key: Option<String>,
}

impl From<&LaunchTemplate> for TemplateOutput {
    fn from(template: &LaunchTemplate) -> Self {
        let device = |Device { name, snapshot, key }: &Device| DeviceOutput {
            name: name.clone(),
            snapshot: snapshot.clone(),
            key: key.clone(),
        };
        Self {
            asked: template.asked.to_string(),
            name: template.name.clone(),
            version: Some(template.version.clone()).filter(|version| !version.is_empty()),
            account: template.owner.to_string(),
            image: template.image.clone(),
            devices: template.devices.iter().map(device).collect(),
        }
    }
}

impl ChainOutput {
    /// What was found, if anything was looked for.
    pub(super) fn of(chain: &Chain) -> Option<Self> {
        (!chain.is_empty()).then(|| Self {
            region: chain.region.clone(),
            instances: chain.instances.iter().map(InstanceOutput::from).collect(),
            images: chain.images.iter().map(ImageOutput::from).collect(),
            snapshots: chain.snapshots.iter().map(SnapshotOutput::from).collect(),
            volumes: chain.volumes.iter().map(VolumeOutput::from).collect(),
            auto_scaling_groups: chain.groups.iter().map(GroupOutput::from).collect(),
            launch_templates: chain.templates.iter().map(TemplateOutput::from).collect(),
            refusals: chain.refusals.iter().map(RefusalOutput::from).collect(),
            strangers: chain.strangers.iter().map(StrangerOutput::from).collect(),
            notices: chain.notices.iter().map(NoticeOutput::from).collect(),
            derived_accounts: texts(chain.derived_accounts.iter().flatten()),
            requesters: chain.requesters.iter().map(RequesterOutput::from).collect(),
        })
    }
}

impl From<&Instance> for InstanceOutput {
    fn from(instance: &Instance) -> Self {
        let reason = instance.state_reason.as_ref();
        Self {
            id: instance.id.clone(),
            account: instance.owner.to_string(),
            image: instance.image.clone(),
            state: instance.state.clone(),
            state_reason_code: reason.map(|reason| reason.code.clone()),
            state_reason_message: reason.map(|reason| reason.message.clone()),
            auto_scaling_group: instance.auto_scaling_group.clone(),
        }
    }
}

impl From<&FoundImage> for ImageOutput {
    fn from(FoundImage { image, snapshots, .. }: &FoundImage) -> Self {
        Self {
            id: image.id.clone(),
            name: image.name.clone(),
            account: image.owner.to_string(),
            state: image.state.clone(),
            public: image.is_public,
            snapshots: snapshots.iter().map(SnapshotOutput::from).collect(),
        }
    }
}

impl From<&FoundSnapshot> for SnapshotOutput {
    fn from(FoundSnapshot { id, snapshot, .. }: &FoundSnapshot) -> Self {
        let snapshot = snapshot.as_ref();
        Self {
            id: id.clone(),
            seen: snapshot.is_some(),
            account: snapshot.map(|snapshot| snapshot.owner.to_string()),
            encrypted: snapshot.map(|snapshot| snapshot.is_encrypted),
            key: texts(snapshot.and_then(|snapshot| snapshot.key.as_ref())).pop(),
            associated_keys: snapshot.map(|snapshot| snapshot.associated_keys.clone()).unwrap_or_default(),
        }
    }
}

impl From<&Volume> for VolumeOutput {
    fn from(volume: &Volume) -> Self {
        Self { id: volume.id.clone(), encrypted: volume.is_encrypted, key: texts(&volume.key).pop() }
    }
}

impl From<&Refusal> for RefusalOutput {
    fn from(refusal: &Refusal) -> Self {
        Self {
            principal: refusal.principal.to_string(),
            action: refusal.action.clone(),
            key: texts(&refusal.key).pop(),
            message: refusal.message.clone(),
        }
    }
}

impl From<&Stranger> for StrangerOutput {
    fn from(stranger: &Stranger) -> Self {
        Self {
            principal: stranger.principal.clone(),
            account: texts(stranger.account).pop(),
            reason: stranger.reason,
            action: stranger.action.clone(),
            key: texts(&stranger.key).pop(),
            message: stranger.message.clone(),
        }
    }
}

impl From<&Notice> for NoticeOutput {
    fn from(notice: &Notice) -> Self {
        Self {
            source: notice.source,
            subject: notice.subject.clone(),
            message: notice.message.clone(),
            key: texts(&notice.key).pop(),
            launcher: texts(&notice.launcher).pop(),
        }
    }
}

impl From<(&AccountId, &Requester)> for RequesterOutput {
    fn from((account, requester): (&AccountId, &Requester)) -> Self {
        let ebs = requester.ebs.read();
        Self {
            account: account.to_string(),
            default_ebs_key: ebs.map(|defaults| defaults.key.clone()),
            ebs_encryption_by_default: ebs.map(|defaults| defaults.is_always),
            allowed_amis: requester.allowed_images.read().map(|setting| setting.state.clone()),
        }
    }
}
