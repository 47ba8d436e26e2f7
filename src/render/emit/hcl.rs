//! Texts and names in HCL.
//!
//! <https://developer.hashicorp.com/terraform/language/expressions/strings>

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::escape;

/// A quoted string, in which nothing is a template.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '$' | '%' if characters.peek() == Some(&'{') => quoted.extend([character, character]),
            other if escape::is_unsafe(other) => _ = write!(quoted, "\\U{:08x}", u32::from(other)),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Names that are identifiers, each given once.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// An identifier that looks like the text.
    pub(super) fn name(&mut self, text: &str) -> String {
        let safe: String = text
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .collect();
        let base =
            if safe.starts_with(|c: char| c.is_ascii_alphabetic()) { safe } else { format!("n_{safe}") };
        let mut name = base.clone();
        let mut number = 1;
        while !self.0.insert(name.clone()) {
            number += 1;
            name = format!("{base}_{number}");
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_and_quotes_stay_text() {
        assert_eq!(quote("a"), "\"a\"");
        assert_eq!(quote("${x} %{if} $x $${y}"), "\"$${x} %%{if} $x $$${y}\"");
        assert_eq!(quote("\"\\\n\t\r"), r#""\"\\\n\t\r""#);
        assert_eq!(quote("a\u{202e}b\u{1b}"), "\"a\\U0000202eb\\U0000001b\"");
    }

    #[test]
    fn names_are_given_once() {
        let mut names = Names::default();
        assert_eq!(names.name("App-1"), "app_1");
        assert_eq!(names.name("app.1"), "app_1_2");
        assert_eq!(names.name("1"), "n_1");
    }
}
