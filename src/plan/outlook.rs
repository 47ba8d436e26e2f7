//! Whether everybody who was asked for can launch, or start, by evaluation: now, and once changes are made.

use super::gains::{self, GainEffect, Gained};
use super::planner::{forecast, key_state};
use super::{Change, Gain};
use crate::access::Request;
use crate::access::assessment::{Assessment, Verdict, needed_actions};
use crate::access::evidence::{Evidence, Extras};
use crate::arn::KeyArn;
use crate::observation::Observation;
use crate::policy::KmsAction;

/// What was asked for, and what was read.
#[derive(Debug, Clone)]
pub struct Outlook<'a> {
    request: &'a Request,
    observation: &'a Observation,
    now: Evidence,
}

/// What changes come to.
#[derive(Debug, Clone)]
pub struct Foresight {
    /// Where everybody stands with each key before them.
    pub now: Vec<Assessment>,
    /// The same once they are made.
    pub after: Vec<Assessment>,
    /// Who gains what by them.
    pub gained: Vec<Gained>,
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

    /// What these changes come to.
    pub fn foresight(&self, changes: &[Change]) -> Foresight {
        let after = self.evidence_after(changes);
        let gained = gains::gained(changes, |gain| self.effect(&after, gain));
        Foresight { now: self.now(), after: self.assess(&after), gained }
    }

    /// Who gains what by these changes.
    pub fn gained(&self, changes: &[Change]) -> Vec<Gained> {
        let after = self.evidence_after(changes);
        gains::gained(changes, |gain| self.effect(&after, gain))
    }

    /// What a gain comes to; nothing for whoever had all of it.
    fn effect(&self, after: &Evidence, gain: &Gain) -> Option<GainEffect> {
        let Gain { key, grantee, purposes, is_complete } = gain;
        let Request { purpose, grantees, .. } = self.request;
        let required = self.request.required(key, grantee);
        let is_required = purposes.iter().any(|gained| required.iter().any(|own| own.purpose == gained));
        if !is_required && !grantees.contains(grantee) {
            // It lets somebody make a grant, which is what it says and no launch.
            return Some(GainEffect::Access);
        }
        let is_in = |action: &KmsAction| required.iter().any(|own| own.action_set.contains(action.set()));
        let all: Vec<KmsAction> = KmsAction::all().filter(is_in).collect();
        if is_required && self.now.assess(key, grantee, &all).grantee_verdict() == Verdict::Able {
            return None;
        }
        let metadata = self.observation.keys.get(key).and_then(|key| key.metadata.read());
        if metadata.is_some_and(key_state::stops_launches) {
            return Some(GainEffect::Blocked);
        }
        let assessed = after.assess(key, grantee, needed_actions(*purpose));
        let is_launch_forbidden = assessed.instance.action.verdict == Verdict::Blocked;
        Some(match assessed.grantee_verdict() {
            Verdict::Able if is_launch_forbidden => GainEffect::NoLaunch,
            Verdict::Able => GainEffect::Access,
            Verdict::Unknown if *is_complete => GainEffect::Unknown,
            Verdict::Unknown | Verdict::Missing => GainEffect::OneSide,
            Verdict::Blocked => GainEffect::Blocked,
        })
    }

    fn evidence_after(&self, changes: &[Change]) -> Evidence {
        let mut after = self.now.clone();
        forecast::carry_out(&mut after, self.observation, changes);
        after
    }

    fn assess(&self, evidence: &Evidence) -> Vec<Assessment> {
        let of_key = move |key: &'a KeyArn| {
            let actions = needed_actions(self.request.terms(key).purpose);
            evidence.assess_each(key, self.request.needing(key), actions)
        };
        self.request.keys.iter().flat_map(of_key).collect()
    }
}
