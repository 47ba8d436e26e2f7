//! What keys' policies say by themselves, whoever asks: who may use each key, and whom it lets in without telling
//! apart.

use super::{Finding, openness};
use crate::access::users::KeyUsers;
use crate::arn::KeyArn;
use crate::observation::{KeyObservation, Observation, RamPolicy, Reading};
use crate::policy::PolicyDocument;

/// Who may use each key; the reason where its policy can't be read.
pub fn of_keys(observation: &Observation) -> Vec<(KeyArn, Result<KeyUsers, String>)> {
    let users = |(key, observed): (&KeyArn, &KeyObservation)| {
        let users = match &observed.policy {
            Reading::Unread(reason) => Err(reason.to_string()),
            Reading::Read(text) => match PolicyDocument::parse(text.as_str()) {
                Ok(policy) => {
                    let ram_policy = ram_policy(observed);
                    let ram_policy = ram_policy.as_ref().map(Option::as_ref).map_err(Clone::clone);
                    Ok(KeyUsers::new(key, &policy, ram_policy, &observed.grants))
                }
                Err(error) => Err(format!("its policy can't be made sense of: {error}")),
            },
        };
        (key.clone(), users)
    };
    observation.keys.iter().map(users).collect()
}

/// Whom the key policies that were read let in without telling them apart: a warning for each statement.
pub fn open_to_anyone(observation: &Observation) -> Vec<Finding> {
    let policies = observation.keys.iter().filter_map(|(key, observed)| Some((key, observed.policy.read()?)));
    let documents =
        policies.filter_map(|(key, text)| Some((key, PolicyDocument::parse(text.as_str()).ok()?)));
    documents.flat_map(|(key, document)| openness::of_key_policy(key, &document)).collect()
}

/// The policy `AWS_RAM` of a key, where it has one; else why that is not known.
fn ram_policy(observed: &KeyObservation) -> Result<Option<PolicyDocument>, String> {
    match &observed.ram_policy {
        RamPolicy::NotLookedAt => Err("nobody looked".to_owned()),
        RamPolicy::Unread(reason) => Err(reason.to_string()),
        RamPolicy::Absent => Ok(None),
        RamPolicy::Read(text) => PolicyDocument::parse(text.as_str())
            .map(Some)
            .map_err(|error| format!("it can't be made sense of: {error}")),
    }
}
