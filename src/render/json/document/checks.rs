//! What a check found.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{FindingOutput, texts};
use crate::access::Purpose;
use crate::access::assessment::{
    ActionAssessment, DecidingStatement, DocumentName, InstanceAssessment, Missed, Obstacle,
};
use crate::access::users::{
    ConsolePane, DeniedUse, KeyPolicyName, KeyUser, KeyUsers, Permission, Place, Who,
};
use crate::arn::KeyArn;
use crate::authz::{Exception, NearMiss, Outcome};
use crate::observation::KeyGrant;
use crate::plan::conclusion::{Checked, Conclusion, Remedy};
use crate::policy::Condition;
use crate::render::text::fix_command;

/// Where one grantee stands with one key.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckOutput {
    /// The grantee's ARN; an account is its root's ARN.
    grantee: String,
    /// The key's ARN.
    key: String,
    /// Whether the grantee can launch with the key.
    conclusion: Conclusion,
    /// What `keymend fix` would do about it.
    remedy: Remedy,
    /// The command that does it, without what chooses credentials; null where there is nothing to do.
    fix_command: Option<String>,
    /// What becomes of each action.
    actions: Vec<ActionOutput>,
    /// What becomes of the call that EC2 makes as the instance's own role when it attaches a volume.
    instance: InstanceOutput,
    /// What stands in the way besides policies, or is left to others.
    findings: Vec<FindingOutput>,
    /// What the conclusion rests on.
    considered: Vec<String>,
    /// What has a say and was not looked at, so that it may say otherwise.
    not_considered: Vec<String>,
}

/// What becomes of the instance's own call.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InstanceOutput {
    /// The ARN of the identity-only role, as `aws:PrincipalArn` has it.
    role: String,
    /// What becomes of what it needs.
    actions: Vec<ActionOutput>,
    /// How each statement that denies it, or may, is changed to leave it out.
    exceptions: Vec<ExceptionOutput>,
}

/// How a statement leaves the instance's own role out.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExceptionOutput {
    /// The statement.
    statement: StatementOutput,
    /// What has to be done about it, for people.
    message: String,
}

/// What becomes of one action.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ActionOutput {
    /// The action, such as `kms:Decrypt`.
    action: String,
    /// What evaluation says.
    decision: DecisionOutput,
    /// The statements that decide: those that allow, those that deny, or those that nobody can decide.
    statements: Vec<StatementOutput>,
    /// What has to allow it and does not, or may not.
    obstacles: Vec<ObstacleOutput>,
    /// The statements that would allow it, were it not for a condition that can't hold.
    unmet: Vec<StatementOutput>,
    /// The statements that look as if they allowed it and do not, each with the reason in words.
    near_misses: Vec<NearMissOutput>,
    /// The condition keys that would settle what is unknown.
    unknown_keys: Vec<String>,
}

/// A statement that looks as if it allowed something and does not.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NearMissOutput {
    /// Which.
    statement: StatementOutput,
    /// Why it does not.
    message: String,
}

/// What evaluation says of a request.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum DecisionOutput {
    /// It is allowed.
    Allowed,
    /// A `Deny` statement applies to it.
    ExplicitDeny,
    /// Something that it needs does not allow it.
    ImplicitDeny,
    /// It depends on what is not known.
    Unknown,
}

/// A statement, or a grant.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StatementOutput {
    /// What kind of document it stands in.
    document: DocumentKind,
    /// The ARN, name or file of the document; of a grant its id.
    name: String,
    /// The statement's number in the document, from 1.
    number: usize,
    /// Its Sid; null where it has none.
    sid: Option<String>,
    /// Whether it denies rather than allows.
    denies: bool,
}

/// What kind of document a statement stands in.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum DocumentKind {
    /// The key's policy.
    KeyPolicy,
    /// The key's policy `AWS_RAM`, which stands beside it.
    RamPolicy,
    /// A managed or inline policy of the grantee or of one of its groups.
    IdentityPolicy,
    /// The grantee's permissions boundary.
    PermissionsBoundary,
    /// A session policy.
    SessionPolicy,
    /// A service control policy.
    ServiceControlPolicy,
    /// A resource control policy.
    ResourceControlPolicy,
    /// A grant on the key.
    Grant,
}

/// Something that has to allow an action.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ObstacleOutput {
    /// What does not allow it, for people.
    message: String,
    /// Whether it surely does not; else nobody can tell.
    certain: bool,
}

