//! The commands that only print a text.

use std::io::Write as _;

use clap::CommandFactory as _;

use super::complete;
use super::console::Console;
use super::man;
use crate::access::PolicyName;
use crate::arn::{AccountId, ArnError, KeyArn, Partition};
use crate::cli::settings::accounts::account_id;
use crate::cli::{Cli, PermissionsArgs, SchemaOf};
use crate::error::{Error, ExitStatus, UsageError};
use crate::fleet::manifest;
use crate::permissions::{self, Ec2Side, Task};
use crate::plan::saved;
use crate::render::{json, watch};

pub(super) fn permissions(args: &PermissionsArgs, console: &mut Console) -> Result<ExitStatus, Error> {
    let keys = args.key.iter().map(|text| key_arn(text)).collect::<Result<Vec<_>, _>>()?;
    let accounts: Vec<AccountId> =
        args.account.iter().map(|text| account_id(text)).collect::<Result<_, _>>()?;
    let name: PolicyName = args.policy_name.parse().map_err(|error| {
        UsageError::new(format!("{error}")).hint("leave --policy-name out for KmsKeyUsagePolicy")
    })?;
    let mode = if args.dry_run { Task::DryRun } else { Task::Apply };
    if args.survey {
        let policies = surveying(&accounts, args.organizations);
        return print(
            policies,
            "these are several policies, by account: without --account one serves all of them",
            console,
        );
    }
    if keys.is_empty() && accounts.is_empty() {
        return Err(UsageError::new("no key and no account is given")
            .hint("give --key ARN for the key's account, --account ID for a requester account, one that launches instances, or both")
            .into());
    }
    let more = |policy, side| {
        let policy = if args.ami { permissions::with_ec2_reads(policy, side) } else { policy };
        if args.organizations { permissions::with_organization_reads(policy) } else { policy }
    };
    let mut policies = serde_json::Map::new();
    let key_accounts: std::collections::BTreeSet<AccountId> = keys.iter().map(|key| key.account).collect();
    for account in key_accounts {
        let own: Vec<KeyArn> = keys.iter().filter(|key| key.account == account).cloned().collect();
        let partition = own.first().map_or(Partition::Aws, |key| key.partition);
        let policy =
            permissions::key_account_policy(partition, account, &own, mode, args.service_linked_roles);
        policies.insert(format!("{account} (key account)"), more(policy, Ec2Side::Owner));
    }
    let partition = keys.first().map_or(Partition::Aws, |key| key.partition);
    for account in accounts {
        let grants_on = args.service_linked_roles.then_some(keys.as_slice());
        let mut policy = permissions::requester_account_policy(partition, account, &name, mode, grants_on);
        if args.simulate {
            permissions::add_simulation(&mut policy, partition, account);
        }
        policies.insert(format!("{account} (requester account)"), more(policy, Ec2Side::Requester));
    }
    let apart = "these are several policies, by account: with --key of one account alone, or one --account alone, its policy is \
                 printed by itself, as `aws iam create-policy --policy-document file:///dev/stdin` takes it";
    print(policies, apart, console)
}

/// What a survey reads, by account; for any account where none is named.
fn surveying(accounts: &[AccountId], with_organizations: bool) -> serde_json::Map<String, serde_json::Value> {
    let of = |account: Option<AccountId>| {
        let policy = permissions::survey_policy(Partition::Aws, account);
        if with_organizations { permissions::with_organization_reads(policy) } else { policy }
    };
    if accounts.is_empty() {
        return [("any account".to_owned(), of(None))].into_iter().collect();
    }
    accounts.iter().map(|account| (account.to_string(), of(Some(*account)))).collect()
}

/// One policy is printed as it can be used; several are told apart by their account.
fn print(
    policies: serde_json::Map<String, serde_json::Value>,
    apart: &str,
    console: &mut Console,
) -> Result<ExitStatus, Error> {
    let is_one = policies.len() == 1;
    let printed = match policies.iter().next() {
        Some((_, only)) if is_one => only.clone(),
        _ => policies.into(),
    };
    writeln!(console.out, "{printed:#}")?;
    if !is_one {
        console.hint(apart)?;
    }
    Ok(ExitStatus::Done)
}

fn key_arn(text: &str) -> Result<KeyArn, UsageError> {
    text.parse().map_err(|error: ArnError| {
        UsageError::new(error.to_string()).hint("give the key's ARN, which tells its account and region")
    })
}

/// What `--version` prints.
pub(super) fn version(console: &mut Console) -> Result<ExitStatus, Error> {
    write!(console.out, "{}", Cli::command().render_version())?;
    Ok(ExitStatus::Done)
}

pub(super) fn completions(shell: clap_complete::Shell, console: &mut Console) -> Result<ExitStatus, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "keymend", &mut script);
    script.extend_from_slice(complete::script(shell).as_bytes());
    console.out.write_all(&script)?;
    Ok(ExitStatus::Done)
}

pub(super) fn man(console: &mut Console) -> Result<ExitStatus, Error> {
    man::write(&mut console.out)?;
    Ok(ExitStatus::Done)
}

pub(super) fn schema(of: SchemaOf, console: &mut Console) -> Result<ExitStatus, Error> {
    let schema = match of {
        SchemaOf::Output => json::schema(),
        SchemaOf::Plan => saved::schema(),
        SchemaOf::Manifest => manifest::schema(),
        SchemaOf::Watch => watch::schema(),
    };
    writeln!(console.out, "{schema:#}")?;
    Ok(ExitStatus::Done)
}
