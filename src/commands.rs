//! The commands: each a short story told with the parts of the library.

mod apply;
mod approval;
mod backend;
mod chain;
mod check;
pub mod console;
mod defaults;
mod document;
mod ending;
mod fix;
mod handover;
mod input;
mod interrupt;
mod man;
mod mishap;
mod observing;
mod organization;
mod outcome;
mod parts;
mod patch;
mod place;
pub mod progress;
mod proof;
mod resume;
mod rollback;
mod run;
mod texts;
mod usage;

use std::ffi::OsString;

use clap::Parser as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::{Cli, ColorChoice, Command, OutputChoice};
use crate::error::{Error, ExitStatus};
use console::Console;
use progress::Progress;

/// Runs what was typed, the program's name first; tells what went wrong, and says how the process ends.
pub fn run(arguments: &[OsString]) -> ExitStatus {
    match Cli::try_parse_from(arguments) {
        Ok(cli) => run_command(cli.command),
        Err(error) => usage::tell(error, arguments),
    }
}

fn run_command(command: Command) -> ExitStatus {
    let telling = Telling::of(&command);
    let mut console = Console::of_process(telling.color);
    if telling.quiet {
        console.be_quiet();
    }
    start_tracing(telling.verbose, &console.progress);
    let ended = match command {
        Command::Fix(args) => block_on(fix::fix(&args, &mut console)),
        Command::Plan(mut args) => {
            args.approval.dry_run = true;
            block_on(fix::fix(&args, &mut console))
        }
        Command::Rollback(args) => block_on(rollback::rollback(&args, &mut console)),
        Command::Check(args) => block_on(check::check(&args, &mut console)),
        Command::Apply(args) => block_on(apply::apply(&args, &mut console)),
        Command::Patch(args) => patch::patch(&args, &mut console),
        Command::Permissions(args) => texts::permissions(&args, &mut console),
        Command::Version => texts::version(&mut console),
        Command::Completions { shell } => texts::completions(shell, &mut console),
        Command::Man => texts::man(&mut console),
        Command::Schema { of } => texts::schema(of, &mut console),
    };
    ending::of_command(ended, telling.document, &mut console)
}

/// How a command tells what it came to.
struct Telling {
    color: ColorChoice,
    quiet: bool,
    verbose: u8,
    /// The name of a command that leaves a document, whatever it comes to.
    document: Option<&'static str>,
}

impl Telling {
    fn of(command: &Command) -> Self {
        let by_default = Self { color: ColorChoice::Auto, quiet: false, verbose: 0, document: None };
        let (name, output) = match command {
            Command::Fix(args) | Command::Plan(args) => ("fix", &args.approval.output),
            Command::Rollback(args) => ("rollback", &args.approval.output),
            Command::Apply(args) => ("apply", &args.approval.output),
            Command::Check(args) => ("check", &args.output),
            Command::Patch(args) => {
                return Self { color: args.colors.choice(), quiet: args.quiet, ..by_default };
            }
            Command::Permissions(_)
            | Command::Version
            | Command::Completions { .. }
            | Command::Man
            | Command::Schema { .. } => return by_default,
        };
        // Requests are answered line by line.
        let is_answering = matches!(command, Command::Check(args) if args.requests.is_some());
        let is_document = output.output == OutputChoice::Json && !is_answering;
        Self {
            color: output.colors.choice(),
            quiet: output.quiet,
            verbose: output.verbose,
            document: is_document.then_some(name),
        }
    }
}

/// One thread is enough: the program waits for AWS, and for people.
fn block_on<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Output)?
        .block_on(future)
}

/// Only our own lines: what the SDK logs may hold credentials.
fn start_tracing(verbose: u8, progress: &Progress) {
    let own = tracing_subscriber::filter::Targets::new().with_target("keymend", tracing::Level::INFO);
    let lines = (verbose > 0).then(|| {
        // Every call is told then: how far it is needs no telling.
        progress.silence();
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).without_time().with_target(false)
    });
    tracing_subscriber::registry().with(lines).with(progress.clone()).with(own).init();
}
