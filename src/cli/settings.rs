//! From what was typed to what is meant: every text parsed, every contradiction told.

pub mod accounts;
pub mod check;
pub mod fleet;
mod format;
mod grantees;
pub mod handover;
pub(crate) mod launch;
pub mod organization;
pub mod patch;
pub mod survey;
pub mod watch;

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{
    ApplyArgs, BackendArgs, CoverageChoice, FixArgs, OutputChoice, ProofArgs, PurposeChoice, RemedyArgs,
    RollbackArgs, RunArgs, SubjectArgs, TargetArgs, Verify,
};
use crate::access::{CoverageRule, GranteeRef, KeyRef, Profile, Purpose, UnresolvedRequest};
use crate::arn::AccountId;
use crate::cloud::aws::{AwsOptions, Patience};
use crate::error::UsageError;
use crate::launch::Targets;
use crate::plan::rollback::Extent;
use accounts::account_id;
pub use format::OutputFormat;
use handover::HandoverSettings;
use organization::OrganizationFiles;

/// What a run of `keymend fix` is to do.
#[derive(Debug)]
pub struct FixSettings {
    /// The request; keys and grantees may be empty where a sandbox has defaults.
    pub asked: UnresolvedRequest,
    /// What to find keys, and those who need them, by.
    pub targets: Targets,
    /// How many events of CloudTrail are something else than a refusal by KMS, for a hint.
    pub other_events: usize,
    /// Grantees that were named more than once, for a hint.
    pub repeated: Vec<GranteeRef>,
    /// Where it reads and writes.
    pub backend: BackendSettings,
    /// How it is approved, recorded and told.
    pub run: RunSettings,
    /// How access is proven after writing.
    pub proof: ProofSettings,
    /// Files of policies of the organization.
    pub organization: OrganizationFiles,
    /// Whether the last run is finished, instead of a new request.
    pub resume: bool,
    /// Where the plan is saved.
    pub out: Option<PathBuf>,
    /// In which other forms the plan is wanted.
    pub handover: HandoverSettings,
}

/// How a command that writes is approved, recorded and told.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Whether and how it is approved.
    pub mode: Mode,
    /// Whether blocking findings forbid writing.
    pub allow_blocked: bool,
    /// Where journals are, if not where they are by default.
    pub journal: Option<PathBuf>,
    /// Text or JSON.
    pub output: OutputFormat,
    /// Whether everything is shown whole.
    pub is_whole: bool,
    /// Whether pending changes of a dry run show in the exit status.
    pub detailed_exitcode: bool,
}

impl RunSettings {
    fn resolve(args: &RunArgs) -> Result<Self, UsageError> {
        Ok(Self::telling(args, OutputFormat::of_run(args.output.output)?))
    }

    fn telling(args: &RunArgs, output: OutputFormat) -> Self {
        Self {
            mode: match (args.dry_run, args.yes) {
                (true, _) => Mode::DryRun,
                (false, true) => Mode::Yes,
                (false, false) => Mode::Interactive,
            },
            allow_blocked: args.allow_blocked,
            journal: args.journal.clone(),
            output,
            is_whole: args.details,
            detailed_exitcode: args.detailed_exitcode,
        }
    }
}

/// How access is proven after writing.
#[derive(Debug, Clone)]
pub struct ProofSettings {
    /// Who is asked.
    pub verify: Verify,
    /// Profiles with credentials of grantees, for dry runs.
    pub profiles: Vec<String>,
}

impl ProofSettings {
    fn resolve(args: &ProofArgs, backend: &mut BackendSettings) -> Result<Self, UsageError> {
        let profiles = args.as_profile.clone();
        if let (Some(profile), true) = (profiles.first(), args.verify != Verify::DryRun) {
            return Err(UsageError::new(format!("nothing is done as the profile `{profile}`"))
                .hint("--as-profile goes with --verify dry-run"));
        }
        if let BackendSettings::Aws(options) = backend {
            options.proving_profiles.clone_from(&profiles);
        }
        Ok(Self { verify: args.verify, profiles })
    }
}

