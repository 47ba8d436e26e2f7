//! `keymend fleet` as it is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{BackendArgs, OutputArgs};

/// What the exit status of `keymend fleet` means.
pub const FLEET_EXIT_STATUSES: [(u8, &str); 9] = [
    (0, "every account is done, or has nothing to do; planned: every account is planned"),
    (1, "error, or a call was refused in some account"),
    (2, "wrong usage, or a mistake in the manifest"),
    (
        3,
        "something is left: no credentials for an account, or for others to do; status: something is not applied",
    ),
    (4, "blocked in some account: no change of keymend's may mend it"),
    (5, "declined, or no terminal and no --yes"),
    (6, "stale: somebody else changed a document meanwhile, or a plan's file"),
    (
        7,
        "incomplete: throttled, unreachable, not started, cut, or a lease held; the same command may finish it",
    ),
    (130, "interrupted"),
];

/// `keymend fleet`.
#[derive(Debug, Subcommand)]
pub enum FleetCommand {
    /// Plan every account that a manifest is about; nothing is written but the folder
    Plan(Box<FleetPlanArgs>),
    /// Apply the plans, account by account, and go on where an earlier run ended
    Apply(Box<FleetApplyArgs>),
    /// Tell where every account stands
    Status(FleetStatusArgs),
    /// Take back what was applied
    Rollback(Box<FleetRollbackArgs>),
}

impl FleetCommand {
    /// Where it reads and writes, where it does.
    pub(super) fn backend_mut(&mut self) -> Option<&mut BackendArgs> {
        match self {
            Self::Plan(args) => Some(&mut args.backend),
            Self::Apply(args) => Some(&mut args.backend),
            Self::Rollback(args) => Some(&mut args.backend),
            Self::Status(_) => None,
        }
    }

    /// How it is told.
    pub fn output(&self) -> &OutputArgs {
        match self {
            Self::Plan(args) => &args.output,
            Self::Apply(args) => &args.output,
            Self::Rollback(args) => &args.output,
            Self::Status(args) => &args.output,
        }
    }
}

/// Which part of a fleet a worker sees to.
#[derive(Debug, Args)]
pub struct ShardArgs {
    /// The fleet's folder, or `s3://BUCKET/PREFIX`: plans, journals and where each account stands
    ///
    /// A bucket is read and written with the default credentials, or those of --profile. docs/fleet.md tells how to set it up.
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Only this worker's accounts: I/N, or `auto` for what AWS Batch, Kubernetes, Slurm or GitLab tells
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
    /// The number of shards, where the engine does not tell it (Kubernetes)
    #[arg(long, value_name = "N", requires = "shard")]
    pub shards: Option<u32>,
    /// How long a worker may seem dead before another one takes its shard over
    #[arg(long, value_name = "SECONDS", default_value_t = 30, hide_short_help = true,
          value_parser = clap::value_parser!(u64).range(1..=60))]
    pub lease: u64,
}

/// `keymend fleet plan`.
#[derive(Debug, Args)]
pub struct FleetPlanArgs {
    /// What is asked for: JSON Lines, each line what one `keymend fix` would be asked; - for standard input
    #[arg(long, value_name = "FILE")]
    pub manifest: PathBuf,
    /// Which accounts, and where the plans go.
    #[command(flatten)]
    pub shard: ShardArgs,
    /// Where it reads.
    #[command(flatten)]
    pub backend: BackendArgs,
    /// How it is told.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Whether and how a fleet is written to.
#[derive(Debug, Args)]
pub struct FleetApprovalArgs {
    /// Only this account, by a worker of its own: then each account has one, and nothing goes by shards
    #[arg(long, value_name = "ID", conflicts_with = "shard")]
    pub account: Option<String>,
    /// Apply without asking what the digests tell
    #[arg(long, short = 'y', requires = "digest")]
    pub yes: bool,
    /// What the command before printed: of the plans for `apply`, of the journals for `rollback`; repeatable
    #[arg(long, value_name = "SHA256")]
    pub digest: Vec<String>,
    /// Begin no further account after so many failures, or so great a share of the accounts
    #[arg(long, value_name = "N|P%")]
    pub max_failures: Option<String>,
}

/// `keymend fleet apply`.
#[derive(Debug, Args)]
pub struct FleetApplyArgs {
    /// Write what can be written even in accounts where something blocks
    #[arg(long)]
    pub allow_blocked: bool,
    /// Which accounts, and where the plans are.
    #[command(flatten)]
    pub shard: ShardArgs,
    /// Whether and how.
    #[command(flatten)]
    pub approval: FleetApprovalArgs,
    /// Where it reads and writes.
    #[command(flatten)]
    pub backend: BackendArgs,
    /// How it is told.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `keymend fleet status`.
#[derive(Debug, Args)]
pub struct FleetStatusArgs {
    /// The fleet's folder, or `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Write it as HTML too: a page with all accounts, and in a folder beside it one for each
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// The profile of the shared AWS config that reads the bucket
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// The bucket's region
    #[arg(long, value_name = "REGION", hide_short_help = true)]
    pub region: Option<String>,
    /// Another endpoint for S3 (or `AWS_ENDPOINT_URL_S3`)
    #[arg(long, value_name = "URL", hide_short_help = true)]
    pub endpoint_url: Option<String>,
    /// How it is told.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `keymend fleet rollback`.
#[derive(Debug, Args)]
pub struct FleetRollbackArgs {
    /// Which accounts, and where the journals are.
    #[command(flatten)]
    pub shard: ShardArgs,
    /// Whether and how.
    #[command(flatten)]
    pub approval: FleetApprovalArgs,
    /// Where it reads and writes.
    #[command(flatten)]
    pub backend: BackendArgs,
    /// How it is told.
    #[command(flatten)]
    pub output: OutputArgs,
}
