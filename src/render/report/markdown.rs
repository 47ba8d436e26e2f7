//! The report as Markdown, as GitHub and GitLab show it.

use std::fmt::Write as _;

use super::{PURPOSE, Piece, Report, WAY, legend, pieces, severity_word, short, sign};
use crate::diff::{self, LineKind};
use crate::escape::Escaped;
use crate::plan::matrix::matrix;
use crate::plan::{Change, Fate, Operation, Target};
use crate::render::Styles;
use crate::render::findings::tell;
use crate::render::text;
use crate::render::text::names;

/// The report.
pub fn markdown(report: &Report<'_>) -> String {
    let mut page = Page(String::new());
    page.line("# Access to KMS keys for launching instances\n");
    page.line(&format!("**{}**\n", escaped(&report.summary())));
    page.line(&format!("{PURPOSE}\n"));
    for (label, fact) in report.facts() {
        page.line(&format!("- {label}: {}", code(&fact)));
    }
    if let Some(way) = report.way() {
        page.line(&format!("\n## {WAY}\n"));
        page.block("text", &way);
    }
    page.matrix(report);
    page.findings(report);
    page.changes(report);
    page.handovers(report);
    page.line("\n## Apply and roll back\n");
    page.block("sh", &format!("{}\n{}", report.apply_command(), report.rollback_command()));
    page.0
}

/// A page in the making.
struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// A block of code that no text within can end: its fence is longer than any run of backticks in it.
    ///
    /// <https://github.github.com/gfm/#fenced-code-blocks>
    fn block(&mut self, language: &str, text: &str) {
        let fence = "`".repeat(longest_run(text).max(2) + 1);
        self.line(&format!("{fence}{language}\n{}\n{fence}", text.trim_end()));
    }

    /// Commands to copy, as a part of the list item before them.
    fn commands(&mut self, commands: &str) {
        if commands.is_empty() {
            return;
        }
        let mut block = Page(String::new());
        let shown: Vec<String> = commands.lines().map(|line| Escaped(line).to_string()).collect();
        block.block("sh", &shown.join("\n"));
        self.line("");
        block.0.lines().for_each(|line| self.line(&format!("    {line}")));
    }

    fn matrix(&mut self, report: &Report<'_>) {
        self.line("\n## Who may do what\n");
        for key in matrix(&report.case.request, &report.case.observation, &report.case.plan) {
            self.line(&format!("{}:\n", code(&names::key(&key.key))));
            let heads: Vec<&str> = key.actions.iter().map(|action| short(action)).collect();
            self.line(&format!(
                "| | {} |",
                heads.iter().map(|head| escaped(head)).collect::<Vec<_>>().join(" | ")
            ));
            self.line(&format!("|---|{}", ":---:|".repeat(heads.len())));
            for row in key.rows {
                let cells: Vec<String> = row
                    .cells
                    .iter()
                    .map(|cell| match (sign(cell.before), sign(cell.after)) {
                        (before, after) if before == after => after.to_owned(),
                        (before, after) => format!("{before} → {after}"),
                    })
                    .collect();
                self.line(&format!("| {} | {} |", escaped(&names::grantee(&row.grantee)), cells.join(" | ")));
            }
            self.line("");
        }
        self.line(&legend(report.case.request.coverage));
        if let Some(access) = report.foreign_access() {
            self.line(&format!("\n**{access}**"));
        }
    }

    fn findings(&mut self, report: &Report<'_>) {
        if report.case.plan.findings.is_empty() {
            return;
        }
        self.line("\n## Findings\n");
        for finding in &report.case.plan.findings {
            let (word, told) = (severity_word(finding.severity()), tell(finding));
            self.line(&format!("- **{word}** {}: {}", code(&told.subject), prose(&told.message)));
            if let Some((hint, commands)) = told.way_out() {
                self.line(&format!("  - {}", prose(hint)));
                self.commands(commands);
            }
        }
    }

    fn changes(&mut self, report: &Report<'_>) {
        if report.case.plan.changes.is_empty() {
            return;
        }
        self.line("\n## Changes");
        for (index, change) in report.case.plan.changes.iter().enumerate() {
            let fate = report.fates.get(index).copied().unwrap_or(Fate::Planned);
            let operation = &change.operation;
            let what = escaped(&operation.to_string());
            self.line(&format!("\n### {}. {what} ({})\n", index + 1, fate.word_in_short()));
            self.line(&format!(
                "{} in account {}: {}\n",
                code(&operation.resource()),
                operation.account(),
                prose(&change.reason)
            ));
            self.block("diff", &difference(change));
        }
    }

    fn handovers(&mut self, report: &Report<'_>) {
        let text = handovers(report);
        if !text.is_empty() {
            self.line("\n## For other accounts\n");
            self.block("text", &text);
        }
    }
}

