//! A list in columns, a line for each thing, whatever the width: for eyes, and for programs that split at blanks.

use std::io::{self, Write};

use crate::escape::Escaped;
use crate::render::Styles;

/// Between two columns.
const GAP: usize = 2;

/// Writes a heading and the rows. What is empty is shown as `-`.
///
/// # Errors
/// What the writer returns.
pub fn table<const N: usize>(
    out: &mut dyn Write,
    styles: &Styles,
    heading: [&str; N],
    rows: &[[String; N]],
) -> io::Result<()> {
    let shown = |cell: &String| if cell.is_empty() { "-".to_owned() } else { Escaped(cell).to_string() };
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(shown)).collect();
    let mut widths = heading.map(|title| title.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let strong = styles.strong;
    writeln!(out, "{strong}{}{strong:#}", line(heading.iter().copied(), &widths))?;
    rows.iter().try_for_each(|row| writeln!(out, "{}", line(row.iter().map(String::as_str), &widths)))
}

fn line<'c>(cells: impl Iterator<Item = &'c str>, widths: &[usize]) -> String {
    let padded: Vec<String> =
        cells.zip(widths).map(|(cell, width)| format!("{cell:<width$}", width = width + GAP)).collect();
    padded.concat().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them_and_text_from_outside_is_escaped() {
        let rows = [
            ["a".to_owned(), String::new(), "x".to_owned()],
            ["bb\u{1b}[2J".to_owned(), "ü".to_owned(), String::new()],
        ];
        let mut out = Vec::new();
        table(&mut out, &Styles::plain(), ["ONE", "T", "LAST"], &rows).unwrap();
        let lines: Vec<String> = String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
        let first = "bb\\u{1b}[2J".len() + GAP;
        assert_eq!(
            lines,
            [
                format!("{:<first$}T  LAST", "ONE"),
                format!("{:<first$}-  x", "a"),
                format!("{:<first$}ü  -", "bb\\u{1b}[2J"),
            ]
        );
    }
}
