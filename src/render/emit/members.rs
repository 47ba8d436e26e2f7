//! Whose accounts need a policy of their own, because their organization was let in.

use std::collections::BTreeMap;

use crate::access::{Grantee, Request};
use crate::arn::{Members, OrganizationId, OuPath};

/// An organization whose accounts are let in, all of them or those of some units.
pub(super) struct Organization<'r> {
    pub(super) id: &'r OrganizationId,
    /// The units; where there are none, it is the organization as a whole.
    pub(super) units: Vec<&'r OuPath>,
}

impl Organization<'_> {
    /// Its accounts, in words.
    pub(super) fn accounts(&self) -> String {
        match self.units.as_slice() {
            [] => format!("the organization {}", self.id),
            units => units.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        }
    }
}

/// The organizations among the grantees, each once.
pub(super) fn organizations(request: &Request) -> Vec<Organization<'_>> {
    let mut found: BTreeMap<&OrganizationId, Option<Vec<&OuPath>>> = BTreeMap::new();
    for members in request.grantees.iter().filter_map(Grantee::as_members) {
        let units = found.entry(members.organization()).or_insert_with(|| Some(Vec::new()));
        match members {
            Members::Organization(_) => *units = None,
            Members::Unit(unit) => units.iter_mut().for_each(|units| units.push(unit)),
        }
    }
    found.into_iter().map(|(id, units)| Organization { id, units: units.unwrap_or_default() }).collect()
}
