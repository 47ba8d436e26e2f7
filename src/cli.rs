//! The command line as it is typed: clap's types, and nothing that decides.

pub mod config;
mod fleet;
mod handover;
mod output;
mod patch;
mod remedy;
pub mod settings;
mod statuses;
mod survey;
mod watch;

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};

use self::statuses::exit_statuses;
use crate::cloud::aws::{Patience, Share};

pub use fleet::{
    FLEET_EXIT_STATUSES, FleetApplyArgs, FleetApprovalArgs, FleetCommand, FleetPlanArgs, FleetRollbackArgs,
    FleetStatusArgs, ShardArgs,
};
pub use handover::{EmitFormat, HandoverArgs};
pub use output::{ColorArgs, ColorChoice, MannerArgs, OutputArgs, OutputChoice};
pub use patch::{PATCH_EXIT_STATUSES, PatchArgs, PolicyKind};
pub use remedy::{CoverageChoice, RemedyArgs};
pub use statuses::{CHECK_EXIT_STATUSES, EXIT_STATUSES};
pub use survey::{SURVEY_EXIT_STATUSES, SurveyArgs, SurveyForm};
pub use watch::{WATCH_EXIT_STATUSES, WatchArgs};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// What is asked for most, for the help of `keymend fix`.
pub const EXAMPLES: [(&str, &str); 5] = [
    ("keymend fix --sandbox", "the whole job on a made-up pair of accounts"),
    ("keymend fix --key ARN --principal ARN", "a user or role must be able to launch with this key"),
    ("keymend fix --ami ID --account ID", "an account must be able to launch this AMI"),
    ("keymend fix --key ARN --autoscaling ID", "an account's Auto Scaling groups must be able to"),
    ("keymend fix --instance ID --dry-run", "why did it not start? nothing is written"),
];

fn examples() -> String {
    let lines: Vec<String> =
        EXAMPLES.iter().map(|(command, about)| format!("  {command:<38}   {about}")).collect();
    format!("Examples:\n{}", lines.join("\n"))
}

const CHECK: &str = "Tell whether each grantee can launch with each key, and which statement of which document \
    decides. Without a grantee, tell who may use the key. Nothing is written. With --key-policy it works on files \
    alone, without credentials; with --requests it answers JSON lines.";

/// How many seconds a time-out may have.
pub const TIMEOUT: RangeInclusive<u64> = 1..=900;

/// How many threads may answer requests.
const JOBS: RangeInclusive<i64> = 1..=256;

/// Mends access to AWS KMS keys so that EC2 instances launch from copied and shared encrypted AMIs.
#[derive(Debug, Parser)]
#[command(name = "keymend", version, styles = STYLES, after_long_help = exit_statuses(&EXIT_STATUSES), max_term_width = 100)]
pub struct Cli {
    /// The file of settings, instead of keymend/keymend.toml in `$XDG_CONFIG_HOME` or ~/.config
    #[arg(long, value_name = "FILE", global = true, hide_short_help = true)]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Command {
    /// Where it reads and writes, where it does.
    pub fn backend_mut(&mut self) -> Option<&mut BackendArgs> {
        match self {
            Self::Fix(args) | Self::Plan(args) => Some(&mut args.backend),
            Self::Check(args) => Some(&mut args.backend),
            Self::Survey(args) => Some(&mut args.backend),
            Self::Watch(args) => Some(&mut args.backend),
            Self::Apply(args) => Some(&mut args.backend),
            Self::Rollback(args) => Some(&mut args.backend),
            Self::Fleet(command) => command.backend_mut(),
            Self::Patch(_)
            | Self::Permissions(_)
            | Self::Version
            | Self::Completions { .. }
            | Self::Complete { .. }
            | Self::Man
            | Self::Schema { .. } => None,
        }
    }

