//! Statements that deny what is not needed, or of which nobody can tell whether they deny.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Draft, listed};
use super::is_needed;
use super::words::{depends_on, in_words};
use crate::access::assessment::{ActionAssessment, Assessment, DecidingStatement};
use crate::access::{Grantee, Purpose};
use crate::arn::KeyArn;
use crate::authz::Outcome;
use crate::plan::FindingCode;
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
        let blocking: BTreeSet<&DecidingStatement> = blocked.flat_map(|action| &action.statements).collect();
        for action in &assessment.actions {
            let ActionAssessment { outcome, statements, unknown_keys, .. } = action;
            let kind = match outcome {
                Outcome::Unknown => &mut self.doubtful,
                Outcome::ExplicitDeny if !is_needed(purpose, action.action) => &mut self.beside,
                _ => continue,
            };
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
            let keys: Vec<String> = doubt.unknown_keys.iter().map(|key| (*key).to_owned()).collect();
            let depends = match (statement.doubt, keys.as_slice()) {
                (Some(doubt), _) => doubt.to_string(),
                (None, []) if key.is_unknown() => {
                    "that depends on which key it is, which is not known".to_owned()
                }
                (None, keys) => depends_on(keys),
            };
            let message = format!("{statement} may deny {}: {depends}", doubt.who());
            let is_about_address = keys.iter().any(|key| {
                key.eq_ignore_ascii_case("aws:SourceIp") || key.eq_ignore_ascii_case("aws:VpcSourceIp")
            });
            let hint = if is_about_address {
                // https://docs.aws.amazon.com/kms/latest/developerguide/conditions-aws.html#conditions-aws-ip-address
                "the calls come from EC2's own addresses; keymend never touches a Deny"
            } else if key.is_unknown()
                && (keys.is_empty() || keys.iter().any(|key| follows_from_the_key(key)))
            {
                "it can't be judged without the key: give --key ARN; keymend never touches a Deny"
            } else {
                "see whether it applies to the grantees; keymend never touches a Deny"
            };
            draft.find(FindingCode::DenyStatement, key, message, Some(hint.to_owned()));
        }
        for (statement, doubt) in self.beside {
            let actions: Vec<KmsAction> = doubt.actions.iter().copied().collect();
            let message = format!(
                "{statement} denies {} {}, which a {purpose} does not need",
                doubt.who(),
                in_words(purpose, &actions)
            );
            draft.find(FindingCode::DenyStatement, key, message, None);
        }
    }
}

/// Whether the key's ARN tells what a condition key is in a launch.
fn follows_from_the_key(condition_key: &str) -> bool {
    ["kms:ViaService", "aws:RequestedRegion", "aws:ResourceAccount", "kms:MultiRegion"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(condition_key))
}

impl Doubt<'_> {
    fn who(&self) -> String {
        listed(&self.grantees.iter().map(ToString::to_string).collect::<Vec<_>>())
    }
}
