//! The command line as it is typed: clap's types, and nothing that decides.

pub mod settings;

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// What the process's exit status means, for help and manual.
pub const EXIT_STATUSES: [(u8, &str); 8] = [
    (0, "done, or nothing to do"),
    (1, "error"),
    (2, "wrong usage"),
    (3, "changes pending (with --detailed-exitcode), or something left for somebody else to do"),
    (4, "blocked: no change of keymend's may mend it"),
    (5, "declined, or no terminal and no --yes"),
    (6, "stale: somebody else changed a document meanwhile"),
    (130, "interrupted"),
];

fn exit_statuses() -> String {
    let lines: Vec<String> =
        EXIT_STATUSES.iter().map(|(status, meaning)| format!("  {status:>3}  {meaning}")).collect();
    format!("Exit status:\n{}", lines.join("\n"))
}

const PATCH_EXIT_STATUSES: &str = "Exit status:
    0  done, or nothing to do
    1  a file can't be written
    2  wrong usage, or a file can't be read
    3  a policy would change (with --check)
    4  blocked: AWS would not take the policy, or it denies; nothing is written";

/// Mends access to AWS KMS keys so that EC2 instances launch from copied and shared encrypted AMIs.
#[derive(Debug, Parser)]
#[command(name = "keymend", version, styles = STYLES, after_help = exit_statuses(), max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plan, show, confirm, apply and verify what makes instances launch
    #[command(after_help = exit_statuses())]
    Fix(Box<FixArgs>),
    /// Apply a saved plan
    #[command(after_help = exit_statuses())]
    Apply(Box<ApplyArgs>),
    /// Patch policies in files or standard input, without AWS
    #[command(after_help = PATCH_EXIT_STATUSES)]
    Patch(PatchArgs),
    /// Print the IAM policy that the operator needs in each account
    Permissions(PermissionsArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff)
    Man,
    /// Print the JSON Schema of `--output json`, or that of plan files
    Schema {
        /// Which document.
        #[arg(value_enum, default_value_t = SchemaOf::Output)]
        of: SchemaOf,
    },
}

/// `keymend fix`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags as typed; settings makes a mode of them")]
pub struct FixArgs {
    /// What the run is about.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Where it reads and writes.
    #[command(flatten)]
    pub backend: BackendArgs,

    /// Show the plan and write nothing
    #[arg(long, conflicts_with = "yes", help_heading = "Mode")]
    pub dry_run: bool,
    /// Apply without asking
    #[arg(long, short = 'y', help_heading = "Mode")]
    pub yes: bool,
    /// Write even where something blocks that no change may mend
    #[arg(long, help_heading = "Mode")]
    pub allow_blocked: bool,

    /// How it is shown.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Exit with 3 where a dry run finds changes
    #[arg(long, help_heading = "Output")]
    pub detailed_exitcode: bool,

    /// Save the plan for `keymend apply`; with --dry-run
    #[arg(long, value_name = "PLAN", help_heading = "Hand-over")]
    pub out: Option<PathBuf>,
    /// What is handed over.
    #[command(flatten)]
    pub handover: HandoverArgs,
}

/// `keymend apply`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags as typed; settings makes a mode of them")]
pub struct ApplyArgs {
    /// A plan that `keymend fix --dry-run --out` saved
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Only this account's part of the plan
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// Where it writes.
    #[command(flatten)]
    pub backend: BackendArgs,

    /// Show the plan and what became of it so far, and write nothing
    #[arg(long, conflicts_with = "yes", help_heading = "Mode")]
    pub dry_run: bool,
    /// Apply without asking
    #[arg(long, short = 'y', help_heading = "Mode")]
    pub yes: bool,
    /// Write even where something blocks that no change may mend
    #[arg(long, help_heading = "Mode")]
    pub allow_blocked: bool,

    /// How it is shown.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Exit with 3 where a dry run finds changes
    #[arg(long, help_heading = "Output")]
    pub detailed_exitcode: bool,
    /// What is handed over.
    #[command(flatten)]
    pub handover: HandoverArgs,
}

/// A plan in other forms, for other people and tools.
#[derive(Debug, Args)]
pub struct HandoverArgs {
    /// Write the plan as Terraform configuration, or as a script of AWS CLI commands, into --emit-dir; with --dry-run
    #[arg(long, value_enum, requires = "emit_dir", help_heading = "Hand-over")]
    pub emit: Option<EmitFormat>,
    /// The folder for --emit, with a folder for each account
    #[arg(long, value_name = "DIR", requires = "emit", help_heading = "Hand-over")]
    pub emit_dir: Option<PathBuf>,
    /// Write a report of the plan, and of what became of it, as Markdown (.md) or HTML (.html); repeatable
    #[arg(long, value_name = "FILE", help_heading = "Hand-over")]
    pub report: Vec<PathBuf>,
}

/// `--emit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EmitFormat {
    /// HCL, with the policies as files.
    Terraform,
    /// A POSIX shell script of AWS CLI commands, with the policies as files.
    Cli,
}

/// `keymend patch`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags as typed; settings makes a mode of them")]
pub struct PatchArgs {
    /// Policies as JSON files; - or none for standard input
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What the policies are
    #[arg(long, value_enum, default_value_t = PolicyKind::Key)]
    pub kind: PolicyKind,

