//! What is said of launches that failed.

use super::Words;
use crate::plan::finding::FailureFinding;
use crate::plan::finding::failure::StateMeaning;

pub(super) fn words(found: &FailureFinding) -> Words {
    match found {
        FailureFinding::Instance { state, told: None, .. } => {
            Words::new(format!("the instance is {state}, and EC2 gives no reason"))
        }
        FailureFinding::Instance { state, told: Some(told), meaning } => {
            meant(format!("the instance is {state}: `{told}`"), *meaning)
        }
        FailureFinding::Ebs { told } => Words::new(format!("EBS failed: `{told}`")),
        FailureFinding::Group { told, meaning } => {
            meant(format!("a launch of the Auto Scaling group failed: `{told}`"), *meaning)
        }
    }
}

fn meant(message: String, meaning: Option<StateMeaning>) -> Words {
    Words { message, hint: meaning.map(|meaning| in_words(meaning).to_owned()) }
}

fn in_words(meaning: StateMeaning) -> &'static str {
    match meaning {
        StateMeaning::KeyUnusable => {
            "EC2 could not use the key; it says so for keys without access too, whatever their state"
        }
        StateMeaning::NearlyAlwaysAKey => {
            "with an encrypted volume this nearly always means that a key could not be used: no access, a wrong state, or \
             another region's key"
        }
        StateMeaning::FaultOrKey => {
            "a fault of AWS's, or a key that could not be used: with an encrypted volume EC2 says so for keys too"
        }
        StateMeaning::Ended => "somebody ended it; no key kept it from running",
        StateMeaning::VolumeQuota => {
            "a quota of volumes or of their storage was reached; keys are not the reason"
        }
        StateMeaning::SnapshotGone => "a snapshot of its image is gone; keys are not the reason",
        StateMeaning::NoCapacity => "AWS had no capacity for it; keys are not the reason",
        StateMeaning::SpotReclaimed => "its Spot capacity was reclaimed; keys are not the reason",
        StateMeaning::Retired => "a retirement was scheduled; keys are not the reason",
    }
}
