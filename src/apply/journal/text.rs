//! A journal as a text: a line for what is known before the first write, then a line for each note.
//!
//! Every line is a JSON document. Earlier versions wrote one document, anew at every step.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Deserializer;

use super::note::Note;
use super::record::{FORMAT, Noted, Record};

/// The format of the days when a file was one document.
const ONE_DOCUMENT: u32 = 1;

/// Why a text is no journal.
#[derive(Debug, thiserror::Error)]
pub(super) enum TextError {
    #[error("{0}")]
    Malformed(#[from] serde_json::Error),
    #[error("its first line has no end")]
    NoHead,
    #[error("line {number}: {reason}")]
    Line { number: usize, reason: String },
    #[error("format {0} is not known")]
    UnknownFormat(u64),
}

/// The text of a run that begins.
pub(super) fn head(record: &Record) -> serde_json::Result<String> {
    Ok(serde_json::to_string(record)? + "\n")
}

/// The text of a note.
pub(super) fn line(note: &Note) -> serde_json::Result<String> {
    Ok(serde_json::to_string(note)? + "\n")
}

/// What a text says, as far as it is asked for.
pub(super) fn parse<T: DeserializeOwned + Noted>(text: &[u8]) -> Result<T, TextError> {
    #[derive(Deserialize)]
    struct Header {
        keymend_journal: u64,
    }
    let Header { keymend_journal: format } = Header::deserialize(&mut Deserializer::from_slice(text))?;
    if format == u64::from(ONE_DOCUMENT) {
        return Ok(serde_json::from_slice(text)?);
    }
    if format != u64::from(FORMAT) {
        return Err(TextError::UnknownFormat(format));
    }
    let mut lines = lines(text).ok_or(TextError::NoHead)?;
    let (_, head) = lines.next().ok_or(TextError::NoHead)?;
    let mut said: T = serde_json::from_slice(head)?;
    let mut course = said.course();
    for (number, line) in lines {
        let wrong = |reason| TextError::Line { number, reason };
        let note: Note = serde_json::from_slice(line).map_err(|error| wrong(without_place(&error)))?;
        note.take_in(&mut course).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(said)
}

/// The lines that were written to their ends, each with its number; nothing where there is none.
///
/// One that was not was under way when the process or the machine stopped, and nothing has followed from it: whatever
/// follows from a note waits until it is flushed. Where a machine stops, some file systems leave null bytes in the
/// place of what they had not written; JSON has none.
fn lines(text: &[u8]) -> Option<impl Iterator<Item = (usize, &[u8])>> {
    let is_end = |byte: &u8| *byte == b'\n';
    let written = text.rsplitn(2, is_end).nth(1)?;
    let mut parts = written.rsplitn(2, is_end);
    let is_torn = parts.next().is_some_and(|last| last.contains(&0));
    let whole = parts.next().filter(|_| is_torn).unwrap_or(written);
    Some((1..).zip(whole.split(is_end)))
}

/// Every line is a document of its own for the parser.
fn without_place(error: &serde_json::Error) -> String {
    let reason = error.to_string();
    reason.rsplit_once(" at line").map_or(reason.as_str(), |(reason, _)| reason).to_owned()
}
