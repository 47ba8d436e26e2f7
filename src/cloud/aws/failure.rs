//! What can be told of a failure without the call that failed.

use std::time::SystemTime;

use aws_sdk_kms::error::ProvideErrorMetadata;

use super::clock;
use crate::cloud::CloudErrorKind;
use crate::cloud::codes::{kind_of, kind_of_status};

/// What can be told from the SDK's error alone.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: CloudErrorKind,
    /// The call that failed, where it is another one than was asked for.
    pub(super) operation: Option<&'static str>,
    pub(super) code: Option<String>,
    pub(super) message: String,
    pub(super) request_id: Option<String>,
}

impl Failure {
    pub(super) fn new(kind: CloudErrorKind, message: impl Into<String>) -> Self {
        Self { kind, operation: None, code: None, message: message.into(), request_id: None }
    }

    /// AWS answered with an error.
    pub(super) fn answered(error: &impl ProvideErrorMetadata, status: Option<u16>) -> Self {
        let (code, message) = (error.code(), error.message().unwrap_or_default());
        let kind = match code {
            Some(code) => kind_of(code, message, status),
            None => kind_of_status(status),
        };
        let message = match (message, code, status) {
            ("", None, Some(200..300)) => "the answer could not be read".to_owned(),
            ("", None, Some(status)) => format!("an answer with HTTP status {status} and no error code"),
            ("", _, _) => "no further explanation".to_owned(),
            (message, _, _) => message.to_owned(),
        };
        Self { kind, operation: None, code: code.map(str::to_owned), message, request_id: None }
    }

    /// The same, with what the time of the answer tells of a clock that is off.
    pub(super) fn at(self, date: Option<&str>, now: SystemTime) -> Self {
        if self.kind != CloudErrorKind::ClockSkew && !clock::may_be_meant(self.code.as_deref()) {
            return self;
        }
        match clock::off(date, &self.message, now) {
            Some(off) => {
                let message = join([self.message, off].into_iter());
                Self { kind: CloudErrorKind::ClockSkew, message, ..self }
            }
            None => self,
        }
    }
}

/// Texts in one line. Wrappers that repeat what they wrap say it once.
pub(super) fn join(texts: impl Iterator<Item = String>) -> String {
    let mut said: Vec<String> = Vec::new();
    for text in texts {
        if !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
    }
    said.join(": ")
}
