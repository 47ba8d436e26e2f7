//! What a run of `keymend check` is to do.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::organization::OrganizationFiles;
use super::{BackendSettings, Found, Subjects, backend, subjects};
use crate::access::{GranteeRef, KeyRef, UnresolvedRequest};
use crate::arn::KeyArn;
use crate::cli::{CheckArgs, FileArgs, OutputChoice};
use crate::error::UsageError;
use crate::launch::Targets;

/// What a run of `keymend check` is to do.
#[derive(Debug)]
pub enum CheckSettings {
    /// Answers requests, one a line.
    Requests {
        /// Where they stand; `-` for standard input.
        file: PathBuf,
        /// How many threads answer them; as many as there are cores where it is not said.
        jobs: Option<NonZeroUsize>,
    },
    /// Checks grantees, or tells who may use keys.
    Check(Box<CheckRun>),
}

/// A check of grantees with keys; without grantees of keys alone.
#[derive(Debug)]
pub struct CheckRun {
    /// The request; keys and grantees may be empty where a sandbox has defaults.
    pub asked: UnresolvedRequest,
    /// What to find keys, and those who need them, by.
    pub targets: Targets,
    /// How many events of CloudTrail are something else than a refusal by KMS, for a hint.
    pub other_events: usize,
    /// Whether grantees that a sandbox has by default are left alone.
    pub is_about_users: bool,
    /// Grantees that were named more than once, for a hint.
    pub repeated: Vec<GranteeRef>,
    /// Where documents come from.
    pub source: Source,
    /// Files of policies of the organization.
    pub organization: OrganizationFiles,
    /// Condition keys of the launch with their values; none for a key that is absent.
    pub context: Vec<(String, Vec<String>)>,
    /// Whether every documented action is told of.
    pub all: bool,
    /// Text, JSON or a table.
    pub output: OutputChoice,
}

/// Where a check's documents come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// AWS or a sandbox.
    Backend(BackendSettings),
    /// Files alone.
    Files(CheckFiles),
}

/// The documents of one key and one grantee.
#[derive(Debug, Clone)]
pub struct CheckFiles {
    /// The key that the policy is of.
    pub key: KeyArn,
    /// The key's policy.
    pub key_policy: PathBuf,
    /// The grantee's IAM policies; none where there are none.
    pub identity_policies: Vec<PathBuf>,
    /// The grantee's permissions boundary.
    pub boundary: Option<PathBuf>,
}

impl CheckSettings {
    /// Resolves the arguments.
    ///
    /// # Errors
    /// Something typed is not what it should be, or contradicts something else.
    pub fn resolve(args: &CheckArgs) -> Result<Self, UsageError> {
        if let Some(file) = &args.requests {
            let jobs = args.jobs.and_then(|jobs| NonZeroUsize::new(jobs.into()));
            return Ok(Self::Requests { file: file.clone(), jobs });
        }
        let Subjects { keys, grantees, purpose, found } = subjects(&args.subjects, &args.backend)?;
        let Found { repeated, targets, other_events } = found;
        let source = match &args.files.key_policy {
            Some(file) => Source::Files(files(file, &args.files, &keys, &grantees)?),
            None => Source::Backend(backend(&args.backend)?),
        };
        if let (Source::Files(_), false) = (&source, targets.is_empty()) {
            return Err(UsageError::new("documents from files are of one key, and no image leads to it")
                .hint("give the key's ARN with --key, or leave --key-policy out"));
        }
        let is_keyless = keys.is_empty() && targets.is_empty();
        if let (Source::Backend(BackendSettings::Aws(_)), true) = (&source, is_keyless) {
            return Err(UsageError::new("no key is given").hint(
                "give --key ARN, ID or alias/NAME, or --ami ID; --sandbox tries it all on a made-up world",
            ));
        }
        if grantees.is_empty() && !targets.tell_who_launches() && is_about_grantees(args) {
            return Err(UsageError::new("no grantee is given").hint(
                "say who launches: --account ID, --principal ARN or --group ARN; without one, leave out \
                 --all, --context and policies other than the key's",
            ));
        }
        Ok(Self::Check(Box::new(CheckRun {
            asked: UnresolvedRequest { purpose, ..UnresolvedRequest::documented(keys, grantees) },
            targets,
            other_events,
            is_about_users: args.users,
            repeated,
            source,
            organization: OrganizationFiles::of(&args.files.organization),
            context: context(&args.context)?,
            all: args.all,
            output: args.output.output,
        })))
    }
}

/// Whether something is given that only has a meaning for a grantee.
fn is_about_grantees(args: &CheckArgs) -> bool {
    let FileArgs { identity_policy, boundary, organization, .. } = &args.files;
    let has_own_grantees = args.backend.sandbox.is_some() && !args.users;
    let has_limits = boundary.is_some() || !OrganizationFiles::of(organization).is_empty();
    let is_given = has_limits || !identity_policy.is_empty() || !args.context.is_empty();
    (is_given || args.all) && !has_own_grantees
}

