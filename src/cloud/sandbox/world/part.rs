//! Worlds in several files: which part of a world a file says.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::shape::objects;
use super::{Account, CallerEntry, DefaultsEntry, Format, Key, Page, ec2, template};
use crate::access::Grantee;
use crate::arn::{AccountId, KeyArn};

/// What else a world consists of beside a file.
#[derive(Debug, Default)]
pub(super) enum Part {
    /// Nothing.
    #[default]
    Whole,
    /// The files of these accounts.
    Shared(BTreeSet<AccountId>),
    /// What no account has alone, and the files of all accounts but this one.
    Account(AccountId),
}

/// What the file of an account says: those members of a world that are one account's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct AccountPage {
    #[serde(default, deserialize_with = "objects")]
    callers: BTreeMap<AccountId, CallerEntry>,
    #[serde(default, deserialize_with = "objects")]
    accounts: BTreeMap<AccountId, Account>,
    #[serde(default, deserialize_with = "objects")]
    keys: BTreeMap<KeyArn, Key>,
    #[serde(default, deserialize_with = "objects")]
    images: BTreeMap<String, ec2::Image>,
    #[serde(default, deserialize_with = "objects")]
    snapshots: BTreeMap<String, ec2::Snapshot>,
    #[serde(default, deserialize_with = "objects")]
    volumes: BTreeMap<String, ec2::Volume>,
    #[serde(default, deserialize_with = "objects")]
    instances: BTreeMap<String, ec2::Instance>,
    #[serde(default, deserialize_with = "objects")]
    launch_templates: BTreeMap<String, template::LaunchTemplate>,
    #[serde(default, deserialize_with = "objects")]
    launch_configurations: BTreeMap<String, template::LaunchConfiguration>,
    #[serde(default, deserialize_with = "objects")]
    auto_scaling_groups: BTreeMap<String, template::AutoScalingGroup>,
}

impl AccountPage {
    /// The same as a part of the world that another file says the rest of.
    pub(in crate::cloud::sandbox) fn of(self, account: AccountId, shared: &Page) -> Page {
        Page {
            part: Part::Account(account),
            _format: Format,
            story: String::new(),
            region: shared.region.clone(),
            default_caller: None,
            callers: self.callers,
            defaults: DefaultsEntry::default(),
            unknown_accounts_exist: shared.unknown_accounts_exist,
            aws_policies: BTreeMap::new(),
            accounts: self.accounts,
            organizations: shared.organizations.clone(),
            keys: self.keys,
            images: self.images,
            snapshots: self.snapshots,
            volumes: self.volumes,
            instances: self.instances,
            launch_templates: self.launch_templates,
            launch_configurations: self.launch_configurations,
            auto_scaling_groups: self.auto_scaling_groups,
            faults: Vec::new(),
            quotas: BTreeMap::new(),
            latency_ms: 0,
        }
    }
}

impl Page {
    /// The same as what accounts share that have files of their own.
    pub(in crate::cloud::sandbox) fn shared_by(self, accounts: BTreeSet<AccountId>) -> Self {
        Self { part: Part::Shared(accounts), ..self }
    }

    /// Whether another file tells what belongs to an account.
    pub(in crate::cloud::sandbox) fn is_elsewhere(&self, account: AccountId) -> bool {
        match &self.part {
            Part::Whole => false,
            Part::Shared(others) => others.contains(&account),
            Part::Account(own) => *own != account,
        }
    }

    /// Lets everybody do everything, and everything succeed.
    pub(in crate::cloud::sandbox) fn open(&mut self) {
        let partition = self.partition();
        let described = self.accounts.keys().copied();
        let accounts: BTreeSet<AccountId> =
            described.chain(self.keys.keys().map(|key| key.account)).collect();
        for account in accounts {
            let arn = Grantee::Account { partition, id: account }.to_string();
            self.callers.insert(account, CallerEntry { arn, denied: Vec::new() });
        }
        self.faults.clear();
        self.quotas.clear();
        self.latency_ms = 0;
    }

    /// Whether an account alone has all of this.
    pub(in crate::cloud::sandbox) fn is_of_an_account(&self) -> bool {
        matches!(self.part, Part::Account(_))
    }
}
