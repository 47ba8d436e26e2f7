//! Keys from the terminal.

use std::io;

use console::{Key, Term, truncate_str};

use super::checklist::Checklist;
use crate::render::escape;

/// How an input ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input<T> {
    /// With Enter.
    Entered(T),
    /// With Esc, or with Ctrl-D.
    Escaped,
    /// With Ctrl-C.
    Interrupted,
}

const CTRL_D: Key = Key::Char('\u{4}');

/// Reads a line that the user types after a prompt.
pub(super) fn read_line(term: &Term, prompt: &str) -> io::Result<Input<String>> {
    term.write_str(prompt)?;
    let mut typed = String::new();
    let input = loop {
        match term.read_key_raw()? {
            Key::Enter => break Input::Entered(typed),
            Key::Escape | CTRL_D => break Input::Escaped,
            Key::CtrlC => break Input::Interrupted,
            Key::Backspace if typed.pop().is_some() => term.clear_chars(1)?,
            Key::Char(character) if !escape::is_unsafe(character) => {
                typed.push(character);
                term.write_str(character.encode_utf8(&mut [0; 4]))?;
            }
            _ => {}
        }
    };
    term.write_line("")?;
    Ok(input)
}

/// Lets the user mark items of a list.
pub(super) fn check(term: &Term, labels: &[String], checklist: &mut Checklist) -> io::Result<Input<()>> {
    const HELP: &str = "  arrows move, space switches, a switches all, Enter accepts, Esc goes back";
    let _hidden = HiddenCursor::new(term)?;
    loop {
        let (rows, columns) = term.size();
        let mut lines = vec![HELP.to_owned()];
        lines.extend(checklist.lines(labels, usize::from(rows).saturating_sub(2)));
        // A line that wrapped would be two to clear.
        let width = usize::from(columns).saturating_sub(1);
        let lines: Vec<_> = lines.iter().map(|line| truncate_str(line, width, "...")).collect();
        term.write_line(&lines.join("\n"))?;
        match term.read_key_raw()? {
            Key::Enter => return Ok(Input::Entered(())),
            Key::Escape | CTRL_D => return Ok(Input::Escaped),
            Key::CtrlC => return Ok(Input::Interrupted),
            key => checklist.press(&key),
        }
        term.clear_last_lines(lines.len())?;
    }
}

/// Hides the cursor until it is dropped, however that comes.
struct HiddenCursor<'a>(&'a Term);

impl<'a> HiddenCursor<'a> {
    fn new(term: &'a Term) -> io::Result<Self> {
        term.hide_cursor()?;
        Ok(Self(term))
    }
}

impl Drop for HiddenCursor<'_> {
    fn drop(&mut self) {
        // There is nobody left to tell if the terminal is gone.
        _ = self.0.show_cursor();
    }
}