/// What a run of `keymend rollback` is to do.
#[derive(Debug)]
pub struct RollbackSettings {
    /// Whether it undoes, shows or forgets.
    pub task: RollbackTask,
    /// Where it reads and writes.
    pub backend: BackendSettings,
    /// How it is approved, recorded and told.
    pub run: RunSettings,
}

/// What `keymend rollback` does with earlier runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RollbackTask {
    /// Shows them.
    List(OutputChoice),
    /// Deletes the record of one.
    Forget(String),
    /// Undoes one, or the last.
    Undo(Option<String>, Extent),
}

impl RollbackSettings {
    /// Resolves the arguments.
    ///
    /// # Errors
    /// Something typed is not what it should be, or contradicts something else.
    pub fn resolve(args: &RollbackArgs) -> Result<Self, UsageError> {
        let extent = if args.only_ours { Extent::OnlyOurs } else { Extent::Everything };
        let output = args.approval.output.output;
        let format = match output {
            OutputChoice::Table if args.list => OutputFormat::Text,
            _ => OutputFormat::of_run(output)?,
        };
        Ok(Self {
            task: match &args.forget {
                _ if args.list => RollbackTask::List(output),
                Some(run) => RollbackTask::Forget(run.clone()),
                None => RollbackTask::Undo(args.run.clone(), extent),
            },
            backend: backend(&args.backend)?,
            run: RunSettings::telling(&args.approval, format),
        })
    }
}

/// Where a run reads and writes.
#[derive(Debug, Clone)]
pub enum BackendSettings {
    /// A world: a file, or the built-in one.
    Sandbox(Option<PathBuf>),
    /// AWS.
    Aws(AwsOptions),
}

/// Whether and how a plan is approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// By asking.
    Interactive,
    /// Never: nothing is written.
    DryRun,
    /// Beforehand.
    Yes,
}

impl FixSettings {
    /// Resolves the arguments.
    ///
    /// # Errors
    /// Something typed is not what it should be, or contradicts something else.
    pub fn resolve(args: &FixArgs) -> Result<Self, UsageError> {
        let mut backend = backend(&args.backend)?;
        let proof = ProofSettings::resolve(&args.proof, &mut backend)?;
        let (asked, Found { repeated, targets, other_events }) = request(&args.target, &args.backend)?;
        let is_keyless = asked.keys.is_empty() && targets.is_empty() && !args.resume;
        if let (BackendSettings::Aws(options), true) = (&backend, is_keyless) {
            let region = options.region.as_deref().unwrap_or("REGION");
            return Err(UsageError::new("no key is given").hint(format!(
                "give --key ARN, ID or alias/NAME (`aws kms list-aliases --region {region}` shows them), or what instances \
                 launch from: --ami, --snapshot, --volume or --instance ID"
            )));
        }
        let is_anybody = !asked.grantees.is_empty() || targets.tell_who_launches() || args.resume;
        if matches!(backend, BackendSettings::Aws(_)) && !is_anybody {
            return Err(no_grantee());
        }
        let run = RunSettings::resolve(&args.approval)?;
        if args.out.is_some() {
            handover::only_planned("--out", run.mode)?;
        }
        Ok(Self {
            asked,
            targets,
            other_events,
            repeated,
            backend,
            handover: HandoverSettings::resolve(&args.handover, run.mode)?,
            run,
            proof,
            organization: OrganizationFiles::of(&args.organization),
            resume: args.resume,
            out: args.out.clone(),
        })
    }
}

