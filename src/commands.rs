//! The commands: each a short story told with the parts of the library.

mod apply;
mod approval;
mod chain;
mod check;
pub mod console;
mod ending;
mod fix;
mod handover;
mod input;
mod interrupt;
mod man;
mod organization;
mod outcome;
mod patch;
mod place;
pub mod progress;
mod proof;
mod report;
mod resume;
mod rollback;
mod run;
mod texts;
mod usage;

use std::ffi::OsString;
use std::io::Write as _;

use clap::Parser as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::{Cli, ColorChoice, Command};
use crate::error::{Error, ExitStatus};
use console::Console;
use progress::Progress;

/// Runs what was typed, the program's name first; tells what went wrong, and says how the process ends.
pub fn run(arguments: &[OsString]) -> ExitStatus {
    match Cli::try_parse_from(arguments) {
        Ok(cli) => run_command(&cli),
        Err(error) => usage::tell(&error, arguments),
    }
}

fn run_command(cli: &Cli) -> ExitStatus {
    let (color, verbose) = match &cli.command {
        Command::Fix(args) => (args.approval.output.color, args.approval.output.verbose),
        Command::Rollback(args) => (args.approval.output.color, args.approval.output.verbose),
        Command::Check(args) => (args.output.color, args.output.verbose),
        Command::Apply(args) => (args.approval.output.color, args.approval.output.verbose),
        Command::Patch(args) => (args.color, 0),
        _ => (ColorChoice::Auto, 0),
    };
    let mut console = Console::of_process(color);
    start_tracing(verbose, &console.progress);
    let ended = match &cli.command {
        Command::Fix(args) => block_on(fix::fix(args, &mut console)),
        Command::Rollback(args) => block_on(rollback::rollback(args, &mut console)),
        Command::Check(args) => block_on(check::check(args, &mut console)),
        Command::Apply(args) => block_on(apply::apply(args, &mut console)),
        Command::Patch(args) => patch::patch(args, &mut console),
        Command::Permissions(args) => texts::permissions(args, &mut console),
        Command::Completions { shell } => texts::completions(*shell, &mut console),
        Command::Man => texts::man(&mut console),
        Command::Schema { of } => texts::schema(*of, &mut console),
    };
    let ended = ended.and_then(|status| console.out.flush().map(|()| status).map_err(Error::from));
    ended.unwrap_or_else(|error| {
        // Where standard error is gone too, the exit status still tells.
        _ = console.error(&error);
        error.exit_status()
    })
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
