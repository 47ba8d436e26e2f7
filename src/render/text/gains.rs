//! Who gets which access, in sentences.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::names;
use crate::access::Grantee;
use crate::arn::{AccountId, KeyArn};
use crate::plan::Change;
use crate::render::Styles;
use crate::render::prose::Prose;

/// Writes who gains what by these changes, key by key; nothing where nobody gains anything.
///
/// # Errors
/// What the writer returns.
pub fn gains(out: &mut dyn Write, styles: &Styles, width: usize, changes: &[Change]) -> io::Result<()> {
    let gains = gains_by_key(changes);
    if gains.is_empty() {
        return Ok(());
    }
    Prose::new().styled(styles.strong, "Who gains what:").write(out, width, 0)?;
    for (key, grantees) in gains {
        Prose::new().text(&format!("{}:", names::key(key))).write(out, width, 2)?;
        for (grantees, purposes, is_complete) in together(&grantees) {
            let who = names::list(grantees.into_iter().map(names::grantee));
            let when = if is_complete { "" } else { ", once the other side allows it too" };
            let what = format!(" may {}{when}", names::list(purposes));
            let line = Prose::new().styled(styles.added, "+ ").styled(styles.strong, &who).text(&what);
            write!(out, "    ")?;
            line.write_at(out, width, 4, 6)?;
        }
        let others = other_accounts(key, grantees.iter().map(|(grantee, ..)| *grantee));
        if !others.is_empty() {
            let text = format!(
                "This gives access to {}, outside the key's own account.",
                names::accounts(others.iter())
            );
            Prose::new().styled(styles.updated, &text).write(out, width, 4)?;
        }
    }
    Ok(())
}

/// The accounts other than the key's own that get access by these changes.
pub fn accounts_that_gain<'a>(changes: impl IntoIterator<Item = &'a Change>) -> BTreeSet<AccountId> {
    let gains = changes.into_iter().flat_map(|change| &change.gains);
    gains
        .filter(|gain| gain.grantee.account() != gain.key.account)
        .map(|gain| gain.grantee.account())
        .collect()
}

fn other_accounts<'a>(key: &KeyArn, grantees: impl Iterator<Item = &'a Grantee>) -> BTreeSet<AccountId> {
    grantees.map(Grantee::account).filter(|account| *account != key.account).collect()
}

/// What each grantee gains with one key, in the order of the changes.
type GranteesPurposes<'a> = Vec<(&'a Grantee, Vec<&'a str>, bool)>;

fn gains_by_key(changes: &[Change]) -> BTreeMap<&KeyArn, GranteesPurposes<'_>> {
    let mut keys: BTreeMap<&KeyArn, GranteesPurposes<'_>> = BTreeMap::new();
    for gain in changes.iter().flat_map(|change| &change.gains) {
        let grantees = keys.entry(&gain.key).or_default();
        let gained = gain.purposes.iter().map(String::as_str);
        match grantees.iter_mut().find(|(grantee, ..)| *grantee == &gain.grantee) {
            Some((_, purposes, is_complete)) => {
                *is_complete &= gain.is_complete;
                let new: Vec<&str> = gained.filter(|purpose| !purposes.contains(purpose)).collect();
                purposes.extend(new);
            }
            None => grantees.push((&gain.grantee, gained.collect(), gain.is_complete)),
        }
    }
    keys
}

/// Grantees, what they gain, and whether both sides then allow it.
type Sentence<'a> = (Vec<&'a Grantee>, Vec<&'a str>, bool);

/// Puts grantees that gain the same into one sentence.
fn together<'a>(grantees: &[(&'a Grantee, Vec<&'a str>, bool)]) -> Vec<Sentence<'a>> {
    let mut sentences: Vec<Sentence<'a>> = Vec::new();
    for (grantee, purposes, is_complete) in grantees {
        match sentences.iter_mut().find(|(_, same, complete)| same == purposes && complete == is_complete) {
            Some((together, ..)) => together.push(grantee),
            None => sentences.push((vec![grantee], purposes.clone(), *is_complete)),
        }
    }
    sentences
}
