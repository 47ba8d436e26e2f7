//! What a fleet's worker is to do, and what a line of a manifest asks for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::handover::html_report;
use super::{BackendSettings, Mode, OutputFormat, backend, grantees, launch};
use crate::access::{GranteeRef, KeyRef, ManifestLine, PolicyName, Purpose, Terms, UnresolvedRequest};
use crate::arn::ArnError;
use crate::cli::{
    BackendArgs, FleetApplyArgs, FleetApprovalArgs, FleetPlanArgs, FleetRollbackArgs, FleetStatusArgs,
    LaunchArgs, OutputArgs, ShardArgs, SubjectArgs,
};
use crate::cloud::aws::{AwsOptions, Share};
use crate::cloud::store::Location;
use crate::error::UsageError;
use crate::fleet::shard::{Division, Shard, ShardError};
use crate::launch::Targets;

/// Which accounts a worker sees to, and where.
#[derive(Debug)]
pub struct ShardSettings {
    /// Where the fleet is.
    pub dir: Location,
    /// Which accounts.
    pub shard: Shard,
    /// How long a worker may seem dead.
    pub lease: Duration,
}

impl ShardSettings {
    fn resolve(args: &ShardArgs) -> Result<Self, UsageError> {
        let shard = shard(args.shard.as_deref(), args.shards)?;
        Ok(Self { dir: dir(&args.dir)?, shard, lease: Duration::from_secs(args.lease) })
    }
}

/// Which part of all accounts is a worker's.
///
/// # Errors
/// It is no shard, or the engine tells none.
pub(super) fn shard(given: Option<&str>, shards: Option<u32>) -> Result<Shard, UsageError> {
    let variable = |name: &str| std::env::var(name).ok();
    let shard = match given {
        None => Ok(Shard::WHOLE),
        Some("auto") => Shard::of_engine(&variable, shards),
        Some(text) => text.parse(),
    };
    let shard = shard.map_err(|error: ShardError| {
        UsageError::new(error.to_string()).hint("give it as --shard I/N, with the same N for all workers")
    })?;
    if shards.is_some_and(|shards| shard.division() != Division::Shards(shards)) {
        return Err(UsageError::new(format!(
            "--shard {shard} and --shards tell different numbers of shards"
        )));
    }
    Ok(shard)
}

/// How many accounts may fail before no further one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxFailures {
    /// So many.
    Number(usize),
    /// So great a share of the accounts, in percent.
    Share(usize),
}

impl MaxFailures {
    fn parse(text: &str) -> Result<Self, UsageError> {
        let parsed = match text.strip_suffix('%') {
            Some(share) => share.parse().ok().filter(|share| *share <= 100).map(Self::Share),
            None => text.parse().ok().map(Self::Number),
        };
        parsed.ok_or_else(|| {
            UsageError::new(format!("`{text}` is no number of failures"))
                .hint("for example --max-failures 5, or --max-failures 10%")
        })
    }

    /// Whether so many failures among so many accounts are too many.
    pub fn is_passed_by(self, failures: usize, accounts: usize) -> bool {
        match self {
            Self::Number(most) => failures > most,
            Self::Share(most) => failures * 100 > most * accounts,
        }
    }
}

/// What a command that writes to a fleet's accounts is to do.
#[derive(Debug)]
pub struct FleetSettings {
    /// Which accounts, and where.
    pub shard: ShardSettings,
    /// Whether it asks.
    pub mode: Mode,
    /// What is approved beforehand.
    pub digests: Vec<String>,
    /// Whether what can be written is written in accounts where something blocks.
    pub allow_blocked: bool,
    /// How many accounts may fail.
    pub max_failures: Option<MaxFailures>,
    /// Where it reads and writes.
    pub backend: BackendSettings,
    /// Text or JSON.
    pub output: OutputFormat,
}

impl FleetSettings {
    /// Resolves the arguments of `fleet apply`.
    ///
    /// # Errors
    /// Something typed is not what it should be.
    pub fn of_apply(args: &FleetApplyArgs) -> Result<Self, UsageError> {
        let settings = Self::resolve(&args.shard, &args.approval, &args.backend, &args.output)?;
        Ok(Self { allow_blocked: args.allow_blocked, ..settings })
    }

    /// Resolves the arguments of `fleet rollback`.
    ///
    /// # Errors
    /// Something typed is not what it should be.
    pub fn of_rollback(args: &FleetRollbackArgs) -> Result<Self, UsageError> {
        Self::resolve(&args.shard, &args.approval, &args.backend, &args.output)
    }

    fn resolve(
        shard: &ShardArgs,
        approval: &FleetApprovalArgs,
        args: &BackendArgs,
        output: &OutputArgs,
    ) -> Result<Self, UsageError> {
        Ok(Self {
            shard: match &approval.account {
                Some(account) => {
                    let account =
                        account.parse().map_err(|error: ArnError| UsageError::new(error.to_string()))?;
                    ShardSettings { shard: Shard::of_account(account), ..ShardSettings::resolve(shard)? }
                }
                None => ShardSettings::resolve(shard)?,
            },
            mode: if approval.yes { Mode::Yes } else { Mode::Interactive },
            digests: approval.digest.clone(),
            allow_blocked: false,
            max_failures: approval.max_failures.as_deref().map(MaxFailures::parse).transpose()?,
            backend: of_fleet(args)?,
            output: OutputFormat::of_run(output.output)?,
        })
    }
}

/// What `fleet plan` is to do.
#[derive(Debug)]
pub struct FleetPlanSettings {
    /// The manifest; `-` for standard input.
    pub manifest: PathBuf,
    /// Which accounts, and where the plans go.
    pub shard: ShardSettings,
    /// Where it reads.
    pub backend: BackendSettings,
    /// Text or JSON.
    pub output: OutputFormat,
}

