//! Choosing among lines where the cursor can't be moved: by numbers.

use std::collections::BTreeSet;
use std::io;

use dialoguer::console::Term;

use super::line;

/// What is typed means nothing here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of the numbers")]
struct NumberError(String);

/// Whether the terminal shows characters and does nothing else.
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term == "dumb")
}

/// Lets the user switch lines off and on by their numbers until the line is empty; gives those that are on. `None` for
/// Ctrl-D.
pub(super) fn select(term: &Term, labels: &[String], checked: &[bool]) -> io::Result<Option<Vec<usize>>> {
    let mut on = checked.to_vec();
    loop {
        for (label, on) in labels.iter().zip(&on) {
            term.write_line(&format!("  [{}] {label}", if *on { 'x' } else { ' ' }))?;
        }
        let Some(typed) = line::read(term, "  Numbers switch changes off or on, Enter accepts: ")? else {
            return Ok(None);
        };
        if typed.trim().is_empty() {
            return Ok(Some(on.iter().enumerate().filter(|(_, on)| **on).map(|(index, _)| index).collect()));
        }
        match numbers(&typed, labels.len()) {
            Ok(numbers) => {
                for (index, on) in on.iter_mut().enumerate() {
                    *on ^= numbers.contains(&(index + 1));
                }
            }
            Err(error) => term.write_line(&format!("error: {error}"))?,
        }
    }
}

/// Numbers from 1 to the most, with blanks or commas between them.
fn numbers(typed: &str, most: usize) -> Result<BTreeSet<usize>, NumberError> {
    typed
        .split([' ', ','])
        .filter(|word| !word.is_empty())
        .map(|word| match word.parse() {
            Ok(number) if (1..=most).contains(&number) => Ok(number),
            _ => Err(NumberError(word.to_owned())),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_they_are_typed() {
        assert_eq!(numbers("1, 3 3", 3), Ok(BTreeSet::from([1, 3])));
        for (typed, wrong) in [("0", "0"), ("4", "4"), ("1 x", "x"), ("-1", "-1"), ("1-2", "1-2")] {
            assert_eq!(numbers(typed, 3), Err(NumberError(wrong.to_owned())), "{typed}");
        }
    }
}
