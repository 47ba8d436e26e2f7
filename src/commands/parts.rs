//! A saved plan account by account: whose credentials it takes, and what has to be there before one account's part.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;

use super::console::Console;
use crate::access::Grantee;
use crate::apply::StepResult;
use crate::arn::AccountId;
use crate::cloud::{CloudError, Observe};
use crate::error::{EarlierPartError, Error, UsageError};
use crate::observation::Caller;
use crate::plan::{Case, Change, Fate, Handover, Operation, Plan, Target};

/// A part of the plan is one of the accounts that it is about.
pub(super) fn check_is_in_plan(case: &Case, account: AccountId) -> Result<(), UsageError> {
    let Case { request, plan, .. } = case;
    let changed = plan.changes.iter().map(|change| change.operation.account());
    let left = plan.handovers.iter().map(Handover::account);
    let keys = request.keys.iter().map(|key| key.account);
    let grantees = request.grantees.iter().filter_map(Grantee::account);
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
pub(super) async fn callers(
    plan: &Plan,
    cloud: &impl Observe,
) -> Result<BTreeMap<AccountId, Caller>, CloudError> {
    let accounts: BTreeSet<AccountId> =
        plan.changes.iter().map(|change| &change.operation).flat_map(accounts).collect();
    let of = async |account: AccountId| cloud.caller(account).await.map(|caller| (account, caller));
    let callers = try_join_all(accounts.into_iter().map(of)).await?;
    Ok(callers.into_iter().filter_map(|(account, caller)| Some((account, caller?))).collect())
}

/// Whatever is to be written has credentials: a plan is not begun that can't be ended.
pub(super) fn check_credentials(
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
pub(super) fn check_earlier_parts(
    plan: &Plan,
    account: AccountId,
    standings: &[StepResult],
    console: &mut Console,
) -> Result<(), Error> {
    let is_own = |change: &Change| change.operation.account() == account;
    let is_key_policy = |change: &Change| matches!(change.operation.target(), Target::KeyPolicy(_));
    let own_end = plan.changes.iter().rposition(is_own).unwrap_or(0);
    let earlier = plan.changes.iter().zip(standings).enumerate().take(own_end);
    for (index, (change, standing)) in
        earlier.filter(|(_, (change, _))| !is_own(change) && is_key_policy(change))
    {
        let what =
            format!("change {} ({} in account {})", index + 1, change.operation, change.operation.account());
        match standing.fate() {
            Fate::AlreadyDone | Fate::Overtaken | Fate::Applied => {}
            Fate::Unseen => {
                console.hint(&format!("whether {what} is applied can't be seen with these credentials"))?;
            }
            Fate::Planned
            | Fate::NotStarted
            | Fate::Deselected
            | Fate::Overwritten
            | Fate::Unsettled
            | Fate::Stale
            | Fate::Failed
            | Fate::Unknown => {
                return Err(EarlierPartError { what, account: change.operation.account() }.into());
            }
        }
    }
    Ok(())
}

/// One account's part of the plan, with where its changes stand.
pub(super) fn part(plan: &Plan, only: AccountId, standings: Vec<StepResult>) -> (Plan, Vec<StepResult>) {
    let own = plan.changes.iter().zip(standings).filter(|(change, _)| change.operation.account() == only);
    let standings = own.map(|(_, standing)| standing).collect();
    (plan.part_of(only), standings)
}
