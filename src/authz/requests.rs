//! Requests as JSON lines in, decisions as JSON lines out.
//!
//! For policy tests and large batches: it streams, and takes apart each document but once. A line in is an
//! object:
//!
//! | member | |
//! |---|---|
//! | `id` | anything; comes back as it is |
//! | `principal` | the ARN of a root, user, role or session, an account id, or the name of a service |
//! | `action` | one KMS action, such as `kms:Decrypt` |
//! | `key` | the key's ARN |
//! | `key_policy` | a policy; without it the outcome is unknown wherever a key policy has a say |
//! | `ram_policy` | the key's policy `AWS_RAM`, where it has one |
//! | `identity_policies` | a list of policies, those of groups included |
//! | `boundary`, `session_policy` | a policy |
//! | `scps` | a list of levels, from the organization's root down, each a list of policies; a level without any allows nothing |
//! | `rcps` | the same of resource control policies, which only ever deny |
//! | `grants` | a list of grants as `ListGrants` gives them: `GranteePrincipal`, `Operations`, `RetiringPrincipal`, `Constraints` |
//! | `context` | an object of condition keys, in any case; a value is a text, a boolean, a number or a list of them; null and the empty list say that the key is absent |
//! | `context_complete` | true: keys that are not in `context` are absent; else they are unknown |
//!
//! What is left out or null is not there. Keys that follow from the principal, the key and KMS, such as
//! `aws:PrincipalArn`, `kms:CallerAccount` and `aws:SecureTransport`, are filled in unless given. Keys that every
//! request has, such as `aws:CurrentTime`, are never absent unless `context` says so: without a value they are
//! unknown.
//!
//! A line out is `{"id", "decision", "statements", "unknown_keys"}`, where `decision` is `allowed`,
//! `explicit_deny`, `implicit_deny` or `unknown`, `statements` are those that decide, each as
//! `{"document": "scps[0][1]", "index": 2, "effect": "Deny", "sid": "…"}` (`document` is the member of the
//! request, `index` counts from 0, and `sid` is left out where there is none), and `unknown_keys` are the
//! condition keys that would settle what is unknown. For a line that is no request it is `{"id", "error"}`,
//! with the id if it can be read. Empty lines are passed over.

mod cache;
mod line;

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, BufRead, Write};
use std::rc::Rc;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::arn::ArnError;
use crate::policy::actions::UnknownAction;

use super::{
    Boundary, Context, Grant, Outcome, Policies, Prepared, Query, RamDocument, StatementRef, evaluate,
};
#[cfg(test)]
pub(super) use cache::MOST_CACHED;
use cache::{Cache, NotAPolicy};
use line::{GrantEntry, GrantError, Id, Line};

/// The longest line that is read, in bytes: several documents of every kind at their limits.
const LONGEST_LINE: usize = 16 << 20;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Requests that are allowed.
    pub allowed: usize,
    /// Requests that are denied, explicitly or implicitly.
    pub denied: usize,
    /// Requests that nobody can decide.
    pub unknown: usize,
    /// Lines that are no request.
    pub bad: usize,
}

/// Why a line is no request.
#[derive(Debug, thiserror::Error)]
enum LineError {
    #[error("not a request: {0}")]
    Json(#[from] serde_json::Error),
    #[error("not UTF-8")]
    Encoding,
    #[error("longer than {LONGEST_LINE} bytes")]
    TooLong,
    #[error("principal: {0}")]
    Principal(ArnError),
    #[error("action: {0}")]
    Action(#[from] UnknownAction),
    #[error("key: {0}")]
    Key(ArnError),
    #[error(transparent)]
    Policy(#[from] NotAPolicy),
    #[error("grants[{index}]: {error}")]
    Grant { index: usize, error: GrantError },
}

/// Answers each line of the input with a line of the output, in order; a bad line with its error.
///
/// The output is written in small pieces, so it should be buffered; it is flushed whenever the input has nothing
/// more at hand.
///
/// # Errors
/// The input can't be read, or the output can't be written.
pub fn answer(mut input: impl BufRead, mut output: impl Write) -> io::Result<Summary> {
    let mut batch = Batch::default();
    let mut line = Vec::new();
    while let Some(is_used_up) = read_line(&mut input, &mut line)? {
        if line.len() > LONGEST_LINE || !line.trim_ascii().is_empty() {
            batch.answer_line(&line, &mut output)?;
        }
        if is_used_up {
            // Reading on may take until somebody has seen the answer.
            output.flush()?;
        }
    }
    output.flush()?;
    Ok(batch.summary)
}

/// Reads a line, at most one byte more than is allowed of it, and tells whether it uses up what the input has
/// at hand; nothing at the end.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut has_begun = false;
    loop {
        let at_hand = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            at_hand => at_hand?,
        };
        if at_hand.is_empty() {
            return Ok(has_begun.then_some(true));
        }
        has_begun = true;
        let newline = memchr::memchr(b'\n', at_hand);
        let used = newline.map_or(at_hand.len(), |at| at + 1);
        let room = LONGEST_LINE + 1 - line.len();
        line.extend(at_hand.iter().take(used.min(room)));
        let is_used_up = used == at_hand.len();
        input.consume(used);
        if newline.is_some() {
            return Ok(Some(is_used_up));
        }
    }
}

/// Lines that are answered one after the other.
#[derive(Default)]
pub(super) struct Batch {
    cache: Cache,
    pub(super) summary: Summary,
}

impl Batch {
    pub(super) fn answer_line(&mut self, line: &[u8], output: &mut impl Write) -> io::Result<()> {
        let written = match self.decide(line) {
            Ok(answer) => {
                *match answer.decision {
                    Outcome::Allowed => &mut self.summary.allowed,
                    Outcome::ExplicitDeny | Outcome::ImplicitDeny => &mut self.summary.denied,
                    Outcome::Unknown => &mut self.summary.unknown,
                } += 1;
                serde_json::to_writer(&mut *output, &answer)
            }
            Err(error) => {
                self.summary.bad += 1;
                let id = serde_json::from_slice::<Id<'_>>(line).ok().and_then(|id| id.id);
                serde_json::to_writer(&mut *output, &Refusal { id, error: error.to_string() })
            }
        };
        written?;
        output.write_all(b"\n")
    }

