//! A line that is typed at the terminal.

use std::io;

use dialoguer::console::{Key, Term};

/// Ctrl-D, which a terminal in raw mode gives as a character.
const END: char = '\u{4}';

/// Reads a line after something to say; `None` where Ctrl-D ends the conversation instead.
///
/// # Errors
/// The terminal is gone; [`io::ErrorKind::Interrupted`] for Ctrl-C.
pub(super) fn read(term: &Term, prompt: &str) -> io::Result<Option<String>> {
    term.write_str(prompt)?;
    term.flush()?;
    let mut typed = String::new();
    loop {
        match term.read_key()? {
            Key::Enter => break,
            Key::Char(END) => {
                term.write_line("")?;
                return Ok(None);
            }
            Key::Backspace => {
                if let Some(last) = typed.pop() {
                    let columns = dialoguer::console::measure_text_width(last.encode_utf8(&mut [0; 4]));
                    term.clear_chars(columns)?;
                }
            }
            Key::Char(letter) if !letter.is_control() => {
                typed.push(letter);
                term.write_str(letter.encode_utf8(&mut [0; 4]))?;
            }
            _ => {}
        }
        term.flush()?;
    }
    term.write_line("")?;
    Ok(Some(typed))
}
