//! One grantee and one key: who asks, with which documents, and what the answers mean.

use std::rc::Rc;

use super::{Evidence, Identity, KeyEvidence, Named, documents, in_levels};
use crate::access::Grantee;
use crate::access::assessment::{
    ActionAssessment, DecidingStatement, DocumentName, Missed, Obstacle, OnlyWay, Verdict,
};
use crate::arn::KeyArn;
use crate::authz::{
    Boundary, Context, Decision, DocumentRef, Gate, Outcome, Policies, Principal, PrincipalKind, QueriedKey,
    Query, StatementRef, Truth, doubt, evaluate, near_misses,
};
use crate::observation::Reading;
use crate::policy::KmsAction;

/// One grantee and one key.
pub(super) struct Subject<'e> {
    evidence: &'e Evidence,
    key: &'e KeyArn,
    queried: Rc<QueriedKey>,
    pub(super) grantee: &'e Grantee,
    pub(super) own: Option<&'e KeyEvidence>,
    pub(super) identity: Option<&'e Reading<Identity>>,
    pub(super) principal: Principal,
}

impl<'e> Subject<'e> {
    pub(super) fn new(
        evidence: &'e Evidence,
        (key, queried): (&'e KeyArn, &Rc<QueriedKey>),
        grantee: &'e Grantee,
    ) -> Self {
        let identity = grantee.as_entity().and_then(|entity| evidence.identities.get(entity));
        let affiliation = grantee.account().and_then(|account| evidence.affiliations.get(&account));
        Self {
            evidence,
            key,
            queried: Rc::clone(queried),
            grantee,
            own: evidence.keys.get(key),
            identity,
            principal: principal(grantee, key).affiliated(affiliation),
        }
    }

    pub(super) fn is_group(&self) -> bool {
        self.grantee.is_group()
    }

    pub(super) fn ask(&self, context: &Context, actions: &[KmsAction]) -> Vec<ActionAssessment> {
        let evidence = self.evidence;
        let own = self.identity.and_then(Reading::read);
        let identity = own.map(|own| documents(&own.policies));
        let session = evidence.session.as_deref().map(documents);
        let (scps, rcps) = (in_levels(&evidence.scps), in_levels(&evidence.rcps));
        let policies = Policies {
            key_policy: self.own.and_then(|own| own.policy.read()).map(Rc::as_ref),
            ram_policy: self.own.map(|own| own.ram_policy.policy()).unwrap_or_default(),
            identity: identity.as_deref(),
            boundary: self.boundary(),
            session: session.as_deref(),
            scps: scps.as_deref(),
            rcps: rcps.as_deref(),
            grants: self.own.and_then(|own| own.grants.read()).map(|grants| grants.evaluated.as_slice()),
        };
        let mut assessed: Vec<ActionAssessment> = Vec::with_capacity(actions.len());
        let mut query = Query::of(&self.principal, KmsAction::DECRYPT, Rc::clone(&self.queried), context);
        for action in actions {
            // Most policies speak of actions in groups, which then share a decision.
            let alike = assessed.iter().find(|known| policies.treat_alike(known.action, *action));
            let shared = alike.map(|known| ActionAssessment { action: *action, ..known.clone() });
            assessed.push(shared.unwrap_or_else(|| {
                query.action = *action;
                self.assessed(&query, *action, &policies)
            }));
        }
        assessed
    }

    fn boundary(&self) -> Boundary<'e> {
        match self.identity {
            // "You can't attach a permissions boundary to a service-linked role", and a group has none.
            _ if self.is_group() || self.principal.is_service_linked() => Boundary::None,
            Some(Reading::Read(Identity { boundary: Some(boundary), .. })) => {
                Boundary::Document(&boundary.document)
            }
            Some(Reading::Read(Identity { boundary: None, .. })) => Boundary::None,
            Some(Reading::Unread(_)) | None => Boundary::Unread,
        }
    }

    fn assessed(&self, query: &Query<'_>, action: KmsAction, policies: &Policies<'_>) -> ActionAssessment {
        let decision = evaluate(query, policies);
        let near_misses = match decision.outcome {
            // What is there for launches was not meant for whoever makes a grant.
            _ if self.grantee.as_members_role().is_some() => Vec::new(),
            Outcome::ImplicitDeny => near_misses(query, policies),
            Outcome::Allowed | Outcome::ExplicitDeny | Outcome::Unknown => Vec::new(),
        };
        let missed = near_misses.into_iter().filter(|(statement, _)| self.would_help(&decision, *statement));
        let missed = missed.filter_map(|(statement, miss)| {
            self.statement(statement, policies).map(|statement| Missed { statement, miss })
        });
        let near_misses = missed.collect();
        let name = |statement: &StatementRef| {
            let doubt = match decision.outcome {
                Outcome::Unknown => doubt(query, policies, *statement),
                Outcome::Allowed | Outcome::ExplicitDeny | Outcome::ImplicitDeny => None,
            };
            self.statement(*statement, policies).map(|named| DecidingStatement { doubt, ..named })
        };
        ActionAssessment {
            action,
            outcome: decision.outcome,
            verdict: self.verdict(&decision),
            statements: decision.statements.iter().filter_map(name).collect(),
            obstacles: self.obstacles(&decision),
            near_misses,
            unknown_keys: decision.unknown_keys,
        }
    }

