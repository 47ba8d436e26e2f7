//! `keymend fix`: observe, plan, show, approve, apply, verify.

use super::approval::{self, Approved};
use super::backend::{self, Ground, Work};
use super::console::Console;
use super::interrupt::Interrupt;
use super::observing::up_to_date;
use super::place::Place;
use super::proof::Court;
use super::resume::{self, Earlier};
use super::run::{Decision, Ended, Job};
use super::{alike, chain, defaults, document, ending, handover, organization};
use crate::access::UnresolvedRequest;
use crate::apply::journal::{Origin, Record};
use crate::cli::FixArgs;
use crate::cli::settings::{FixSettings, Mode, OutputFormat};
use crate::cloud::observer::observe;
use crate::cloud::sandbox::Sandbox;
use crate::error::{Error, ExitStatus};
use crate::launch::{self, causes};
use crate::plan::Case;

pub(super) async fn fix(args: &FixArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let mut settings = FixSettings::resolve(args)?;
    chain::tell_repeated(&settings.repeated, console)?;
    chain::tell_other_events(settings.other_events, console)?;
    let backend = settings.backend.clone();
    backend::run(&backend, Fix(&mut settings), console).await
}

struct Fix<'s>(&'s mut FixSettings);

impl Work for Fix<'_> {
    fn begin_in(&mut self, sandbox: &Sandbox, console: &mut Console) -> Result<(), Error> {
        backend::tell_story(sandbox, console)?;
        if self.0.resume {
            return Ok(());
        }
        let FixSettings { asked, targets, .. } = &mut *self.0;
        defaults::take(sandbox, asked, targets);
        Ok(defaults::require_everything(asked, targets)?)
    }

    async fn on(self, ground: Ground, console: &mut Console) -> Result<ExitStatus, Error> {
        let settings = &*self.0;
        let place = ground.place(settings.run.journal.as_deref())?;
        let earlier = match resume::earlier(settings.resume, place.as_ref(), console)? {
            Earlier::NothingToResume => return nothing_to_resume(settings, console),
            Earlier::Resumed(record) => Some(record),
            Earlier::None => None,
        };
        let planned = plan(settings, earlier.as_deref(), &ground, place.as_ref(), console).await;
        if let Err(error) = &planned {
            alike::suggest_aliases(error, &ground.cloud, console).await;
        }
        let (asked, case) = planned?;
        let outlook = case.outlook();
        let foresight = outlook.foresight(&case.plan.changes);
        let shown = approval::shown(&settings.run, &case, Some(&foresight), &foresight.gained);
        let seen = approval::show(&settings.run, &case, &shown, console)?;
        alike::tell(case.plan.findings.iter(), &ground.cloud, console).await?;
        handover::save(settings, &case, console)?;
        handover::emit(&settings.handover, &settings.run, &case, console)?;
        let destinations = handover::open(&settings.handover)?;
        // From here on Ctrl-C is an answer, or ends the run after the write in flight.
        let interrupt = Interrupt::listen()?;
        let (decision, selected) = approval::decide(&settings.run, &shown, seen, &outlook, console)?;
        let (mode, proof) = (settings.run.mode, &settings.proof);
        let court = Court {
            ground: &ground,
            place: place.as_ref(),
            case: &case,
            settings: proof,
            interrupt: &interrupt,
            mode,
        };
        // What is finished already is said so in the record too.
        let is_settled = earlier.is_some() && decision == Decision::NoChanges && mode != Mode::DryRun;
        let carried = if decision == Decision::Approved || is_settled {
            let origin = earlier.map_or(Origin::Request, |record| Origin::Resumes(record.run));
            let approved = Approved { case: &case, selected, origin, interrupt: &interrupt };
            let written = approval::carry_out(&approved, &ground, place.as_ref(), console).await?;
            court.carried(written, &asked, console).await?
        } else {
            court.untouched(decision, console).await?
        };
        let way_back = handover::way_back(&settings.backend, &settings.run, &carried);
        let mut ended = Ended { way_back, ..Ended::of(Job::Fix, case, decision, carried) };
        handover::report(destinations, &settings.backend, &settings.run, &mut ended, console);
        let status = ending::tell(&ended, &settings.run, console)?;
        let more = if settings.out.is_some() { "" } else { "; --out PLAN saves it for `keymend apply PLAN`" };
        approval::tell_next(&settings.run, decision, (Job::Fix.name(), more), console)?;
        Ok(status)
    }
}

/// Reads both sides of what was asked, or of the run that is resumed, and plans.
async fn plan(
    settings: &FixSettings,
    earlier: Option<&Record>,
    Ground { cloud, clock, .. }: &Ground,
    place: Option<&Place>,
    console: &mut Console,
) -> Result<(UnresolvedRequest, Case), Error> {
    let organization = organization::read(&settings.organization)?;
    let reading = console.progress.waiting();
    let (asked, chain) = if let Some(record) = earlier {
        ((&record.request).into(), record.chain.clone())
    } else {
        let found = chain::find(settings.asked.clone(), &settings.targets, cloud).await?;
        launch::require_names(&settings.asked.grantees, &found.1)?;
        found
    };
    let written = place.map(Place::recent).transpose()?.unwrap_or_default();
    let read = async || observe(&asked, &organization, cloud).await;
    let mut tell = |told: &str| console.remark(told);
    let (request, observation) = up_to_date(clock, &written, &mut tell, read, |(_, read)| read).await?;
    drop(reading);
    organization::tell(&observation.organization, console)?;
    let way_out = if earlier.is_some() {
        "leave --yes out: it is asked about before the run is finished"
    } else {
        "name the user or role that launches: --principal ARN; or the account: --account ACCOUNT"
    };
    chain::require_named_accounts(&chain, &request, settings.run.mode, way_out)?;
    let case = causes::planned(chain, request, observation);
    Ok(match earlier {
        Some(record) => (asked, resume::as_approved(case, record)),
        None => (asked, case),
    })
}

fn nothing_to_resume(settings: &FixSettings, console: &mut Console) -> Result<ExitStatus, Error> {
    console.remark("No run was cut: there is nothing to resume.")?;
    if settings.run.output == OutputFormat::Json {
        document::write_nothing(&mut console.out, Job::Fix.name(), &[])?;
    }
    Ok(ExitStatus::Done)
}
