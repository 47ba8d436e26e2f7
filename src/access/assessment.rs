//! What an evaluation tells of one grantee and one key: action by action, by which statements, and a verdict.

use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;
use std::sync::LazyLock;

use serde::Serialize;

use super::required::{GRANT, LAUNCH, RequiredStatement};
use super::{Grantee, Purpose};
use crate::arn::{ArnParts, KeyArn};
use crate::authz::{Doubt, Exception, Gate, NearMiss, Outcome};
use crate::policy::document::label;
use crate::policy::{ActionSet, Effect, KmsAction};

/// The actions that whoever launches from an encrypted snapshot needs, or whoever starts an instance with encrypted
/// volumes, wildcards expanded.
pub fn needed_actions(purpose: Purpose) -> &'static [KmsAction] {
    static TO_LAUNCH: LazyLock<Vec<KmsAction>> =
        LazyLock::new(|| actions_in(ActionSet::of_patterns(LAUNCH.iter().chain(GRANT).copied())));
    static TO_START: LazyLock<Vec<KmsAction>> =
        LazyLock::new(|| actions_in(ActionSet::of_patterns(GRANT.iter().copied())));
    match purpose {
        Purpose::Launch => &TO_LAUNCH,
        Purpose::Start => &TO_START,
    }
}

/// The actions of the documented remedy, wildcards expanded: for a start there are no more than it needs.
pub fn documented_actions(purpose: Purpose) -> &'static [KmsAction] {
    static TO_LAUNCH: LazyLock<Vec<KmsAction>> = LazyLock::new(|| {
        let sets = RequiredStatement::documented().map(|required| required.action_set);
        actions_in(sets.into_iter().fold(ActionSet::EMPTY, ActionSet::union))
    });
    match purpose {
        Purpose::Launch => &TO_LAUNCH,
        Purpose::Start => needed_actions(purpose),
    }
}

fn actions_in(set: ActionSet) -> Vec<KmsAction> {
    KmsAction::all().filter(|action| set.contains(action.set())).collect()
}

/// Where access with one key stands for one grantee, as far as evaluation can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// With which key.
    pub key: KeyArn,
    /// Who.
    pub grantee: Grantee,
    /// Each action that was asked about, in the order asked.
    pub actions: Vec<ActionAssessment>,
    /// What becomes of the instance's own call, which every launch and start comes to.
    pub instance: Rc<InstanceAssessment>,
    /// What has a say and was considered, in words.
    pub considered: Vec<&'static str>,
    /// What has a say and was not considered, in words: what it says is not known.
    pub not_considered: Vec<String>,
    /// Whether the grantee's own policies were read; an account has none.
    pub is_identity_read: bool,
}

impl Assessment {
    /// What a verdict rests on, in words that follow it.
    pub fn by_what(&self) -> String {
        format!("by everything read: {}", self.considered.join(", "))
    }

    /// The verdict over everything that has to be allowed: the worst of all.
    pub fn verdict(&self) -> Verdict {
        self.grantee_verdict().max(self.instance.action.verdict)
    }

    /// The verdict over the grantee's own actions, which is what access is planned for.
    pub fn grantee_verdict(&self) -> Verdict {
        self.actions.iter().map(|action| action.verdict).max().unwrap_or(Verdict::Able)
    }
}

/// Where access stands for the identity-only role of an account's instances: when a volume is attached, EC2 calls KMS as
/// `aws:ec2-infrastructure`. The grant that EC2 makes lets it in; what denies it makes launches and starts fail.
///
/// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceAssessment {
    /// The role's ARN, as `aws:PrincipalArn` has it.
    pub role: String,
    /// What becomes of its `kms:Decrypt`.
    pub action: ActionAssessment,
    /// How each statement that denies it, or may, is changed to leave it out.
    pub exceptions: Vec<(DecidingStatement, Exception)>,
}

impl InstanceAssessment {
    /// What has to be done about a statement that denies the role, or may: a fragment.
    pub fn way_out(&self, statement: &DecidingStatement) -> String {
        let exception = self.exceptions.iter().find(|(known, _)| known == statement);
        match exception.map(|(_, exception)| exception) {
            Some(Exception::Value { operator, key }) => {
                format!("add `{}` to the `{operator}` list of `{key}` in {}", self.role, statement.in_short())
            }
            Some(Exception::Condition) | None => format!(
                "add the condition `\"ArnNotEquals\": {{\"aws:PrincipalArn\": \"{}\"}}` to {}",
                self.role,
                statement.in_short()
            ),
        }
    }
}

/// What verdicts do not rest on, as a fragment; nothing where everything was looked at.
pub fn not_looked_at<'g>(gaps: impl IntoIterator<Item = &'g str>) -> Option<String> {
    let gaps: Vec<&str> = gaps.into_iter().collect();
    (!gaps.is_empty()).then(|| format!("not looked at: {}", gaps.join("; ")))
}

