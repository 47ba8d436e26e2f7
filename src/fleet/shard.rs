//! Shards: which of several workers sees to which account.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::arn::AccountId;

/// What one of several workers sees to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard(Portion);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Portion {
    /// The accounts that a hash gives to one of so many workers.
    Hashed { index: u32, count: u32 },
    /// One account.
    Account(AccountId),
}

/// How what is done is shared out among workers: one way for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Division {
    /// Among so many.
    Shards(u32),
    /// Each account has a worker of its own.
    Accounts(ByAccount),
}

/// The word for it in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByAccount {
    /// The only one.
    Accounts,
}

impl Division {
    /// Each worker's part.
    pub fn shards(self, accounts: &[AccountId]) -> Vec<Shard> {
        match self {
            Self::Shards(count) => (1..=count).map(|index| Shard(Portion::Hashed { index, count })).collect(),
            Self::Accounts(_) => accounts.iter().copied().map(Shard::of_account).collect(),
        }
    }
}

impl fmt::Display for Division {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shards(1) => f.write_str("with 1 shard"),
            Self::Shards(count) => write!(f, "with {count} shards"),
            Self::Accounts(_) => f.write_str("account by account"),
        }
    }
}

/// Why there is no such shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// It is not written as shards are.
    #[error("`{0}` is no shard: I/N with I from 1 to N, such as 3/8, or `auto`")]
    Malformed(String),
    /// No engine tells which worker this is.
    #[error(
        "nothing tells which shard this is: no variable of AWS Batch, Kubernetes, Slurm or GitLab is set"
    )]
    Untold,
    /// What the engine tells does not fit together.
    #[error("{variable} is `{value}`, which is no shard: {reason}")]
    Unfit {
        /// The variable.
        variable: &'static str,
        /// What it says.
        value: String,
        /// Why that does not fit.
        reason: String,
    },
}

impl Shard {
    /// The only worker.
    pub const WHOLE: Self = Self(Portion::Hashed { index: 1, count: 1 });

    /// The worker of one account.
    pub fn of_account(account: AccountId) -> Self {
        Self(Portion::Account(account))
    }

    /// The account, where it is one's alone.
    pub fn account(self) -> Option<AccountId> {
        match self.0 {
            Portion::Hashed { .. } => None,
            Portion::Account(account) => Some(account),
        }
    }

    /// How all is shared out where this is a part of it.
    pub fn division(self) -> Division {
        match self.0 {
            Portion::Hashed { count, .. } => Division::Shards(count),
            Portion::Account(_) => Division::Accounts(ByAccount::Accounts),
        }
    }

    /// How it is called in the name of a record.
    pub fn in_a_name(self) -> String {
        match self.0 {
            Portion::Hashed { index, count } => format!("{index}-of-{count}"),
            Portion::Account(account) => format!("account-{account}"),
        }
    }

    /// Whether an account is this worker's: by a hash that is the same everywhere and always.
    pub fn has(self, account: AccountId) -> bool {
        let (index, count) = match self.0 {
            Portion::Hashed { index, count } => (index, count),
            Portion::Account(own) => return own == account,
        };
        let digest = Sha256::digest(account.to_string());
        let hash = digest.iter().take(8).fold(0_u64, |hash, byte| hash << 8 | u64::from(*byte));
        hash % u64::from(count) == u64::from(index - 1)
    }

