//! What the reasons mean that EC2 gives for an instance that ended or would not start.

use crate::observation::ec2::StateReason;
use crate::plan::finding::failure::StateMeaning;

/// What a reason says about keys; `None` where nothing is known of it.
///
/// Its code and its message have a say: the same code comes with messages of many kinds, and a message that names a key
/// is of a key, whatever the code.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html>
pub(super) fn meaning(reason: &StateReason) -> Option<StateMeaning> {
    let (code, message) = (reason.code.to_ascii_lowercase(), &reason.message);
    if code.contains("kmskey") || names_a_key(message) {
        return Some(StateMeaning::KeyUnusable);
    }
    if code == "client.internalerror" || is_error_on_launch(message) {
        return Some(StateMeaning::NearlyAlwaysAKey);
    }
    Some(match code.as_str() {
        "server.internalerror" => StateMeaning::FaultOrKey,
        "client.userinitiatedshutdown"
        | "client.instanceinitiatedshutdown"
        | "client.userinitiatedhibernate" => StateMeaning::Ended,
        "client.volumelimitexceeded" => StateMeaning::VolumeQuota,
        "client.invalidsnapshot.notfound" => StateMeaning::SnapshotGone,
        "server.insufficientinstancecapacity" => StateMeaning::NoCapacity,
        "server.spotinstancetermination" | "server.spotinstanceshutdown" => StateMeaning::SpotReclaimed,
        "server.scheduledstop" => StateMeaning::Retired,
        _ => return None,
    })
}

/// Whether a failure may be a key's doing, by its code and AWS's words.
pub(super) fn may_be_of_a_key(code: &str, message: &str) -> bool {
    let reason = StateReason { code: code.to_owned(), message: message.to_owned() };
    let told = message.split_whitespace().map(|word| word.trim_matches([':', '.', ',', '\'', '"']));
    // Auto Scaling gives EC2's code at the beginning of its message.
    let codes = told.filter(|word| word.starts_with("Client.") || word.starts_with("Server."));
    let mut reasons = codes.map(|code| StateReason { code: code.to_owned(), message: String::new() });
    let is_of_a_key = |reason: &StateReason| meaning(reason).is_some_and(StateMeaning::may_be_of_a_key);
    is_of_a_key(&reason) || reasons.any(|reason| is_of_a_key(&reason))
}

/// Whether words name a key of KMS.
pub(super) fn names_a_key(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["kms", "customer master key"].iter().any(|sign| message.contains(sign))
        || (message.contains("inaccessible") && message.contains("key"))
}

fn is_error_on_launch(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["client.internalerror", "client error on launch", "internal error on launch"]
        .iter()
        .any(|sign| message.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages as public reports and AWS's pages have them.
    #[test]
    fn code_and_message_decide() {
        for (code, message, expected) in [
            ("Client.InternalError", "Client.InternalError: Client error on launch", Some(true)),
            ("Server.InternalError", "Client.InternalError: Client error on launch", Some(true)),
            ("Client.InternalError", "Server.InternalError: Internal error on launch", Some(true)),
            ("Server.InternalError", "Server.InternalError: Internal error on launch", Some(true)),
            ("Server.InternalError", "Internal error", Some(true)),
            ("Server.InternalError", "", Some(true)),
            (
                "Client.InvalidKMSKey.InvalidState",
                "The KMS key provided is in an incorrect state",
                Some(true),
            ),
            ("InvalidKMSKey.InvalidState", "", Some(true)),
            ("Server.InternalError", "The volume is encrypted with an inaccessible AWS KMS key", Some(true)),
            ("Client.VolumeLimitExceeded", "The KMS key is disabled", Some(true)),
            ("Client.VolumeLimitExceeded", "Volume limit exceeded", Some(false)),
            (
                "Client.UserInitiatedShutdown",
                "Client.UserInitiatedShutdown: User initiated shutdown",
                Some(false),
            ),
            ("Server.InsufficientInstanceCapacity", "There is no Spot capacity", Some(false)),
            ("Client.Newer", "something else", None),
        ] {
            let reason = StateReason { code: code.to_owned(), message: message.to_owned() };
            let told = meaning(&reason).map(StateMeaning::may_be_of_a_key);
            assert_eq!(told, expected, "{code}: {message}");
        }
        assert!(may_be_of_a_key("", "Instance became unhealthy: Client.InternalError. Launching failed."));
        assert!(!may_be_of_a_key("", "We currently do not have sufficient t3.micro capacity"));
    }
}
