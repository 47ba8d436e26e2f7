//! What becomes of what events tell of one principal and one key.

use std::io;

use sha2::{Digest as _, Sha256};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use super::known::{Known, Mark, Whose};
use crate::access::chain::Chain;
use crate::cli::OutputChoice;
use crate::cli::settings::check::{CheckRun, Source};
use crate::cli::settings::launch::keyless;
use crate::cli::settings::watch::WatchSettings;
use crate::cloud::store::Store;
use crate::cloud::{CloudError, CloudErrorKind, Observe};
use crate::commands::check::finding::{Found, Read};
use crate::commands::handover::now;
use crate::commands::{backend, check, document, organization};
use crate::error::{Error, ExitStatus};
use crate::launch::Targets;
use crate::launch::causes;
use crate::launch::trail::incident::{Incident, Launcher};
use crate::observation::OrganizationPolicies;
use crate::plan::conclusion::Conclusion;
use crate::plan::saved::SavedPlan;
use crate::render::findings::tell;
use crate::render::json::{self, CheckReport, OutcomeOutput};
use crate::render::text::in_short;
use crate::render::watch::{EventLine, FORM};

/// The names of what is written for an event.
const VERDICT: &str = "verdict.json";
const PLAN: &str = "plan.json";

/// Looks at what events are about, writes what it finds to a folder, and remembers it for a while.
pub(super) struct Watcher {
    settings: WatchSettings,
    organization: OrganizationPolicies,
    store: Store,
    known: Known,
}

/// What became of it.
pub(super) enum Seen {
    /// It was told within the window.
    Known,
    /// This program's own credentials did it.
    Own,
    /// A verdict is written.
    Judged {
        /// What it says.
        line: Box<EventLine>,
        /// Whether none could be had, and one may be another time.
        may_pass: bool,
    },
}

/// What was found.
struct Verdict {
    conclusion: Conclusion,
    message: String,
    document: Vec<u8>,
    plan: String,
    changes: usize,
}

impl Watcher {
    /// # Errors
    /// Something that was given can't be used, or the folder can't be made.
    pub(super) async fn begin(settings: WatchSettings) -> Result<Self, Error> {
        let store = backend::store(&settings.out, backend::credentials(&settings.backend)).await?;
        store.prepare(&[""])?;
        // What is wrong with it is told before anything is waited for.
        backend::connect(&settings.backend).await?;
        let organization = organization::read(&settings.organization)?;
        Ok(Self { organization, store, known: Known::new(settings.window), settings })
    }

    /// # Errors
    /// What was found can't be written. Where nothing can be found, that is the verdict.
    pub(super) async fn see(&mut self, incident: &Incident) -> Result<Seen, Error> {
        let mark = mark(incident);
        let moment = incident.time.unwrap_or_else(OffsetDateTime::now_utc);
        match self.known.told(&mark, moment) {
            Some(Whose::Others) => return Ok(Seen::Known),
            Some(Whose::Own) => return Ok(Seen::Own),
            None => {}
        }
        let judged = self.judge(incident).await;
        // Where it may succeed another time, the next event is a reason to try.
        let may_pass = matches!(&judged, Err(error) if error.cloud_error().is_some_and(CloudError::may_pass));
        let line = match judged {
            Ok(None) => {
                self.known.remember(mark, moment, Whose::Own);
                return Ok(Seen::Own);
            }
            Ok(Some(verdict)) => self.keep(incident, &mark, verdict).await?,
            Err(error) => self.keep_unknown(incident, &mark, &error).await?,
        };
        if !may_pass {
            self.known.remember(mark, moment, Whose::Others);
        }
        Ok(Seen::Judged { line: Box::new(line), may_pass })
    }

    /// The verdict and the plan; nothing of what this program's own credentials did. All of it is read anew: what was
    /// found of an earlier event says nothing of this one.
    async fn judge(&self, incident: &Incident) -> Result<Option<Verdict>, Error> {
        let ground = backend::connect(&self.settings.backend).await?;
        let cloud = &ground.cloud;
        if is_own(&incident.principal, cloud).await? {
            return Ok(None);
        }
        if incident.key.is_none() {
            return Err(keyless(&incident.event).into());
        }
        let run = self.run(incident);
        let read = check::read(&run, &self.organization, cloud).await?;
        let mut found = Found::of(&run, &read);
        // A launch failed: of nobody who can be told, nobody can tell either.
        found.worst.get_or_insert(Conclusion::Unknown);
        let conclusion = found.worst.unwrap_or(Conclusion::Unknown);
        let mut document = Vec::new();
        check::write_document(&mut document, &read, &found)?;
        let message = message(&found);
        let Read { chain, request, observation } = read;
        let case = causes::planned(chain, request, observation);
        let changes = case.plan.changes.len();
        let saved = SavedPlan { backend: backend::of_plan(&self.settings.backend), case };
        let plan = saved.to_text(now(), tell).map_err(io::Error::other)?;
        Ok(Some(Verdict { conclusion, message, document, plan, changes }))
    }

