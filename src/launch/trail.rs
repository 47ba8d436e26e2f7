//! Refusals by KMS, as CloudTrail records them, and what EBS, Auto Scaling and EC2 tell of launches that failed.
//!
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>

mod caller;
pub mod incident;
mod notices;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::records::{self, Record};
use crate::access::assessment::documented_actions;
use crate::access::chain::{Notice, NoticeSource, Refusal, Stranger};
use crate::access::{Purpose, inquiry};
use crate::arn::{AccountId, KeyArn, Partition};

pub use super::records::{MOST_BYTES, RecordsError};

/// Why a file holds nothing to start from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrailError {
    /// No records.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// JSON of another kind.
    #[error("no event of CloudTrail")]
    Form,
    /// Events, but none that is a refusal by KMS of what a launch does.
    #[error("{} and none is a call of a launch that KMS refused", counted(*.0))]
    NoRefusal(usize),
    /// EC2 itself refused the call: no key had a part in it.
    #[error(
        "EC2 refused `{operation}` itself, which is no matter of a key: nothing follows from it for a key policy"
    )]
    RefusedByEc2 {
        /// The call.
        operation: String,
        /// AWS's words.
        message: String,
    },
    /// Who was refused one key was not refused another one: access to every key for everyone would be more than
    /// anybody was refused.
    #[error("the events are of several principals and keys, and not each principal was refused each key")]
    Unrelated,
    /// A refusal that lacks what is needed.
    #[error("the event `{event}` does not tell its {what}")]
    Incomplete {
        /// The event's id.
        event: String,
        /// What is missing.
        what: &'static str,
    },
}

