//! The manifest of a fleet: JSON Lines, each line what one `keymend fix` would be asked.

use std::io::BufRead;

use schemars::generate::SchemaSettings;

use crate::access::ManifestLine;

/// Why a manifest can't be read, with the line.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file can't be read on.
    #[error("line {line} can't be read: {source}")]
    Unreadable {
        /// The line, counted from 1.
        line: usize,
        /// Why.
        source: std::io::Error,
    },
    /// It is no such JSON object.
    #[error("line {line} is not what a line of a manifest is: {reason}")]
    Malformed {
        /// The line, counted from 1.
        line: usize,
        /// Why.
        reason: serde_json::Error,
    },
}

/// A line is an object: what reads one takes a list of its members, too.
fn parsed(text: &str) -> Result<ManifestLine, serde_json::Error> {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text)?;
    serde_json::from_str(text)
}

/// Reads a manifest line by line; blank lines are passed over.
pub fn read(mut source: impl BufRead) -> impl Iterator<Item = Result<(usize, ManifestLine), ManifestError>> {
    let mut number = 0;
    let mut next = move || -> Result<Option<(usize, ManifestLine)>, ManifestError> {
        let mut text = String::new();
        loop {
            number += 1;
            text.clear();
            let read = source.read_line(&mut text);
            if read.map_err(|source| ManifestError::Unreadable { line: number, source })? == 0 {
                return Ok(None);
            }
            if !text.trim().is_empty() {
                let text = text.trim_start_matches('\u{feff}');
                return parsed(text)
                    .map(|line| Some((number, line)))
                    .map_err(|reason| ManifestError::Malformed { line: number, reason });
            }
        }
    };
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let read = next().transpose();
        is_over = !matches!(read, Some(Ok(_)));
        read
    })
}

/// The JSON Schema (draft 2020-12) of a line.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<ManifestLine>().to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Profile;

    fn lines(text: &str) -> Result<Vec<usize>, String> {
        read(text.as_bytes())
            .map(|line| line.map(|(number, _)| number).map_err(|error| error.to_string()))
            .collect()
    }

    #[test]
    fn lines_are_numbered_as_an_editor_numbers_them() {
        let line = r#"{"keys": ["k"], "accounts": ["444455556666"]}"#;
        assert_eq!(lines(&format!("{line}\n\n  \r\n{line}")).unwrap(), [1, 4]);
        assert_eq!(lines("").unwrap(), [0_usize; 0]);
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_ends_the_reading() {
        for (text, told) in [
            ("{}\n{\"key\": []}\n{}", "line 2 is not what a line of a manifest is: unknown field `key`"),
            ("[]", "line 1 is not"),
            ("{}\n{} {}", "line 2 is not"),
            ("{\"accounts\": [444455556666]}", "line 1 is not"),
            ("{\"profile\": \"most\"}", "unknown variant `most`"),
        ] {
            let error = lines(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
        let not_text: &[u8] = b"{}\n\xff\xfe\n{}";
        let read: Vec<_> = read(not_text).collect();
        assert_eq!(read.len(), 2);
        assert!(read[1].as_ref().unwrap_err().to_string().starts_with("line 2 can't be read"));
    }

    #[test]
    fn what_is_written_reads_back() {
        let line = ManifestLine {
            keys: vec!["arn:aws:kms:eu-west-1:111122223333:key/1234abcd".to_owned()],
            accounts: vec!["444455556666".to_owned()],
            profile: Some(Profile::LeastPrivilege),
            ..ManifestLine::default()
        };
        let text = line.to_text().unwrap();
        assert_eq!(
            text,
            r#"{"keys":["arn:aws:kms:eu-west-1:111122223333:key/1234abcd"],"accounts":["444455556666"],"profile":"least_privilege"}"#
        );
        assert_eq!(read(text.as_bytes()).next().unwrap().unwrap(), (1, line));
    }
}
