//! In which form results are wanted.

use crate::cli::OutputChoice;
use crate::error::UsageError;

/// In which form a run tells what it came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl OutputFormat {
    /// What was typed, where there is no list that a table could show.
    pub(super) fn of_run(choice: OutputChoice) -> Result<Self, UsageError> {
        match choice {
            OutputChoice::Text => Ok(Self::Text),
            OutputChoice::Json => Ok(Self::Json),
            OutputChoice::Table => Err(UsageError::new("there is no table of what this command shows").hint(
                "`keymend check` and `keymend rollback --list` have one; here it is --output text or json",
            )),
        }
    }
}
