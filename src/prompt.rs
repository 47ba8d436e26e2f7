//! The question before anything is written: the only place that talks with a terminal both ways.
//!
//! Answers are words, which every terminal can show and every screen reader can read.

mod choice;
mod line;
mod plain;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;

use dialoguer::MultiSelect;
use dialoguer::console::Term;
use dialoguer::theme::SimpleTheme;

use crate::access::Grantee;
use crate::escape::Escaped;
use crate::plan::gains::Gained;
use crate::plan::outlook::Outlook;
use crate::plan::{Change, Finding, FindingCode, Plan};
use crate::render::Styles;
use crate::render::prose::Prose;
use crate::render::text::{self, Detail, Shown, names};

use choice::Choice;
pub use plain::is_dumb;

/// What the user wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Apply these of the plan's changes, by their indices and in their order.
    Apply(Vec<usize>),
    /// Write nothing.
    Declined,
    /// Ctrl-C: write nothing and end.
    Interrupted,
}

/// How much of the plan the user can see when asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// All of it.
    Whole,
    /// It is longer than the screen.
    Partly,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The terminal is gone, or it is none.
    #[error("can't ask on the terminal: {0}")]
    Terminal(#[from] io::Error),
}

/// Asks on the terminal whether the plan's changes are to be applied. The question goes to stderr.
///
/// Call it only where stdin and stderr are terminals and the plan has changes, and where the process handles
/// SIGINT: Ctrl-C is raised as that signal, and told here as [`Answer::Interrupted`]. Whatever the answer, the
/// cursor is visible again afterwards.
///
/// # Errors
/// [`PromptError::Terminal`] where the terminal can't be read or written.
pub fn ask(
    shown: &Shown<'_>,
    seen: Seen,
    styles: &Styles,
    outlook: &Outlook<'_>,
) -> Result<Answer, PromptError> {
    let dialogue = Dialogue { term: Term::stderr(), plan: shown.plan, shown, styles, outlook };
    let answer = dialogue.hold(seen);
    if !plain::is_dumb() {
        dialogue.term.show_cursor()?;
    }
    match answer {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Answer::Interrupted),
        answer => Ok(answer?),
    }
}

/// What was answered to a question of yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    /// Yes.
    Yes,
    /// No, or the end of the conversation.
    No,
    /// Ctrl-C.
    Interrupted,
}

/// Asks until the answer is yes or no. Call it only where [`ask`] may be called.
///
/// # Errors
/// [`PromptError::Terminal`] where the terminal can't be read or written.
pub fn confirm(question: &str) -> Result<Confirmed, PromptError> {
    let term = Term::stderr();
    term.write_line(question)?;
    loop {
        let typed = match line::read(&term, "  yes or no [no]: ") {
            Ok(Some(typed)) => typed,
            Ok(None) => return Ok(Confirmed::No),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Confirmed::Interrupted),
            Err(error) => return Err(error.into()),
        };
        match typed.trim().to_ascii_lowercase().as_str() {
            "yes" | "y" => return Ok(Confirmed::Yes),
            "" | "no" | "n" => return Ok(Confirmed::No),
            other => term.write_line(&format!("error: `{}` is neither yes nor no", Escaped(other)))?,
        }
    }
}

/// One conversation about one plan.
struct Dialogue<'a> {
    term: Term,
    plan: &'a Plan,
    shown: &'a Shown<'a>,
    styles: &'a Styles,
    outlook: &'a Outlook<'a>,
}

