//! What every command that writes has in common: show, approve, apply, verify, tell.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::console::Console;
use super::report::{Carried, Decision, Report};
use super::{handover, outcome};
use crate::access::{Request, UnresolvedRequest};
use crate::apply::journal::{Backend, Journal};
use crate::apply::{self, Clock, Run};
use crate::arn::AccountId;
use crate::cli::OutputFormat;
use crate::cli::settings::handover::HandoverSettings;
use crate::cli::settings::{Conduct, Mode};
use crate::cloud::observer::observe;
use crate::cloud::sandbox::{Sandbox, WorldError};
use crate::cloud::{Observe, Write};
use crate::error::{Error, ExitStatus, UsageError};
use crate::observation::Observation;
use crate::plan::{self, Plan};
use crate::prompt::{self, Answer};
use crate::render::text;

/// A plan with what it was made from, and by which command.
pub(super) struct Planned {
    pub(super) command: &'static str,
    /// The account whose part of a plan it is; the whole plan where there is none.
    pub(super) part: Option<AccountId>,
    pub(super) request: Request,
    pub(super) observation: Observation,
    pub(super) plan: Plan,
}

impl Planned {
    /// With what became of it.
    pub(super) fn ended(self, decision: Decision, carried: Carried) -> Report {
        let Self { command, part, request, observation, plan } = self;
        Report { command, part, request, observation, plan, decision, carried }
    }
}

/// Opens a world's file, or the built-in world, and says so.
pub(super) fn open_sandbox(file: Option<&Path>, console: &mut Console) -> Result<Sandbox, Error> {
    let sandbox = file.map_or_else(|| Ok::<_, WorldError>(Sandbox::builtin()), Sandbox::open)?;
    console.remark(&format!("Sandbox, nothing here touches AWS. {}", sandbox.story()))?;
    Ok(sandbox)
}

/// Where a run's journal goes.
pub(super) struct Place {
    folder: PathBuf,
    backend: Backend,
}

impl Place {
    pub(super) fn beside_world(world: &Path) -> Self {
        let mut folder = world.as_os_str().to_owned();
        folder.push(".journal");
        Self { folder: folder.into(), backend: Backend::World(world.to_owned()) }
    }

    /// <https://specifications.freedesktop.org/basedir-spec/latest/>
    pub(super) fn of_aws() -> Result<Self, UsageError> {
        let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let state = state.or_else(|| std::env::home_dir().map(|home| home.join(".local/state")));
        let state = state.ok_or_else(|| {
            UsageError::new("there is no home folder for the journal").hint("set HOME or XDG_STATE_HOME")
        })?;
        Ok(Self { folder: state.join("keymend"), backend: Backend::Aws })
    }
}

/// In JSON mode the plan is still shown to whoever is going to be asked.
pub(super) fn show(conduct: &Conduct, planned: &Planned, console: &mut Console) -> Result<(), Error> {
    let Planned { request, observation, plan, .. } = planned;
    let Console { out, styles, talk, talk_styles, width, is_interactive } = console;
    text::callers(talk, talk_styles, *width, observation)?;
    match conduct.output {
        OutputFormat::Text => text::plan(out, styles, *width, request, plan)?,
        OutputFormat::Json if conduct.mode == Mode::Interactive && *is_interactive => {
            text::plan(talk, talk_styles, *width, request, plan)?;
        }
        OutputFormat::Json => {}
    }
    out.flush()?;
    Ok(())
}

/// Whether the plan is to be carried out, and which of its changes.
pub(super) fn decide(
    conduct: &Conduct,
    plan: &Plan,
    console: &mut Console,
) -> Result<(Decision, BTreeSet<usize>), Error> {
    let all = (0..plan.changes.len()).collect();
    let decision = match conduct.mode {
        _ if plan.is_unsound() => Decision::Blocked,
        _ if plan.is_blocked() && (plan.changes.is_empty() || !conduct.allow_blocked) => Decision::Blocked,
        _ if plan.changes.is_empty() => Decision::NoChanges,
        Mode::DryRun => Decision::OnlyPlanned,
        Mode::Yes => Decision::Approved,
        Mode::Interactive if !console.is_interactive => Decision::NoTerminal,
        Mode::Interactive => {
            return Ok(match prompt::ask(plan, &console.talk_styles)? {
                Answer::Apply(kept) => (Decision::Approved, kept.into_iter().collect()),
                Answer::Declined => (Decision::Declined, BTreeSet::new()),
                Answer::Interrupted => (Decision::Interrupted, BTreeSet::new()),
            });
        }
    };
    Ok((decision, all))
}

/// A plan and what was said to it.
pub(super) struct Approved<'a> {
    pub(super) planned: &'a Planned,
    pub(super) decision: Decision,
    pub(super) selected: &'a BTreeSet<usize>,
    pub(super) interrupt: &'a outcome::Interrupt,
}

/// Writes what was approved, and plans again to see that it holds.
pub(super) async fn carry_out<C: Observe + Write, K: Clock>(
    approved: &Approved<'_>,
    asked: &UnresolvedRequest,
    cloud: &C,
    clock: &K,
    journals: Option<Place>,
    console: &mut Console,
) -> Result<Carried, Error> {
    let Approved { planned: Planned { request, observation, plan, .. }, decision, selected, interrupt } =
        approved;
    if *decision != Decision::Approved {
        return Ok(Carried::nothing(plan));
    }
    let mut journal = journals
        .map(|place| {
            Journal::begin(&place.folder, place.backend, request, plan, selected, &observation.callers)
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
    let again = if outcome.is_success() { Some(observe(asked, cloud).await) } else { None };
    let (remaining, unverified) = match again {
        Some(Ok((request, observation))) => (Some(plan::plan(&request, &observation)), None),
        Some(Err(error)) => (None, Some(error.into())),
        None => (None, None),
    };
    Ok(Carried { outcome, remaining, unverified, journal: journal.map(|journal| journal.path().to_owned()) })
}

/// Tells what became of the plan, in every form that was asked for.
pub(super) fn conclude(
    conduct: &Conduct,
    handover: &HandoverSettings,
    report: &Report,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    let status = report.exit_status(conduct.detailed_exitcode);
    handover::report(handover, report, console)?;
    match conduct.output {
        OutputFormat::Text => outcome::write(console, report)?,
        OutputFormat::Json => {
            outcome::talk(console, report)?;
            report.write_json(&mut console.out, status)?;
        }
    }
    Ok(status)
}
