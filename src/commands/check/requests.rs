//! `keymend check --requests`: JSON lines in, JSON lines out.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::authz::requests;
use crate::commands::console::Console;
use crate::commands::ending;
use crate::error::{Error, ExitStatus, UsageError};

/// Answers each line of a file, or of standard input, and says in the end what became of all.
pub(super) fn answer(file: &Path, console: &mut Console) -> Result<ExitStatus, Error> {
    let is_piped = file == Path::new("-");
    let name = if is_piped { "standard input".to_owned() } else { format!("the file `{}`", file.display()) };
    let unreadable =
        |error: io::Error| UsageError::new(format!("{name} can't be read for requests: {error}"));
    let opened: Box<dyn BufRead> = if is_piped {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(file).map_err(unreadable)?))
    };
    let mut input = Input { opened, has_failed: false };
    let requests::Summary { allowed, denied, unknown, bad } =
        match requests::answer(&mut input, &mut console.out) {
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
    opened: Box<dyn BufRead>,
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
