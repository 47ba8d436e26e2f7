//! Text from outside, made harmless for a terminal.
//!
//! Control characters move the cursor and set colours; bidirectional controls and invisible characters make a
//! text look like another one (<https://www.unicode.org/reports/tr36/>, Trojan Source). All are shown, none sent.

use std::fmt::{self, Write as _};

/// Shows a text with every character that a terminal would act on, or that nobody would see, written out:
/// line ends and tabs as `\n`, `\r` and `\t`, others as `\u{1b}`.
///
/// A backslash stays as it is: what was escaped can't be told from what looked like it, which is harmless.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_replacing(f, self.0, |f, character| match character {
            '\n' => f.write_str("\\n"),
            '\r' => f.write_str("\\r"),
            '\t' => f.write_str("\\t"),
            other => write!(f, "\\u{{{:x}}}", u32::from(other)),
        })
    }
}

/// Shows JSON text that is to be copied: line ends and tabs between its tokens stay, every other character that
/// [`Escaped`] would write out becomes a JSON escape (`\u202e`), so that it is the same JSON still.
#[derive(Debug, Clone, Copy)]
pub struct EscapedJson<'a>(pub &'a str);

impl fmt::Display for EscapedJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_replacing(f, self.0, |f, character| match character {
            '\n' | '\r' | '\t' => f.write_char(character),
            other => {
                let mut units = [0; 2];
                other.encode_utf16(&mut units).iter().try_for_each(|unit| write!(f, "\\u{unit:04x}"))
            }
        })
    }
}

fn write_replacing(
    f: &mut fmt::Formatter<'_>,
    text: &str,
    replace: impl Fn(&mut fmt::Formatter<'_>, char) -> fmt::Result,
) -> fmt::Result {
    let mut plain_from = 0;
    for (index, character) in text.char_indices().filter(|(_, character)| is_unsafe(*character)) {
        f.write_str(text.get(plain_from..index).unwrap_or_default())?;
        replace(f, character)?;
        plain_from = index + character.len_utf8();
    }
    f.write_str(text.get(plain_from..).unwrap_or_default())
}

/// Whether a character is a control or format character, a line separator, or invisible.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Soft hyphen, Arabic letter mark, Mongolian vowel separator.
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            // Zero-width characters and marks of direction.
            | '\u{200b}'..='\u{200f}'
            // Line and paragraph separators, bidirectional embeddings and overrides.
            | '\u{2028}'..='\u{202e}'
            // Word joiner, invisible operators, bidirectional isolates, deprecated controls.
            | '\u{2060}'..='\u{206f}'
            // Hangul fillers, which are blank.
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
            // Byte order mark, interlinear annotation, tags.
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        Escaped(text).to_string()
    }

    #[test]
    fn ordinary_text_stays() {
        for text in
            ["", "Allow use of the key", "Zürich, 東京, a\\b, 100 %", "arn:aws:iam::444455556666:role/é"]
        {
            assert_eq!(escaped(text), text);
        }
    }

    #[test]
    fn terminal_controls_are_written_out() {
        assert_eq!(escaped("\u{1b}[31mred\u{7}"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(escaped("a\r\n\tb\0"), "a\\r\\n\\tb\\u{0}");
        assert_eq!(escaped("\u{9b}2J\u{7f}"), "\\u{9b}2J\\u{7f}");
    }

    #[test]
    fn nothing_that_reorders_or_hides_text_is_left() {
        let ranges = [
            0..=0x1f,
            0x7f..=0x9f,
            0x61c..=0x61c,
            0x200b..=0x200f,
            0x2028..=0x202e,
            0x2060..=0x2069,
            0xfeff..=0xfeff,
            0xe0001..=0xe007f,
        ];
        for character in ranges.into_iter().flatten().filter_map(char::from_u32) {
            let shown = escaped(&format!("a{character}b"));
            assert!(shown.is_ascii() && !shown.contains(|c: char| c.is_ascii_control()), "{shown:?}");
        }
    }

    #[test]
    fn escaped_json_is_the_same_json() {
        let text = "{\n  \"Sid\": \"a\u{202e}b\u{9b}c\u{e0041}é\"\n}";
        let shown = EscapedJson(text).to_string();
        assert!(shown.starts_with("{\n  \"Sid\": \"a\\u202eb\\u009bc\\udb40\\udc41é"), "{shown}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&shown), value(text));
    }
}
