//! Places in a text as lines and columns, both from 1, a column being a code unit of UTF-16.

use std::ops::Range;

use serde_json::{Value, json};

/// A text in lines, which end as the format takes it where nothing else is said: with a line feed.
pub(super) struct Lines<'t> {
    text: &'t str,
    /// Where each begins.
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after).collect() }
    }

    /// Its first line, for what is said of the whole.
    pub(super) fn first(&self) -> Value {
        self.shown(&(0..0))
    }

    /// What is shown of a range of bytes: where there is nothing in it, the whole line, for nobody would see it.
    pub(super) fn shown(&self, span: &Range<usize>) -> Value {
        if span.is_empty() { json!({"startLine": self.position(span.start).0}) } else { self.region(span) }
    }

    /// A range of bytes; its end is that of the character before it.
    pub(super) fn region(&self, span: &Range<usize>) -> Value {
        let ((line, column), (end_line, end_column)) = (self.position(span.start), self.position(span.end));
        json!({"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column})
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let before = self.text.get(start..at).unwrap_or_default();
        (line, before.encode_utf16().count() + 1)
    }
}
