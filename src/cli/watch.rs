//! The options of `keymend watch`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use super::{BackendArgs, OrganizationArgs, OutputArgs, RemedyArgs};

/// What the exit status of `keymend watch` means.
pub const WATCH_EXIT_STATUSES: [(u8, &str); 5] = [
    (0, "all was read, and everybody whom an event is about can launch by now"),
    (1, "error: something could not be read, or a verdict could not be had"),
    (2, "wrong usage"),
    (3, "somebody can't launch, or nobody can tell"),
    (130, "interrupted, after the event at hand"),
];

/// What `keymend watch` does, for its long help.
pub(super) const WATCH: &str = "Read events on standard input, as `check` reads them from a file of CloudTrail's, one a \
    line or laid out over several, until there are no more. For each that tells of a launch that failed for a key, look at \
    both sides as they are by now, and write to a folder of its own what `check --output json` prints, verdict.json, and the \
    plan that `fix` would save, plan.json. Nothing is written but what --out names: nobody gets access by failing. Calls of \
    keymend's own, and of whom its credentials are, are passed over.";

/// `keymend watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Where verdicts and plans go: a folder, or `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "DIR", help_heading = "Hand-over")]
    pub out: PathBuf,
    /// For how long an event of the same key and principal is no news
    ///
    /// By the times that events tell: seconds, minutes, hours or days, as in 90s, 15m, 2h, 1d.
    #[arg(long, value_name = "TIME", default_value = "15m", help_heading = "Events")]
    pub window: Window,
    /// How grantees are helped.
    #[command(flatten)]
    pub remedy: RemedyArgs,
    /// Policies of the organization.
    #[command(flatten)]
    pub organization: OrganizationArgs,
    /// Where it reads.
    #[command(flatten)]
    pub backend: BackendArgs,
    /// How it is shown.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A span of time, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window(pub Duration);

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const MOST: u64 = 7 * 24 * 60 * 60;
        let wrong = || "a number with s, m, h or d behind it, up to 7d".to_owned();
        let unit = text.chars().next_back().ok_or_else(wrong)?;
        let seconds: u64 = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return Err(wrong()),
        };
        let number =
            text.strip_suffix(unit).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let number: u64 = number.and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
        let span = number.checked_mul(seconds).filter(|span| *span <= MOST).ok_or_else(wrong)?;
        Ok(Self(Duration::from_secs(span)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time() {
        let seconds = |text: &str| text.parse().map(|Window(span)| span.as_secs());
        for (text, span) in [("0s", 0), ("90s", 90), ("15m", 900), ("2h", 7200), ("7d", 604_800)] {
            assert_eq!(seconds(text), Ok(span), "{text}");
        }
        for text in
            ["", "15", "m", "-1m", "+1m", "1.5h", "8d", "1w", "15 m", "15M", "18446744073709551615d", "1é"]
        {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
