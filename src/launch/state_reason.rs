//! What the reasons mean that EC2 gives for an instance that ended or would not start.

use crate::observation::ec2::StateReason;

/// What a reason says about keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    /// In words, as a fragment.
    pub(super) words: &'static str,
    /// Whether a key may be the reason.
    pub(super) may_be_of_a_key: bool,
}

/// What a reason says about keys; `None` where nothing is known of it.
///
/// Its code and its message have a say: the same code comes with messages of many kinds, and a message that names a key
/// is of a key, whatever the code.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html>
pub(super) fn meaning(reason: &StateReason) -> Option<Meaning> {
    let (code, message) = (reason.code.to_ascii_lowercase(), &reason.message);
    if code.contains("kmskey") || names_a_key(message) {
        return Some(of_a_key(
            "EC2 could not use the key; it says so for keys without access too, whatever their state",
        ));
    }
    if code == "client.internalerror" || is_error_on_launch(message) {
        return Some(of_a_key(
            "with an encrypted volume this nearly always means that a key could not be used: no access, a wrong state, \
             or another region's key",
        ));
    }
    if code == "server.internalerror" {
        return Some(of_a_key(
            "a fault of AWS's, or a key that could not be used: with an encrypted volume EC2 says so for keys too",
        ));
    }
    let words = match code.as_str() {
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
        _ => return None,
    };
    Some(Meaning { words, may_be_of_a_key: false })
}

/// Whether a failure may be a key's doing, by its code and AWS's words.
pub(super) fn may_be_of_a_key(code: &str, message: &str) -> bool {
    let reason = StateReason { code: code.to_owned(), message: message.to_owned() };
    let told = message.split_whitespace().map(|word| word.trim_matches([':', '.', ',', '\'', '"']));
    // Auto Scaling gives EC2's code at the beginning of its message.
    let codes = told.filter(|word| word.starts_with("Client.") || word.starts_with("Server."));
    let mut reasons = codes.map(|code| StateReason { code: code.to_owned(), message: String::new() });
    meaning(&reason).is_some_and(|meaning| meaning.may_be_of_a_key)
        || reasons.any(|reason| meaning(&reason).is_some_and(|meaning| meaning.may_be_of_a_key))
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

fn of_a_key(words: &'static str) -> Meaning {
    Meaning { words, may_be_of_a_key: true }
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
            let told = meaning(&reason);
            assert_eq!(told.map(|told| told.may_be_of_a_key), expected, "{code}: {message}");
            assert!(!told.is_some_and(|told| told.words.contains("again")), "{code}: {message}");
        }
        assert!(may_be_of_a_key("", "Instance became unhealthy: Client.InternalError. Launching failed."));
        assert!(!may_be_of_a_key("", "We currently do not have sufficient t3.micro capacity"));
    }
}
