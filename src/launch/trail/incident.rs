//! Events as they come, one after the other: what each tells of one principal and one key stands by itself.

use std::collections::BTreeSet;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Failure, Record, RecordsError, Told, Trail, TrailError, id, is_empty_list, records};
use crate::access::GranteeRef;
use crate::access::chain::{Notice, NoticeSource};
use crate::arn::{AccountId, KeyArn};
use crate::cloud::aws::APP_NAME;
use crate::launch::Targets;

/// What events that came together tell of one principal and one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// The key; across accounts AWS may leave it out.
    pub key: Option<KeyArn>,
    /// Who launched; nobody where the events tell of a key alone.
    pub principal: Launcher,
    /// When it happened, by the newest of its events that tells it.
    pub time: Option<OffsetDateTime>,
    /// The first event, by its id, or what it is about.
    pub event: String,
    /// What they tell.
    pub trail: Trail,
}

/// Who launched, as far as events tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Launcher {
    /// A user, a role or the session of one.
    Named(GranteeRef),
    /// Somebody who can be no grantee, as the event names it, with the account where it is told.
    Stranger(String, Option<AccountId>),
    /// Nobody is told.
    Nobody,
}

impl Launcher {
    /// Its account, where it is told.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Named(grantee) => grantee.account(),
            Self::Stranger(_, account) => *account,
            Self::Nobody => None,
        }
    }

    /// Its name; none where nobody is told.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Named(grantee) => Some(grantee.to_string()),
            Self::Stranger(name, _) => Some(name.clone()),
            Self::Nobody => None,
        }
    }

    /// Whether a caller, by its ARN, is this one: of a role's sessions each is the role.
    pub fn is_caller(&self, arn: &str) -> bool {
        match (self, crate::access::NoGrantee::or_grantee(arn)) {
            (Self::Named(own), Ok(caller)) => {
                role(own).map_or(*own == caller, |own| Some(own) == role(&caller))
            }
            _ => self.name().is_some_and(|name| name == arn),
        }
    }
}

/// A role's account and name, in which IAM sees no difference of case.
fn role(grantee: &GranteeRef) -> Option<(AccountId, String)> {
    match grantee {
        GranteeRef::Entity(entity) if entity.kind == crate::arn::EntityKind::Role => {
            Some((entity.account, entity.name.to_lowercase()))
        }
        GranteeRef::Session(session) => Some((session.account, session.role_name.to_lowercase())),
        _ => None,
    }
}

/// What stands in one text.
#[derive(Debug, Default)]
pub struct Incidents {
    /// What is about launches that failed, in the order of the events.
    pub found: Vec<Incident>,
    /// How many events are something else.
    pub others: usize,
    /// How many events are calls of this program's own.
    pub own: usize,
    /// Events that do not tell what they have to.
    pub incomplete: Vec<TrailError>,
}

/// Reads events and notifications in whatever they are wrapped, as [`super::parse`] does, and tells them apart by key and
/// principal.
///
/// # Errors
/// The text holds none.
pub fn incidents(bytes: &[u8]) -> Result<Incidents, TrailError> {
    if bytes.len() as u64 > records::MOST_BYTES {
        return Err(RecordsError::TooLarge(records::MOST_BYTES).into());
    }
    let records = records::unwrap(bytes)?;
    if records.is_empty() && !is_empty_list(bytes) {
        return Err(TrailError::Form);
    }
    let mut incidents = Incidents::default();
    let mut told = BTreeSet::new();
    for record in &records {
        match Failure::of(record) {
            _ if is_own_call(record) => incidents.own += 1,
            // EC2 refused it itself: no key had a part in it.
            Ok(None | Some(Failure::Notice(Notice { source: NoticeSource::Ec2, .. }))) => {
                incidents.others += 1;
            }
            Ok(Some(failure)) => incidents.add(failure, record, &mut told),
            Err(error) => incidents.incomplete.push(error),
        }
    }
    Ok(incidents)
}

impl Incidents {
    fn add(&mut self, failure: Failure, record: &Record, told: &mut BTreeSet<Told>) {
        let (principal, key) = match &failure {
            Failure::Refusal(refusal) => (Launcher::Named(refusal.principal.clone()), refusal.key.clone()),
            Failure::Stranger(stranger) => {
                (Launcher::Stranger(stranger.principal.clone(), stranger.account), stranger.key.clone())
            }
            Failure::Notice(notice) => {
                (notice.launcher.clone().map_or(Launcher::Nobody, Launcher::Named), notice.key.clone())
            }
        };
        let known = self.found.iter().position(|known| known.principal == principal && known.key == key);
        let event = event(&failure, record);
        let new = || Incident { key, principal, time: None, event, trail: Trail::default() };
        let mut incident = known.map_or_else(new, |index| self.found.remove(index));
        incident.time = incident.time.max(time(record));
        incident.trail.add(failure, told);
        self.found.insert(known.unwrap_or(self.found.len()), incident);
    }
}

fn event(failure: &Failure, record: &Record) -> String {
    let own = record.text(&["eventID"]).or_else(|| record.text(&["id"]));
    match failure {
        _ if own.is_some() => own.unwrap_or_default(),
        Failure::Notice(notice) => notice.subject.clone(),
        Failure::Refusal(_) | Failure::Stranger(_) => id(record),
    }
}

/// When it happened, by the event itself: CloudTrail's, else EventBridge's time.
fn time(record: &Record) -> Option<OffsetDateTime> {
    let moment = record.text(&["eventTime"]).or_else(|| record.text(&["time"]))?;
    OffsetDateTime::parse(&moment, &Rfc3339).ok()
}

/// Whether this program made the call, as the SDK tells it of applications.
///
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-appid.html>
fn is_own_call(record: &Record) -> bool {
    let agent = record.text(&["userAgent"]).unwrap_or_default();
    let is_end = |letter: char| letter.is_whitespace() || "[],".contains(letter);
    agent.split(is_end).any(|word| word.strip_prefix("app/") == Some(APP_NAME))
}

impl From<&Trail> for Targets {
    /// What records tell, and nothing besides.
    fn from(trail: &Trail) -> Self {
        let Trail { refusals, strangers, notices, .. } = trail.clone();
        Self { refusals, strangers, notices, ..Self::default() }
    }
}
