//! Who must allow a request: the key's side, the principal's side, or a grant.

use crate::policy::Effect;

use super::context::Query;
use super::decision::{DocumentRef, Gate, Outcome, StatementRef};
use super::gathered::{Gathered, Hit};
use super::occasion::Occasion;
use super::principal::PrincipalKind;
use super::principals::Standing;
use super::truth::Truth;

/// Whether anything allows a request, were it not for a `Deny`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Access {
    pub(super) allowed: Truth,
    /// Whether the key policy allows it by itself.
    by_key_policy: Truth,
    /// Whether policies allow it, grants left aside.
    by_policies: Truth,
}

/// How the principal stands to the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    OtherPartition,
    OtherAccount,
    SameAccount,
    Service,
}

impl Relation {
    fn of(query: &Query<'_>) -> Self {
        match query.principal.home() {
            None if query.principal.membership().is_some() => Self::OtherAccount,
            None => Self::Service,
            Some(home) if home.partition != query.key.arn.partition => Self::OtherPartition,
            Some(home) if home.account != query.key.arn.account => Self::OtherAccount,
            Some(_) => Self::SameAccount,
        }
    }
}

/// Whether it is an instance's identity-only role in a launch, to which EC2 gives a grant.
fn has_grant_of_ec2(query: &Query<'_>) -> bool {
    *query.principal.kind() == PrincipalKind::IdentityOnly
        && query.context.occasion() == Some(Occasion::Instance)
}

impl Access {
    const NONE: Self = Self { allowed: Truth::False, by_key_policy: Truth::False, by_policies: Truth::False };

    pub(super) fn new(gathered: &Gathered, query: &Query<'_>) -> Self {
        let limits = gathered.boundary & gathered.session;
        let identity = if query.principal.is_above_iam() { Truth::True } else { gathered.identity & limits };
        let (by_key_policy, by_identity) = match Relation::of(query) {
            Relation::OtherPartition => return Self::NONE,
            Relation::OtherAccount if !query.action.works_across_accounts() => return Self::NONE,
            Relation::Service => (gathered.named(), Truth::False),
            // "If the retiring principal is a different AWS account, administrators in the other account can use
            // kms:RetireGrant to delegate permission to retire the grant"; by itself it retires nothing.
            Relation::OtherAccount if query.action.is_retirement() => {
                (Truth::False, gathered.retirable_by_account & identity)
            }
            _ if !query.action.asks_key_policy() => (Truth::False, identity),
            // "Cross-account access requires permission in the key policy of the KMS key and in an IAM policy in
            // the external user's account."
            Relation::OtherAccount => (Truth::False, gathered.named() & identity),
            Relation::SameAccount => {
                (gathered.allowed_by_name(query), gathered.key_policy.account & identity)
            }
        };
        let by_policies = by_key_policy | by_identity;
        // Whether an implicit deny in a boundary or a session policy limits a grant is not documented.
        let by_grant = (gathered.grants & limits.or_unknown()) | has_grant_of_ec2(query).into();
        let scps = Truth::all(gathered.scps.iter().map(|(_, allowed)| *allowed));
        Self { allowed: scps & (by_policies | by_grant), by_key_policy, by_policies }
    }

    /// The statements that an outcome rests on.
    pub(super) fn deciding(self, gathered: &Gathered, outcome: Outcome) -> Vec<StatementRef> {
        let decides = |hit: &&Hit| match outcome {
            Outcome::Allowed => hit.effect == Effect::Allow && hit.truth == Truth::True && self.needs(hit),
            Outcome::ExplicitDeny => hit.effect == Effect::Deny && hit.truth == Truth::True,
            Outcome::ImplicitDeny => false,
            Outcome::Unknown => {
                let is_needed = hit.effect == Effect::Deny
                    || (self.allowed == Truth::Unknown && gathered.is_undecided(hit.statement.document));
                hit.truth == Truth::Unknown && is_needed
            }
        };
        gathered.hits.iter().filter(decides).map(|hit| hit.statement).collect()
    }

    /// Whether an `Allow` that applies was asked for.
    fn needs(self, hit: &Hit) -> bool {
        match hit.statement.document {
            DocumentRef::Scp { .. } => true,
            DocumentRef::Rcp { .. } => false,
            DocumentRef::Grant(_) => self.by_policies != Truth::True,
            _ if self.by_policies != Truth::True => false,
            DocumentRef::KeyPolicy | DocumentRef::RamPolicy => {
                self.by_key_policy != Truth::True || hit.standing != Standing::Account
            }
            DocumentRef::Identity(_) => self.by_key_policy != Truth::True,
            DocumentRef::Boundary | DocumentRef::Session(_) => true,
        }
    }
}

impl Gathered {
    /// Whether the key policy allows the principal in any way.
    fn named(&self) -> Truth {
        let by = &self.key_policy;
        by.account | by.role | by.anyone | by.direct
    }

    /// Whether the key policy allows a principal of its own account without asking IAM.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html>
    fn allowed_by_name(&self, query: &Query<'_>) -> Truth {
        if query.principal.is_above_iam() {
            return self.named();
        }
        let limits = self.boundary & self.session;
        let by = &self.key_policy;
        // "Permissions boundaries or session policies do not limit permissions granted using the aws:PrincipalArn
        // condition key with a wildcard in the Principal element", and no condition adds access.
        by.direct | by.anyone | (by.role & limits)
    }

    /// Whether a document's permission could still go either way.
    fn is_undecided(&self, document: DocumentRef) -> bool {
        let allowed = match document {
            DocumentRef::KeyPolicy | DocumentRef::RamPolicy => self.named(),
            DocumentRef::Identity(_) => self.identity,
            DocumentRef::Boundary => self.boundary,
            DocumentRef::Session(_) => self.session,
            DocumentRef::Scp { level, .. } => {
                Truth::any(self.scps.iter().filter(|(known, _)| *known == level).map(|(_, allowed)| *allowed))
            }
            DocumentRef::Rcp { .. } => Truth::False,
            DocumentRef::Grant(_) => self.grants,
        };
        // A statement of the key policy may allow what another one only delegates.
        allowed == Truth::Unknown || matches!(document, DocumentRef::KeyPolicy | DocumentRef::RamPolicy)
    }
}

/// What does not allow the request, or may not, though it must.
pub(super) fn shut_gates(gathered: &Gathered, query: &Query<'_>) -> Vec<(Gate, Truth)> {
    let relation = Relation::of(query);
    if relation == Relation::OtherPartition {
        return vec![(Gate::Partition, Truth::False)];
    }
    let crosses = relation == Relation::OtherAccount;
    let by_name = if crosses { Truth::False } else { gathered.allowed_by_name(query) };
    let asks_identity = !query.principal.is_above_iam()
        && !has_grant_of_ec2(query)
        && relation != Relation::Service
        && by_name != Truth::True;
    let needed = |is_needed: bool, allowed: Truth| if is_needed { allowed } else { Truth::True };
    let mut gates = vec![
        (Gate::CrossAccountOperation, needed(crosses, query.action.works_across_accounts().into())),
        (
            Gate::KeyPolicy,
            needed(query.action.asks_key_policy() && !has_grant_of_ec2(query), gathered.named()),
        ),
        (Gate::Identity, needed(asks_identity, gathered.identity)),
        (Gate::Boundary, needed(by_name != Truth::True, gathered.boundary)),
        (Gate::Session, needed(by_name != Truth::True, gathered.session)),
    ];
    gates.extend(gathered.scps.iter().map(|(level, allowed)| (Gate::Scp(*level), *allowed)));
    gates.retain(|(_, allowed)| *allowed != Truth::True);
    gates
}
