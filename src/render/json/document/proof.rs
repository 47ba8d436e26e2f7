//! What is known of the access after writing.

use schemars::JsonSchema;
use serde::Serialize;

use crate::access::assessment::{Assessment, Verdict};
use crate::access::trial::{Method, Ruling, RulingStanding, Trial};

/// What evaluation tells of one grantee and one key: by what reads back, by what is there where nothing has to be
/// written, or by what the changes of a dry run would make of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofOutput {
    /// The ARN of the grantee.
    grantee: String,
    /// The ARN of the key.
    key: String,
    /// What it comes to, the instance's own call included.
    verdict: Verdict,
    /// What the call of the instance's own role comes to, which EC2 makes when it attaches a volume.
    instance: InstanceProof,
    /// What the verdict rests on.
    considered: Vec<String>,
    /// What has a say and was not looked at, so that it may say otherwise.
    not_considered: Vec<String>,
}

/// What the instance's own call comes to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InstanceProof {
    /// The ARN of the identity-only role.
    role: String,
    /// What its call comes to.
    verdict: Verdict,
}

impl From<&Assessment> for ProofOutput {
    fn from(assessment: &Assessment) -> Self {
        Self {
            grantee: assessment.grantee.to_string(),
            key: assessment.key.to_string(),
            verdict: assessment.verdict(),
            instance: InstanceProof {
                role: assessment.instance.role.clone(),
                verdict: assessment.instance.action.verdict,
            },
            considered: assessment.considered.iter().map(ToString::to_string).collect(),
            not_considered: assessment.not_considered.clone(),
        }
    }
}

/// What AWS itself answered about one grantee and one key.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrialOutput {
    /// The ARN of the grantee.
    grantee: String,
    /// The ARN of the key.
    key: String,
    /// How AWS was asked.
    method: MethodOutput,
    /// The ARN of the identity that made the calls of a dry run; null where nobody could make them, and for
    /// simulations.
    made_by: Option<String>,
    /// What AWS answered about each action that a launch needs.
    rulings: Vec<RulingOutput>,
}

/// How AWS was asked.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum MethodOutput {
    /// By calls as the grantee that KMS checks and does not carry out.
    DryRun,
    /// By IAM's simulation of the grantee's own policies, the requester's side alone.
    Simulation,
}

/// What AWS answered about one action.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RulingOutput {
    /// The action, such as `kms:Decrypt`.
    action: String,
    /// What the answer comes to.
    standing: RulingStanding,
    /// Why it is refused, or can't be proven; null where it is proven.
    reason: Option<String>,
}

impl From<&Trial> for TrialOutput {
    fn from(trial: &Trial) -> Self {
        let (method, made_by) = match &trial.method {
            Method::DryRun { made_by } => (MethodOutput::DryRun, made_by.clone()),
            Method::Simulation => (MethodOutput::Simulation, None),
        };
        Self {
            grantee: trial.grantee.to_string(),
            key: trial.key.to_string(),
            method,
            made_by,
            rulings: trial.rulings.iter().map(RulingOutput::from).collect(),
        }
    }
}

impl From<&Ruling> for RulingOutput {
    fn from(ruling: &Ruling) -> Self {
        Self { action: ruling.action.to_string(), standing: ruling.standing, reason: ruling.reason.clone() }
    }
}
