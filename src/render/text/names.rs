//! What things are called in sentences.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::access::Grantee;
use crate::arn::{AccountId, EntityArn, EntityKind, KeyArn, Members};

/// `account 444455556666`, `role app (444455556666)`
pub(crate) fn grantee(grantee: &Grantee) -> String {
    match grantee {
        Grantee::Account { id, .. } => format!("account {id}"),
        Grantee::Entity(entity) => self::entity(entity),
        Grantee::ServiceLinkedRole(role) => self::entity(role.arn()),
        Grantee::Members(members) => self::members(members),
        Grantee::MembersRole(role) => {
            format!("{} of each account of {}", role.name(), self::members(&role.members))
        }
    }
}

/// Whether everybody is called by name, or many are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// So many are called by name, and more are counted.
    InShort,
    /// Everything is told.
    Whole,
}

/// More than so many are counted where things are told in short.
const SEVERAL: usize = 6;

impl Detail {
    /// Whether so many things are counted.
    pub(super) fn counts(self, things: usize) -> bool {
        self == Self::InShort && things > SEVERAL
    }

    /// How many elements of a list are shown that comes or goes as a whole.
    pub(crate) fn elements(self) -> Option<usize> {
        (self == Self::InShort).then_some(SEVERAL)
    }
}

/// Each by its name where they are few; else how many of which kind, account by account where these are few.
pub(crate) fn grantees(all: &[&Grantee], detail: Detail) -> String {
    if !detail.counts(all.len()) {
        return list(all.iter().copied().map(grantee));
    }
    let mut accounts: BTreeMap<AccountId, Counts> = BTreeMap::new();
    let mut members = Vec::new();
    for one in all {
        let kind = match one {
            Grantee::Account { .. } => Kind::Account,
            Grantee::Entity(entity) => Kind::Entity(entity.kind),
            Grantee::ServiceLinkedRole(_) => Kind::ServiceLinkedRole,
            Grantee::Members(own) => {
                members.push(self::members(own));
                continue;
            }
            Grantee::MembersRole(_) => {
                members.push(grantee(one));
                continue;
            }
        };
        if let Some(account) = one.account() {
            *accounts.entry(account).or_default().entry(kind).or_default() += 1;
        }
    }
    let groups: Vec<String> = if accounts.len() > SEVERAL {
        let mut sum = Counts::new();
        for (kind, count) in accounts.values().flatten() {
            *sum.entry(*kind).or_default() += count;
        }
        let whole = sum.remove(&Kind::Account).map(|count| counted(count, "account"));
        let others = (!sum.is_empty()).then(|| format!("{} in {} accounts", counts(&sum), accounts.len()));
        whole.into_iter().chain(others).collect()
    } else {
        let group = |(account, mut own): (AccountId, Counts)| match own.remove(&Kind::Account) {
            Some(_) if own.is_empty() => format!("account {account}"),
            Some(_) => format!("account {account} with {} there", counts(&own)),
            None => format!("{} of account {account}", counts(&own)),
        };
        accounts.into_iter().map(group).collect()
    };
    list(groups.into_iter().chain(members))
}

/// What somebody is, in the order in which they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Account,
    Entity(EntityKind),
    ServiceLinkedRole,
}

type Counts = BTreeMap<Kind, usize>;

/// `57 roles and 3 users`
fn counts(own: &Counts) -> String {
    list(own.iter().map(|(kind, count)| {
        let noun = match kind {
            Kind::Account => "account",
            Kind::Entity(kind) => kind.as_str(),
            Kind::ServiceLinkedRole => "service-linked role",
        };
        counted(*count, noun)
    }))
}

/// Keys by their names where they are few, else how many there are and where.
pub(crate) fn keys(all: &[&KeyArn], detail: Detail) -> String {
    if !detail.counts(all.len()) {
        return list(all.iter().copied().map(key));
    }
    let accounts: BTreeSet<AccountId> = all.iter().map(|key| key.account).collect();
    let regions: BTreeSet<&str> = all.iter().map(|key| key.region.as_str()).collect();
    let place = match (accounts.len(), accounts.first()) {
        (1, Some(account)) => format!("account {account}"),
        (several, _) => format!("{several} accounts"),
    };
    let regions = if regions.len() > SEVERAL { format!("{} Regions", regions.len()) } else { list(regions) };
    format!("{} keys ({place}, {regions})", all.len())
}

