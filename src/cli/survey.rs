//! The options of `keymend survey`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{BackendArgs, MannerArgs};

/// What the exit status of `keymend survey` means.
pub const SURVEY_EXIT_STATUSES: [(u8, &str); 5] = [
    (
        0,
        "everybody can launch what is shared with them, as far as what was considered tells; all was looked at",
    ),
    (1, "error: nothing could be read"),
    (2, "wrong usage"),
    (3, "somebody can't launch, or nobody can tell; or something was not looked at"),
    (7, "incomplete: throttled, or unreachable; the same command may finish it"),
];

/// What `keymend survey` does, for its long help.
pub(super) const SURVEY: &str = "Find the encrypted AMIs that accounts share, whom with, and who of those can't launch \
    them and why, as `keymend check` tells it of one AMI. Without --accounts or --organization the accounts are \
    those of the credentials: the default ones and every --account-profile. Nothing is written but what --out and \
    --report name.";

/// `keymend survey`.
#[derive(Debug, Args)]
pub struct SurveyArgs {
    /// A file of the accounts to look at, an id a line, # for comments; - for standard input
    #[arg(long, value_name = "FILE", help_heading = "Accounts")]
    pub accounts: Option<PathBuf>,
    /// Every account of the default credentials' organization
    ///
    /// With the organization's id it has to be that one. Mostly with --assume-role-name.
    #[arg(long, value_name = "ID", num_args = 0..=1, require_equals = true, help_heading = "Accounts")]
    pub organization: Option<Option<String>>,
    /// Only this worker's accounts: I/N, or `auto` for what AWS Batch, Kubernetes, Slurm or GitLab tells
    #[arg(long, value_name = "I/N", help_heading = "Accounts", hide_short_help = true)]
    pub shard: Option<String>,
    /// The number of shards, where the engine does not tell it (Kubernetes)
    #[arg(long, value_name = "N", requires = "shard", help_heading = "Accounts", hide_short_help = true)]
    pub shards: Option<u32>,
    /// Save what to mend, as a manifest: a line for each key, with those who can't launch with it
    #[arg(long, value_name = "FILE", help_heading = "Hand-over", hide_short_help = true)]
    pub out: Option<PathBuf>,
    /// Write a report as HTML (.html); repeatable
    #[arg(long, value_name = "FILE", help_heading = "Hand-over", hide_short_help = true)]
    pub report: Vec<PathBuf>,
    /// Name every account and AMI, key by key
    #[arg(long, help_heading = "Output")]
    pub details: bool,
    /// Where it reads.
    #[command(flatten)]
    pub backend: BackendArgs,
    /// text, json, jsonl or csv
    ///
    /// Text for people, one JSON document, or a line for each pair, as JSON or in columns for spreadsheets.
    #[arg(long, short = 'o', value_enum, value_name = "FORMAT", default_value_t = SurveyForm::Text, help_heading = "Output",
          hide_possible_values = true)]
    pub output: SurveyForm,
    /// How it is shown.
    #[command(flatten)]
    pub manner: MannerArgs,
}

/// In which form a survey is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SurveyForm {
    /// For people.
    Text,
    /// As one JSON document.
    Json,
    /// As JSON, a record a line.
    Jsonl,
    /// As comma-separated values.
    Csv,
}
