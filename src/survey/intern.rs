//! What many pairs have in common, kept once.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::arn::KeyArn;
use crate::plan::survey::{Cause, Party};

/// Keys, parties and causes that were found.
#[derive(Debug, Default)]
pub(super) struct Interned {
    keys: BTreeSet<Rc<KeyArn>>,
    parties: BTreeSet<Rc<Party>>,
    causes: BTreeSet<Rc<BTreeSet<Cause>>>,
}

impl Interned {
    pub(super) fn key(&mut self, key: &KeyArn) -> Rc<KeyArn> {
        kept(&mut self.keys, key.clone())
    }

    pub(super) fn party(&mut self, party: Party) -> Rc<Party> {
        kept(&mut self.parties, party)
    }

    pub(super) fn causes(&mut self, causes: BTreeSet<Cause>) -> Rc<BTreeSet<Cause>> {
        kept(&mut self.causes, causes)
    }
}

fn kept<T: Ord>(known: &mut BTreeSet<Rc<T>>, value: T) -> Rc<T> {
    if let Some(kept) = known.get(&value) {
        return Rc::clone(kept);
    }
    let kept = Rc::new(value);
    known.insert(Rc::clone(&kept));
    kept
}
