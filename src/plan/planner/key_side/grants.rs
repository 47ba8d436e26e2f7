//! Service-linked roles of other accounts than the key's. No policy can serve one: it needs a grant, which its own
//! account creates and which the key policy has to let it create.

mod permission;
mod question;

use std::collections::{BTreeMap, BTreeSet};

use super::super::Draft;
use super::{KeySide, own_roles};
use crate::access::assessment::{DecidingStatement, DocumentName, Verdict, needed_actions};
use crate::access::evidence::Evidence;
use crate::access::grant::{KEY_POLICY_SID, key_policy_statement};
use crate::access::{CoverageRule, Grantee, NewGrant, Purpose, ServiceLinkedRole};
use crate::arn::{AccountId, KeyArn};
use crate::authz::{Decision, DocumentRef, Gate, Outcome, Prepared};
use crate::observation::{KeyObservation, Reading};
use crate::plan::finding::GrantFinding;
use crate::plan::finding::grant::Barrier;
use crate::plan::patch::Sids;
use crate::plan::{Change, Gain, Handover, Operation, Side};
use crate::policy::PolicyDocument;
pub(super) use permission::{Permission, permit};
use question::Question;

/// The grants that a key lacks.
#[derive(Debug, Default)]
pub(super) struct Lacking {
    grants: Vec<NewGrant>,
    /// Whether nobody knows that they are not there.
    is_unread: bool,
}

/// What the grantees need and the key does not have yet.
pub(super) fn lacking(
    side: &KeySide<'_>,
    observed: &KeyObservation,
    grantees: &[Grantee],
    draft: &mut Draft,
) -> Lacking {
    let KeySide { request, key, evidence, .. } = side;
    let mut lacking = Lacking::default();
    for grantee in grantees {
        let Some(role) = grantee.served_by_grants(key) else { continue };
        let needed = NewGrant::for_launch(key, role);
        let existing = observed.grants.read().into_iter().flatten().find(|grant| needed.is_covered_by(grant));
        let covered = match existing {
            Some(grant) => Some(vec![DocumentName::Grant { id: grant.id.clone() }.to_string()]),
            None if request.terms(key).coverage == CoverageRule::Effective => {
                able(evidence, key, grantee, request.terms(key).purpose)
            }
            None => None,
        };
        if covered.is_none() {
            lacking.grants.push(needed);
        }
        let side = covered.map_or(Side::Missing, Side::Covered);
        draft.key_sides.set(key, grantee, side);
    }
    if let (Reading::Unread(reason), false) = (&observed.grants, lacking.grants.is_empty()) {
        lacking.is_unread = true;
        if observed.policy.read().is_none() {
            // That the key is out of reach is said of its policy.
            return lacking;
        }
        draft.find(key, GrantFinding::Unread { reason: reason.clone() });
    }
    lacking
}

/// What lets a role launch or start instances by evaluation, whatever its form; `None` where nothing surely does.
fn able(evidence: &Evidence, key: &KeyArn, grantee: &Grantee, purpose: Purpose) -> Option<Vec<String>> {
    let assessment = evidence.assess(key, grantee, needed_actions(purpose));
    let statements = assessment.actions.iter().flat_map(|action| action.statements.iter());
    let statements: BTreeSet<String> = statements.map(DecidingStatement::in_short).collect();
    (assessment.grantee_verdict() == Verdict::Able).then(|| statements.into_iter().collect())
}

impl Lacking {
    /// The grants by the account that has to create them.
    fn by_account(&self) -> BTreeMap<AccountId, Vec<&NewGrant>> {
        let mut accounts: BTreeMap<AccountId, Vec<&NewGrant>> = BTreeMap::new();
        for grant in &self.grants {
            accounts.entry(grant.account()).or_default().push(grant);
        }
        accounts
    }

    /// The statements that let each account create its grants, where no key policy was read.
    pub(super) fn statements(&self, sids: &mut Sids) -> Vec<serde_json::Value> {
        let accounts = self.by_account();
        accounts.values().map(|grants| statement(&sids.free(KEY_POLICY_SID), grants)).collect()
    }

    /// Whom the grants are for.
    pub(super) fn grantees(&self) -> impl Iterator<Item = Grantee> {
        self.grants.iter().map(NewGrant::for_whom)
    }

    /// Leaves the grants to administrators of their accounts.
    pub(super) fn hand_over(self, draft: &mut Draft) {
        draft.handovers.extend(self.grants.into_iter().map(|grant| Handover::Grant { grant }));
    }
}

