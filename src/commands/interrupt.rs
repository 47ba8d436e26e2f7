//! Ctrl-C, while a run writes and looks at what it wrote.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Whether Ctrl-C was pressed since it listens. The write in flight is finished first.
pub(super) struct Interrupt {
    is_set: watch::Receiver<bool>,
    listener: JoinHandle<()>,
}

impl Interrupt {
    /// Takes SIGINT over from the system, at once.
    pub(super) fn listen() -> io::Result<Self> {
        let mut signals = signal(SignalKind::interrupt())?;
        let (flag, is_set) = watch::channel(false);
        let listener = tokio::spawn(async move {
            while signals.recv().await.is_some() {
                flag.send_replace(true);
            }
        });
        Ok(Self { is_set, listener })
    }

    pub(super) fn is_set(&self) -> bool {
        *self.is_set.borrow()
    }

    /// What comes of something that may be dropped halfway; nothing where Ctrl-C comes first, or came before.
    pub(super) async fn unless_set<T>(&self, attempt: impl Future<Output = T>) -> Option<T> {
        let mut is_set = self.is_set.clone();
        let raised = async {
            if is_set.wait_for(|is_set| *is_set).await.is_err() {
                // Nobody listens any more, so that nothing can come.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = raised => None,
            came = attempt => Some(came),
        }
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    }

    /// An interrupt that comes when the test says so.
    fn by_hand() -> (watch::Sender<bool>, Interrupt) {
        let (flag, is_set) = watch::channel(false);
        (flag, Interrupt { is_set, listener: tokio::spawn(std::future::pending()) })
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

    #[test]
    fn without_a_listener_nothing_is_given_up() {
        run(async {
            let (flag, interrupt) = by_hand();
            drop(flag);
            let slow = async {
                tokio::task::yield_now().await;
                1
            };
            assert_eq!(interrupt.unless_set(slow).await, Some(1));
        });
    }

    #[test]
    fn ctrl_c_is_heard() {
        run(async {
            let interrupt = Interrupt::listen().unwrap();
            let presses = async {
                let own = std::process::id().to_string();
                let status = tokio::task::spawn_blocking(move || {
                    std::process::Command::new("kill").args(["-INT", &own]).status()
                });
                assert!(status.await.unwrap().unwrap().success());
            };
            let waits = interrupt.unless_set(std::future::pending::<()>());
            assert_eq!(tokio::join!(waits, presses).0, None);
        });
    }
}
