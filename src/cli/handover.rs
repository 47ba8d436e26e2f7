//! The options that hand a plan over.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// A plan in other forms, for other people and tools.
#[derive(Debug, Args)]
pub struct HandoverArgs {
    /// Write the plan as Terraform configuration, CloudFormation templates, or a script of AWS CLI commands, into
    /// --emit-dir; with --dry-run
    #[arg(long, value_enum, requires = "emit_dir", help_heading = "Hand-over", hide_short_help = true)]
    pub emit: Option<EmitFormat>,
    /// The folder for --emit, with a folder for each account, and for each organization that is let in
    #[arg(long, value_name = "DIR", requires = "emit", help_heading = "Hand-over", hide_short_help = true)]
    pub emit_dir: Option<PathBuf>,
    /// Write a report of the plan, and of what became of it, as Markdown (.md) or HTML (.html); repeatable
    #[arg(long, value_name = "FILE", help_heading = "Hand-over", hide_short_help = true)]
    pub report: Vec<PathBuf>,
}

/// `--emit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EmitFormat {
    /// HCL, with the policies as files.
    Terraform,
    /// YAML: the policies that are made, parts for the templates that own the rest, and a stack set's template for an
    /// organization.
    Cloudformation,
    /// A POSIX shell script of AWS CLI commands, with the policies as files.
    Cli,
}
