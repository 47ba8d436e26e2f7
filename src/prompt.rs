//! The question before anything is written: the only place that talks with a terminal both ways.
//!
//! Keys are read one by one, since that tells Ctrl-C and Esc apart from an answer without touching the process's
//! signal handlers. Answers are words, which every terminal can show and every screen reader can read.

mod checklist;
mod choice;
mod terminal;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;

use console::Term;

use crate::plan::{Change, Plan};
use crate::render::Styles;
use crate::render::escape::Escaped;
use crate::render::prose::Prose;
use crate::render::styles::paint;
use crate::render::text::{self, names};

use checklist::Checklist;
use choice::Choice;
use terminal::Input;

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

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The terminal is gone, or it is none.
    #[error("can't ask on the terminal: {0}")]
    Terminal(#[from] io::Error),
}

/// Asks on the terminal whether the plan's changes are to be applied. The question goes to stderr.
///
/// Call it only where stdin and stderr are terminals and the plan has changes. Whatever the answer, also when the
/// terminal fails, the cursor is visible again afterwards.
///
/// # Errors
/// [`PromptError::Terminal`] where the terminal can't be read or written.
pub fn ask(plan: &Plan, styles: &Styles) -> Result<Answer, PromptError> {
    let dialogue = Dialogue { term: Term::stderr(), plan, styles };
    let mut kept: Vec<usize> = (0..plan.changes.len()).collect();
    loop {
        match dialogue.choose(&kept)? {
            Input::Entered(Choice::Yes) => return Ok(Answer::Apply(kept)),
            Input::Entered(Choice::No) | Input::Escaped => return Ok(Answer::Declined),
            Input::Entered(Choice::Details) => dialogue.show_details(&kept)?,
            Input::Entered(Choice::Select) => match dialogue.select(&kept)? {
                Input::Entered(selected) if selected.is_empty() => {
                    dialogue.say("No change is left.")?;
                    return Ok(Answer::Declined);
                }
                Input::Entered(selected) => kept = selected,
                Input::Escaped => {}
                Input::Interrupted => return Ok(Answer::Interrupted),
            },
            Input::Interrupted => return Ok(Answer::Interrupted),
        }
    }
}

/// One conversation about one plan.
struct Dialogue<'a> {
    term: Term,
    plan: &'a Plan,
    styles: &'a Styles,
}

impl Dialogue<'_> {
    /// Asks until the answer is one.
    fn choose(&self, kept: &[usize]) -> io::Result<Input<Choice>> {
        let changes: Vec<&Change> = kept.iter().filter_map(|index| self.plan.changes.get(*index)).collect();
        let question = question(&changes);
        loop {
            self.write(|out, width| {
                writeln!(out)?;
                Prose::new().styled(self.styles.strong, &question).write(out, width, 0)
            })?;
            let prompt = format!("  {} ", paint(self.styles.hint, "yes, no, select or details [no]:"));
            let typed = match terminal::read_line(&self.term, &prompt)? {
                Input::Entered(typed) => typed,
                Input::Escaped => return Ok(Input::Escaped),
                Input::Interrupted => return Ok(Input::Interrupted),
            };
            match typed.parse() {
                Ok(choice) => return Ok(Input::Entered(choice)),
                Err(error) => self.say(&error.to_string())?,
            }
        }
    }

    /// Lets the user switch changes off and on; what depends on one that is off goes off too.
    fn select(&self, kept: &[usize]) -> io::Result<Input<Vec<usize>>> {
        let labels: Vec<String> = self.plan.changes.iter().enumerate().map(label).collect();
        let mut checklist = Checklist::new(labels.len(), kept);
        match terminal::check(&self.term, &labels, &mut checklist)? {
            Input::Entered(()) => {}
            Input::Escaped => return Ok(Input::Escaped),
            Input::Interrupted => return Ok(Input::Interrupted),
        }
        let dropped: BTreeSet<usize> = checklist.unchecked().collect();
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
        Ok(Input::Entered(selection.kept))
    }

    fn show_details(&self, kept: &[usize]) -> io::Result<()> {
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

/// The question: how many changes, and which other accounts get access by them.
fn question(changes: &[&Change]) -> String {
    let counted = names::counted(changes.len(), "change");
    let accounts = text::accounts_that_gain(changes.iter().copied());
    if accounts.is_empty() {
        format!("Apply {counted}?")
    } else {
        format!("Apply {counted}? This gives access to {}.", names::accounts(accounts.iter()))
    }
}

/// A change in one line.
fn label((index, change): (usize, &Change)) -> String {
    let operation = &change.operation;
    let sign = text::sign(operation.action());
    let text = format!("{}. {sign} {operation} (account {})", index + 1, operation.account());
    Escaped(&text).to_string()
}