fn files(
    key_policy: &Path,
    args: &FileArgs,
    keys: &[KeyRef],
    grantees: &[GranteeRef],
) -> Result<CheckFiles, UsageError> {
    let [KeyRef::Arn(key)] = keys else {
        return Err(UsageError::new("a key policy from a file needs one --key, by its ARN").hint(
            "for example --key arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        ));
    };
    if let Some(GranteeRef::Session(session)) = grantees.first() {
        return Err(UsageError::new(format!("the session `{session}` leaves out its role's path"))
            .hint("give the role's ARN: --principal arn:aws:iam::ACCOUNT:role/PATH/NAME"));
    }
    if grantees.len() > 1 {
        return Err(UsageError::new("files describe one grantee, and several are given")
            .hint("run it once for each grantee, with the grantee's own files"));
    }
    Ok(CheckFiles {
        key: key.clone(),
        key_policy: key_policy.to_owned(),
        identity_policies: args.identity_policy.clone(),
        boundary: args.boundary.clone(),
    })
}

/// Values by their key; a key without a value is known to be absent.
fn context(texts: &[String]) -> Result<Vec<(String, Vec<String>)>, UsageError> {
    let mut context: Vec<(String, Vec<String>)> = Vec::new();
    for text in texts {
        let (key, value) = text.split_once('=').filter(|(key, _)| key.contains(':')).ok_or_else(|| {
            UsageError::new(format!("`{text}` is not KEY=VALUE")).hint(
                "for example --context aws:SourceVpc=vpc-0abc; --context aws:SourceVpc= where there is none",
            )
        })?;
        let value = (!value.is_empty()).then(|| value.to_owned());
        match context.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(key)) {
            None => context.push((key.to_owned(), value.into_iter().collect())),
            Some((_, values)) if values.is_empty() || value.is_none() => {
                return Err(UsageError::new(format!("`{key}` is said to be absent and to have a value")));
            }
            Some((_, values)) => values.extend(value),
        }
    }
    Ok(context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::error::ErrorKind;
    use clap::{CommandFactory as _, Parser as _};

    const KEY: &str = "--key arn:aws:kms:eu-west-1:111122223333:key/1234abcd";
    const ROLE: &str = "--principal arn:aws:iam::444455556666:role/app";

    fn resolve(line: &str) -> Result<CheckRun, String> {
        let cli = Cli::try_parse_from(format!("keymend check {line}").split_whitespace())
            .map_err(|e| e.kind().to_string())?;
        let Command::Check(args) = cli.command else { panic!("check") };
        match CheckSettings::resolve(&args).map_err(|error| error.to_string())? {
            CheckSettings::Check(run) => Ok(*run),
            CheckSettings::Requests { file, jobs } => {
                Err(format!("requests {} {}", file.display(), jobs.map_or(0, NonZeroUsize::get)))
            }
        }
    }

    #[test]
    fn requests_stand_alone_but_for_their_threads() {
        let told = |arguments: &str| resolve(arguments).map(|_| ()).unwrap_err();
        assert_eq!(told("--requests a"), "requests a 0");
        assert_eq!(told("--requests a --jobs 3"), "requests a 3");
        for wrong in ["0", "257", "x", "-1"] {
            let wrong = told(&format!("--requests a --jobs={wrong}"));
            assert!(wrong.contains("value"), "{wrong}");
        }
        assert!(told("--jobs 2").contains("required"));
        // Colours are for what is told in the end, too.
        let beside = ["requests", "jobs", "help", "color", "no-color"];
        let mut taken: Vec<String> = Vec::new();
        let mut cli = Cli::command();
        cli.build();
        let check = cli.find_subcommand("check").unwrap();
        for argument in check.get_arguments().filter(|argument| !argument.is_global_set()) {
            let Some(long) = argument.get_long().filter(|long| !beside.contains(long)) else {
                continue;
            };
            let value = match argument.get_possible_values().first() {
                Some(value) => format!("={}", value.get_name()),
                None if argument.get_action().takes_values() => "=1".to_owned(),
                None => String::new(),
            };
            let typed =
                ["keymend", "check", "--requests", "a", &format!("--{long}{value}")].map(str::to_owned);
            let told = Cli::try_parse_from(typed).map(|_| ()).map_err(|error| error.kind());
            if told != Err(ErrorKind::ArgumentConflict) {
                taken.push(long.to_owned());
            }
        }
        assert!(taken.is_empty(), "{taken:?}");
    }

    #[test]
    fn context_keys_have_several_values_or_none() {
        let run = resolve(&format!(
            "{KEY} {ROLE} --context aws:PrincipalTag/team=a --context aws:principaltag/TEAM=b=c --context aws:SourceVpc="
        ))
        .unwrap();
        let expected = [
            ("aws:PrincipalTag/team".to_owned(), vec!["a".to_owned(), "b=c".to_owned()]),
            ("aws:SourceVpc".to_owned(), Vec::new()),
        ];
        assert_eq!(run.context, expected);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (line, message) in [
            ("", "no key is given"),
            (&format!("{KEY} --all"), "no grantee is given"),
            (&format!("{KEY} {ROLE} --context team=a"), "`team=a` is not KEY=VALUE"),
            (
                &format!("{KEY} {ROLE} --context aws:a= --context aws:A=b"),
                "`aws:A` is said to be absent and to have a value",
            ),
            (
                &format!("--key alias/app --key-policy k.json {ROLE}"),
                "a key policy from a file needs one --key, by its ARN",
            ),
            (
                &format!("{KEY} --key-policy k.json {ROLE} --account 444455556666"),
                "files describe one grantee, and several are given",
            ),
            (
                &format!(
                    "{KEY} --key-policy k.json --principal arn:aws:sts::444455556666:assumed-role/app/s"
                ),
                "the session `arn:aws:sts::444455556666:assumed-role/app/s` leaves out its role's path",
            ),
            (&format!("{KEY} --key-policy k.json --boundary b.json"), "no grantee is given"),
        ] {
            assert_eq!(resolve(line).unwrap_err(), message, "{line}");
        }
    }
}
