//! Who gets which access, in sentences.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::names;
use crate::access::Grantee;
use crate::arn::{AccountId, KeyArn, Members};
use crate::plan::gains::{GainEffect, Gained};
use crate::render::Styles;
use crate::render::prose::Prose;

/// Writes who gains what, key by key; nothing where nobody gains anything.
///
/// # Errors
/// What the writer returns.
pub fn gains(out: &mut dyn Write, styles: &Styles, width: usize, gained: &[Gained]) -> io::Result<()> {
    let mut keys: BTreeMap<&KeyArn, Vec<&Gained>> = BTreeMap::new();
    for gain in gained {
        keys.entry(&gain.key).or_default().push(gain);
    }
    if keys.is_empty() {
        return Ok(());
    }
    Prose::new().styled(styles.strong, "Who gains what:").write(out, width, 0)?;
    for (key, gained) in keys {
        Prose::new().text(&format!("{}:", names::key(key))).write(out, width, 2)?;
        for Sentence { who, purposes, effect } in together(&gained) {
            let who = names::list(who.into_iter().map(names::grantee));
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
        for sentence in foreign_access(gained.iter().copied(), ", outside the key's own account") {
            Prose::new().styled(styles.updated, &sentence).write(out, width, 4)?;
        }
    }
    Ok(())
}

/// Which accounts other than the keys' own get access, and which do once their own side allows it or nothing forbids
/// it: a sentence for each, with more words after the accounts.
pub fn foreign_access<'g>(gained: impl IntoIterator<Item = &'g Gained>, more: &str) -> Vec<String> {
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
        let known = match (gain.grantee.account(), gain.grantee.as_members()) {
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
        let named = (!own.is_empty()).then(|| names::accounts(own.iter()));
        let named: Vec<String> = named.into_iter().chain(of_members).collect();
        (!named.is_empty()).then(|| format!("This gives access to {}{more}{words}.", names::list(named)))
    };
    ENDS.into_iter().enumerate().filter_map(sentence).collect()
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