    /// Whether it only prints what it knows by itself: nothing can be set for it.
    pub fn has_no_settings(&self) -> bool {
        matches!(
            self,
            Self::Version
                | Self::Completions { .. }
                | Self::Complete { .. }
                | Self::Man
                | Self::Schema { .. }
        )
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plan, show, confirm, apply and verify what makes instances launch
    #[command(after_long_help = format!("{}\n\n{}", examples(), exit_statuses(&EXIT_STATUSES)))]
    Fix(Box<FixArgs>),
    /// Plan and show what `keymend fix` would do; nothing is written
    #[command(after_long_help = exit_statuses(&EXIT_STATUSES))]
    Plan(Box<FixArgs>),
    /// Tell whether each grantee can launch with the key, and which statement decides; or who may use the key
    #[command(after_long_help = exit_statuses(&CHECK_EXIT_STATUSES), long_about = CHECK)]
    Check(Box<CheckArgs>),
    /// Find the encrypted AMIs that accounts share, and who can't launch them
    #[command(after_long_help = exit_statuses(&SURVEY_EXIT_STATUSES), long_about = survey::SURVEY,
              mut_arg("region", |region| region.help("A region to look at; repeatable").long_help(None)))]
    Survey(Box<SurveyArgs>),
    /// Tell of launches that fail, with a verdict and a plan for each
    #[command(after_long_help = exit_statuses(&WATCH_EXIT_STATUSES), long_about = watch::WATCH,
              mut_arg("output", |output| output.help("text or json")
                  .long_help("A line of text for each event, or a line of JSON.")))]
    Watch(Box<WatchArgs>),
    /// Apply a saved plan
    #[command(after_long_help = exit_statuses(&EXIT_STATUSES))]
    Apply(Box<ApplyArgs>),
    /// Put back what an earlier run changed
    #[command(after_long_help = exit_statuses(&EXIT_STATUSES))]
    Rollback(Box<RollbackArgs>),
    /// Plan, apply and undo what many accounts need
    #[command(subcommand, after_long_help = exit_statuses(&FLEET_EXIT_STATUSES))]
    Fleet(FleetCommand),
    /// Patch policies in files or standard input, without AWS
    #[command(after_long_help = exit_statuses(&PATCH_EXIT_STATUSES))]
    Patch(PatchArgs),
    /// Print the IAM policy that the operator needs in each account
    Permissions(PermissionsArgs),
    /// Print the version, as --version
    Version,
    /// Print a completion script for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print what may stand in the place of the last word; for the scripts of `completions`
    #[command(name = "__complete", hide = true)]
    Complete {
        /// The words after the program's name.
        #[arg(last = true)]
        words: Vec<String>,
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
pub struct FixArgs {
    /// What the run is about.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Where it reads and writes.
    #[command(flatten)]
    pub backend: BackendArgs,

    /// Whether and how it is approved, and where the record goes.
    #[command(flatten)]
    pub approval: RunArgs,
    /// How access is proven.
    #[command(flatten)]
    pub proof: ProofArgs,
    /// Policies of the organization.
    #[command(flatten)]
    pub organization: OrganizationArgs,
    /// Finish the last run, which was cut
    #[arg(long, help_heading = "Mode",
          conflicts_with_all = ["key", "ami", "snapshot", "volume", "instance", "cloudtrail", "account",
                                "principal", "group", "organization", "ou", "shared", "grantees",
                                "policy_name",
                                "prune_orphans", "coverage", "least_privilege", "purpose", "out"], hide_short_help = true)]
    pub resume: bool,

    /// Save the plan for `keymend apply`; with --dry-run
    #[arg(long, value_name = "PLAN", help_heading = "Hand-over", hide_short_help = true)]
    pub out: Option<PathBuf>,
    /// What is handed over.
    #[command(flatten)]
    pub handover: HandoverArgs,
}

/// How access is proven.
#[derive(Debug, Args)]
pub struct ProofArgs {
    /// How the access is proven after the documents were read again
    #[arg(long, value_enum, default_value_t = Verify::Evaluate, value_name = "HOW", help_heading = "Mode", hide_short_help = true)]
    pub verify: Verify,
    /// A profile with credentials of a grantee, for --verify dry-run; repeatable
    #[arg(
        long,
        value_name = "PROFILE",
        help_heading = "Mode",
        conflicts_with = "sandbox",
        hide_short_help = true
    )]
    pub as_profile: Vec<String>,
}

