//! `keymend fleet apply`: the plans of many accounts, each carried out as any saved plan is.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;

use super::merged;
use super::plan::{change, failed, no_credentials};
use super::records::Records;
use super::status::{self, Told};
use super::worker::{Hold, Worker, unfinished};
use crate::apply::journal::{Beginning, Journal, Journals, Origin};
use crate::apply::{self, Run, Watcher};
use crate::arn::AccountId;
use crate::cli::FleetApplyArgs;
use crate::cli::settings::Mode;
use crate::cli::settings::fleet::FleetSettings;
use crate::cloud::sandbox::Sandbox;
use crate::cloud::store::StoreError;
use crate::commands::backend::{self, Ground, Work};
use crate::commands::console::Console;
use crate::commands::interrupt::Interrupt;
use crate::commands::observing::up_to_date;
use crate::commands::parts;
use crate::error::{Error, ExitStatus, UsageError};
use crate::fleet::aside::aside;
use crate::fleet::ledger::{Ledger, LedgerError, Step, digest_of_journals};
use crate::fleet::part;
use crate::fleet::shard::Shard;
use crate::fleet::standing::{AccountStanding, State, grouped};
use crate::launch::causes;
use crate::plan::saved::SavedPlan;
use crate::plan::{Case, Operation, Plan};
use crate::prompt::{self, Confirmed};
use crate::render::findings::tell;

pub(super) async fn apply(args: &FleetApplyArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let settings = FleetSettings::of_apply(args)?;
    let ledger = opened(&settings).await?;
    if ledger.head().backend != backend::of_plan(&settings.backend) {
        return Err(UsageError::new("the fleet was planned on another backend")
            .hint("give the --sandbox that it was planned on, or plan it on AWS in another folder")
            .into());
    }
    backend::run(&settings.backend, Applying { settings: &settings, ledger }, console).await
}

/// The fleet, which is about whatever account is named.
pub(super) async fn opened(settings: &FleetSettings) -> Result<Ledger, Error> {
    let store = backend::store(&settings.shard.dir, backend::credentials(&settings.backend)).await?;
    let ledger = Ledger::open(&store).await?;
    match settings.shard.shard.account() {
        Some(account) if !ledger.head().accounts.contains(&account) => {
            Err(UsageError::new(format!("the fleet in `{}` is not about account {account}", ledger.place()))
                .hint("`keymend fleet status -o json` tells its accounts")
                .into())
        }
        _ => Ok(ledger),
    }
}

struct Applying<'s> {
    settings: &'s FleetSettings,
    ledger: Ledger,
}

impl Work for Applying<'_> {
    fn begin_in(&mut self, _: &Sandbox, _: &mut Console) -> Result<(), Error> {
        Ok(())
    }

    async fn on(self, ground: Ground, console: &mut Console) -> Result<ExitStatus, Error> {
        let Self { settings, ledger } = self;
        let (shard, planned) = (&settings.shard, ledger.standings(Step::Plan).await?);
        let interrupt = Interrupt::listen()?;
        let is_to_write = |standing: &AccountStanding| match standing.state {
            State::Planned => true,
            State::Blocked => settings.allow_blocked && !standing.changes.is_empty(),
            _ => false,
        };
        let own = planned.values().filter(|standing| shard.shard.has(standing.account));
        let pending = own.filter(|standing| is_to_write(standing)).count();
        let approval = Approval { settings, ledger: &ledger, standings: &planned, step: Step::Plan };
        let question = format!("Apply the plans of {pending} accounts?");
        if pending > 0
            && let Some(status) = approval.ask(&question, console).await?
        {
            return Ok(status);
        }
        interrupt.listen_to_all()?;
        let worker = Worker {
            ledger: &ledger,
            settings: shard,
            step: Step::Apply,
            left_lines: None,
            max_failures: settings.max_failures,
            interrupt: &interrupt,
        };
        let applied = merged::standings(&ledger, Step::Apply).await?;
        let is_pending = |account: &AccountId| {
            // What was written beside what blocks is written.
            let is_written =
                applied.get(account).is_some_and(|own| own.state == State::Blocked && own.run.is_some());
            !is_written && planned.get(account).is_some_and(is_to_write)
        };
        let left = unfinished(&applied, shard, State::is_over).into_iter().filter(is_pending).collect();
        let see_to = async |account: AccountId, hold: &Hold<'_>| {
            let plan = planned.get(&account).and_then(|standing| standing.plan.clone()).unwrap_or_default();
            let applied = carry_out(&ledger, (account, &plan), settings.allow_blocked, &ground, hold).await?;
            Ok(AccountStanding { plan: Some(plan), ..applied })
        };
        worker.see_to(left, console, see_to).await?;
        let told = Told {
            ledger: &ledger,
            step: Step::Apply,
            shard: shard.shard,
            site: backend::reach(&settings.backend),
        };
        status::tell(&told, settings.output, interrupt.is_set(), console).await
    }
}

