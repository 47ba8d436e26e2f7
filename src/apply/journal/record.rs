//! What a journal file says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::access::Request;
use crate::access::chain::Chain;
use crate::apply::StepResult;
use crate::arn::AccountId;
use crate::cloud::Receipt;
use crate::observation::Caller;
use crate::plan::{Change, Fate, Plan, Told};

/// The version of the file's format.
pub const FORMAT: u32 = 2;

/// What a run writes to: rollback and resume see only runs of the backend they are given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// AWS.
    Aws,
    /// A sandbox's world file.
    World(PathBuf),
}

/// Why a run is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A request.
    Request,
    /// It finishes another run.
    Resumes(String),
    /// It undoes another run, and those that it resumed.
    Undoes(String),
}

/// What a journal says of a run. At the beginning it stands there as it is; what comes later is noted after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`FORMAT`], or that of an earlier version.
    pub keymend_journal: u32,
    /// The run's id, which is also the file's name.
    pub run: String,
    /// What the run writes to.
    pub backend: Backend,
    /// Why it is made.
    pub origin: Origin,
    /// When it began: RFC 3339, UTC.
    pub started: String,
    /// When it came to its end by itself; nothing where it was cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Who writes, by account.
    pub callers: BTreeMap<AccountId, Caller>,
    /// What was found on the way to the keys, so that who finishes the run need not look for it again.
    #[serde(default)]
    pub chain: Chain,
    /// What was asked for.
    pub request: Request,
    /// What is carried out, with every text before and after.
    pub plan: Plan<Told>,
    /// One entry for each of the plan's changes.
    pub steps: Vec<StepRecord>,
}

impl Record {
    /// The plan's changes with what became of each.
    pub fn changes(&self) -> impl DoubleEndedIterator<Item = (&Change, &StepRecord)> {
        self.plan.changes.iter().zip(&self.steps)
    }

    /// Whether every chosen change holds.
    pub fn is_complete(&self) -> bool {
        is_complete(&self.steps)
    }
}

/// How far a run came.
#[derive(Debug)]
pub(super) struct Course<'a> {
    pub(super) ended: &'a mut Option<String>,
    pub(super) steps: &'a mut [StepRecord],
}

/// A record, or as much of one as is taken in.
pub(super) trait Noted {
    fn course(&mut self) -> Course<'_>;
}

impl Noted for Record {
    fn course(&mut self) -> Course<'_> {
        Course { ended: &mut self.ended, steps: &mut self.steps }
    }
}

/// Whether every chosen change holds.
pub(super) fn is_complete(steps: &[StepRecord]) -> bool {
    steps.iter().all(|step| step.outcome.is_some_and(Fate::is_settled))
}

/// What became of one change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepRecord {
    /// When the write was about to be made; RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intended: Option<String>,
    /// When its outcome was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concluded: Option<String>,
    /// Its fate; nothing where the run did not come to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Fate>,
    /// Who made the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// AWS's request id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The id of the policy version that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The id of the grant that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// What went wrong, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl StepRecord {
    pub(super) fn begin(is_selected: bool) -> Self {
        let outcome = (!is_selected).then_some(Fate::Deselected);
        Self { outcome, ..Self::default() }
    }

    /// Whether AWS may have made the change for this run; only a read can tell where it did not confirm it.
    pub fn may_be_written(&self) -> bool {
        // Stale may be what somebody made of a write whose answer was lost.
        let is_open = matches!(self.outcome, None | Some(Fate::Unknown | Fate::Stale));
        self.is_written() || (self.intended.is_some() && is_open)
    }

    /// Whether AWS confirmed the change.
    pub fn is_written(&self) -> bool {
        self.outcome.is_some_and(Fate::is_written)
    }

    pub(super) fn note(&mut self, result: &StepResult) {
        let mut said = Receipt::default();
        let error = match result {
            StepResult::Applied { receipt } => {
                said = receipt.clone();
                None
            }
            StepResult::Unsettled { receipt, reason } => {
                said = receipt.clone();
                reason.as_ref().map(ToString::to_string)
            }
            StepResult::Overwritten(now) | StepResult::Stale(now) => Some(now.to_string()),
            StepResult::Failed(error) => {
                said.request_id.clone_from(&error.request_id);
                Some(error.to_string())
            }
            StepResult::AlreadyDone => None,
            StepResult::NotStarted
            | StepResult::Deselected
            | StepResult::Planned
            | StepResult::Unseen
            | StepResult::Overtaken => return,
        };
        self.outcome = Some(result.fate());
        self.request_id = said.request_id;
        self.version = said.version;
        self.grant = said.grant;
        self.error = error;
    }
}
