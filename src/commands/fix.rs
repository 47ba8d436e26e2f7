//! `keymend fix`: observe, plan, show, approve, apply, verify.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::console::Console;
use super::outcome;
use crate::access::{Request, UnresolvedRequest};
use crate::apply::journal::{Backend, Journal};
use crate::apply::{self, Clock, Outcome, Run, StepResult};
use crate::cli::settings::{BackendSettings, FixSettings, Mode};
use crate::cli::{FixArgs, OutputFormat};
use crate::clock::{InstantClock, SystemClock};
use crate::cloud::aws::Aws;
use crate::cloud::observer::observe;
use crate::cloud::sandbox::Sandbox;
use crate::cloud::{Observe, Write};
use crate::error::{Error, ExitStatus, UsageError};
use crate::observation::Observation;
use crate::plan::{self, Plan};
use crate::prompt::{self, Answer};
use crate::render::{json, text};

/// Runs the command.
pub(super) async fn fix(args: &FixArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let mut settings = FixSettings::resolve(args)?;
    for grantee in &settings.repeated {
        console.hint(&format!("`{grantee}` is named more than once; once is enough"))?;
    }
    match &settings.backend {
        BackendSettings::Sandbox(file) => {
            let sandbox = match file {
                Some(file) => Sandbox::open(file).map_err(Error::World)?,
                None => Sandbox::builtin(),
            };
            fill_in_defaults(&mut settings.asked, &sandbox)?;
            let journals = sandbox.world_file().map(Place::beside_world);
            run(&settings, &sandbox, &InstantClock::default(), journals, console).await
        }
        BackendSettings::Aws(options) => {
            let aws = Aws::connect(options.clone()).await?;
            run(&settings, &aws, &SystemClock::default(), Some(Place::of_aws()?), console).await
        }
    }
}

/// Where a run's journal goes.
struct Place {
    folder: PathBuf,
    backend: Backend,
}

impl Place {
    fn beside_world(world: &std::path::Path) -> Self {
        let mut folder = world.as_os_str().to_owned();
        folder.push(".journal");
        Self { folder: folder.into(), backend: Backend::World(world.to_owned()) }
    }

    /// <https://specifications.freedesktop.org/basedir-spec/latest/>
    fn of_aws() -> Result<Self, UsageError> {
        let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let state = state.or_else(|| std::env::home_dir().map(|home| home.join(".local/state")));
        let state = state.ok_or_else(|| {
            UsageError::new("there is no home folder for the journal").hint("set HOME or XDG_STATE_HOME")
        })?;
        Ok(Self { folder: state.join("keymend"), backend: Backend::Aws })
    }
}

fn fill_in_defaults(asked: &mut UnresolvedRequest, sandbox: &Sandbox) -> Result<(), UsageError> {
    let defaults = sandbox.defaults();
    if asked.keys.is_empty() {
        asked.keys = defaults.keys;
    }
    if asked.grantees.is_empty() {
        asked.grantees = defaults.grantees;
    }
    if asked.keys.is_empty() || asked.grantees.is_empty() {
        return Err(UsageError::new("no key or no grantee is given, and the world has no defaults")
            .hint("give --key and --account, --principal or --group, or add `defaults` to the world"));
    }
    Ok(())
}

/// What a run came to.
pub(super) struct Report {
    pub(super) request: Request,
    pub(super) observation: Observation,
    pub(super) plan: Plan,
    pub(super) decision: Decision,
    pub(super) outcome: Outcome,
    /// What planning again found after the writes.
    pub(super) remaining: Option<Plan>,
    pub(super) journal: Option<PathBuf>,
}

/// What became of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// There is nothing to write.
    NoChanges,
    /// A dry run.
    OnlyPlanned,
    /// A finding forbids writing.
    Blocked,
    /// There is nobody to ask.
    NoTerminal,
    /// The answer was no.
    Declined,
    /// The answer was Ctrl-C.
    Interrupted,
    /// Approved, and carried out as far as the outcome says.
    Approved,
}

async fn run<C: Observe + Write, K: Clock>(
    settings: &FixSettings,
    cloud: &C,
    clock: &K,
    journals: Option<Place>,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    let (request, observation) = observe(&settings.asked, cloud).await?;
    let plan = plan::plan(&request, &observation);
    show(settings, &request, &observation, &plan, console)?;
    let (decision, selected) = decide(settings, &request, &plan, console)?;
    let mut report = Report {
        outcome: Outcome::nothing(&plan),
        request,
        observation,
        plan,
        decision,
        remaining: None,
        journal: None,
    };
    if decision == Decision::Approved {
        carry_out(settings, &selected, cloud, clock, journals, &mut report, console).await?;
    }
    let status = exit_status(settings, &report);
    match settings.output {
        OutputFormat::Text => outcome::write(console, settings, &report)?,
        OutputFormat::Json => json::write(&mut console.out, &report.as_json(status))?,
    }
    Ok(status)
}

