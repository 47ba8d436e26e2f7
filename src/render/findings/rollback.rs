//! What is said of the way back.

use super::Words;
use super::identity::unsavable;
use crate::plan::finding::RollbackFinding;
use crate::plan::listing::all_listed;

pub(super) fn words(found: &RollbackFinding) -> Words {
    match found {
        RollbackFinding::Unread { reason } => Words::new(format!("it was not read: {reason}"))
            .hint("give credentials for its account and run this again"),
        RollbackFinding::StaysDeleted { version, text } => Words::new(format!(
            "version {version}, which went to make room, stays deleted; it said: {}",
            line(text)
        )),
        RollbackFinding::StaysPruned { orphans } => Words::new(format!(
            "{} were taken out of the key policy and stay out: AWS refuses principals that no longer exist",
            all_listed(orphans)
        )),
        RollbackFinding::Left { what, run } => {
            Words::new(format!("{what} is no longer as run {run} wrote it, and stays"))
        }
        RollbackFinding::LeftFor { what, run } => {
            Words::new(format!("{what}; what run {run} did there stays"))
        }
        RollbackFinding::Conflict { run, did } => {
            Words::new(format!("somebody changed it since run {run} did this: {did}"))
                .hint("look at the differences; `--only-ours` takes back what stands unchanged")
        }
        RollbackFinding::Deleted { key } => Words::new(format!(
            "it was deleted since, and AWS refuses the former policy of `{key}`, which names it"
        ))
        .hint("create it again, or edit the key policy by hand; the journal has the former text"),
        RollbackFinding::BaseGone { version, run, text } => Words::new(format!(
            "version {version}, which was in force before run {run}, is gone; it said: {}",
            line(text)
        ))
        .hint("put that text back as a new version by hand"),
        RollbackFinding::Refused { why, run } => {
            Words::new(format!("{}, so what run {run} added stays", unsavable(why)))
        }
        RollbackFinding::NoRoom { quota, run } => Words::new(format!(
            "it has {quota} versions, the most there may be, so what run {run} added stays"
        ))
        .hint("delete a version that nobody needs, then run this again"),
    }
}

/// A document in one line.
fn line(text: &str) -> String {
    serde_json::from_str::<serde_json::Value>(text)
        .map_or_else(|_| text.to_owned(), |value| value.to_string())
}
