//! What is written, what it gives, and what is left to others.

use schemars::JsonSchema;
use serde::Serialize;

use super::texts;
use crate::access::NewGrant;
use crate::observation::KeyGrant;
use crate::plan::{Action, Change, Coverage, Fate, Gain, Handover, Operation, Side};

/// One write.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeOutput {
    /// Its number, as in the text output.
    id: usize,
    /// What it does to the thing it touches.
    action: Action,
    /// Which kind of write.
    kind: Kind,
    /// The AWS API call, as IAM names its permission.
    api_call: String,
    /// The id of the account it is written in.
    account: String,
    /// The region it is written in; null for IAM.
    region: Option<String>,
    /// The ARN of the key or policy.
    resource: String,
    /// The ARN of the user, role or group that a policy is attached to or detached from.
    entity: Option<String>,
    /// The grant that is created or revoked.
    grant: Option<ChangedGrantOutput>,
    /// The policy version that is deleted, or made the default.
    version: Option<String>,
    /// The description of a policy to be created.
    description: Option<String>,
    /// The document that is replaced or deleted, exactly as it was read.
    before: Option<String>,
    /// The document that is written, exactly as it is sent.
    after: Option<String>,
    /// Why it is planned.
    reason: String,
    /// Who gains what by it.
    gains: Vec<GainOutput>,
    /// What became of it.
    status: ChangeStatus,
}

/// The kinds of write.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Takes principals that no longer exist out of a key policy.
    PruneOrphans,
    /// Adds statements or principals to a key policy.
    UpdateKeyPolicy,
    /// Creates a customer managed policy.
    CreatePolicy,
    /// Deletes the oldest version that is not the default, to make room.
    DeletePolicyVersion,
    /// Creates a version of a policy and makes it the default.
    CreatePolicyVersion,
    /// Attaches a managed policy to a user, role or group.
    AttachPolicy,
    /// Creates a grant for a service-linked role of another account.
    CreateGrant,
    /// Revokes a grant that an earlier run made.
    RevokeGrant,
    /// Puts back what a key policy said before an earlier run.
    RestoreKeyPolicy,
    /// Takes what an earlier run added out of a key policy that was changed since.
    ReduceKeyPolicy,
    /// Detaches a policy that an earlier run attached.
    DetachPolicy,
    /// Deletes a policy that an earlier run created.
    DeletePolicy,
    /// Makes a former version of a policy the default again.
    SetDefaultVersion,
    /// Deletes a version that an earlier run made.
    WithdrawPolicyVersion,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ChangeStatus {
    /// Planned only.
    Planned,
    /// Written, and read back.
    Applied,
    /// It held already when it was about to be written.
    AlreadyDone,
    /// Writing it failed.
    Failed,
    /// The run stopped before it.
    NotStarted,
    /// It was left out at the prompt.
    Deselected,
}

impl From<Fate> for ChangeStatus {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Planned | Fate::Unseen => Self::Planned,
            Fate::NotStarted => Self::NotStarted,
            Fate::Deselected => Self::Deselected,
            Fate::AlreadyDone | Fate::Overtaken => Self::AlreadyDone,
            Fate::Applied => Self::Applied,
            Fate::Overwritten | Fate::Unsettled | Fate::Stale | Fate::Failed | Fate::Unknown => Self::Failed,
        }
    }
}

/// A grant on a key that is created or revoked.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangedGrantOutput {
    /// Its id; null where it is still to be created.
    id: Option<String>,
    /// Its name, where it has one.
    name: Option<String>,
    /// The ARN of the principal that may use it.
    grantee: String,
    /// The operations that it allows, as KMS names them.
    operations: Vec<String>,
}

impl From<&NewGrant> for ChangedGrantOutput {
    fn from(grant: &NewGrant) -> Self {
        Self {
            id: None,
            name: Some(grant.name.clone()),
            grantee: grant.grantee.to_string(),
            operations: grant.operations.clone(),
        }
    }
}

impl From<&KeyGrant> for ChangedGrantOutput {
    fn from(grant: &KeyGrant) -> Self {
        Self {
            id: Some(grant.id.clone()),
            name: grant.name.clone(),
            grantee: grant.grantee.clone(),
            operations: grant.operations.clone(),
        }
    }
}

/// Somebody gets access.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GainOutput {
    /// The ARN of who gets it.
    grantee: String,
    /// The ARN of the key.
    key: String,
    /// What they may do, in words that follow "may".
    purposes: Vec<String>,
    /// Whether the other side, key policy or IAM, allows it too, now or by this plan.
    is_complete: bool,
}

impl ChangeOutput {
    pub(super) fn new(id: usize, change: &Change, fate: Fate) -> Self {
        let Change { operation, reason, gains } = change;
        let mut output = Self {
            id,
            action: operation.action(),
            kind: Kind::from(operation),
            api_call: operation.api_call().to_owned(),
            account: operation.account().to_string(),
            region: operation.region().map(str::to_owned),
            resource: operation.resource(),
            entity: operation.entity().map(ToString::to_string),
            grant: None,
            version: None,
            description: None,
            before: operation.before().map(str::to_owned),
            after: operation.after().map(str::to_owned),
            reason: reason.clone(),
            gains: gains.iter().map(GainOutput::from).collect(),
            status: fate.into(),
        };
        match operation {
            Operation::DeletePolicyVersion { version, .. }
            | Operation::SetDefaultVersion { version, .. }
            | Operation::WithdrawPolicyVersion { version, .. } => output.version = Some(version.clone()),
            Operation::CreatePolicy { description, .. } => output.description = Some(description.clone()),
            Operation::CreateGrant { grant, .. } => output.grant = Some(ChangedGrantOutput::from(grant)),
            Operation::RevokeGrant { grant, .. } => output.grant = Some(ChangedGrantOutput::from(grant)),
            Operation::PruneOrphans(_)
            | Operation::UpdateKeyPolicy(_)
            | Operation::CreatePolicyVersion { .. }
            | Operation::AttachPolicy { .. }
            | Operation::RestoreKeyPolicy(_)
            | Operation::ReduceKeyPolicy(_)
            | Operation::DetachPolicy { .. }
            | Operation::DeletePolicy { .. } => {}
        }
        output
    }
}

