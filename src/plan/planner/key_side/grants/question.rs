//! Whether somebody may create a grant, by the key policy and by its own policies.

use crate::access::NewGrant;
use crate::arn::{AccountId, Affiliation};
use crate::authz::{Boundary, Context, Decision, Outcome, Policies, Prepared, Principal, Query, evaluate};
use crate::observation::{IdentityPolicies, NamedDocument, Observation, Reading};
use crate::policy::{KmsAction, PolicyDocument};

/// May somebody create a grant?
pub(super) struct Question<'a> {
    pub(super) grant: &'a NewGrant,
    context: Context,
    /// Where the account stands in AWS Organizations, where that is known.
    affiliation: Option<Affiliation>,
    pub(super) caller: Option<GrantCaller>,
}

/// Whoever calls with the credentials of the role's account.
pub(super) struct GrantCaller {
    pub(super) arn: String,
    principal: Principal,
    /// Its policies and its boundary, or why they were not read.
    pub(super) policies: Result<(Vec<Prepared>, Option<Prepared>), String>,
}

impl<'a> Question<'a> {
    pub(super) fn new(grant: &'a NewGrant, observation: &Observation) -> Self {
        let operations = grant.operations.iter().map(String::as_str);
        Self {
            context: Context::for_grant(&grant.grantee.to_string(), operations),
            affiliation: observation.affiliations.get(&grant.account()).cloned(),
            caller: GrantCaller::new(grant.account(), observation),
            grant,
        }
    }

    /// Whether the key policy lets the account's IAM decide, or lets the caller itself create the grant.
    pub(super) fn is_let_in(&self, policy: &Prepared) -> bool {
        let caller = self.caller.as_ref();
        self.of_root(policy).outcome == Outcome::Allowed
            || caller.is_some_and(|caller| caller.ask(self, policy).outcome == Outcome::Allowed)
    }

    /// Whether the key policy may let the account in, and where it stands in AWS Organizations would tell.
    pub(super) fn hangs_on_membership(&self, policy: &Prepared) -> bool {
        let decision = self.of_root(policy);
        let mut unknown = decision.unknown_keys.iter().map(|key| key.to_ascii_lowercase());
        decision.outcome == Outcome::Unknown && unknown.any(|key| key.starts_with("aws:principalorg"))
    }

    /// As the account's root user, whom no IAM policy limits.
    pub(super) fn of_root(&self, policy: &Prepared) -> Decision {
        let arn = self.grant.grantee.arn();
        let root = Principal::root(arn.partition, arn.account).affiliated(self.affiliation.as_ref());
        self.ask(&root, &Policies { key_policy: Some(policy), ..Policies::default() })
    }

    fn ask(&self, principal: &Principal, policies: &Policies<'_>) -> Decision {
        let action = KmsAction::CREATE_GRANT;
        evaluate(&Query::new(principal, action, &self.grant.key, &self.context), policies)
    }
}

impl GrantCaller {
    fn new(account: AccountId, observation: &Observation) -> Option<Self> {
        let caller = observation.callers.get(&account)?;
        let iam = observation.accounts.get(&account);
        let identity = match iam {
            Some(Reading::Read(iam)) => &iam.caller,
            Some(Reading::Unread(reason)) => &Reading::Unread(reason.clone()),
            None => &Reading::default(),
        };
        let policies = match identity {
            Reading::Read(identity) => prepared(identity),
            Reading::Unread(reason) => Err(reason.to_string()),
        };
        let principal: Principal = caller.arn.parse().ok()?;
        let principal = principal.affiliated(observation.affiliations.get(&account));
        Some(Self { arn: caller.arn.clone(), principal, policies })
    }

    pub(super) fn ask(&self, question: &Question<'_>, policy: &Prepared) -> Decision {
        let identity: Option<Vec<&Prepared>> =
            self.policies.as_ref().ok().map(|(documents, _)| documents.iter().collect());
        let boundary = match &self.policies {
            Err(_) => Boundary::Unread,
            Ok((_, None)) => Boundary::None,
            Ok((_, Some(document))) => Boundary::Document(document),
        };
        let policies = Policies {
            key_policy: Some(policy),
            identity: identity.as_deref(),
            boundary,
            ..Policies::default()
        };
        question.ask(&self.principal, &policies)
    }
}

fn prepared(identity: &IdentityPolicies) -> Result<(Vec<Prepared>, Option<Prepared>), String> {
    let parse = |named: &NamedDocument| {
        let document = PolicyDocument::parse(named.text.as_str());
        document.map(|document| Prepared::new(&document)).map_err(|error| format!("{}: {error}", named.name))
    };
    let documents = identity.documents.iter().map(parse).collect::<Result<_, _>>()?;
    Ok((documents, identity.boundary.as_ref().map(parse).transpose()?))
}