/// What a run of `keymend apply` is to do.
#[derive(Debug)]
pub struct ApplySettings {
    /// The plan's file.
    pub plan: PathBuf,
    /// The account whose part is applied; all of them where none is given.
    pub account: Option<AccountId>,
    /// Where it reads and writes.
    pub backend: BackendSettings,
    /// How it is approved, recorded and told.
    pub run: RunSettings,
    /// How access is proven after writing.
    pub proof: ProofSettings,
    /// In which other forms the plan is wanted.
    pub handover: HandoverSettings,
}

impl ApplySettings {
    /// Resolves the arguments.
    ///
    /// # Errors
    /// Something typed is not what it should be, or contradicts something else.
    pub fn resolve(args: &ApplyArgs) -> Result<Self, UsageError> {
        let account = args.account.as_deref().map(account_id);
        let mut backend = backend(&args.backend)?;
        let proof = ProofSettings::resolve(&args.proof, &mut backend)?;
        let run = RunSettings::resolve(&args.approval)?;
        Ok(Self {
            plan: args.plan.clone(),
            account: account.transpose()?,
            backend,
            handover: HandoverSettings::resolve(&args.handover, run.mode)?,
            run,
            proof,
        })
    }
}

/// Nobody is named, and nothing tells who launches.
pub(crate) fn no_grantee() -> UsageError {
    UsageError::new("no grantee is given").hint(
        "say who must be able to launch: --account ID, --principal ARN, --group ARN or --autoscaling ACCOUNT; an \
         --instance or a --cloudtrail event tells it too",
    )
}

/// Those whom images are shared with are asked about, and there is an image.
pub(crate) fn require_images(targets: &Targets) -> Result<(), UsageError> {
    if !targets.shared || targets.lead_to_images() {
        return Ok(());
    }
    Err(UsageError::new("--shared asks whom AMIs are shared with, and no AMI is given")
        .hint("give it with --ami ID, or what launches it with --launch-template or --auto-scaling-group"))
}

/// Standard input can be read once.
fn check_standard_input(args: &SubjectArgs) -> Result<(), UsageError> {
    let both = [&args.grantees, &args.launch.cloudtrail];
    if both.into_iter().flatten().filter(|file| is_piped(file)).count() < 2 {
        return Ok(());
    }
    Err(UsageError::new("--grantees and --cloudtrail can't both read standard input")
        .hint("give one of them as a file"))
}

fn backend(args: &BackendArgs) -> Result<BackendSettings, UsageError> {
    backend_in(args, one_region(args)?)
}

/// What lives in one region is looked for in one.
fn one_region(args: &BackendArgs) -> Result<Option<&String>, UsageError> {
    match args.region.as_slice() {
        [first, .., last] => Err(UsageError::new(format!("two regions are given, `{first}` and `{last}`"))
            .hint("give one --region; `keymend survey` looks at several")),
        [only] => Ok(Some(only)),
        [] => Ok(None),
    }
}

fn backend_in(args: &BackendArgs, region: Option<&String>) -> Result<BackendSettings, UsageError> {
    if let Some(file) = &args.sandbox {
        return Ok(BackendSettings::Sandbox(file.clone()));
    }
    let mut account_profiles = BTreeMap::new();
    for text in &args.account_profile {
        let wrong = || {
            UsageError::new(format!("`{text}` is not ACCOUNT=PROFILE"))
                .hint("for example --account-profile 444455556666=requester")
        };
        let (account, profile) = text.split_once('=').ok_or_else(wrong)?;
        let account = account_id(account).map_err(|_| wrong())?;
        if profile.is_empty() {
            return Err(wrong());
        }
        if account_profiles.insert(account, profile.to_owned()).is_some() {
            return Err(UsageError::new(format!("two profiles are given for account {account}"))
                .hint("one --account-profile serves an account, however many keys and grantees it has"));
        }
    }
    Ok(BackendSettings::Aws(AwsOptions {
        profile: args.profile.clone(),
        region: region.cloned(),
        endpoint_url: args.endpoint_url.clone(),
        account_profiles,
        assume_role_name: args.assume_role_name.clone(),
        patience: Patience {
            connect: Duration::from_secs(args.connect_timeout),
            read: Duration::from_secs(args.read_timeout),
        },
        rate: args.rate,
        proving_profiles: Vec::new(),
        config_file: None,
    }))
}

