//! Every way a run can fail: its exit status and the hint that helps, in one place.

use std::fmt;
use std::path::PathBuf;

use crate::access::OtherPartition;
use crate::apply::journal::{Distrust, JournalError};
use crate::arn::AccountId;
use crate::cloud::observer::ObserveError;
use crate::cloud::sandbox::WorldError;
use crate::cloud::store::StoreError;
use crate::cloud::{CloudError, CloudErrorKind};
use crate::fleet::lease::LeaseError;
use crate::fleet::ledger::LedgerError;
use crate::fleet::shard::Division;
use crate::launch::LaunchError;
use crate::plan::saved::SavedPlanError;
use crate::prompt::PromptError;
use crate::render::emit::TemplateError;
use crate::shell;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Done, or nothing to do.
    Done = 0,
    /// An error.
    Error = 1,
    /// Wrong usage.
    Usage = 2,
    /// Changes are pending, or something is left for another account's administrator.
    Pending = 3,
    /// Blocked.
    Blocked = 4,
    /// Declined, or no terminal and no `--yes`.
    Declined = 5,
    /// Somebody else changed a document.
    Stale = 6,
    /// Incomplete: throttled, unreachable or a lease held; the same command may finish it.
    Incomplete = 7,
    /// Ctrl-C.
    Interrupted = 130,
}

/// Something typed is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError {
    message: String,
    hint: Option<String>,
}

impl UsageError {
    /// A lowercase fragment that says what is wrong, with the text in backticks.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// What to type instead.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The place where it was found, put before the message.
    #[must_use]
    pub fn within(self, place: &str) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }
}

