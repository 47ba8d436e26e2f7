//! What became of an event, in a line.

use std::io::{self, Write};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::json::ErrorOutput;
use crate::escape::{Escaped, EscapedJson};
use crate::plan::conclusion::Conclusion;

/// The version of the line's form.
pub const FORM: u32 = 1;

/// What became of what events tell of one principal and one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "keymend watch line")]
pub struct EventLine {
    /// The version of this line's form. It changes when members change their meaning or go; members may be added within a
    /// version, together with a new schema.
    #[schemars(extend("const" = FORM))]
    pub keymend_watch: u32,
    /// The first of the events, by its id or by what it is about.
    pub event: String,
    /// When it happened, by the newest of the events that tells it: RFC 3339, UTC.
    pub time: Option<String>,
    /// The key's ARN; null where the events leave it out.
    pub key: Option<String>,
    /// Who launched, as the events name it; null where nobody is told.
    pub principal: Option<String>,
    /// Whether it can launch with the key by now.
    pub conclusion: Conclusion,
    /// The same with the reason, for people.
    pub message: String,
    /// Where the verdict is, as `check --output json` prints it.
    pub verdict: String,
    /// Where the plan is that `keymend apply` takes; null where none could be made.
    pub plan: Option<String>,
    /// How many changes the plan has.
    pub changes: usize,
    /// Why a verdict could not be had; null where one was.
    pub error: Option<ErrorOutput>,
}

impl EventLine {
    /// Writes it as JSON.
    ///
    /// # Errors
    /// What the writer returns.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let json = serde_json::to_string(self)?;
        writeln!(out, "{}", EscapedJson(&json))
    }

    /// Writes it for people.
    ///
    /// # Errors
    /// What the writer returns.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let key = self.key.as_deref().map_or("a key that is not told".to_owned(), |key| format!("key {key}"));
        let who = self.principal.as_deref().unwrap_or("nobody told");
        let place = match &self.plan {
            Some(plan) if self.changes > 0 => format!("plan: {plan}"),
            _ => format!("verdict: {}", self.verdict),
        };
        let line = format!("{key}, {who}: {}; {place}", self.message);
        writeln!(out, "{}", Escaped(&line))
    }
}

/// The JSON Schema (draft 2020-12) of a line.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<EventLine>()
        .to_value()
}