/// In JSON mode the plan is still shown to whoever is going to be asked.
fn show(
    settings: &FixSettings,
    request: &Request,
    observation: &Observation,
    plan: &Plan,
    console: &mut Console,
) -> Result<(), Error> {
    let Console { out, styles, talk, talk_styles, width, is_interactive } = console;
    text::callers(talk, talk_styles, *width, observation)?;
    match settings.output {
        OutputFormat::Text => text::plan(out, styles, *width, request, plan)?,
        OutputFormat::Json if settings.mode == Mode::Interactive && *is_interactive => {
            text::plan(talk, talk_styles, *width, request, plan)?;
        }
        OutputFormat::Json => {}
    }
    out.flush()?;
    Ok(())
}

fn decide(
    settings: &FixSettings,
    request: &Request,
    plan: &Plan,
    console: &mut Console,
) -> Result<(Decision, BTreeSet<usize>), Error> {
    let all = (0..plan.changes.len()).collect();
    let decision = match settings.mode {
        _ if plan.is_blocked() && (plan.changes.is_empty() || !settings.allow_blocked) => Decision::Blocked,
        _ if plan.changes.is_empty() => Decision::NoChanges,
        Mode::DryRun => Decision::OnlyPlanned,
        Mode::Yes => Decision::Approved,
        Mode::Interactive if !console.is_interactive => Decision::NoTerminal,
        Mode::Interactive => {
            return Ok(match prompt::ask(plan, request, &console.talk_styles, console.width)? {
                Answer::Apply(kept) => (Decision::Approved, kept.into_iter().collect()),
                Answer::Declined => (Decision::Declined, BTreeSet::new()),
                Answer::Interrupted => (Decision::Interrupted, BTreeSet::new()),
            });
        }
    };
    Ok((decision, all))
}

async fn carry_out<C: Observe + Write, K: Clock>(
    settings: &FixSettings,
    selected: &BTreeSet<usize>,
    cloud: &C,
    clock: &K,
    journals: Option<Place>,
    report: &mut Report,
    console: &mut Console,
) -> Result<(), Error> {
    let Report { request, observation, plan, .. } = &*report;
    let mut journal = journals
        .map(|place| Journal::begin(&place.folder, place.backend, request, plan, &observation.callers))
        .transpose()?;
    report.journal = journal.as_ref().map(|journal| journal.path().to_owned());
    let interrupt = outcome::Interrupt::listen();
    let mut progress = |progress: apply::Progress<'_>| outcome::progress(console, plan, progress);
    let mut run = Run {
        clock,
        journal: journal.as_mut(),
        progress: &mut progress,
        is_interrupted: &|| interrupt.is_set(),
    };
    let outcome = apply::apply(plan, selected, cloud, &mut run).await?;
    if outcome.is_success() {
        let (request, observation) = observe(&settings.asked, cloud).await?;
        report.remaining = Some(plan::plan(&request, &observation));
    }
    report.outcome = outcome;
    Ok(())
}

/// Where several hold, an error outweighs staleness, a block, a refusal and what is left.
fn exit_status(settings: &FixSettings, report: &Report) -> ExitStatus {
    let Report { plan, outcome, decision, .. } = report;
    let is = |wanted: fn(&StepResult) -> bool| outcome.steps.iter().any(wanted);
    let is_pending = *decision == Decision::OnlyPlanned
        || outcome.steps.iter().any(|step| *step == StepResult::Deselected);
    if *decision == Decision::Interrupted || outcome.is_interrupted {
        ExitStatus::Interrupted
    } else if is(|step| matches!(step, StepResult::Failed(_) | StepResult::Unsettled { .. }))
        || !report.came_back().is_empty()
    {
        ExitStatus::Error
    } else if is(|step| matches!(step, StepResult::Stale(_))) {
        ExitStatus::Stale
    } else if plan.is_blocked() {
        ExitStatus::Blocked
    } else if matches!(decision, Decision::NoTerminal | Decision::Declined) {
        ExitStatus::Declined
    } else if plan.leaves_work() || (settings.detailed_exitcode && is_pending) {
        ExitStatus::Pending
    } else {
        ExitStatus::Done
    }
}

impl Report {
    /// Changes that were applied and are planned again: they did not last, or are a bug.
    pub(super) fn came_back(&self) -> Vec<&plan::Change> {
        let again = self.remaining.iter().flat_map(|plan| &plan.changes);
        again
            .filter(|change| {
                let applied = self.plan.changes.iter().zip(&self.outcome.steps);
                applied
                    .filter(|(_, step)| **step != StepResult::Deselected)
                    .any(|(own, _)| own.operation.is_same_target(&change.operation))
            })
            .collect()
    }
}
