//! Whom a `Principal` or `NotPrincipal` element is about.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>

use std::collections::BTreeSet;

use crate::arn::{AccountId, EntityArn, IDENTITY_ONLY_ROLE, Partition};
use crate::policy::{AwsPrincipal, Effect, PrincipalElement};

use super::decision::Doubt;
use super::principal::{Home, Principal, PrincipalKind};
use super::truth::Truth;

/// How a statement of a resource policy names a principal, which decides what else has to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// As the account it belongs to: the account's own policies decide.
    Account,
    /// As the role, or the user, that a session was made of and is limited as.
    Role,
    /// As anyone.
    Anyone,
    /// As itself, whom no implicit deny in its own account limits.
    Direct,
}

/// What limits a principal on its own side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Whether it has a permissions boundary.
    pub(crate) has_boundary: Truth,
    /// Whether it is a session that was made with policies.
    pub(crate) has_session_policy: bool,
}

impl Limits {
    pub(crate) const NONE: Self = Self { has_boundary: Truth::False, has_session_policy: false };
}

/// The principals of a statement, ready to be asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Principals {
    negated: bool,
    anyone: bool,
    /// By their ids alone.
    accounts: BTreeSet<AccountId>,
    /// By their roots' ARNs.
    roots: BTreeSet<(Partition, AccountId)>,
    /// The ARNs of users, roles and sessions.
    arns: BTreeSet<String>,
    /// Roles of which but one session is listed, by where they are and their name, their paths left out, as a session
    /// names its role.
    roles_of_sessions: BTreeSet<(Partition, AccountId, String)>,
    /// Accounts of whose identity-only role but one session is listed.
    instances: BTreeSet<(Partition, AccountId)>,
    services: BTreeSet<String>,
    /// Whether there is a type of principal that is not known.
    is_undecidable: bool,
}

impl Principals {
    pub(crate) fn new<T: AsRef<str>>(element: &PrincipalElement<T>) -> Self {
        let mut principals = Self { negated: element.negated, ..Self::default() };
        element.aws().iter().for_each(|principal| principals.add_aws(principal));
        for kind in element.types.iter().flatten() {
            match kind.name.as_ref() {
                "Service" => principals.services.extend(kind.list.iter().map(str::to_owned)),
                // AWS principals are there already; the others make no requests to KMS.
                "AWS" | "Federated" | "CanonicalUser" => {}
                _ => principals.is_undecidable = true,
            }
        }
        principals
    }

    /// One member of an `AWS` list.
    pub(crate) fn of_aws(principal: &AwsPrincipal) -> Self {
        let mut principals = Self::default();
        principals.add_aws(principal);
        principals
    }

    /// One AWS service.
    pub(crate) fn of_service(name: String) -> Self {
        Self { services: BTreeSet::from([name]), ..Self::default() }
    }

    fn add_aws(&mut self, principal: &AwsPrincipal) {
        match principal {
            AwsPrincipal::Anyone => self.anyone = true,
            AwsPrincipal::Account { partition: None, id } => _ = self.accounts.insert(*id),
            AwsPrincipal::Account { partition: Some(partition), id } => {
                self.roots.insert((*partition, *id));
            }
            AwsPrincipal::Entity(entity) => self.add(entity.to_string()),
            AwsPrincipal::Session(session) => {
                self.add(session.to_string());
                let role = (session.partition, session.account, session.role_name.clone());
                self.roles_of_sessions.insert(role);
            }
            // What stays behind of a principal that was deleted.
            AwsPrincipal::UniqueId(_) => {}
            // A federated user; "you can't use a wildcard to match part of a principal name or ARN".
            AwsPrincipal::Other(text) => self.add(text.clone()),
        }
    }

    fn add(&mut self, arn: String) {
        if arn.contains(IDENTITY_ONLY_ROLE)
            && let Ok(principal) = arn.parse::<Principal>()
            && *principal.kind() == PrincipalKind::IdentityOnly
            && principal.name() != arn
            && let Some(home) = principal.home()
        {
            self.instances.insert((home.partition, home.account));
        }
        self.arns.insert(arn);
    }

    /// How a principal is named, and whether that is certain; nothing where it is not.
    pub(crate) fn name(
        &self,
        principal: &Principal,
        effect: Effect,
        limits: Limits,
    ) -> Option<(Standing, Truth)> {
        if !self.negated {
            if let Some(standing) = self.standing(principal, limits) {
                return Some((standing, Truth::True));
            }
            // Who lets one session in lets no other one in; who denies one may deny the one that asks.
            let is_denied = effect == Effect::Deny && self.lists_one_session(principal);
            return (self.is_undecidable || is_denied).then_some((Standing::Direct, Truth::Unknown));
        }
        let (excepted, known) = match effect {
            // "NotPrincipal with Deny will always deny any IAM principal that has a permissions boundary."
            Effect::Deny => (self.excepts(principal) & !limits.has_boundary, !self.is_undecidable),
            // "Using NotPrincipal with "Effect": "Allow" is not supported."
            Effect::Allow => {
                let excepted = match self.standing(principal, limits) {
                    None => Truth::False,
                    Some(Standing::Account) if *principal.kind() != PrincipalKind::Root => Truth::Unknown,
                    Some(_) => Truth::True,
                };
                (excepted, false)
            }
        };
        let truth = match !excepted {
            Truth::True if !known => Truth::Unknown,
            truth => truth,
        };
        (truth != Truth::False).then_some((Standing::Anyone, truth))
    }