/// The hand-overs as they are shown on a terminal, and what an organization's accounts need.
pub(super) fn handovers(report: &Report<'_>) -> String {
    const WIDTH: usize = 100;
    let (request, plan) = (&report.case.request, &report.case.plan);
    let mut out = Vec::new();
    // Writing to memory does not fail.
    _ = text::handovers(&mut out, &Styles::plain(), WIDTH, request, &plan.handovers);
    if !out.is_empty() && request.grantees.iter().any(|grantee| grantee.members().is_some()) {
        out.push(b'\n');
    }
    _ = text::members(&mut out, &Styles::plain(), WIDTH, request);
    String::from_utf8_lossy(&out).into_owned()
}

/// What is attached or granted, or no longer, as a line of a difference.
pub(super) fn single_line(operation: &Operation) -> Option<String> {
    match operation.target() {
        Target::Attachment { policy, entity, is_made } => {
            let sign = if is_made { '+' } else { '-' };
            Some(format!("{sign} {policy} -> {entity}"))
        }
        Target::NewGrant(grant) => {
            Some(format!("+ grant {} -> {}: {}", grant.name, grant.grantee, grant.operations.join(", ")))
        }
        Target::Grant { grant, .. } => {
            Some(format!("- grant {} -> {}: {}", grant.id, grant.grantee, grant.operations.join(", ")))
        }
        Target::KeyPolicy(_) | Target::Policy { .. } | Target::Version(_) => None,
    }
}

fn difference(change: &Change) -> String {
    let operation = &change.operation;
    if let Some(line) = single_line(operation) {
        return Escaped(&line).to_string();
    }
    let mut text = String::new();
    let difference = diff::difference(operation.before().unwrap_or(""), operation.after().unwrap_or(""));
    for hunk in difference.hunks(super::ROOM) {
        if let Some(position) = hunk.position() {
            _ = writeln!(text, "@@ {} @@", Escaped(&position));
        }
        for line in hunk.lines {
            text.push_str(match line.kind {
                LineKind::Context => "  ",
                LineKind::Removed => "- ",
                LineKind::Added => "+ ",
            });
            line.segments.iter().for_each(|segment| _ = write!(text, "{}", Escaped(&segment.text)));
            text.push('\n');
        }
    }
    text
}

/// A sentence in which names stand between backticks.
fn prose(sentence: &str) -> String {
    let piece = |piece: &Piece<'_>| match piece {
        Piece::Words(words) => escaped(words),
        Piece::Name(name) => code(name),
    };
    pieces(sentence).iter().map(piece).collect()
}

/// Text in which nothing is Markdown or HTML. A policy's Sid or an image's name is anybody's text, and a pull request
/// shows it under the name of whoever posts the report: no link, no mention (`@`), no formula (`$`) may come of it.
///
/// <https://github.github.com/gfm/#backslash-escapes>, <https://docs.gitlab.com/user/markdown/#math>
fn escaped(text: &str) -> String {
    let text = Escaped(text).to_string();
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if "\\`*_{}[]<>#|~&!$@".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// A code span that no text within can end: it ends with as many backticks as it begins with, and a space beside them
/// is none of it.
///
/// <https://github.github.com/gfm/#code-spans>
fn code(text: &str) -> String {
    let text = Escaped(text).to_string();
    let ticks = "`".repeat(longest_run(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}
