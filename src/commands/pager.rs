//! What is longer than the screen goes through a pager, as git has it.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::process::{Child, Command, Stdio};

use console::{Term, measure_text_width};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::config;
use crate::prompt;

/// Lines of a screen that something else may need: who was asked as, and the question.
const MARGIN: usize = 4;

/// The terminal that results are shown on.
#[derive(Debug)]
pub struct Screen {
    rows: usize,
    columns: usize,
    pager: Option<OsString>,
}

impl Screen {
    /// The one of standard output, where it is one; `pages` where what is longer is paged.
    ///
    /// The pager is what `KEYMEND_PAGER` says, else `PAGER`, else `less`; none where that is empty or `cat`, or on a
    /// terminal that can't move its cursor.
    pub fn of_process(pages: bool) -> Option<Self> {
        let stdout = io::stdout();
        let (rows, columns) = Term::stdout().size_checked().filter(|_| stdout.is_terminal())?;
        let said = [config::PAGER, "PAGER"].into_iter().find_map(std::env::var_os);
        let pager = said.unwrap_or_else(|| OsString::from("less"));
        let can_page =
            pages && io::stdin().is_terminal() && !(pager.is_empty() || pager == "cat") && !prompt::is_dumb();
        Some(Self { rows: rows.into(), columns: columns.into(), pager: can_page.then_some(pager) })
    }

    /// Whether a text can be seen at once.
    pub fn holds(&self, text: &[u8]) -> bool {
        let text = String::from_utf8_lossy(text);
        let rows = text.lines().map(|line| measure_text_width(line).div_ceil(self.columns.max(1)).max(1));
        rows.sum::<usize>() + MARGIN <= self.rows
    }
}

/// Writes a text, through the screen's pager where it has one and does not hold it.
pub(super) fn write(out: &mut dyn Write, screen: Option<&Screen>, text: &[u8]) -> io::Result<()> {
    let pager = screen.filter(|screen| !screen.holds(text)).and_then(|screen| screen.pager.as_ref());
    out.flush()?;
    // Without its pager the terminal still scrolls.
    let is_paged = pager.is_some_and(|pager| start(pager).is_ok_and(|pager| page(pager, text)));
    if is_paged { Ok(()) } else { out.write_all(text) }
}

/// Starts a pager as git does: by the shell, and with options for `less` that leave colours, and the text on the screen.
fn start(pager: &OsString) -> io::Result<Child> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(pager).stdin(Stdio::piped());
    for (name, value) in [("LESS", "FRX"), ("LV", "-c")] {
        if std::env::var_os(name).is_none() {
            command.env(name, value);
        }
    }
    command.spawn()
}

/// Whether a pager showed a text: the shell ends with these where it found none.
fn page(mut pager: Child, text: &[u8]) -> bool {
    const NOT_RUN: [i32; 2] = [126, 127];
    // Ctrl-C is the pager's while it shows.
    let _ignored = signal(SignalKind::interrupt());
    if let Some(mut to_pager) = pager.stdin.take() {
        // Whoever has seen enough quits before the end.
        _ = to_pager.write_all(text);
    }
    pager.wait().is_ok_and(|status| !status.code().is_some_and(|code| NOT_RUN.contains(&code)))
}
