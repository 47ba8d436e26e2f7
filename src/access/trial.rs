//! What AWS itself answers when it is asked whether a grantee may do what a launch does.

use std::fmt;

use super::assessment::{ActionAssessment, Assessment, Verdict, needed_actions};
use super::evidence::Extras;
use super::{Grantee, Purpose};
use crate::arn::{EntityKind, KeyArn};
use crate::observation::Caller;
use crate::policy::{AwsPrincipal, KmsAction};

/// What AWS answered about one grantee and one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// With which key.
    pub key: KeyArn,
    /// Who.
    pub grantee: Grantee,
    /// How AWS was asked.
    pub method: Method,
    /// What it answered about each action that is needed.
    pub rulings: Vec<Ruling>,
}

/// How AWS is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// By calls as the grantee which KMS checks and does not carry out.
    DryRun {
        /// The ARN of the identity that made them; none where nobody's credentials serve for the grantee.
        made_by: Option<String>,
    },
    /// By IAM's simulation of the grantee's own policies: the requester's side alone.
    Simulation,
}

/// What AWS's answer means for one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Which action.
    pub action: KmsAction,
    /// What it comes to.
    pub standing: RulingStanding,
    /// Why it is refused, or can't be proven; a sentence without its period.
    pub reason: Option<String>,
}

/// What AWS's answer comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Standing")]
pub enum RulingStanding {
    /// It is allowed.
    Proven,
    /// It is refused.
    Refused,
    /// The question can't be put to AWS, or its answer does not tell.
    Unproven,
}

impl Trial {
    /// A trial that could not be made at all.
    pub fn unproven(key: &KeyArn, grantee: &Grantee, purpose: Purpose, method: Method, reason: &str) -> Self {
        let ruling = |action: &KmsAction| Ruling::unproven(*action, reason);
        let rulings = needed_actions(purpose).iter().map(ruling).collect();
        Self { key: key.clone(), grantee: grantee.clone(), method, rulings }
    }

    /// Whether AWS refuses something that is needed.
    pub fn is_refused(&self) -> bool {
        self.rulings.iter().any(|ruling| ruling.standing == RulingStanding::Refused)
    }
}

impl Ruling {
    /// AWS allows it.
    pub fn proven(action: KmsAction) -> Self {
        Self { action, standing: RulingStanding::Proven, reason: None }
    }

    /// AWS refuses it.
    pub fn refused(action: KmsAction, reason: impl Into<String>) -> Self {
        Self { action, standing: RulingStanding::Refused, reason: Some(reason.into()) }
    }

    /// AWS does not tell.
    pub fn unproven(action: KmsAction, reason: impl Into<String>) -> Self {
        Self { action, standing: RulingStanding::Unproven, reason: Some(reason.into()) }
    }
}

/// What is given when a direct call is evaluated: it comes through no service, and no grant of it is for one.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service>
pub fn direct_call() -> Extras {
    let absent = ("kms:ViaService".to_owned(), Vec::new());
    let is_false = |key: &str| (key.to_owned(), vec!["false".to_owned()]);
    let context = vec![absent, is_false("kms:GrantIsForAWSResource"), is_false("aws:ViaAWSService")];
    Extras { context, ..Extras::default() }
}

/// What it means that KMS denied a direct call, by what our evaluation expects of one.
pub fn denied(action: KmsAction, expected: &Assessment, error: &impl fmt::Display) -> Ruling {
    let is_expected = |assessed: &&ActionAssessment| assessed.action == action;
    let verdict = expected.actions.iter().find(is_expected).map(|assessed| assessed.verdict);
    match (&expected.grantee, verdict) {
        // Accounts decide by their IAM, and what whoever stood for them was given does not matter here.
        (Grantee::Account { .. } | Grantee::Members(_) | Grantee::MembersRole(_), _) => Ruling::unproven(
            action,
            "refused to whoever made the call, which may be for want of an IAM policy of its own",
        ),
        (Grantee::Entity(_) | Grantee::ServiceLinkedRole(_), Some(Verdict::Able)) => {
            Ruling::refused(action, error.to_string())
        }
        (Grantee::Entity(_) | Grantee::ServiceLinkedRole(_), _) => Ruling::unproven(
            action,
            "a direct call is refused, as expected: what allows it asks for more, such as a call through EC2",
        ),
    }
}