fn statement(sid: &str, grants: &[&NewGrant]) -> serde_json::Value {
    let roles: Vec<&ServiceLinkedRole> = grants.iter().map(|grant| &grant.grantee).collect();
    let root = grants.first().map(|grant| grant.maker().to_string());
    key_policy_statement(sid, &root.unwrap_or_default(), &roles)
}

/// Plans the grants on the key policy as it will be, or hands them over.
pub(super) fn plan_grants(
    document: &PolicyDocument,
    lacking: Lacking,
    permission: Option<&Permission>,
    side: &KeySide<'_>,
    draft: &mut Draft,
) {
    if lacking.grants.is_empty() {
        return;
    }
    let policy = Prepared::new(document);
    let literal = own_roles::by_variables(document);
    for grant in lacking.grants {
        let grantee = grant.for_whom();
        let question = Question::new(&grant, side.observation);
        if is_denied(&question, document, &policy, side, draft) {
            continue;
        }
        if lacking.is_unread || !may_be_created(&question, &policy, draft) {
            draft.handovers.push(Handover::Grant { grant });
            continue;
        }
        if let Some((rest, value)) = &literal
            && !question.is_let_in(rest)
        {
            draft.find(&grant.grantee, GrantFinding::Untried { value: value.clone(), is_read: true });
        }
        draft.key_sides.set(&grant.key, &grantee, Side::Planned);
        draft.changes.push(Change {
            reason: "a service-linked role of another account can use a key by a grant only".to_owned(),
            gains: vec![Gain {
                grantee,
                key: grant.key.clone(),
                purposes: vec!["use the key".to_owned(), "pass that on in grants of its own".to_owned()],
                is_complete: true,
            }],
            operation: Operation::CreateGrant {
                needs_key_policy: permission.is_some_and(|permission| permission.is_for(&grant)),
                grant,
            },
        });
    }
}

/// Whether the key policy, as it will be, denies the grant to the role's whole account.
fn is_denied(
    question: &Question<'_>,
    document: &PolicyDocument,
    policy: &Prepared,
    side: &KeySide<'_>,
    draft: &mut Draft,
) -> bool {
    let decision = question.of_root(policy);
    if decision.outcome != Outcome::ExplicitDeny {
        return false;
    }
    let grant = question.grant;
    let statements: Vec<String> = decision
        .statements
        .iter()
        .filter_map(|deny| Some(document.statements.get(deny.index)?.label(deny.index)))
        .collect();
    // Where a Deny applies to the role itself, that is what stands in the way.
    let role = grant.for_whom();
    let own = side.evidence.assess(&grant.key, &role, needed_actions(side.request.terms(&grant.key).purpose));
    if !own.actions.iter().any(|action| action.outcome == Outcome::ExplicitDeny) {
        let (key, account) = (grant.key.clone(), grant.account());
        draft.find(&grant.grantee, GrantFinding::Denied { statements, key, account });
    }
    true
}

/// Whether the caller in the role's account may create the grant, as far as its policies were read. What is not known
/// is tried, with a warning.
fn may_be_created(question: &Question<'_>, policy: &Prepared, draft: &mut Draft) -> bool {
    let grant = question.grant;
    let Some(caller) = &question.caller else {
        draft.find(&grant.grantee, GrantFinding::NoCredentials { account: grant.account() });
        return false;
    };
    let decision = caller.ask(question, policy);
    if decision.outcome == Outcome::Allowed {
        return true;
    }
    let statement = grant.identity_statement();
    let is_known = decision.outcome != Outcome::Unknown;
    let caller_arn = caller.arn.clone();
    let found = match &caller.policies {
        _ if is_known => GrantFinding::Forbidden { caller: caller_arn, by: barrier(&decision), statement },
        Ok(_) => GrantFinding::Uncertain { caller: caller_arn, by: barrier(&decision), statement },
        Err(reason) => {
            let by = Barrier::Unread { reason: reason.clone() };
            GrantFinding::Uncertain { caller: caller_arn, by, statement }
        }
    };
    draft.find(&grant.grantee, found);
    !is_known
}

/// What stands, or may stand, between a caller and the grant, where the key policy lets its account create it.
fn barrier(decision: &Decision) -> Barrier {
    if decision.outcome == Outcome::ExplicitDeny {
        let of_key = decision.statements.iter().any(|deny| deny.document == DocumentRef::KeyPolicy);
        return if of_key { Barrier::KeyPolicyDenies } else { Barrier::OwnPoliciesDeny };
    }
    let has = |wanted: Gate| decision.gates.iter().any(|(gate, _)| *gate == wanted);
    if has(Gate::Identity) {
        Barrier::Identity
    } else if has(Gate::Boundary) {
        Barrier::Boundary
    } else {
        Barrier::Keys(decision.unknown_keys.iter().cloned().collect())
    }
}
