//! Who of an account needs which key.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::access::{Grantee, Request};
use crate::arn::{AccountId, EntityArn, EntityName, KeyArn};

/// The users, roles and groups of an account that need a key.
#[derive(Debug, Default)]
pub(super) struct Needing {
    /// In the order asked for.
    pub(super) entities: Vec<EntityArn>,
    names: BTreeSet<EntityName>,
}

impl Needing {
    fn of(entities: Vec<EntityArn>) -> Rc<Self> {
        let names = entities.iter().map(EntityArn::entity_name).collect();
        Rc::new(Self { entities, names })
    }

    pub(super) fn includes(&self, name: &EntityName) -> bool {
        self.names.contains(name)
    }
}

/// For each key that an account's users, roles and groups need, which of these do.
pub(super) fn by_key(
    request: &Request,
    account: AccountId,
    entities: &[EntityArn],
) -> BTreeMap<KeyArn, Rc<Needing>> {
    let keys = request.keys_for(Some(account)).cloned();
    if request.part.is_none() {
        let all = Needing::of(entities.to_vec());
        return keys.map(|key| (key, Rc::clone(&all))).collect();
    }
    let known: BTreeSet<&EntityArn> = entities.iter().collect();
    let of = |key: &KeyArn| {
        let needing = request.needing(key).filter_map(Grantee::attachable);
        Needing::of(needing.filter(|own| known.contains(own)).cloned().collect())
    };
    keys.map(|key| (key.clone(), of(&key))).collect()
}
