//! Who gains what by changes, in effect: what evaluation shows of the time after them, and not what a document says.

use super::{Change, Gain};
use crate::access::Grantee;
use crate::arn::KeyArn;

/// What somebody gains with one key by changes together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gained {
    /// With which key.
    pub key: KeyArn,
    /// Who.
    pub grantee: Grantee,
    /// What, in words that follow "may".
    pub purposes: Vec<String>,
    /// What it comes to.
    pub effect: GainEffect,
}

/// What a gain comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GainEffect {
    /// It may.
    Access,
    /// It may once the other side allows it too: the key policy or its account's IAM.
    OneSide,
    /// Nobody can tell.
    Unknown,
    /// It may, and can't launch all the same: something forbids the instance's own role the key.
    NoLaunch,
    /// A Deny, a boundary, a policy of the organization or the key's state forbids it all the same.
    Blocked,
}

/// What everybody gains by changes, in their order, each once a key; whoever had it all before gains nothing.
pub fn gained<'c>(
    changes: impl IntoIterator<Item = &'c Change>,
    effect: impl Fn(&Gain) -> Option<GainEffect>,
) -> Vec<Gained> {
    let mut all: Vec<Gained> = Vec::new();
    for gain in changes.into_iter().flat_map(|change| &change.gains) {
        let known = all.iter_mut().find(|known| known.key == gain.key && known.grantee == gain.grantee);
        if let Some(known) = known {
            let new = gain.purposes.iter().filter(|purpose| !known.purposes.contains(purpose));
            let new: Vec<String> = new.cloned().collect();
            known.purposes.extend(new);
        } else if let Some(effect) = effect(gain) {
            all.push(Gained {
                key: gain.key.clone(),
                grantee: gain.grantee.clone(),
                purposes: gain.purposes.clone(),
                effect,
            });
        }
    }
    all
}
