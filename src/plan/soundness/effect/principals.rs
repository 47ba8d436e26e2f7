//! The principals that documents tell apart.

use std::collections::{BTreeMap, BTreeSet};

use super::changed::StatementTrial;
use crate::arn::{AccountId, EntityArn, EntityKind, KeyArn, Partition};
use crate::authz::{Principal, PrincipalKind, Standing, Truth};
use crate::policy::Statement;

/// A user or role that no policy names: no such name is valid.
pub(in crate::plan::soundness) fn stranger(
    partition: Partition,
    account: AccountId,
    kind: EntityKind,
) -> Principal {
    let name = "(nobody)".to_owned();
    Principal::one_of(&EntityArn { partition, account, kind, path: "/".to_owned(), name })
}

/// Whoever is mentioned, and of each account somebody who is not.
pub(super) struct Universe {
    principals: Vec<Principal>,
    /// The key's account.
    home: AccountId,
}

impl Universe {
    pub(super) fn of(
        statements: &[&Statement],
        key: &KeyArn,
        names: &BTreeSet<String>,
        caller: Option<&str>,
    ) -> Self {
        let partition = key.partition;
        let mut mentioned: BTreeSet<String> = names.iter().cloned().collect();
        mentioned.extend(caller.map(str::to_owned));
        for statement in statements {
            mention(statement, partition, &mut mentioned);
        }
        let mut principals: BTreeMap<String, Principal> = BTreeMap::new();
        for principal in mentioned.iter().filter_map(|text| text.parse::<Principal>().ok()) {
            principals.insert(principal.name().to_owned(), principal);
        }
        let mut accounts: BTreeSet<AccountId> = principals.values().filter_map(Principal::account).collect();
        accounts.insert(key.account);
        accounts.extend(unmentioned(&accounts));
        for account in accounts {
            let strangers =
                [EntityKind::User, EntityKind::Role].map(|kind| stranger(partition, account, kind));
            let root = Principal::root(partition, account);
            principals.extend([root].into_iter().chain(strangers).map(|who| (who.name().to_owned(), who)));
        }
        Self { principals: principals.into_values().collect(), home: key.account }
    }

    /// One of each group of principals that no statement tells apart.
    pub(super) fn told_apart_by(self, trial: &StatementTrial<'_>) -> Vec<Principal> {
        let mut groups: BTreeMap<Naming, Principal> = BTreeMap::new();
        for principal in self.principals {
            let is_at_home = principal.account() == Some(self.home);
            let by = [&trial.tried, &trial.by].map(|prepared| prepared.naming(&principal));
            groups.entry(Naming { is_at_home, kind: kind(&principal), by }).or_insert(principal);
        }
        groups.into_values().collect()
    }
}

/// All that evaluation sees of a principal besides conditions.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Naming {
    is_at_home: bool,
    kind: u8,
    by: [Vec<Option<(Standing, Truth)>>; 2],
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
        PrincipalKind::Member => 9,
    }
}

/// The principals of a statement.
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
}

/// An account that is not among these.
fn unmentioned(accounts: &BTreeSet<AccountId>) -> Option<AccountId> {
    let ids = (0..).map(|number| format!("{number:012}"));
    ids.filter_map(|id| id.parse().ok()).find(|id| !accounts.contains(id))
}
