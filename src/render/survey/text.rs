//! The survey as text for people: who can't launch, by why.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::{besides, counted, gaps, party, summary, verdict};
use crate::arn::KeyArn;
use crate::plan::conclusion::Conclusion;
use crate::plan::survey::{KeyRow, LackingGroup, Party, Survey};
use crate::render::Styles;
use crate::render::prose::Prose;
use crate::render::text::names::{self, Detail};
use crate::render::text::{remedy, table};

/// So many keys of a cause are shown where things are told in short.
const KEYS: usize = 10;

const HEADING: [&str; 5] = ["KEY", "OWNER", "REGION", "FOR", "AMIS"];

/// Writes what was found: a table for each cause, and what was not looked at.
///
/// # Errors
/// What the writer returns.
pub fn text(
    out: &mut dyn Write,
    styles: &Styles,
    (width, detail): (usize, Detail),
    survey: &Survey,
) -> io::Result<()> {
    for line in summary(survey) {
        Prose::new().text(&line).write(out, width, 0)?;
    }
    for group in survey.groups() {
        writeln!(out)?;
        heading(out, styles, width, &group)?;
        match detail {
            Detail::InShort => keys(out, styles, &group)?,
            Detail::Whole => everything(out, styles, width, &group)?,
        }
    }
    not_looked_at(out, styles, width, survey)
}

fn heading(out: &mut dyn Write, styles: &Styles, width: usize, group: &LackingGroup<'_>) -> io::Result<()> {
    let (who, is_several) = counted(&group.parties());
    let style = match group.conclusion {
        Conclusion::Unknown => styles.warning,
        Conclusion::CanLaunch | Conclusion::Missing => styles.left_over,
        Conclusion::Blocked => styles.blocked,
    };
    let keys = format!(": {}", names::counted(group.rows.len(), "key"));
    let line = Prose::new().styled(styles.strong, &who).text(" ").styled(style, &verdict(group, is_several));
    line.styled(styles.strong, &keys).write(out, width, 0)?;
    for other in group.others() {
        Prose::new().text(other).write(out, width, 2)?;
    }
    let says = remedy(group.conclusion, group.remedy);
    says.map_or(Ok(()), |says| Prose::new().styled(styles.dim, says).write(out, width, 2))
}

fn keys(out: &mut dyn Write, styles: &Styles, group: &LackingGroup<'_>) -> io::Result<()> {
    let row = |row: &KeyRow<'_>| {
        let parties: BTreeSet<&Party> = row.parties.keys().copied().collect();
        let who = match parties.iter().next() {
            Some(only) if parties.len() == 1 => party(only),
            _ => counted(&parties).0,
        };
        let KeyArn { id, account, region, .. } = row.key;
        [id.clone(), account.to_string(), region.clone(), who, row.images().len().to_string()]
    };
    let rows: Vec<[String; HEADING.len()]> = group.rows.iter().take(KEYS).map(row).collect();
    let mut shown = Vec::new();
    table(&mut shown, styles, HEADING, &rows)?;
    for line in String::from_utf8_lossy(&shown).lines() {
        writeln!(out, "  {line}")?;
    }
    match group.rows.len().saturating_sub(KEYS) {
        0 => Ok(()),
        more => writeln!(out, "  and {}: --details shows all", names::counted(more, "more key")),
    }
}

/// Each key with everybody in whose way it stands, and the AMIs by their ids.
fn everything(
    out: &mut dyn Write,
    styles: &Styles,
    width: usize,
    group: &LackingGroup<'_>,
) -> io::Result<()> {
    for row in &group.rows {
        Prose::new().styled(styles.strong, &names::key(row.key)).write(out, width, 2)?;
        for (who, images) in &row.parties {
            let who = Prose::new().text(&format!("{}:", party(who)));
            write!(out, "    ")?;
            who.styled(styles.dim, &format!(" {}", names::list(images))).write_at(out, width, 4, 6)?;
        }
    }
    Ok(())
}

fn not_looked_at(out: &mut dyn Write, styles: &Styles, width: usize, survey: &Survey) -> io::Result<()> {
    let besides = besides(survey);
    if survey.gaps.is_empty() && besides.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    Prose::new().styled(styles.strong, "Not looked at").write(out, width, 0)?;
    for gap in gaps(survey) {
        write!(out, "  ")?;
        let line = Prose::new().styled(styles.warning, &gap.what()).text(": ").text(&gap.why());
        line.write_at(out, width, 2, 4)?;
    }
    for other in besides {
        write!(out, "  ")?;
        Prose::new().styled(styles.dim, &other).write_at(out, width, 2, 4)?;
    }
    Ok(())
}
