//! Where results and talk go.

use std::io::{self, IsTerminal as _, Write};

use anstream::AutoStream;
use console::Term;

use super::pager::Screen;
use super::progress::Progress;
use crate::cli::ColorChoice;
use crate::error::Error;
use crate::escape::Escaped;
use crate::prompt;
use crate::render::Styles;
use crate::render::prose::Prose;
use crate::render::text;

/// Results go to standard output, talk to standard error.
pub struct Console {
    /// Results.
    pub out: Box<dyn Write>,
    /// How results look.
    pub styles: Styles,
    /// Progress, prompts, hints.
    pub talk: Box<dyn Write>,
    /// How talk looks.
    pub talk_styles: Styles,
    /// Columns.
    pub width: usize,
    /// Whether somebody is there to be asked.
    pub is_interactive: bool,
    /// The terminal that results are shown on, where it is one.
    pub screen: Option<Screen>,
    /// How far reading has come.
    pub progress: Progress,
    /// What may be meant by what an error does not find: told after it.
    pub suggestion: Option<String>,
    /// Whether nothing is told but what went wrong, or may.
    is_quiet: bool,
    /// What is not told goes here.
    unheard: io::Sink,
    /// Whether something went wrong, or may: hints that follow are about that.
    has_warned: bool,
}

impl Console {
    /// The process's own streams.
    pub fn of_process(color: ColorChoice, pages: bool) -> Self {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        Self {
            styles: styles(color, AutoStream::choice(&stdout)),
            talk_styles: styles(color, AutoStream::choice(&stderr)),
            is_interactive: io::stdin().is_terminal() && stderr.is_terminal(),
            progress: Progress::of_process(stderr.is_terminal() && !prompt::is_dumb()),
            suggestion: None,
            screen: Screen::of_process(pages),
            out: Box::new(io::BufWriter::new(stdout)),
            talk: Box::new(stderr),
            width: columns().unwrap_or(text::DEFAULT_WIDTH),
            is_quiet: false,
            unheard: io::sink(),
            has_warned: false,
        }
    }

    /// From now on nothing is told but errors, warnings and questions.
    pub fn be_quiet(&mut self) {
        self.is_quiet = true;
        self.progress.silence();
    }

    /// Where talk goes, once the results before it are out: on a terminal both are read as one text.
    ///
    /// # Errors
    /// Standard output can't be written.
    pub fn talk(&mut self) -> io::Result<&mut dyn Write> {
        self.out.flush()?;
        Ok(if self.is_quiet { &mut self.unheard } else { &mut self.talk })
    }

    /// Where errors and warnings go, and what is said about them.
    fn alarm(&mut self) -> io::Result<&mut dyn Write> {
        self.out.flush()?;
        self.has_warned = true;
        Ok(&mut self.talk)
    }

    /// A hint among the talk.
    ///
    /// # Errors
    /// Standard output or standard error can't be written.
    pub fn hint(&mut self, text: &str) -> io::Result<()> {
        let style = self.talk_styles.hint;
        let to = if self.has_warned { self.alarm()? } else { self.talk()? };
        writeln!(to, "{style}hint:{style:#} {}", Escaped(text))
    }

    /// Something to know, among the talk.
    ///
    /// # Errors
    /// Standard output or standard error can't be written.
    pub fn remark(&mut self, text: &str) -> io::Result<()> {
        let line = Prose::new().styled(self.talk_styles.dim, text);
        let width = self.width;
        line.write(self.talk()?, width, 0)
    }

    /// Something to think about, among the talk.
    ///
    /// # Errors
    /// Standard output or standard error can't be written.
    pub fn warning(&mut self, text: &str) -> io::Result<()> {
        let style = self.talk_styles.warning;
        writeln!(self.alarm()?, "{style}warning:{style:#} {}", Escaped(text))
    }

    /// Something that went wrong, among the talk.
    ///
    /// # Errors
    /// Standard output or standard error can't be written.
    pub fn failure(&mut self, text: &str) -> io::Result<()> {
        let style = self.talk_styles.blocked;
        writeln!(self.alarm()?, "{style}error:{style:#} {}", Escaped(text))
    }

    /// What went wrong, and the hint that helps.
    ///
    /// # Errors
    /// Standard error can't be written.
    pub fn error(&mut self, error: &Error) -> io::Result<()> {
        if let Error::Output(error) = error
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            // Whoever read the output has mostly seen enough, and nobody can be told there any more.
            return writeln!(self.talk, "Standard output was closed before everything was told.");
        }
        // Standard output may be what can't be written.
        let Styles { blocked, hint: hinting, .. } = &self.talk_styles;
        let told = error.to_string();
        writeln!(self.talk, "{blocked}error:{blocked:#} {}", Escaped(&told))?;
        for hint in error.hint().iter().chain(&self.suggestion) {
            writeln!(self.talk, "{hinting}hint:{hinting:#} {}", Escaped(hint))?;
        }
        Ok(())
    }
}

/// What `COLUMNS` says, else the terminal.
fn columns() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let terminal = || {
        let size = Term::stdout().size_checked().or_else(|| Term::stderr().size_checked());
        size.map(|(_, columns)| usize::from(columns))
    };
    said.filter(|columns| *columns > 0).or_else(terminal)
}

fn styles(color: ColorChoice, auto: anstream::ColorChoice) -> Styles {
    let is_coloured = match color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => auto != anstream::ColorChoice::Never,
    };
    if is_coloured { Styles::coloured() } else { Styles::plain() }
}