/// A key's own region counts; a `--region` that says another is a slip that must not go unseen.
fn check_region(args: &BackendArgs, keys: &[KeyRef]) -> Result<(), UsageError> {
    let Some(region) = one_region(args)? else { return Ok(()) };
    let elsewhere = keys.iter().find(|key| key.region().is_some_and(|own| own != region));
    elsewhere.map_or(Ok(()), |key| {
        Err(UsageError::new(format!("the key `{key}` is not in the region `{region}`"))
            .hint("leave --region out: a key's ARN tells its region"))
    })
}

fn request(args: &TargetArgs, backend: &BackendArgs) -> Result<(UnresolvedRequest, Found), UsageError> {
    let Subjects { keys, grantees, purpose, found } = subjects(&args.subjects, backend)?;
    Ok((UnresolvedRequest { keys, grantees, purpose, ..remedy(&args.remedy)? }, found))
}

/// How whoever is asked for is to be helped.
fn remedy(args: &RemedyArgs) -> Result<UnresolvedRequest, UsageError> {
    let policy_name = args.policy_name.parse().map_err(|error| {
        UsageError::new(format!("{error}")).hint("leave --policy-name out for KmsKeyUsagePolicy")
    })?;
    let profile = if args.least_privilege { Profile::LeastPrivilege } else { Profile::Documented };
    let coverage = match args.coverage {
        CoverageChoice::Named => CoverageRule::Named,
        CoverageChoice::Effective => CoverageRule::Effective,
    };
    let nobody = UnresolvedRequest::documented(Vec::new(), Vec::new());
    Ok(UnresolvedRequest { policy_name, profile, coverage, prune_orphans: args.prune_orphans, ..nobody })
}

/// Keys and grantees, each once.
struct Subjects {
    keys: Vec<KeyRef>,
    grantees: Vec<GranteeRef>,
    purpose: Option<Purpose>,
    found: Found,
}

/// What is said besides keys and grantees.
struct Found {
    /// What to find more of them by.
    targets: Targets,
    /// How many events of CloudTrail are something else than a refusal by KMS.
    other_events: usize,
    /// Grantees that were named more than once.
    repeated: Vec<GranteeRef>,
}

