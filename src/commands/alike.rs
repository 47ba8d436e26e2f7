//! What may be meant by a user, role, group, alias or profile that does not exist.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::console::Console;
use crate::alike::nearest;
use crate::arn::{AccountId, EntityArn, EntityKind};
use crate::cloud::{CloudError, CloudErrorKind, Observe, aws};
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
        if let Some(meant) = meant(&entity.name, names) {
            let (kind, account) = (entity.kind, entity.account);
            console.hint(&format!("there is no {kind} `{}` in account {account}; {meant}", entity.name))?;
        }
    }
    Ok(())
}

/// Keeps, for after an error that does not find an alias, the aliases that are like it.
pub(super) async fn suggest_aliases(error: &Error, cloud: &impl Observe, console: &mut Console) {
    let Some(CloudError { kind: CloudErrorKind::NotFound, resource, account, region, .. }) =
        error.cloud_error()
    else {
        return;
    };
    // What all of them begin with makes none more alike.
    let bare = |alias: &str| alias.strip_prefix("alias/").map(str::to_owned);
    let typed = bare(resource.splitn(6, ':').last().unwrap_or_default());
    let (Some(typed), Some(account), Some(region)) = (typed, account, region) else { return };
    // Whoever may not read them is told nothing more than that this one is none.
    let known = cloud.aliases(*account, region).await.unwrap_or_default();
    let known: Vec<String> = known.iter().filter_map(|alias| bare(alias)).collect();
    console.suggestion = meant(&typed, &known);
}

/// The same of a profile that is not defined.
pub(super) async fn suggest_profiles(error: &Error, console: &mut Console) {
    let Some(CloudError { kind: CloudErrorKind::NoCredentials, profile: Some(profile), .. }) =
        error.cloud_error()
    else {
        return;
    };
    let known = aws::profile_names().await;
    if !known.contains(profile) {
        console.suggestion = meant(profile, &known);
    }
}

/// Asks whether one of the names is meant that are like one; the same name with another path is told elsewhere.
fn meant(typed: &str, names: &[String]) -> Option<String> {
    let others = names.iter().map(String::as_str).filter(|name| *name != typed);
    let alike: Vec<String> = nearest(typed, others).into_iter().map(|name| format!("`{name}`")).collect();
    (!alike.is_empty()).then(|| format!("is {} meant?", alike.join(" or ")))
}
