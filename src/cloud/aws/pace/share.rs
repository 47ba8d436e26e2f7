//! Which share of AWS's quotas is used.

use std::fmt;
use std::str::FromStr;

/// The share of each request quota that calls may use, in percent: what is left is for everybody else in the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    /// All of it: for whoever waits for one run.
    pub const ALL: Self = Self(100);
    /// What leaves room for others where a run takes long and is everywhere.
    pub const OF_FLEETS: Self = Self(80);

    /// In percent.
    pub(super) fn percent(self) -> u32 {
        self.0
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// A text that is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a share is a whole number from 1 to 100, such as 80%")]
pub struct NoShare;

impl FromStr for Share {
    type Err = NoShare;

    /// Reads `80%`, or `80`.
    fn from_str(text: &str) -> Result<Self, NoShare> {
        let digits = text.strip_suffix('%').unwrap_or(text);
        // What `parse` takes besides digits is a sign.
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let percent = digits.parse().ok().filter(|percent| is_plain && (1..=100).contains(percent));
        percent.map(Self).ok_or(NoShare)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_of_percent() {
        for (text, share) in [("80", 80), ("80%", 80), ("1%", 1), ("100", 100), ("080", 80)] {
            assert_eq!(text.parse(), Ok(Share(share)), "{text}");
        }
        for text in ["", "%", "0", "0%", "101", "-5", "+5", "80 %", "80%%", "0.8", "4294967376", "eighty"] {
            assert_eq!(text.parse::<Share>(), Err(NoShare), "{text}");
        }
        assert_eq!(Share::OF_FLEETS.to_string().parse(), Ok(Share::OF_FLEETS));
    }
}
