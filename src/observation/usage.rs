//! Which accounts use an image, by the reports that EC2 makes where its owner asks for them.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arn::AccountId;

/// The kinds of resources by which accounts launch an image now or later.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/your-ec2-ami-usage.html>
pub const USING: [&str; 2] = ["ec2:Instance", "ec2:LaunchTemplate"];

/// A report, by what is told of it without its content.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImageUsageReport.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportHead {
    /// `amiur-…`
    pub id: String,
    /// `available`, `pending` or `error`.
    pub state: String,
    /// How many seconds ago it was asked for.
    pub age: u64,
    /// The kinds of resources that it was asked for.
    pub kinds: BTreeSet<String>,
    /// Whether it was asked for some accounts alone.
    pub is_of_some_accounts: bool,
}

impl ReportHead {
    /// Whether an account that is not in it does not use the image.
    fn is_whole(&self) -> bool {
        self.state == "available"
            && !self.is_of_some_accounts
            && USING.iter().all(|kind| self.kinds.contains(*kind))
    }

    /// The newest report that tells of every account, by instances and launch templates.
    ///
    /// # Errors
    /// There is none; what there is.
    pub fn newest(heads: Vec<Self>) -> Result<Self, NoReport> {
        let none = NoReport {
            is_pending: heads.iter().any(|head| head.state == "pending"),
            partial: heads.iter().filter(|head| head.state == "available").count(),
        };
        let whole = heads.into_iter().filter(Self::is_whole);
        whole.min_by(|one, other| (one.age, &one.id).cmp(&(other.age, &other.id))).ok_or(none)
    }
}

/// What is known of an image's use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Usage {
    /// By the newest report that tells of every account.
    Reported(UsageReport),
    /// No report tells it.
    Unreported(NoReport),
}

/// Which accounts use an image, by a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsageReport {
    /// `amiur-…`
    pub id: String,
    /// How many seconds ago it was asked for.
    pub age: u64,
    /// The accounts, each with how many of its resources refer to the image.
    pub accounts: BTreeMap<AccountId, u64>,
}

/// The reports that don't tell of every account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoReport {
    /// Whether one is being made.
    pub is_pending: bool,
    /// How many tell of some accounts alone, or not of instances and launch templates.
    pub partial: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(id: &str, state: &str, age: u64, kinds: &[&str], is_of_some_accounts: bool) -> ReportHead {
        ReportHead {
            id: id.to_owned(),
            state: state.to_owned(),
            age,
            kinds: kinds.iter().map(ToString::to_string).collect(),
            is_of_some_accounts,
        }
    }

    #[test]
    fn only_a_report_of_every_account_tells_who_does_not_use_an_image() {
        let whole = |id, age| head(id, "available", age, &USING, false);
        let newest = |heads: &[ReportHead]| ReportHead::newest(heads.to_vec()).map(|head| head.id);
        let some = head("some", "available", 1, &USING, true);
        let instances = head("instances", "available", 1, &USING[..1], false);
        let pending = head("pending", "pending", 1, &USING, false);
        let failed = head("failed", "error", 1, &USING, false);
        let all = [some, whole("old", 9), instances, whole("new", 5), pending.clone(), failed.clone()];
        assert_eq!(newest(&all), Ok("new".to_owned()));
        assert_eq!(newest(&[whole("b", 5), whole("a", 5)]), Ok("a".to_owned()));
        let none = |is_pending, partial| Err(NoReport { is_pending, partial });
        assert_eq!(newest(&[]), none(false, 0));
        assert_eq!(newest(&[failed]), none(false, 0));
        assert_eq!(newest(&[pending, all[0].clone(), all[2].clone()]), none(true, 2));
    }
}
