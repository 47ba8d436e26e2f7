//! `keymend patch` as it is typed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ColorArgs, PurposeChoice};

/// `keymend patch`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags as typed; settings makes a mode of them")]
pub struct PatchArgs {
    /// Policies as JSON files, or as AWS's commands print them (get-key-policy, get-policy-version, get-role-policy);
    /// - or none for standard input
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
    /// An organization whose accounts launch instances: those of its accounts but the key's own are let in; repeatable
    #[arg(long, value_name = "ID|ARN", help_heading = "Grantees")]
    pub organization: Vec<String>,
    /// An organizational unit whose accounts, and those below it, launch instances; repeatable
    #[arg(long, value_name = "PATH|ARN", help_heading = "Grantees")]
    pub ou: Vec<String>,
    /// Whether they launch instances, or start stopped ones, which takes less
    #[arg(long, value_enum, value_name = "PURPOSE", default_value_t = PurposeChoice::Launch, help_heading = "Grantees")]
    pub purpose: PurposeChoice,
    /// Only what a launch or a start needs, through EC2, instead of the documented statements; with --key, which tells the
    /// region, and with --kind identity also --account, whose policy it is
    #[arg(long, help_heading = "Remedy", requires = "key")]
    pub least_privilege: bool,
    /// Remove principals that no longer exist
    #[arg(long, help_heading = "Remedy")]
    pub prune_orphans: bool,

    /// Write nothing; exit with 3 where a policy would change
    #[arg(long, conflicts_with = "in_place", help_heading = "Mode")]
    pub check: bool,
    /// Write the patched policies to their files, which have to hold a policy by itself
    #[arg(long, help_heading = "Mode")]
    pub in_place: bool,
    /// Print what changes instead of the patched policy
    #[arg(long, help_heading = "Output")]
    pub diff: bool,
    /// Colours.
    #[command(flatten)]
    pub colors: ColorArgs,
    /// Nothing on standard error but errors and warnings
    #[arg(long, short = 'q', help_heading = "Output")]
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
