//! What evaluation tells of access.

use std::io::{self, Write};

use super::check::reasons::in_the_way;
use super::names;
use crate::access::Purpose;
use crate::access::assessment::{self, Assessment, Verdict};
use crate::access::trial::{Method, Ruling, RulingStanding, Trial};
use crate::render::Styles;
use crate::render::prose::Prose;

/// Of which time evaluation tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// After writing.
    ReadBack,
    /// Nothing has to be written.
    Now,
    /// After changes that are planned.
    Planned,
}

impl Moment {
    fn title(self) -> &'static str {
        match self {
            Self::ReadBack => "By the policies as they read back:",
            Self::Now => "By the policies as they are:",
            Self::Planned => "By the policies as this plan would make them:",
        }
    }
}

/// Writes for each grantee and key whether it can do what it is asked about for, what that rests on or what is in the way, and what was not
/// looked at.
///
/// # Errors
/// What the writer returns.
pub fn proof(
    out: &mut dyn Write,
    styles: &Styles,
    width: usize,
    (moment, purpose): (Moment, Purpose),
    assessments: &[Assessment],
) -> io::Result<()> {
    if assessments.is_empty() {
        return Ok(());
    }
    Prose::new().styled(styles.strong, moment.title()).write(out, width, 0)?;
    for assessment in assessments {
        let verdict = assessment.verdict();
        let style = match verdict {
            Verdict::Able => styles.added,
            Verdict::Unknown => styles.warning,
            Verdict::Missing | Verdict::Blocked => styles.blocked,
        };
        write!(out, "  ")?;
        let line = Prose::new()
            .text(&format!("{} ", names::grantee(&assessment.grantee)))
            .styled(style, &verdict.of(assessment.grantee.deed(purpose)))
            .text(&format!(" with {}{}", names::key(&assessment.key), grounds(assessment)));
        line.write_at(out, width, 2, 4)?;
    }
    not_looked_at(out, styles, (width, 2), assessments)
}

/// What a verdict rests on, or what is in the way.
fn grounds(assessment: &Assessment) -> String {
    if assessment.verdict() == Verdict::Able {
        return format!(", {}.", assessment.by_what());
    }
    let because = in_the_way(assessment);
    if because.is_empty() { ".".to_owned() } else { format!(": {}.", because.join("; ")) }
}

/// Writes what verdicts do not rest on, each thing once, so far from the left.
pub(super) fn not_looked_at<'a>(
    out: &mut dyn Write,
    styles: &Styles,
    (width, indent): (usize, usize),
    assessments: impl IntoIterator<Item = &'a Assessment>,
) -> io::Result<()> {
    let Some(text) = assessment::gaps(assessments) else { return Ok(()) };
    let text = text.replacen("not", "Not", 1);
    Prose::new().styled(styles.dim, &format!("{text}.")).write(out, width, indent)
}

/// Writes what AWS itself answered about each grantee and key, what it does not tell included.
///
/// # Errors
/// What the writer returns.
pub fn trials(out: &mut dyn Write, styles: &Styles, width: usize, trials: &[Trial]) -> io::Result<()> {
    let Some(first) = trials.first() else { return Ok(()) };
    let title = match first.method {
        Method::DryRun { .. } => "By dry runs, which AWS checks and does not carry out:",
        Method::Simulation => "By IAM's simulation of the requester's side:",
    };
    Prose::new().styled(styles.strong, title).write(out, width, 0)?;
    for trial in trials {
        let mut line =
            Prose::new().text(&format!("{} with {}", names::grantee(&trial.grantee), names::key(&trial.key)));
        if let Method::DryRun { made_by: Some(arn) } = &trial.method {
            line = line.styled(styles.dim, &format!(" as {arn}"));
        }
        line.write(out, width, 2)?;
        let groups = grouped(&trial.rulings);
        for (standing, reason, actions) in &groups {
            let (style, word) = match standing {
                RulingStanding::Proven => (styles.added, "allowed"),
                RulingStanding::Refused => (styles.blocked, "refused"),
                RulingStanding::Unproven => (styles.warning, "not proven"),
            };
            let actions = names::list(actions);
            let text = match reason {
                Some(reason) if groups.len() == 1 => format!(": {reason}"),
                Some(reason) => format!(" {actions}: {reason}"),
                None => format!(" {actions}"),
            };
            Prose::new().styled(style, word).text(&text).write(out, width, 4)?;
        }
    }
    Ok(())
}

/// Rulings that say the same together, what is allowed first.
fn grouped(rulings: &[Ruling]) -> Vec<(RulingStanding, Option<&str>, Vec<String>)> {
    let mut groups: Vec<(RulingStanding, Option<&str>, Vec<String>)> = Vec::new();
    for ruling in rulings {
        let reason = ruling.reason.as_deref();
        let own =
            groups.iter_mut().find(|(standing, other, _)| (*standing, *other) == (ruling.standing, reason));
        match own {
            Some((_, _, actions)) => actions.push(ruling.action.to_string()),
            None => groups.push((ruling.standing, reason, vec![ruling.action.to_string()])),
        }
    }
    groups.sort_by_key(|(standing, ..)| *standing);
    groups
}
