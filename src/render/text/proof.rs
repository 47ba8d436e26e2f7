//! What evaluation tells of access.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::check::reasons;
use super::names;
use crate::access::Purpose;
use crate::access::assessment::{Assessment, Verdict};
use crate::access::trial::{Method, Ruling, Standing, Trial};
use crate::render::Styles;
use crate::render::prose::Prose;

/// Writes for each grantee and key whether what reads back gives it what it needs, and what was not considered.
///
/// # Errors
/// What the writer returns.
pub fn proof(
    out: &mut dyn Write,
    styles: &Styles,
    width: usize,
    purpose: Purpose,
    assessments: &[Assessment],
) -> io::Result<()> {
    if assessments.is_empty() {
        return Ok(());
    }
    Prose::new().styled(styles.strong, "By the policies as they read back:").write(out, width, 0)?;
    for assessment in assessments {
        let verdict = assessment.verdict();
        let style = match verdict {
            Verdict::Able => styles.added,
            Verdict::Unknown => styles.warning,
            Verdict::Missing | Verdict::Blocked => styles.blocked,
        };
        let line = Prose::new()
            .text(&format!("{} ", names::grantee(&assessment.grantee)))
            .styled(style, &verdict.of(purpose))
            .text(&format!(" with {}{}", names::key(&assessment.key), because_of_instance(assessment)));
        line.write(out, width, 2)?;
    }
    let gaps: BTreeSet<&str> =
        assessments.iter().flat_map(|assessment| &assessment.not_considered).map(String::as_str).collect();
    if gaps.is_empty() {
        return Ok(());
    }
    let text = format!("Not considered, so nothing is proven: {}.", names::list(gaps));
    Prose::new().styled(styles.dim, &text).write(out, width, 2)
}

/// What the verdict is for, where it is not for the grantee's own sake.
fn because_of_instance(assessment: &Assessment) -> String {
    if assessment.grantee_verdict() >= assessment.instance.action.verdict {
        return String::new();
    }
    format!(": {}", reasons::of_instance(assessment).join("; "))
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
                Standing::Proven => (styles.added, "allowed"),
                Standing::Refused => (styles.blocked, "refused"),
                Standing::Unproven => (styles.warning, "not proven"),
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
fn grouped(rulings: &[Ruling]) -> Vec<(Standing, Option<&str>, Vec<String>)> {
    let mut groups: Vec<(Standing, Option<&str>, Vec<String>)> = Vec::new();
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
