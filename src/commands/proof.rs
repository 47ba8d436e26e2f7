//! What is read again after the writes, what it proves, and what AWS itself says.

use std::io;
use std::path::PathBuf;

use super::console::Console;
use super::interrupt::Interrupt;
use super::run::{Carried, Decision};
use crate::access::chain::Chain;
use crate::access::trial::Trial;
use crate::access::{Request, UnresolvedRequest};
use crate::apply::{Clock, Outcome, verify};
use crate::cli::Verify;
use crate::cli::settings::{Mode, ProofSettings};
use crate::cloud::observer::observe;
use crate::cloud::{Observe, Prove};
use crate::error::Error;
use crate::launch::causes;
use crate::observation::{Observation, OrganizationPolicies};
use crate::plan::Plan;
use crate::plan::outlook::Outlook;

/// Who is asked for proof, and how.
pub(super) struct Court<'c, C, K> {
    pub(super) cloud: &'c C,
    pub(super) clock: &'c K,
    pub(super) chain: &'c Chain,
    pub(super) settings: &'c ProofSettings,
    pub(super) interrupt: &'c Interrupt,
    /// What was given besides what is read, and holds after the writes too.
    pub(super) organization: &'c OrganizationPolicies,
    pub(super) mode: Mode,
}

impl<C: Observe + Prove, K: Clock> Court<'_, C, K> {
    /// How far the writes came; where all succeeded, or none was needed, both sides are read and planned again.
    pub(super) async fn carried(
        &self,
        (outcome, journal): (Outcome, Option<PathBuf>),
        plan: &Plan,
        asked: &UnresolvedRequest,
        console: &mut Console,
    ) -> Result<Carried, Error> {
        let is_success = outcome.is_success();
        let written = Carried { outcome, journal, ..Carried::nothing(plan) };
        if !is_success {
            return Ok(written);
        }
        let Some(read) = self.interrupt.unless_set(observe(asked, self.cloud)).await else {
            return Ok(Carried { is_unwatched: true, ..written });
        };
        let (request, mut observation) = match read {
            Ok(read) => read,
            Err(error) => return Ok(Carried { unverified: Some(error.into()), ..written }),
        };
        observation.organization.clone_from(self.organization);
        let read_back = Carried {
            remaining: Some(causes::planned(&request, &observation, self.chain)),
            proof: Outlook::new(&request, &observation).now(),
            ..written
        };
        let trials = self.trials(&request, &observation, console);
        match self.interrupt.unless_set(trials).await {
            Some(trials) => Ok(Carried { trials: trials?, ..read_back }),
            None => Ok(Carried { is_unwatched: true, ..read_back }),
        }
    }

    /// Nothing was written: what is there is judged, where nothing had to be, and AWS asked all the same; else what the
    /// changes of a dry run come to.
    pub(super) async fn untouched(
        &self,
        decision: Decision,
        plan: &Plan,
        (request, observation): (&Request, &Observation),
        console: &mut Console,
    ) -> Result<Carried, Error> {
        let outlook = Outlook::new(request, observation);
        let proof = match decision {
            Decision::NoChanges => outlook.now(),
            Decision::OnlyPlanned => outlook.after(&plan.changes),
            _ => Vec::new(),
        };
        let nothing = Carried { proof, ..Carried::nothing(plan) };
        if decision != Decision::NoChanges {
            self.tell_of_no_effect(console)?;
            return Ok(nothing);
        }
        let trials = self.trials(request, observation, console);
        match self.interrupt.unless_set(trials).await {
            Some(trials) => Ok(Carried { trials: trials?, ..nothing }),
            None => Ok(Carried { is_unwatched: true, ..nothing }),
        }
    }

    fn tell_of_no_effect(&self, console: &mut Console) -> io::Result<()> {
        if self.mode != Mode::DryRun || self.settings.verify == Verify::Evaluate {
            return Ok(());
        }
        console.hint("--verify has no effect on a dry run: nothing is written that could be proven")
    }

    /// What AWS itself says, where it is to be asked; a dry run asks nothing.
    async fn trials(
        &self,
        request: &Request,
        observation: &Observation,
        console: &mut Console,
    ) -> Result<Vec<Trial>, Error> {
        if self.mode == Mode::DryRun {
            self.tell_of_no_effect(console)?;
            return Ok(Vec::new());
        }
        let mut is_told = false;
        let may_wait = || {
            if !std::mem::replace(&mut is_told, true) {
                console.remark(
                    "AWS still refuses what the policies allow; a change may take minutes to arrive.",
                )?;
            }
            Ok(!self.interrupt.is_set())
        };
        let ProofSettings { verify, profiles } = self.settings;
        match verify {
            Verify::Evaluate => Ok(Vec::new()),
            Verify::DryRun => {
                verify::by_dry_runs(self.cloud, self.clock, request, observation, profiles, may_wait).await
            }
            Verify::Simulate => Ok(verify::by_simulation(self.cloud, request, observation).await),
        }
    }
}