/// Those that are not known to be able to do what is asked about.
pub fn doubtful(assessments: &[Assessment]) -> Vec<Assessment> {
    assessments.iter().filter(|assessment| assessment.verdict() != Verdict::Able).cloned().collect()
}

/// What the verdicts of all of these do not rest on, each thing once, as a fragment.
pub fn gaps<'a>(assessments: impl IntoIterator<Item = &'a Assessment>) -> Option<String> {
    let mut gaps: Vec<&str> = Vec::new();
    for gap in assessments.into_iter().flat_map(|assessment| &assessment.not_considered) {
        if !gaps.contains(&gap.as_str()) {
            gaps.push(gap);
        }
    }
    not_looked_at(gaps)
}

/// What becomes of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionAssessment {
    /// Which.
    pub action: KmsAction,
    /// What evaluation says.
    pub outcome: Outcome,
    /// What that means for a launch.
    pub verdict: Verdict,
    /// The statements that decide: those that allow, those that deny, or those that nobody can decide.
    pub statements: Rc<[DecidingStatement]>,
    /// What does not allow it, or may not, where it is not allowed.
    pub obstacles: Vec<Obstacle>,
    /// The `Allow` statements that look as if they helped and do not.
    pub near_misses: Vec<Missed>,
    /// The condition keys that would settle what is unknown.
    pub unknown_keys: BTreeSet<String>,
}

impl ActionAssessment {
    /// Whether a gate is known to be open; behind a `Deny` that applies nobody can tell.
    pub fn passes(&self, gate: Gate) -> bool {
        self.outcome != Outcome::ExplicitDeny && self.obstacles.iter().all(|obstacle| obstacle.gate != gate)
    }
}

/// What evaluation comes to, from the best to the worst.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is allowed.
    Able,
    /// It depends on what is not known.
    Unknown,
    /// Nothing allows it yet: a change of ours can.
    Missing,
    /// Something forbids it that no change of ours may mend: a `Deny`, a boundary, a policy of the organization.
    Blocked,
}

impl Verdict {
    /// In words that follow the grantee's name, of what it is to do.
    pub fn of(self, deed: &str) -> String {
        match self {
            Self::Able => format!("can {deed}"),
            Self::Unknown => format!("may be able to {deed}"),
            Self::Missing => format!("can't {deed} yet"),
            Self::Blocked => format!("can't {deed}"),
        }
    }
}

/// A statement that looks as if it allowed something and does not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missed {
    /// Which.
    pub statement: DecidingStatement,
    /// Why it does not.
    pub miss: NearMiss,
}

impl Missed {
    /// A sentence without its period, for what was asked for.
    pub fn told(&self, purpose: Purpose) -> String {
        self.miss.told_of(&self.statement.to_string(), &purpose.to_string())
    }
}

/// A statement that decides, or a grant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DecidingStatement {
    /// Where it stands.
    pub document: DocumentName,
    /// Its number in the document, from 1.
    pub number: usize,
    /// Its Sid.
    pub sid: Option<String>,
    /// Whether it denies rather than allows.
    pub denies: bool,
    /// Why nobody can tell whether it is about the grantee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
}

impl DecidingStatement {
    pub(super) fn new(document: DocumentName, index: usize, sid: Option<&str>, effect: Effect) -> Self {
        let (sid, denies) = (sid.map(str::to_owned), effect == Effect::Deny);
        Self { document, number: index + 1, sid, denies, doubt: None }
    }
}

impl DecidingStatement {
    /// The statement without its document, where that goes without saying; a grant by its id.
    pub fn in_short(&self) -> String {
        match (&self.document, &self.sid) {
            (DocumentName::Grant { .. }, _) => self.document.to_string(),
            (_, sid) => label(sid.as_deref(), self.number),
        }
    }
}

impl fmt::Display for DecidingStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_short())?;
        match &self.document {
            DocumentName::Grant { .. } => Ok(()),
            document => write!(f, " of {document}"),
        }
    }
}

/// A document, named for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DocumentName {
    /// The policy of a key.
    KeyPolicy {
        /// The key.
        key: KeyArn,
    },
    /// The policy of a key that AWS Resource Access Manager writes.
    RamPolicy {
        /// The key.
        key: KeyArn,
    },
    /// A policy of the grantee, or of one of its groups.
    IdentityPolicy {
        /// The ARN of a managed policy; `inline policy NAME of role app` for an inline one.
        name: String,
    },
    /// The grantee's permissions boundary.
    PermissionsBoundary {
        /// Its ARN.
        name: String,
    },
    /// A session policy.
    SessionPolicy {
        /// As it was given.
        name: String,
    },
    /// A service control policy.
    ServiceControlPolicy {
        /// Its level, 1 for the organization's root.
        level: usize,
        /// As it was given.
        name: String,
    },
    /// A resource control policy.
    ResourceControlPolicy {
        /// Its level, 1 for the organization's root.
        level: usize,
        /// As it was given.
        name: String,
    },
    /// A grant on the key.
    Grant {
        /// Its id.
        id: String,
    },
}

