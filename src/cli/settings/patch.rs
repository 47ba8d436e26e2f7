//! `keymend patch`: which policies, for whom, and what is done with the result.

use std::fmt;
use std::path::{Path, PathBuf};

use super::grantees::{account, autoscaling, organization, ou, principal};
use crate::access::{GranteeRef, Profile, Purpose};
use crate::arn::{AccountId, KeyArn};
use crate::cli::{PatchArgs, PolicyKind};
use crate::error::UsageError;

/// What a run of `keymend patch` is to do.
#[derive(Debug)]
pub struct PatchSettings {
    /// What is patched.
    pub kind: PatchKind,
    /// The policies; never empty.
    pub inputs: Vec<Input>,
    /// What the grantees must be able to do.
    pub purpose: Purpose,
    /// What must be allowed.
    pub profile: Profile,
    /// What is done with the result.
    pub action: PatchAction,
    /// Whether differences are printed.
    pub diff: bool,
    /// Where what is found is written for other programs.
    pub sarif: Option<PathBuf>,
}

/// What is patched, and for whom or what.
#[derive(Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// Key policies.
    Key {
        /// The policies' own key, where it is known.
        key: Option<KeyArn>,
        /// Those to be let in; no session is among them.
        grantees: Vec<GranteeRef>,
        /// Whether principals that no longer exist go.
        prune_orphans: bool,
    },
    /// Customer managed policies, which are to cover these keys.
    Identity {
        /// The keys; never empty.
        keys: Vec<KeyArn>,
        /// The account that the policies are of, where it matters.
        account: Option<AccountId>,
    },
}

/// Where a policy comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(file) => write!(f, "{}", file.display()),
        }
    }
}

/// What is done with patched policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchAction {
    /// They are printed.
    Print,
    /// Only the exit status tells whether they differ.
    Check,
    /// They replace their files.
    InPlace,
}

impl PatchSettings {
    /// Resolves the arguments.
    ///
    /// # Errors
    /// Something typed is not what it should be, or contradicts something else.
    pub fn resolve(args: &PatchArgs) -> Result<Self, UsageError> {
        let inputs: Vec<Input> = match args.files.as_slice() {
            [] => vec![Input::Stdin],
            files => files.iter().map(|file| input(file)).collect(),
        };
        let action = match (args.check, args.in_place) {
            (true, _) => PatchAction::Check,
            (false, true) => PatchAction::InPlace,
            (false, false) => PatchAction::Print,
        };
        if action == PatchAction::InPlace && inputs.contains(&Input::Stdin) {
            return Err(UsageError::new("standard input can't be patched in place")
                .hint("name files, or leave --in-place out: the patched policy is printed"));
        }
        let prints_policy = action == PatchAction::Print && !args.diff;
        if prints_policy && inputs.len() > 1 {
            return Err(UsageError::new("several policies can't be printed as one")
                .hint("give --in-place, --check or --diff for several files"));
        }
        if inputs.iter().filter(|input| **input == Input::Stdin).count() > 1 {
            return Err(UsageError::new("standard input can be read once only"));
        }
        if args.sarif.is_some() && inputs.contains(&Input::Stdin) {
            return Err(UsageError::new("standard input has no name that what is found could be shown at")
                .hint("name files, or leave --sarif out"));
        }
        let profile = if args.least_privilege { Profile::LeastPrivilege } else { Profile::Documented };
        let purpose = args.purpose.into();
        Ok(Self {
            kind: kind(args)?,
            inputs,
            purpose,
            profile,
            action,
            diff: args.diff,
            sarif: args.sarif.clone(),
        })
    }
}

fn input(file: &Path) -> Input {
    if file.as_os_str() == "-" { Input::Stdin } else { Input::File(file.to_owned()) }
}

