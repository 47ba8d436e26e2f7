//! The instance's own call: EC2 attaches an encrypted volume as the identity-only role of the launching account.

use std::rc::Rc;

use super::{Evidence, in_levels};
use crate::access::assessment::{ActionAssessment, DecidingStatement, InstanceAssessment, Obstacle, Verdict};
use crate::arn::KeyArn;
use crate::authz::{
    Context, Gate, Outcome, Policies, Principal, QueriedKey, Query, StatementRef, Truth, doubt, evaluate,
};
use crate::policy::KmsAction;

impl Evidence {
    /// What becomes of the call of an identity-only role, which EC2's grant allows unless something denies it.
    ///
    /// Nobody manages it, and it has no policies of its own. Key policies, service control policies and resource
    /// control policies apply to it.
    ///
    /// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html>
    pub(super) fn assess_instance(
        &self,
        key: &KeyArn,
        queried: &Rc<QueriedKey>,
        principal: &Principal,
    ) -> InstanceAssessment {
        let own = self.keys.get(key);
        let mut context = own.map_or_else(Context::for_instance, |own| own.instance.clone());
        self.tell(&mut context);
        let (scps, rcps) = (in_levels(&self.scps), in_levels(&self.rcps));
        let policies = Policies {
            key_policy: own.and_then(|own| own.policy.read()).map(Rc::as_ref),
            ram_policy: own.map(|own| own.ram_policy.policy()).unwrap_or_default(),
            scps: scps.as_deref(),
            rcps: rcps.as_deref(),
            ..Policies::default()
        };
        let query = Query::of(principal, KmsAction::DECRYPT, Rc::clone(queried), &context);
        let decision = evaluate(&query, &policies);
        let named = |statement: &StatementRef| {
            let document = self.common_document(key, statement.document)?;
            let effect = policies.effect(*statement);
            let deciding =
                DecidingStatement::new(document, statement.index, policies.sid(*statement), effect);
            let doubt = match decision.outcome {
                Outcome::Unknown => doubt(&query, &policies, *statement),
                Outcome::Allowed | Outcome::ExplicitDeny | Outcome::ImplicitDeny => None,
            };
            Some((*statement, DecidingStatement { doubt, ..deciding }))
        };
        let statements: Vec<(StatementRef, DecidingStatement)> =
            decision.statements.iter().filter_map(named).collect();
        let exception = |(statement, deciding): &(StatementRef, DecidingStatement)| {
            let document = policies.document(statement.document).filter(|_| deciding.denies)?;
            Some((deciding.clone(), document.exception(statement.index)))
        };
        let limits = decision
            .gates
            .iter()
            .filter(|(gate, _)| matches!(gate, Gate::Partition | Gate::RamPolicy | Gate::Scp(_)));
        let obstacle = |(gate, truth): &(Gate, Truth)| Obstacle {
            gate: *gate,
            is_certain: *truth == Truth::False,
            document: None,
            only_way: None,
        };
        InstanceAssessment {
            role: principal.name().to_owned(),
            exceptions: statements.iter().filter_map(exception).collect(),
            action: ActionAssessment {
                action: KmsAction::DECRYPT,
                outcome: decision.outcome,
                verdict: match decision.outcome {
                    Outcome::Allowed => Verdict::Able,
                    Outcome::Unknown => Verdict::Unknown,
                    Outcome::ExplicitDeny | Outcome::ImplicitDeny => Verdict::Blocked,
                },
                statements: statements.into_iter().map(|(_, deciding)| deciding).collect(),
                obstacles: limits.map(obstacle).collect(),
                near_misses: Vec::new(),
                unknown_keys: decision.unknown_keys,
            },
        }
    }
}