/// `organization o-a1b2c3d4e5`, `OU ou-ab12-11111111 (o-a1b2c3d4e5)`
pub(crate) fn members(members: &Members) -> String {
    match members {
        Members::Organization(id) => format!("organization {id}"),
        Members::Unit(unit) => format!("OU {} ({})", unit.id(), unit.organization()),
    }
}

/// `role app (444455556666)`
pub(crate) fn entity(entity: &EntityArn) -> String {
    format!("{} ({})", entity.entity_name(), entity.account)
}

/// `key 1234abcd-12ab-34cd-56ef-1234567890ab (111122223333, eu-west-1)`
pub(crate) fn key(key: &KeyArn) -> String {
    format!("key {} ({}, {})", key.id, key.account, key.region)
}

/// `a`, `a and b`, `a, b and c`
pub(crate) fn list<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.pop() {
        None => String::new(),
        Some(last) if items.is_empty() => last,
        Some(last) => format!("{} and {last}", items.join(", ")),
    }
}

/// `1 change`, `3 changes`
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// `account 1…`, `accounts 1… and 2…`; more than several are counted where things are told in short.
pub(crate) fn accounts_in<'a>(accounts: impl IntoIterator<Item = &'a AccountId>, detail: Detail) -> String {
    let all: Vec<&AccountId> = accounts.into_iter().collect();
    if detail.counts(all.len()) { counted(all.len(), "account") } else { self::accounts(all.into_iter()) }
}

/// `account 1…`, `accounts 1… and 2…`
pub(crate) fn accounts<T: fmt::Display>(accounts: impl ExactSizeIterator<Item = T>) -> String {
    let plural = if accounts.len() == 1 { "" } else { "s" };
    format!("account{plural} {}", list(accounts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::{self, OTHER_ROOT, ROLE};

    #[test]
    fn names_and_lists() {
        assert_eq!(grantee(&testing::grantee(OTHER_ROOT)), "account 444455556666");
        assert_eq!(grantee(&testing::grantee(ROLE)), "role app (444455556666)");
        assert_eq!(
            key(&testing::key()),
            "key 1234abcd-12ab-34cd-56ef-1234567890ab (111122223333, eu-west-1)"
        );
        assert_eq!(list(["a", "b", "c"]), "a, b and c");
        assert_eq!(list(["a"]), "a");
        assert_eq!(counted(1, "change"), "1 change");
        assert_eq!(accounts([1, 2].into_iter()), "accounts 1 and 2");
    }

    #[test]
    fn many_are_counted_by_account_and_by_kind() {
        let several = |range: std::ops::Range<u64>, arn: fn(u64) -> String| {
            range.map(|number| testing::grantee(&arn(number))).collect::<Vec<_>>()
        };
        let called = |all: &[Grantee], detail| grantees(&all.iter().collect::<Vec<_>>(), detail);
        let role = |number| format!("arn:aws:iam::444455556666:role/app-{number}");
        let mut all = several(0..6, role);
        assert!(called(&all, Detail::InShort).starts_with("role app-0 (444455556666), role app-1"));
        all.extend(several(6..57, role));
        assert_eq!(called(&all, Detail::InShort), "57 roles of account 444455556666");
        all.extend(several(0..3, |number| format!("arn:aws:iam::444455556666:user/jo-{number}")));
        all.push(testing::grantee(OTHER_ROOT));
        all.push(testing::grantee("arn:aws:iam::777788889999:root"));
        assert_eq!(
            called(&all, Detail::InShort),
            "account 444455556666 with 3 users and 57 roles there and account 777788889999"
        );
        assert!(called(&all, Detail::Whole).contains("role app-56 (444455556666)"));
        all.extend(several(10..500, |number| format!("arn:aws:iam::{number:012}:root")));
        all.extend(several(10..500, |number| format!("arn:aws:iam::{number:012}:role/app")));
        assert_eq!(called(&all, Detail::InShort), "492 accounts and 3 users and 547 roles in 492 accounts");
    }
}
