//! The same of messages in a queue, as AWS Lambda hands them to a function.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>

use std::ffi::OsString;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::watcher::{Seen, Watcher};
use crate::cli::Command;
use crate::cli::settings::watch::WatchSettings;
use crate::commands::progress::Progress;
use crate::commands::{Typed, start_tracing};
use crate::error::{Error, UsageError};
use crate::escape::Escaped;
use crate::launch::trail::incident::incidents;

/// The variable with the options of `keymend watch`, between spaces.
pub const OPTIONS: &str = "WATCH_OPTIONS";

/// Some messages of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Messages {
    /// The messages.
    #[serde(rename = "Records")]
    pub messages: Vec<Message>,
}

/// A message of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Its id.
    pub message_id: String,
    /// What somebody sent: an event, whatever is wrapped around it.
    pub body: String,
}

/// The messages that are to be delivered once more, and in the end to be laid aside.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

/// Sees to messages of a queue.
pub struct Queue {
    watcher: Watcher,
}

impl Queue {
    /// By the options in the process's environment.
    ///
    /// # Errors
    /// They are none of `keymend watch`, or what they name can't be used.
    pub async fn of_process() -> Result<Self, Error> {
        let options = std::env::var(OPTIONS).map_err(|error| {
            UsageError::new(format!("{OPTIONS} can't be read: {error}"))
                .hint("it has the options of `keymend watch`, for example --out s3://BUCKET/watch")
        })?;
        let (settings, verbose) = settings(&options)?;
        start_tracing(verbose, &Progress::of_process(false));
        Ok(Self { watcher: Watcher::begin(settings).await? })
    }

    /// By options.
    ///
    /// # Errors
    /// They are none of `keymend watch`, or what they name can't be used.
    pub async fn begin(options: &str) -> Result<Self, Error> {
        Ok(Self { watcher: Watcher::begin(settings(options)?.0).await? })
    }

    /// Sees to each message, writes a line for each verdict, and tells which messages have to come once more: those that
    /// can't be read, those whose verdict can't be written, and those of which there may be one another time.
    ///
    /// # Errors
    /// What the writer returns.
    pub async fn see(&mut self, batch: &Messages, out: &mut dyn Write) -> io::Result<Failures> {
        let mut failures = Failures::default();
        for Message { message_id, body } in &batch.messages {
            if let Err(failed) = self.see_to(body, out).await? {
                writeln!(out, "message {}: {}", Escaped(message_id), Escaped(&failed))?;
                failures.batch_item_failures.push(ItemFailure { item_identifier: message_id.clone() });
            }
        }
        out.flush()?;
        Ok(failures)
    }

    /// Sees to all that stands in a message; why it has to come once more, where it has to.
    async fn see_to(&mut self, body: &str, out: &mut dyn Write) -> io::Result<Result<(), String>> {
        let read = match incidents(body.as_bytes()) {
            Ok(read) => read,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let mut failed = read.incomplete.iter().map(ToString::to_string).next_back();
        for incident in &read.found {
            match self.watcher.see(incident).await {
                Ok(Seen::Known | Seen::Own) => {}
                Ok(Seen::Judged { line, may_pass }) => {
                    line.write_json(out)?;
                    if may_pass {
                        failed = Some(line.message);
                    }
                }
                Err(error) => failed = Some(error.to_string()),
            }
        }
        Ok(failed.map_or(Ok(()), Err))
    }
}

/// What options of `keymend watch` ask for, and how much is told of it.
fn settings(options: &str) -> Result<(WatchSettings, u8), Error> {
    let words = ["keymend", "watch"].into_iter().chain(options.split_whitespace());
    let words: Vec<OsString> = words.map(OsString::from).collect();
    let wrong = |told: String| UsageError::new(format!("`{options}`: {told}"));
    let typed = Typed::of(&words).map_err(|error| wrong(error.render().to_string()))?;
    typed.config?;
    match typed.command {
        Command::Watch(args) => Ok((WatchSettings::resolve(&args)?, args.output.manner.verbose)),
        _ => Err(wrong("these are no options of `keymend watch`".to_owned()).into()),
    }
}

#[cfg(test)]
mod tests;
