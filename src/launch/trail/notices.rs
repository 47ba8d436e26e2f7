//! What EBS and Auto Scaling tell of what failed, by EventBridge, and calls that EC2 refused itself.

use super::Record;
use crate::access::chain::{Notice, NoticeSource};
use crate::access::{GranteeRef, WellKnownRole};
use crate::arn::{AccountId, ArnParts, KeyArn, Partition};
use crate::launch::state_reason;

/// What a record tells of a failure; `None` for one that no key can have to do with, and for other records.
pub(super) fn of(record: &Record) -> Option<Notice> {
    of_ebs(record).or_else(|| of_auto_scaling(record)).or_else(|| of_ec2(record))
}

/// EBS, of a volume or a snapshot: the words name the key, and nobody that needs it.
///
/// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-cloud-watch-events.html>
fn of_ebs(record: &Record) -> Option<Notice> {
    let is_of_ebs = record.text(&["detail-type"])?.starts_with("EBS ");
    let has_failed = record.text(&["detail", "result"])?.eq_ignore_ascii_case("failed");
    let cause = record.text(&["detail", "cause"])?;
    let key = key_in(&cause);
    if !is_of_ebs || !has_failed || !(key.is_some() || state_reason::names_a_key(&cause)) {
        return None;
    }
    let resource = record.find(&["resources"]).and_then(|list| list.get(0)?.as_str().map(str::to_owned));
    let event = record.text(&["detail", "event"]).unwrap_or_default();
    let message = if event.is_empty() { cause } else { format!("{event}: {cause}") };
    let subject = resource.unwrap_or_else(|| "EBS".to_owned());
    Some(Notice { source: NoticeSource::Ebs, subject, message, key, launcher: None })
}

/// Auto Scaling, of a group whose launch failed: its service-linked role is who launched.
///
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html>,
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Activity.html>
fn of_auto_scaling(record: &Record) -> Option<Notice> {
    let text = |member: &str| record.text(&["detail", member]).or_else(|| record.text(&[member]));
    let group = text("AutoScalingGroupName")?;
    let code = text("StatusCode").unwrap_or_default();
    let is_failed = match record.text(&["detail-type"]) {
        Some(kind) => kind == "EC2 Instance Launch Unsuccessful",
        None => matches!(code.as_str(), "Failed" | "Cancelled"),
    };
    let words = [text("StatusMessage"), text("Cause")];
    let message = words.iter().flatten().next().cloned()?;
    let is_suspect = words.iter().flatten().any(|words| state_reason::may_be_of_a_key("", words));
    if !is_failed || !is_suspect {
        return None;
    }
    let arn = text("AutoScalingGroupARN").or_else(|| {
        let resources = record.find(&["resources"])?;
        resources.as_array()?.iter().find_map(|arn| arn.as_str()).map(str::to_owned)
    });
    let parts = arn.as_deref().and_then(|arn| ArnParts::parse(arn).ok());
    let account: Option<AccountId> = match record.text(&["account"]) {
        Some(account) => account.parse().ok(),
        None => parts.and_then(|parts| parts.account.parse().ok()),
    };
    let region = record.text(&["region"]).or_else(|| parts.map(|parts| parts.region.to_owned()));
    let launcher = account.map(|account| {
        let partition = region.as_deref().map_or(Partition::Aws, Partition::of_region);
        GranteeRef::Entity(
            WellKnownRole::AutoScaling { account, suffix: None }.in_partition(partition).into(),
        )
    });
    let key = words.iter().flatten().find_map(|words| key_in(words));
    Some(Notice { source: NoticeSource::AutoScaling, subject: group, message, key, launcher })
}

/// A call that EC2 refused before any key was used: what denied it stands encoded in its message.
///
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html>
fn of_ec2(record: &Record) -> Option<Notice> {
    const CALLS: [&str; 5] =
        ["RunInstances", "StartInstances", "CreateFleet", "RequestSpotInstances", "CreateVolume"];
    let is_of_ec2 = record.text(&["eventSource"])? == "ec2.amazonaws.com";
    let is_denied = record.text(&["errorCode"])?.ends_with("UnauthorizedOperation");
    let operation = record.text(&["eventName"])?;
    if !is_of_ec2 || !is_denied || !CALLS.contains(&operation.as_str()) {
        return None;
    }
    let message = record.text(&["errorMessage"]).unwrap_or_default();
    Some(Notice { source: NoticeSource::Ec2, subject: operation, message, key: None, launcher: None })
}

/// The first ARN of a key in AWS's words.
fn key_in(words: &str) -> Option<KeyArn> {
    words
        .split(|letter: char| letter.is_whitespace() || "'\"`,;()[]<>".contains(letter))
        .map(|word| word.trim_end_matches(['.', ':', '!', '?']))
        .find_map(|word| word.parse().ok())
}
