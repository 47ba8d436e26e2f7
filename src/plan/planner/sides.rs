//! How one side stands to each pair of a key and somebody who needs it.

use std::collections::BTreeMap;

use super::super::Side;
use crate::arn::KeyArn;

/// One side, the key's policy or IAM, of each pair.
#[derive(Debug)]
pub(super) struct Sides<W>(BTreeMap<KeyArn, BTreeMap<W, Side>>);

impl<W> Default for Sides<W> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<W: Ord + Clone> Sides<W> {
    pub(super) fn set(&mut self, key: &KeyArn, who: &W, side: Side) {
        if !self.0.contains_key(key) {
            self.0.insert(key.clone(), BTreeMap::new());
        }
        if let Some(of_key) = self.0.get_mut(key) {
            of_key.insert(who.clone(), side);
        }
    }

    pub(super) fn get(&self, key: &KeyArn, who: &W) -> Option<&Side> {
        self.0.get(key)?.get(who)
    }

    pub(super) fn get_mut(&mut self, key: &KeyArn, who: &W) -> Option<&mut Side> {
        self.0.get_mut(key)?.get_mut(who)
    }

    /// Of everybody who needs a key, which is forgotten.
    pub(super) fn take(&mut self, key: &KeyArn) -> BTreeMap<W, Side> {
        self.0.remove(key).unwrap_or_default()
    }

    /// Of everybody who needs a key.
    pub(super) fn of_mut(&mut self, key: &KeyArn) -> impl Iterator<Item = &mut Side> {
        self.0.get_mut(key).into_iter().flat_map(BTreeMap::values_mut)
    }
}
