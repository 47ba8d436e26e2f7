//! What things are called in sentences.

use std::fmt;

use crate::access::Grantee;
use crate::arn::{EntityArn, KeyArn, Members};

/// `account 444455556666`, `role app (444455556666)`
pub(crate) fn grantee(grantee: &Grantee) -> String {
    match grantee {
        Grantee::Account { id, .. } => format!("account {id}"),
        Grantee::Entity(entity) => self::entity(entity),
        Grantee::ServiceLinkedRole(role) => self::entity(role.arn()),
        Grantee::Members(members) => self::members(members),
    }
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
}
