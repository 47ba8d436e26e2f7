//! `keymend check --requests`: JSON lines in, JSON lines out.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

use crate::authz::requests;
use crate::commands::check::side_by_side::answer_side_by_side;
use crate::commands::console::Console;
use crate::commands::ending;
use crate::error::{Error, ExitStatus, UsageError};

/// How many bytes are read at once: some portions for each of several threads.
const AT_ONCE: usize = 512 << 10;

/// Answers each line of a file, or of standard input, and says in the end what became of all.
pub(super) fn answer(
    file: &Path,
    jobs: Option<NonZeroUsize>,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    let is_piped = file == Path::new("-");
    let name = if is_piped { "standard input".to_owned() } else { format!("the file `{}`", file.display()) };
    let unreadable =
        |error: io::Error| UsageError::new(format!("{name} can't be read for requests: {error}"));
    let opened: Box<dyn Read + Send> =
        if is_piped { Box::new(io::stdin()) } else { Box::new(File::open(file).map_err(unreadable)?) };
    let opened = BufReader::with_capacity(AT_ONCE, opened);
    let jobs = jobs.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let mut input = Input { opened, has_failed: false };
    let requests::Summary { allowed, denied, unknown, bad } =
        match answer_side_by_side(&mut input, &mut console.out, jobs) {
            Ok(summary) => summary,
            Err(error) if input.has_failed => return Err(unreadable(error).into()),
            Err(error) => return Err(error.into()),
        };
    let lines = if bad == 1 { "line" } else { "lines" };
    console.remark(&format!("{allowed} allowed, {denied} denied, {unknown} unknown, {bad} bad {lines}"))?;
    Ok(ending::status(ending::of_answers(bad)))
}

/// An input that remembers whether it was itself that failed, and not the output.
struct Input {
    opened: BufReader<Box<dyn Read + Send>>,
    has_failed: bool,
}

fn is_final(error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::Interrupted
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.opened.read(buffer);
        self.has_failed |= read.as_ref().err().is_some_and(is_final);
        read
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let filled = self.opened.fill_buf();
        self.has_failed |= filled.as_ref().err().is_some_and(is_final);
        filled
    }

    fn consume(&mut self, amount: usize) {
        self.opened.consume(amount);
    }
}