/// What commands that write have in common.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags as typed; settings makes a mode of them")]
pub struct RunArgs {
    /// Show the plan and write nothing
    ///
    /// With --yes, too: nothing is written.
    #[arg(long, help_heading = "Mode")]
    pub dry_run: bool,
    /// Apply without asking
    #[arg(long, short = 'y', help_heading = "Mode")]
    pub yes: bool,
    /// Write what can be written even where something blocks
    #[arg(long, help_heading = "Mode", hide_short_help = true)]
    pub allow_blocked: bool,
    /// Keep the record of the run, and find those of earlier ones, in this folder
    #[arg(long, value_name = "DIR", help_heading = "Mode", hide_short_help = true)]
    pub journal: Option<PathBuf>,

    /// How it is shown.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Show every list, document and name whole
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub details: bool,
    /// Exit with 3 where a dry run finds changes
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub detailed_exitcode: bool,
}

/// `keymend apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// What `keymend fix --dry-run --out` saved
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Only this account's part of the plan
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// Where it reads and writes.
    #[command(flatten)]
    pub backend: BackendArgs,

    /// Whether and how it is approved, and where the record goes.
    #[command(flatten)]
    pub approval: RunArgs,
    /// How access is proven.
    #[command(flatten)]
    pub proof: ProofArgs,
    /// What is handed over.
    #[command(flatten)]
    pub handover: HandoverArgs,
}

/// `keymend schema`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// What `--output json` prints.
    Output,
    /// What `fix --dry-run --out` saves.
    Plan,
    /// A line of what `fleet plan --manifest` reads.
    Manifest,
    /// A line of what `watch --output json` prints.
    Watch,
}

/// `keymend rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The run to undo; without it the last one
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Where it reads and writes.
    #[command(flatten)]
    pub backend: BackendArgs,

    /// Show the runs and where each stands
    #[arg(long, help_heading = "Mode", conflicts_with_all = ["run", "forget", "only_ours", "dry_run", "yes"])]
    pub list: bool,
    /// Delete the record of a run: it can't be undone any more
    #[arg(long, value_name = "RUN", help_heading = "Mode", conflicts_with_all = ["run", "only_ours", "dry_run", "yes"], hide_short_help = true)]
    pub forget: Option<String>,
    /// Leave what somebody else changed since
    ///
    /// Take back what the run added where it still stands unchanged, and leave what somebody else changed since.
    #[arg(long, help_heading = "Mode")]
    pub only_ours: bool,
    /// Whether and how it is approved, and where the record is.
    #[command(flatten)]
    pub approval: RunArgs,
}

/// What `keymend check` takes where it does not answer requests.
const ALL_BUT_REQUESTS: &str = "key ami snapshot volume instance \
    launch_template auto_scaling_group cloudtrail purpose account principal group autoscaling spot service_linked_role \
    organization ou shared in_use grantees users all context key_policy \
    identity_policy boundary scp rcp sandbox profile region endpoint_url account_profile assume_role_name \
    connect_timeout read_timeout rate output quiet no_pager verbose";

/// `keymend check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Who is checked, with which keys.
    #[command(flatten)]
    pub subjects: SubjectArgs,
    /// Tell who may use the keys
    ///
    /// So it does where no grantee is named.
    #[arg(long, help_heading = "Check",
          conflicts_with_all = ["account", "principal", "group", "organization", "ou", "shared", "grantees", "all", "context",
                                "identity_policy", "boundary"])]
    pub users: bool,
    /// Tell of every action of the documented remedy, not only of those that a launch needs
    #[arg(long, help_heading = "Check", hide_short_help = true)]
    pub all: bool,
    /// A condition key of the launch and its value; again for another value; nothing after = says it is absent
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Check", hide_short_help = true)]
    pub context: Vec<String>,
    /// Answer requests, one JSON object a line, with decisions, one a line; - for standard input
    #[arg(long, value_name = "FILE", help_heading = "Check", hide_short_help = true,
          conflicts_with_all = ALL_BUT_REQUESTS.split(' '))]
    pub requests: Option<PathBuf>,
    /// How many threads answer requests; without it as many as there are cores
    #[arg(long, value_name = "N", help_heading = "Check", requires = "requests", hide_short_help = true,
          value_parser = clap::value_parser!(u16).range(JOBS))]
    pub jobs: Option<u16>,
    /// Documents that are given rather than read.
    #[command(flatten)]
    pub files: FileArgs,
    /// Where it reads.
    #[command(flatten)]
    pub backend: BackendArgs,
    /// How it is shown.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Documents from files.