impl From<OtherPartition> for UsageError {
    fn from(error: OtherPartition) -> Self {
        Self::new(error.to_string()).hint(error.hint())
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for UsageError {}

/// An account's part of a saved plan is to be applied before the part that it follows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} comes first, and is not applied yet")]
pub struct EarlierPartError {
    /// The earlier change, in words.
    pub what: String,
    /// Its account.
    pub account: AccountId,
}

/// What this machine wrote lately reads as it was before, and did so for as long as a read may be late.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{resource}` was written from here, and reads as it was before: somebody put it back")]
pub struct PutBackError {
    /// The ARN of what was written.
    pub resource: String,
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// See [`UsageError`].
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// A read or a connection failed.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// No way leads from what was given to a key.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The sandbox's world can't be used.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The record of a run could not be written or read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The terminal could not be asked.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// A file that was to be written could not be.
    #[error("`{}` could not be written: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Somebody changed a file after it was read.
    #[error("`{}` was changed after it was read, and stays as it is", file.display())]
    FileChanged {
        /// The file.
        file: PathBuf,
    },
    /// The saved plan can't be used.
    #[error(transparent)]
    SavedPlan(#[from] SavedPlanError),
    /// See [`TemplateError`].
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// See [`EarlierPartError`].
    #[error(transparent)]
    EarlierPart(#[from] EarlierPartError),
    /// See [`PutBackError`].
    #[error(transparent)]
    PutBack(#[from] PutBackError),
    /// See [`LedgerError`].
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// See [`LeaseError`].
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Standard output or standard error could not be written.
    #[error("the output could not be written: {0}")]
    Output(#[from] std::io::Error),
}

impl From<CloudError> for Error {
    fn from(error: CloudError) -> Self {
        Self::Observe(error.into())
    }
}

impl Error {
    /// The exit status.
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Usage(_) | Self::Launch(LaunchError::Mixed { .. } | LaunchError::NeverStarts { .. }) => {
                ExitStatus::Usage
            }
            Self::Lease(LeaseError::Held(_)) => ExitStatus::Incomplete,
            Self::Ledger(LedgerError::Store(StoreError::Cloud(error)))
            | Self::Lease(LeaseError::Unkept(StoreError::Cloud(error)))
            | Self::Store(StoreError::Cloud(error))
                if matches!(error.kind, CloudErrorKind::Throttled | CloudErrorKind::Transient) =>
            {
                ExitStatus::Incomplete
            }
            Self::EarlierPart(_) | Self::PutBack(_) | Self::FileChanged { .. } => ExitStatus::Stale,
            Self::Observe(_)
            | Self::Launch(_)
            | Self::World(_)
            | Self::Journal(_)
            | Self::Prompt(_)
            | Self::File { .. }
            | Self::SavedPlan(_)
            | Self::Template(_)
            | Self::Ledger(_)
            | Self::Lease(LeaseError::Unkept(_))
            | Self::Store(_)
            | Self::Output(_) => ExitStatus::Error,
        }
    }

    /// The call that failed, where it was one.
    pub fn cloud_error(&self) -> Option<&CloudError> {
        match self {
            Self::Observe(ObserveError::Cloud(error))
            | Self::Launch(LaunchError::Cloud(error))
            | Self::Ledger(LedgerError::Store(StoreError::Cloud(error)))
            | Self::Lease(LeaseError::Unkept(StoreError::Cloud(error)))
            | Self::Store(StoreError::Cloud(error))
            | Self::Journal(JournalError::Cloud(error)) => Some(error),
            Self::Journal(JournalError::Unwritable { source, .. }) => source.get_ref()?.downcast_ref(),
            _ => None,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        if let Some(error) = self.cloud_error() {
            return cloud_hint(error);
        }
        match self {
            Self::Usage(error) => error.hint.clone(),
            Self::Launch(error) => launch_hint(error),
            Self::Observe(ObserveError::NoSuchRole(session)) => Some(format!(
                "check the role's name and account: aws iam get-role --role-name {}",
                session.role_name
            )),
            Self::Observe(ObserveError::OtherPartition(error)) => Some(error.hint()),
            Self::Observe(ObserveError::UnreadRole(session)) => Some(format!(
                "give the role's ARN with its path, or credentials: --account-profile {}=PROFILE",
                session.account
            )),
            Self::Journal(JournalError::Unwritable { .. }) => {
                Some("nothing is written without a journal: make its folder writable".to_owned())
            }
            Self::Journal(JournalError::Unreadable { path, .. }) => {
                Some(format!("move the file away if it is no journal: {}", shell::quote(path)))
            }
            Self::Journal(JournalError::Distrusted { path, reason: Distrust::Writable }) => Some(format!(
                "look at what it says, then let nobody else write to it: chmod go-w {}",
                shell::quote(path)
            )),
            Self::Journal(JournalError::Distrusted { reason: Distrust::Foreign { .. }, .. }) => Some(
                "run this as the user that it belongs to, or keep journals in a folder of your own: --journal DIR"
                    .to_owned(),
            ),
            Self::Journal(JournalError::UnknownFormat { .. }) => {
                Some("use the version of keymend that wrote it".to_owned())
            }
            Self::Journal(JournalError::NoSuchRun(_)) => {
                Some("`keymend rollback --list` shows the runs".to_owned())
            }
            Self::World(WorldError::Unreadable { .. }) => Some(
                "give a world file, --sandbox=FILE, or --sandbox alone for the built-in world".to_owned(),
            ),
            Self::World(WorldError::Mistake { .. }) => {
                Some("docs/worlds.md describes the format of worlds".to_owned())
            }
            Self::Prompt(_) => Some("--yes applies without asking".to_owned()),
            Self::PutBack(_) => Some(
                "find out who did before it is written again; the same command then plans on what is there".to_owned(),
            ),
            Self::Template(TemplateError::TooLarge { .. }) => Some(
                "give fewer keys at once, each time with a --policy-name of its own".to_owned(),
            ),
            Self::Template(_) => {
                Some("--emit cli and --emit terraform leave documents as they are".to_owned())
            }
            Self::EarlierPart(error) => {
                Some(format!("apply that part first: keymend apply PLAN --account {}", error.account))
            }
            Self::SavedPlan(
                SavedPlanError::Earlier { way: Some(way), .. } | SavedPlanError::Different { way, .. },
            ) => Some(format!("save it anew: {way}")),
            Self::SavedPlan(_) => {
                Some("save the plan anew: `keymend fix` with --dry-run --out PLAN".to_owned())
            }
            Self::FileChanged { .. } => {
                Some("the same command again patches what it says now; files that are patched stay as they are".to_owned())
            }
            Self::Ledger(LedgerError::NoFleet(_)) => {
                Some("`keymend fleet plan --manifest FILE --dir DIR` begins one".to_owned())
            }
            Self::Ledger(LedgerError::OtherFleet { .. }) => {
                Some("give each fleet a folder of its own: --dir DIR".to_owned())
            }
            Self::Ledger(LedgerError::OtherShards { known: Division::Shards(known), .. }) => {
                Some(format!("all workers take the same number: --shard I/{known}"))
            }
            Self::Ledger(LedgerError::OtherShards { known: Division::Accounts(_), .. }) => {
                Some("each account that is left takes a worker of its own: --account ID".to_owned())
            }
            Self::Ledger(LedgerError::OtherPlan(_)) => {
                Some("plan the fleet anew, in another folder".to_owned())
            }
            Self::Lease(LeaseError::Held(_)) => {
                Some("the same command finishes what that worker leaves".to_owned())
            }
            Self::Observe(ObserveError::Cloud(_))
            | Self::Journal(JournalError::Cloud(_))
            | Self::Ledger(LedgerError::Store(_) | LedgerError::Malformed { .. })
            | Self::Lease(LeaseError::Unkept(_))
            | Self::Store(_)
            | Self::File { .. }
            | Self::Output(_) => None,
        }
    }
}

/// What to do where the way to the keys ends.
fn launch_hint(error: &LaunchError) -> Option<String> {
    match error {
        LaunchError::Cloud(error) => cloud_hint(error),
        LaunchError::NotFound { other_region: Some(region), .. } => Some(format!(
            "it lives in one region, and the key that is given is of another one: --region {}",
            shell::quote(region)
        )),
        LaunchError::NotFound { what: "instance", .. } => Some(
            "EC2 forgets terminated instances after about an hour: give its image, --ami; else it lives in one region \
             (--region) and shows to its own account (--account-profile ACCOUNT=PROFILE)"
                .to_owned(),
        ),
        LaunchError::NotFound { .. } => Some(
            "it lives in one region: give --region; and it is shown to its owner and to those it is shared with: give \
             --account-profile OWNER=PROFILE"
                .to_owned(),
        ),
        LaunchError::StrangeKey { .. } => Some(
            "mend the template: EC2 takes a key's id, alias or ARN there; or give in its place what is \
             meant: --ami and --key"
                .to_owned(),
        ),
        LaunchError::Unrelated => Some(
            "give one instance at a time, or say for whom: --account, --principal, --autoscaling".to_owned(),
        ),
        LaunchError::UnrelatedStarts => {
            Some("give one instance at a time, or say who starts them: --principal, --autoscaling".to_owned())
        }
        LaunchError::UnrelatedShares => Some(
            "give them one at a time, or those that need the keys, too, by name: --account, --organization, --ou"
                .to_owned(),
        ),
        LaunchError::UsageUnread { owner, .. } => Some(format!(
            "its owner alone may read it (ec2:DescribeImageUsageReports, ec2:DescribeImageUsageReportEntries): give \
             --account-profile {owner}=PROFILE, or leave --in-use out"
        )),
        LaunchError::SharesUnread { owner, .. } => Some(format!(
            "its owner alone may read it (ec2:DescribeImageAttribute): give --account-profile {owner}=PROFILE, or name \
             those who launch instead of --shared"
        )),
        LaunchError::Mixed { .. } => Some(
            "a start needs less than a launch: give them one after the other, or say which is meant for all of them: \
             --purpose launch or --purpose start"
                .to_owned(),
        ),
        LaunchError::NeverStarts { .. } => {
            Some("to launch another one from its image leave --purpose start out".to_owned())
        }
        LaunchError::Unnamed { command, .. } => {
            Some(format!("name it with --principal; CloudTrail tells it: {command}"))
        }
        LaunchError::KeyUntold { .. } => Some(
            "across accounts AWS leaves the key's ARN out of events: give the key with --key".to_owned(),
        ),
        LaunchError::NoKey { owner, .. } => {
            let owner = owner.map_or("OWNER".to_owned(), |owner| owner.to_string());
            Some(format!("give credentials of its owner, --account-profile {owner}=PROFILE, or its key, --key ARN"))
        }
    }
}

/// What to do about a call that failed.
pub fn cloud_hint(error: &CloudError) -> Option<String> {
    let CloudError { operation, resource, profile, .. } = error;
    if operation.starts_with("s3:")
        && let Some(hint) = bucket_hint(error)
    {
        return Some(hint);
    }
    match error.kind {
        CloudErrorKind::AccessDenied => Some(format!(
            "the caller needs {operation} on `{resource}`; `keymend permissions{}` prints all that is needed",
            if operation.starts_with("ec2:") || operation.starts_with("autoscaling:") { " --ami" } else { "" }
        )),
        CloudErrorKind::NotFound if operation.starts_with("kms:") && resource.starts_with("arn:") => {
            Some("check account, region and id in the ARN: a key lives in one region".to_owned())
        }
        CloudErrorKind::NotFound if operation.starts_with("kms:") => Some(
            "check the key's id or alias, and the region: a key given by its ARN is found wherever it is".to_owned(),
        ),
        CloudErrorKind::NoCredentials => {
            Some("give --profile, or set AWS_PROFILE or AWS_ACCESS_KEY_ID; try it all with --sandbox".to_owned())
        }
        CloudErrorKind::ExpiredCredentials => {
            let profile = profile.as_deref().unwrap_or("PROFILE");
            Some(format!("log in again: aws sso login --profile {}", shell::quote(profile)))
        }
        CloudErrorKind::ClockSkew => {
            Some("set the clock of this machine (on Linux: sudo timedatectl set-ntp true), then run this again".to_owned())
        }
        CloudErrorKind::InvalidPrincipal => {
            Some("a principal does not exist, or is so new that KMS does not see it yet: try again in two minutes".to_owned())
        }
        CloudErrorKind::Lockout => Some(
            "the caller must be allowed kms:PutKeyPolicy by the key policy itself; keymend never bypasses this check"
                .to_owned(),
        ),
        CloudErrorKind::Throttled => Some("run the same command again".to_owned()),
        CloudErrorKind::Transient => Some(
            "run the same command again; if it lasts, check the network and its proxy, --endpoint-url and the profile"
                .to_owned(),
        ),
        CloudErrorKind::NotFound
        | CloudErrorKind::AlreadyExists
        | CloudErrorKind::Malformed
        | CloudErrorKind::LimitExceeded
        | CloudErrorKind::Conflict
        | CloudErrorKind::Unmodifiable
        | CloudErrorKind::Other => None,
    }
}

/// What to do about a call on a fleet's bucket, where S3 has reasons of its own.
fn bucket_hint(error: &CloudError) -> Option<String> {
    let CloudError { operation, resource, .. } = error;
    let bucket = resource.strip_prefix("s3://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    match (error.kind, *operation) {
        // https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        (CloudErrorKind::AccessDenied, "s3:GetObject") => Some(format!(
            "the caller needs s3:GetObject on `{resource}`, its key's kms:Decrypt if it is encrypted with one, and s3:ListBucket on \
             the bucket `{bucket}`: without that S3 answers the same for what is not there"
        )),
        (CloudErrorKind::AccessDenied, "s3:PutObject") => Some(format!(
            "the caller needs s3:PutObject on `{resource}`, and kms:GenerateDataKey of its key if the bucket encrypts with one"
        )),
        (CloudErrorKind::AccessDenied, _) => {
            Some(format!("the caller needs {operation} on the bucket `{bucket}`"))
        }
        (CloudErrorKind::NotFound, _) if error.code.as_deref() == Some("NoSuchBucket") => {
            Some(format!("check the bucket's name; keymend makes none: aws s3 mb s3://{bucket}"))
        }
        _ => None,
    }
}
