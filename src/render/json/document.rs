//! The document's types. Their comments are the descriptions in its schema.

mod chain;
mod changes;
mod checks;
mod context;
mod members;
mod proof;
mod runs;
mod surveyed;

use schemars::JsonSchema;
use serde::Serialize;

use super::{CheckReport, RunReport, SurveyReport};
use crate::plan::{Fate, Finding, FindingCode, Severity, Told};
use crate::render::findings::tell;

pub use runs::RunSummary;

use chain::ChainOutput;
use changes::{ChangeOutput, CoverageOutput, HandoverOutput};
use checks::{CheckOutput, KeyUsersOutput};
use context::{ObservationOutput, RequestOutput};
use members::MembersOutput;
use proof::{ProofOutput, TrialOutput};
use runs::ConflictOutput;
use surveyed::SurveyOutput;

/// The version of the document's form.
const VERSION: u32 = 1;

/// What one run of keymend did.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "keymend output")]
pub(super) struct Output<'s> {
    /// The version of this document's form. It changes when members change their meaning or go; members may be
    /// added within a version, together with a new schema.
    #[schemars(extend("const" = VERSION))]
    #[serde(rename = "keymend_output")]
    version: u32,
    /// The command that ran, such as `fix`.
    command: String,
    /// What was found on the way from images, instances and events to keys; null where none was given.
    chain: Option<ChainOutput>,
    /// What was asked for; null where the run ended before that was clear.
    request: Option<RequestOutput>,
    /// What was read; null where nothing was.
    observation: Option<ObservationOutput>,
    /// Wrong or noteworthy things, those that matter most first.
    findings: Vec<FindingOutput>,
    /// The planned writes, in the order of their execution.
    changes: Vec<ChangeOutput>,
    /// For each grantee and key, what covers each side.
    coverage: Vec<CoverageOutput>,
    /// What administrators of accounts without credentials have to do.
    handovers: Vec<HandoverOutput>,
    /// What each account of the organizations and OUs among the grantees needs; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<MembersOutput>,
    /// What somebody changed since an earlier run wrote it; only `rollback` looks for that.
    conflicts: Vec<ConflictOutput>,
    /// What evaluation tells of the access that reads back after writing; empty where nothing was written.
    proof: Vec<ProofOutput>,
    /// What AWS itself answered after writing, where `--verify` has it asked.
    trials: Vec<TrialOutput>,
    /// Earlier runs, oldest first; only `rollback --list` tells of them.
    runs: Vec<RunSummary>,
    /// What `check` found of each grantee with each key.
    checks: Vec<CheckOutput>,
    /// What `check` found of each key when no grantee was named: who may use it.
    users: Vec<KeyUsersOutput>,
    /// What `survey` found; absent of other commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    survey: Option<SurveyOutput<'s>>,
    /// How the run ended.
    outcome: OutcomeOutput,
    /// What failed; null where nothing did.
    error: Option<ErrorOutput>,
    /// The process's exit status.
    exit_status: u8,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Outcome")]
pub enum OutcomeOutput {
    /// Changes were planned and, as asked, not applied.
    Planned,
    /// Nothing had to be changed. Something may be left for others: see `handovers` and `findings`.
    NoChanges,
    /// Every chosen change holds.
    Applied,
    /// Some changes hold, then one failed.
    PartlyApplied,
    /// The changes were not approved; nothing was written.
    Declined,
    /// Something stands in the way that no change may mend; nothing was written.
    Blocked,
    /// What was read has changed since; the run stopped before overwriting it.
    Stale,
    /// The run failed before anything was written.
    Failed,
    /// `check`, `survey`: every grantee can launch with every key, as far as what was considered tells.
    CanLaunch,
    /// `check`, `survey`: of some grantee nobody can tell, or something was not looked at; all others can launch.
    Unknown,
    /// `check`, `survey`: some grantee lacks access.
    AccessMissing,
    /// `check`: those who may use the keys are listed.
    Listed,
    /// `survey`: something could not be read for now: the same command may find it.
    Incomplete,
}

