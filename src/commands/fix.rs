//! `keymend fix`: observe, plan, show, approve, apply, verify.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::chain;
use super::console::Console;
use super::outcome;
use super::report::{self, Carried, Decision, Report};
use crate::access::Request;
use crate::access::chain::Chain;
use crate::apply::clock::{InstantClock, SystemClock};
use crate::apply::journal::{Backend, Journal};
use crate::apply::{self, Clock, Outcome, Run};
use crate::cli::settings::{BackendSettings, FixSettings, Mode, no_grantee};
use crate::cli::{FixArgs, OutputFormat};
use crate::cloud::aws::Aws;
use crate::cloud::ec2::ObserveEc2;
use crate::cloud::observer::{Depth, observe};
use crate::cloud::sandbox::Sandbox;
use crate::cloud::traced::Traced;
use crate::cloud::{Observe, Write};
use crate::error::{Error, ExitStatus, UsageError};
use crate::launch::causes;
use crate::observation::Observation;
use crate::plan::{self, Plan};
use crate::prompt::{self, Answer};
use crate::render::text;

/// Runs the command. With `--output json` a run that fails leaves a document too.
pub(super) async fn fix(args: &FixArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let ended = try_fix(args, console).await;
    if let (Err(error), OutputFormat::Json) = (&ended, args.output.output) {
        report::write_json_of_error(&mut console.out, "fix", error)?;
    }
    ended
}

async fn try_fix(args: &FixArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let mut settings = FixSettings::resolve(args)?;
    for grantee in &settings.repeated {
        console.hint(&format!("`{grantee}` is named more than once; once is enough"))?;
    }
    chain::tell_other_events(settings.other_events, console)?;
    match &settings.backend {
        BackendSettings::Sandbox(file) => {
            let sandbox = match file {
                Some(file) => Sandbox::open(file)?,
                None => Sandbox::builtin(),
            };
            // A sandbox takes no time.
            console.progress.silence();
            console.remark(&format!("Sandbox, nothing here touches AWS. {}", sandbox.story()))?;
            fill_in_defaults(&mut settings, &sandbox)?;
            let journals = sandbox.world_file().map(Place::beside_world);
            Box::pin(run(settings, &Traced(sandbox), &InstantClock::default(), journals, console)).await
        }
        BackendSettings::Aws(options) => {
            let aws = Aws::connect(options).await?;
            Box::pin(run(settings, &Traced(aws), &SystemClock::default(), Some(Place::of_aws()?), console))
                .await
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

fn fill_in_defaults(settings: &mut FixSettings, sandbox: &Sandbox) -> Result<(), UsageError> {
    let FixSettings { asked, targets, .. } = settings;
    let defaults = sandbox.defaults();
    if asked.keys.is_empty() && targets.is_empty() {
        asked.keys = defaults.keys;
        defaults.targets.iter().for_each(|id| targets.add(id));
    }
    if asked.grantees.is_empty() && !targets.tell_who_launches() {
        asked.grantees = defaults.grantees;
    }
    let is_nobody = asked.grantees.is_empty() && !targets.tell_who_launches();
    if is_nobody && !targets.is_empty() {
        return Err(no_grantee());
    }
    if is_nobody || (asked.keys.is_empty() && targets.is_empty()) {
        return Err(UsageError::new("no key or no grantee is given, and the world has no defaults")
            .hint("give --key and --account, --principal or --group, or add `defaults` to the world"));
    }
    Ok(())
}

async fn run<C: Observe + ObserveEc2 + Write, K: Clock>(
    mut settings: FixSettings,
    cloud: &C,
    clock: &K,
    journals: Option<Place>,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    let reading = console.progress.waiting();
    let chain = chain::find(&mut settings.asked, &settings.targets, cloud).await?;
    let settings = &settings;
    let (request, observation) = observe(&settings.asked, Depth::ForEvaluation, cloud).await?;
    drop(reading);
    let plan = planned(&request, &observation, &chain);
    show(settings, &chain, &request, &observation, &plan, console)?;
    // From here on Ctrl-C is an answer, or ends the run after the write in flight.
    let interrupt = outcome::Interrupt::listen()?;
    let (decision, selected) = decide(settings, &plan, console)?;
    let carried = match decision {
        Decision::Approved => {
            let approved = Approved {
                request: &request,
                observation: &observation,
                plan: &plan,
                chain: &chain,
                selected,
                interrupt: &interrupt,
            };
            carry_out(settings, &approved, cloud, clock, journals, console).await?
        }
        _ => Carried { outcome: Outcome::nothing(&plan), remaining: None, unverified: None, journal: None },
    };
    let report = Report { chain, request, observation, plan, decision, carried };
    let status = report.exit_status(settings.detailed_exitcode);
    match settings.output {
        OutputFormat::Text => outcome::write(console, &report)?,
        OutputFormat::Json => {
            outcome::talk(console, &report)?;
            report.write_json(&mut console.out, status)?;
        }
    }
    Ok(status)
}

/// The plan, with every cause besides.
fn planned(request: &Request, observation: &Observation, chain: &Chain) -> Plan {
    let mut plan = plan::plan(request, observation);
    causes::add_to(&mut plan, chain, request, observation);
    plan
}

/// In JSON mode the plan is still shown to whoever is going to be asked.
fn show(
    settings: &FixSettings,
    chain: &Chain,
    request: &Request,
    observation: &Observation,
    plan: &Plan,
    console: &mut Console,
) -> Result<(), Error> {
    let Console { out, styles, talk, talk_styles, width, is_interactive, .. } = console;
    text::callers(talk, talk_styles, *width, observation)?;
    match settings.output {
        OutputFormat::Text => {
            text::chain(out, styles, chain, request)?;
            text::plan(out, styles, *width, request, plan)?;
        }
        OutputFormat::Json if settings.mode == Mode::Interactive && *is_interactive => {
            text::chain(talk, talk_styles, chain, request)?;
            text::plan(talk, talk_styles, *width, request, plan)?;
        }
        OutputFormat::Json => {}
    }
    out.flush()?;
    Ok(())
}

fn decide(
    settings: &FixSettings,
    plan: &Plan,
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
            return Ok(match prompt::ask(plan, &console.talk_styles)? {
                Answer::Apply(kept) => (Decision::Approved, kept.into_iter().collect()),
                Answer::Declined => (Decision::Declined, BTreeSet::new()),
                Answer::Interrupted => (Decision::Interrupted, BTreeSet::new()),
            });
        }
    };
    Ok((decision, all))
}

/// A plan and what was said yes to.
struct Approved<'a> {
    request: &'a Request,
    observation: &'a Observation,
    plan: &'a Plan,
    chain: &'a Chain,
    selected: BTreeSet<usize>,
    interrupt: &'a outcome::Interrupt,
}

async fn carry_out<C: Observe + Write, K: Clock>(
    settings: &FixSettings,
    approved: &Approved<'_>,
    cloud: &C,
    clock: &K,
    journals: Option<Place>,
    console: &mut Console,
) -> Result<Carried, Error> {
    let Approved { request, observation, plan, chain, selected, interrupt } = approved;
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
    let again = async { observe(&settings.asked, Depth::ForEvaluation, cloud).await };
    let again = if outcome.is_success() { Some(again.await) } else { None };
    let (remaining, unverified) = match again {
        Some(Ok((request, observation))) => (Some(planned(&request, &observation, chain)), None),
        Some(Err(error)) => (None, Some(error.into())),
        None => (None, None),
    };
    Ok(Carried { outcome, remaining, unverified, journal: journal.map(|journal| journal.path().to_owned()) })
}
