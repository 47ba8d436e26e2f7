//! From a plan to what becomes of it: shown, approved or not, carried out.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::backend::{Cloud, Ground};
use super::console::Console;
use super::interrupt::Interrupt;
use super::outcome;
use super::place::Place;
use super::run::Decision;
use crate::apply::journal::{Beginning, Journal, Origin};
use crate::apply::{self, Clock, Run, RunOutcome, Watcher};
use crate::cli::settings::{Mode, OutputFormat, RunSettings};
use crate::error::Error;
use crate::plan::Case;
use crate::plan::outlook::Outlook;
use crate::prompt::{self, Answer};
use crate::render::findings::tell;
use crate::render::{Styles, text};

/// Shows the plan. In JSON mode it is still shown to whoever is going to be asked.
pub(super) fn show(
    settings: &RunSettings,
    case: &Case,
    outlook: &Outlook<'_>,
    console: &mut Console,
) -> io::Result<()> {
    let Case { chain, request, observation, plan } = case;
    let gained = outlook.gained(&plan.changes);
    let (width, talk_styles) = (console.width, console.talk_styles.clone());
    text::callers(console.talk()?, &talk_styles, width, observation)?;
    to_reader(settings, console, |out, styles, width| {
        text::chain(out, styles, chain, request)?;
        text::plan(out, styles, width, request, (plan, &gained))
    })
}

/// Shows who is not known to be able to launch once the plan is carried out, in the same place as the plan.
pub(super) fn show_prospects(
    settings: &RunSettings,
    case: &Case,
    outlook: &Outlook<'_>,
    console: &mut Console,
) -> io::Result<()> {
    let Case { request, plan, .. } = case;
    // What blocks says so by itself.
    let doubtful =
        if plan.is_blocked() { Vec::new() } else { outcome::doubtful(&outlook.after(&plan.changes)) };
    let moment = if plan.changes.is_empty() { text::Moment::Now } else { text::Moment::Planned };
    to_reader(settings, console, |out, styles, width| {
        text::prospect(out, styles, width, (moment, request.purpose), &doubtful)
    })
}

/// Writes to the results; where they are a document for programs, to the talk with whoever is going to be asked.
fn to_reader(
    settings: &RunSettings,
    console: &mut Console,
    write: impl FnOnce(&mut dyn io::Write, &Styles, usize) -> io::Result<()>,
) -> io::Result<()> {
    let Console { out, styles, talk, talk_styles, width, is_interactive, .. } = console;
    match settings.output {
        OutputFormat::Text => write(out, styles, *width)?,
        OutputFormat::Json if settings.mode == Mode::Interactive && *is_interactive => {
            write(talk, talk_styles, *width)?;
        }
        OutputFormat::Json => {}
    }
    out.flush()
}

/// Whether the plan is to be carried out, and which of its changes.
pub(super) fn decide(
    settings: &RunSettings,
    case: &Case,
    outlook: &Outlook<'_>,
    console: &mut Console,
) -> Result<(Decision, BTreeSet<usize>), Error> {
    let plan = &case.plan;
    let all = (0..plan.changes.len()).collect();
    let decision = match settings.mode {
        _ if plan.is_unsound() => Decision::Blocked,
        _ if plan.is_blocked() && (plan.changes.is_empty() || !settings.allow_blocked) => Decision::Blocked,
        _ if plan.changes.is_empty() => Decision::NoChanges,
        Mode::DryRun => Decision::OnlyPlanned,
        Mode::Yes => Decision::Approved,
        Mode::Interactive if !console.is_interactive => Decision::NoTerminal,
        Mode::Interactive => {
            return Ok(match prompt::ask(plan, &console.talk_styles, outlook)? {
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
    pub(super) case: &'a Case,
    pub(super) selected: BTreeSet<usize>,
    pub(super) origin: Origin,
    pub(super) interrupt: &'a Interrupt,
}

/// Carries it out, with a record where there is a place for one.
pub(super) async fn carry_out<C: Cloud, K: Clock>(
    approved: &Approved<'_>,
    ground: &Ground<C, K>,
    place: Option<&Place>,
    console: &mut Console,
) -> Result<(RunOutcome, Option<PathBuf>), Error> {
    let Approved { case, selected, origin, interrupt } = approved;
    interrupt.listen_to_all()?;
    let begin = |place: &Place| {
        let (backend, origin) = (place.backend.clone(), origin.clone());
        Journal::begin(&place.folder, &Beginning { backend, origin, case, tell, selected })
    };
    let mut journal = place.map(begin).transpose()?;
    let recent = place.map(Place::recent).transpose()?.unwrap_or_default();
    let mut last = None;
    // A write must not stop halfway because nobody reads the talk any more.
    let mut progress = |progress: apply::RunProgress<'_>| {
        _ = outcome::progress(console, &case.plan, &mut last, progress);
    };
    let watcher = Watcher { progress: &mut progress, is_interrupted: &|| interrupt.is_set() };
    let run = Run::new(&ground.clock, journal.as_mut(), recent, watcher);
    let outcome = apply::apply(&case.plan, selected, &ground.cloud, &run).await;
    Ok((outcome, journal.map(|journal| journal.path().to_owned())))
}
