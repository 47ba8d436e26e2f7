//! `keymend patch` as it is typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ColorArgs, PurposeChoice};

/// What the exit status of `keymend patch` means.
pub const PATCH_EXIT_STATUSES: [(u8, &str); 6] = [
    (0, "done, or nothing to do"),
    (1, "a file can't be written"),
    (2, "wrong usage, or a file can't be read"),
    (3, "a policy would change (with --check)"),
    (4, "blocked: AWS would not take the policy, or it denies; nothing is written"),
    (6, "stale: a file was changed after it was read (with --in-place)"),
];

/// `keymend patch`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags as typed; settings makes a mode of them")]
pub struct PatchArgs {
    /// JSON files; - or none for standard input
    ///
    /// Policies, or what AWS's commands print of them (get-key-policy, get-policy-version, get-role-policy).
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What they are: key or identity
    #[arg(long, value_enum, default_value_t = PolicyKind::Key, hide_possible_values = true)]
    pub kind: PolicyKind,

    /// The key's ARN
    ///
    /// With --kind identity the key to be allowed, repeatable; else the policy's own key.
    #[arg(long, value_name = "ARN", help_heading = "Keys")]
    pub key: Vec<String>,
    /// An account that launches instances
    ///
    /// Its root is let in; repeatable.
    #[arg(long, value_name = "ID", help_heading = "Grantees")]
    pub account: Vec<String>,
    /// A user or role that launches instances
    ///
    /// By its ARN; repeatable.
    #[arg(long, value_name = "ARN", help_heading = "Grantees")]
    pub principal: Vec<String>,
    /// An organization that launches instances
    ///
    /// Those of its accounts but the key's own are let in; repeatable.
    #[arg(long, value_name = "ID|ARN", help_heading = "Grantees")]
    pub organization: Vec<String>,
    /// An organizational unit whose accounts, and those below it, launch instances; repeatable
    #[arg(long, value_name = "PATH|ARN", help_heading = "Grantees", hide_short_help = true)]
    pub ou: Vec<String>,
    /// An account, organization or OU whose Auto Scaling groups launch instances; repeatable
    #[arg(
        long,
        value_name = "ACCOUNT|ORGANIZATION[:SUFFIX]",
        help_heading = "Grantees",
        hide_short_help = true
    )]
    pub autoscaling: Vec<String>,
    /// Whether they launch instances, or start stopped ones, which takes less
    #[arg(long, value_enum, value_name = "PURPOSE", default_value_t = PurposeChoice::Launch, help_heading = "Grantees", hide_short_help = true)]
    pub purpose: PurposeChoice,
    /// Only what a launch or a start needs, through EC2, instead of the documented statements
    ///
    /// With --key, which tells the region, and with --kind identity also --account, whose policy it is.
    #[arg(long, help_heading = "Remedy", requires = "key", hide_short_help = true)]
    pub least_privilege: bool,
    /// Remove principals that no longer exist
    #[arg(long, help_heading = "Remedy", hide_short_help = true)]
    pub prune_orphans: bool,

    /// Exit with 3 where a policy would change
    ///
    /// Nothing is written.
    #[arg(long, conflicts_with = "in_place", help_heading = "Mode")]
    pub check: bool,
    /// Write to the files themselves
    ///
    /// They have to hold a policy by itself.
    #[arg(long, help_heading = "Mode")]
    pub in_place: bool,
    /// Print what changes instead of the policy
    #[arg(long, help_heading = "Output")]
    pub diff: bool,
    /// Write what is found, at its lines, for GitHub and editors
    ///
    /// In the format SARIF 2.1.0, with --check.
    #[arg(long, value_name = "FILE", requires = "check", help_heading = "Output", hide_short_help = true)]
    pub sarif: Option<PathBuf>,
    /// Colours.
    #[command(flatten)]
    pub colors: ColorArgs,
    /// Nothing on standard error but errors and warnings
    #[arg(long, short = 'q', help_heading = "Output", hide_short_help = true)]
    pub quiet: bool,
}

/// `patch --kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PolicyKind {
    /// Key policies.
    Key,
    /// Customer managed policies such as KmsKeyUsagePolicy.
    Identity,
}