impl From<&Checked> for CheckOutput {
    fn from(checked: &Checked) -> Self {
        let Checked { assessment, conclusion, findings, remedy, .. } = checked;
        Self {
            grantee: assessment.grantee.to_string(),
            key: assessment.key.to_string(),
            conclusion: *conclusion,
            remedy: *remedy,
            fix_command: fix_command(checked),
            actions: assessment.actions.iter().map(ActionOutput::from).collect(),
            instance: InstanceOutput::from(&*assessment.instance),
            findings: findings.iter().map(FindingOutput::from).collect(),
            considered: assessment.considered.iter().map(ToString::to_string).collect(),
            not_considered: assessment.not_considered.clone(),
        }
    }
}

impl From<&InstanceAssessment> for InstanceOutput {
    fn from(instance: &InstanceAssessment) -> Self {
        let exception = |(statement, _): &(DecidingStatement, Exception)| ExceptionOutput {
            statement: StatementOutput::from(statement),
            message: instance.way_out(statement),
        };
        Self {
            role: instance.role.clone(),
            actions: vec![ActionOutput::from(&instance.action)],
            exceptions: instance.exceptions.iter().map(exception).collect(),
        }
    }
}

impl From<&Missed> for NearMissOutput {
    fn from(missed: &Missed) -> Self {
        Self { statement: StatementOutput::from(&missed.statement), message: missed.told(Purpose::Launch) }
    }
}

impl From<&ActionAssessment> for ActionOutput {
    fn from(action: &ActionAssessment) -> Self {
        let is_unmet =
            |missed: &&Missed| matches!(missed.miss, NearMiss::Condition(_) | NearMiss::Constraint);
        let mut unmet: Vec<&Missed> = action.near_misses.iter().filter(is_unmet).collect();
        unmet.dedup_by_key(|missed| &missed.statement);
        let unmet = unmet.into_iter();
        Self {
            action: action.action.to_string(),
            decision: match action.outcome {
                Outcome::Allowed => DecisionOutput::Allowed,
                Outcome::ExplicitDeny => DecisionOutput::ExplicitDeny,
                Outcome::ImplicitDeny => DecisionOutput::ImplicitDeny,
                Outcome::Unknown => DecisionOutput::Unknown,
            },
            statements: action.statements.iter().map(StatementOutput::from).collect(),
            obstacles: action.obstacles.iter().map(ObstacleOutput::from).collect(),
            unmet: unmet.map(|missed| StatementOutput::from(&missed.statement)).collect(),
            near_misses: action.near_misses.iter().map(NearMissOutput::from).collect(),
            unknown_keys: texts(&action.unknown_keys),
        }
    }
}

impl From<&DecidingStatement> for StatementOutput {
    fn from(statement: &DecidingStatement) -> Self {
        let DecidingStatement { document, number, sid, denies, .. } = statement;
        let (kind, name) = match document {
            DocumentName::KeyPolicy { key } => (DocumentKind::KeyPolicy, key.to_string()),
            DocumentName::RamPolicy { key } => (DocumentKind::RamPolicy, key.to_string()),
            DocumentName::IdentityPolicy { name } => (DocumentKind::IdentityPolicy, name.clone()),
            DocumentName::PermissionsBoundary { name } => (DocumentKind::PermissionsBoundary, name.clone()),
            DocumentName::SessionPolicy { name } => (DocumentKind::SessionPolicy, name.clone()),
            DocumentName::ServiceControlPolicy { name, .. } => {
                (DocumentKind::ServiceControlPolicy, name.clone())
            }
            DocumentName::ResourceControlPolicy { name, .. } => {
                (DocumentKind::ResourceControlPolicy, name.clone())
            }
            DocumentName::Grant { id } => (DocumentKind::Grant, id.clone()),
        };
        Self { document: kind, name, number: *number, sid: sid.clone(), denies: *denies }
    }
}

impl From<&Obstacle> for ObstacleOutput {
    fn from(obstacle: &Obstacle) -> Self {
        Self { message: obstacle.to_string(), certain: obstacle.is_certain }
    }
}

/// Who may use a key, by its policy and its grants.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyUsersOutput {
    /// The key's ARN.
    key: String,
    /// Why its policy could not be read; null where it was.
    unread: Option<String>,
    /// Why it is not known whether its policy `AWS_RAM` lets in others; null where that was read.
    ram_policy_unread: Option<String>,
    /// Everybody that the policy lets in, by where they are.
    users: Vec<UserOutput>,
    /// The statements that deny.
    denials: Vec<DenialOutput>,
    /// The grants; null where they were not read.
    grants: Option<Vec<GrantOutput>>,
}

/// Somebody that the key policy lets in.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UserOutput {
    /// What is named.
    kind: WhoKind,
    /// As a policy has it: ARN, account id, service, `*`, unique id.
    name: String,
    /// Where they are, seen from the key.
    place: Place,
    /// Whether they may use the key, or hand its use on; else they only administer it or look at it.
    may_use: bool,
    /// Where the console's page of the key names them; null where it does not.
    console: Option<ConsolePane>,
    /// What each statement allows them.
    permissions: Vec<PermissionOutput>,
}

