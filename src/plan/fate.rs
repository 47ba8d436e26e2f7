//! What became of a change: one word for everybody who decides on it, records it or tells of it.

use serde::{Deserialize, Serialize};

/// What became of a change. The words stand in journals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is planned, and was not approved.
    Planned,
    /// It is planned, and what it writes to is in an account that no credentials serve here.
    Unseen,
    /// The run stopped before it.
    NotStarted,
    /// Left out when it was approved.
    Deselected,
    /// It was as planned before anything was written.
    AlreadyDone,
    /// What comes after it on the same thing was as planned before anything was written.
    Overtaken,
    /// Written, and read back as written.
    Applied,
    /// Written, and changed by somebody else right afterwards.
    Overwritten,
    /// Written, and not read back as written in time.
    Unsettled,
    /// Not written: somebody else changed what it writes to.
    Stale,
    /// Refused: AWS did not make it.
    Failed,
    /// Failed on the way: AWS may have made it.
    Unknown,
}

impl Fate {
    /// Whether what it makes is there.
    pub fn holds(self) -> bool {
        matches!(self, Self::AlreadyDone | Self::Overtaken | Self::Applied)
    }

    /// Whether nothing is left to do for it.
    pub fn is_settled(self) -> bool {
        self.holds() || self == Self::Deselected
    }

    /// Whether AWS confirmed that the run wrote it.
    pub fn is_written(self) -> bool {
        matches!(self, Self::Applied | Self::Overwritten | Self::Unsettled)
    }

    /// Whether somebody else changed what it writes to.
    pub fn is_stale(self) -> bool {
        matches!(self, Self::Stale | Self::Overwritten)
    }

    /// Whether it was begun, or would have been, and did not end well.
    pub fn went_wrong(self) -> bool {
        matches!(self, Self::Overwritten | Self::Unsettled | Self::Stale | Self::Failed | Self::Unknown)
    }

    /// For people who look after the run.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned | Self::Unseen | Self::NotStarted => "not started",
            Self::Deselected => "deselected",
            Self::AlreadyDone | Self::Overtaken => "already so",
            Self::Applied => "applied",
            Self::Overwritten => "overwritten",
            Self::Unsettled => "unsettled",
            Self::Stale => "stale",
            Self::Failed | Self::Unknown => "failed",
        }
    }

    /// For people who look at the whole of it.
    pub fn word_in_short(self) -> &'static str {
        match self {
            Self::Planned | Self::Unseen | Self::NotStarted => "planned",
            Self::Deselected => "left out",
            Self::AlreadyDone | Self::Overtaken => "so already",
            Self::Applied => "applied",
            Self::Overwritten | Self::Unsettled | Self::Stale | Self::Failed | Self::Unknown => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each fate with its word in journals, which is never to change.
    const WORDS: [(Fate, &str); 12] = [
        (Fate::Planned, "planned"),
        (Fate::Unseen, "unseen"),
        (Fate::NotStarted, "not_started"),
        (Fate::Deselected, "deselected"),
        (Fate::AlreadyDone, "already_done"),
        (Fate::Overtaken, "overtaken"),
        (Fate::Applied, "applied"),
        (Fate::Overwritten, "overwritten"),
        (Fate::Unsettled, "unsettled"),
        (Fate::Stale, "stale"),
        (Fate::Failed, "failed"),
        (Fate::Unknown, "unknown"),
    ];

    #[test]
    fn the_words_of_journals_stay() {
        for (fate, word) in WORDS {
            assert_eq!(serde_json::to_value(fate).unwrap(), word);
            assert_eq!(serde_json::from_value::<Fate>(word.into()).unwrap(), fate);
        }
    }

    #[test]
    fn each_is_open_or_settled_or_went_wrong() {
        for (fate, word) in WORDS {
            let is_open = matches!(fate, Fate::Planned | Fate::Unseen | Fate::NotStarted);
            let ways = [is_open, fate.is_settled(), fate.went_wrong()];
            assert_eq!(ways.iter().filter(|holds| **holds).count(), 1, "{word}");
            assert!(!fate.is_stale() || fate.went_wrong(), "{word}");
            assert!(!fate.holds() || fate.is_settled(), "{word}");
        }
    }
}
