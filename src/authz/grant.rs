//! Grants: permissions that stand beside a key's policy.
//!
//! <https://docs.aws.amazon.com/kms/latest/developerguide/grants.html>

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::{ActionSet, AwsPrincipal, KmsAction};

use super::context::{ConditionKey, Lookup, Query};
use super::principal::{Principal, PrincipalKind};
use super::principals::{Limits, Principals, Standing};
use super::truth::Truth;

/// The operations whose requests carry an encryption context.
const WITH_ENCRYPTION_CONTEXT: [&str; 8] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
];

const CONTEXT_PREFIX: &str = "kms:EncryptionContext:";

const SOURCE_ARN: &str = "aws:SourceArn";

/// A grant on the key that is asked about.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantListEntry.html>
#[derive(Debug, Clone)]
pub struct Grant {
    grantee: Principals,
    retiring: Option<Principals>,
    operations: ActionSet,
    constraints: Vec<Constraint>,
}

/// What a grant asks of requests.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantConstraints.html>
#[derive(Debug, Clone)]
pub enum Constraint {
    /// `EncryptionContextSubset`: these pairs of the encryption context, among others.
    Subset(BTreeMap<String, String>),
    /// `EncryptionContextEquals`: these pairs of the encryption context and no others.
    Equals(BTreeMap<String, String>),
    /// `SourceArn`: the resource on whose behalf a service asks.
    SourceArn(String),
    /// One that is newer than this program.
    Unknown,
}

impl Grant {
    /// A grant of operations, such as `Decrypt`, to a principal: the ARN of a root, user, role or session, or
    /// the name of a service.
    pub fn new<'o>(grantee: &str, operations: impl IntoIterator<Item = &'o str>) -> Self {
        let operations = operations
            .into_iter()
            .filter_map(|operation| format!("kms:{operation}").parse::<KmsAction>().ok())
            .map(KmsAction::set);
        Self {
            grantee: one_principal(grantee),
            retiring: None,
            operations: operations.fold(ActionSet::EMPTY, ActionSet::union),
            constraints: Vec::new(),
        }
    }

    /// The grant with a principal that may retire it.
    #[must_use]
    pub fn with_retiring_principal(mut self, principal: &str) -> Self {
        self.retiring = Some(one_principal(principal));
        self
    }

    /// The grant with a constraint; several must all be met.
    #[must_use]
    pub fn with_constraint(mut self, constraint: Constraint) -> Self {
        self.constraints.push(constraint);
        self
    }

    /// Whether the grant says the same of two actions, which are of one kind.
    pub(crate) fn treats_alike(&self, one: KmsAction, other: KmsAction) -> bool {
        let has = |action: KmsAction| self.operations.contains(action.set());
        // Constraints are about some operations only.
        has(one) == has(other) && (!has(one) || self.constraints.is_empty())
    }

    /// Whether the grant allows what is asked.
    pub(crate) fn allows(&self, query: &Query<'_>) -> Truth {
        let as_retiring = match self.retiring_standing(query) {
            // The account delegates with IAM policies.
            None | Some(Standing::Account | Standing::Anyone) => Truth::False,
            Some(Standing::Role | Standing::Direct) => Truth::True,
        };
        let as_grantee = if self.operations.contains(query.action.set()) {
            is(&self.grantee, query) & self.meets_constraints(query)
        } else {
            Truth::False
        };
        as_retiring | as_grantee
    }

    /// Whether the grant is to a principal, or to its account.
    pub fn is_for(&self, principal: &Principal) -> bool {
        self.grantee.standing(principal, Limits::NONE).is_some()
    }

    /// Whether the grant would allow what is asked, were it not for a constraint that the request does not meet.
    pub(crate) fn is_unmet(&self, query: &Query<'_>) -> bool {
        self.operations.contains(query.action.set())
            && is(&self.grantee, query) == Truth::True
            && self.meets_constraints(query) == Truth::False
    }

    /// Whether the account of the principal may retire the grant, and so delegate that with IAM policies.
    pub(crate) fn is_retirable_by_account(&self, query: &Query<'_>) -> bool {
        self.retiring_standing(query) == Some(Standing::Account)
    }

    fn retiring_standing(&self, query: &Query<'_>) -> Option<Standing> {
        let retiring = self.retiring.as_ref().filter(|_| query.action.is_retirement())?;
        retiring.standing(query.principal, Limits::NONE)
    }

    fn meets_constraints(&self, query: &Query<'_>) -> Truth {
        Truth::all(self.constraints.iter().map(|constraint| constraint.is_met(query)))
    }

    /// Adds the condition keys that would tell whether the grant allows what is asked.
    pub(crate) fn unknown_keys(&self, query: &Query<'_>, keys: &mut BTreeSet<String>) {
        for constraint in &self.constraints {
            constraint.unknown_keys(query, keys);
        }
    }
}

