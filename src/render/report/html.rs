//! The report as one HTML file: no scripts, nothing from elsewhere, in light and dark, on screen and paper.

use std::fmt::Write as _;

use super::markdown::{handovers, single_line};
use super::{PURPOSE, Piece, Report, WAY, legend, pieces, severity_word, short, sign};
use crate::diff::{self, Hunk, LineKind};
use crate::escape::Escaped;
use crate::plan::matrix::{CellStanding, KeyMatrix, MatrixCell, SideAnswer, Sides, matrix};
use crate::plan::{Change, Fate, Severity, Told};
use crate::render::findings::tell;
use crate::render::text::names;

const STYLE: &str = include_str!("report.css");
const TITLE: &str = "Access to KMS keys for launching instances";

/// The report. It is opened from tickets and mails, by people who may administer the keys: should a text get past the
/// escaping all the same, the policy in its head keeps it from running, loading or telling anything.
///
/// <https://www.w3.org/TR/CSP3/#directive-default-src>
pub fn html(report: &Report<'_>) -> String {
    let mut body = String::new();
    header(&mut body, report);
    way(&mut body, report);
    matrices(&mut body, report);
    findings(&mut body, &report.case.plan.findings.iter().map(tell).collect::<Vec<_>>());
    changes(&mut body, report);
    others(&mut body, report);
    commands(&mut body, report);
    page(TITLE, &body)
}

/// A whole page of what is HTML already.
pub(in crate::render) fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// Text in which nothing is HTML.
pub(in crate::render) fn text(text: &str) -> String {
    let shown = Escaped(text).to_string();
    let mut out = String::with_capacity(shown.len());
    for character in shown.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A sentence in which names stand between backticks.
pub(in crate::render) fn prose(sentence: &str) -> String {
    let piece = |piece: &Piece<'_>| match piece {
        Piece::Words(words) => text(words),
        Piece::Name(name) => format!("<code>{}</code>", text(name)),
    };
    pieces(sentence).iter().map(piece).collect()
}

fn lines(block: &str) -> String {
    block.lines().map(|line| text(line) + "\n").collect()
}

fn header(out: &mut String, report: &Report<'_>) {
    _ = writeln!(
        out,
        "<header>\n<h1>{TITLE}</h1>\n<p class=\"summary\">{}</p>\n<p>{PURPOSE}</p>",
        text(&report.summary())
    );
    _ = writeln!(out, "<dl>");
    let mut last = "";
    for (label, fact) in report.facts() {
        if label != last {
            _ = writeln!(out, "<dt>{label}</dt>");
        }
        _ = writeln!(out, "<dd>{}</dd>", text(&fact));
        last = label;
    }
    _ = writeln!(out, "</dl>\n</header>");
}

fn way(out: &mut String, report: &Report<'_>) {
    if let Some(way) = report.way() {
        _ = writeln!(out, "<section>\n<h2>{WAY}</h2>\n<pre>{}</pre>\n</section>", lines(way.trim_end()));
    }
}

fn matrices(out: &mut String, report: &Report<'_>) {
    _ = writeln!(out, "<section>\n<h2>Who may do what</h2>");
    for key in matrix(&report.case.request, &report.case.observation, &report.case.plan) {
        one_matrix(out, &key);
    }
    _ = writeln!(out, "<p class=\"legend\">{}</p>", legend(report.case.request.coverage));
    if let Some(access) = report.foreign_access() {
        _ = writeln!(out, "<p class=\"foreign\">{}</p>", text(&access));
    }
    _ = writeln!(out, "</section>");
}

fn one_matrix(out: &mut String, key: &KeyMatrix) {
    _ = writeln!(out, "<div class=\"wide\"><table>\n<caption>{}</caption>", text(&names::key(&key.key)));
    _ = write!(out, "<thead><tr><th scope=\"col\">Grantee</th>");
    for action in &key.actions {
        _ = write!(out, "<th scope=\"col\">{}</th>", text(short(action)));
    }
    _ = writeln!(out, "</tr></thead>\n<tbody>");
    for row in &key.rows {
        _ = write!(out, "<tr><th scope=\"row\">{}</th>", text(&names::grantee(&row.grantee)));
        row.cells.iter().for_each(|cell| one_cell(out, *cell));
        _ = writeln!(out, "</tr>");
    }
    _ = writeln!(out, "</tbody>\n</table></div>");
}

fn one_cell(out: &mut String, cell: MatrixCell) {
    let (before, after) = (sign(cell.before), sign(cell.after));
    let title = format!("before: {}; after: {}", sides(cell.before), sides(cell.after));
    if before == after {
        let class = if after == "✓" { "held" } else { "lacks" };
        _ = write!(out, "<td class=\"{class}\" title=\"{title}\">{after}</td>");
    } else if after != "✓" && after != "◐" {
        _ = write!(
            out,
            "<td class=\"lacks\" title=\"{title}\"><span>{before}</span> → <strong>{after}</strong></td>"
        );
    } else {
        _ = write!(
            out,
            "<td class=\"gained\" title=\"{title}\"><span>{before}</span> → <strong>{after}</strong></td>"
        );
    }
}

