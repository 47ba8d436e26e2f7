//! The logic that brings all policies together.

use std::collections::BTreeSet;

use super::access::{self, Access};
use super::context::Query;
use super::decision::{Decision, DocumentRef, Doubt, Gate, Outcome, StatementRef};
use super::gathered::{Gathered, documents};
use super::near_miss::NearMiss;
use super::truth::Truth;
use super::{Policies, RamDocument};

/// Decides a request.
pub fn evaluate(query: &Query<'_>, policies: &Policies<'_>) -> Decision {
    let gathered = Gathered::new(query, policies);
    let access = Access::new(&gathered, query);
    let outcome = match (gathered.denied, access.allowed) {
        (Truth::True, _) => Outcome::ExplicitDeny,
        (_, Truth::False) => Outcome::ImplicitDeny,
        (Truth::False, Truth::True) => Outcome::Allowed,
        _ => Outcome::Unknown,
    };
    let statements = access.deciding(&gathered, outcome);
    let unknown_keys = match outcome {
        Outcome::Unknown => unknown_keys(&statements, query, policies),
        _ => BTreeSet::new(),
    };
    let gates = match outcome {
        Outcome::ImplicitDeny => access::shut_gates(&gathered, query),
        Outcome::Unknown => {
            let is_unread = matches!(policies.ram_policy, RamDocument::Unread);
            let ram_policy =
                (is_unread && query.action.asks_key_policy()).then_some((Gate::RamPolicy, Truth::Unknown));
            ram_policy.into_iter().chain(access::shut_gates(&gathered, query)).collect()
        }
        Outcome::Allowed | Outcome::ExplicitDeny => Vec::new(),
    };
    Decision { outcome, statements, unknown_keys, gates }
}

/// The `Allow` statements and grants that look as if they allowed the request and do not, each with the reason.
pub fn near_misses(query: &Query<'_>, policies: &Policies<'_>) -> Vec<(StatementRef, NearMiss)> {
    let mut near_misses = Vec::new();
    for (document, prepared, attachment) in documents(query, policies) {
        let found = prepared.near_misses(query, attachment);
        near_misses.extend(found.map(|(index, miss)| (StatementRef { document, index }, miss)));
    }
    let grants = policies.grants.into_iter().flatten().enumerate();
    let grants = grants.filter(|(_, grant)| grant.is_unmet(query)).map(|(index, _)| {
        (StatementRef { document: DocumentRef::Grant(index), index: 0 }, NearMiss::Constraint)
    });
    near_misses.extend(grants);
    near_misses
}

/// Why nobody can tell whether a statement is about whoever asks.
pub fn doubt(query: &Query<'_>, policies: &Policies<'_>, statement: StatementRef) -> Option<Doubt> {
    policies.document(statement.document)?.doubt(statement.index, query)
}

/// The keys that would settle the statements that nobody can decide.
fn unknown_keys(statements: &[StatementRef], query: &Query<'_>, policies: &Policies<'_>) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for statement in statements {
        match (statement.document, policies.document(statement.document)) {
            (_, Some(document)) => document.unknown_keys(statement.index, query, &mut keys),
            (DocumentRef::Grant(index), None) => {
                if let Some(grant) = policies.grants.and_then(|grants| grants.get(index)) {
                    grant.unknown_keys(query, &mut keys);
                }
            }
            _ => {}
        }
    }
    keys
}
