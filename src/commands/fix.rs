//! `keymend fix`: observe, plan, show, approve, apply, verify.

use super::approval::{self, Approved};
use super::console::Console;
use super::interrupt::Interrupt;
use super::place::Place;
use super::proof::Court;
use super::report::{self, Report};
use super::run::{Command, Decision};
use super::{chain, handover, organization, resume};
use crate::apply::Clock;
use crate::apply::clock::{InstantClock, SystemClock};
use crate::apply::journal::{History, Origin, Record, RunState};
use crate::cli::settings::{BackendSettings, FixSettings, Mode, no_grantee};
use crate::cli::{FixArgs, OutputFormat};
use crate::cloud::aws::Aws;
use crate::cloud::ec2::ObserveEc2;
use crate::cloud::observer::observe;
use crate::cloud::sandbox::Sandbox;
use crate::cloud::traced::Traced;
use crate::cloud::{Observe, Prove, Write};
use crate::error::{Error, ExitStatus, UsageError};
use crate::launch::{self, causes};

/// Runs the command. With `--output json` a run that fails leaves a document too.
pub(super) async fn fix(args: &FixArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let ended = try_fix(args, console).await;
    if let (Err(error), OutputFormat::Json) = (&ended, args.approval.output.output) {
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
            let sandbox = Sandbox::open_or_builtin(file.as_deref())?;
            // A sandbox takes no time.
            console.progress.silence();
            console.remark(&format!("Sandbox, nothing here touches AWS. {}", sandbox.story()))?;
            if !settings.resume {
                fill_in_defaults(&mut settings, &sandbox)?;
            }
            let place = Place::of_world(&sandbox, settings.run.journal.as_deref())?;
            Box::pin(run(&settings, &Traced(sandbox), &InstantClock::default(), place, console)).await
        }
        BackendSettings::Aws(options) => {
            let aws = Aws::connect(options).await?;
            let place = Place::of_aws(settings.run.journal.as_deref())?;
            Box::pin(run(&settings, &Traced(aws), &SystemClock::default(), Some(place), console)).await
        }
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

async fn run<C: Observe + ObserveEc2 + Write + Prove, K: Clock>(
    settings: &FixSettings,
    cloud: &C,
    clock: &K,
    place: Option<Place>,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    let earlier = match earlier_run(settings, place.as_ref(), console)? {
        Earlier::NothingToResume => return nothing_to_resume(settings, console),
        Earlier::Resumed(record) => Some(record),
        Earlier::None => None,
    };
    let organization = organization::read(&settings.organization)?;
    let reading = console.progress.waiting();
    let (asked, chain) = if let Some(record) = &earlier {
        ((&record.request).into(), record.chain.clone())
    } else {
        let found = chain::find(settings.asked.clone(), &settings.targets, cloud).await?;
        launch::require_names(&settings.asked.grantees, &found.1)?;
        found
    };
    let (request, mut observation) = observe(&asked, cloud).await?;
    observation.organization = organization;
    drop(reading);
    organization::tell(&observation.organization, console)?;
    let way_out = if earlier.is_some() {
        "leave --yes out: it is asked about before the run is finished"
    } else {
        "name the user or role that launches: --principal ARN; or the account: --account ACCOUNT"
    };
    chain::require_named_accounts(&chain, &request, settings.run.mode, way_out)?;
    let plan = causes::planned(&request, &observation, &chain);
    let plan = earlier.as_ref().map_or_else(|| plan.clone(), |record| resume::as_approved(&plan, record));
    approval::show(&settings.run, &chain, &request, &observation, &plan, console)?;
    approval::show_prospects(&settings.run, &request, &observation, &plan, console)?;
    handover::save(settings, &chain, &request, &observation, &plan, console)?;
    handover::emit(&settings.handover, &settings.run, &request, &plan, console)?;
    let destinations = handover::open(&settings.handover)?;
    // From here on Ctrl-C is an answer, or ends the run after the write in flight.
    let interrupt = Interrupt::listen()?;
    let (decision, selected) = approval::decide(&settings.run, &plan, (&request, &observation), console)?;
    // What is finished already is said so in the record too.
    let is_settled =
        earlier.is_some() && decision == Decision::NoChanges && settings.run.mode != Mode::DryRun;
    let court = Court {
        cloud,
        clock,
        chain: &chain,
        settings: &settings.proof,
        interrupt: &interrupt,
        organization: &observation.organization,
        mode: settings.run.mode,
    };
    let carried = if decision == Decision::Approved || is_settled {
        let origin = earlier.map_or(Origin::Request, |record| Origin::Resumes(record.run));
        let approved = Approved {
            chain: &chain,
            request: &request,
            observation: &observation,
            plan: &plan,
            selected,
            origin,
            interrupt: &interrupt,
        };
        let ended = approval::carry_out(&approved, cloud, clock, place.as_ref(), console).await?;
        court.carried(ended, &plan, &asked, console).await?
    } else {
        let seen = (&request, &observation);
        court.untouched(decision, &plan, seen, console).await?
    };
    let report = Report::of(Command::Fix, chain, request, observation, plan, decision, carried);
    let report = report.handed_over(destinations, &settings.backend, &settings.run, console);
    report.tell(&settings.run, console)
}

/// What an earlier run means for this one.
enum Earlier {
    None,
    Resumed(Box<Record>),
    NothingToResume,
}

fn earlier_run(
    settings: &FixSettings,
    place: Option<&Place>,
    console: &mut Console,
) -> Result<Earlier, Error> {
    let history = match place.map(Place::recent).transpose() {
        Ok(history) => history,
        Err(error) if settings.resume => return Err(error),
        Err(error) => {
            // This run has a record of its own: an old one that can't be read does not stand in its way.
            console.warning(&format!("earlier runs can't be looked at: {error}"))?;
            None
        }
    };
    let unfinished = history.as_ref().and_then(History::unfinished);
    match (unfinished, settings.resume) {
        (Some((record, RunState::PartlyRolledBack)), true) => {
            let message = format!("run `{}` is being rolled back", record.run);
            Err(UsageError::new(message).hint(format!("finish that: keymend rollback {}", record.run)).into())
        }
        (Some((record, _)), true) => Ok(Earlier::Resumed(Box::new(record.clone()))),
        (None, true) => Ok(Earlier::NothingToResume),
        (Some((record, state)), false) => {
            resume::tell_of(record, state, console)?;
            Ok(Earlier::None)
        }
        (None, false) => Ok(Earlier::None),
    }
}

fn nothing_to_resume(settings: &FixSettings, console: &mut Console) -> Result<ExitStatus, Error> {
    console.remark("No run was cut: there is nothing to resume.")?;
    if settings.run.output == OutputFormat::Json {
        report::write_json_of_nothing(&mut console.out, "fix", &[])?;
    }
    Ok(ExitStatus::Done)
}
