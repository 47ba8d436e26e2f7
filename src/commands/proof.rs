//! What is read again after the writes, what it proves, and what AWS itself says.

use std::path::PathBuf;

use super::console::Console;
use super::outcome::Interrupt;
use super::report::{Carried, Decision};
use crate::access::assessment::{Assessment, needed_actions};
use crate::access::chain::Chain;
use crate::access::evidence::{Evidence, Extras};
use crate::access::trial::Trial;
use crate::access::{Request, UnresolvedRequest};
use crate::apply::{Clock, Outcome, verify};
use crate::arn::KeyArn;
use crate::cli::Verify;
use crate::cli::settings::{Mode, ProofSettings};
use crate::cloud::observer::observe;
use crate::cloud::{Observe, Prove};
use crate::error::Error;
use crate::launch::causes;
use crate::observation::{Observation, OrganizationPolicies};
use crate::plan::Plan;

/// Who is asked for proof, and how.
pub(super) struct Court<'c, C, K> {
    pub(super) cloud: &'c C,
    pub(super) clock: &'c K,
    pub(super) chain: &'c Chain,
    pub(super) settings: &'c ProofSettings,
    pub(super) interrupt: &'c Interrupt,
    /// What was given besides what is read, and holds after the writes too.
    pub(super) organization: &'c OrganizationPolicies,
}

impl<C: Observe + Prove, K: Clock> Court<'_, C, K> {
    /// How far the writes came; where all succeeded, both sides are read and planned again.
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
        match observe(asked, self.cloud).await {
            Ok((request, mut observation)) => {
                observation.organization.clone_from(self.organization);
                Ok(Carried {
                    remaining: Some(causes::planned(&request, &observation, self.chain)),
                    proof: evaluate(&request, &observation),
                    trials: self.trials(&request, &observation, console).await?,
                    ..written
                })
            }
            Err(error) => Ok(Carried { unverified: Some(error.into()), ..written }),
        }
    }

    /// Nothing was written; where nothing had to be, AWS is asked all the same.
    pub(super) async fn untouched(
        &self,
        (decision, mode): (Decision, Mode),
        plan: &Plan,
        (request, observation): (&Request, &Observation),
        console: &mut Console,
    ) -> Result<Carried, Error> {
        let nothing = Carried::nothing(plan);
        if mode == Mode::DryRun && self.settings.verify != Verify::Evaluate {
            console.hint("--verify has no effect on a dry run: nothing is written that could be proven")?;
        }
        if decision != Decision::NoChanges || mode == Mode::DryRun {
            return Ok(nothing);
        }
        Ok(Carried { trials: self.trials(request, observation, console).await?, ..nothing })
    }

    /// What AWS itself says, where it is to be asked.
    async fn trials(
        &self,
        request: &Request,
        observation: &Observation,
        console: &mut Console,
    ) -> Result<Vec<Trial>, Error> {
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

/// Whether what reads back gives each grantee what it needs of each key.
fn evaluate(request: &Request, observation: &Observation) -> Vec<Assessment> {
    let evidence = Evidence::new(observation, &Extras::default());
    let actions = needed_actions(request.purpose);
    let of_key =
        |key: &KeyArn| request.needing(key).map(|grantee| evidence.assess(key, grantee, actions)).collect();
    let assessments: Vec<Vec<Assessment>> = request.keys.iter().map(of_key).collect();
    assessments.into_iter().flatten().collect()
}
