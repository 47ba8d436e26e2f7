//! Whether everybody who was asked for can launch, or start, by evaluation: now, and once changes are made.

use super::Change;
use super::planner::forecast;
use crate::access::Request;
use crate::access::assessment::{Assessment, needed_actions};
use crate::access::evidence::{Evidence, Extras};
use crate::arn::KeyArn;
use crate::observation::Observation;

/// What was asked for, and what was read.
#[derive(Debug, Clone)]
pub struct Outlook<'a> {
    request: &'a Request,
    observation: &'a Observation,
    now: Evidence,
}

impl<'a> Outlook<'a> {
    /// Takes everything apart that was read.
    pub fn new(request: &'a Request, observation: &'a Observation) -> Self {
        Self { request, observation, now: Evidence::new(observation, &Extras::default()) }
    }

    /// Where everybody stands with each key.
    pub fn now(&self) -> Vec<Assessment> {
        self.assess(&self.now)
    }

    /// The same once these changes are made.
    pub fn after(&self, changes: &[Change]) -> Vec<Assessment> {
        self.assess(&self.evidence_after(changes))
    }

    fn evidence_after(&self, changes: &[Change]) -> Evidence {
        let mut after = self.now.clone();
        forecast::carry_out(&mut after, self.observation, changes);
        after
    }

    fn assess(&self, evidence: &Evidence) -> Vec<Assessment> {
        let actions = needed_actions(self.request.purpose);
        let of_key = move |key: &'a KeyArn| {
            self.request.needing(key).map(|grantee| evidence.assess(key, grantee, actions))
        };
        self.request.keys.iter().flat_map(of_key).collect()
    }
}