#[derive(Debug, Args)]
pub struct FileArgs {
    /// The key's policy: nothing is read from anywhere but files then; --key must be the key's ARN
    #[arg(long, value_name = "FILE", help_heading = "Files",
          conflicts_with_all = ["sandbox", "profile", "region", "endpoint_url", "account_profile", "assume_role_name",
                                "shared"], hide_short_help = true)]
    pub key_policy: Option<PathBuf>,
    /// An IAM policy of the grantee, managed, inline or of a group; repeatable
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Files",
        requires = "key_policy",
        hide_short_help = true
    )]
    pub identity_policy: Vec<PathBuf>,
    /// The grantee's permissions boundary
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Files",
        requires = "key_policy",
        hide_short_help = true
    )]
    pub boundary: Option<PathBuf>,
    /// Policies of the organization.
    #[command(flatten)]
    pub organization: OrganizationArgs,
}

/// Policies of the organization, from files.
#[derive(Debug, Args)]
pub struct OrganizationArgs {
    /// A service control policy of the grantee's account, with the name of its level where they stand at several;
    /// repeatable
    #[arg(long, value_name = "[LEVEL=]FILE", help_heading = "Files", hide_short_help = true)]
    pub scp: Vec<String>,
    /// A resource control policy of the key's account, in the same way; repeatable
    #[arg(long, value_name = "[LEVEL=]FILE", help_heading = "Files", hide_short_help = true)]
    pub rcp: Vec<String>,
}

/// Keys, grantees and how they are helped.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// Who, with which keys.
    #[command(flatten)]
    pub subjects: SubjectArgs,

    /// How they are helped.
    #[command(flatten)]
    pub remedy: RemedyArgs,
}

/// Keys and grantees.
#[derive(Debug, Default, Args)]
pub struct SubjectArgs {
    /// The KMS key: ARN, id or alias/NAME
    ///
    /// Or an alias's ARN; repeatable.
    #[arg(long, value_name = "KEY", help_heading = "Keys")]
    pub key: Vec<String>,
    /// What instances launch from.
    #[command(flatten)]
    pub launch: LaunchArgs,
    /// Whether the grantees launch instances, or start stopped ones, which takes less
    ///
    /// Where neither is said they start what --instance names if all of it is stopped, else they launch.
    #[arg(long, value_enum, value_name = "PURPOSE", help_heading = "Grantees", hide_short_help = true)]
    pub purpose: Option<PurposeChoice>,

