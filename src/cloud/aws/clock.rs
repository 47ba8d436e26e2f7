//! By how much this machine's clock is off, as far as an answer tells.

use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// AWS takes signatures that are so much too old or too young.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>
const TOLERATED: Duration = Duration::from_mins(5);

/// Codes that mean something else as well: credentials that have ended, or that are not valid.
const AMBIGUOUS: [&str; 4] =
    ["AuthFailure", "InvalidSignatureException", "RequestExpired", "SignatureDoesNotMatch"];

/// How far the clock is off, in words, where it is too far: by the `Date` of the answer, or by its message.
pub(super) fn off(date: Option<&str>, message: &str, now: SystemTime) -> Option<String> {
    let dated = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
    let theirs = SystemTime::try_from(dated.or_else(|| told(message))?).ok()?;
    let (by, word) = match now.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    (by >= TOLERATED).then(|| format!("the clock of this machine is {} {word} AWS's", rounded(by)))
}

/// Whether a code may well mean that the clock is off.
pub(super) fn may_be_meant(code: Option<&str>) -> bool {
    code.is_some_and(|code| AMBIGUOUS.contains(&code))
}

/// AWS's time in `Signature expired: 20261127T100000Z is now earlier than 20261127T105500Z (20261127T110000Z - 5 min.)`.
fn told(message: &str) -> Option<DateTime> {
    let (_, within) = message.rsplit_once('(')?;
    let digits = within.split_whitespace().next()?;
    let part = |range| digits.get(range);
    let [year, month, day] = [part(0..4)?, part(4..6)?, part(6..8)?];
    let [hour, minute, second] = [part(9..11)?, part(11..13)?, part(13..15)?];
    DateTime::from_str(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"), Format::DateTime).ok()
}

fn rounded(duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    match (minutes / (24 * 60), minutes / 60, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} minutes"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is_off() {
        let eleven = DateTime::from_str("2026-11-27T11:00:00Z", Format::DateTime).unwrap();
        let at =
            |minutes: i64| SystemTime::try_from(DateTime::from_secs(eleven.secs() + minutes * 60)).unwrap();
        let date = Some("Fri, 27 Nov 2026 11:00:00 GMT");
        let message = "Signature expired: 20261127T100000Z is now earlier than 20261127T105500Z (20261127T110000Z - 5 min.)";
        for (date, message) in [(date, ""), (None, message), (Some("yesterday"), message), (date, message)] {
            for (now, told) in [
                (-4, None),
                (4, None),
                (-6, Some("6 minutes behind")),
                (-62, Some("1 h 2 min behind")),
                (26 * 60, Some("1 d 2 h ahead of")),
            ] {
                let told = told.map(|told| format!("the clock of this machine is {told} AWS's"));
                assert_eq!(off(date, message, at(now)), told, "{date:?} {message} {now}");
            }
        }
        for message in
            ["", "(", "(20261127T11é000Z", "Signature expired: x (y - 5 min.)", "(99999999T999999Z"]
        {
            assert_eq!(off(None, message, at(90)), None, "{message}");
        }
    }
}
