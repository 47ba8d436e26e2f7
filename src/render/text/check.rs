//! What a check found of each grantee with each key.

pub(crate) mod reasons;
mod rows;

use std::io::{self, Write};

use anstyle::Style;

use super::names;
use crate::access::Grantee;
use crate::arn::{EntityKind, KeyArn};
use crate::authz::{Occasion, Outcome};
use crate::plan::conclusion::{Checked, Conclusion, Remedy};
use crate::plan::{Finding, FindingCode};
use crate::render::Styles;
use crate::render::command::{self, CommandLine};
use crate::render::findings::tell;
use crate::render::prose::Prose;
use crate::render::styles::paint;

use reasons::reasons;
pub use rows::checks_table;

/// Writes for each grantee and key a table of actions, the sentence that sums it up and the way out, with a blank
/// line between two. Options that the `fix` command needs to reach the same place are given as they are typed.
///
/// # Errors
/// What the writer returns.
pub fn checks(
    out: &mut dyn Write,
    styles: &Styles,
    width: usize,
    checked: &[Checked],
    reach: &[String],
) -> io::Result<()> {
    for (index, checked) in checked.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        table(out, styles, width, checked)?;
        writeln!(out)?;
        sentence(out, styles, width, checked)?;
        let (mut found, mut rest) = (Vec::new(), Vec::new());
        findings(&mut found, styles, width, checked)?;
        not_considered(&mut rest, styles, width, checked)?;
        way_out(&mut rest, styles, width, checked, reach)?;
        if !found.is_empty() && !rest.is_empty() {
            found.push(b'\n');
        }
        out.write_all(&found)?;
        out.write_all(&rest)?;
    }
    Ok(())
}

/// Actions with what becomes of them, and below them what decides, numbered.
fn table(out: &mut dyn Write, styles: &Styles, width: usize, checked: &Checked) -> io::Result<()> {
    let assessment = &checked.assessment;
    let stands_for = match &assessment.grantee {
        Grantee::Account { .. } => ", asked about as its root user",
        Grantee::Entity(entity) if entity.kind == EntityKind::Group => {
            ", asked about as a user who has its policies alone"
        }
        Grantee::MembersRole(_) => {
            ", asked about as whoever makes the grant in an account that is not the key's own"
        }
        Grantee::Members(_) => ", asked about as somebody of an account that is not the key's own",
        Grantee::Entity(_) | Grantee::ServiceLinkedRole(_) => "",
    };
    let who = Prose::new().styled(styles.strong, &names::grantee(&assessment.grantee));
    who.styled(styles.dim, stands_for).write(out, width, 0)?;
    Prose::new().styled(styles.dim, &names::key(&assessment.key)).write(out, width, 2)?;
    let column = assessment.actions.iter().map(|action| action.action.name().len()).max().unwrap_or_default();
    let mut deciding: Vec<String> = Vec::new();
    for action in &assessment.actions {
        let mut numbers = Vec::new();
        for reason in reasons(action, assessment.is_identity_read) {
            let known = deciding.iter().position(|known| *known == reason);
            numbers.push(known.map_or(deciding.len() + 1, |index| index + 1));
            if known.is_none() {
                deciding.push(reason);
            }
        }
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        let (word, style) = outcome(action.outcome, styles);
        let (name, by) = (action.action.name(), numbers.join(", "));
        let gap = if by.is_empty() { String::new() } else { format!("{:<1$}{by}", "", 9 - word.len()) };
        writeln!(out, "  {name:<column$}  {}{gap}", paint(style, word))?;
    }
    for (index, reason) in deciding.iter().enumerate() {
        write!(out, "  {}", paint(styles.dim, format_args!("{:>2} ", index + 1)))?;
        Prose::new().text(reason).write_at(out, width, 5, 5)?;
    }
    Ok(())
}

fn outcome(outcome: Outcome, styles: &Styles) -> (&'static str, Style) {
    match outcome {
        Outcome::Allowed => ("allowed", styles.added),
        Outcome::ExplicitDeny | Outcome::ImplicitDeny => ("denied", styles.removed),
        Outcome::Unknown => ("unknown", styles.updated),
    }
}

/// Whether it can launch.
fn verb(checked: &Checked) -> String {
    let deed = checked.assessment.grantee.deed(checked.purpose);
    match checked.conclusion {
        Conclusion::CanLaunch => format!("can {deed}"),
        Conclusion::Unknown => format!("may or may not be able to {deed}"),
        Conclusion::Missing => format!("can't {deed} yet"),
        Conclusion::Blocked => format!("can't {deed}"),
    }
}

/// What lets it launch, or what stands in the way, with what stands before it.
fn because(checked: &Checked) -> String {
    if checked.conclusion == Conclusion::CanLaunch {
        return format!(", {}", checked.assessment.by_what());
    }
    let because = reasons::in_the_way(&checked.assessment);
    if because.is_empty() { String::new() } else { format!(": {}", because.join("; ")) }
}

