//! Parse, run, exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    ExitCode::from(keymend::commands::run(&arguments) as u8)
}