fn sides(sides: Sides) -> String {
    let word = |answer| match answer {
        SideAnswer::Allows => "allows",
        SideAnswer::Lacks => "lacks it",
        SideAnswer::Unread => "was not read",
        SideAnswer::NotNeeded => "is not asked",
    };
    let standing = match sides.standing {
        CellStanding::Open => "",
        CellStanding::Unknown => ", and nobody can tell whether it is allowed",
        CellStanding::Forbidden => ", and it is forbidden all the same",
    };
    format!("key policy {}, IAM {}{standing}", word(sides.key_policy), word(sides.identity))
}

/// What was found, with the ways out.
pub(in crate::render) fn findings(out: &mut String, findings: &[Told]) {
    if findings.is_empty() {
        return;
    }
    _ = writeln!(out, "<section>\n<h2>Findings</h2>\n<ul class=\"findings\">");
    for told in findings {
        let severity = told.code.severity();
        let class = match severity {
            Severity::Blocking => "blocking",
            Severity::LeftOver => "left",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        _ = write!(
            out,
            "<li class=\"{class}\"><p><strong>{}</strong> {}</p><p class=\"about\">{}</p>",
            severity_word(severity),
            prose(&told.message),
            text(&told.subject)
        );
        if let Some((hint, commands)) = told.way_out() {
            _ = write!(out, "<p class=\"hint\">{}</p>", prose(hint));
            if !commands.is_empty() {
                _ = write!(out, "<pre>{}</pre>", lines(commands));
            }
        }
        _ = writeln!(out, "</li>");
    }
    _ = writeln!(out, "</ul>\n</section>");
}

fn changes(out: &mut String, report: &Report<'_>) {
    if report.case.plan.changes.is_empty() {
        return;
    }
    _ = writeln!(out, "<section>\n<h2>Changes</h2>");
    for (index, change) in report.case.plan.changes.iter().enumerate() {
        let fate = report.fates.get(index).copied().unwrap_or(Fate::Planned);
        one_change(out, index + 1, change, fate);
    }
    _ = writeln!(out, "</section>");
}

fn one_change(out: &mut String, number: usize, change: &Change, fate: Fate) {
    let operation = &change.operation;
    let region = operation.region().map(|region| format!(", region {region}")).unwrap_or_default();
    _ = writeln!(
        out,
        "<article>\n<h3>{number}. {} <span class=\"outcome {}\">{}</span></h3>\n<p class=\"about\">{}<br>account \
         {}{}</p>\n<p>{}</p>",
        text(&operation.to_string()),
        fate.word_in_short().replace(' ', "-"),
        fate.word_in_short(),
        text(&operation.resource()),
        operation.account(),
        text(&region),
        prose(&change.reason)
    );
    _ = write!(out, "<pre class=\"diff\">");
    if let Some(line) = single_line(operation) {
        let class = if line.starts_with('+') { "added" } else { "removed" };
        _ = write!(out, "<span class=\"{class}\">{}</span>", text(&line));
    } else {
        let documents = diff::difference(operation.before().unwrap_or(""), operation.after().unwrap_or(""));
        documents.hunks(super::ROOM).iter().for_each(|hunk| one_hunk(out, hunk));
    }
    _ = writeln!(out, "</pre>\n</article>");
}

fn one_hunk(out: &mut String, hunk: &Hunk) {
    if let Some(position) = hunk.position() {
        _ = write!(out, "<span class=\"position\">@@ {} @@</span>", text(&position));
    }
    for line in &hunk.lines {
        let (class, sign) = match line.kind {
            LineKind::Context => ("context", "  "),
            LineKind::Removed => ("removed", "- "),
            LineKind::Added => ("added", "+ "),
        };
        _ = write!(out, "<span class=\"{class}\">{sign}");
        for segment in &line.segments {
            let words = text(&segment.text);
            _ = if segment.emphasised { write!(out, "<b>{words}</b>") } else { write!(out, "{words}") };
        }
        _ = write!(out, "</span>");
    }
}

fn others(out: &mut String, report: &Report<'_>) {
    let text = handovers(report);
    if !text.is_empty() {
        _ = writeln!(out, "<section>\n<h2>For other accounts</h2>\n<pre>{}</pre>\n</section>", lines(&text));
    }
}

fn commands(out: &mut String, report: &Report<'_>) {
    _ = writeln!(
        out,
        "<section>\n<h2>Apply and roll back</h2>\n<pre>{}{}</pre>\n</section>",
        lines(&report.apply_command()),
        lines(&report.rollback_command())
    );
}