    /// The KMS key's ARN: with --kind identity the key to be allowed, repeatable; else the policy's own key
    #[arg(long, value_name = "ARN", help_heading = "Keys")]
    pub key: Vec<String>,
    /// An account that launches instances: its root is let in; repeatable
    #[arg(long, value_name = "ID", help_heading = "Grantees")]
    pub account: Vec<String>,
    /// The ARN of a user or role that launches instances; repeatable
    #[arg(long, value_name = "ARN", help_heading = "Grantees")]
    pub principal: Vec<String>,
    /// Remove principals that no longer exist
    #[arg(long, help_heading = "Remedy")]
    pub prune_orphans: bool,

    /// Write nothing; exit with 3 where a policy would change
    #[arg(long, conflicts_with = "in_place", help_heading = "Mode")]
    pub check: bool,
    /// Write the patched policies to their files
    #[arg(long, help_heading = "Mode")]
    pub in_place: bool,
    /// Print what changes instead of the patched policy
    #[arg(long, help_heading = "Output")]
    pub diff: bool,
    /// Colour: by the terminal, `NO_COLOR` and `CLICOLOR_FORCE`; always; never
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, help_heading = "Output")]
    pub color: ColorChoice,
}

/// `patch --kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PolicyKind {
    /// Key policies.
    Key,
    /// Customer managed policies such as KmsKeyUsagePolicy.
    Identity,
}

/// `keymend schema`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// What `--output json` prints.
    Output,
    /// What `fix --dry-run --out` saves.
    Plan,
}

/// Keys and grantees.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// The KMS key: ARN, key id, alias/NAME or alias ARN; repeatable
    #[arg(long, value_name = "KEY", help_heading = "Keys")]
    pub key: Vec<String>,

    /// An account that launches instances: its root is let in; repeatable
    #[arg(long, value_name = "ID", help_heading = "Grantees")]
    pub account: Vec<String>,
    /// The ARN of a user or role that launches instances; repeatable
    #[arg(long, value_name = "ARN", help_heading = "Grantees")]
    pub principal: Vec<String>,
    /// The ARN of an IAM group whose users launch instances; repeatable
    #[arg(long, value_name = "ARN", help_heading = "Grantees")]
    pub group: Vec<String>,
    /// A file of account ids and ARNs, one a line, # for comments; - for standard input
    #[arg(long, value_name = "FILE", help_heading = "Grantees")]
    pub grantees: Option<PathBuf>,

    /// The customer managed policy in the requester's account
    #[arg(long, value_name = "NAME", default_value = "KmsKeyUsagePolicy", help_heading = "Remedy")]
    pub policy_name: String,
    /// Remove principals that no longer exist from key policies, as a change of its own
    #[arg(long, help_heading = "Remedy")]
    pub prune_orphans: bool,
}

/// AWS, or a sandbox.
#[derive(Debug, Args)]
pub struct BackendArgs {
    /// Work on a world in a JSON file instead of AWS; without FILE on a built-in one, in memory
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, help_heading = "Backend",
          conflicts_with_all = ["profile", "region", "endpoint_url", "account_profile", "assume_role_name"])]
    pub sandbox: Option<Option<PathBuf>>,
    /// The profile of the shared AWS config to use (or `AWS_PROFILE`)
    #[arg(long, value_name = "NAME", help_heading = "Backend")]
    pub profile: Option<String>,
    /// The region of keys given by id or alias name (or `AWS_REGION`)
    #[arg(long, value_name = "REGION", help_heading = "Backend")]
    pub region: Option<String>,
    /// Another endpoint for every service (or `AWS_ENDPOINT_URL`)
    #[arg(long, value_name = "URL", help_heading = "Backend")]
    pub endpoint_url: Option<String>,
    /// The profile that serves an account, the key's or a requester's; repeatable
    #[arg(long, value_name = "ACCOUNT=PROFILE", help_heading = "Backend")]
    pub account_profile: Vec<String>,
    /// The role to assume in each account that no profile serves
    #[arg(long, value_name = "NAME", help_heading = "Backend")]
    pub assume_role_name: Option<String>,
}

/// How results are shown.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Text for people, or one JSON document
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, help_heading = "Output")]
    pub output: OutputFormat,
    /// Colour: by the terminal, `NO_COLOR` and `CLICOLOR_FORCE`; always; never
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, help_heading = "Output")]
    pub color: ColorChoice,
    /// Tell on standard error of every call and how long it took
    #[arg(long, short = 'v', action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
}

/// `--output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
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

/// `keymend permissions`.
#[derive(Debug, Args)]
pub struct PermissionsArgs {
    /// The KMS key's ARN, for the operator in the key's account; repeatable
    #[arg(long, value_name = "ARN")]
    pub key: Vec<String>,
    /// A requester account, for the operator there; repeatable
    #[arg(long, value_name = "ID")]
    pub account: Vec<String>,
    /// The customer managed policy in the requester's account
    #[arg(long, value_name = "NAME", default_value = "KmsKeyUsagePolicy")]
    pub policy_name: String,
    /// Only what a dry run needs
    #[arg(long)]
    pub dry_run: bool,
}
