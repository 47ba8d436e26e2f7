//! Findings: what is wrong or noteworthy, and the way out.

use std::io::{self, Write};

use crate::escape::Escaped;
use crate::plan::{Finding, Severity, Told};
use crate::render::Styles;
use crate::render::findings::tell;
use crate::render::prose::Prose;
use crate::render::styles::paint;

/// Writes findings, those that matter most first, with a blank line between two.
///
/// # Errors
/// What the writer returns.
pub fn findings(out: &mut dyn Write, styles: &Styles, width: usize, findings: &[Finding]) -> io::Result<()> {
    told(out, styles, width, &findings.iter().map(tell).collect::<Vec<_>>())
}

/// The same in the words that are given.
///
/// # Errors
/// What the writer returns.
pub fn told(out: &mut dyn Write, styles: &Styles, width: usize, findings: &[Told]) -> io::Result<()> {
    let mut sorted: Vec<&Told> = findings.iter().collect();
    sorted.sort_by_key(|finding| finding.code.severity());
    for (index, finding) in sorted.into_iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        write_finding(out, styles, width, finding)?;
    }
    Ok(())
}

fn write_finding(out: &mut dyn Write, styles: &Styles, width: usize, finding: &Told) -> io::Result<()> {
    let (word, style) = match finding.code.severity() {
        Severity::Blocking => ("blocked:", styles.blocked),
        Severity::LeftOver => ("left to do:", styles.left_over),
        Severity::Warning => ("warning:", styles.warning),
        Severity::Note => ("note:", styles.note),
    };
    let message = Prose::new().styled(style, word).text(" ").styled(styles.strong, &finding.message);
    message.write_at(out, width, 0, 2)?;
    writeln!(out, "  {}: {}", paint(styles.dim, "about"), Escaped(&finding.subject))?;
    let Some((hint, commands)) = finding.way_out() else { return Ok(()) };
    write!(out, "  ")?;
    Prose::new().styled(styles.hint, "hint:").text(" ").text(hint).write_at(out, width, 2, 4)?;
    // Commands are copied: their lines don't break.
    commands
        .lines()
        .try_for_each(|command| writeln!(out, "      {}", paint(styles.command, Escaped(command))))
}