fn one_principal(text: &str) -> Principals {
    let principal = AwsPrincipal::parse(text);
    match principal {
        AwsPrincipal::Other(name) if !name.contains(':') => Principals::of_service(name),
        other => Principals::of_aws(&other),
    }
}

fn is(principals: &Principals, query: &Query<'_>) -> Truth {
    match principals.standing(query.principal, Limits::NONE) {
        None | Some(Standing::Anyone) => Truth::False,
        // Whether a grant to an account reaches its users and roles is not documented.
        Some(Standing::Account) if *query.principal.kind() != PrincipalKind::Root => Truth::Unknown,
        Some(_) => Truth::True,
    }
}

impl Constraint {
    fn is_met(&self, query: &Query<'_>) -> Truth {
        match (self, query.action.name()) {
            (Self::SourceArn(_), "RetireGrant") => Truth::True,
            // A grant made under this one must be constrained at least as much, which no condition key tells; but
            // "this is effectively the same as having the aws:SourceArn global condition key in the grant".
            // https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantConstraints.html
            (Self::SourceArn(wanted), "CreateGrant") => is_source(wanted, query) & Truth::Unknown,
            (Self::Unknown, _) | (_, "CreateGrant") => Truth::Unknown,
            (Self::SourceArn(wanted), _) => is_source(wanted, query),
            // "Grant constraints are not applied to operations that do not support an encryption context."
            (_, action) if !WITH_ENCRYPTION_CONTEXT.contains(&action) => Truth::True,
            (Self::Subset(pairs), _) => has_pairs(pairs, query),
            (Self::Equals(pairs), _) => has_pairs(pairs, query) & has_no_other_pair(pairs, query),
        }
    }

    fn unknown_keys(&self, query: &Query<'_>, keys: &mut BTreeSet<String>) {
        let pairs = match self {
            Self::Unknown => return,
            Self::SourceArn(wanted) => {
                if is_source(wanted, query) == Truth::Unknown {
                    keys.insert(SOURCE_ARN.to_owned());
                }
                return;
            }
            Self::Subset(pairs) | Self::Equals(pairs) => pairs,
        };
        if query.action.name() == "CreateGrant" || self.is_met(query) != Truth::Unknown {
            return;
        }
        for name in pairs.keys() {
            let key = ConditionKey::new(&format!("{CONTEXT_PREFIX}{name}"));
            if query.look_up(&key).is_open() {
                keys.insert(key.text);
            }
        }
        if matches!(self, Self::Equals(_)) && !query.context.is_complete() {
            keys.insert("kms:EncryptionContextKeys".to_owned());
        }
    }
}

fn is_value(key: &str, wanted: &str, query: &Query<'_>) -> Truth {
    match query.look_up(&ConditionKey::new(key)) {
        Lookup::One(value) => Truth::from(value == wanted),
        open if open.is_open() => Truth::Unknown,
        _ => Truth::False,
    }
}

/// Whether AWS takes a `SourceArn` with wildcards for a pattern is not documented.
fn is_source(wanted: &str, query: &Query<'_>) -> Truth {
    match is_value(SOURCE_ARN, wanted, query) {
        Truth::False if wanted.contains(['*', '?']) && query_has_source(query) => Truth::Unknown,
        truth => truth,
    }
}

fn query_has_source(query: &Query<'_>) -> bool {
    matches!(query.look_up(&ConditionKey::new(SOURCE_ARN)), Lookup::One(_) | Lookup::Many(_))
}

/// "The key in each key-value pair is not case sensitive, but the value is case sensitive."
fn has_pairs(pairs: &BTreeMap<String, String>, query: &Query<'_>) -> Truth {
    Truth::all(pairs.iter().map(|(name, wanted)| is_value(&format!("{CONTEXT_PREFIX}{name}"), wanted, query)))
}

fn has_no_other_pair(wanted: &BTreeMap<String, String>, query: &Query<'_>) -> Truth {
    let is_wanted = |name: &str| wanted.keys().any(|wanted| wanted.eq_ignore_ascii_case(name));
    let prefix = CONTEXT_PREFIX.to_ascii_lowercase();
    let given = query.context.keys().filter_map(|key| key.strip_prefix(&prefix));
    let mut other =
        given.filter(|name| query.context.get(&format!("{prefix}{name}")).is_some_and(|v| !v.is_empty()));
    if other.any(|name| !is_wanted(name)) {
        return Truth::False;
    }
    match query.look_up(&ConditionKey::new("kms:EncryptionContextKeys")) {
        Lookup::One(name) => is_wanted(name).into(),
        Lookup::Many(names) => names.iter().all(|name| is_wanted(name)).into(),
        Lookup::Absent => Truth::True,
        _ => Truth::Unknown,
    }
}