fn subjects(args: &SubjectArgs, backend: &BackendArgs) -> Result<Subjects, UsageError> {
    check_standard_input(args)?;
    let given = launch::given(&args.launch, one_region(backend)?)?;
    given.check_keys(!args.key.is_empty())?;
    let launch::Given { targets, other_events, .. } = given;
    let targets = Targets { shared: args.shared, in_use: args.in_use, ..targets };
    let mut keys: Vec<KeyRef> = Vec::new();
    for text in &args.key {
        let key: KeyRef = text.parse().map_err(|error| {
            UsageError::new(format!("{error}"))
                .hint("give the key's ARN, its id, alias/NAME or the alias's ARN")
        })?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let mut grantees = Vec::new();
    let mut repeated = Vec::new();
    for grantee in grantees::named(args)? {
        let list = if grantees.contains(&grantee) { &mut repeated } else { &mut grantees };
        list.push(grantee);
    }
    if targets.is_empty() {
        check_region(backend, &keys)?;
    }
    // A world tells by itself what a run in it is about.
    if backend.sandbox.is_none() || !(keys.is_empty() && targets.is_empty()) {
        require_images(&targets)?;
    }
    let purpose = purpose(args, &targets)?;
    Ok(Subjects { keys, grantees, purpose, found: Found { targets, other_events, repeated } })
}

impl From<PurposeChoice> for Purpose {
    fn from(choice: PurposeChoice) -> Self {
        match choice {
            PurposeChoice::Launch => Self::Launch,
            PurposeChoice::Start => Self::Start,
        }
    }
}

/// What is launched from is nothing that starts.
fn purpose(args: &SubjectArgs, targets: &Targets) -> Result<Option<Purpose>, UsageError> {
    let purpose = args.purpose.map(Purpose::from);
    let source = targets.images.iter().chain(&targets.snapshots).next();
    match (purpose, source) {
        (Some(Purpose::Start), Some(id)) => Err(UsageError::new(format!("nothing starts from `{id}`"))
            .hint("a stopped instance starts with its volumes: give --instance, --volume or --key")),
        _ => Ok(purpose),
    }
}

/// Whether a file's name stands for standard input.
pub(crate) fn is_piped(file: &Path) -> bool {
    file == Path::new("-")
}

fn read_text(file: &Path) -> io::Result<String> {
    if !is_piped(file) {
        return std::fs::read_to_string(file);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map(|_| text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser as _;

    fn resolve(line: &str) -> Result<FixSettings, String> {
        let cli = Cli::try_parse_from(format!("keymend fix {line}").split(' '))
            .map_err(|e| e.kind().to_string())?;
        let Command::Fix(args) = cli.command else { panic!("fix") };
        FixSettings::resolve(&args).map_err(|error| error.to_string())
    }

    const KEY: &str = "--key arn:aws:kms:eu-west-1:111122223333:key/1234abcd";

    #[test]
    fn what_is_typed_is_understood() {
        let settings = resolve(&format!(
            "{KEY} --account 444455556666 --principal arn:aws:sts::444455556666:assumed-role/app/i-1 \
             --group arn:aws:iam::444455556666:group/ops --account 444455556666 --account-profile 444455556666=r --yes"
        ))
        .unwrap();
        assert_eq!(settings.asked.grantees.len(), 3);
        assert_eq!(settings.repeated, [GranteeRef::Account("444455556666".parse().unwrap())]);
        assert_eq!(settings.run.mode, Mode::Yes);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (line, message) in [
            ("--account 444455556666", "no key is given"),
            (KEY, "no grantee is given"),
            (&format!("{KEY} --account 44445555666"), "`44445555666` is not an account id of 12 digits"),
            (
                &format!("{KEY} --account arn:aws:iam::444455556666:role/app"),
                "`arn:aws:iam::444455556666:role/app` is a role, not an account",
            ),
            (
                &format!("{KEY} --principal arn:aws:s3:::bucket"),
                "`arn:aws:s3:::bucket` is an ARN of s3, not of a user or role",
            ),
            (
                &format!("{KEY} --principal arn:aws:iam::444455556666:group/ops"),
                "`arn:aws:iam::444455556666:group/ops` is a group, which no key policy can name",
            ),
            (
                &format!("{KEY} --principal arn:aws:iam::444455556666:root"),
                "`arn:aws:iam::444455556666:root` is an account",
            ),
            (
                &format!("{KEY} --group arn:aws:iam::444455556666:role/app"),
                "`arn:aws:iam::444455556666:role/app` is a role, not a group",
            ),
            (
                &format!("{KEY} --account 444455556666 --region us-east-1"),
                "the key `arn:aws:kms:eu-west-1:111122223333:key/1234abcd` is not in the region `us-east-1`",
            ),
            (&format!("{KEY} --account 444455556666 --account-profile x"), "`x` is not ACCOUNT=PROFILE"),
            ("--key a:b --account 444455556666", "`a:b` is not the ARN of a KMS key or alias"),
            (
                &format!("{KEY} --account 444455556666 --policy-name a/b"),
                "`a/b` is not a policy name (up to 110 of A-Z a-z 0-9 _ + = , . @ -)",
            ),
        ] {
            assert_eq!(resolve(line).unwrap_err(), message, "{line}");
        }
    }
}
