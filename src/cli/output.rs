//! How results are shown, as it is typed.

use clap::{ArgAction, Args, ValueEnum};

/// How results are shown.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// text, json or table
    ///
    /// Text for people, one JSON document, or a table with a line for each, which `check` and `rollback --list` have.
    #[arg(long, short = 'o', value_enum, value_name = "FORMAT", default_value_t = OutputChoice::Text, help_heading = "Output",
          hide_possible_values = true)]
    pub output: OutputChoice,
    /// All but the form.
    #[command(flatten)]
    pub manner: MannerArgs,
}

/// How results and talk are shown, whatever their form is.
#[derive(Debug, Args)]
pub struct MannerArgs {
    /// Colours.
    #[command(flatten)]
    pub colors: ColorArgs,
    /// Nothing on standard error but errors, warnings and questions
    #[arg(long, short = 'q', conflicts_with = "verbose", help_heading = "Output", hide_short_help = true)]
    pub quiet: bool,
    /// Write straight to the terminal what is longer than its screen
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub no_pager: bool,
    /// Tell on standard error of every call and how long it took
    #[arg(long, short = 'v', action = ArgAction::Count, help_heading = "Output", hide_short_help = true)]
    pub verbose: u8,
}

/// Whether there are colours.
#[derive(Debug, Args)]
pub struct ColorArgs {
    /// Colour: by the terminal, `NO_COLOR` and `CLICOLOR_FORCE`; always; never
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto, help_heading = "Output", hide_short_help = true)]
    color: ColorChoice,
    /// The same as --color never
    #[arg(long, conflicts_with = "color", help_heading = "Output", hide_short_help = true)]
    no_color: bool,
}

impl ColorArgs {
    /// What both options come to.
    pub fn choice(&self) -> ColorChoice {
        if self.no_color { ColorChoice::Never } else { self.color }
    }
}

/// `--output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputChoice {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// A line for each thing, in columns.
    Table,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// Where it goes to a terminal and nothing forbids it.
    Auto,
    /// In any case.
    Always,
    /// In no case.
    Never,
}