/// What kind of principal a statement names.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum WhoKind {
    /// A whole account.
    Account,
    /// A user or role.
    Entity,
    /// One session.
    Session,
    /// An AWS service.
    Service,
    /// Whoever signs a request.
    Anyone,
    /// Everyone but those listed.
    AnyoneBut,
    /// A user or role that was deleted.
    Orphan,
    /// Anything else.
    Other,
}

/// What one statement is about.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PermissionOutput {
    /// The name of the key's policy that the statement stands in.
    policy: KeyPolicyName,
    /// The statement's number in the policy, from 1.
    statement: usize,
    /// Its Sid; null where it has none.
    sid: Option<String>,
    /// The actions, wildcards expanded.
    actions: Vec<String>,
    /// The conditions, all of which have to hold.
    conditions: Vec<ConditionOutput>,
}

/// One condition of a statement.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConditionOutput {
    /// The operator, such as `StringEquals`.
    operator: String,
    /// The condition key.
    key: String,
    /// The values, alternatives of each other.
    values: Vec<String>,
}

/// A statement that denies.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DenialOutput {
    /// Whom it is about, as the policy has them.
    whom: Vec<String>,
    /// What it denies.
    permission: PermissionOutput,
}

/// A grant on the key.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GrantOutput {
    /// Its id.
    id: String,
    /// Who may use it.
    grantee: String,
    /// What it allows, as KMS names it.
    operations: Vec<String>,
    /// The encryption context that a request must have exactly.
    encryption_context_equals: BTreeMap<String, String>,
    /// The encryption context that a request must have at least.
    encryption_context_subset: BTreeMap<String, String>,
    /// The resource on whose behalf a request must be made; null where none is asked for.
    source_arn: Option<String>,
    /// The names of constraints that keymend does not know: whether a request meets them can't be told.
    unknown_constraints: Vec<String>,
}

impl From<&(KeyArn, Result<KeyUsers, String>)> for KeyUsersOutput {
    fn from((key, users): &(KeyArn, Result<KeyUsers, String>)) -> Self {
        let read = users.as_ref().ok();
        let grants = read.and_then(|users| users.grants.read());
        Self {
            key: key.to_string(),
            unread: users.as_ref().err().cloned(),
            ram_policy_unread: read.and_then(|users| users.ram_unread.clone()),
            users: read.into_iter().flat_map(|users| &users.users).map(UserOutput::from).collect(),
            denials: read.into_iter().flat_map(|users| &users.denials).map(DenialOutput::from).collect(),
            grants: grants.map(|grants| grants.iter().map(GrantOutput::from).collect()),
        }
    }
}

impl From<&KeyUser> for UserOutput {
    fn from(user: &KeyUser) -> Self {
        Self {
            kind: match &user.who {
                Who::Account(_) => WhoKind::Account,
                Who::Entity(_) => WhoKind::Entity,
                Who::Session(_) => WhoKind::Session,
                Who::Service(_) => WhoKind::Service,
                Who::Anyone => WhoKind::Anyone,
                Who::AnyoneBut(_) => WhoKind::AnyoneBut,
                Who::Orphan(_) => WhoKind::Orphan,
                Who::Other(_) => WhoKind::Other,
            },
            name: user.who.text(),
            place: user.place,
            may_use: user.may_use(),
            console: user.in_console,
            permissions: user.permissions.iter().map(PermissionOutput::from).collect(),
        }
    }
}

impl From<&Permission> for PermissionOutput {
    fn from(permission: &Permission) -> Self {
        let condition = |condition: &Condition| ConditionOutput {
            operator: condition.operator.clone(),
            key: condition.key.clone(),
            values: condition.values.clone(),
        };
        Self {
            policy: permission.policy,
            statement: permission.number,
            sid: permission.sid.clone(),
            actions: permission.actions.names().map(|name| format!("kms:{name}")).collect(),
            conditions: permission.conditions.iter().map(condition).collect(),
        }
    }
}

impl From<&DeniedUse> for DenialOutput {
    fn from(DeniedUse { whom, permission }: &DeniedUse) -> Self {
        Self { whom: whom.iter().map(Who::text).collect(), permission: permission.into() }
    }
}

impl From<&KeyGrant> for GrantOutput {
    fn from(grant: &KeyGrant) -> Self {
        Self {
            id: grant.id.clone(),
            grantee: grant.grantee.clone(),
            operations: grant.operations.clone(),
            encryption_context_equals: grant.context_equals.clone(),
            encryption_context_subset: grant.context_subset.clone(),
            source_arn: grant.source_arn.clone(),
            unknown_constraints: grant.unknown_constraints.clone(),
        }
    }
}