fn kind(args: &PatchArgs) -> Result<PatchKind, UsageError> {
    let mut keys: Vec<KeyArn> = Vec::new();
    for text in &args.key {
        keys.push(text.parse().map_err(|error| {
            UsageError::new(format!("{error}")).hint("give the key's ARN: nothing is looked up here")
        })?);
    }
    let names_members = !args.organization.is_empty() || !args.ou.is_empty() || !args.autoscaling.is_empty();
    let names_nobody = args.account.is_empty() && args.principal.is_empty() && !names_members;
    match args.kind {
        PolicyKind::Identity if keys.is_empty() => {
            Err(UsageError::new("no key is given").hint("say which key the policy is to allow: --key ARN"))
        }
        PolicyKind::Identity if !args.principal.is_empty() || names_members || args.prune_orphans => {
            Err(UsageError::new("an IAM policy names nobody")
                .hint("leave --principal, --organization, --ou, --autoscaling and --prune-orphans out: it serves whomever it is attached to"))
        }
        PolicyKind::Identity => Ok(PatchKind::Identity { keys, account: policy_account(args)? }),
        PolicyKind::Key if keys.len() > 1 => Err(UsageError::new("a key policy belongs to one key")
            .hint("give one --key, or none; --kind identity patches IAM policies")),
        PolicyKind::Key if names_nobody && !args.prune_orphans => Err(UsageError::new("no grantee is given")
            .hint("say who must be able to launch: --account ID, --principal ARN or --organization ID")),
        PolicyKind::Key => key_kind(keys.into_iter().next(), args),
    }
}

/// The least privilege names the account that launches.
fn policy_account(args: &PatchArgs) -> Result<Option<AccountId>, UsageError> {
    const WHICH: &str = "say whose policy it is, which launches: one --account ID";
    match (args.account.as_slice(), args.least_privilege) {
        ([], false) => Ok(None),
        ([text], true) => match account(text)? {
            GranteeRef::Account(id) => Ok(Some(id)),
            _ => Err(UsageError::new("no account is given").hint(WHICH)),
        },
        (_, true) => Err(UsageError::new("the least privilege is for one account").hint(WHICH)),
        (_, false) => Err(UsageError::new("an IAM policy names nobody")
            .hint("leave --account out: it serves whomever it is attached to")),
    }
}

fn key_kind(key: Option<KeyArn>, args: &PatchArgs) -> Result<PatchKind, UsageError> {
    let typed = args.account.iter().map(|text| account(text));
    let typed = typed.chain(args.principal.iter().map(|text| principal(text)));
    let typed = typed.chain(args.organization.iter().map(|text| organization(text)));
    let typed = typed.chain(args.ou.iter().map(|text| ou(text)));
    let typed = typed.chain(args.autoscaling.iter().map(|text| autoscaling(text)));
    let grantees = typed.collect::<Result<Vec<_>, _>>()?;
    if let Some(GranteeRef::Session(session)) =
        grantees.iter().find(|grantee| matches!(grantee, GranteeRef::Session(_)))
    {
        return Err(UsageError::new(format!("`{session}` is a session, and its role's path is not known"))
            .hint("give the role's own ARN: nothing is looked up here"));
    }
    Ok(PatchKind::Key { key, grantees, prune_orphans: args.prune_orphans })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn resolve(line: &str) -> Result<PatchSettings, String> {
        let cli = Cli::try_parse_from(format!("keymend patch {line}").split_whitespace())
            .map_err(|error| error.kind().to_string())?;
        let Command::Patch(args) = cli.command else { panic!("patch") };
        PatchSettings::resolve(&args).map_err(|error| error.to_string())
    }

    #[test]
    fn what_contradicts_itself_is_told() {
        const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd";
        const SESSION: &str = "arn:aws:sts::444455556666:assumed-role/app/i-1";
        for (line, message) in [
            ("--account 444455556666 --in-place", "standard input can't be patched in place"),
            ("--account 444455556666 a.json b.json", "several policies can't be printed as one"),
            ("--account 444455556666 --check - -", "standard input can be read once only"),
            (
                "--account 444455556666 --check --sarif out.sarif -",
                "standard input has no name that what is found could be shown at",
            ),
            ("a.json", "no grantee is given"),
            ("--kind identity a.json", "no key is given"),
            ("--account 444455556666 --key alias/a", "`alias/a` is not an ARN"),
            (&format!("--kind identity --key {KEY} --account 444455556666"), "an IAM policy names nobody"),
            (
                &format!("--kind identity --key {KEY} --least-privilege"),
                "the least privilege is for one account",
            ),
            (
                &format!("--principal {SESSION}"),
                &format!("`{SESSION}` is a session, and its role's path is not known"),
            ),
        ] {
            let told = resolve(line).unwrap_err();
            assert!(told.starts_with(message), "{line}: {told}");
        }
    }

    #[test]
    fn without_files_it_reads_standard_input() {
        let settings = resolve("--account 444455556666").unwrap();
        assert_eq!((settings.inputs, settings.action), (vec![Input::Stdin], PatchAction::Print));
        let settings = resolve("--account 444455556666 --check a.json b.json").unwrap();
        assert_eq!((settings.inputs.len(), settings.action), (2, PatchAction::Check));
    }
}
