//! Where an account of a fleet stands, and what was done there.

use serde::{Deserialize, Serialize};

use crate::apply::RunOutcome;
use crate::arn::AccountId;
use crate::cloud::{CloudError, CloudErrorKind};
use crate::plan::{Fate, Plan};

/// What became of an account's part. Of several, the first here is the worst.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A call was refused, or failed for good.
    Refused,
    /// Somebody else changed a document.
    Stale,
    /// Something stands in the way that no change of ours may mend.
    Blocked,
    /// A worker began and did not come to its end; or it is still under way.
    Cut,
    /// Throttled, or out of reach: the same command may finish it.
    Unreachable,
    /// No worker has come to it.
    NotStarted,
    /// No credentials serve the account.
    NoCredentials,
    /// Done, but for what somebody else has to do.
    Left,
    /// Planned, and not applied yet.
    Planned,
    /// Everything was as it is to be.
    Nothing,
    /// Done.
    Done,
    /// Taken back.
    RolledBack,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Refused,
        Self::Stale,
        Self::Blocked,
        Self::Cut,
        Self::Unreachable,
        Self::NotStarted,
        Self::NoCredentials,
        Self::Left,
        Self::Planned,
        Self::Nothing,
        Self::Done,
        Self::RolledBack,
    ];

    /// In words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Stale => "stale",
            Self::Blocked => "blocked",
            Self::Cut => "cut, or under way",
            Self::Unreachable => "unreachable",
            Self::NotStarted => "not started",
            Self::NoCredentials => "no credentials",
            Self::Left => "done, with something left for others",
            Self::Planned => "planned",
            Self::Nothing => "nothing to do",
            Self::Done => "done",
            Self::RolledBack => "rolled back",
        }
    }

    /// Whether there is nothing that the same command would do once more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Nothing | Self::Left | Self::RolledBack)
    }

    /// Whether it counts against the failures that are put up with.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Refused | Self::Stale | Self::Blocked | Self::Unreachable | Self::NoCredentials)
    }

    /// What a plan alone comes to.
    pub fn of_plan(plan: &Plan) -> Self {
        if plan.is_unsound() || plan.is_blocked() {
            Self::Blocked
        } else if !plan.changes.is_empty() {
            Self::Planned
        } else if plan.leaves_work() {
            Self::Left
        } else {
            Self::Nothing
        }
    }

    /// What a call that failed makes of it.
    pub fn of_error(error: &CloudError) -> Self {
        match error.kind {
            CloudErrorKind::NoCredentials | CloudErrorKind::ExpiredCredentials => Self::NoCredentials,
            CloudErrorKind::Throttled | CloudErrorKind::Transient => Self::Unreachable,
            CloudErrorKind::AccessDenied
            | CloudErrorKind::NotFound
            | CloudErrorKind::AlreadyExists
            | CloudErrorKind::Malformed
            | CloudErrorKind::InvalidPrincipal
            | CloudErrorKind::Lockout
            | CloudErrorKind::LimitExceeded
            | CloudErrorKind::Conflict
            | CloudErrorKind::Unmodifiable
            | CloudErrorKind::ClockSkew
            | CloudErrorKind::Other => Self::Refused,
        }
    }

    /// What a run that came to its end makes of it.
    pub fn of_outcome(outcome: &RunOutcome) -> Self {
        let is = |fate: Fate| outcome.steps.iter().any(|step| step.fate() == fate);
        let errors = || {
            outcome.steps.iter().filter_map(|step| match step {
                crate::apply::StepResult::Failed(error) => Some(Self::of_error(error)),
                _ => None,
            })
        };
        if let Some(worst) = errors().min() {
            return worst;
        }
        if outcome.journal_error.is_some() || is(Fate::Overwritten) {
            Self::Refused
        } else if is(Fate::Stale) {
            Self::Stale
        } else if is(Fate::Unsettled) || is(Fate::Unknown) {
            Self::Unreachable
        } else if outcome.is_interrupted || is(Fate::NotStarted) {
            Self::Cut
        } else {
            Self::Done
        }
    }
}

/// Equal changes of one account, as one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Group {
    /// What is changed, in words.
    pub what: String,
    /// How many of them there are.
    pub count: usize,
}

/// What one step made of an account's part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountStanding {
    /// The account.
    pub account: AccountId,
    /// Where it stands.
    pub state: State,
    /// Why, in words; what stands in the way and what was not looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Group>,
    /// The changes that are planned, or were written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Group>,
    /// The SHA-256 of the file of the plan that was made, or applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The SHA-256 of what was asked when it was planned, where lines were left out that may have asked for more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// The run, by its id in the account's journals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The SHA-256 of the run's journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<String>,
}

/// A line of the manifest that is left out: what it names could not be looked up, so nobody knows all that it asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeftLine {
    /// The line, counted from 1.
    pub line: usize,
    /// What became of it.
    pub state: State,
    /// Why, in words.
    pub cause: String,
}

impl AccountStanding {
    /// An account in a state, and nothing known besides.
    pub fn new(account: AccountId, state: State) -> Self {
        Self {
            account,
            state,
            causes: Vec::new(),
            changes: Vec::new(),
            plan: None,
            asked: None,
            run: None,
            journal: None,
        }
    }

    /// Keeps the run of an earlier standing where there is no later one: what it wrote has its way back by it.
    #[must_use]
    pub fn after(self, earlier: Option<Self>) -> Self {
        match earlier {
            Some(Self { run: Some(run), journal, changes, .. }) if self.run.is_none() => {
                Self { run: Some(run), journal, changes, ..self }
            }
            _ => self,
        }
    }

    /// With a reason.
    #[must_use]
    pub fn because(mut self, what: impl Into<String>) -> Self {
        self.causes.push(Group { what: what.into(), count: 1 });
        self
    }
}

/// Equal texts as one each, the most frequent first.
pub fn grouped(texts: impl IntoIterator<Item = String>) -> Vec<Group> {
    let mut counts = std::collections::BTreeMap::new();
    for text in texts {
        *counts.entry(text).or_insert(0) += 1;
    }
    let mut groups: Vec<Group> = counts.into_iter().map(|(what, count)| Group { what, count }).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_kept_until_there_is_a_later_one() {
        let account = "111122223333".parse().unwrap();
        let ran = |run: &str| AccountStanding {
            run: Some(run.to_owned()),
            journal: Some(format!("digest of {run}")),
            changes: grouped(["update the key policy".to_owned()]),
            ..AccountStanding::new(account, State::Unreachable)
        };
        let failed = AccountStanding::new(account, State::NoCredentials).because("nobody");
        let kept = failed.clone().after(Some(ran("1")));
        assert_eq!((kept.state, kept.run, kept.journal), (failed.state, ran("1").run, ran("1").journal));
        assert_eq!(kept.causes, failed.causes);
        assert_eq!(ran("2").after(Some(ran("1"))), ran("2"));
        assert_eq!(failed.clone().after(Some(failed.clone())), failed);
        assert_eq!(failed.clone().after(None), failed);
    }

    #[test]
    fn equal_texts_are_counted() {
        let told = grouped(["a", "b", "b"].map(str::to_owned));
        let told: Vec<(&str, usize)> = told.iter().map(|group| (group.what.as_str(), group.count)).collect();
        assert_eq!(told, [("b", 2), ("a", 1)]);
    }
}