/// What is to be written, and who says yes to it.
pub(super) struct Approval<'a> {
    pub(super) settings: &'a FleetSettings,
    pub(super) ledger: &'a Ledger,
    pub(super) standings: &'a BTreeMap<AccountId, AccountStanding>,
    /// The step whose digests are approved.
    pub(super) step: Step,
}

impl Approval<'_> {
    /// Asks, or compares the digests that were approved beforehand; how the command ends where it was not approved.
    pub(super) async fn ask(
        &self,
        question: &str,
        console: &mut Console,
    ) -> Result<Option<ExitStatus>, Error> {
        let Self { settings, ledger, standings, step } = self;
        if settings.mode == Mode::Yes {
            return self.compare().await.map(|()| None);
        }
        let told = Told { ledger, step: *step, shard: settings.shard.shard, site: Vec::new() };
        let lines = if *step == Step::Plan { ledger.lines(None).await? } else { Vec::new() };
        status::show(&told, standings, &lines, console)?;
        if !console.is_interactive {
            let digest = ledger.digest(settings.shard.shard, standings);
            console.hint(&format!("nobody can be asked here: --yes --digest {digest} approves it"))?;
            return Ok(Some(ExitStatus::Declined));
        }
        Ok(match prompt::confirm(question)? {
            Confirmed::Yes => None,
            Confirmed::No => Some(ExitStatus::Declined),
            Confirmed::Interrupted => Some(ExitStatus::Interrupted),
        })
    }

    /// Each of this worker's accounts is in a part whose digest was given: the whole, this worker's own, or one of the shards
    /// that the step was done in.
    async fn compare(&self) -> Result<(), Error> {
        let Self { settings, ledger, standings, step } = self;
        let is_given = |shard: Shard| settings.digests.contains(&ledger.digest(shard, standings));
        if is_given(Shard::WHOLE) || is_given(settings.shard.shard) {
            return Ok(());
        }
        let mut given = ledger.shards(*step).await?;
        given.retain(|shard| is_given(*shard));
        let own = standings.keys().filter(|account| settings.shard.shard.has(**account));
        match own.copied().find(|account| !given.iter().any(|shard| shard.has(*account))) {
            None => Ok(()),
            Some(account) => Err(UsageError::new(format!(
                "no --digest is that of what the folder says of account {account}: it is not what was approved"
            ))
            .hint("give the digest that the command before printed; if it is that, somebody changed the folder since")
            .into()),
        }
    }
}

/// Carries out an account's plan, and looks whether anything is left.
async fn carry_out(
    ledger: &Ledger,
    (account, plan): (AccountId, &str),
    allows_blocked: bool,
    ground: &Ground,
    hold: &Hold<'_>,
) -> Result<AccountStanding, Error> {
    let text = match ledger.plan(account, plan).await {
        Ok(text) => text,
        Err(LedgerError::Store(StoreError::Cloud(error))) => return Ok(failed(account, &error.into())),
        Err(error) => return Ok(AccountStanding::new(account, State::Stale).because(error.to_string())),
    };
    let file = ledger.plan_path(account);
    let again = format!("keymend fleet plan --dir {}", ledger.place());
    let way = move |_: &_, _: &_| again.clone();
    let backend = ledger.head().backend;
    let parse = move || {
        SavedPlan::parse(&text, &file, causes::planned, tell, way)
            .and_then(|saved| saved.made_on(backend, file))
    };
    let mut case = match aside(parse).await {
        Ok(case) => case,
        Err(error) => return Ok(AccountStanding::new(account, State::Stale).because(error.to_string())),
    };
    case.observation.callers = match parts::callers(&case.plan, &ground.cloud).await {
        Ok(callers) => callers,
        Err(error) => return Ok(failed(account, &error.into())),
    };
    let takes =
        |change: &crate::plan::Change| [change.operation.account(), change.operation.reading_account()];
    let unserved =
        case.plan.changes.iter().flat_map(takes).find(|id| !case.observation.callers.contains_key(id));
    if unserved.is_some() {
        return Ok(no_credentials(unserved.unwrap_or(account)));
    }
    let records = Records::read(ledger, account, ground).await?;
    // Whatever an earlier run wrote is taken back with what this one writes.
    let cut = records.unfinished()?.map(|cut| cut.last.run);
    let earlier = cut.or(ledger.standing(Step::Apply, account).await?.and_then(|standing| standing.run));
    let origin = earlier.map_or(Origin::Request, Origin::Resumes);
    let run = AccountRun { step: Step::Apply, account, case: &case, origin, allows_blocked };
    let standing = record(ledger, run, (&records, ground), hold).await?;
    if standing.state != State::Done {
        return Ok(standing);
    }
    let Some(part) = &case.request.part else { return Ok(standing) };
    let written = Records::read(ledger, account, ground).await?.recent()?;
    let read = async || part::plan_again(part, &case, &ground.cloud).await;
    // One account's wait is no news among many.
    let mut untold = |_: &str| Ok(());
    let again = up_to_date(&ground.clock, &written, &mut untold, read, |again| &again.observation);
    Ok(match again.await {
        Ok(again) => looked_at_again(standing, &case.plan, &again),
        Err(Error::Observe(error)) => {
            let unread = failed(account, &error);
            AccountStanding { state: unread.state, causes: unread.causes, ..standing }
        }
        Err(error) => AccountStanding { state: State::Stale, ..standing }.because(error.to_string()),
    })
}

