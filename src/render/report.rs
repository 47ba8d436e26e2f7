//! A plan, and what became of it, as a page for a change request or a pull request.
//!
//! Everything from outside is escaped: it is shown, and is nothing but text.

pub(in crate::render) mod html;
mod markdown;
#[cfg(test)]
mod tests;

use super::Styles;
use super::command;
use super::text::names::Detail;
use super::text::{self, foreign_access, names};
use crate::access::{CoverageRule, Profile};
use crate::diff::Room;
use crate::plan::matrix::{CellStanding, SideAnswer, Sides};
use crate::plan::{Case, Fate, Severity};

pub use html::html;
pub use markdown::markdown;

/// The room of a difference: a page shows it whole.
const ROOM: Room = Room { columns: 96, elements: None };

/// What a report is about.
#[derive(Debug)]
pub struct Report<'a> {
    /// When it is written: RFC 3339, UTC.
    pub made_at: &'a str,
    /// What was planned, and what it was made from.
    pub case: &'a Case,
    /// What became of each change, in their order.
    pub fates: Vec<Fate>,
    /// How many changes planning again found after the writes, where both sides were read again.
    pub left: Option<usize>,
    /// The run's id in the journal, where it wrote.
    pub run: Option<String>,
    /// The options by which keys are found that were not named, quoted.
    pub origin: Vec<String>,
    /// The options by which its commands come to the same place, quoted.
    pub site: Vec<String>,
    /// The option that tells where the journal is, quoted, where it is not where it is by default.
    pub journal: Vec<String>,
}

impl Report<'_> {
    /// The state of all in one sentence.
    fn summary(&self) -> String {
        let count = |wanted: fn(Fate) -> bool| self.fates.iter().filter(|fate| wanted(**fate)).count();
        let all = self.case.plan.changes.len();
        let (applied, failed) = (count(Fate::holds), count(Fate::went_wrong));
        if failed > 0 {
            format!("{applied} of {} applied; {failed} failed.", names::counted(all, "change"))
        } else if applied > 0 && applied == all {
            format!("{} applied; {}.", names::counted(all, "change"), self.read_again())
        } else if applied > 0 {
            format!("{applied} of {} applied.", names::counted(all, "change"))
        } else if self.case.plan.is_blocked() {
            "Blocked: see the findings. Nothing was written.".to_owned()
        } else if all == 0 && self.case.plan.leaves_work() {
            "No changes here; something is left for others to do.".to_owned()
        } else if all == 0 {
            "No changes: everything holds already.".to_owned()
        } else {
            format!("{} planned; nothing was written.", names::counted(all, "change"))
        }
    }

    fn read_again(&self) -> String {
        match self.left {
            None => "both sides were not read again since".to_owned(),
            Some(0) => "both sides were read again".to_owned(),
            Some(left) => format!("both sides were read again: {} left", names::counted(left, "change")),
        }
    }

    /// The facts: a word and what it stands for.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let keys = self.case.request.keys.iter().map(|key| ("Key", key.to_string()));
        let grantees = self.case.request.grantees.iter().map(|grantee| ("Grantee", names::grantee(grantee)));
        let callers = self.case.observation.callers.iter();
        let callers =
            callers.map(|(account, caller)| ("Read as", format!("{} (account {account})", caller.arn)));
        let mut facts: Vec<_> = keys.chain(grantees).chain(callers).collect();
        facts.push(("IAM policy", self.case.request.policy_name.to_string()));
        facts.push(("Access", profile_in_words(self.case.request.profile).to_owned()));
        facts.push(("Made", self.made_at.to_owned()));
        facts.extend(self.run.iter().map(|run| ("Run", run.clone())));
        facts
    }

    /// Which other accounts get access.
    fn foreign_access(&self) -> Option<String> {
        let gained = self.case.outlook().gained(&self.case.plan.changes);
        let sentences = foreign_access(&gained, Detail::Whole, ", outside the key's own account");
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }

    /// The way to the keys as it is shown on a terminal; nothing where the keys were named.
    fn way(&self) -> Option<String> {
        let mut out = Vec::new();
        // Writing to memory does not fail.
        _ = text::chain(&mut out, &Styles::plain(), &self.case.chain, &self.case.request);
        (!out.is_empty()).then(|| String::from_utf8_lossy(&out).into_owned())
    }

    /// The command that plans and applies this.
    fn apply_command(&self) -> String {
        command::fix_request(&self.case.request).with(&self.origin).with(&self.site).to_string()
    }

    /// The command that takes it back.
    fn rollback_command(&self) -> String {
        command::rollback(self.run.as_deref()).with(&self.site).with(&self.journal).to_string()
    }
}

/// A piece of a sentence.
enum Piece<'s> {
    Words(&'s str),
    /// What stood between backticks.
    Name(&'s str),
}

/// A sentence in which names stand between backticks.
fn pieces(sentence: &str) -> Vec<Piece<'_>> {
    let parts: Vec<&str> = sentence.split('`').collect();
    let parts = parts.into_iter().enumerate();
    let is_name = |index: usize| !index.is_multiple_of(2);
    if parts.len().is_multiple_of(2) || parts.clone().any(|(index, part)| is_name(index) && part.is_empty()) {
        // A backtick of somebody else's is among them.
        return vec![Piece::Words(sentence)];
    }
    parts.map(|(index, part)| if is_name(index) { Piece::Name(part) } else { Piece::Words(part) }).collect()
}

/// Both sides in one sign.
fn sign(sides: Sides) -> &'static str {
    let asked: Vec<SideAnswer> = [sides.key_policy, sides.identity]
        .into_iter()
        .filter(|answer| *answer != SideAnswer::NotNeeded)
        .collect();
    let is_by_name = asked.iter().all(|answer| *answer == SideAnswer::Allows);
    if sides.standing == CellStanding::Forbidden {
        "✗"
    } else if asked.contains(&SideAnswer::Unread) || (is_by_name && sides.standing == CellStanding::Unknown) {
        "?"
    } else if is_by_name {
        "✓"
    } else if asked.contains(&SideAnswer::Allows) {
        "◐"
    } else {
        "–"
    }
}

/// What it is all for.
const PURPOSE: &str = "So that the grantees can launch EC2 instances from AMIs and snapshots that are encrypted under \
                       the key.";

/// Above the way to the keys.
const WAY: &str = "How the keys were found";

/// What the signs mean.
fn legend(rule: CoverageRule) -> String {
    let allowed = match rule {
        CoverageRule::Named => "allowed by name on every side that is asked",
        CoverageRule::Effective => "allowed on every side that is asked, as evaluation of the policies shows",
    };
    format!(
        "✓ {allowed}; ◐ on one of two sides; – on none; ? nobody can tell, for a side was not read or it depends on what is \
         not known; ✗ forbidden all the same: by a Deny, a boundary, a policy of the organization or the key's state. Where \
         a cell has two signs, the plan changes the first to the second."
    )
}

fn profile_in_words(profile: Profile) -> &'static str {
    match profile {
        Profile::Documented => "the remedy that AWS documents",
        Profile::LeastPrivilege => "what a launch needs, through EC2, and nothing besides",
    }
}

/// `kms:ReEncrypt*` as a column's head.
fn short(action: &str) -> &str {
    action.strip_prefix("kms:").unwrap_or(action)
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocking => "blocked",
        Severity::LeftOver => "left to do",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}
