//! From a plan to what becomes of it: shown, approved or not, carried out.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::console::Console;
use super::interrupt::Interrupt;
use super::outcome;
use super::place::Place;
use super::run::Decision;
use crate::access::Request;
use crate::access::chain::Chain;
use crate::apply::journal::{Beginning, Journal, Origin};
use crate::apply::{self, Clock, Outcome, Run};
use crate::cli::OutputFormat;
use crate::cli::settings::{Mode, RunSettings};
use crate::cloud::{Observe, Write};
use crate::error::Error;
use crate::observation::Observation;
use crate::plan::Plan;
use crate::plan::outlook::Outlook;
use crate::prompt::{self, Answer};
use crate::render::text;

/// In JSON mode the plan is still shown to whoever is going to be asked.
pub(super) fn show(
    settings: &RunSettings,
    chain: &Chain,
    request: &Request,
    observation: &Observation,
    plan: &Plan,
    console: &mut Console,
) -> Result<(), Error> {
    let Console { out, styles, talk, talk_styles, width, is_interactive, .. } = console;
    let gained = Outlook::new(request, observation).gained(&plan.changes);
    text::callers(talk, talk_styles, *width, observation)?;
    match settings.output {
        OutputFormat::Text => {
            text::chain(out, styles, chain, request)?;
            text::plan(out, styles, *width, request, (plan, &gained))?;
        }
        OutputFormat::Json if settings.mode == Mode::Interactive && *is_interactive => {
            text::chain(talk, talk_styles, chain, request)?;
            text::plan(talk, talk_styles, *width, request, (plan, &gained))?;
        }
        OutputFormat::Json => {}
    }
    out.flush()?;
    Ok(())
}

/// Shows who is not known to be able to launch once the plan is carried out, in the same places as the plan.
pub(super) fn show_prospects(
    settings: &RunSettings,
    request: &Request,
    observation: &Observation,
    plan: &Plan,
    console: &mut Console,
) -> Result<(), Error> {
    // What blocks says so by itself.
    let doubtful = if plan.is_blocked() {
        Vec::new()
    } else {
        outcome::doubtful(&Outlook::new(request, observation).after(&plan.changes))
    };
    let moment = if plan.changes.is_empty() { text::Moment::Now } else { text::Moment::Planned };
    let about = (moment, request.purpose);
    let Console { out, styles, talk, talk_styles, width, is_interactive, .. } = console;
    match settings.output {
        OutputFormat::Text => text::prospect(out, styles, *width, about, &doubtful)?,
        OutputFormat::Json if settings.mode == Mode::Interactive && *is_interactive => {
            text::prospect(talk, talk_styles, *width, about, &doubtful)?;
        }
        OutputFormat::Json => {}
    }
    Ok(out.flush()?)
}

pub(super) fn decide(
    settings: &RunSettings,
    plan: &Plan,
    (request, observation): (&Request, &Observation),
    console: &mut Console,
) -> Result<(Decision, BTreeSet<usize>), Error> {
    let all = (0..plan.changes.len()).collect();
    let decision = match settings.mode {
        _ if plan.is_unsound() => Decision::Blocked,
        _ if plan.is_blocked() && (plan.changes.is_empty() || !settings.allow_blocked) => Decision::Blocked,
        _ if plan.changes.is_empty() => Decision::NoChanges,
        Mode::DryRun => Decision::OnlyPlanned,
        Mode::Yes => Decision::Approved,
        Mode::Interactive if !console.is_interactive => Decision::NoTerminal,
        Mode::Interactive => {
            let outlook = Outlook::new(request, observation);
            return Ok(match prompt::ask(plan, &console.talk_styles, &outlook)? {
                Answer::Apply(kept) => (Decision::Approved, kept.into_iter().collect()),
                Answer::Declined => (Decision::Declined, BTreeSet::new()),
                Answer::Interrupted => (Decision::Interrupted, BTreeSet::new()),
            });
        }
    };
    Ok((decision, all))
}

/// A plan and what was said yes to.
pub(super) struct Approved<'a> {
    pub(super) chain: &'a Chain,
    pub(super) request: &'a Request,
    pub(super) observation: &'a Observation,
    pub(super) plan: &'a Plan,
    pub(super) selected: BTreeSet<usize>,
    pub(super) origin: Origin,
    pub(super) interrupt: &'a Interrupt,
}

/// Carries it out, with a record where there is a place for one.
pub(super) async fn carry_out<C: Observe + Write, K: Clock>(
    approved: &Approved<'_>,
    cloud: &C,
    clock: &K,
    place: Option<&Place>,
    console: &mut Console,
) -> Result<(Outcome, Option<PathBuf>), Error> {
    let Approved { chain, request, observation, plan, selected, origin, interrupt } = approved;
    let mut journal = place
        .map(|place| {
            let beginning = Beginning {
                backend: place.backend.clone(),
                origin: origin.clone(),
                chain,
                request,
                plan,
                selected,
                callers: &observation.callers,
            };
            Journal::begin(&place.folder, &beginning)
        })
        .transpose()?;
    // A write must not stop halfway because nobody reads the talk any more.
    let mut progress = |progress: apply::Progress<'_>| _ = outcome::progress(console, plan, progress);
    let mut run = Run {
        clock,
        journal: journal.as_mut(),
        progress: &mut progress,
        is_interrupted: &|| interrupt.is_set(),
    };
    let outcome = apply::apply(plan, selected, cloud, &mut run).await;
    Ok((outcome, journal.map(|journal| journal.path().to_owned())))
}
