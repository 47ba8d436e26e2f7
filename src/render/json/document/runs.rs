//! Earlier runs, and what stands in the way back from one.

use schemars::JsonSchema;
use serde::Serialize;

use crate::plan::Now;
use crate::plan::rollback::Conflict;

/// An earlier run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunSummary {
    /// Its id.
    pub run: String,
    /// When it began: RFC 3339, UTC.
    pub started: String,
    /// Where it stands, in words: `done`, `stopped`, `cut`, `resumed`, `rolled back`, `partly rolled back`.
    pub state: String,
    /// Whether it is done and left something to do: to somebody else, by hand, or out of what was approved.
    pub left_to_do: bool,
    /// What it did, in words.
    pub changes: Vec<String>,
    /// The run that it undoes; null where it undoes none.
    pub undoes: Option<String>,
    /// The run that it finishes; null where it finishes none.
    pub resumes: Option<String>,
}

/// Something that is no longer what a run left.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConflictOutput {
    /// The ARN of the key or policy.
    resource: String,
    /// What the run did there, in words.
    what: String,
    /// The document before the run; null where there was none.
    before: Option<String>,
    /// The document that the run wrote; null where it wrote none.
    written: Option<String>,
    /// The document now; null where it is the same, or gone.
    now: Option<String>,
    /// What is different now, where it is not the document.
    difference: Option<String>,
}

impl From<&Conflict> for ConflictOutput {
    fn from(conflict: &Conflict) -> Self {
        let (now, difference) = match &conflict.now {
            Now::Text(text) => (Some(text.clone()), None),
            Now::Words(words) => (None, Some(words.clone())),
        };
        Self {
            resource: conflict.resource.clone(),
            what: conflict.what.clone(),
            before: conflict.before.clone(),
            written: conflict.written.clone(),
            now,
            difference,
        }
    }
}