    #[cfg(test)]
    pub(super) fn cached_bytes(&self) -> usize {
        self.cache.bytes()
    }

    fn decide<'l>(&mut self, line: &'l [u8]) -> Result<Answer<'l>, LineError> {
        if line.len() > LONGEST_LINE {
            return Err(LineError::TooLong);
        }
        let line: Line<'l> = serde_json::from_str(str::from_utf8(line).map_err(|_| LineError::Encoding)?)?;
        let principal = line.principal.parse().map_err(LineError::Principal)?;
        let key = line.key.parse().map_err(LineError::Key)?;
        let documents = Documents::of(&line, &mut self.cache)?;
        let grants = line.grants.map(grants).transpose()?;
        let mut context = if line.context_complete { Context::complete() } else { Context::unknown() };
        for (key, values) in line.context.unwrap_or_default() {
            context.set(&key, values.0);
        }
        let query = Query::new(&principal, line.action.parse()?, &key, &context);
        Ok(documents.with_policies(grants.as_deref(), |policies| {
            let decision = evaluate(&query, policies);
            Answer {
                id: line.id,
                decision: decision.outcome,
                statements: decision.statements.iter().map(|found| Found::new(*found, policies)).collect(),
                unknown_keys: decision.unknown_keys,
            }
        }))
    }
}

fn grants(entries: Vec<GrantEntry>) -> Result<Vec<Grant>, LineError> {
    let entries = entries.into_iter().enumerate();
    entries
        .map(|(index, entry)| entry.try_into().map_err(|error| LineError::Grant { index, error }))
        .collect()
}

/// The documents of a line.
struct Documents {
    key_policy: Option<Rc<Prepared>>,
    ram_policy: Option<Rc<Prepared>>,
    identity: Vec<Rc<Prepared>>,
    boundary: Option<Rc<Prepared>>,
    session: Option<Rc<Prepared>>,
    scps: Option<Vec<Vec<Rc<Prepared>>>>,
    rcps: Option<Vec<Vec<Rc<Prepared>>>>,
}

impl Documents {
    fn of(line: &Line<'_>, cache: &mut Cache) -> Result<Self, NotAPolicy> {
        let identity = line.identity_policies.as_deref().unwrap_or_default();
        Ok(Self {
            key_policy: cache.optional(line.key_policy, "key_policy")?,
            ram_policy: cache.optional(line.ram_policy, "ram_policy")?,
            identity: cache.list(identity, "identity_policies")?,
            boundary: cache.optional(line.boundary, "boundary")?,
            session: cache.optional(line.session_policy, "session_policy")?,
            scps: cache.levels(line.scps.as_deref(), "scps")?,
            rcps: cache.levels(line.rcps.as_deref(), "rcps")?,
        })
    }

    fn with_policies<T>(&self, grants: Option<&[Grant]>, decide: impl FnOnce(&Policies<'_>) -> T) -> T {
        let identity: Vec<&Prepared> = self.identity.iter().map(Rc::as_ref).collect();
        let session: Option<Vec<&Prepared>> = self.session.as_ref().map(|document| vec![document.as_ref()]);
        let (scps, rcps) = (borrowed(self.scps.as_deref()), borrowed(self.rcps.as_deref()));
        decide(&Policies {
            key_policy: self.key_policy.as_deref(),
            ram_policy: self.ram_policy.as_deref().map_or(RamDocument::None, RamDocument::Document),
            identity: Some(&identity),
            boundary: self.boundary.as_deref().map_or(Boundary::None, Boundary::Document),
            session: session.as_deref(),
            scps: scps.as_deref(),
            rcps: rcps.as_deref(),
            grants,
        })
    }
}

fn borrowed(levels: Option<&[Vec<Rc<Prepared>>]>) -> Option<Vec<Vec<&Prepared>>> {
    levels.map(|levels| levels.iter().map(|level| level.iter().map(Rc::as_ref).collect()).collect())
}

#[derive(Serialize)]
struct Answer<'l> {
    id: Option<&'l RawValue>,
    #[serde(serialize_with = "as_text")]
    decision: Outcome,
    statements: Vec<Found>,
    unknown_keys: BTreeSet<String>,
}

#[derive(Serialize)]
struct Refusal<'l> {
    id: Option<&'l RawValue>,
    error: String,
}

/// A statement that decides.
#[derive(Serialize)]
struct Found {
    /// The field of the request.
    document: String,
    /// The statement's index in the document.
    index: usize,
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

impl Found {
    fn new(statement: StatementRef, policies: &Policies<'_>) -> Self {
        Self {
            document: statement.document.to_string(),
            index: statement.index,
            effect: policies.effect(statement).as_str(),
            sid: policies.sid(statement).map(str::to_owned),
        }
    }
}

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