    /// What is asked where a file of these events is given to `check`.
    fn run(&self, incident: &Incident) -> CheckRun {
        CheckRun {
            asked: self.settings.remedy.clone(),
            targets: Targets::from(&incident.trail),
            other_events: 0,
            is_about_users: false,
            repeated: Vec::new(),
            source: Source::Backend(self.settings.backend.clone()),
            organization: self.settings.organization.clone(),
            context: Vec::new(),
            all: false,
            output: OutputChoice::Json,
        }
    }

    async fn keep(&self, incident: &Incident, mark: &Mark, verdict: Verdict) -> Result<EventLine, Error> {
        let own = self.store.own(&name(incident, mark))?;
        // Who sees a verdict finds its plan.
        own.put(PLAN, &verdict.plan).await?;
        own.put(VERDICT, &text(verdict.document)?).await?;
        Ok(EventLine {
            conclusion: verdict.conclusion,
            message: verdict.message,
            plan: Some(own.path(PLAN)),
            changes: verdict.changes,
            ..line(incident, own.path(VERDICT))
        })
    }

    /// What could not be looked at, and why. What was found of the same event before says more, and stays.
    async fn keep_unknown(
        &self,
        incident: &Incident,
        mark: &Mark,
        error: &Error,
    ) -> Result<EventLine, Error> {
        let own = self.store.own(&name(incident, mark))?;
        let failed = document::error_of(error);
        let told = &incident.trail;
        let chain = Chain {
            refusals: told.refusals.clone(),
            strangers: told.strangers.clone(),
            notices: told.notices.clone(),
            ..Chain::default()
        };
        let mut document = Vec::new();
        let report = CheckReport {
            chain: Some(&chain),
            findings: &[],
            request: None,
            observation: None,
            checked: &[],
            users: &[],
            outcome: OutcomeOutput::Unknown,
            error: Some(failed.clone()),
            exit_status: ExitStatus::Error as u8,
        };
        json::write_check(&mut document, &report)?;
        own.make(VERDICT, &text(document)?).await?;
        let message = format!("nobody can tell whether it can launch: {}", failed.message);
        Ok(EventLine { message, error: Some(failed), ..line(incident, own.path(VERDICT)) })
    }
}

/// What is told of everything.
fn line(incident: &Incident, verdict: String) -> EventLine {
    EventLine {
        keymend_watch: FORM,
        event: incident.event.clone(),
        time: incident.time.and_then(|time| time.to_offset(UtcOffset::UTC).format(&Rfc3339).ok()),
        key: incident.key.as_ref().map(ToString::to_string),
        principal: incident.principal.name(),
        conclusion: Conclusion::Unknown,
        message: String::new(),
        verdict,
        plan: None,
        changes: 0,
        error: None,
    }
}

/// The worst of what was concluded, in a line; where that is nothing, what was found.
fn message(found: &Found) -> String {
    let checked = found.checked.iter().max_by_key(|checked| checked.conclusion);
    let told = found.findings.iter().min_by_key(|finding| finding.severity());
    match (checked, told) {
        (Some(checked), _) => in_short(checked),
        (None, Some(finding)) => tell(finding).message,
        (None, None) => "nobody can tell who launches".to_owned(),
    }
}

/// Whether one of the callers that credentials are at hand of did it. What they are refused while they look would be the
/// next event.
async fn is_own(principal: &Launcher, cloud: &impl Observe) -> Result<bool, CloudError> {
    let default = match cloud.default_caller().await {
        // Profiles by account may be all there is.
        Err(error) if error.kind == CloudErrorKind::NoCredentials => None,
        caller => Some(caller?),
    };
    let own = match principal.account() {
        Some(account) => cloud.caller(account).await?,
        None => None,
    };
    Ok(default.into_iter().chain(own).any(|caller| principal.is_caller(&caller.arn)))
}

/// What the principal and the key are known by.
fn mark(incident: &Incident) -> Mark {
    let mut digest = Sha256::new();
    let key = incident.key.as_ref().map(ToString::to_string).unwrap_or_default();
    let principal = incident.principal.name().unwrap_or_default();
    for part in [key, principal] {
        // Neither has such a byte.
        digest.update(part.as_bytes());
        digest.update([0xff]);
    }
    digest.finalize().into()
}

/// The name of the event's folder: the same event has the same one, and of its text there is nothing in it but the key's
/// id, which has letters, digits and hyphens.
fn name(incident: &Incident, mark: &Mark) -> String {
    let moment = incident.time.map_or(incident.event.clone(), |time| time.unix_timestamp_nanos().to_string());
    let digest = Sha256::new().chain_update(mark).chain_update(moment.as_bytes()).finalize();
    let id = incident.key.as_ref().map_or("no-key", |key| key.id.as_str());
    digest
        .iter()
        .take(8)
        .fold(format!("{}-", id.get(..64).unwrap_or(id)), |name, byte| format!("{name}{byte:02x}"))
}

fn text(document: Vec<u8>) -> io::Result<String> {
    String::from_utf8(document).map_err(io::Error::other)
}
