//! `keymend apply`: a saved plan, shown again and carried out as it is.

use std::collections::BTreeSet;

use super::approval::{self, Approved};
use super::backend::{self, Ground, Work};
use super::console::Console;
use super::interrupt::Interrupt;
use super::proof::Court;
use super::run::{Carried, Decision, Ended, Job};
use super::{chain, ending, handover, organization, parts};
use crate::access::chain::Chain;
use crate::access::{Request, UnresolvedRequest};
use crate::apply::journal::Origin;
use crate::apply::survey::survey;
use crate::apply::{RunOutcome, StepResult};
use crate::arn::AccountId;
use crate::cli::ApplyArgs;
use crate::cli::settings::ApplySettings;
use crate::cloud::Observe;
use crate::cloud::sandbox::Sandbox;
use crate::error::{Error, ExitStatus};
use crate::launch::causes;
use crate::plan::outlook::Outlook;
use crate::plan::saved::{SavedPlan, SavedPlanError};
use crate::plan::{Case, Fate};
use crate::prompt::Seen;
use crate::render::findings::tell;
use crate::render::text::Shown;

pub(super) async fn apply(args: &ApplyArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let settings = ApplySettings::resolve(args)?;
    let case = read(&settings)?;
    backend::run(&settings.backend, Apply { settings: &settings, case }, console).await
}

fn read(settings: &ApplySettings) -> Result<Case, SavedPlanError> {
    let way = |chain: &Chain, request: &Request| {
        handover::saving_anew(chain, request, &settings.backend, &settings.plan)
    };
    let file = settings.plan.display().to_string();
    let text = std::fs::read_to_string(&settings.plan)
        .map_err(|error| SavedPlanError::Unreadable { file: file.clone(), reason: error.to_string() })?;
    let saved = SavedPlan::parse(&text, &file, causes::planned, tell, way)?;
    saved.made_on(backend::of_plan(&settings.backend), file)
}

struct Apply<'s> {
    settings: &'s ApplySettings,
    case: Case,
}

impl Work for Apply<'_> {
    fn begin_in(&mut self, sandbox: &Sandbox, console: &mut Console) -> Result<(), Error> {
        backend::tell_story(sandbox, console)
    }

    async fn on(self, ground: Ground, console: &mut Console) -> Result<ExitStatus, Error> {
        let Self { settings, case } = self;
        let place = ground.place(settings.run.journal.as_deref())?;
        let (case, standings) = stands(settings, case, &ground.cloud, console).await?;
        let outlook = case.outlook();
        organization::tell(&case.observation.organization, console)?;
        let foresight = outlook.foresight(&case.plan.changes);
        let shown = approval::shown(&settings.run, &case, Some(&foresight), &foresight.gained);
        // Of a plan that holds already there is nothing to look at.
        let is_done = is_done(&standings);
        let seen = if is_done { Seen::Whole } else { approval::show(&settings.run, &case, &shown, console)? };
        handover::emit(&settings.handover, &settings.run, &case, console)?;
        let destinations = handover::open(&settings.handover)?;
        let interrupt = Interrupt::listen()?;
        let (decision, selected) = decide(settings, (&shown, seen), &outlook, &standings, console)?;
        let (mode, proof) = (settings.run.mode, &settings.proof);
        let court = Court {
            ground: &ground,
            place: place.as_ref(),
            case: &case,
            settings: proof,
            interrupt: &interrupt,
            mode,
        };
        let asked = UnresolvedRequest::from(&case.request);
        let carried = match decision {
            Decision::Approved => {
                let origin = Origin::Request;
                let approved = Approved { case: &case, selected, origin, interrupt: &interrupt };
                let written = approval::carry_out(&approved, &ground, place.as_ref(), console).await?;
                court.carried(written, &asked, console).await?
            }
            // The plan tells how it was when it was made.
            Decision::NoChanges | Decision::Overtaken => {
                let outcome = RunOutcome { steps: standings.clone(), ..RunOutcome::nothing(&case.plan) };
                court.carried((outcome, None), &asked, console).await?
            }
            _ => court.untouched(decision, console).await?,
        };
        let carried = with_what_stands(carried, &standings);
        let way_back = handover::way_back(&settings.backend, &settings.run, &carried);
        let job = Job::Apply { part: settings.account };
        let mut ended = Ended { way_back, ..Ended::of(job, case, decision, carried) };
        handover::report(destinations, &settings.backend, &settings.run, &mut ended, console);
        let status = ending::tell(&ended, &settings.run, console)?;
        approval::tell_next(&settings.run, decision, (ended.job.name(), ""), console)?;
        Ok(status)
    }
}

/// The plan, or the part of it that is applied, with where its changes stand; refused where it could not be ended.
async fn stands(
    settings: &ApplySettings,
    mut case: Case,
    cloud: &impl Observe,
    console: &mut Console,
) -> Result<(Case, Vec<StepResult>), Error> {
    if let Some(account) = settings.account {
        parts::check_is_in_plan(&case, account)?;
    }
    let way_out = "leave --yes out, or save the plan anew with whoever launches named: `keymend fix` with --principal ARN or \
                   --account ACCOUNT, --dry-run and --out PLAN";
    chain::require_named_accounts(&case.chain, &case.request, settings.run.mode, way_out)?;
    case.observation.callers = parts::callers(&case.plan, cloud).await?;
    let readable: BTreeSet<AccountId> = case.observation.callers.keys().copied().collect();
    parts::check_credentials(&case.plan, settings.account, &readable)?;
    let standings = survey(&case.plan, &readable, cloud).await?;
    let Some(account) = settings.account else { return Ok((case, standings)) };
    if !case.plan.changes.iter().any(|change| change.operation.account() == account) {
        console.hint(&format!("the plan changes nothing in account {account}"))?;
    }
    parts::check_earlier_parts(&case.plan, account, &standings, console)?;
    let (plan, standings) = parts::part(&case.plan, account, standings);
    Ok((Case { plan, ..case }, standings))
}

/// What is there already, or was changed by somebody, is so where this run did not come to it.
fn with_what_stands(mut carried: Carried, standings: &[StepResult]) -> Carried {
    for (step, standing) in carried.outcome.steps.iter_mut().zip(standings) {
        let is_told = |fate: Fate| fate.holds() || fate.went_wrong();
        if !is_told(step.fate()) && is_told(standing.fate()) {
            *step = standing.clone();
        }
    }
    carried
}

/// Whether there are changes, and everything is so already.
fn is_done(standings: &[StepResult]) -> bool {
    !standings.is_empty() && standings.iter().all(|standing| standing.fate().holds())
}

/// Nothing is asked where a document has changed, or where everything is so already.
fn decide(
    settings: &ApplySettings,
    (shown, seen): (&Shown<'_>, Seen),
    outlook: &Outlook<'_>,
    standings: &[StepResult],
    console: &mut Console,
) -> Result<(Decision, BTreeSet<usize>), Error> {
    let is_stale = standings.iter().any(|standing| standing.fate().is_stale());
    if is_stale || is_done(standings) {
        return Ok((Decision::Overtaken, BTreeSet::new()));
    }
    for (index, _) in standings.iter().enumerate().filter(|(_, standing)| standing.fate().holds()) {
        console.hint(&format!("change {} holds already and is left alone", index + 1))?;
    }
    let (decision, mut selected) = approval::decide(&settings.run, shown, seen, outlook, console)?;
    // What was overtaken would look changed to whoever reads it once more.
    selected.retain(|index| standings.get(*index) != Some(&StepResult::Overtaken));
    Ok((decision, selected))
}
