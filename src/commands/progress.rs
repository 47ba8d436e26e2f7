//! How far reading has come, on standard error: a line that moves, and the number of answers where there are more than
//! a few; without a terminal plain lines, where it takes more than a moment. And what makes it take long.

mod narrow;

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::cloud::RETRIED;
use crate::error::ExitStatus;
use narrow::Narrow;

/// So many reads need no telling.
const FEW: usize = 4;
/// What is done sooner needs no telling either.
const MOMENT: Duration = Duration::from_millis(400);
/// How often the line moves.
const TICK: Duration = Duration::from_millis(100);
/// Without a terminal, a line so often.
const BETWEEN_LINES: Duration = Duration::from_secs(2);

/// Counts answers while somebody waits for them. Every read is an event of [`crate::cloud::traced`].
#[derive(Clone)]
pub struct Progress(Arc<Mutex<State>>);

struct State {
    shown: Shown,
    /// Since when somebody waits, and how many answers have come since.
    waiting: Option<(Instant, usize)>,
}

/// A line that moves on standard error.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::with_draw_target(
        None,
        ProgressDrawTarget::term_like_with_hz(Box::new(Narrow(Term::buffered_stderr())), 20),
    )
    .with_style(style)
    .with_message("reading")
}

enum Shown {
    /// A line that moves, while somebody waits.
    Bar(Option<ProgressBar>),
    /// Plain lines.
    Lines { out: Box<dyn Write + Send>, last: Option<Instant> },
    /// Every call is told anyway.
    Nothing,
}

impl Progress {
    /// For a process whose standard error is a terminal or not.
    pub fn of_process(is_terminal: bool) -> Self {
        let lines = || Shown::Lines { out: Box::new(io::stderr()), last: None };
        Self::new(if is_terminal { Shown::Bar(None) } else { lines() })
    }

    fn new(shown: Shown) -> Self {
        Self(Arc::new(Mutex::new(State { shown, waiting: None })))
    }

    /// Shows nothing from now on.
    pub(super) fn silence(&self) {
        self.with(|state| state.shown = Shown::Nothing);
    }

    /// Shows how far it is until what is given back is dropped.
    pub(super) fn waiting(&self) -> Waiting {
        let is_moving = self.with(|state| {
            state.waiting = Some((Instant::now(), 0));
            let Shown::Bar(shown) = &mut state.shown else { return false };
            shown.insert(bar()).enable_steady_tick(TICK);
            true
        });
        let listener = is_moving.then(|| tokio::spawn(ends_on_interrupt(self.clone())));
        Waiting { progress: self.clone(), listener }
    }

    /// Nobody waits any more, and no trace is left of the line that moved.
    fn stop(&self) {
        self.with(|state| {
            state.waiting = None;
            if let Shown::Bar(shown) = &mut state.shown
                && let Some(bar) = shown.take()
            {
                bar.disable_steady_tick();
                bar.finish_and_clear();
            }
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

impl State {
    /// Tells something above the line that moves.
    fn remark(&mut self, line: &str) {
        // Whether anybody reads it changes nothing.
        match &mut self.shown {
            Shown::Bar(Some(bar)) => _ = bar.suspend(|| writeln!(io::stderr(), "{line}")),
            Shown::Bar(None) => _ = writeln!(io::stderr(), "{line}"),
            Shown::Lines { out, .. } => _ = writeln!(out, "{line}"),
            Shown::Nothing => {}
        }
    }

    fn answered(&mut self, now: Instant) {
        let Some((since, answers)) = &mut self.waiting else { return };
        *answers += 1;
        if *answers <= FEW || now.duration_since(*since) < MOMENT {
            return;
        }
        let message = format!("reading: {answers} answers so far");
        match &mut self.shown {
            Shown::Bar(Some(bar)) => bar.set_message(message),
            Shown::Lines { out, last }
                if last.is_none_or(|last| now.duration_since(last) >= BETWEEN_LINES) =>
            {
                *last = Some(now);
                // Whether anybody reads it changes nothing.
                _ = writeln!(out, "{message}");
            }
            Shown::Bar(None) | Shown::Lines { .. } | Shown::Nothing => {}
        }
    }
}

/// Ctrl-C while nothing but reading goes on ends the process, and leaves a tidy terminal.
async fn ends_on_interrupt(progress: Progress) {
    if tokio::signal::ctrl_c().await.is_ok() {
        progress.stop();
        // Whether anybody reads it changes nothing.
        _ = writeln!(io::stderr(), "Interrupted. Nothing was written.");
        std::process::exit(ExitStatus::Interrupted as i32);
    }
}

/// Somebody waits.
#[derive(Debug)]
pub(super) struct Waiting {
    progress: Progress,
    listener: Option<JoinHandle<()>>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.listener.iter().for_each(JoinHandle::abort);
        self.progress.stop();
    }
}

impl<S: Subscriber> Layer<S> for Progress {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        match event.metadata().target() {
            "keymend::cloud::traced" => self.with(|state| state.answered(Instant::now())),
            RETRIED => {
                let mut message = Message::default();
                event.record(&mut message);
                self.with(|state| state.remark(&message.0));
            }
            _ => {}
        }
    }
}

/// What an event says.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written, shared with the test.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is told of answers that come after so many milliseconds.
    fn told(answers: &[u64]) -> String {
        let written = Written::default();
        let progress = Progress::new(Shown::Lines { out: Box::new(written.clone()), last: None });
        let waiting = progress.waiting();
        let begun = progress.with(|state| state.waiting.unwrap().0);
        for after in answers {
            progress.with(|state| state.answered(begun + Duration::from_millis(*after)));
        }
        drop(waiting);
        progress.with(|state| state.answered(begun + Duration::from_mins(1)));
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn what_is_tried_again_is_told_whenever_it_is() {
        use tracing_subscriber::layer::SubscriberExt as _;
        let written = Written::default();
        let progress = Progress::new(Shown::Lines { out: Box::new(written.clone()), last: None });
        let subscriber = tracing_subscriber::registry().with(progress.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: RETRIED, "{} is tried again", "kms:DescribeKey");
            tracing::info!("something else");
            progress.silence();
            tracing::info!(target: RETRIED, "again");
        });
        let said = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(said, "kms:DescribeKey is tried again\n");
    }

    #[test]
    fn only_what_takes_long_is_told_and_not_too_often() {
        assert_eq!(told(&[100; 50]), "", "it was done in a moment");
        assert_eq!(told(&[9000; 4]), "", "there were a few only");
        assert_eq!(told(&[500; 20]), "reading: 5 answers so far\n");
        assert_eq!(
            told(&[500, 500, 500, 500, 600, 700, 2700, 2800]),
            "reading: 5 answers so far\nreading: 7 answers so far\n"
        );
    }
}
