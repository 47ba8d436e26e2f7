//! What a run did, as one versioned JSON document for programs.
//!
//! Secrets and the names of profiles never appear in it.

mod document;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use schemars::generate::SchemaSettings;

use crate::access::Request;
use crate::access::assessment::Assessment;
use crate::access::chain::Chain;
use crate::access::trial::Trial;
use crate::access::users::KeyUsers;
use crate::arn::KeyArn;
use crate::escape::EscapedJson;
use crate::observation::Observation;
use crate::plan::conclusion::Checked;
use crate::plan::rollback::Conflict;
use crate::plan::survey::Survey;
use crate::plan::{Case, Fate, Finding};

pub use document::{ErrorOutput, OutcomeOutput, RunSummary};

use document::Output;

/// Everything that a run has to say. What it did not come to is `None` or empty.
#[derive(Debug, Clone)]
pub struct RunReport<'a> {
    /// The command: `fix`, `rollback`.
    pub command: &'a str,
    /// What was planned, and what it was made from.
    pub case: Option<&'a Case>,
    /// What became of each of the plan's changes, in their order; those beyond the list's end are only planned.
    pub fates: &'a [Fate],
    /// What somebody changed since an earlier run wrote it.
    pub conflicts: &'a [Conflict],
    /// What evaluation tells of what reads back.
    pub proof: &'a [Assessment],
    /// What AWS itself answered about the access, where it was asked.
    pub trials: &'a [Trial],
    /// Earlier runs, where they were asked for.
    pub runs: &'a [RunSummary],
    /// How the run ended.
    pub outcome: OutcomeOutput,
    /// What failed.
    pub error: Option<ErrorOutput>,
    /// The process's exit status.
    pub exit_status: u8,
}

impl<'a> RunReport<'a> {
    /// A run that had nothing to do.
    pub fn of_nothing(command: &'a str) -> Self {
        Self {
            command,
            case: None,
            fates: &[],
            conflicts: &[],
            proof: &[],
            trials: &[],
            runs: &[],
            outcome: OutcomeOutput::NoChanges,
            error: None,
            exit_status: 0,
        }
    }
}

/// Everything that a check has to say.
#[derive(Debug, Clone)]
pub struct CheckReport<'a> {
    /// What was found on the way to the keys.
    pub chain: Option<&'a Chain>,
    /// What was found besides, and is about no one grantee and key.
    pub findings: &'a [Finding],
    /// What was asked for, once it is resolved.
    pub request: Option<&'a Request>,
    /// What was read.
    pub observation: Option<&'a Observation>,
    /// What was found of each grantee with each key.
    pub checked: &'a [Checked],
    /// Who may use each key, where no grantee is named; the reason where its policy can't be read.
    pub users: &'a [(KeyArn, Result<KeyUsers, String>)],
    /// How the run ended.
    pub outcome: OutcomeOutput,
    /// What failed.
    pub error: Option<ErrorOutput>,
    /// The process's exit status.
    pub exit_status: u8,
}

/// Everything that a survey has to say.
#[derive(Debug, Clone)]
pub struct SurveyReport<'a> {
    /// What was found.
    pub survey: &'a Survey,
    /// How the run ended.
    pub outcome: OutcomeOutput,
    /// The process's exit status.
    pub exit_status: u8,
}

/// Writes the report as pretty-printed JSON with a line end.
///
/// Control and format characters in strings are written as JSON escapes, so that a terminal shows them harmlessly.
///
/// # Errors
/// What the writer returns.
pub fn write(out: &mut dyn Write, report: &RunReport<'_>) -> io::Result<()> {
    write_output(out, &Output::from(report))
}

/// Writes a check's report, as [`write()`] does.
///
/// # Errors
/// What the writer returns.
pub fn write_check(out: &mut dyn Write, report: &CheckReport<'_>) -> io::Result<()> {
    write_output(out, &Output::from(report))
}

/// Writes a survey's report, as [`write()`] does.
///
/// # Errors
/// What the writer returns.
pub fn write_survey(out: &mut dyn Write, report: &SurveyReport<'_>) -> io::Result<()> {
    write_output(out, &Output::from(report))
}

fn write_output(out: &mut dyn Write, output: &Output<'_>) -> io::Result<()> {
    let json = serde_json::to_string_pretty(output)?;
    writeln!(out, "{}", EscapedJson(&json))
}

/// The JSON Schema (draft 2020-12) of what [`write()`] writes.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Output<'static>>()
        .to_value()
}
