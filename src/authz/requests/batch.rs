//! Lines that are answered one after the other, with what is kept for the lines that follow.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};
use std::ops::AddAssign;
use std::rc::Rc;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::super::{
    Boundary, Context, Grant, Outcome, Policies, Prepared, Query, RamDocument, StatementRef, evaluate,
};
use super::cache::{Cache, NotAPolicy};
use super::line::{GrantEntry, GrantError, Id, Line};
use crate::arn::ArnError;
use crate::policy::KmsAction;
use crate::policy::actions::UnknownAction;

/// The longest line that is read, in bytes: several documents of every kind at their limits.
pub(super) const LONGEST_LINE: usize = 16 << 20;

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

impl AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.allowed += other.allowed;
        self.denied += other.denied;
        self.unknown += other.unknown;
        self.bad += other.bad;
    }
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

/// Lines that are answered one after the other.
#[derive(Default)]
pub struct Batch {
    cache: Cache,
    /// What became of them.
    pub summary: Summary,
}

impl Batch {
    /// Answers a line; an empty one is passed over.
    ///
    /// # Errors
    /// The output can't be written.
    pub fn answer_line(&mut self, line: &[u8], output: &mut impl Write) -> io::Result<()> {
        if line.len() <= LONGEST_LINE && line.trim_ascii().is_empty() {
            return Ok(());
        }
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
    pub(in super::super) fn cached_bytes(&self) -> usize {
        self.cache.bytes()
    }

    fn decide<'l>(&mut self, line: &'l [u8]) -> Result<Answer<'l>, LineError> {
        if line.len() > LONGEST_LINE {
            return Err(LineError::TooLong);
        }
        let line: Line<'l> = serde_json::from_str(str::from_utf8(line).map_err(|_| LineError::Encoding)?)?;
        let principal = line.principal.parse().map_err(LineError::Principal)?;
        let key = line.key.parse().map_err(LineError::Key)?;
        let action = line.action.parse()?;
        let documents = Documents::of(&line, action, &mut self.cache)?;
        let grants = line.grants.map(grants).transpose()?;
        let mut context = if line.context_complete { Context::complete() } else { Context::unknown() };
        for (key, values) in line.context.unwrap_or_default() {
            context.set(&key, values.0);
        }
        let query = Query::new(&principal, action, &key, &context);
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
    fn of(line: &Line<'_>, action: KmsAction, cache: &mut Cache) -> Result<Self, NotAPolicy> {
        let identity = line.identity_policies.as_deref().unwrap_or_default();
        Ok(Self {
            key_policy: cache.optional(line.key_policy, action, "key_policy")?,
            ram_policy: cache.optional(line.ram_policy, action, "ram_policy")?,
            identity: cache.list(identity, action, || "identity_policies".to_owned())?,
            boundary: cache.optional(line.boundary, action, "boundary")?,
            session: cache.optional(line.session_policy, action, "session_policy")?,
            scps: cache.levels(line.scps.as_deref(), action, "scps")?,
            rcps: cache.levels(line.rcps.as_deref(), action, "rcps")?,
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