    /// An account that launches instances
    ///
    /// Its root is let in, and with it whom its own IAM allows it; repeatable.
    #[arg(long, value_name = "ID", help_heading = "Grantees")]
    pub account: Vec<String>,
    /// A user or role that launches
    ///
    /// By its ARN; repeatable.
    #[arg(long, value_name = "ARN", help_heading = "Grantees")]
    pub principal: Vec<String>,
    /// The ARN of an IAM group whose users launch instances; repeatable
    #[arg(long, value_name = "ARN", help_heading = "Grantees", hide_short_help = true)]
    pub group: Vec<String>,
    /// An account's Auto Scaling groups
    ///
    /// The account whose Auto Scaling groups launch instances: its service-linked role, with the role's custom suffix
    /// where it has one; repeatable. An organization or OU, by its id, path or ARN: each of its accounts may make the
    /// grant of its own role.
    #[arg(long, value_name = "ACCOUNT[:SUFFIX]", help_heading = "Grantees")]
    pub autoscaling: Vec<String>,
    /// The account whose Spot requests launch instances: its service-linked role; repeatable
    ///
    /// For Spot Fleet give --service-linked-role.
    #[arg(long, value_name = "ACCOUNT", help_heading = "Grantees", hide_short_help = true)]
    pub spot: Vec<String>,
    /// The ARN of any other service-linked role that launches instances; repeatable
    #[arg(long, value_name = "ARN", help_heading = "Grantees", hide_short_help = true)]
    pub service_linked_role: Vec<String>,
    /// An organization whose accounts launch
    ///
    /// Identities of all of them but the key's own are let in, as far as their own IAM lets them; repeatable.
    #[arg(long, value_name = "ID|ARN", help_heading = "Grantees", hide_short_help = true)]
    pub organization: Vec<String>,
    /// An organizational unit whose accounts launch instances; repeatable
    ///
    /// By its path (o-ORGANIZATION/r-ROOT/ou-UNIT/) or ARN; the accounts of the units below it, too.
    #[arg(long, value_name = "PATH|ARN", help_heading = "Grantees", hide_short_help = true)]
    pub ou: Vec<String>,
    /// Everybody whom the AMIs are shared with
    ///
    /// The accounts, organizations and OUs of their launch permissions, which only their owner may read; with --ami,
    /// --launch-template or --auto-scaling-group.
    #[arg(long, help_heading = "Grantees", hide_short_help = true)]
    pub shared: bool,
    /// With --shared: of those accounts only the ones that use the AMIs, by EC2's usage reports that exist
    #[arg(long, requires = "shared", help_heading = "Grantees", hide_short_help = true)]
    pub in_use: bool,
    /// A file of account ids, ARNs, organizations' ids and OUs' paths, one a line, # for comments; - for standard
    /// input
    #[arg(long, value_name = "FILE", help_heading = "Grantees", hide_short_help = true)]
    pub grantees: Option<PathBuf>,
}

/// Where keys are found: what instances launch from, and what went wrong.
#[derive(Debug, Default, Args)]
pub struct LaunchArgs {
    /// The AMI that instances launch from
    ///
    /// Its snapshots' keys are taken; repeatable.
    #[arg(long, value_name = "ID", help_heading = "Keys")]
    pub ami: Vec<String>,
    /// An EBS snapshot, whose key is taken; repeatable
    #[arg(long, value_name = "ID", help_heading = "Keys", hide_short_help = true)]
    pub snapshot: Vec<String>,
    /// An EBS volume, whose key is taken; repeatable
    #[arg(long, value_name = "ID", help_heading = "Keys", hide_short_help = true)]
    pub volume: Vec<String>,
    /// An instance that did not start
    ///
    /// Its AMI and its account are taken, of a stopped one its volumes; repeatable.
    #[arg(long, value_name = "ID", help_heading = "Keys")]
    pub instance: Vec<String>,
    /// A launch template, by id or name, and its version (default: its default version)
    ///
    /// Its AMI and the keys that it names are taken; repeatable.
    #[arg(long, value_name = "ID|NAME[:VERSION]", help_heading = "Keys", hide_short_help = true)]
    pub launch_template: Vec<String>,
    /// An Auto Scaling group: what it launches by is followed, for its service-linked role; repeatable
    #[arg(long, value_name = "NAME", help_heading = "Keys", hide_short_help = true)]
    pub auto_scaling_group: Vec<String>,
    /// A file of CloudTrail events: what KMS refused, to whom; - for standard input
    ///
    /// From a log file, lookup-events, a query or a log; events of EventBridge by which EBS or Auto Scaling tell of a
    /// failed launch, too; gzip or not.
    #[arg(long, value_name = "FILE", help_heading = "Keys", hide_short_help = true)]
    pub cloudtrail: Option<PathBuf>,
}

