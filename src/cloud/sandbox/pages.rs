//! A world as a call finds it: what one file says; or what accounts share, and the files of those that the call concerns.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::sheet::Sheet;
use super::world::ec2::{Image, Snapshot};
use super::world::organization::OrganizationEntry;
use super::world::{Account, CallerEntry, Identity, Key, Page, Policy};
use crate::arn::{AccountId, EntityArn, KeyArn, Partition, PolicyArn};

/// As much of a world as a call needs.
#[derive(Debug, Clone)]
pub(super) struct World {
    shared: Rc<Sheet>,
    own: BTreeMap<AccountId, Rc<Sheet>>,
}

impl World {
    /// A world of one file, or what its accounts share.
    pub(super) fn new(shared: Rc<Sheet>) -> Self {
        Self { shared, own: BTreeMap::new() }
    }

    /// Takes in what the file of an account says.
    pub(super) fn add(&mut self, account: AccountId, sheet: Rc<Sheet>) {
        self.own.insert(account, sheet);
    }

    /// What stood in the place of one of its sheets before, where that is one of them.
    pub(super) fn put_back(&mut self, account: Option<AccountId>, former: Rc<Sheet>) {
        match account {
            None => self.shared = former,
            Some(account) => {
                self.own.entry(account).and_modify(|sheet| *sheet = former);
            }
        }
    }

    /// What no account has alone.
    pub(super) fn shared(&self) -> &Page {
        &self.shared.page
    }

    /// Where that which is an account's stands.
    pub(super) fn page(&self, account: AccountId) -> &Page {
        &self.sheet(account).page
    }

    /// The file in which an account's things stand.
    pub(super) fn sheet(&self, account: AccountId) -> &Rc<Sheet> {
        self.own.get(&account).unwrap_or(&self.shared)
    }

    /// Whether an account has a file of its own.
    pub(super) fn has_own(&self, account: AccountId) -> bool {
        self.own.contains_key(&account)
    }

    fn pages(&self) -> impl Iterator<Item = &Page> {
        std::iter::once(&self.shared).chain(self.own.values()).map(|sheet| &sheet.page)
    }

    /// The partition of everything in the world.
    pub(super) fn partition(&self) -> Partition {
        self.shared().partition()
    }

    /// The region where none is told.
    pub(super) fn region(&self) -> &String {
        &self.shared().region
    }

    /// The caller that the world has for an account.
    pub(super) fn caller(&self, account: AccountId) -> Option<&CallerEntry> {
        self.page(account).callers.get(&account).or_else(|| self.shared().callers.get(&account))
    }

    /// An account, where the world describes it.
    pub(super) fn account(&self, id: AccountId) -> Option<&Account> {
        self.page(id).accounts.get(&id)
    }

    /// Where an account stands in AWS Organizations, where the world tells it.
    pub(super) fn organization(&self, account: AccountId) -> Option<&OrganizationEntry> {
        self.page(account).organization(account)
    }

    /// A key.
    pub(super) fn key(&self, arn: &KeyArn) -> Option<&Key> {
        self.page(arn.account).keys.get(arn)
    }

    /// A customer managed policy; the path counts, as in every ARN.
    pub(super) fn policy(&self, arn: &PolicyArn) -> Option<&Policy> {
        self.page(arn.account).policy(arn)
    }

    /// A user, role or group; the path counts, as in every ARN.
    pub(super) fn identity(&self, arn: &EntityArn) -> Option<&Identity> {
        let identity = self.account(arn.account)?.of_kind(arn.kind).get(&arn.name)?;
        (identity.path == arn.path && arn.partition == self.partition()).then_some(identity)
    }

    /// The user or role that a unique id belongs to, while it lives.
    pub(super) fn entity_with_id(&self, id: &str) -> Option<EntityArn> {
        self.pages().find_map(|page| page.entity_with_id(id))
    }

    /// An image, whoever owns it.
    pub(super) fn image(&self, id: &str) -> Option<&Image> {
        self.pages().find_map(|page| page.images.get(id))
    }

    /// A snapshot, whoever owns it.
    pub(super) fn snapshot(&self, id: &str) -> Option<&Snapshot> {
        self.pages().find_map(|page| page.snapshots.get(id))
    }

    /// The accounts that are described.
    pub(super) fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.pages().flat_map(|page| page.accounts.keys().copied())
    }
}
