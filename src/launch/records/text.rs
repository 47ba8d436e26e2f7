//! From bytes to text.

use super::RecordsError;

/// The text, without the mark that some editors and PowerShell put before it.
pub(super) fn of(bytes: &[u8]) -> Result<&str, RecordsError> {
    let is_utf16 = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        // JSON begins with two characters of ASCII.
        [0, second, ..] => *second != 0,
        [first, 0, ..] => *first != 0,
        _ => false,
    };
    if is_utf16 {
        return Err(RecordsError::Utf16);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| RecordsError::NotText)?;
    Ok(text.trim_start_matches('\u{feff}'))
}