/// AWS, or a sandbox.
#[derive(Debug, Args)]
pub struct BackendArgs {
    /// A made-up world instead of AWS
    ///
    /// Work on a world in a JSON file, or in a folder of them, instead of AWS; without FILE on a built-in one, in memory.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, help_heading = "Backend",
          conflicts_with_all = ["profile", "region", "endpoint_url", "account_profile", "assume_role_name"])]
    pub sandbox: Option<Option<PathBuf>>,
    /// The profile of the shared AWS config
    ///
    /// Or `AWS_PROFILE`.
    #[arg(long, value_name = "NAME", help_heading = "Backend")]
    pub profile: Option<String>,
    /// The region, where no ARN tells it
    ///
    /// Of AMIs and the like, and of keys given by id or alias name (or `AWS_REGION`).
    #[arg(long, value_name = "REGION", help_heading = "Backend", hide_short_help = true)]
    pub region: Vec<String>,
    /// Another endpoint for every service (or `AWS_ENDPOINT_URL`)
    #[arg(long, value_name = "URL", help_heading = "Backend", hide_short_help = true)]
    pub endpoint_url: Option<String>,
    /// The profile that serves an account
    ///
    /// The account is the key's or a requester's (one that launches instances); repeatable.
    #[arg(long, value_name = "ACCOUNT=PROFILE", help_heading = "Backend")]
    pub account_profile: Vec<String>,
    /// The role to assume in each account that no profile serves
    #[arg(long, value_name = "NAME", help_heading = "Backend", hide_short_help = true)]
    pub assume_role_name: Option<String>,
    /// How long to wait for a connection
    #[arg(long, value_name = "SECONDS", help_heading = "Backend", hide_short_help = true, default_value_t = Patience::CONNECT,
          value_parser = clap::value_parser!(u64).range(TIMEOUT))]
    pub connect_timeout: u64,
    /// How long to wait for an answer
    #[arg(long, value_name = "SECONDS", help_heading = "Backend", hide_short_help = true, default_value_t = Patience::READ,
          value_parser = clap::value_parser!(u64).range(TIMEOUT))]
    pub read_timeout: u64,
    /// The share of AWS's request quotas to use
    ///
    /// From 1% to 100%, which it is by default. Calls wait for their turns; what is left is for others in the account.
    #[arg(long, value_name = "PERCENT", help_heading = "Backend", hide_short_help = true)]
    pub rate: Option<Share>,
}

/// `--verify`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Verify {
    /// By evaluating every policy that reads back.
    Evaluate,
    /// Besides, by having KMS check the calls of a launch, made as each grantee and not carried out.
    DryRun,
    /// Besides, by having IAM simulate each grantee's own policies: the requester's side alone.
    Simulate,
}

/// `--purpose`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PurposeChoice {
    /// They launch instances (`RunInstances`).
    Launch,
    /// They start stopped instances (`StartInstances`).
    Start,
}

/// `keymend permissions`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags as typed, each for itself")]
pub struct PermissionsArgs {
    /// The KMS key's ARN
    ///
    /// For the operator in the key's account; repeatable.
    #[arg(long, value_name = "ARN")]
    pub key: Vec<String>,
    /// An account that launches instances
    ///
    /// For the operator there, in the requester's account; repeatable.
    #[arg(long, value_name = "ID")]
    pub account: Vec<String>,
    /// The policy in the requester's account
    ///
    /// The customer managed policy whose writing is allowed.
    #[arg(long, value_name = "NAME", default_value = "KmsKeyUsagePolicy")]
    pub policy_name: String,
    /// Also what grants need (Auto Scaling, Spot)
    ///
    /// To create them for service-linked roles in the requester's account, to list and revoke them in the key's.
    #[arg(long)]
    pub service_linked_roles: bool,
    /// Also what --ami and the like read of EC2
    ///
    /// What a run reads that starts from an AMI, a snapshot, a volume or an instance.
    #[arg(long)]
    pub ami: bool,
    /// Also what is read of AWS Organizations
    ///
    /// Where a policy speaks of aws:PrincipalOrgID, or where an organization is let in.
    #[arg(long)]
    pub organizations: bool,
    /// Only what a dry run needs
    #[arg(long)]
    pub dry_run: bool,
    /// Only what `keymend survey` reads, in each --account or in any
    #[arg(long, conflicts_with_all = ["key", "policy_name", "service_linked_roles", "ami", "dry_run", "simulate"])]
    pub survey: bool,
    /// Also what `--verify simulate` needs
    #[arg(long)]
    pub simulate: bool,
}
