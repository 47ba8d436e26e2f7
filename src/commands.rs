//! The commands: each a short story told with the parts of the library.

mod alike;
mod apply;
mod approval;
mod backend;
mod chain;
mod check;
mod complete;
pub mod console;
mod defaults;
mod document;
mod ending;
mod fix;
mod fleet;
mod handover;
mod input;
mod interrupt;
mod man;
mod mishap;
mod observing;
mod organization;
mod outcome;
pub mod pager;
mod parts;
mod patch;
mod place;
pub mod progress;
mod proof;
mod resume;
mod rollback;
mod run;
mod survey;
mod texts;
mod usage;
pub mod watch;

use std::ffi::OsString;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::config::Config;
use crate::cli::{Cli, ColorChoice, Command, MannerArgs, OutputArgs, OutputChoice, SurveyForm};
use crate::error::{Error, ExitStatus, UsageError};
use crate::escape::Escaped;
use console::Console;
use progress::Progress;

/// Runs what was typed, the program's name first; tells what went wrong, and says how the process ends.
pub fn run(arguments: &[OsString]) -> ExitStatus {
    match Typed::of(arguments) {
        Ok(typed) => run_command(typed),
        Err(error) => usage::tell(error, arguments),
    }
}

/// A command line, and what is set besides.
struct Typed {
    command: Command,
    matches: ArgMatches,
    config: Result<Config, UsageError>,
}

impl Typed {
    /// # Errors
    /// What the parser says, also of what only asks for help.
    fn of(arguments: &[OsString]) -> Result<Self, clap::Error> {
        let (cli, matches) = parse(arguments, Cli::command())?;
        let config = if cli.command.has_no_settings() {
            Ok(Config::default())
        } else {
            let variable = |name: &str| std::env::var(name).ok();
            let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
            Config::read(cli.config.as_deref(), &variable, names)
        };
        let (cli, matches) = match &config {
            Ok(config) if config.has_defaults() => parse(arguments, config.as_defaults(Cli::command()))?,
            _ => (cli, matches),
        };
        Ok(Self { command: cli.command, matches, config })
    }

    /// Adds the profiles that are set to those that were typed; tells of what is set, where that is wanted.
    fn settled(self, console: &mut Console) -> Result<Command, Error> {
        let Self { mut command, matches, config } = self;
        let config = config?;
        for name in config.unknown_variables() {
            console.warning(&format!("the variable {name} is no setting, and has no effect"))?;
        }
        if let Some((_, matches)) = matches.subcommand() {
            for line in config.told(matches) {
                tracing::info!("{}", Escaped(&line));
            }
        }
        if let Some(backend) = command.backend_mut() {
            let more = config.more_profiles(&backend.account_profile);
            backend.account_profile.extend(more);
        }
        Ok(command)
    }
}

fn parse(arguments: &[OsString], program: clap::Command) -> Result<(Cli, ArgMatches), clap::Error> {
    let matches = program.try_get_matches_from(arguments)?;
    Ok((Cli::from_arg_matches(&matches)?, matches))
}

fn run_command(typed: Typed) -> ExitStatus {
    let telling = Telling::of(&typed.command);
    let mut console = Console::of_process(telling.color, telling.pages);
    if telling.quiet {
        console.be_quiet();
    }
    start_tracing(telling.verbose, &console.progress);
    let ended = typed.settled(&mut console).and_then(|command| perform(command, &mut console));
    if let Err(error) = &ended {
        // Where this can't be done, the error is told all the same.
        _ = block_on(async {
            alike::suggest_profiles(error, &mut console).await;
            Ok(())
        });
    }
    ending::of_command(ended, telling.document, &mut console)
}

fn perform(command: Command, console: &mut Console) -> Result<ExitStatus, Error> {
    match command {
        Command::Fix(args) => block_on(fix::fix(&args, console)),
        Command::Plan(mut args) => {
            args.approval.dry_run = true;
            block_on(fix::fix(&args, console))
        }
        Command::Rollback(args) => block_on(rollback::rollback(&args, console)),
        Command::Check(args) => block_on(check::check(&args, console)),
        Command::Survey(args) => block_on(survey::survey(&args, console)),
        Command::Watch(args) => block_on(watch::watch(&args, console)),
        Command::Apply(args) => block_on(apply::apply(&args, console)),
        Command::Fleet(command) => block_on(fleet::fleet(&command, console)),
        Command::Patch(args) => patch::patch(&args, console),
        Command::Permissions(args) => texts::permissions(&args, console),
        Command::Version => texts::version(console),
        Command::Completions { shell } => texts::completions(shell, console),
        Command::Complete { words } => complete::complete(&words, console),
        Command::Man => texts::man(console),
        Command::Schema { of } => texts::schema(of, console),
    }
}

/// How a command tells what it came to.
struct Telling {
    color: ColorChoice,
    quiet: bool,
    verbose: u8,
    /// Whether what is longer than the terminal's screen is paged.
    pages: bool,
    /// The name of a command that leaves a document, whatever it comes to.
    document: Option<&'static str>,
}

/// How a command tells that has no options for it.
const PLAINLY: Telling =
    Telling { color: ColorChoice::Auto, quiet: false, verbose: 0, pages: false, document: None };

impl Telling {
    fn of(command: &Command) -> Self {
        let (name, manner, is_json) = match command {
            Command::Fix(args) | Command::Plan(args) => of_output("fix", &args.approval.output),
            Command::Rollback(args) => of_output("rollback", &args.approval.output),
            Command::Apply(args) => of_output("apply", &args.approval.output),
            Command::Check(args) => of_output("check", &args.output),
            Command::Watch(args) => of_output("watch", &args.output),
            Command::Survey(args) => ("survey", &args.manner, args.output == SurveyForm::Json),
            Command::Fleet(command) => of_output("fleet", command.output()),
            Command::Patch(args) => {
                return Self { color: args.colors.choice(), quiet: args.quiet, ..PLAINLY };
            }
            Command::Permissions(_)
            | Command::Version
            | Command::Completions { .. }
            | Command::Complete { .. }
            | Command::Man
            | Command::Schema { .. } => return PLAINLY,
        };
        // Requests are answered, and events told of, line by line.
        let is_answering = match command {
            Command::Check(args) => args.requests.is_some(),
            Command::Watch(_) => true,
            _ => false,
        };
        Self {
            color: manner.colors.choice(),
            quiet: manner.quiet,
            verbose: manner.verbose,
            pages: !manner.no_pager,
            document: (is_json && !is_answering).then_some(name),
        }
    }
}

fn of_output<'a>(name: &'static str, output: &'a OutputArgs) -> (&'static str, &'a MannerArgs, bool) {
    (name, &output.manner, output.output == OutputChoice::Json)
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
