//! What is set once instead of being typed each time: in a file of the user's own and by variables.
//!
//! What was typed counts first, then variables, then the file, then what is so by default. Nothing that approves a
//! write, leads to another server or holds a secret can be set here.

mod file;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;

use super::settings::accounts::account_id;
use super::{ColorChoice, CoverageChoice, OutputChoice, Verify};
use crate::access::PolicyName;
use crate::arn::AccountId;
use crate::cloud::aws::Share;
use crate::error::UsageError;

/// The name of the file, in a folder of this program's own.
const FILE: &str = "keymend/keymend.toml";

/// What can be set: an option without its dashes, which is the key in the file, too.
#[derive(Debug)]
pub struct Setting {
    /// The option's name.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// Says what a value should be, where it is none.
    check: fn(&str) -> Result<(), String>,
}

/// The variable that names a pager: no setting, since what a file names must not be run.
pub const PAGER: &str = "KEYMEND_PAGER";

/// What has an effect besides and can't be set in the file.
pub const VARIABLES: [(&str, &str); 6] = [
    (PAGER, "the pager, before `PAGER`; empty or `cat` for none"),
    ("PAGER", "the pager; without it, `less`"),
    ("NO_COLOR", "no colours; `CLICOLOR_FORCE` has them also where there is no terminal"),
    ("XDG_CONFIG_HOME", "where keymend/keymend.toml is; without it, ~/.config"),
    ("XDG_STATE_HOME", "where the records of runs are, in keymend/; without it, ~/.local/state"),
    (
        "AWS_PROFILE",
        "the profile, as for the AWS CLI, whose other variables (`AWS_REGION`, `AWS_CONFIG_FILE` and so on) count too",
    ),
];

/// Profiles by account, the one setting that has a value for each account.
pub const ACCOUNT_PROFILE: &str = "account-profile";

/// All that can be set.
pub const SETTINGS: [Setting; 10] = [
    Setting {
        name: ACCOUNT_PROFILE,
        about: "the profile that serves an account: a table in the file, `ACCOUNT=PROFILE,…` in the variable",
        check: profiles,
    },
    Setting {
        name: "assume-role-name",
        about: "the role to assume in each account that no profile serves",
        check: |text| {
            text.chars().all(|c| !c.is_control()).then_some(()).ok_or_else(|| "the name of a role".to_owned())
        },
    },
    Setting { name: "color", about: "`auto`, `always` or `never`", check: one_of::<ColorChoice> },
    Setting { name: "connect-timeout", about: "seconds to wait for a connection", check: seconds },
    Setting {
        name: "coverage",
        about: "what counts as access: `named` or `effective`",
        check: one_of::<CoverageChoice>,
    },
    Setting { name: "output", about: "`text` or `json`", check: output },
    Setting {
        name: "policy-name",
        about: "the customer managed policy in the requester's account",
        check: |text| PolicyName::from_str(text).map(drop).map_err(|_| "the name of a policy".to_owned()),
    },
    Setting {
        name: "rate",
        about: "the share of AWS's request quotas to use, from `1%` to `100%`",
        check: |text| Share::from_str(text).map(drop).map_err(|_| "from 1% to 100%".to_owned()),
    },
    Setting { name: "read-timeout", about: "seconds to wait for an answer", check: seconds },
    Setting {
        name: "verify",
        about: "how access is proven after writing: `evaluate`, `dry-run` or `simulate`",
        check: one_of::<Verify>,
    },
];

impl Setting {
    /// The variable that sets it.
    pub fn variable(&self) -> String {
        variable(self.name)
    }

    /// The name by which the parser knows it.
    fn id(&self) -> String {
        self.name.replace('-', "_")
    }
}

fn variable(name: &str) -> String {
    format!("KEYMEND_{}", name.replace('-', "_").to_uppercase())
}

fn one_of<T: ValueEnum>(text: &str) -> Result<(), String> {
    T::from_str(text, false).map(drop).map_err(|_| {
        let known = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        known.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(" or ")
    })
}

/// A table is no default: most commands have none.
fn output(text: &str) -> Result<(), String> {
    match OutputChoice::from_str(text, false) {
        Ok(OutputChoice::Text | OutputChoice::Json) => Ok(()),
        Ok(OutputChoice::Table) | Err(_) => Err("text or json".to_owned()),
    }
}

fn seconds(text: &str) -> Result<(), String> {
    let known = text.parse::<u64>().is_ok_and(|seconds| super::TIMEOUT.contains(&seconds));
    known
        .then_some(())
        .ok_or_else(|| format!("seconds, from {} to {}", super::TIMEOUT.start(), super::TIMEOUT.end()))
}

fn profiles(text: &str) -> Result<(), String> {
    pairs(text).map(drop).ok_or_else(|| "ACCOUNT=PROFILE, with commas between several".to_owned())
}

/// Accounts with their profiles; an account has one.
fn pairs(text: &str) -> Option<BTreeMap<AccountId, String>> {
    let mut all = BTreeMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (account, profile) = pair.split_once('=')?;
        let is_known = all.insert(account_id(account.trim()).ok()?, profile.trim().to_owned()).is_some();
        if profile.trim().is_empty() || is_known {
            return None;
        }
    }
    Some(all)
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Variable(String),
    File(PathBuf, usize),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File(file, line) => write!(f, "`{}`, line {line}", file.display()),
        }
    }
}

/// What is set, and by what.
#[derive(Debug, Default)]
pub struct Config {
    values: BTreeMap<&'static str, (String, Origin)>,
    profiles: BTreeMap<AccountId, (String, Origin)>,
    /// Variables that look like settings, and are none.
    unknown: Vec<String>,
}