    /// Why nobody can tell whether a statement is about a principal, where that is for its `Principal` element.
    pub(crate) fn doubt(&self, principal: &Principal, effect: Effect) -> Option<Doubt> {
        if self.negated && effect == Effect::Allow {
            return Some(Doubt::AllowWithNotPrincipal);
        }
        (effect == Effect::Deny && self.lists_one_session(principal)).then_some(Doubt::OneSession)
    }

    /// The AWS services that are let in, where the list is of whom a statement is about.
    pub(crate) fn services(&self) -> impl Iterator<Item = &str> {
        self.services.iter().filter(|_| !self.negated).map(String::as_str)
    }

    /// The strongest way in which a principal is listed.
    pub(crate) fn standing(&self, principal: &Principal, limits: Limits) -> Option<Standing> {
        let (is_itself, is_account) = (self.lists_itself(principal), self.lists_account(principal));
        match principal.kind() {
            // A role's ARN stands for its sessions, a user's for its federated ones.
            PrincipalKind::Role { .. } => None,
            PrincipalKind::User { .. } if limits.has_session_policy => None,
            PrincipalKind::Root => (is_itself || is_account).then_some(Standing::Direct),
            _ => is_itself.then_some(Standing::Direct),
        }
        .or(self.anyone.then_some(Standing::Anyone))
        .or_else(|| (is_itself || self.lists_role(principal)).then_some(Standing::Role))
        .or(is_account.then_some(Standing::Account))
    }

    /// Whether a statement that denies everyone else leaves a principal out.
    fn excepts(&self, principal: &Principal) -> Truth {
        if self.anyone {
            return Truth::True;
        }
        match principal.kind() {
            PrincipalKind::Service => self.lists_itself(principal).into(),
            PrincipalKind::Root => self.lists_account(principal).into(),
            // "You must also specify the account ARN of the not-denied principal. Otherwise, the policy might
            // deny access to the entire account", or to the role of a session.
            _ if self.lists_itself(principal) || self.lists_role(principal) => {
                let is_session = matches!(principal.kind(), PrincipalKind::Session { .. });
                let role_is_listed = !is_session || self.lists_role(principal);
                Truth::from(self.lists_account(principal) && role_is_listed).or_unknown()
            }
            _ if self.lists_one_session(principal) => Truth::Unknown,
            _ => Truth::False,
        }
    }

    /// Whether of a role, which stands for any session of it, but one session is let in.
    pub(crate) fn lets_in_one_session(&self, principal: &Principal) -> bool {
        !self.negated && self.lists_one_session(principal)
    }

    /// Whether of a role, which stands for any session of it, one session is listed.
    fn lists_one_session(&self, principal: &Principal) -> bool {
        let Some(home) = principal.home() else { return false };
        match principal.kind() {
            PrincipalKind::Role { .. } if !self.roles_of_sessions.is_empty() => {
                let name = principal.name().rsplit('/').next().unwrap_or_default();
                self.roles_of_sessions.contains(&(home.partition, home.account, name.to_owned()))
            }
            PrincipalKind::IdentityOnly => self.instances.contains(&(home.partition, home.account)),
            _ => false,
        }
    }

    fn lists_itself(&self, principal: &Principal) -> bool {
        match principal.kind() {
            PrincipalKind::Service => self.services.contains(principal.name()),
            PrincipalKind::Root => principal.home().is_some_and(|home| self.lists_root_of(home)),
            _ => self.arns.contains(principal.name()),
        }
    }

    fn lists_account(&self, principal: &Principal) -> bool {
        principal.home().is_some_and(|home| self.accounts.contains(&home.account) || self.lists_root_of(home))
    }

    fn lists_root_of(&self, home: &Home) -> bool {
        self.roots.contains(&(home.partition, home.account))
    }

    /// Whether the role of a session is listed.
    fn lists_role(&self, principal: &Principal) -> bool {
        let (PrincipalKind::Session { role_name, role_arn, is_path_known, .. }, Some(home)) =
            (principal.kind(), principal.home())
        else {
            return false;
        };
        if *is_path_known {
            return self.arns.contains(role_arn);
        }
        // Names are unique in an account whatever their path.
        let roles = format!("arn:{}:iam::{}:role/", home.partition, home.account);
        let mut roles = self.arns.range(roles.clone()..).take_while(|arn| arn.starts_with(&roles));
        roles.any(|arn| arn.parse::<EntityArn>().is_ok_and(|role| role.name == *role_name))
    }
}
