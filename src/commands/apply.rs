//! `keymend apply`: a saved plan, shown again and carried out as it is.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;

use super::approval::{self, Approved};
use super::chain;
use super::console::Console;
use super::handover;
use super::interrupt::Interrupt;
use super::organization;
use super::place::Place;
use super::proof::Court;
use super::report::{self, Report};
use super::run::{Command, Decision};
use crate::access::{Grantee, Request, UnresolvedRequest};
use crate::apply::clock::{InstantClock, SystemClock};
use crate::apply::journal::Origin;
use crate::apply::survey::{Standing, survey};
use crate::apply::{Clock, Outcome, StepResult};
use crate::arn::AccountId;
use crate::cli::settings::{ApplySettings, BackendSettings};
use crate::cli::{ApplyArgs, OutputFormat};
use crate::cloud::aws::Aws;
use crate::cloud::sandbox::Sandbox;
use crate::cloud::traced::Traced;
use crate::cloud::{CloudError, Observe, Prove, Write};
use crate::error::{EarlierPartError, Error, ExitStatus, UsageError};
use crate::launch::causes;
use crate::observation::{Caller, Observation};
use crate::plan::saved::{PlanBackend, SavedPlan, SavedPlanError};
use crate::plan::{Change, Handover, Operation, Plan};

/// Runs the command. With `--output json` a run that fails leaves a document too.
pub(super) async fn apply(args: &ApplyArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let ended = try_apply(args, console).await;
    if let (Err(error), OutputFormat::Json) = (&ended, args.approval.output.output) {
        report::write_json_of_error(&mut console.out, "apply", error)?;
    }
    ended
}

async fn try_apply(args: &ApplyArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let settings = ApplySettings::resolve(args)?;
    let saved = read(&settings)?;
    match &settings.backend {
        BackendSettings::Sandbox(file) => {
            let sandbox = Sandbox::open_or_builtin(file.as_deref())?;
            console.remark(&format!("Sandbox, nothing here touches AWS. {}", sandbox.story()))?;
            let place = Place::of_world(&sandbox, settings.run.journal.as_deref())?;
            let clock = InstantClock::default();
            Box::pin(run(&settings, saved, &Traced(sandbox), &clock, place, console)).await
        }
        BackendSettings::Aws(options) => {
            let aws = Aws::connect(options).await?;
            let place = Place::of_aws(settings.run.journal.as_deref())?;
            Box::pin(run(&settings, saved, &Traced(aws), &SystemClock::default(), Some(place), console)).await
        }
    }
}

fn read(settings: &ApplySettings) -> Result<SavedPlan, SavedPlanError> {
    let file = settings.plan.display().to_string();
    let text = std::fs::read_to_string(&settings.plan)
        .map_err(|error| SavedPlanError::Unreadable { file: file.clone(), reason: error.to_string() })?;
    let saved = SavedPlan::parse(&text, &file, causes::planned)?;
    match (&settings.backend, saved.backend) {
        (BackendSettings::Aws(_), PlanBackend::Sandbox) => {
            Err(SavedPlanError::Backend { file, made_on: "a sandbox, and is not applied to AWS" })
        }
        (BackendSettings::Sandbox(_), PlanBackend::Aws) => {
            Err(SavedPlanError::Backend { file, made_on: "AWS, and is not applied to a sandbox" })
        }
        _ => Ok(saved),
    }
}