impl Config {
    /// Reads the file that is given, else the one in the user's configuration folder where there is one, and the
    /// variables.
    ///
    /// # Errors
    /// The file can't be read, or something in it or in a variable is no setting or no value of one.
    pub fn read(
        given: Option<&Path>,
        environment: &dyn Fn(&str) -> Option<String>,
        names: impl Iterator<Item = String>,
    ) -> Result<Self, UsageError> {
        let mut config = Self::default();
        match (given, default_file(environment)) {
            (Some(file), _) => file::read(file, &mut config)?,
            (None, Some(file)) if file.exists() => file::read(&file, &mut config)?,
            (None, _) => {}
        }
        for setting in &SETTINGS {
            let name = setting.variable();
            if let Some(value) = environment(&name).filter(|value| !value.is_empty()) {
                config.set(setting, &value, &Origin::Variable(name))?;
            }
        }
        let is_unknown = |name: &String| {
            let is_ours = name == PAGER || SETTINGS.iter().any(|setting| setting.variable() == *name);
            name.starts_with("KEYMEND_") && !is_ours
        };
        config.unknown = names.filter(is_unknown).collect();
        config.unknown.sort();
        Ok(config)
    }

    fn set(&mut self, setting: &Setting, value: &str, origin: &Origin) -> Result<(), UsageError> {
        (setting.check)(value).map_err(|wanted| {
            UsageError::new(format!("{origin}: `{value}` can't be the {}", setting.name))
                .hint(format!("it is {wanted}"))
        })?;
        if setting.name == ACCOUNT_PROFILE {
            let profiles = pairs(value).unwrap_or_default();
            self.profiles
                .extend(profiles.into_iter().map(|(account, profile)| (account, (profile, origin.clone()))));
        } else {
            self.values.insert(setting.name, (value.to_owned(), origin.clone()));
        }
        Ok(())
    }

    /// Whether nothing is set that the parser should know.
    pub fn has_defaults(&self) -> bool {
        !self.values.is_empty()
    }

    /// The program, with what is set as what is so where nothing is typed.
    #[must_use]
    pub fn as_defaults(&self, program: clap::Command) -> clap::Command {
        let names: Vec<String> =
            program.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        names
            .into_iter()
            .fold(program, |program, name| program.mut_subcommand(name, |command| self.of_command(command)))
    }

    fn of_command(&self, command: clap::Command) -> clap::Command {
        SETTINGS.iter().fold(command, |command, setting| {
            let has_it = command.get_arguments().any(|argument| argument.get_id().as_str() == setting.id());
            match self.values.get(setting.name) {
                Some((value, _)) if has_it => {
                    command.mut_arg(setting.id(), |argument| argument.default_value(value.clone()))
                }
                _ => command,
            }
        })
    }

    /// The profiles of accounts that none was typed for, as they are typed.
    pub fn more_profiles(&self, typed: &[String]) -> Vec<String> {
        let typed: Vec<AccountId> = typed
            .iter()
            .filter_map(|pair| {
                account_id(pair.split_once('=').map_or(pair.as_str(), |(account, _)| account)).ok()
            })
            .collect();
        let rest = self.profiles.iter().filter(|(account, _)| !typed.contains(account));
        rest.map(|(account, (profile, _))| format!("{account}={profile}")).collect()
    }

    /// Each value that counts, and what sets it, for a command as it was typed.
    pub fn told(&self, typed: &clap::ArgMatches) -> Vec<String> {
        let mut lines = Vec::new();
        for setting in SETTINGS.iter().filter(|setting| setting.name != ACCOUNT_PROFILE) {
            let id = setting.id();
            let source = typed.try_contains_id(&id).ok().and_then(|_| typed.value_source(&id));
            match (source, self.values.get(setting.name)) {
                (Some(clap::parser::ValueSource::CommandLine), _) => {
                    lines.push(format!("setting {}: as typed, by --{}", setting.name, setting.name));
                }
                (Some(_), Some((value, origin))) => {
                    lines.push(format!("setting {}: {value}, by {origin}", setting.name));
                }
                _ => {}
            }
        }
        if let Ok(Some(typed)) = typed
            .try_get_many::<String>("account_profile")
            .map(|typed| typed.map(|all| all.cloned().collect::<Vec<_>>()).or(Some(Vec::new())))
        {
            lines.extend(
                typed.iter().map(|pair| format!("setting {ACCOUNT_PROFILE}: {pair}, by --{ACCOUNT_PROFILE}")),
            );
            let more = self.more_profiles(&typed);
            let is_used =
                |account: &AccountId| more.iter().any(|pair| pair.starts_with(&account.to_string()));
            let rest = self.profiles.iter().filter(|(account, _)| is_used(account));
            lines.extend(rest.map(|(account, (profile, origin))| {
                format!("setting {ACCOUNT_PROFILE}: {account}={profile}, by {origin}")
            }));
        }
        lines
    }

    /// Variables that look like settings, and have no effect.
    pub fn unknown_variables(&self) -> &[String] {
        &self.unknown
    }
}

/// `$XDG_CONFIG_HOME`, else `~/.config`, on every system; a relative folder counts for nothing, so that no working folder
/// is ever asked.
///
/// <https://specifications.freedesktop.org/basedir-spec/latest/>
fn default_file(environment: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let absolute = |name| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(folder.join(FILE))
}

/// What may be set, for hints.
fn all_names() -> String {
    SETTINGS.map(|setting| setting.name).join(", ")
}

#[cfg(test)]
mod tests;
