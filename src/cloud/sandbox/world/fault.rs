//! The faults that befall calls in a world.

use serde::Deserialize;

use crate::policy::pattern;

/// A fault as the world describes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct FaultEntry {
    /// The permission of the call, as a pattern such as `iam:Attach*`.
    pub(in crate::cloud::sandbox) operation: String,
    /// The ARN or id that the call is about, or a pattern.
    pub(in crate::cloud::sandbox) resource: Option<String>,
    /// The first of the calls that match, in this process, which is struck: counted from 1.
    #[serde(default = "one")]
    pub(in crate::cloud::sandbox) call: usize,
    /// How many calls in a row are struck.
    #[serde(default = "one")]
    pub(in crate::cloud::sandbox) times: usize,
    pub(in crate::cloud::sandbox) fault: FaultKind,
    pub(in crate::cloud::sandbox) code: Option<String>,
    #[serde(default)]
    pub(in crate::cloud::sandbox) message: String,
    pub(in crate::cloud::sandbox) milliseconds: Option<u64>,
}

/// What befalls a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::cloud::sandbox) enum FaultKind {
    /// It is refused.
    Error,
    /// It is not performed, and nobody answers.
    NoAnswer,
    /// It is performed, and nobody hears of it.
    LostAnswer,
    /// It shows the world as it was before this process's last write.
    Stale,
    /// It takes its time.
    Latency,
}

fn one() -> usize {
    1
}

impl FaultEntry {
    /// Whether a call is of the kind that it befalls.
    pub(in crate::cloud::sandbox) fn is_about(&self, operation: &str, resource: &str) -> bool {
        let is_own = |wanted: &String| pattern::matches(wanted, resource);
        pattern::matches_ignoring_case(&self.operation, operation)
            && self.resource.as_ref().is_none_or(is_own)
    }

    /// Whether it befalls the so many-th call that matches.
    pub(in crate::cloud::sandbox) fn strikes(&self, count: usize) -> bool {
        count >= self.call && count - self.call < self.times
    }
}