impl DocumentName {
    /// Whether it is the managed policy of this ARN, attached or as a boundary.
    pub(super) fn is_of(&self, arn: &str) -> bool {
        match self {
            Self::IdentityPolicy { name } | Self::PermissionsBoundary { name } => name == arn,
            _ => false,
        }
    }
}

impl fmt::Display for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyPolicy { key } => write!(f, "the key policy of `{key}`"),
            Self::RamPolicy { key } => write!(f, "the policy AWS_RAM of `{key}`"),
            Self::IdentityPolicy { name } if ArnParts::parse(name).is_ok() => {
                write!(f, "the managed policy `{name}`")
            }
            Self::IdentityPolicy { name } => write!(f, "the {name}"),
            Self::PermissionsBoundary { name } => write!(f, "the permissions boundary `{name}`"),
            Self::SessionPolicy { name } => write!(f, "the session policy `{name}`"),
            Self::ServiceControlPolicy { level, name } => {
                write!(f, "the service control policy `{name}` of level {level}")
            }
            Self::ResourceControlPolicy { level, name } => {
                write!(f, "the resource control policy `{name}` of level {level}")
            }
            Self::Grant { id } => write!(f, "the grant `{id}`"),
        }
    }
}

/// Something that has to allow an action, and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What has to allow it.
    pub gate: Gate,
    /// Whether it surely does not; else nobody can tell.
    pub is_certain: bool,
    /// The document, where there is but one.
    pub document: Option<DocumentName>,
    /// What alone can allow it, where that is not for both sides to do.
    pub only_way: Option<OnlyWay>,
}

/// What alone can allow something to a service-linked role, as its own policies belong to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnlyWay {
    /// The key policy: the role is of the key's own account.
    KeyPolicy,
    /// A grant: it is of another account.
    Grant,
}

impl OnlyWay {
    /// A sentence without its period.
    fn lacking(self, is_certain: bool) -> String {
        let (what, does_not) = match (self, is_certain) {
            (Self::KeyPolicy, true) => {
                ("the key policy can allow it to a service-linked role", "it does not")
            }
            (Self::KeyPolicy, false) => {
                ("the key policy can allow it to a service-linked role", "it may not")
            }
            (Self::Grant, true) => (
                "a grant can allow it to a service-linked role of another account",
                "no grant on the key does",
            ),
            (Self::Grant, false) => (
                "a grant can allow it to a service-linked role of another account",
                "nobody can tell whether one does",
            ),
        };
        format!("only {what}, and {does_not}")
    }
}

impl Obstacle {
    /// Whether a statement that does not help stands where this ought to be allowed.
    pub fn is_for(&self, missed: &Missed) -> bool {
        match (self.gate, &missed.statement.document) {
            (Gate::Scp(wanted), DocumentName::ServiceControlPolicy { level, .. }) => *level == wanted + 1,
            (Gate::Session, DocumentName::SessionPolicy { .. }) => true,
            (_, document) => Some(document) == self.document.as_ref(),
        }
    }
}

impl fmt::Display for Obstacle {
    /// A sentence without its period.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = |f: &mut fmt::Formatter<'_>, name: &str| {
            let does_not = if self.is_certain { "does not allow it" } else { "may not allow it" };
            match &self.document {
                Some(document) => write!(f, "{document} {does_not}"),
                None => write!(f, "{name} {does_not}"),
            }
        };
        let do_not = if self.is_certain { "do not allow it" } else { "may not allow it" };
        if let Some(only_way) = self.only_way {
            return f.write_str(&only_way.lacking(self.is_certain));
        }
        match self.gate {
            Gate::Partition => f.write_str("the key is in another partition"),
            Gate::CrossAccountOperation => f.write_str("it works in the key's own account only"),
            Gate::KeyPolicy => one(f, "the key policy"),
            Gate::RamPolicy => f.write_str("the key's policy AWS_RAM, which was not read, may deny it"),
            Gate::Identity => write!(f, "its IAM policies {do_not}"),
            Gate::Boundary => one(f, "its permissions boundary"),
            Gate::Session => write!(f, "the session policies {do_not}"),
            Gate::Scp(level) => write!(f, "the service control policies of level {} {do_not}", level + 1),
        }
    }
}
