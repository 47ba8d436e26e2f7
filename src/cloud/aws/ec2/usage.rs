//! EC2's answers about the use of images.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_sdk_iam::primitives::{DateTime, DateTimeFormat};
use serde::Deserialize;

use super::answers::{Page, Set, Unexpected, page};
use crate::arn::AccountId;
use crate::observation::usage::ReportHead;

page!(ReportsPage, ReportItem, "imageUsageReportSet");

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReportItem {
    report_id: String,
    #[serde(default)]
    state: String,
    creation_time: String,
    #[serde(default)]
    resource_type_set: Set<Kind>,
    #[serde(default)]
    account_id_set: Set<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    #[serde(default)]
    resource_type: String,
}

impl ReportItem {
    pub(super) fn into_head(self, now: SystemTime) -> Result<ReportHead, Unexpected> {
        let created = DateTime::from_str(&self.creation_time, DateTimeFormat::DateTime);
        let created = created.ok().and_then(|time| SystemTime::try_from(time).ok());
        let created = created.ok_or_else(|| Unexpected::time(&self.creation_time))?;
        Ok(ReportHead {
            id: self.report_id,
            state: self.state,
            // A clock that is a little behind makes it brand-new.
            age: now.duration_since(created).unwrap_or_default().as_secs(),
            kinds: self.resource_type_set.item.into_iter().map(|kind| kind.resource_type).collect(),
            is_of_some_accounts: !self.account_id_set.item.is_empty(),
        })
    }
}

page!(EntriesPage, EntryItem, "imageUsageReportEntrySet");

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryItem {
    image_id: String,
    account_id: String,
    usage_count: u64,
}

/// How often each account uses an image.
pub(super) fn by_account(
    entries: Vec<EntryItem>,
    image: &str,
) -> Result<BTreeMap<AccountId, u64>, Unexpected> {
    let mut accounts = BTreeMap::new();
    for EntryItem { account_id, usage_count, .. } in
        entries.into_iter().filter(|entry| entry.image_id == image)
    {
        if usage_count > 0 {
            let count: &mut u64 = accounts.entry(account_id.parse()?).or_default();
            *count = count.saturating_add(usage_count);
        }
    }
    Ok(accounts)
}
