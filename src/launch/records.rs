//! Records as people have them at hand: what is wrapped around events of CloudTrail and of EventBridge is taken off, by
//! one rule for all of it, within bounds.

mod record;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value};

pub(super) use record::Record;

/// The largest file that is read.
pub const MOST_BYTES: u64 = 64 << 20;
/// The most text that is made sense of, with all that is unpacked from it.
const MOST_TEXT: usize = 128 << 20;
/// Wrappers within wrappers: an event in SNS in SQS in a log has fewer than ten.
const MOST_WRAPPERS: usize = 24;

/// Why no records can be read from a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// Not JSON, one text or several.
    #[error("not JSON: {0}")]
    Json(String),
    /// Text of another encoding.
    #[error("text in UTF-16, not in UTF-8")]
    Utf16,
    /// No text.
    #[error("no text in UTF-8")]
    NotText,
    /// Begins like gzip, and is none.
    #[error("can't be unpacked as gzip: {0}")]
    Gzip(String),
    /// More than is read.
    #[error("more than {} MiB of records", .0 >> 20)]
    TooLarge(u64),
    /// Wrapped in more than anything is.
    #[error("wrapped more than {MOST_WRAPPERS} times")]
    TooDeep,
}

/// Every event and every notification in a file, whatever is wrapped around them.
///
/// # Errors
/// The file is no JSON text, or not one within the bounds.
pub(super) fn unwrap(bytes: &[u8]) -> Result<Vec<Record>, RecordsError> {
    let mut unwrapping = Unwrapping { found: Vec::new(), left: MOST_TEXT };
    unwrapping.bytes(bytes, 0)?;
    Ok(unwrapping.found)
}

struct Unwrapping {
    found: Vec<Record>,
    /// How much more text may come.
    left: usize,
}

impl Unwrapping {
    fn bytes(&mut self, bytes: &[u8], depth: usize) -> Result<(), RecordsError> {
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let unpacked = self.unpacked(bytes)?;
            return self.deeper(depth, |unwrapping, depth| unwrapping.bytes(&unpacked, depth));
        }
        let text = text::of(bytes)?;
        self.text(text, depth)
    }

    /// <https://www.rfc-editor.org/rfc/rfc1952>: a file may consist of several members.
    fn unpacked(&self, bytes: &[u8]) -> Result<Vec<u8>, RecordsError> {
        let mut unpacked = Vec::new();
        let most = u64::try_from(self.left).unwrap_or(u64::MAX);
        MultiGzDecoder::new(bytes)
            .take(most.saturating_add(1))
            .read_to_end(&mut unpacked)
            .map_err(|error| RecordsError::Gzip(error.to_string()))?;
        if unpacked.len() > self.left { Err(too_large()) } else { Ok(unpacked) }
    }

    /// One JSON text, or several, one a line say.
    fn text(&mut self, text: &str, depth: usize) -> Result<(), RecordsError> {
        self.left = self.left.checked_sub(text.len()).ok_or_else(too_large)?;
        for value in serde_json::Deserializer::from_str(text).into_iter() {
            let value = value.map_err(|error| RecordsError::Json(error.to_string()))?;
            self.value(value, depth)?;
        }
        Ok(())
    }

    fn deeper(
        &mut self,
        depth: usize,
        unwrap: impl FnOnce(&mut Self, usize) -> Result<(), RecordsError>,
    ) -> Result<(), RecordsError> {
        if depth < MOST_WRAPPERS { unwrap(self, depth + 1) } else { Err(RecordsError::TooDeep) }
    }

    fn value(&mut self, value: Value, depth: usize) -> Result<(), RecordsError> {
        match value {
            Value::Array(items) => match table::row(items) {
                Ok(row) => self.object(row, depth),
                Err(items) => self.each(items, depth),
            },
            Value::Object(members) => self.object(members, depth),
            Value::String(text) => self.string(&text, depth),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    fn each(&mut self, items: impl IntoIterator<Item = Value>, depth: usize) -> Result<(), RecordsError> {
        self.deeper(depth, |unwrapping, depth| {
            items.into_iter().try_for_each(|item| unwrapping.value(item, depth))
        })
    }

    fn object(&mut self, members: Map<String, Value>, depth: usize) -> Result<(), RecordsError> {
        let record = Record::new(members);
        if record.is_record() {
            self.found.push(record);
            return Ok(());
        }
        match table::rows(record.into_members()) {
            Ok(rows) => self.each(rows.into_iter().map(Value::Object), depth),
            Err(members) => self.each(members.into_iter().map(|(_, value)| value), depth),
        }
    }

    /// A text within a text: JSON, or what CloudWatch Logs hands to subscribers, which is gzip in Base64.
    ///
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>
    fn string(&mut self, text: &str, depth: usize) -> Result<(), RecordsError> {
        let text = text.trim_start_matches('\u{feff}').trim();
        // So begin, in Base64, gzip with its only method, and an object of JSON.
        let is_gzip = text.starts_with("H4sI");
        if (is_gzip || text.starts_with("eyJ"))
            && let Ok(bytes) = aws_smithy_types::base64::decode(text)
        {
            return self.deeper(depth, |unwrapping, depth| match text::of(&bytes) {
                _ if is_gzip => unwrapping.bytes(&bytes, depth),
                Ok(text) => unwrapping.string(text, depth),
                // A token, say.
                Err(_) => Ok(()),
            });
        }
        if !text.starts_with(['{', '[']) {
            return Ok(());
        }
        match self.deeper(depth, |unwrapping, depth| unwrapping.text(text, depth)) {
            // A line of a log that is about something else.
            Err(RecordsError::Json(_)) if !text.to_ascii_lowercase().contains("\"eventsource\"") => Ok(()),
            ended => ended,
        }
    }
}

fn too_large() -> RecordsError {
    RecordsError::TooLarge(MOST_TEXT as u64)
}
