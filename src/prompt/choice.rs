//! The answers that can be typed.

use std::fmt;
use std::str::FromStr;

/// An answer to the question whether to apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Yes,
    No,
    Select,
    Details,
}

impl Choice {
    /// What each answer leads to.
    pub(super) const MEANINGS: [(Self, &str); 4] = [
        (Self::Yes, "writes these changes"),
        (Self::No, "writes nothing; so do Enter alone and Ctrl-D"),
        (Self::Select, "lets you leave changes out, then asks again"),
        (Self::Details, "shows the documents before and after, whole, then asks again"),
    ];
}

/// A text that is no answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no answer: type yes, no, select or details, or the first letter")]
pub(super) struct ChoiceError(String);

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Select => "select",
            Self::Details => "details",
        })
    }
}

impl FromStr for Choice {
    type Err = ChoiceError;

    /// Takes a word or its start in any case; nothing typed means no.
    fn from_str(typed: &str) -> Result<Self, ChoiceError> {
        const WORDS: [(&str, Choice); 4] = [
            ("no", Choice::No),
            ("yes", Choice::Yes),
            ("select", Choice::Select),
            ("details", Choice::Details),
        ];
        let word = typed.trim().to_lowercase();
        let choice = WORDS.iter().find(|(name, _)| name.starts_with(&word)).map(|(_, choice)| *choice);
        choice.ok_or_else(|| ChoiceError(typed.trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_first_letters() {
        let parse = |typed: &str| typed.parse::<Choice>();
        for (typed, choice) in [
            ("", Choice::No),
            ("  ", Choice::No),
            ("n", Choice::No),
            ("y", Choice::Yes),
            (" YES ", Choice::Yes),
            ("sel", Choice::Select),
            ("Details", Choice::Details),
        ] {
            assert_eq!(parse(typed), Ok(choice), "{typed:?}");
        }
        for typed in ["yess", "yes no", "x", "1", "es"] {
            assert!(parse(typed).is_err(), "{typed:?}");
        }
        assert_eq!(
            parse("maybe").unwrap_err().to_string(),
            "`maybe` is no answer: type yes, no, select or details, or the first letter"
        );
    }
}