/// Whether it can launch and why, in one line without names.
pub fn in_short(checked: &Checked) -> String {
    let told = checked.findings.iter().filter(|_| checked.conclusion != Conclusion::CanLaunch);
    let told = told.map(|finding| tell(finding).message).next();
    match (because(checked), told) {
        (because, Some(told)) if because.is_empty() => format!("{}: {told}", verb(checked)),
        (because, _) => format!("{}{because}", verb(checked)),
    }
}

/// Whether it can launch, and what stands in the way.
fn sentence(out: &mut dyn Write, styles: &Styles, width: usize, checked: &Checked) -> io::Result<()> {
    let style = match checked.conclusion {
        Conclusion::CanLaunch => styles.added,
        Conclusion::Unknown => styles.warning,
        Conclusion::Missing => styles.left_over,
        Conclusion::Blocked => styles.blocked,
    };
    let who = names::grantee(&checked.assessment.grantee);
    let with = format!(" with {}", names::key(&checked.assessment.key));
    let sentence = Prose::new().styled(styles.strong, &format!("{who} "));
    let end = format!("{}.", because(checked));
    sentence.styled(style, &verb(checked)).text(&with).text(&end).write(out, width, 0)
}

fn findings(out: &mut dyn Write, styles: &Styles, width: usize, checked: &Checked) -> io::Result<()> {
    // What was not read is told among what was not considered.
    let told = checked.findings.iter().filter(|finding| finding.code() != FindingCode::Unread);
    let told: Vec<Finding> = told.cloned().collect();
    if told.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    super::findings(out, styles, width, &told)
}

fn not_considered(out: &mut dyn Write, styles: &Styles, width: usize, checked: &Checked) -> io::Result<()> {
    super::proof::not_looked_at(out, styles, (width, 0), [&checked.assessment])
}

/// What `fix` can do, with the command, and what would settle what is unknown.
fn way_out(
    out: &mut dyn Write,
    styles: &Styles,
    width: usize,
    checked: &Checked,
    reach: &[String],
) -> io::Result<()> {
    // Of keys that AWS's pages leave open nobody can tell a value.
    let unknown = checked.unknown_keys().into_iter().filter(|key| Occasion::Launch.is_asked(key));
    let unknown: Vec<String> = unknown.map(|key| format!("--context {key}=VALUE")).collect();
    if checked.conclusion == Conclusion::Unknown && !unknown.is_empty() {
        hint(out, styles, width, &format!("say what it launches with to settle it: {}", unknown.join(" ")))?;
    }
    for unread in checked.findings.iter().filter(|finding| finding.code() == FindingCode::Unread) {
        let account = unread
            .subject
            .parse()
            .map_or_else(|_| unread.subject.clone(), |key: KeyArn| key.account.to_string());
        hint(
            out,
            styles,
            width,
            &format!("credentials that may read it: --account-profile {account}=PROFILE"),
        )?;
    }
    let Some(says) = remedy(checked.conclusion, checked.remedy) else { return Ok(()) };
    let command = fix(checked);
    let end = if command.is_some() { ":" } else { "." };
    Prose::new().text(says).text(end).write(out, width, 0)?;
    command.map_or(Ok(()), |command| command.with(reach).write(out, styles, width, 2))
}

/// What `fix` would do, as a sentence without its end; nothing where nothing has to be done.
pub(crate) fn remedy(conclusion: Conclusion, remedy: Remedy) -> Option<&'static str> {
    match remedy {
        Remedy::NotNeeded => None,
        Remedy::Fix if conclusion == Conclusion::Unknown => Some("keymend fix would make sure of it"),
        Remedy::Fix => Some("keymend fix mends it"),
        Remedy::PartOfIt => Some("keymend fix mends its part and says what is left for others"),
        Remedy::Nothing => Some("keymend fix has nothing to change"),
        Remedy::Blocked => Some("keymend fix can't mend it"),
        Remedy::Unknown => Some("Whether keymend fix could mend it is unknown too"),
    }
}

fn hint(out: &mut dyn Write, styles: &Styles, width: usize, text: &str) -> io::Result<()> {
    write!(out, "{}", paint(styles.hint, "hint: "))?;
    Prose::new().text(text).write_at(out, width, 6, 6)
}

/// The `keymend fix` command that helps, in one line.
pub fn fix_command(checked: &Checked) -> Option<String> {
    fix(checked).map(|command| command.to_string())
}

fn fix(checked: &Checked) -> Option<CommandLine> {
    match checked.remedy {
        Remedy::Fix | Remedy::PartOfIt => {
            let Checked { assessment, purpose, .. } = checked;
            let command = command::fix_for(&assessment.grantee, &assessment.key, *purpose);
            let pruning = checked.needs_pruning.then(|| "--prune-orphans".to_owned());
            Some(command.with(pruning.as_slice()))
        }
        Remedy::NotNeeded | Remedy::Nothing | Remedy::Blocked | Remedy::Unknown => None,
    }
}
