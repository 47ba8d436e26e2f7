//! `keymend watch`: events in, verdicts and saved plans out. It has nothing to write with but the folder.

mod entries;
mod known;
pub mod queue;
mod watcher;

use std::io::{self, IsTerminal as _};
use std::thread;

use tokio::sync::mpsc::{self, Receiver};

use super::backend;
use super::console::Console;
use super::ending;
use super::interrupt::Interrupt;
use crate::cli::WatchArgs;
use crate::cli::settings::watch::WatchSettings;
use crate::cli::settings::{BackendSettings, OutputFormat};
use crate::cloud::sandbox::Sandbox;
use crate::error::{Error, ExitStatus, UsageError};
use crate::launch::trail::incident::{Incidents, incidents};
use crate::launch::trail::{MOST_BYTES, RecordsError};
use crate::plan::conclusion::Conclusion;
use crate::render::text::names::counted;
use crate::render::watch::EventLine;
use entries::{Entries, Entry};
use watcher::{Seen, Watcher};

pub(super) async fn watch(args: &WatchArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let settings = WatchSettings::resolve(args)?;
    if let BackendSettings::Sandbox(file) = &settings.backend {
        console.progress.silence();
        backend::tell_story(&Sandbox::open_or_builtin(file.as_deref())?, console)?;
    }
    let output = settings.output;
    let mut watcher = Watcher::begin(settings).await?;
    let interrupt = Interrupt::listen()?;
    interrupt.listen_to_all()?;
    if io::stdin().is_terminal() {
        console.remark("Events are read from standard input, until Ctrl-D.")?;
    }
    let mut entries = of_standard_input();
    let mut tally = Tally::default();
    while let Some(entry) = interrupt.unless_set(entries.recv()).await.flatten() {
        let entry = entry
            .map_err(|error| UsageError::new(format!("standard input can't be read for events: {error}")))?;
        for incident in tally.read(&entry, console)?.found {
            if interrupt.is_set() {
                break;
            }
            let reading = console.progress.waiting();
            let seen = watcher.see(&incident).await?;
            drop(reading);
            if let Some(line) = tally.add(seen) {
                match output {
                    OutputFormat::Text => line.write_text(&mut console.out)?,
                    OutputFormat::Json => line.write_json(&mut console.out)?,
                }
                console.out.flush()?;
            }
        }
    }
    console.remark(&tally.in_words())?;
    let has_failed = tally.unreadable + tally.unjudged > 0;
    Ok(ending::status(ending::of_watch(interrupt.is_set(), has_failed, tally.worst)))
}

/// What stands on standard input, as it comes. Who reads it waits in a thread of its own, which ends with the process.
fn of_standard_input() -> Receiver<io::Result<Entry>> {
    let (sender, receiver) = mpsc::channel(1);
    thread::spawn(move || {
        for entry in Entries::of(io::stdin().lock(), MOST_BYTES) {
            if sender.blocking_send(entry).is_err() {
                return;
            }
        }
    });
    receiver
}

/// What became of everything that was read.
#[derive(Debug, Default)]
struct Tally {
    verdicts: usize,
    /// Verdicts that could not be had.
    unjudged: usize,
    /// What was told before, within the window.
    known: usize,
    own: usize,
    others: usize,
    unreadable: usize,
    worst: Option<Conclusion>,
}

impl Tally {
    /// What stands in an entry; what can't be read is told, and is no reason to end.
    fn read(&mut self, entry: &Entry, console: &mut Console) -> io::Result<Incidents> {
        let text = entry.text.as_deref();
        let read = text.map_or(Err(RecordsError::TooLarge(MOST_BYTES).into()), incidents);
        let read = read.unwrap_or_else(|error| Incidents { incomplete: vec![error], ..Incidents::default() });
        for error in &read.incomplete {
            self.unreadable += 1;
            console.failure(&format!("line {}: {error}", entry.line))?;
        }
        self.others += read.others;
        self.own += read.own;
        Ok(read)
    }

    fn add(&mut self, seen: Seen) -> Option<EventLine> {
        match seen {
            Seen::Known => self.known += 1,
            Seen::Own => self.own += 1,
            Seen::Judged { line, .. } => {
                self.verdicts += 1;
                self.unjudged += usize::from(line.error.is_some());
                self.worst = self.worst.max(Some(line.conclusion));
                return Some(*line);
            }
        }
        None
    }

    fn in_words(&self) -> String {
        let passed_over = [
            (self.known, "told before, within the window"),
            (self.own, "of keymend's own"),
            (self.others, "of something else"),
        ];
        let some = passed_over.iter().filter(|(count, _)| *count > 0);
        let some: Vec<String> = some.map(|(count, what)| format!("{count} {what}")).collect();
        let over = (!some.is_empty()).then(|| format!("passed over: {}", some.join(", ")));
        let unread = (self.unreadable > 0).then(|| format!("not read: {}", self.unreadable));
        let verdicts = counted(self.verdicts, "verdict");
        [Some(verdicts), over, unread].into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}