    /// Whether an `Allow` of a statement's document would open a gate that is shut.
    fn would_help(&self, decision: &Decision, statement: StatementRef) -> bool {
        let is_at_home = self.grantee.is_of(self.key.account);
        decision.gates.iter().any(|(gate, _)| match statement.document {
            // A key policy lets somebody of its own account in without IAM.
            DocumentRef::KeyPolicy | DocumentRef::RamPolicy => {
                *gate == Gate::KeyPolicy || (is_at_home && *gate == Gate::Identity)
            }
            DocumentRef::Identity(_) => *gate == Gate::Identity,
            DocumentRef::Boundary => *gate == Gate::Boundary,
            DocumentRef::Session(_) => *gate == Gate::Session,
            DocumentRef::Scp { level, .. } => *gate == Gate::Scp(level),
            DocumentRef::Grant(_) => true,
            DocumentRef::Rcp { .. } => false,
        })
    }

    fn verdict(&self, decision: &Decision) -> Verdict {
        let is_beyond_us = |(gate, truth): &(Gate, Truth)| *truth == Truth::False && self.is_beyond_us(*gate);
        match decision.outcome {
            Outcome::Allowed => Verdict::Able,
            Outcome::Unknown => Verdict::Unknown,
            Outcome::ExplicitDeny => Verdict::Blocked,
            Outcome::ImplicitDeny if decision.gates.iter().any(is_beyond_us) => Verdict::Blocked,
            Outcome::ImplicitDeny => Verdict::Missing,
        }
    }

    /// Whether no statement that is added for the grantee opens a gate.
    fn is_beyond_us(&self, gate: Gate) -> bool {
        let is_at_home = self.grantee.is_of(self.key.account);
        match gate {
            Gate::Partition | Gate::CrossAccountOperation | Gate::Scp(_) => true,
            // A user whom the key policy of its own account names is not limited by implicit denies.
            // https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
            Gate::Boundary | Gate::Session => {
                let is_user = matches!(self.principal.kind(), PrincipalKind::User { .. });
                !(is_at_home && is_user && !self.is_group())
            }
            // A key policy can't name a group, and its own account is never let in for a group's sake.
            Gate::KeyPolicy => is_at_home && self.is_group(),
            Gate::Identity | Gate::RamPolicy => false,
        }
    }

    fn obstacles(&self, decision: &Decision) -> Vec<Obstacle> {
        let gates = decision.gates.iter();
        let mut obstacles: Vec<Obstacle> = gates.map(|(gate, truth)| self.obstacle(*gate, *truth)).collect();
        if let Some(role) = self.grantee.as_service_linked_role() {
            let is_at_home = role.arn().account == self.key.account;
            let only_way = if is_at_home { OnlyWay::KeyPolicy } else { OnlyWay::Grant };
            let is_one = |obstacle: &Obstacle| matches!(obstacle.gate, Gate::KeyPolicy | Gate::Identity);
            obstacles.dedup_by(|one, other| is_one(one) && is_one(other));
            for obstacle in obstacles.iter_mut().filter(|obstacle| is_one(obstacle)) {
                *obstacle = Obstacle {
                    gate: Gate::KeyPolicy,
                    is_certain: decision.outcome == Outcome::ImplicitDeny,
                    document: None,
                    only_way: Some(only_way),
                };
            }
        }
        obstacles
    }

    fn obstacle(&self, gate: Gate, truth: Truth) -> Obstacle {
        let document = match (gate, self.identity.and_then(Reading::read)) {
            (Gate::KeyPolicy, _) => Some(DocumentName::KeyPolicy { key: self.key.clone() }),
            (Gate::RamPolicy, _) => Some(DocumentName::RamPolicy { key: self.key.clone() }),
            (Gate::Boundary, Some(own)) => own.boundary.as_ref().map(|boundary| boundary.name.clone()),
            _ => None,
        };
        Obstacle { gate, is_certain: truth == Truth::False, document, only_way: None }
    }

    fn statement(&self, statement: StatementRef, policies: &Policies<'_>) -> Option<DecidingStatement> {
        let document = self.document(statement.document)?;
        let effect = policies.effect(statement);
        Some(DecidingStatement::new(document, statement.index, policies.sid(statement), effect))
    }

    fn document(&self, document: DocumentRef) -> Option<DocumentName> {
        let identity = || self.identity.and_then(Reading::read);
        let name = |named: &Named| named.name.clone();
        match document {
            DocumentRef::Identity(index) => identity()?.policies.get(index).map(name),
            DocumentRef::Boundary => identity()?.boundary.as_ref().map(name),
            DocumentRef::Session(index) => self.evidence.session.as_ref()?.get(index).map(name),
            DocumentRef::Grant(index) => {
                let grants = self.own?.grants.read()?;
                grants.ids.get(index).map(|id| DocumentName::Grant { id: id.clone() })
            }
            DocumentRef::KeyPolicy
            | DocumentRef::RamPolicy
            | DocumentRef::Scp { .. }
            | DocumentRef::Rcp { .. } => self.evidence.common_document(self.key, document),
        }
    }
}

/// Who makes the requests of a grantee. In the key's own account nobody is let in for an organization's sake.
fn principal(grantee: &Grantee, key: &KeyArn) -> Principal {
    match grantee {
        Grantee::Account { partition, id } => Principal::root(*partition, *id),
        Grantee::Entity(entity) => Principal::one_of(entity),
        Grantee::ServiceLinkedRole(role) => Principal::one_of(role.arn()),
        Grantee::Members(members) => Principal::member(members, key.account),
        // Whoever makes the grant, which is what the key policy has a say in.
        Grantee::MembersRole(role) => Principal::member(&role.members, key.account),
    }
}
