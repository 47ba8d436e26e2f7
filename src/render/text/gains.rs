//! Who gets which access, in sentences.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::names::{self, Detail};
use crate::access::Grantee;
use crate::arn::{AccountId, KeyArn, Members};
use crate::plan::gains::{GainEffect, Gained};
use crate::render::Styles;
use crate::render::prose::Prose;

/// Writes who gains what, key by key, and together where it is the same; nothing where nobody gains anything.
///
/// # Errors
/// What the writer returns.
pub fn gains(
    out: &mut dyn Write,
    styles: &Styles,
    (width, detail): (usize, Detail),
    gained: &[Gained],
) -> io::Result<()> {
    if gained.is_empty() {
        return Ok(());
    }
    Prose::new().styled(styles.strong, "Who gains what:").write(out, width, 0)?;
    for Alike { keys, gained } in alike(gained) {
        Prose::new().text(&format!("{}:", names::keys(&keys, detail))).write(out, width, 2)?;
        for Sentence { who, purposes, effect } in together(&gained) {
            let who = names::grantees(&who, detail);
            let (sign, style, how) = match effect {
                GainEffect::Access => ("+ ", styles.added, ""),
                GainEffect::OneSide => ("+ ", styles.added, ", once the other side allows it too"),
                GainEffect::Unknown => {
                    ("? ", styles.warning, ", unless something that is not known forbids it")
                }
                GainEffect::NoLaunch => ("! ", styles.blocked, ", and launches stay forbidden all the same"),
                GainEffect::Blocked => ("! ", styles.blocked, ", once nothing else forbids it any more"),
            };
            let what = format!(" may {}{how}", names::list(purposes));
            let line = Prose::new().styled(style, sign).styled(styles.strong, &who).text(&what);
            write!(out, "    ")?;
            line.write_at(out, width, 4, 6)?;
        }
        for sentence in foreign_access(gained, detail, ", outside the key's own account") {
            Prose::new().styled(styles.updated, &sentence).write(out, width, 4)?;
        }
    }
    Ok(())
}

/// Which accounts other than the keys' own get access, and which do once their own side allows it or nothing forbids
/// it: a sentence for each, with more words after the accounts.
pub fn foreign_access<'g>(
    gained: impl IntoIterator<Item = &'g Gained>,
    detail: Detail,
    more: &str,
) -> Vec<String> {
    const ENDS: [&str; 3] =
        ["", ", once the other side allows it too", ", once nothing else forbids it any more"];
    let mut accounts: BTreeMap<AccountId, usize> = BTreeMap::new();
    let mut members: BTreeMap<&Members, usize> = BTreeMap::new();
    for gain in gained.into_iter().filter(|gain| !gain.grantee.is_of(gain.key.account)) {
        let end = match gain.effect {
            GainEffect::Access | GainEffect::Unknown | GainEffect::NoLaunch => 0,
            GainEffect::OneSide => 1,
            GainEffect::Blocked => 2,
        };
        let known = match (gain.grantee.account(), gain.grantee.members()) {
            (Some(account), _) => accounts.entry(account).or_insert(end),
            (None, Some(own)) => members.entry(own).or_insert(end),
            (None, None) => continue,
        };
        *known = end.min(*known);
    }
    let sentence = |(end, words): (usize, &str)| {
        let own: BTreeSet<AccountId> =
            accounts.iter().filter(|(_, known)| **known == end).map(|(account, _)| *account).collect();
        let of_members = members.iter().filter(|(_, known)| **known == end);
        let of_members =
            of_members.map(|(members, _)| format!("all accounts of {}", names::members(members)));
        let named = (!own.is_empty()).then(|| names::accounts_in(&own, detail));
        let named: Vec<String> = named.into_iter().chain(of_members).collect();
        (!named.is_empty()).then(|| format!("This gives access to {}{more}{words}.", names::list(named)))
    };
    ENDS.into_iter().enumerate().filter_map(sentence).collect()
}

/// Keys with which the same is gained, and what.
struct Alike<'g> {
    keys: Vec<&'g KeyArn>,
    gained: Vec<&'g Gained>,
}

fn alike(gained: &[Gained]) -> Vec<Alike<'_>> {
    let mut by_key: BTreeMap<&KeyArn, Vec<&Gained>> = BTreeMap::new();
    for gain in gained {
        by_key.entry(&gain.key).or_default().push(gain);
    }
    let mut all: Vec<Alike<'_>> = Vec::new();
    let mut known: BTreeMap<Vec<_>, usize> = BTreeMap::new();
    for (key, gained) in by_key {
        let what = gained.iter().map(|gain| (&gain.grantee, &gain.purposes, gain.effect)).collect();
        let own = *known.entry(what).or_insert(all.len());
        match all.get_mut(own) {
            Some(alike) => alike.keys.push(key),
            None => all.push(Alike { keys: vec![key], gained }),
        }
    }
    all
}

/// Grantees that gain the same, with what it comes to.
struct Sentence<'g> {
    who: Vec<&'g Grantee>,
    purposes: &'g [String],
    effect: GainEffect,
}

fn together<'g>(gained: &[&'g Gained]) -> Vec<Sentence<'g>> {
    let mut sentences: Vec<Sentence<'g>> = Vec::new();
    for gain in gained {
        let same = |sentence: &&mut Sentence<'_>| {
            sentence.purposes == gain.purposes && sentence.effect == gain.effect
        };
        match sentences.iter_mut().find(same) {
            Some(sentence) => sentence.who.push(&gain.grantee),
            None => sentences.push(Sentence {
                who: vec![&gain.grantee],
                purposes: &gain.purposes,
                effect: gain.effect,
            }),
        }
    }
    sentences
}
