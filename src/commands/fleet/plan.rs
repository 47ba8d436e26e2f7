//! `keymend fleet plan`: a plan for every account that a manifest is about.

use std::sync::Arc;

use super::asked::{self, Asked};
use super::status::{self, Told};
use super::worker::{Hold, Worker};
use crate::apply::journal;
use crate::arn::AccountId;
use crate::cli::FleetPlanArgs;
use crate::cli::settings::fleet::FleetPlanSettings;
use crate::cloud::Observe as _;
use crate::cloud::observer::ObserveError;
use crate::cloud::sandbox::Sandbox;
use crate::commands::backend::{self, Ground, Work};
use crate::commands::console::Console;
use crate::commands::interrupt::Interrupt;
use crate::error::{Error, ExitStatus};
use crate::fleet::ledger::{self, Head, Ledger, Step};
use crate::fleet::part::{self, Parts};
use crate::fleet::standing::{AccountStanding, State, grouped};
use crate::plan::saved::{PlanBackend, SavedPlan};
use crate::plan::{Action, Case, Change, Finding, Operation, Severity, Target};
use crate::render::findings::{tell, tell_for_all};

pub(super) async fn plan(args: &FleetPlanArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let settings = FleetPlanSettings::resolve(args)?;
    backend::run(&settings.backend, Planning { settings: &settings }, console).await
}

struct Planning<'s> {
    settings: &'s FleetPlanSettings,
}

impl Work for Planning<'_> {
    fn begin_in(&mut self, _: &Sandbox, _: &mut Console) -> Result<(), Error> {
        Ok(())
    }

    async fn on(self, ground: Ground, console: &mut Console) -> Result<ExitStatus, Error> {
        let FleetPlanSettings { manifest, shard, backend, output } = self.settings;
        let Asked { asks, manifest, left_lines, keyless } = asked::read(manifest, &ground.cloud).await?;
        if !keyless.is_empty() {
            let lines: Vec<String> = keyless.iter().map(ToString::to_string).collect();
            let (what, ask) = if lines.len() == 1 { ("line", "asks") } else { ("lines", "ask") };
            let lines = lines.join(", ");
            console
                .hint(&format!("what {what} {lines} {ask} about is under no key that a policy could open"))?;
        }
        let plan_backend = backend::of_plan(backend);
        let head = Head {
            keymend_fleet: ledger::FORMAT,
            manifest,
            backend: plan_backend,
            accounts: asks.accounts().into_iter().collect(),
        };
        let asks = Arc::new(asks);
        console.remark(&format!(
            "{} keys, {} pairs of key and grantee, {} accounts",
            asks.keys(),
            asks.pairs(),
            head.accounts.len(),
        ))?;
        let store = backend::store(&shard.dir, backend::credentials(backend)).await?;
        let ledger = Ledger::begin(&store, head).await?;
        let interrupt = Interrupt::listen()?;
        let worker = Worker {
            ledger: &ledger,
            settings: shard,
            step: Step::Plan,
            left_lines: Some(&left_lines),
            max_failures: None,
            interrupt: &interrupt,
        };
        let planned = ledger.standings(Step::Plan).await?;
        // A line that was left out then may ask for more by now; one that is left out now asks for nothing yet.
        let is_planned = |standing: &AccountStanding| {
            let is_as_asked = |asked: &String| *asked == asks.digest(standing.account);
            (standing.state.is_over() || standing.state == State::Planned)
                && standing.asked.as_ref().is_none_or(is_as_asked)
        };
        let own = asks.accounts().into_iter().filter(|account| shard.shard.has(*account));
        let left = own.filter(|account| !planned.get(account).is_some_and(is_planned)).collect();
        let parts = Parts::new(Arc::clone(&asks), &ground.cloud);
        let see_to = async |account: AccountId, _: &Hold<'_>| {
            if ground.cloud.caller(account).await.is_ok_and(|caller| caller.is_none()) {
                return Ok(no_credentials(account));
            }
            match parts.plan(account, move |case| Planned::of(account, case, plan_backend)).await {
                Ok(planned) => {
                    let asked = (!left_lines.is_empty()).then(|| asks.digest(account));
                    let Planned { standing, text } = planned?;
                    let plan = Some(ledger.write_plan(account, &text).await?);
                    Ok(AccountStanding { plan, asked, ..standing })
                }
                Err(error) => Ok(failed(account, &error)),
            }
        };
        worker.see_to(left, console, see_to).await?;
        let told =
            Told { ledger: &ledger, step: Step::Plan, shard: shard.shard, site: backend::reach(backend) };
        status::tell(&told, *output, interrupt.is_set(), console).await
    }
}

/// No credentials serve an account.
pub(super) fn no_credentials(account: AccountId) -> AccountStanding {
    let reason =
        format!("no credentials serve it: --account-profile {account}=PROFILE, or --assume-role-name NAME");
    AccountStanding::new(account, State::NoCredentials).because(reason)
}

/// A read failed, and with it this account.
pub(super) fn failed(account: AccountId, error: &ObserveError) -> AccountStanding {
    let state = match error {
        ObserveError::Cloud(error) => State::of_error(error),
        ObserveError::NoSuchRole(_) | ObserveError::UnreadRole(_) | ObserveError::OtherPartition(_) => {
            State::Refused
        }
    };
    AccountStanding::new(account, state).because(error.to_string())
}

/// An account's plan as it is kept.
struct Planned {
    standing: AccountStanding,
    text: String,
}

impl Planned {
    fn of(account: AccountId, case: Case, backend: PlanBackend) -> Result<Self, Error> {
        let state = if part::is_unseen(&case) { State::Refused } else { State::of_plan(&case.plan) };
        let causes = grouped(case.plan.findings.iter().filter_map(cause));
        let changes = grouped(case.plan.changes.iter().map(change));
        let standing = AccountStanding { causes, changes, ..AccountStanding::new(account, state) };
        let saved = SavedPlan { backend, case };
        let text = saved.to_text(journal::now(), tell).map_err(std::io::Error::other)?;
        Ok(Self { standing, text })
    }
}

/// What stands in the way, or is left, without whom it is about: equal ones are counted.
pub(super) fn cause(finding: &Finding) -> Option<String> {
    let is_in_the_way = matches!(finding.severity(), Severity::Blocking | Severity::LeftOver);
    is_in_the_way.then(|| tell_for_all(finding))
}

/// What a change does and to what, without names.
fn kind(operation: &Operation) -> String {
    let what = match operation.target() {
        Target::KeyPolicy(_) => "the key policy",
        Target::Policy { .. } | Target::Attachment { .. } => "a policy",
        Target::Version(_) => "a version of a policy",
        Target::NewGrant(_) | Target::Grant { .. } => "a grant",
    };
    let done = match operation.action() {
        Action::Create | Action::Grant => "create",
        Action::Update => "update",
        Action::Attach => "attach",
        Action::Detach => "detach",
        Action::Revoke => "revoke",
        Action::Delete => "delete",
    };
    format!("{done} {what}")
}

/// A change in words that are the same for equal changes.
pub(super) fn change(change: &Change) -> String {
    let mut purposes: Vec<&str> = Vec::new();
    for purpose in change.gains.iter().flat_map(|gain| &gain.purposes) {
        if !purposes.contains(&purpose.as_str()) {
            purposes.push(purpose);
        }
    }
    let kind = kind(&change.operation);
    if purposes.is_empty() {
        kind
    } else {
        format!("{kind}, for those who need it to {}", purposes.join(" and "))
    }
}
