//! What may be meant by a user, role or group that does not exist.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::console::Console;
use crate::alike::nearest;
use crate::arn::{AccountId, EntityArn, EntityKind};
use crate::cloud::Observe;
use crate::error::Error;
use crate::plan::{Finding, FindingCode};

/// Names are read for the sake of so many of them.
const MOST: usize = 5;

/// Tells the names of an account that are like those that nobody bears.
pub(super) async fn tell<'f>(
    findings: impl Iterator<Item = &'f Finding>,
    cloud: &impl Observe,
    console: &mut Console,
) -> Result<(), Error> {
    let missing = findings.filter(|finding| finding.code() == FindingCode::NoSuchPrincipal);
    let missing = missing.filter_map(|finding| finding.subject.parse().ok());
    // Services have given their roles' names, and whoever lacks one has to make it.
    let missing: BTreeSet<EntityArn> =
        missing.filter(|entity: &EntityArn| !entity.is_service_linked_role()).collect();
    let mut known: BTreeMap<(AccountId, EntityKind), Vec<String>> = BTreeMap::new();
    for entity in missing.iter().take(MOST) {
        let of = (entity.account, entity.kind);
        let names = match known.entry(of) {
            Entry::Occupied(entry) => entry.into_mut(),
            // Whoever may not read the names is told nothing more than that this one is none.
            Entry::Vacant(entry) => {
                entry.insert(cloud.names(entity.account, entity.kind).await.unwrap_or_default())
            }
        };
        let names = names.iter().map(String::as_str);
        // The same name with another path is told by the finding.
        let alike: Vec<String> = nearest(&entity.name, names.filter(|name| **name != entity.name))
            .into_iter()
            .map(|name| format!("`{name}`"))
            .collect();
        if !alike.is_empty() {
            let (kind, account) = (entity.kind, entity.account);
            console.hint(&format!(
                "there is no {kind} `{}` in account {account}; is {} meant?",
                entity.name,
                alike.join(" or ")
            ))?;
        }
    }
    Ok(())
}
