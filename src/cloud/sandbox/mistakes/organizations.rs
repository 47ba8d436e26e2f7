//! Mistakes about organizations.

use super::super::source::Place;
use super::super::world::Page;
use super::super::world::organization::OrganizationEntry;
use super::{Checked, Mistake};
use crate::arn::OuPath;

/// Accounts are members of organizations that the world tells of, where it tells of any.
pub(super) fn check(page: &Page, root: &Place) -> Checked {
    for account in page.accounts.keys() {
        let Some(entry) = page.organization(*account) else { continue };
        let place = root.member("accounts").member(account).member("organization");
        let OrganizationEntry { id, path } = entry;
        if !page.organizations.is_empty() && !page.organizations.contains_key(id) {
            return Err(Mistake::new(
                place.member("id"),
                format!("`{id}` is not described in `organizations`"),
            ));
        }
        if path.as_ref().is_some_and(|path| !is_path(entry, path)) {
            let path = path.as_deref().unwrap_or_default();
            let message =
                format!("`{path}` is not a path such as `{id}/r-ab12/` or `{id}/r-ab12/ou-ab12-11111111/`");
            return Err(Mistake::new(place.member("path"), message));
        }
    }
    if page.is_of_an_account() {
        return Ok(());
    }
    for (id, organization) in &page.organizations {
        let place = root.member("organizations").member(id);
        let delegated = place.member("delegated_administrators");
        let delegates = organization.delegated_administrators.iter().enumerate();
        let delegates = delegates.map(|(index, account)| (*account, delegated.item(index)));
        let manager = (organization.management_account, place.member("management_account"));
        for (account, place) in std::iter::once(manager).chain(delegates) {
            let is_other = page.organization(account).is_none_or(|entry| entry.id != *id);
            if is_other && !page.is_elsewhere(account) {
                let message =
                    format!("`{account}` is not a member: `accounts.{account}.organization` is not `{id}`");
                return Err(Mistake::new(place, message));
            }
        }
    }
    Ok(())
}

/// A path leads from its organization to a root or an OU.
fn is_path(OrganizationEntry { id, .. }: &OrganizationEntry, path: &str) -> bool {
    let is_of_a_unit = path.parse::<OuPath>().is_ok_and(|unit| unit.organization() == id);
    let root = path.strip_prefix(&format!("{id}/r-")).and_then(|rest| rest.strip_suffix('/'));
    let is_of_the_root = root.is_some_and(|root| root.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    path.ends_with('/') && !path.contains('*') && (is_of_a_unit || is_of_the_root)
}