impl Dialogue<'_> {
    /// Asks until it is decided.
    fn hold(&self, seen: Seen) -> io::Result<Answer> {
        let mut kept: Vec<usize> = (0..self.plan.changes.len()).collect();
        if seen == Seen::Partly {
            self.write(|out, width| {
                writeln!(out)?;
                text::overview(out, self.styles, width, self.shown)
            })?;
        }
        loop {
            match self.choose(&kept)? {
                Choice::Yes => return Ok(Answer::Apply(kept)),
                Choice::No => return Ok(Answer::Declined),
                Choice::Details => self.show_details(&kept)?,
                Choice::Select => {
                    kept = self.select(&kept)?.unwrap_or(kept);
                    self.show_gains(&kept)?;
                }
            }
            if kept.is_empty() {
                self.say("No change is left.")?;
                return Ok(Answer::Declined);
            }
        }
    }

    /// Asks until the answer is one of the words.
    fn choose(&self, kept: &[usize]) -> io::Result<Choice> {
        let changes = self.changes(kept);
        let question = question(changes.len(), &self.outlook.gained(&changes), &self.plan.findings);
        self.write(|out, width| {
            writeln!(out)?;
            Prose::new().styled(self.styles.strong, &question).write(out, width, 0)
        })?;
        loop {
            let prompt = "  yes, no, select or details (? for what they do) [no]: ";
            let Some(typed) = line::read(&self.term, prompt)? else { return Ok(Choice::No) };
            if typed.trim() == "?" {
                Choice::MEANINGS.iter().try_for_each(|(choice, meaning)| {
                    self.term.write_line(&format!("    {:<8} {meaning}", choice.to_string()))
                })?;
                continue;
            }
            match typed.parse::<Choice>() {
                Ok(choice) => return Ok(choice),
                Err(error) => self.term.write_line(&format!("error: {}", Escaped(&error.to_string())))?,
            }
        }
    }

    /// Lets the user switch changes off and on; what depends on one that is off goes off too. `None` for Esc or Ctrl-D.
    fn select(&self, kept: &[usize]) -> io::Result<Option<Vec<usize>>> {
        let labels: Vec<String> = self.plan.changes.iter().enumerate().map(label).collect();
        let checked: Vec<bool> = (0..labels.len()).map(|index| kept.contains(&index)).collect();
        let chosen = if plain::is_dumb() {
            plain::select(&self.term, &labels, &checked)?
        } else {
            MultiSelect::with_theme(&SimpleTheme)
                .with_prompt("Space switches a change off or on, Enter accepts")
                .items(&labels)
                .defaults(&checked)
                .report(false)
                .interact_on_opt(&self.term)?
        };
        let Some(chosen) = chosen else { return Ok(None) };
        let dropped: BTreeSet<usize> = (0..labels.len()).filter(|index| !chosen.contains(index)).collect();
        let selection = self.plan.without(&dropped);
        for (dragged, needed) in &selection.dragged {
            let what = self.plan.changes.get(*dragged).map(|change| change.operation.to_string());
            self.say(&format!(
                "Change {} ({}) drops too: it needs change {}.",
                dragged + 1,
                what.unwrap_or_default(),
                needed + 1
            ))?;
        }
        Ok(Some(selection.kept))
    }

    fn changes(&self, kept: &[usize]) -> Vec<Change> {
        kept.iter().filter_map(|index| self.plan.changes.get(*index).cloned()).collect()
    }

    /// What is left of who gains what.
    fn show_gains(&self, kept: &[usize]) -> io::Result<()> {
        let gained = self.outlook.gained(&self.changes(kept));
        self.write(|out, width| {
            writeln!(out)?;
            text::gains(out, self.styles, (width, self.shown.detail), &gained)
        })
    }

    fn show_details(&self, kept: &[usize]) -> io::Result<()> {
        let gained = self.outlook.gained(&self.changes(kept));
        self.write(|out, width| {
            writeln!(out)?;
            text::gains(out, self.styles, (width, Detail::Whole), &gained)
        })?;
        for index in kept {
            if let Some(change) = self.plan.changes.get(*index) {
                self.write(|out, width| {
                    writeln!(out)?;
                    text::change_documents(out, self.styles, width, index + 1, change)
                })?;
            }
        }
        Ok(())
    }

    fn say(&self, text: &str) -> io::Result<()> {
        self.write(|out, width| Prose::new().text(text).write(out, width, 2))
    }

    /// Writes in one go, at the terminal's width.
    fn write(&self, write: impl FnOnce(&mut dyn io::Write, usize) -> io::Result<()>) -> io::Result<()> {
        let mut text = Vec::new();
        write(&mut text, usize::from(self.term.size().1))?;
        io::Write::write_all(&mut &self.term, &text)
    }
}

/// The question: how many changes, which other accounts get access by them, and which of these nobody named.
fn question(changes: usize, gained: &[Gained], findings: &[Finding]) -> String {
    let asked = format!("Apply {}?", names::counted(changes, "change"));
    let is_let_in = |subject: &str| {
        let is_it =
            |gain: &Gained| matches!(gain.grantee, Grantee::Account { id, .. } if id.to_string() == subject);
        gained.iter().any(is_it)
    };
    let whole = findings.iter().filter(|finding| finding.code() == FindingCode::WholeAccount);
    let warnings = whole.filter(|finding| is_let_in(&finding.subject)).map(|finding| {
        format!(
            "The whole account {} is let in, for nothing tells who launched: to name the user or role instead, say no and \
             give --principal ARN.",
            finding.subject
        )
    });
    let sentences =
        [asked].into_iter().chain(text::foreign_access(gained, Detail::InShort, "")).chain(warnings);
    sentences.collect::<Vec<_>>().join(" ")
}

/// A change in one line.
fn label((index, change): (usize, &Change)) -> String {
    let operation = &change.operation;
    let sign = text::sign(operation.action());
    let text = format!("{}. {sign} {operation} (account {})", index + 1, operation.account());
    Escaped(&text).to_string()
}
