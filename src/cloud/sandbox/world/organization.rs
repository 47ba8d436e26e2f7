//! Organizations in a world.

use serde::Deserialize;

use crate::arn::{AccountId, Affiliation, MemberOf, OrganizationId};

/// An organization, as far as its accounts' own entries don't tell it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct Organization {
    pub(in crate::cloud::sandbox) management_account: AccountId,
    #[serde(default)]
    pub(in crate::cloud::sandbox) delegated_administrators: Vec<AccountId>,
}

impl Organization {
    /// The accounts that may list its accounts and where these are.
    pub(in crate::cloud::sandbox) fn overseers(&self) -> impl Iterator<Item = AccountId> {
        std::iter::once(self.management_account).chain(self.delegated_administrators.iter().copied())
    }
}

/// Where an account stands in AWS Organizations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cloud::sandbox) struct OrganizationEntry {
    pub(in crate::cloud::sandbox) id: OrganizationId,
    /// As far as the root or OU that it is in.
    pub(in crate::cloud::sandbox) path: Option<String>,
}

impl OrganizationEntry {
    /// The same, as what is known of the account.
    pub(in crate::cloud::sandbox) fn affiliation(&self) -> Affiliation {
        Affiliation::Member(MemberOf { organization: self.id.clone(), path: self.path.clone() })
    }
}
