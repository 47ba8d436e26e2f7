//! All accounts together: where each stands, how many in each state, and equal changes and causes as one.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::journal::Journals;
use crate::arn::AccountId;
use crate::error::Error;
use crate::fleet::ledger::{Ledger, Step, digest_of_journals};
use crate::fleet::standing::{AccountStanding, Group, State};

/// Where every account stands after a step: where it did not come to it, by the one before.
pub(super) async fn standings(
    ledger: &Ledger,
    step: Step,
) -> Result<BTreeMap<AccountId, AccountStanding>, Error> {
    let mut own = ledger.standings(step).await?;
    let earlier = match step {
        Step::Plan => return Ok(own),
        Step::Apply => {
            for standing in own.values_mut() {
                tell_journal(ledger, standing).await?;
            }
            let planned = ledger.standings(Step::Plan).await?;
            for (standing, planned) in own.values_mut().zip(planned.values()) {
                // What was planned anew since is not applied yet.
                if standing.plan.is_some() && standing.plan != planned.plan {
                    *standing = AccountStanding::new(standing.account, State::NotStarted)
                        .after(Some(standing.clone()));
                }
            }
            planned
        }
        Step::Rollback => Box::pin(standings(ledger, Step::Apply)).await?,
    };
    for (standing, earlier) in own.values_mut().zip(earlier.into_values()) {
        if standing.state != State::NotStarted {
            continue;
        }
        match (step, earlier.state) {
            (Step::Rollback, State::Cut) => *standing = earlier,
            // What nothing was written in has no way back to go.
            (Step::Rollback, _) if earlier.run.is_none() => standing.state = State::Nothing,
            (Step::Rollback, _) | (_, State::Planned) => {}
            _ => *standing = earlier.after(Some(standing.clone())),
        }
    }
    Ok(own)
}

/// Of a worker that did not come to its end nobody told what its journal says in the end.
async fn tell_journal(ledger: &Ledger, standing: &mut AccountStanding) -> Result<(), Error> {
    if let AccountStanding { state: State::Cut, run: Some(run), journal: journal @ None, account, .. } =
        standing
    {
        let journals = Journals::kept(&ledger.journals(*account)).await?;
        *journal = Some(digest_of_journals(&journals, run)?);
    }
    Ok(())
}

/// How many accounts are in each state.
pub(super) fn counts(own: &[&AccountStanding]) -> BTreeMap<State, usize> {
    let mut counts = BTreeMap::new();
    for standing in own {
        *counts.entry(standing.state).or_insert(0) += 1;
    }
    counts
}

/// Equal changes or causes over all accounts, the most frequent first.
pub(super) fn merged<'s>(
    own: &[&'s AccountStanding],
    of: impl Fn(&'s AccountStanding) -> &'s [Group],
) -> Vec<(&'s str, usize, BTreeSet<AccountId>)> {
    let mut merged: BTreeMap<&str, (usize, BTreeSet<AccountId>)> = BTreeMap::new();
    for standing in own {
        for Group { what, count } in of(standing) {
            let (all, accounts) = merged.entry(what).or_default();
            *all += count;
            accounts.insert(standing.account);
        }
    }
    let merged = merged.into_iter().map(|(what, (count, accounts))| (what, count, accounts));
    let mut merged: Vec<_> = merged.collect();
    merged.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
    merged
}
