//! Colours, as a value that is passed to whoever writes.

use std::fmt;

use anstyle::{AnsiColor, Effects, Style};

/// How each kind of text looks. Nothing is told by colour alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Styles {
    /// Lines and signs of what comes to be.
    pub added: Style,
    /// Words within an added line that the line it replaces lacks.
    pub added_words: Style,
    /// Lines and signs of what goes.
    pub removed: Style,
    /// Words within a removed line that the line in its place lacks.
    pub removed_words: Style,
    /// The sign of what is changed in place.
    pub updated: Style,
    /// Headings.
    pub strong: Style,
    /// What matters less: positions, unchanged lines.
    pub dim: Style,
    /// What can be copied: commands.
    pub command: Style,
    /// `blocked:` and `error:`.
    pub blocked: Style,
    /// `left to do:`
    pub left_over: Style,
    /// `warning:`
    pub warning: Style,
    /// `note:`
    pub note: Style,
    /// `hint:`
    pub hint: Style,
}

impl Styles {
    /// No escape sequence at all.
    pub fn plain() -> Self {
        Self::default()
    }

    /// The sixteen colours of the terminal's own scheme, so that light and dark ones both serve.
    pub fn coloured() -> Self {
        let colour = |colour: AnsiColor| colour.on_default();
        let words = Effects::BOLD | Effects::UNDERLINE;
        Self {
            added: colour(AnsiColor::Green),
            added_words: colour(AnsiColor::Green).effects(words),
            removed: colour(AnsiColor::Red),
            removed_words: colour(AnsiColor::Red).effects(words),
            updated: colour(AnsiColor::Yellow),
            strong: Style::new().bold(),
            dim: Style::new().dimmed(),
            command: colour(AnsiColor::Cyan),
            blocked: colour(AnsiColor::Red).bold(),
            left_over: colour(AnsiColor::Magenta).bold(),
            warning: colour(AnsiColor::Yellow).bold(),
            note: colour(AnsiColor::Blue).bold(),
            hint: colour(AnsiColor::Cyan).bold(),
        }
    }
}

/// Displays a text in a style, and ends the style after it.
///
/// The text is trusted: what comes from outside goes through [`crate::escape::Escaped`] first.
pub(crate) fn paint(style: Style, text: impl fmt::Display) -> impl fmt::Display {
    fmt::from_fn(move |f| write!(f, "{style}{text}{style:#}"))
}

/// Styled text in which neighbours of one style share their escape sequences.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runs(Vec<(Style, String)>);

impl Runs {
    /// Adds trusted or escaped text.
    pub(crate) fn push(&mut self, style: Style, text: &str) {
        match self.0.last_mut() {
            Some((last, run)) if *last == style => run.push_str(text),
            _ => self.0.push((style, text.to_owned())),
        }
    }
}

impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(style, text)| write!(f, "{style}{text}{style:#}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_no_escape_sequences() {
        assert_eq!(paint(Styles::plain().blocked, "blocked:").to_string(), "blocked:");
        assert_eq!(paint(Styles::coloured().strong, "Plan:").to_string(), "\u{1b}[1mPlan:\u{1b}[0m");
    }

    #[test]
    fn neighbours_share_their_style() {
        let mut runs = Runs::default();
        for (style, text) in [(Style::new().bold(), "a"), (Style::new().bold(), " b"), (Style::new(), "c")] {
            runs.push(style, text);
        }
        assert_eq!(runs.to_string(), "\u{1b}[1ma b\u{1b}[0mc");
    }
}
