//! Ctrl-C, and the system's wish that the process ends, while a run writes and looks at what it wrote.

use std::cell::RefCell;
use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Whether Ctrl-C was pressed, or the process asked to end, since it listens. The write in flight is finished first.
pub(super) struct Interrupt {
    flag: watch::Sender<bool>,
    listeners: RefCell<Vec<JoinHandle<()>>>,
}

impl Interrupt {
    /// Takes SIGINT over from the system, at once.
    pub(super) fn listen() -> io::Result<Self> {
        let interrupt = Self { flag: watch::channel(false).0, listeners: RefCell::default() };
        interrupt.hear(SignalKind::interrupt())?;
        Ok(interrupt)
    }

    /// Takes over what else asks a process to end too: `kill` or a shutdown, and a terminal that is gone. Before
    /// something is written, at the question above all, they end it at once.
    pub(super) fn listen_to_all(&self) -> io::Result<()> {
        for kind in [SignalKind::terminate(), SignalKind::hangup()] {
            // Under `nohup` a terminal that is gone is no reason to end.
            if !is_ignored(kind) {
                self.hear(kind)?;
            }
        }
        Ok(())
    }

    fn hear(&self, kind: SignalKind) -> io::Result<()> {
        let (mut signals, flag) = (signal(kind)?, self.flag.clone());
        let listener = tokio::spawn(async move {
            while signals.recv().await.is_some() {
                flag.send_replace(true);
            }
        });
        self.listeners.borrow_mut().push(listener);
        Ok(())
    }

    pub(super) fn is_set(&self) -> bool {
        *self.flag.borrow()
    }

    /// What comes of something that may be dropped halfway; nothing where Ctrl-C comes first, or came before.
    pub(super) async fn unless_set<T>(&self, attempt: impl Future<Output = T>) -> Option<T> {
        let mut is_set = self.flag.subscribe();
        tokio::select! {
            biased;
            _ = is_set.wait_for(|is_set| *is_set) => None,
            came = attempt => Some(came),
        }
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.listeners.borrow().iter().for_each(JoinHandle::abort);
    }
}

/// Whether whoever started the process has it ignore a signal, as Linux tells it.
///
/// <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    u32::try_from(kind.as_raw_value() - 1).is_ok_and(|bit| mask.checked_shr(bit).unwrap_or_default() & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    }

    /// An interrupt that comes when the test says so.
    fn by_hand() -> (watch::Sender<bool>, Interrupt) {
        let flag = watch::channel(false).0;
        (flag.clone(), Interrupt { flag, listeners: RefCell::default() })
    }

    #[test]
    fn what_comes_first_counts() {
        run(async {
            let (flag, interrupt) = by_hand();
            assert_eq!(interrupt.unless_set(async { 1 }).await, Some(1));
            let waits = interrupt.unless_set(std::future::pending::<()>());
            let presses = async {
                tokio::task::yield_now().await;
                flag.send_replace(true);
            };
            assert_eq!(tokio::join!(waits, presses).0, None, "a wait is given up");
            assert!(interrupt.is_set());
            assert_eq!(interrupt.unless_set(async { 1 }).await, None, "nothing is begun any more");
        });
    }

    /// Sends this process a signal, and lets whoever listens hear it.
    async fn send(signal: &'static str) {
        let own = std::process::id().to_string();
        let status = tokio::task::spawn_blocking(move || {
            std::process::Command::new("kill").args([signal, &own]).status()
        });
        assert!(status.await.unwrap().unwrap().success());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }

    #[test]
    fn every_wish_that_it_ends_is_heard_but_for_those_that_were_ignored_before() {
        for (signal, kind) in [
            ("-INT", SignalKind::interrupt()),
            ("-TERM", SignalKind::terminate()),
            ("-HUP", SignalKind::hangup()),
        ] {
            run(async {
                // Whoever runs the tests may have them ignore SIGHUP.
                let is_heard = kind == SignalKind::interrupt() || !is_ignored(kind);
                let interrupt = Interrupt::listen().unwrap();
                interrupt.listen_to_all().unwrap();
                send(signal).await;
                assert_eq!(interrupt.is_set(), is_heard, "{signal}");
                let given_up = interrupt.unless_set(async { 1 }).await.is_none();
                assert_eq!(given_up, is_heard, "{signal}");
            });
        }
    }
}