/// Why no direct call of this action tells anything.
pub fn untried(action: KmsAction) -> Ruling {
    // Without kms:GrantIsForAWSResource, which only AWS services can set, it has to be denied; and where a service
    // does not know dry runs, it would be a write.
    Ruling::unproven(
        action,
        "only AWS services make grants under this condition, and no direct call stands for theirs",
    )
}

/// Whether calls of an identity show what a grantee may do.
pub fn stands_for(caller: &Caller, grantee: &Grantee) -> bool {
    match (AwsPrincipal::parse(&caller.arn), grantee) {
        (_, Grantee::Account { id, .. }) => caller.account == *id,
        (AwsPrincipal::Entity(own), Grantee::Entity(entity)) => own == *entity,
        // A session's ARN has lost its role's path, and names are unique without it.
        (AwsPrincipal::Session(session), Grantee::Entity(entity)) => {
            entity.kind == EntityKind::Role
                && session.account == entity.account
                && session.role_name == entity.name
        }
        _ => false,
    }
}

/// What iam:SimulatePrincipalPolicy answered about one action.
///
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// Which action.
    pub action: KmsAction,
    /// What the simulation decided.
    pub decision: Simulation,
    /// Whether the organization's policies allow it, where AWS says.
    pub allowed_by_organization: Option<bool>,
    /// Whether the permissions boundary allows it, where there is one.
    pub allowed_by_boundary: Option<bool>,
    /// Condition keys that the policies ask for and that were not given.
    pub missing_keys: Vec<String>,
    /// The policies whose statements decided, as IAM names them.
    pub decided_by: Vec<String>,
    /// Whether the key's side was counted in, as AWS says of simulations across accounts.
    pub is_across_accounts: bool,
}

/// What a simulation decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Simulation {
    /// Something allows it, and nothing denies it.
    Allowed,
    /// A statement denies it.
    ExplicitDeny,
    /// Nothing allows it.
    ImplicitDeny,
}

impl Simulated {
    /// What the answer means, by what our evaluation says of both sides together.
    pub fn ruling(&self, evaluated: &Assessment) -> Ruling {
        let action = self.action;
        match self.decision {
            Simulation::Allowed => Ruling::proven(action),
            Simulation::ExplicitDeny => {
                Ruling::refused(action, format!("a statement denies it{}", self.by()))
            }
            Simulation::ImplicitDeny if self.allowed_by_organization == Some(false) => {
                Ruling::refused(action, "the organization's service control policies do not allow it")
            }
            Simulation::ImplicitDeny if !self.missing_keys.is_empty() => {
                let keys = self.missing_keys.join(", ");
                Ruling::unproven(action, format!("it depends on {keys}, which the simulation was not given"))
            }
            Simulation::ImplicitDeny if self.is_across_accounts => Ruling::unproven(
                action,
                "the simulation counts the key's side in, and can't be given its policy",
            ),
            Simulation::ImplicitDeny if is_allowed_at_home(evaluated, action) => {
                Ruling::unproven(action, "its IAM policies do not allow it, but the key policy may by itself")
            }
            Simulation::ImplicitDeny if self.allowed_by_boundary == Some(false) => {
                Ruling::refused(action, "the permissions boundary does not allow it")
            }
            Simulation::ImplicitDeny => Ruling::refused(action, "its IAM policies do not allow it"),
        }
    }

    fn by(&self) -> String {
        match self.decided_by.as_slice() {
            [] => String::new(),
            policies => format!(" ({})", policies.join(", ")),
        }
    }
}

/// Whether an action is allowed in the key's own account, where the key policy alone can do that.
fn is_allowed_at_home(evaluated: &Assessment, action: KmsAction) -> bool {
    evaluated.grantee.is_of(evaluated.key.account)
        && evaluated
            .actions
            .iter()
            .any(|assessed| assessed.action == action && assessed.verdict == Verdict::Able)
}

#[cfg(test)]
mod tests;
