//! `keymend fleet rollback`: what was applied in many accounts, each taken back as any run is.

use super::apply::{AccountRun, Approval, opened, record};
use super::merged;
use super::plan::failed;
use super::records::Records;
use super::status::{self, Told};
use super::worker::{self, Hold, Worker, unfinished};
use crate::access::chain::Chain;
use crate::apply::journal::Origin;
use crate::arn::AccountId;
use crate::cli::FleetRollbackArgs;
use crate::cli::settings::fleet::FleetSettings;
use crate::cloud::reread::reread;
use crate::cloud::sandbox::Sandbox;
use crate::cloud::store::Store;
use crate::commands::backend::{self, Ground, Work};
use crate::commands::console::Console;
use crate::commands::interrupt::Interrupt;
use crate::commands::observing::up_to_date;
use crate::error::{Error, ExitStatus};
use crate::fleet::ledger::{Ledger, Step, digest_of_journals};
use crate::fleet::standing::{AccountStanding, State};
use crate::plan::Case;
use crate::plan::rollback::{self, Extent, Rollback};

pub(super) async fn rollback(args: &FleetRollbackArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let settings = FleetSettings::of_rollback(args)?;
    let ledger = opened(&settings).await?;
    backend::run(&settings.backend, TakingBack { settings: &settings, ledger }, console).await
}

struct TakingBack<'s> {
    settings: &'s FleetSettings,
    ledger: Ledger,
}

impl Work for TakingBack<'_> {
    fn begin_in(&mut self, _: &Sandbox, _: &mut Console) -> Result<(), Error> {
        Ok(())
    }

    async fn on(self, ground: Ground, console: &mut Console) -> Result<ExitStatus, Error> {
        let Self { settings, ledger } = self;
        let (shard, interrupt) = (&settings.shard, Interrupt::listen()?);
        let cut = merged::standings(&ledger, Step::Apply).await?.into_values();
        let cut = cut.filter(|own| own.state == State::Cut && shard.shard.has(own.account));
        let cut: Vec<AccountId> = cut.map(|own| own.account).collect();
        worker::outlast(&ledger, Step::Apply, &cut, shard.lease).await?;
        let applied = merged::standings(&ledger, Step::Apply).await?;
        let has_run = |account: &AccountId| applied.get(account).is_some_and(|own| own.run.is_some());
        // What was cut before anything was written is told so.
        let is_begun = |account: &AccountId| has_run(account) || cut.contains(account);
        let runs = applied.keys().filter(|account| shard.shard.has(**account) && has_run(account)).count();
        let approval = Approval { settings, ledger: &ledger, standings: &applied, step: Step::Apply };
        let question = format!("Take back what was written in {runs} accounts?");
        if runs > 0
            && let Some(status) = approval.ask(&question, console).await?
        {
            return Ok(status);
        }
        interrupt.listen_to_all()?;
        let worker = Worker {
            ledger: &ledger,
            settings: shard,
            step: Step::Rollback,
            left_lines: None,
            max_failures: settings.max_failures,
            interrupt: &interrupt,
        };
        let left = unfinished(&ledger.standings(Step::Rollback).await?, shard, State::is_over);
        let left = left.into_iter().filter(is_begun).collect();
        let see_to = async |account: AccountId, hold: &Hold<'_>| {
            let Some(standing) = applied.get(&account) else {
                return Ok(AccountStanding::new(account, State::Nothing));
            };
            take_back(&ledger, standing, &ground, hold).await
        };
        worker.see_to(left, console, see_to).await?;
        let told = Told {
            ledger: &ledger,
            step: Step::Rollback,
            shard: shard.shard,
            site: backend::reach(&settings.backend),
        };
        status::tell(&told, settings.output, interrupt.is_set(), console).await
    }
}

/// Takes an account's run back, by the journal whose digest was approved.
async fn take_back(
    ledger: &Ledger,
    applied: &AccountStanding,
    ground: &Ground,
    hold: &Hold<'_>,
) -> Result<AccountStanding, Error> {
    let account = applied.account;
    let records = Records::read(ledger, account, ground).await?;
    let (Some(run), Some(digest)) = (&applied.run, &applied.journal) else {
        let state = if records.unfinished()?.is_some() { State::Cut } else { State::Nothing };
        return Ok(AccountStanding::new(account, state));
    };
    if digest_of_journals(&records.journals, run)? != *digest {
        let told = format!(
            "the journal of run `{run}` is not the one that was written: its file says something else"
        );
        return Ok(AccountStanding::new(account, State::Stale).because(told));
    }
    let history = records.history()?;
    let head = history.head(history.run(run)?);
    let written = history.written(head);
    let recent = records.recent()?;
    let read = async || reread(written.iter().map(|write| &write.operation), &ground.cloud).await;
    let mut untold = |_: &str| Ok(());
    let observation = match up_to_date(&ground.clock, &recent, &mut untold, read, |seen| seen).await {
        Ok(observation) => observation,
        Err(Error::Observe(error)) => return Ok(failed(account, &error)),
        Err(error) => return Ok(AccountStanding::new(account, State::Stale).because(error.to_string())),
    };
    let Rollback { plan, conflicts } = rollback::plan(&written, &observation, Extent::Everything);
    if !conflicts.is_empty() {
        let told = format!("{} documents were changed by somebody else since", conflicts.len());
        let hint = match &records.store {
            Store::Folder(folder) => {
                format!("`keymend rollback {run} --journal {}` shows them", folder.display())
            }
            Store::Bucket(_) => {
                format!("with its journals in a folder, `keymend rollback {run} --journal DIR` shows them")
            }
        };
        return Ok(AccountStanding::new(account, State::Stale).because(format!("{told}: {hint}")));
    }
    let case = Case { chain: Chain::default(), request: head.request.clone(), observation, plan };
    let origin = Origin::Undoes(head.run.clone());
    let run = AccountRun { step: Step::Rollback, account, case: &case, origin, allows_blocked: false };
    let standing = record(ledger, run, (&records, ground), hold).await?;
    let state = if standing.state == State::Done { State::RolledBack } else { standing.state };
    Ok(AccountStanding { state, ..standing })
}