impl FleetPlanSettings {
    /// Resolves the arguments.
    ///
    /// # Errors
    /// Something typed is not what it should be.
    pub fn resolve(args: &FleetPlanArgs) -> Result<Self, UsageError> {
        Ok(Self {
            manifest: args.manifest.clone(),
            shard: ShardSettings::resolve(&args.shard)?,
            backend: of_fleet(&args.backend)?,
            output: OutputFormat::of_run(args.output.output)?,
        })
    }
}

/// What `fleet status` is to tell.
#[derive(Debug)]
pub struct FleetStatusSettings {
    /// Where the fleet is.
    pub dir: Location,
    /// Whose credentials read it, where it is in a bucket.
    pub aws: AwsOptions,
    /// Text or JSON.
    pub output: OutputFormat,
    /// The page to write besides.
    pub report: Option<PathBuf>,
}

impl FleetStatusSettings {
    /// Resolves the arguments.
    ///
    /// # Errors
    /// Something typed is not what it should be.
    pub fn resolve(args: &FleetStatusArgs) -> Result<Self, UsageError> {
        let FleetStatusArgs { dir: place, report, profile, region, endpoint_url, output } = args;
        let aws = AwsOptions {
            profile: profile.clone(),
            region: region.clone(),
            endpoint_url: endpoint_url.clone(),
            ..AwsOptions::default()
        };
        let output = OutputFormat::of_run(output.output)?;
        let is_html = |file: &PathBuf| html_report(file, "a fleet", "-o json is");
        Ok(Self { dir: dir(place)?, aws, output, report: report.as_ref().map(is_html).transpose()? })
    }
}

fn dir(typed: &Path) -> Result<Location, UsageError> {
    Location::parse(typed).map_err(|error| {
        UsageError::new(format!("`{}` is no place in a bucket: {error}", typed.display()))
            .hint("for example --dir s3://BUCKET/fleets/2026-11; a folder is given by its path")
    })
}

/// A fleet leaves some of each quota to others, where nothing else is said.
fn of_fleet(args: &BackendArgs) -> Result<BackendSettings, UsageError> {
    let mut settings = backend(args)?;
    if let BackendSettings::Aws(options) = &mut settings {
        options.rate = options.rate.or(Some(Share::OF_FLEETS));
    }
    Ok(settings)
}

/// What a line of a manifest asks for.
#[derive(Debug)]
pub struct AskedLine {
    /// The keys that it names.
    pub keys: Vec<KeyRef>,
    /// Who needs them.
    pub grantees: Vec<GranteeRef>,
    /// What to find more keys by.
    pub targets: Targets,
    /// How they are helped, where what is found tells no other purpose.
    pub terms: Terms,
    /// The name of the policy in their accounts.
    pub policy_name: PolicyName,
    /// What they must be able to do, where it is said.
    purpose: Option<Purpose>,
}

impl AskedLine {
    /// The same as one command line would ask it.
    pub fn unresolved(&self) -> UnresolvedRequest {
        let Terms { profile, coverage, .. } = self.terms;
        UnresolvedRequest {
            keys: self.keys.clone(),
            grantees: self.grantees.clone(),
            purpose: self.purpose,
            policy_name: self.policy_name.clone(),
            profile,
            coverage,
            prune_orphans: false,
            default_keys: BTreeMap::new(),
        }
    }

    /// Takes a line as `keymend fix` takes its options.
    ///
    /// # Errors
    /// Something in it is not what it should be.
    pub fn resolve(line: &ManifestLine) -> Result<Self, UsageError> {
        let line = line.clone();
        let launch = LaunchArgs {
            ami: line.amis,
            snapshot: line.snapshots,
            volume: line.volumes,
            instance: line.instances,
            ..LaunchArgs::default()
        };
        let args = SubjectArgs {
            account: line.accounts,
            principal: line.principals,
            group: line.groups,
            autoscaling: line.autoscaling,
            spot: line.spot,
            service_linked_role: line.service_linked_roles,
            organization: line.organizations,
            ou: line.ous,
            launch,
            ..SubjectArgs::default()
        };
        let parse = |text: &String| match text.parse() {
            Ok(KeyRef::Name(_)) | Err(_) => {
                Err(UsageError::new(format!("`{text}` is not the ARN of a key or alias")))
            }
            Ok(key) => Ok(key),
        };
        let keys: Vec<KeyRef> = line.keys.iter().map(parse).collect::<Result<_, _>>()?;
        let targets = launch::given(&args.launch, line.region.as_ref())?.targets;
        let grantees = grantees::named(&args)?;
        if keys.is_empty() && targets.is_empty() {
            return Err(UsageError::new("it names no key, and nothing that leads to one"));
        }
        if grantees.is_empty() {
            return Err(UsageError::new("it names nobody who needs the keys"));
        }
        if let Some(session) = grantees.iter().find(|grantee| matches!(grantee, GranteeRef::Session(_))) {
            return Err(UsageError::new(format!("`{session}` is a session")).hint("give its role's ARN"));
        }
        let policy_name = line.policy_name.as_deref().map_or(Ok(PolicyName::default()), str::parse);
        Ok(Self {
            keys,
            grantees,
            targets,
            purpose: line.purpose,
            terms: Terms {
                purpose: line.purpose.unwrap_or_default(),
                profile: line.profile.unwrap_or_default(),
                coverage: line.coverage.unwrap_or_default(),
            },
            policy_name: policy_name.map_err(|error| UsageError::new(error.to_string()))?,
        })
    }
}
