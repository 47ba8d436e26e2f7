//! What a run of `keymend survey` is to do.

use std::path::{Path, PathBuf};

use super::accounts::account_id;
use super::fleet::shard;
use super::handover::html_report;
use super::{BackendSettings, backend_in, is_piped, read_text};
use crate::arn::{AccountId, OrganizationId};
use crate::cli::{SurveyArgs, SurveyForm};
use crate::error::UsageError;
use crate::fleet::shard::Shard;

/// What a run of `keymend survey` is to do.
#[derive(Debug)]
pub struct SurveySettings {
    /// The accounts that a file names; none where no file is given.
    pub listed: Option<Vec<AccountId>>,
    /// Whether the accounts of the organization are looked at, and which one it has to be.
    pub organization: Option<Option<OrganizationId>>,
    /// The regions; the configured one, or those of a world, where none is given.
    pub regions: Vec<String>,
    /// Where it reads.
    pub backend: BackendSettings,
    /// Which of the accounts.
    pub shard: Shard,
    /// Where the manifest of what to mend goes.
    pub out: Option<PathBuf>,
    /// Where reports go.
    pub reports: Vec<PathBuf>,
    /// Whether everybody is named.
    pub is_whole: bool,
    /// In which form it is told.
    pub form: SurveyForm,
}

impl SurveySettings {
    /// Resolves the arguments.
    ///
    /// # Errors
    /// Something typed is not what it should be, or a file can't be read.
    pub fn resolve(args: &SurveyArgs) -> Result<Self, UsageError> {
        let mut regions: Vec<String> = Vec::new();
        for region in &args.backend.region {
            if !regions.contains(region) {
                regions.push(region.clone());
            }
        }
        let organization = args.organization.as_ref().map(|id| {
            let id = id.as_deref().map(str::parse::<OrganizationId>);
            id.transpose().map_err(|error| UsageError::new(error.to_string()))
        });
        let is_html = |file: &PathBuf| html_report(file, "a survey", "-o csv and -o jsonl are");
        Ok(Self {
            listed: args.accounts.as_deref().map(listed).transpose()?,
            organization: organization.transpose()?,
            backend: backend_in(&args.backend, regions.first())?,
            regions,
            shard: shard(args.shard.as_deref(), args.shards)?,
            out: args.out.clone(),
            reports: args.report.iter().map(is_html).collect::<Result<_, _>>()?,
            is_whole: args.details,
            form: args.output,
        })
    }
}

const ACCOUNTS_FORM: &str = "--accounts takes one account id a line; # starts a comment";

/// The accounts that a file names, each once, in its order.
fn listed(file: &Path) -> Result<Vec<AccountId>, UsageError> {
    let name =
        if is_piped(file) { "standard input".to_owned() } else { format!("the file `{}`", file.display()) };
    let text = read_text(file).map_err(|error| {
        UsageError::new(format!("{name} can't be read for accounts: {error}")).hint(ACCOUNTS_FORM)
    })?;
    let accounts =
        parse_accounts(&text).map_err(|(line, error)| error.within(&format!("{name}, line {line}")))?;
    if accounts.is_empty() {
        return Err(UsageError::new(format!("{name} names no account")).hint(ACCOUNTS_FORM));
    }
    Ok(accounts)
}

fn parse_accounts(text: &str) -> Result<Vec<AccountId>, (usize, UsageError)> {
    let mut accounts = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let id = line.split('#').next().unwrap_or_default().trim();
        if id.is_empty() {
            continue;
        }
        let account = account_id(id).map_err(|error| (index + 1, error.hint(ACCOUNTS_FORM)))?;
        if !accounts.contains(&account) {
            accounts.push(account);
        }
    }
    Ok(accounts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser as _;

    fn resolve(line: &str) -> Result<SurveySettings, String> {
        let cli = Cli::try_parse_from(format!("keymend survey {line}").split_whitespace())
            .map_err(|error| error.kind().to_string())?;
        let Command::Survey(args) = cli.command else { panic!("survey") };
        SurveySettings::resolve(&args).map_err(|error| error.to_string())
    }

    #[test]
    fn accounts_of_a_file() {
        let text = "# ours\n444455556666\n\n1111-2222-3333 # as the console has it\n444455556666\n";
        let ids: Vec<String> = parse_accounts(text).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(ids, ["444455556666", "111122223333"]);
        let (line, error) = parse_accounts("444455556666\nprod\n").unwrap_err();
        assert_eq!((line, error.to_string().as_str()), (2, "`prod` is not an account id of 12 digits"));
    }

    #[test]
    fn regions_and_organizations() {
        let run = resolve("--region eu-west-1 --region us-east-1 --region eu-west-1").unwrap();
        assert_eq!(
            (run.regions, run.organization),
            (vec!["eu-west-1".to_owned(), "us-east-1".to_owned()], None)
        );
        assert_eq!(resolve("--organization").unwrap().organization, Some(None));
        let named = resolve("--organization=o-a1b2c3d4e5").unwrap().organization.flatten();
        assert_eq!(named.unwrap().as_str(), "o-a1b2c3d4e5");
        for (line, message) in [
            ("--organization=nobody", "`nobody` is not an organization's id"),
            ("--report survey.md", "a survey is reported as HTML alone"),
            ("--report survey.txt", "`survey.txt` tells no form for a report"),
            ("--accounts no-such-file", "the file `no-such-file` can't be read for accounts"),
        ] {
            let told = resolve(line).unwrap_err();
            assert!(told.starts_with(message), "{line}: {told}");
        }
    }
}
