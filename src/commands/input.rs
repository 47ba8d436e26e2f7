//! Texts that are read, from files and from standard input.

use crate::error::UsageError;

/// A text as it was read: UTF-8, and what else it may be is told.
pub(super) fn text(name: &str, bytes: Vec<u8>) -> Result<String, UsageError> {
    let is_utf_16 = matches!(bytes.as_slice(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [_, 0, ..]);
    String::from_utf8(bytes).map_err(|error| {
        let told = UsageError::new(format!("{name} can't be read: {error}"));
        if is_utf_16 {
            told.hint("it is UTF-16, as Windows PowerShell's > writes it: save it as UTF-8")
        } else {
            told.hint("save it as UTF-8")
        }
    })
}
