//! How far a plan that was made earlier, or elsewhere, is applied by now.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::state::{self, State};
use super::{Now, StepResult};
use crate::arn::AccountId;
use crate::cloud::{CloudError, Observe};
use crate::plan::{Change, Operation, Plan};

/// Where a change stands before anything is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// What it writes to is as the plan was made on.
    Pending,
    /// What it writes to is looked at when the change before it is done.
    Waiting,
    /// It holds already.
    Done,
    /// What came after it on the same thing holds already.
    Overtaken,
    /// What it writes to is neither as before nor as after.
    Changed(Now),
    /// It is in an account that no credentials serve here.
    Unread,
}

impl Standing {
    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done | Self::Overtaken)
    }

    /// The result of a change that is not carried out for it.
    pub fn result(&self) -> StepResult {
        match self {
            Self::Done | Self::Overtaken => StepResult::AlreadyDone,
            Self::Changed(now) => StepResult::Stale(now.clone()),
            Self::Pending | Self::Waiting | Self::Unread => StepResult::NotStarted,
        }
    }
}

/// Reads what each of the plan's changes writes to, in the accounts that can be read.
///
/// # Errors
/// A read fails.
pub async fn survey(
    plan: &Plan,
    readable: &BTreeSet<AccountId>,
    cloud: &impl Observe,
) -> Result<Vec<Standing>, CloudError> {
    let look = async |change: &Change| {
        let is_readable = readable.contains(&change.operation.reading_account());
        if is_readable { state::read(&change.operation, cloud).await.map(Some) } else { Ok(None) }
    };
    let states = try_join_all(plan.changes.iter().map(look)).await?;
    let operations: Vec<(&Operation, Option<State>)> =
        plan.changes.iter().map(|change| &change.operation).zip(states).collect();
    let mut standings: Vec<Standing> = Vec::new();
    for (index, (operation, state)) in operations.iter().enumerate() {
        let is_overtaken = || {
            let mut later = operations.iter().skip(index + 1);
            later.any(|(later, state)| later.depends_on(operation) && *state == Some(State::After))
        };
        let waits = || {
            let earlier = operations.iter().zip(&standings);
            earlier
                .filter(|((earlier, _), _)| operation.depends_on(earlier))
                .any(|(_, standing)| matches!(standing, Standing::Pending | Standing::Waiting))
        };
        let standing = match state {
            None => Standing::Unread,
            Some(State::Before) => Standing::Pending,
            Some(State::After) => Standing::Done,
            Some(State::Changed(_)) if is_overtaken() => Standing::Overtaken,
            Some(State::Changed(_)) if waits() => Standing::Waiting,
            Some(State::Changed(now)) => Standing::Changed(now.clone()),
        };
        standings.push(standing);
    }
    Ok(standings)
}
