//! What is read again after the writes, what it proves, and what AWS itself says.

use std::io;
use std::path::PathBuf;

use super::backend::Ground;
use super::console::Console;
use super::interrupt::Interrupt;
use super::observing::up_to_date;
use super::place::Place;
use super::run::{Carried, Decision};
use crate::access::UnresolvedRequest;
use crate::access::trial::Trial;
use crate::apply::{RunOutcome, verify};
use crate::cli::Verify;
use crate::cli::settings::{Mode, ProofSettings};
use crate::cloud::observer::observe;
use crate::error::Error;
use crate::launch::causes;
use crate::plan::Case;

/// Who is asked for proof, of what, and how.
pub(super) struct Court<'c> {
    pub(super) ground: &'c Ground,
    /// Where it is recorded what was written lately, and what a read may be older than.
    pub(super) place: Option<&'c Place>,
    pub(super) case: &'c Case,
    pub(super) settings: &'c ProofSettings,
    pub(super) interrupt: &'c Interrupt,
    pub(super) mode: Mode,
}

impl Court<'_> {
    /// How far the writes came; where all succeeded, or none was needed, both sides are read and planned again.
    pub(super) async fn carried(
        &self,
        (outcome, journal): (RunOutcome, Option<PathBuf>),
        asked: &UnresolvedRequest,
        console: &mut Console,
    ) -> Result<Carried, Error> {
        let Case { chain, observation, plan, .. } = self.case;
        let is_success = outcome.is_success();
        let written = Carried { outcome, journal, ..Carried::nothing(plan) };
        if !is_success {
            return Ok(written);
        }
        // What was given besides what is read holds after the writes too.
        let Ground { cloud, clock, .. } = self.ground;
        let recent = self.place.map(Place::recent).transpose()?.unwrap_or_default();
        let mut tell = |told: &str| console.remark(told);
        let read = async || observe(asked, &observation.organization, cloud).await;
        let read = up_to_date(clock, &recent, &mut tell, read, |(_, read)| read);
        let Some(read) = self.interrupt.unless_set(read).await else {
            return Ok(Carried { is_unwatched: true, ..written });
        };
        let (request, read_back) = match read {
            Ok(read) => read,
            Err(error) => return Ok(Carried { unverified: Some(error), ..written }),
        };
        let again = causes::planned(chain.clone(), request, read_back);
        let proof = again.outlook().now();
        let trials = self.interrupt.unless_set(self.trials(&again, console)).await;
        let proven = Carried { remaining: Some(again.plan), proof, ..written };
        match trials {
            Some(trials) => Ok(Carried { trials: trials?, ..proven }),
            None => Ok(Carried { is_unwatched: true, ..proven }),
        }
    }

    /// Nothing was written: what is there is judged, where nothing had to be, and AWS asked all the same; else what the
    /// changes of a dry run come to.
    pub(super) async fn untouched(
        &self,
        decision: Decision,
        console: &mut Console,
    ) -> Result<Carried, Error> {
        let Case { plan, .. } = self.case;
        let proof = match decision {
            Decision::NoChanges => self.case.outlook().now(),
            Decision::OnlyPlanned => self.case.outlook().after(&plan.changes),
            _ => Vec::new(),
        };
        let nothing = Carried { proof, ..Carried::nothing(plan) };
        if decision != Decision::NoChanges {
            self.tell_of_no_effect(console)?;
            return Ok(nothing);
        }
        match self.interrupt.unless_set(self.trials(self.case, console)).await {
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
    async fn trials(&self, case: &Case, console: &mut Console) -> Result<Vec<Trial>, Error> {
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
        let (Ground { cloud, clock, .. }, Case { request, observation, .. }) = (self.ground, case);
        match verify {
            Verify::Evaluate => Ok(Vec::new()),
            Verify::DryRun => {
                verify::by_dry_runs(cloud, clock, request, observation, profiles, may_wait).await
            }
            Verify::Simulate => Ok(verify::by_simulation(cloud, request, observation).await),
        }
    }
}
