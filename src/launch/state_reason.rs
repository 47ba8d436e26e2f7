//! What the reasons mean that EC2 gives for a terminated instance.

use crate::observation::ec2::StateReason;

/// What a reason says about keys, as a fragment; `None` where nothing is known of it.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html>
pub(super) fn meaning(reason: &StateReason) -> Option<&'static str> {
    let code = reason.code.to_ascii_lowercase();
    Some(match code.as_str() {
        "client.internalerror" => {
            "with an encrypted volume this nearly always means that a key could not be used: no access, a wrong state, \
             or another region's key"
        }
        _ if code.contains("kmskey") => {
            "EC2 could not use the key; it says so for keys without access too, whatever their state"
        }
        "client.userinitiatedshutdown"
        | "client.instanceinitiatedshutdown"
        | "client.userinitiatedhibernate" => "somebody ended it; no key kept it from running",
        "client.volumelimitexceeded" => {
            "a quota of volumes or of their storage was reached; keys are not the reason"
        }
        "client.invalidsnapshot.notfound" => "a snapshot of its image is gone; keys are not the reason",
        "server.insufficientinstancecapacity" => "AWS had no capacity for it; keys are not the reason",
        "server.spotinstancetermination" | "server.spotinstanceshutdown" => {
            "its Spot capacity was reclaimed; keys are not the reason"
        }
        "server.scheduledstop" => "a retirement was scheduled; keys are not the reason",
        "server.internalerror" => "a fault of AWS's; launching again may do",
        _ => return None,
    })
}