impl From<&Operation> for Kind {
    fn from(operation: &Operation) -> Self {
        match operation {
            Operation::PruneOrphans(_) => Self::PruneOrphans,
            Operation::UpdateKeyPolicy(_) => Self::UpdateKeyPolicy,
            Operation::CreatePolicy { .. } => Self::CreatePolicy,
            Operation::DeletePolicyVersion { .. } => Self::DeletePolicyVersion,
            Operation::CreatePolicyVersion { .. } => Self::CreatePolicyVersion,
            Operation::AttachPolicy { .. } => Self::AttachPolicy,
            Operation::CreateGrant { .. } => Self::CreateGrant,
            Operation::RevokeGrant { .. } => Self::RevokeGrant,
            Operation::RestoreKeyPolicy(_) => Self::RestoreKeyPolicy,
            Operation::ReduceKeyPolicy(_) => Self::ReduceKeyPolicy,
            Operation::DetachPolicy { .. } => Self::DetachPolicy,
            Operation::DeletePolicy { .. } => Self::DeletePolicy,
            Operation::SetDefaultVersion { .. } => Self::SetDefaultVersion,
            Operation::WithdrawPolicyVersion { .. } => Self::WithdrawPolicyVersion,
        }
    }
}

impl From<&Gain> for GainOutput {
    fn from(gain: &Gain) -> Self {
        Self {
            grantee: gain.grantee.to_string(),
            key: gain.key.to_string(),
            purposes: gain.purposes.clone(),
            is_complete: gain.is_complete,
        }
    }
}

/// Where access with one key stands for one grantee, before the changes.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CoverageOutput {
    /// The grantee's ARN.
    grantee: String,
    /// The key's ARN.
    key: String,
    /// The key policy's side.
    key_policy: SideOutput,
    /// The IAM side.
    identity: SideOutput,
}

/// One side of a grantee's access.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SideOutput {
    /// Whether it holds.
    state: SideState,
    /// The statements or policies that cover it, in words.
    by: Vec<String>,
}

/// Whether one side of a grantee's access holds.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SideState {
    /// It holds already.
    Covered,
    /// It holds once the changes are applied.
    Planned,
    /// Nothing is needed here.
    NotNeeded,
    /// It does not hold, and this run does not mend it.
    Missing,
    /// It is in another account than the one whose part is planned.
    Elsewhere,
}

impl From<&Coverage> for CoverageOutput {
    fn from(coverage: &Coverage) -> Self {
        Self {
            grantee: coverage.grantee.to_string(),
            key: coverage.key.to_string(),
            key_policy: SideOutput::from(&coverage.key_policy),
            identity: SideOutput::from(&coverage.identity),
        }
    }
}

impl From<&Side> for SideOutput {
    fn from(side: &Side) -> Self {
        match side {
            Side::Covered(by) => Self { state: SideState::Covered, by: by.clone() },
            Side::Planned => Self { state: SideState::Planned, by: Vec::new() },
            Side::NotNeeded => Self { state: SideState::NotNeeded, by: Vec::new() },
            Side::Missing => Self { state: SideState::Missing, by: Vec::new() },
            Side::Elsewhere => Self { state: SideState::Elsewhere, by: Vec::new() },
        }
    }
}

/// What an administrator of an account without credentials has to do.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "side", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum HandoverOutput {
    /// In the key's account: add statements to the key policy.
    KeyPolicy {
        /// The account's id.
        account: String,
        /// The key's ARN.
        key: String,
        /// The statements to be added.
        statements: Vec<serde_json::Value>,
        /// ARNs of those they are for.
        grantees: Vec<String>,
    },
    /// In a requester account: create a managed policy and attach it.
    Identity {
        /// The account's id.
        account: String,
        /// The policy's ARN.
        policy: String,
        /// ARNs of the keys it is for.
        keys: Vec<String>,
        /// Its document.
        document: String,
        /// ARNs of the users, roles and groups to attach it to.
        entities: Vec<String>,
        /// ARNs of roles of IAM Identity Center, whose permission sets have to reference it.
        permission_set_roles: Vec<String>,
    },
    /// In the account of a service-linked role: create a grant, once the key policy lets it be created.
    Grant {
        /// The account's id.
        account: String,
        /// The key's ARN.
        key: String,
        /// The grant.
        grant: ChangedGrantOutput,
        /// What the IAM policies of whoever creates it have to allow.
        identity_statement: serde_json::Value,
    },
}

impl From<&Handover> for HandoverOutput {
    fn from(handover: &Handover) -> Self {
        let account = handover.account().to_string();
        match handover {
            Handover::KeyPolicy { key, statements, grantees } => Self::KeyPolicy {
                account,
                key: key.to_string(),
                statements: statements.clone(),
                grantees: texts(grantees),
            },
            Handover::Identity { policy, keys, document, entities, permission_set_roles } => Self::Identity {
                account,
                policy: policy.to_string(),
                keys: texts(keys),
                document: document.clone(),
                entities: texts(entities),
                permission_set_roles: texts(permission_set_roles),
            },
            Handover::Grant { grant } => Self::Grant {
                account,
                key: grant.key.to_string(),
                grant: ChangedGrantOutput::from(grant),
                identity_statement: grant.identity_statement(),
            },
        }
    }
}
