//! How far a plan that was made earlier, or elsewhere, is applied by now.

use std::collections::BTreeSet;

use super::StepResult;
use super::state::{self, State};
use crate::arn::AccountId;
use crate::cloud::abreast::all_abreast;
use crate::cloud::{CloudError, Observe};
use crate::plan::{Change, Operation, Plan};

/// Reads what each of the plan's changes writes to, in the accounts that can be read: what became of it by now.
///
/// # Errors
/// A read fails.
pub async fn survey(
    plan: &Plan,
    readable: &BTreeSet<AccountId>,
    cloud: &impl Observe,
) -> Result<Vec<StepResult>, CloudError> {
    let look = async |change: &Change| {
        let is_readable = readable.contains(&change.operation.reading_account());
        if is_readable { state::read(&change.operation, cloud).await.map(Some) } else { Ok(None) }
    };
    let states = all_abreast(plan.changes.iter().map(look)).await?;
    let operations: Vec<(&Operation, Option<State>)> =
        plan.changes.iter().map(|change| &change.operation).zip(states).collect();
    let mut results: Vec<StepResult> = Vec::new();
    for (index, (operation, state)) in operations.iter().enumerate() {
        let is_overtaken = || {
            let mut later = operations.iter().skip(index + 1);
            later.any(|(later, state)| later.depends_on(operation) && *state == Some(State::After))
        };
        let waits = || {
            let earlier = operations.iter().zip(&results);
            earlier
                .filter(|((earlier, _), _)| operation.depends_on(earlier))
                .any(|(_, result)| *result == StepResult::Planned)
        };
        let result = match state {
            None => StepResult::Unseen,
            Some(State::Before) => StepResult::Planned,
            Some(State::After) => StepResult::AlreadyDone,
            Some(State::Changed(_)) if is_overtaken() => StepResult::Overtaken,
            // What it writes to is looked at when the change before it is done.
            Some(State::Changed(_)) if waits() => StepResult::Planned,
            Some(State::Changed(now)) => StepResult::Stale(now.clone()),
        };
        results.push(result);
    }
    Ok(results)
}