async fn run<C: Observe + Write + Prove, K: Clock>(
    settings: &ApplySettings,
    mut saved: SavedPlan,
    cloud: &C,
    clock: &K,
    place: Option<Place>,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    if let Some(account) = settings.account {
        check_is_in_plan(&saved, account)?;
    }
    let way_out = "leave --yes out, or save the plan anew with whoever launches named: `keymend fix` with --principal ARN or \
                   --account ACCOUNT, --dry-run and --out PLAN";
    chain::require_named_accounts(&saved.chain, &saved.request, settings.run.mode, way_out)?;
    saved.observation.callers = callers(&saved.plan, cloud).await?;
    let readable: BTreeSet<AccountId> = saved.observation.callers.keys().copied().collect();
    check_credentials(&saved.plan, settings.account, &readable)?;
    let standings = survey(&saved.plan, &readable, cloud).await?;
    if let Some(account) = settings.account {
        if !saved.plan.changes.iter().any(|change| change.operation.account() == account) {
            console.hint(&format!("the plan changes nothing in account {account}"))?;
        }
        check_earlier_parts(&saved.plan, account, &standings, console)?;
    }
    let SavedPlan { chain, request, observation, plan, .. } = saved;
    let (plan, standings) = part(plan, settings.account, standings);
    organization::tell(&observation.organization, console)?;
    approval::show(&settings.run, &chain, &request, &observation, &plan, console)?;
    approval::show_prospects(&settings.run, &request, &observation, &plan, console)?;
    handover::emit(&settings.handover, &settings.run, &request, &plan, console)?;
    let destinations = handover::open(&settings.handover)?;
    let interrupt = Interrupt::listen()?;
    let (decision, selected) = decide(settings, &plan, (&request, &observation), &standings, console)?;
    let court = Court {
        cloud,
        clock,
        chain: &chain,
        settings: &settings.proof,
        interrupt: &interrupt,
        organization: &observation.organization,
        mode: settings.run.mode,
    };
    let asked = UnresolvedRequest::from(&request);
    let mut carried = if decision == Decision::Approved {
        let approved = Approved {
            chain: &chain,
            request: &request,
            observation: &observation,
            plan: &plan,
            selected,
            origin: Origin::Request,
            interrupt: &interrupt,
        };
        let ended = approval::carry_out(&approved, cloud, clock, place.as_ref(), console).await?;
        court.carried(ended, &plan, &asked, console).await?
    } else if matches!(decision, Decision::NoChanges | Decision::Overtaken) {
        // The plan tells how it was when it was made.
        let steps = standings.iter().map(Standing::result).collect();
        let outcome = Outcome { steps, ..Outcome::nothing(&plan) };
        court.carried((outcome, None), &plan, &asked, console).await?
    } else {
        let seen = (&request, &observation);
        court.untouched(decision, &plan, seen, console).await?
    };
    for (step, standing) in carried.outcome.steps.iter_mut().zip(&standings) {
        let is_open = matches!(step, StepResult::NotStarted | StepResult::Deselected);
        if is_open && (standing.is_done() || matches!(standing, Standing::Changed(_))) {
            *step = standing.result();
        }
    }
    let command = Command::Apply { part: settings.account };
    let report = Report::of(command, chain, request, observation, plan, decision, carried);
    let report = report.handed_over(destinations, &settings.backend, &settings.run, console);
    report.tell(&settings.run, console)
}

/// A part of the plan is one of the accounts that it is about.
fn check_is_in_plan(saved: &SavedPlan, account: AccountId) -> Result<(), UsageError> {
    let SavedPlan { request, plan, .. } = saved;
    let changed = plan.changes.iter().map(|change| change.operation.account());
    let left = plan.handovers.iter().map(Handover::account);
    let keys = request.keys.iter().map(|key| key.account);
    let grantees = request.grantees.iter().map(Grantee::account);
    let accounts: BTreeSet<AccountId> = changed.chain(left).chain(keys).chain(grantees).collect();
    if accounts.contains(&account) {
        return Ok(());
    }
    let accounts: Vec<String> = accounts.iter().map(ToString::to_string).collect();
    Err(UsageError::new(format!("the plan is not about account {account}"))
        .hint(format!("its accounts are {}", accounts.join(", "))))
}

/// The accounts whose credentials a change takes.
fn accounts(operation: &Operation) -> [AccountId; 2] {
    [operation.account(), operation.reading_account()]
}

/// As whom each account of the plan is written; accounts that no credentials serve are not there.
async fn callers(plan: &Plan, cloud: &impl Observe) -> Result<BTreeMap<AccountId, Caller>, CloudError> {
    let accounts: BTreeSet<AccountId> =
        plan.changes.iter().map(|change| &change.operation).flat_map(accounts).collect();
    let of = async |account: AccountId| cloud.caller(account).await.map(|caller| (account, caller));
    let callers = try_join_all(accounts.into_iter().map(of)).await?;
    Ok(callers.into_iter().filter_map(|(account, caller)| Some((account, caller?))).collect())
}

