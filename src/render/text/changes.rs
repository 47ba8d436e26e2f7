//! Changes: what, where, why, and the difference.

use std::fmt::Display;
use std::io::{self, Write};

use super::names::Detail;
use crate::diff::{self, Difference, Line, LineKind, Room};
use crate::escape::Escaped;
use crate::plan::{Action, Change, Operation, Target};
use crate::render::Styles;
use crate::render::prose::Prose;
use crate::render::styles::{Runs, paint};

/// Columns that a change's text is set in, after its number and sign.
const INDENT: usize = 5;

/// Writes one change: its header, then the difference it makes.
///
/// # Errors
/// What the writer returns.
pub fn change(
    out: &mut dyn Write,
    styles: &Styles,
    (width, detail): (usize, Detail),
    number: usize,
    change: &Change,
) -> io::Result<()> {
    change_header(out, styles, width, number, change)?;
    writeln!(out)?;
    let operation = &change.operation;
    match operation.target() {
        Target::NewGrant(new) => grant(out, styles, width, operation, ("name", &new.name), &new.operations),
        Target::Grant { grant: old, .. } => {
            grant(out, styles, width, operation, ("id", &old.id), &old.operations)
        }
        Target::Attachment { policy, entity, is_made } => {
            let (style, sign) = if is_made { (styles.added, '+') } else { (styles.removed, '-') };
            let line = format!("{sign} {policy} -> {entity}");
            writeln!(out, "{:INDENT$}{}", "", paint(style, Escaped(&line)))
        }
        Target::KeyPolicy(_) | Target::Policy { .. } | Target::Version(_) => {
            let (before, after) = (operation.before().unwrap_or(""), operation.after().unwrap_or(""));
            difference(out, styles, (width, detail), &diff::difference(before, after))
        }
    }
}

/// Writes what a grant is that is created or revoked, line by line.
fn grant(
    out: &mut dyn Write,
    styles: &Styles,
    width: usize,
    operation: &Operation,
    named: (&str, &String),
    operations: &[String],
) -> io::Result<()> {
    const TEXT: usize = INDENT + 9;
    let (sign, style) = (sign(operation.action()), sign_style(styles, operation.action()));
    let (grantee, operations) = (operation.beneficiary().unwrap_or_default(), operations.join(", "));
    for (label, text) in [named, ("for", &grantee), ("allows", &operations)] {
        write!(out, "{:INDENT$}{}", "", paint(style, format_args!("{sign} {label:<7}")))?;
        Prose::new().styled(style, text).write_at(out, width, TEXT, TEXT)?;
    }
    Ok(())
}

/// Writes what a change is, where and why, without the difference.
///
/// # Errors
/// What the writer returns.
pub fn change_header(
    out: &mut dyn Write,
    styles: &Styles,
    width: usize,
    number: usize,
    change: &Change,
) -> io::Result<()> {
    let operation = &change.operation;
    write!(out, "{} ", paint(styles.strong, format_args!("{number}.")))?;
    write!(out, "{} ", painted_sign(styles, operation))?;
    let what = Prose::new().styled(styles.strong, &operation.to_string());
    what.write_at(out, width, INDENT, INDENT)?;
    if operation.entity().is_some() {
        row(out, styles, width, "where", &place(operation))?;
    } else {
        row(out, styles, width, "where", &operation.resource())?;
        row(out, styles, width, "", &place(operation))?;
    }
    if let Operation::CreatePolicy { description, .. } = operation {
        row(out, styles, width, "about", description)?;
    }
    row(out, styles, width, "why", &change.reason)
}

fn row(out: &mut dyn Write, styles: &Styles, width: usize, label: &str, text: &str) -> io::Result<()> {
    const TEXT: usize = INDENT + 7;
    write!(out, "{:INDENT$}{}", "", paint(styles.dim, format_args!("{label:<7}")))?;
    Prose::new().text(text).write_at(out, width, TEXT, TEXT)
}

