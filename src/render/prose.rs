//! Sentences that fit the terminal.

use std::io::{self, Write};

use anstyle::Style;

use super::styles::Runs;
use crate::escape::Escaped;

/// A paragraph in the making: lines break between words and never within one, so that ARNs can be copied.
///
/// Every text is escaped on its way in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prose {
    words: Vec<Word>,
    /// Whether the next text goes on with the last word.
    glued: bool,
}

/// Pieces without a blank between them.
#[derive(Debug, Clone, Default)]
struct Word {
    pieces: Vec<(Style, String)>,
}

impl Word {
    /// Width in columns, counting one for each character.
    fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| text.chars().count()).sum()
    }
}

impl Prose {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds text as it is.
    #[must_use]
    pub(crate) fn text(self, text: &str) -> Self {
        self.styled(Style::new(), text)
    }

    /// Adds text in a style.
    #[must_use]
    pub(crate) fn styled(mut self, style: Style, text: &str) -> Self {
        let text = Escaped(text).to_string();
        for (index, piece) in text.split(' ').enumerate() {
            self.glued &= index == 0;
            if !piece.is_empty() {
                self.push(style, piece.to_owned());
            }
        }
        self
    }

    fn push(&mut self, style: Style, piece: String) {
        match self.words.last_mut() {
            Some(word) if self.glued => word.pieces.push((style, piece)),
            _ => self.words.push(Word { pieces: vec![(style, piece)] }),
        }
        self.glued = true;
    }

    /// Writes the paragraph and ends its last line; each line starts after so many blanks.
    pub(crate) fn write(&self, out: &mut dyn Write, width: usize, indent: usize) -> io::Result<()> {
        write!(out, "{:indent$}", "")?;
        self.write_at(out, width, indent, indent)
    }

    /// Writes the paragraph where the line has come to a column already; further lines are indented.
    pub(crate) fn write_at(
        &self,
        out: &mut dyn Write,
        width: usize,
        mut column: usize,
        indent: usize,
    ) -> io::Result<()> {
        let mut line = Runs::default();
        let mut last_style = Style::new();
        for (index, word) in self.words.iter().enumerate() {
            let word_width = word.width();
            if index > 0 && column + 1 + word_width > width {
                writeln!(out, "{line}")?;
                write!(out, "{:indent$}", "")?;
                (line, column) = (Runs::default(), indent);
            } else if index > 0 {
                let same = word.pieces.first().is_some_and(|(style, _)| *style == last_style);
                line.push(if same { last_style } else { Style::new() }, " ");
                column += 1;
            }
            column += word_width;
            for (style, text) in &word.pieces {
                line.push(*style, text);
                last_style = *style;
            }
        }
        writeln!(out, "{line}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(prose: &Prose, width: usize, indent: usize) -> String {
        let mut out = Vec::new();
        prose.write(&mut out, width, indent).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn words_stay_whole() {
        let prose = Prose::new()
            .text("attach arn:aws:iam::444455556666:policy/P to")
            .text(" the role `")
            .text("app`.");
        assert_eq!(
            written(&prose, 20, 4),
            "    attach\n    arn:aws:iam::444455556666:policy/P\n    to the role\n    `app`.\n"
        );
        assert_eq!(written(&Prose::new(), 20, 0), "\n");
    }

    #[test]
    fn styles_end_before_the_line_does() {
        let prose = Prose::new().styled(Style::new().bold(), "one two").text(", three");
        assert_eq!(written(&prose, 6, 0), "\u{1b}[1mone\u{1b}[0m\n\u{1b}[1mtwo\u{1b}[0m,\nthree\n");
    }

    #[test]
    fn what_comes_from_outside_is_escaped() {
        assert_eq!(written(&Prose::new().text("a\u{1b}[2Jb\nc"), 80, 0), "a\\u{1b}[2Jb\\nc\n");
    }
}
