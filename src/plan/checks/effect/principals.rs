//! The principals that documents tell apart.

use std::collections::{BTreeMap, BTreeSet};

use super::Versions;
use crate::arn::{AccountId, EntityArn, EntityKind, KeyArn, Partition};
use crate::authz::{Principal, PrincipalKind, Standing, Truth};
use crate::policy::{PolicyDocument, Statement};

/// A user or role that no policy names: no such name is valid.
pub(super) fn stranger(partition: Partition, account: AccountId, kind: EntityKind) -> Principal {
    let name = "(nobody)".to_owned();
    Principal::one_of(&EntityArn { partition, account, kind, path: "/".to_owned(), name })
}

/// Whoever is mentioned, and of each account somebody who is not.
pub(super) struct Universe {
    principals: Vec<Principal>,
    /// The key's account.
    home: AccountId,
    /// Whether a condition or a variable is about who asks, so that being named alike is not being alike.
    is_about_names: bool,
    /// Whether one is about the account of who asks.
    is_about_accounts: bool,
}

impl Universe {
    pub(super) fn of(
        documents: [&PolicyDocument; 3],
        key: &KeyArn,
        names: &BTreeSet<String>,
        caller: Option<&str>,
    ) -> Self {
        let partition = key.partition;
        let statements = || documents.into_iter().flat_map(|document| &document.statements);
        let mut mentioned: BTreeSet<String> = names.iter().cloned().collect();
        mentioned.extend(caller.map(str::to_owned));
        statements().for_each(|statement| mention(statement, partition, &mut mentioned));
        let mut principals: BTreeMap<String, Principal> = BTreeMap::new();
        for principal in mentioned.iter().filter_map(|text| text.parse::<Principal>().ok()) {
            principals.insert(principal.name().to_owned(), principal);
        }
        let mut accounts: BTreeSet<AccountId> = principals.values().filter_map(Principal::account).collect();
        accounts.extend(unmentioned(&accounts));
        for account in accounts {
            let strangers =
                [EntityKind::User, EntityKind::Role].map(|kind| stranger(partition, account, kind));
            let root = Principal::root(partition, account);
            principals.extend([root].into_iter().chain(strangers).map(|who| (who.name().to_owned(), who)));
        }
        Self {
            principals: principals.into_values().collect(),
            home: key.account,
            is_about_names: statements().any(|statement| is_about(statement, &["principalarn", "username"])),
            is_about_accounts: statements()
                .any(|statement| is_about(statement, &["principalaccount", "calleraccount"])),
        }
    }

    /// One of each group of principals that no statement of any version tells apart.
    pub(super) fn told_apart_by(self, versions: &Versions) -> Vec<Principal> {
        if self.is_about_names {
            return self.principals;
        }
        let mut groups: BTreeMap<Naming, Principal> = BTreeMap::new();
        for principal in self.principals {
            let account = principal.account().filter(|_| self.is_about_accounts);
            let is_at_home = principal.account() == Some(self.home);
            let by = [&versions.before, &versions.after, &versions.asked];
            let by = by.map(|prepared| prepared.naming(&principal));
            let naming = Naming { account, is_at_home, kind: kind(&principal), by };
            groups.entry(naming).or_insert(principal);
        }
        groups.into_values().collect()
    }
}

/// All that evaluation sees of a principal where no condition is about its name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Naming {
    /// Its account, where a condition is about that.
    account: Option<AccountId>,
    is_at_home: bool,
    kind: u8,
    by: [Vec<Option<(Standing, Truth)>>; 3],
}

fn kind(principal: &Principal) -> u8 {
    match principal.kind() {
        PrincipalKind::Root => 0,
        PrincipalKind::User { .. } => 1,
        PrincipalKind::Role { is_service_linked: false } => 2,
        PrincipalKind::Role { is_service_linked: true } => 3,
        PrincipalKind::Session { is_service_linked: false, .. } => 4,
        PrincipalKind::Session { is_service_linked: true, .. } => 5,
        PrincipalKind::FederatedUser => 6,
        PrincipalKind::Service => 7,
        PrincipalKind::IdentityOnly => 8,
    }
}

/// The principals of a statement, and those that its conditions are about.
fn mention(statement: &Statement, partition: Partition, mentioned: &mut BTreeSet<String>) {
    for kind in statement.principal.iter().filter_map(|principal| principal.types.as_ref()).flatten() {
        for text in kind.list.iter() {
            let is_account = text.parse::<AccountId>().is_ok();
            mentioned.insert(if is_account {
                format!("arn:{partition}:iam::{text}:root")
            } else {
                text.to_owned()
            });
        }
    }
    let conditions = statement.conditions.iter();
    let about_arns = conditions.filter(|condition| condition.key.eq_ignore_ascii_case("aws:PrincipalArn"));
    mentioned.extend(about_arns.flat_map(|condition| &condition.values).cloned());
}

/// Whether a condition of a statement, or a variable in it, is about one of these properties of who asks.
fn is_about(statement: &Statement, properties: &[&str]) -> bool {
    let is_one = |text: &str| {
        let text = text.to_ascii_lowercase();
        properties.iter().any(|property| text.contains(property))
    };
    let resources = statement.resource.iter().flat_map(|resource| resource.list.iter());
    let values = statement.conditions.iter().flat_map(|condition| &condition.values).map(String::as_str);
    statement.conditions.iter().any(|condition| is_one(&condition.key))
        || resources.chain(values).any(|text| text.contains("${") && is_one(text))
}

/// An account that is not among these.
fn unmentioned(accounts: &BTreeSet<AccountId>) -> Option<AccountId> {
    let ids = (0..).map(|number| format!("{number:012}"));
    ids.filter_map(|id| id.parse().ok()).find(|id| !accounts.contains(id))
}