/// Something wrong or noteworthy.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FindingOutput {
    /// Which kind.
    code: FindingCode,
    /// How much it matters.
    severity: Severity,
    /// The ARN or id it is about.
    subject: String,
    /// What was found.
    message: String,
    /// The way out, where there is one.
    hint: Option<String>,
}

/// What failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorOutput {
    /// What went wrong, for people.
    pub message: String,
    /// AWS's error code, such as `AccessDeniedException`, where AWS answered.
    pub code: Option<String>,
    /// AWS's request id, where AWS answered.
    pub request_id: Option<String>,
    /// The way out, where there is one.
    pub hint: Option<String>,
}

impl From<&RunReport<'_>> for Output<'_> {
    fn from(report: &RunReport<'_>) -> Self {
        let RunReport { case, .. } = report;
        let plan = case.map(|case| &case.plan);
        let mut findings: Vec<&Finding> = plan.iter().flat_map(|plan| &plan.findings).collect();
        findings.sort_by_key(|finding| finding.severity());
        let fates = report.fates.iter().copied().chain(std::iter::repeat(Fate::Planned));
        let changes = plan.iter().flat_map(|plan| &plan.changes).zip(fates).enumerate();
        Self {
            version: VERSION,
            command: report.command.to_owned(),
            chain: case.and_then(|case| ChainOutput::of(&case.chain)),
            request: case.map(|case| RequestOutput::from(&case.request)),
            observation: case.map(|case| ObservationOutput::from(&case.observation)),
            findings: findings.into_iter().map(FindingOutput::from).collect(),
            changes: changes
                .map(|(index, (change, fate))| ChangeOutput::new(index + 1, change, fate))
                .collect(),
            coverage: plan.iter().flat_map(|plan| &plan.coverage).map(CoverageOutput::from).collect(),
            handovers: plan.iter().flat_map(|plan| &plan.handovers).map(HandoverOutput::from).collect(),
            members: case.and_then(|case| MembersOutput::of(&case.request)),
            conflicts: report.conflicts.iter().map(ConflictOutput::from).collect(),
            proof: report.proof.iter().map(ProofOutput::from).collect(),
            trials: report.trials.iter().map(TrialOutput::from).collect(),
            runs: report.runs.to_vec(),
            checks: Vec::new(),
            users: Vec::new(),
            survey: None,
            outcome: report.outcome,
            error: report.error.clone(),
            exit_status: report.exit_status,
        }
    }
}

impl From<&CheckReport<'_>> for Output<'_> {
    fn from(report: &CheckReport<'_>) -> Self {
        Self {
            version: VERSION,
            command: "check".to_owned(),
            chain: report.chain.and_then(ChainOutput::of),
            request: report.request.map(RequestOutput::from),
            observation: report.observation.map(ObservationOutput::from),
            findings: report.findings.iter().map(FindingOutput::from).collect(),
            changes: Vec::new(),
            coverage: Vec::new(),
            handovers: Vec::new(),
            members: None,
            conflicts: Vec::new(),
            proof: Vec::new(),
            trials: Vec::new(),
            runs: Vec::new(),
            checks: report.checked.iter().map(CheckOutput::from).collect(),
            users: report.users.iter().map(KeyUsersOutput::from).collect(),
            survey: None,
            outcome: report.outcome,
            error: report.error.clone(),
            exit_status: report.exit_status,
        }
    }
}

impl<'s> From<&SurveyReport<'s>> for Output<'s> {
    fn from(report: &SurveyReport<'s>) -> Self {
        let SurveyReport { survey, outcome, exit_status } = report;
        let nothing = Self::from(&RunReport::of_nothing("survey"));
        Self {
            survey: Some(SurveyOutput::from(*survey)),
            outcome: *outcome,
            exit_status: *exit_status,
            ..nothing
        }
    }
}

impl From<&Finding> for FindingOutput {
    fn from(finding: &Finding) -> Self {
        let Told { code, subject, message, hint } = tell(finding);
        Self { code, severity: code.severity(), subject, message, hint }
    }
}

/// The texts of ids and ARNs.
fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}