/// Writes a change's whole documents, before and after.
///
/// # Errors
/// What the writer returns.
pub fn change_documents(
    out: &mut dyn Write,
    styles: &Styles,
    width: usize,
    number: usize,
    change: &Change,
) -> io::Result<()> {
    change_header(out, styles, width, number, change)?;
    let documents = [("before", change.operation.before()), ("after", change.operation.after())];
    for (label, document) in documents {
        if let Some(document) = document {
            writeln!(out, "\n{:INDENT$}{}", "", paint(styles.strong, format_args!("{label}:")))?;
            write_document(out, document)?;
        }
    }
    Ok(())
}

fn write_document(out: &mut dyn Write, document: &str) -> io::Result<()> {
    let pretty = diff::pretty(document);
    let lines = pretty.as_deref().unwrap_or(document).lines();
    lines.into_iter().try_for_each(|line| writeln!(out, "{:INDENT$}{}", "", Escaped(line)))
}

/// Writes one change in one line and leaves the line open, so that its outcome can follow.
///
/// # Errors
/// What the writer returns.
pub fn change_line(
    out: &mut dyn Write,
    styles: &Styles,
    number: usize,
    operation: &Operation,
) -> io::Result<()> {
    write!(out, "{number}. {} {}", painted_sign(styles, operation), Escaped(&with_place(operation)))
}

/// Writes one change in a row of a list, which wraps.
pub(super) fn change_row(
    out: &mut dyn Write,
    styles: &Styles,
    width: usize,
    number: usize,
    operation: &Operation,
) -> io::Result<()> {
    const TEXT: usize = INDENT + 2;
    write!(out, "{number:>3}. {} ", painted_sign(styles, operation))?;
    Prose::new().text(&with_place(operation)).write_at(out, width, TEXT, TEXT)
}

fn with_place(operation: &Operation) -> String {
    format!("{operation} ({})", place(operation))
}

fn painted_sign(styles: &Styles, operation: &Operation) -> impl Display + use<> {
    paint(sign_style(styles, operation.action()), sign(operation.action()))
}

/// The sign of an action: what reads without colours.
pub(crate) fn sign(action: Action) -> &'static str {
    match action {
        Action::Create | Action::Attach | Action::Grant => "+",
        Action::Update => "~",
        Action::Detach | Action::Revoke | Action::Delete => "-",
    }
}

fn sign_style(styles: &Styles, action: Action) -> anstyle::Style {
    match action {
        Action::Create | Action::Attach | Action::Grant => styles.added,
        Action::Update => styles.updated,
        Action::Detach | Action::Revoke | Action::Delete => styles.removed,
    }
}

fn place(operation: &Operation) -> String {
    let region = operation.region().map(|region| format!(", region {region}")).unwrap_or_default();
    format!("account {}{region}", operation.account())
}

/// Writes the difference between two documents: hunks, each under what is left out before it.
///
/// # Errors
/// What the writer returns.
pub fn difference(
    out: &mut dyn Write,
    styles: &Styles,
    (width, detail): (usize, Detail),
    difference: &Difference,
) -> io::Result<()> {
    let room = Room { columns: width.saturating_sub(INDENT + 2), elements: detail.elements() };
    let hunks = difference.hunks(room);
    if hunks.is_empty() {
        let text = "(the text changes, its content does not)";
        return writeln!(out, "{:INDENT$}{}", "", paint(styles.dim, text));
    }
    for hunk in &hunks {
        if let Some(position) = hunk.position() {
            let shown = format!("@@ {} @@", Escaped(&position));
            writeln!(out, "{:INDENT$}{}", "", paint(styles.dim, shown))?;
        }
        hunk.lines.iter().try_for_each(|line| write_line(out, styles, line))?;
    }
    Ok(())
}

fn write_line(out: &mut dyn Write, styles: &Styles, line: &Line) -> io::Result<()> {
    let (sign, plain, words) = match line.kind {
        LineKind::Context => ("  ", styles.dim, styles.dim),
        LineKind::Removed => ("- ", styles.removed, styles.removed_words),
        LineKind::Added => ("+ ", styles.added, styles.added_words),
    };
    let mut runs = Runs::default();
    runs.push(plain, sign);
    for segment in &line.segments {
        let style = if segment.emphasised { words } else { plain };
        runs.push(style, &Escaped(&segment.text).to_string());
    }
    writeln!(out, "{:INDENT$}{runs}", "")
}