/// Whatever is to be written has credentials: a plan is not begun that can't be ended.
fn check_credentials(
    plan: &Plan,
    only: Option<AccountId>,
    readable: &BTreeSet<AccountId>,
) -> Result<(), UsageError> {
    let operations = plan.changes.iter().map(|change| &change.operation);
    let wanted: Vec<&Operation> =
        operations.filter(|operation| only.is_none_or(|only| only == operation.account())).collect();
    if let Some(account) =
        wanted.iter().map(|operation| operation.account()).find(|account| !readable.contains(account))
    {
        return Err(UsageError::new(format!(
            "no credentials serve account {account}, where the plan writes"
        ))
        .hint(format!(
            "give --account-profile {account}=PROFILE, or apply the parts separately, each with its own \
                 credentials: --account ID"
        )));
    }
    // Who may create a grant by the key policy's statement may not list it.
    match wanted.iter().map(|operation| operation.reading_account()).find(|account| !readable.contains(account)) {
        None => Ok(()),
        Some(account) => Err(UsageError::new(format!(
            "no credentials serve account {account}, whose key the plan creates a grant on"
        ))
        .hint(format!(
            "give --account-profile {account}=PROFILE too: only with credentials of the key's account can be seen \
             whether the grant is there"
        ))),
    }
}

/// The key policies that come before an account's part have to be there first, as far as that can be seen from here.
///
/// What other accounts write in their own IAM, and the grants they create, do not matter to it: two accounts that
/// waited for each other's would wait for ever.
fn check_earlier_parts(
    plan: &Plan,
    account: AccountId,
    standings: &[Standing],
    console: &mut Console,
) -> Result<(), Error> {
    let is_own = |change: &Change| change.operation.account() == account;
    let is_key_policy = |change: &Change| {
        matches!(change.operation, Operation::PruneOrphans(_) | Operation::UpdateKeyPolicy(_))
    };
    let own_end = plan.changes.iter().rposition(is_own).unwrap_or(0);
    let earlier = plan.changes.iter().zip(standings).enumerate().take(own_end);
    for (index, (change, standing)) in
        earlier.filter(|(_, (change, _))| !is_own(change) && is_key_policy(change))
    {
        let what =
            format!("change {} ({} in account {})", index + 1, change.operation, change.operation.account());
        match standing {
            Standing::Done | Standing::Overtaken => {}
            Standing::Unread => {
                console.hint(&format!("whether {what} is applied can't be seen with these credentials"))?;
            }
            Standing::Pending | Standing::Waiting | Standing::Changed(_) => {
                return Err(EarlierPartError { what, account: change.operation.account() }.into());
            }
        }
    }
    Ok(())
}

/// The plan, or one account's part of it, with where its changes stand.
fn part(plan: Plan, only: Option<AccountId>, standings: Vec<Standing>) -> (Plan, Vec<Standing>) {
    let Some(only) = only else { return (plan, standings) };
    let own = plan.changes.iter().zip(standings).filter(|(change, _)| change.operation.account() == only);
    let standings = own.map(|(_, standing)| standing).collect();
    (plan.part_of(only), standings)
}

/// Nothing is asked where a document has changed, or where everything is so already.
fn decide(
    settings: &ApplySettings,
    plan: &Plan,
    seen: (&Request, &Observation),
    standings: &[Standing],
    console: &mut Console,
) -> Result<(Decision, BTreeSet<usize>), Error> {
    let is_stale = standings.iter().any(|standing| matches!(standing, Standing::Changed(_)));
    let is_done = standings.iter().all(Standing::is_done);
    if is_stale || (is_done && !plan.changes.is_empty()) {
        return Ok((Decision::Overtaken, BTreeSet::new()));
    }
    for (index, _) in standings.iter().enumerate().filter(|(_, standing)| standing.is_done()) {
        console.hint(&format!("change {} holds already and is left alone", index + 1))?;
    }
    let (decision, mut selected) = approval::decide(&settings.run, plan, seen, console)?;
    // What was overtaken would look changed to whoever reads it once more.
    selected.retain(|index| standings.get(*index) != Some(&Standing::Overtaken));
    Ok((decision, selected))
}
