//! Statements that deny what is not needed, or of which nobody can tell whether they deny.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Draft;
use super::is_needed;
use crate::access::assessment::{ActionAssessment, Assessment, DecidingStatement};
use crate::access::{Grantee, Purpose};
use crate::arn::KeyArn;
use crate::authz::Outcome;
use crate::plan::finding::EvaluationFinding;
use crate::policy::KmsAction;

/// Statements that deny what is not needed, or of which nobody can tell whether they deny.
pub(super) struct Doubts<'a> {
    purpose: Purpose,
    doubtful: BTreeMap<&'a DecidingStatement, Doubt<'a>>,
    beside: BTreeMap<&'a DecidingStatement, Doubt<'a>>,
}

#[derive(Default)]
struct Doubt<'a> {
    grantees: Vec<&'a Grantee>,
    actions: BTreeSet<KmsAction>,
    unknown_keys: BTreeSet<&'a str>,
}

impl<'a> Doubts<'a> {
    pub(super) fn of(purpose: Purpose) -> Self {
        Self { purpose, doubtful: BTreeMap::new(), beside: BTreeMap::new() }
    }

    pub(super) fn gather(&mut self, assessment: &'a Assessment) {
        let purpose = self.purpose;
        let blocked = assessment
            .actions
            .iter()
            .filter(|action| is_needed(purpose, action.action) && action.outcome == Outcome::ExplicitDeny);
        let blocking: BTreeSet<&DecidingStatement> =
            blocked.flat_map(|action| action.statements.iter()).collect();
        for action in &assessment.actions {
            let ActionAssessment { outcome, statements, unknown_keys, .. } = action;
            let kind = match outcome {
                Outcome::Unknown => &mut self.doubtful,
                Outcome::ExplicitDeny if !is_needed(purpose, action.action) => &mut self.beside,
                _ => continue,
            };
            // What surely denies something that is needed blocks, and is told as that.
            let denying = statements.iter().filter(|statement| statement.denies);
            for statement in denying.filter(|statement| !blocking.contains(statement)) {
                let doubt = kind.entry(statement).or_default();
                doubt.actions.insert(action.action);
                doubt.unknown_keys.extend(unknown_keys.iter().map(String::as_str));
                if doubt.grantees.last() != Some(&&assessment.grantee) {
                    doubt.grantees.push(&assessment.grantee);
                }
            }
        }
    }

    pub(super) fn tell(self, key: &KeyArn, draft: &mut Draft) {
        let purpose = self.purpose;
        for (statement, doubt) in self.doubtful {
            let found = EvaluationFinding::PerhapsDenied {
                statement: statement.clone(),
                who: doubt.who(),
                keys: doubt.unknown_keys.iter().map(|key| (*key).to_owned()).collect(),
                is_key_unknown: key.is_unknown(),
            };
            draft.find(key, found);
        }
        for (statement, doubt) in self.beside {
            let (statement, who) = (statement.clone(), doubt.who());
            let actions = doubt.actions.into_iter().collect();
            draft.find(key, EvaluationFinding::DeniedBeside { statement, who, actions, purpose });
        }
    }
}

impl Doubt<'_> {
    fn who(&self) -> Vec<Grantee> {
        self.grantees.iter().copied().cloned().collect()
    }
}
