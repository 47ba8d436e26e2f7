//! `keymend fleet`: many requests, planned, applied and taken back account by account.

mod apply;
mod asked;
mod merged;
mod plan;
mod records;
mod report;
mod rollback;
mod status;
mod worker;

use super::console::Console;
use crate::cli::FleetCommand;
use crate::error::{Error, ExitStatus};

pub(super) async fn fleet(command: &FleetCommand, console: &mut Console) -> Result<ExitStatus, Error> {
    match command {
        FleetCommand::Plan(args) => plan::plan(args, console).await,
        FleetCommand::Apply(args) => apply::apply(args, console).await,
        FleetCommand::Status(args) => status::status(args, console).await,
        FleetCommand::Rollback(args) => rollback::rollback(args, console).await,
    }
}
