//! How grantees are helped, as it is typed.

use clap::{Args, ValueEnum};

/// How grantees are helped.
#[derive(Debug, Args)]
pub struct RemedyArgs {
    /// The customer managed policy in the requester's account
    ///
    /// A requester account is one that launches instances with a key of another account, or of its own.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "KmsKeyUsagePolicy",
        help_heading = "Remedy",
        hide_short_help = true
    )]
    pub policy_name: String,
    /// Only what a launch or a start needs, through EC2, instead of the documented statements
    #[arg(long, help_heading = "Remedy", hide_short_help = true)]
    pub least_privilege: bool,
    /// What counts as access: statements that name the grantee, or whatever evaluation shows to allow it
    #[arg(long, value_enum, default_value_t = CoverageChoice::Named, help_heading = "Remedy", hide_short_help = true)]
    pub coverage: CoverageChoice,
    /// Remove principals that no longer exist from key policies, as a change of its own
    #[arg(long, help_heading = "Remedy", hide_short_help = true)]
    pub prune_orphans: bool,
}

/// `--coverage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CoverageChoice {
    /// Statements and policies that name the grantee, as documented.
    Named,
    /// Whatever evaluation shows to allow the launch; nothing redundant is written.
    Effective,
}