fn counted(events: usize) -> String {
    if events == 1 { "one event".to_owned() } else { format!("{events} events") }
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trail {
    /// Refusals by KMS of what a launch does, each once.
    pub refusals: Vec<Refusal>,
    /// Those of callers that can be no grantees.
    pub strangers: Vec<Stranger>,
    /// What services tell of launches that failed.
    pub notices: Vec<Notice>,
    /// How many events are something else.
    pub others: usize,
    /// What does not tell its key, by an event's id or a group's name.
    pub keyless: Option<String>,
}

/// Reads events and notifications in whatever they are wrapped.
///
/// # Errors
/// The file holds none, or no event is a refusal by KMS or tells of a launch that failed, or one does not tell what it
/// was about; or they are about several principals and keys that do not belong together.
pub fn parse(bytes: &[u8]) -> Result<Trail, TrailError> {
    if bytes.len() as u64 > MOST_BYTES {
        return Err(RecordsError::TooLarge(MOST_BYTES).into());
    }
    let records = records::unwrap(bytes)?;
    if records.is_empty() && !is_empty_list(bytes) {
        return Err(TrailError::Form);
    }
    let mut trail = Trail::default();
    let mut told = BTreeSet::new();
    for record in &records {
        trail.read(record, &mut told)?;
    }
    let Trail { refusals, strangers, notices, others, .. } = &trail;
    let tells = |notice: &Notice| notice.source != NoticeSource::Ec2;
    if refusals.is_empty() && strangers.is_empty() && !notices.iter().any(tells) {
        return Err(match notices.first() {
            Some(notice) => TrailError::RefusedByEc2 {
                operation: notice.subject.clone(),
                message: notice.message.clone(),
            },
            None => TrailError::NoRefusal(*others),
        });
    }
    if trail.is_each_of_each() { Ok(trail) } else { Err(TrailError::Unrelated) }
}

/// How to see which statement made EC2 refuse a call, by AWS's words about it.
pub fn how_to_decode(message: &str) -> String {
    inquiry::how_to_decode(encoded_message(message))
}

/// The message about EC2's refusal that AWS encodes, where its words have it.
pub(super) fn encoded_message(message: &str) -> Option<&str> {
    Some(word_after(message, "ncoded authorization failure message: ")).filter(|encoded| !encoded.is_empty())
}

/// What asks for events and finds none is told so, and not that it is of another kind.
fn is_empty_list(bytes: &[u8]) -> bool {
    let value: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
    let lists = ["Records", "Events", "events", "results", "QueryResultRows"];
    value.is_some_and(|value| {
        lists
            .iter()
            .any(|list| value.get(list).and_then(serde_json::Value::as_array).is_some_and(Vec::is_empty))
    })
}

/// Whom or what something is about, what it is, and its key.
type Told = (String, String, Option<KeyArn>);

/// What an event tells of a launch that failed.
enum Failure {
    Refusal(Refusal),
    Stranger(Stranger),
    Notice(Notice),
}

impl Failure {
    /// `None` for an event of something else.
    fn of(record: &Record) -> Result<Option<Self>, TrailError> {
        if let Some(notice) = notices::of(record) {
            return Ok(Some(Self::Notice(notice)));
        }
        if !is_refusal(record) {
            return Ok(None);
        }
        let name = record
            .text(&["eventName"])
            .ok_or_else(|| TrailError::Incomplete { event: id(record), what: "action" })?;
        let (action, key) = (format!("kms:{name}"), key(record));
        let message = record.text(&["errorMessage"]).unwrap_or_default();
        Ok(Some(match caller::of(record) {
            Ok(principal) => Self::Refusal(Refusal { principal, action, key, message }),
            Err(caller::Unnamed { principal, account, reason }) => {
                Self::Stranger(Stranger { principal, account, reason, action, key, message })
            }
        }))
    }

    /// What does not tell its key: a principal's refusal, or a launch of somebody who is told.
    fn keyless(&self, record: &Record) -> Option<String> {
        match self {
            Self::Refusal(refusal) => refusal.key.is_none().then(|| id(record)),
            Self::Notice(notice) => {
                (notice.launcher.is_some() && notice.key.is_none()).then(|| notice.subject.clone())
            }
            Self::Stranger(_) => None,
        }
    }

    fn told(&self) -> Told {
        match self {
            Self::Refusal(Refusal { principal, action, key, .. }) => {
                (principal.to_string(), action.clone(), key.clone())
            }
            Self::Stranger(Stranger { principal, action, key, .. }) => {
                (principal.clone(), action.clone(), key.clone())
            }
            Self::Notice(Notice { subject, message, key, .. }) => {
                (subject.clone(), message.clone(), key.clone())
            }
        }
    }
}

fn id(record: &Record) -> String {
    record.text(&["eventID"]).unwrap_or_default()
}

impl Trail {
    fn read(&mut self, record: &Record, told: &mut BTreeSet<Told>) -> Result<(), TrailError> {
        match Failure::of(record)? {
            None => self.others += 1,
            Some(failure) => {
                if let Some(what) = failure.keyless(record) {
                    self.keyless.get_or_insert(what);
                }
                self.add(failure, told);
            }
        }
        Ok(())
    }

    /// What was told already is not told again.
    fn add(&mut self, failure: Failure, told: &mut BTreeSet<Told>) {
        if !told.insert(failure.told()) {
            return;
        }
        match failure {
            Failure::Refusal(refusal) => self.refusals.push(refusal),
            Failure::Stranger(stranger) => self.strangers.push(stranger),
            Failure::Notice(notice) => self.notices.push(notice),
        }
    }

    /// Whether every principal was refused every key: a request is for all of them.
    fn is_each_of_each(&self) -> bool {
        let refused =
            self.refusals.iter().map(|refusal| (refusal.principal.to_string(), refusal.key.as_ref()));
        let launched = self
            .notices
            .iter()
            .filter_map(|notice| Some((notice.launcher.as_ref()?.to_string(), notice.key.as_ref())));
        let pairs: BTreeSet<(String, Option<&KeyArn>)> = refused.chain(launched).collect();
        let principals: BTreeSet<&String> = pairs.iter().map(|(principal, _)| principal).collect();
        let keys: BTreeSet<Option<&KeyArn>> = pairs.iter().map(|(_, key)| *key).collect();
        pairs.len() == principals.len() * keys.len()
    }
}

/// A row of a query need not have all of an event: what is there decides.
fn is_refusal(record: &Record) -> bool {
    let name = record.text(&["eventName"]).unwrap_or_default();
    let message = record.text(&["errorMessage"]).unwrap_or_default();
    let is_of_kms = match record.text(&["eventSource"]) {
        Some(source) => source == "kms.amazonaws.com",
        None => !name.is_empty(),
    };
    let is_denied = match record.text(&["errorCode"]) {
        Some(code) => code.starts_with("AccessDenied"),
        None => message.contains("is not authorized to perform: kms:"),
    };
    is_of_kms && is_denied && is_of_a_launch(&name)
}

/// Whether an operation is among those that access is given to. Whoever was refused another one, the deletion of a
/// key say, did not ask for that.
fn is_of_a_launch(operation: &str) -> bool {
    // What is not told is no reason to pass over it.
    operation.is_empty()
        || operation == "ReEncrypt"
        || documented_actions(Purpose::Launch).iter().any(|action| action.name() == operation)
}

/// Across accounts AWS may leave the key out.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html>
fn key(record: &Record) -> Option<KeyArn> {
    let listed = record.list(&["resources"]);
    let resources = listed.iter().filter_map(arn_of).chain(record.text(&["resources", "0", "ARN"]));
    let asked = record.text(&["requestParameters", "keyId"]);
    let message = record.text(&["errorMessage"]).unwrap_or_default();
    let said = word_after(&message, "on resource: ").to_owned();
    let arns = resources.chain(asked.clone()).chain([said]);
    arns.map(|arn| arn.parse()).find_map(Result::ok).or_else(|| own_key(record, &asked?))
}

fn arn_of(resource: &serde_json::Value) -> Option<String> {
    let members = resource.as_object()?;
    let (_, arn) = members.iter().find(|(name, _)| name.eq_ignore_ascii_case("arn"))?;
    arn.as_str().map(str::to_owned)
}

/// A key that was named by its id alone is the caller's own.
fn own_key(record: &Record, id: &str) -> Option<KeyArn> {
    let region = record.text(&["awsRegion"])?;
    let account: AccountId = record.text(&["userIdentity", "accountId"])?.parse().ok()?;
    format!("arn:{}:kms:{region}:{account}:key/{id}", Partition::of_region(&region)).parse().ok()
}

fn word_after<'t>(text: &'t str, sign: &str) -> &'t str {
    text.split_once(sign).and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or_default()
}