/// What is left after an account's writes.
fn looked_at_again(standing: AccountStanding, done: &Plan, again: &Case) -> AccountStanding {
    let operations: Vec<&Operation> = done.changes.iter().map(|change| &change.operation).collect();
    if again.plan.repeating(&operations).next().is_some() {
        return AccountStanding { state: State::Refused, ..standing }
            .because("what was written did not last: it would be planned again");
    }
    let causes = grouped(again.plan.findings.iter().filter_map(super::plan::cause));
    let left = AccountStanding { causes, ..standing };
    match State::of_plan(&again.plan) {
        State::Nothing => AccountStanding { state: State::Done, ..left },
        State::Planned => AccountStanding { state: State::Left, ..left }
            .because("more would be planned now than when it was planned"),
        state => AccountStanding { state, ..left },
    }
}

/// One account's run: what is carried out, why, and as what it is recorded.
pub(super) struct AccountRun<'a> {
    pub(super) step: Step,
    pub(super) account: AccountId,
    pub(super) case: &'a Case,
    pub(super) origin: Origin,
    pub(super) allows_blocked: bool,
}

/// Carries it out with a record: that it was begun is in the ledger before the first write. What is blocked or failed its own
/// check is not begun.
pub(super) async fn record(
    ledger: &Ledger,
    run: AccountRun<'_>,
    (records, ground): (&Records, &Ground),
    hold: &Hold<'_>,
) -> Result<AccountStanding, Error> {
    let AccountRun { step, account, case, origin, allows_blocked } = run;
    let selected = &(0..case.plan.changes.len()).collect();
    // Whatever the ledger says of it, and whoever wrote that.
    if case.plan.is_unsound() || (case.plan.is_blocked() && !allows_blocked) {
        let causes = grouped(case.plan.findings.iter().filter_map(super::plan::cause));
        return Ok(AccountStanding { causes, ..AccountStanding::new(account, State::Blocked) });
    }
    let begun = AccountStanding {
        changes: grouped(case.plan.changes.iter().map(change)),
        ..AccountStanding::new(account, State::Cut)
    };
    let earlier = ledger.standing(step, account).await?;
    ledger.write_standing(step, &begun.clone().after(earlier)).await?;
    let beginning = Beginning { backend: records.backend.clone(), origin, case, tell, selected };
    let mut journal = Journal::begin_in(&records.store, &beginning).await?;
    // Whoever finds the account cut knows by which journal to take it back.
    let begun = AccountStanding { run: Some(journal.run().to_owned()), ..begun };
    ledger.write_standing(step, &begun).await?;
    let watcher = Watcher {
        progress: &mut |_| {},
        is_interrupted: &|| hold.is_ending(),
        may_write: Some(&|| hold.lasts().boxed_local()),
    };
    let run = Run::new(&ground.clock, Some(&mut journal), records.recent()?, watcher);
    let outcome = apply::apply(&case.plan, selected, &ground.cloud, &run).await;
    let digest = digest_of_journals(&Journals::kept(&records.store).await?, journal.run())?;
    let failures = outcome.steps.iter().filter_map(|step| match step {
        apply::StepResult::Failed(error) => Some(error.to_string()),
        apply::StepResult::Unsettled { .. } => Some("it does not read back as written yet".to_owned()),
        apply::StepResult::Stale(_) | apply::StepResult::Overwritten(_) => {
            Some("somebody else changed a document since it was read".to_owned())
        }
        _ => None,
    });
    Ok(AccountStanding {
        state: State::of_outcome(&outcome),
        causes: grouped(failures.chain(outcome.journal_error.clone())),
        journal: Some(digest),
        ..begun
    })
}