    /// The shard that an engine made this process for, of as many as are given where the engine does not tell.
    ///
    /// <https://docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html>,
    /// <https://kubernetes.io/docs/tasks/job/indexed-parallel-processing-static/>,
    /// <https://slurm.schedmd.com/job_array.html>, <https://docs.gitlab.com/ci/variables/predefined_variables/>
    ///
    /// # Errors
    /// No engine tells, or what it tells is no shard.
    pub fn of_engine(
        variable: &dyn Fn(&str) -> Option<String>,
        count: Option<u32>,
    ) -> Result<Self, ShardError> {
        let number = |name: &'static str| -> Result<Option<u32>, ShardError> {
            let Some(value) = variable(name) else { return Ok(None) };
            let reason = "it is not a number".to_owned();
            value.parse().map(Some).map_err(|_| ShardError::Unfit { variable: name, value, reason })
        };
        let of = |name: &'static str, index: u32, first: u32, all: Option<u32>| {
            let unfit = |reason: &str| ShardError::Unfit {
                variable: name,
                value: index.to_string(),
                reason: reason.to_owned(),
            };
            let all = all.or(count).ok_or_else(|| unfit("give the number of shards: --shards N"))?;
            if count.is_some_and(|count| count != all) {
                return Err(unfit(&format!("there are {all} by the engine, and another number by --shards")));
            }
            let index = index.checked_sub(first).filter(|index| *index < all);
            let index = index.ok_or_else(|| unfit(&format!("it is not one of {all} from {first} on")))?;
            Ok(Self(Portion::Hashed { index: index + 1, count: all }))
        };
        if let Some(index) = number("AWS_BATCH_JOB_ARRAY_INDEX")? {
            return of("AWS_BATCH_JOB_ARRAY_INDEX", index, 0, number("AWS_BATCH_JOB_ARRAY_SIZE")?);
        }
        if let Some(index) = number("SLURM_ARRAY_TASK_ID")? {
            let (first, count) =
                (number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0), number("SLURM_ARRAY_TASK_COUNT")?);
            if let (Some(last), Some(count)) = (number("SLURM_ARRAY_TASK_MAX")?, count)
                && last.checked_sub(first).and_then(|span| span.checked_add(1)) != Some(count)
            {
                let reason = format!("the array from {first} to {last} has gaps: it has {count} tasks");
                return Err(ShardError::Unfit {
                    variable: "SLURM_ARRAY_TASK_ID",
                    value: index.to_string(),
                    reason,
                });
            }
            return of("SLURM_ARRAY_TASK_ID", index, first, count);
        }
        if let Some(index) = number("JOB_COMPLETION_INDEX")? {
            return of("JOB_COMPLETION_INDEX", index, 0, None);
        }
        if let Some(index) = number("CI_NODE_INDEX")? {
            return of("CI_NODE_INDEX", index, 1, number("CI_NODE_TOTAL")?);
        }
        Err(ShardError::Untold)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Portion::Hashed { index, count } => write!(f, "{index}/{count}"),
            Portion::Account(account) => write!(f, "account {account}"),
        }
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let parsed = text.split_once('/').and_then(|(index, count)| {
            let (index, count) = (index.parse().ok()?, count.parse().ok()?);
            (1..=count).contains(&index).then_some(Self(Portion::Hashed { index, count }))
        });
        parsed.ok_or_else(|| ShardError::Malformed(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_engine(variables: &[(&str, &str)], count: Option<u32>) -> Result<String, String> {
        let variable =
            |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
        Shard::of_engine(&variable, count).map(|shard| shard.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn each_account_is_one_shards() {
        let accounts: Vec<AccountId> =
            (0..400_u64).map(|id| format!("{:012}", 111_122_223_333 + id * 7919).parse().unwrap()).collect();
        for count in [1, 4, 16] {
            let shards = Division::Shards(count).shards(&[]);
            for account in &accounts {
                assert_eq!(shards.iter().filter(|shard| shard.has(*account)).count(), 1);
            }
            let fullest = shards
                .iter()
                .map(|shard| accounts.iter().filter(|account| shard.has(**account)).count())
                .max();
            assert!(fullest.unwrap() <= 2 * accounts.len() / count as usize + 8, "{count}: {fullest:?}");
        }
        // The same everywhere: another version of keymend must not share accounts out otherwise.
        assert!("1/4".parse::<Shard>().unwrap().has("111122223333".parse().unwrap()));
    }

    #[test]
    fn a_division_is_recorded_as_its_number_or_in_a_word() {
        let account: AccountId = "111122223333".parse().unwrap();
        let own = Shard::of_account(account);
        assert!(own.has(account) && !own.has("444455556666".parse().unwrap()));
        for (shard, text) in [("3/8".parse().unwrap(), "8"), (own, "\"accounts\"")] {
            let division = shard.division();
            assert_eq!(serde_json::to_string(&division).unwrap(), text);
            assert_eq!(serde_json::from_str::<Division>(text).unwrap(), division);
            assert!(division.shards(&[account]).contains(&shard));
        }
    }

    #[test]
    fn shards_as_typed() {
        assert_eq!("3/8".parse::<Shard>().unwrap().to_string(), "3/8");
        for text in ["0/8", "9/8", "3", "3/0", "-1/8", "a/b", "", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn engines_tell_the_shard() {
        for (variables, count, shard) in [
            (&[("AWS_BATCH_JOB_ARRAY_INDEX", "0"), ("AWS_BATCH_JOB_ARRAY_SIZE", "8")][..], None, "1/8"),
            (
                &[
                    ("SLURM_ARRAY_TASK_ID", "8"),
                    ("SLURM_ARRAY_TASK_MIN", "1"),
                    ("SLURM_ARRAY_TASK_MAX", "8"),
                    ("SLURM_ARRAY_TASK_COUNT", "8"),
                ],
                None,
                "8/8",
            ),
            (&[("JOB_COMPLETION_INDEX", "3")], Some(4), "4/4"),
            (&[("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "2")], None, "1/2"),
        ] {
            assert_eq!(of_engine(variables, count).unwrap(), shard);
        }
        for (variables, count, told) in [
            (&[][..], None, "nothing tells which shard"),
            (&[("JOB_COMPLETION_INDEX", "3")], None, "--shards N"),
            (&[("JOB_COMPLETION_INDEX", "4")], Some(4), "not one of 4 from 0 on"),
            (&[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "2")], None, "not one of 2 from 1 on"),
            (&[("AWS_BATCH_JOB_ARRAY_INDEX", "x")], None, "not a number"),
            (
                &[("AWS_BATCH_JOB_ARRAY_INDEX", "0"), ("AWS_BATCH_JOB_ARRAY_SIZE", "8")],
                Some(4),
                "another number",
            ),
            (
                &[
                    ("SLURM_ARRAY_TASK_ID", "9"),
                    ("SLURM_ARRAY_TASK_MIN", "1"),
                    ("SLURM_ARRAY_TASK_MAX", "9"),
                    ("SLURM_ARRAY_TASK_COUNT", "5"),
                ],
                None,
                "has gaps",
            ),
        ] {
            let error = of_engine(variables, count).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
