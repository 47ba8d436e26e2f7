//! Parse, run, exit status.

use std::process::ExitCode;

use clap::Parser as _;
use keymend::cli::Cli;

fn main() -> ExitCode {
    ExitCode::from(keymend::commands::run(&Cli::parse()) as u8)
}
