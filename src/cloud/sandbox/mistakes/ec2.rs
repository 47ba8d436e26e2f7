//! What can be wrong with a world's images, snapshots, volumes and instances.

use super::{Checked, Mistake, known_key};
use crate::arn::{AccountId, ArnParts, KeyArn};
use crate::cloud::sandbox::source::Place;
use crate::cloud::sandbox::world::Page;
use crate::cloud::sandbox::world::ec2::ALL;

/// The kinds of ids, each with how they begin.
pub(super) const KINDS: [(&str, &str); 5] = [
    ("an image", "ami-"),
    ("a snapshot", "snap-"),
    ("a volume", "vol-"),
    ("an instance", "i-"),
    ("a launch template", "lt-"),
];

/// What an Auto Scaling group among the defaults begins with; groups have no ids.
pub(super) const GROUP: &str = "group:";

pub(super) fn check(page: &Page, root: &Place) -> Checked {
    for (id, snapshot) in &page.snapshots {
        let place = root.member("snapshots").member(id);
        owned(page, id, "snap-", snapshot.owner, &place)?;
        encrypted(page, snapshot.key.as_ref(), &place)?;
        shared_with(&snapshot.shared_with, &place)?;
    }
    for (id, image) in &page.images {
        let place = root.member("images").member(id);
        owned(page, id, "ami-", image.owner, &place)?;
        shared_with(&image.shared_with, &place)?;
        let place = place.member("snapshots");
        for (index, snapshot) in image.snapshots.iter().enumerate() {
            well_formed(snapshot, "snap-", &place.item(index))?;
        }
    }
    for (id, volume) in &page.volumes {
        let place = root.member("volumes").member(id);
        owned(page, id, "vol-", volume.owner, &place)?;
        encrypted(page, volume.key.as_ref(), &place)?;
        if let Some(snapshot) = &volume.snapshot {
            well_formed(snapshot, "snap-", &place.member("snapshot"))?;
        }
    }
    for (id, instance) in &page.instances {
        let place = root.member("instances").member(id);
        owned(page, id, "i-", instance.owner, &place)?;
        well_formed(&instance.image, "ami-", &place.member("image"))?;
        for (index, volume) in instance.volumes.iter().enumerate() {
            well_formed(volume, "vol-", &place.member("volumes").item(index))?;
        }
    }
    for (account, described) in &page.accounts {
        if let Some(key) = &described.default_ebs_key {
            known_key(page, key, &root.member("accounts").member(account).member("default_ebs_key"))?;
        }
    }
    Ok(())
}

fn owned(page: &Page, id: &str, prefix: &str, owner: AccountId, place: &Place) -> Checked {
    well_formed(id, prefix, place)?;
    described(page, owner, place)
}

pub(super) fn described(page: &Page, owner: AccountId, place: &Place) -> Checked {
    if page.accounts.contains_key(&owner) {
        return Ok(());
    }
    Err(Mistake::new(place.member("owner"), format!("account {owner} is not described in `accounts`")))
}

/// A prefix, and 8 or 17 hexadecimal digits.
pub(super) fn well_formed(id: &str, prefix: &str, place: &Place) -> Checked {
    let is_hex = |digits: &str| digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if id.strip_prefix(prefix).is_some_and(|digits| matches!(digits.len(), 8 | 17) && is_hex(digits)) {
        return Ok(());
    }
    let kind = KINDS.iter().find(|(_, own)| *own == prefix).map_or("anything", |(kind, _)| kind);
    Err(Mistake::new(
        place.clone(),
        format!("`{id}` is not the id of {kind}: expected `{prefix}` and 17 hexadecimal digits"),
    ))
}

fn encrypted(page: &Page, key: Option<&KeyArn>, place: &Place) -> Checked {
    key.map_or(Ok(()), |key| known_key(page, key, &place.member("key")))
}

fn shared_with(shares: &[String], place: &Place) -> Checked {
    for (index, with) in shares.iter().enumerate() {
        let is_organization = ArnParts::parse(with).is_ok_and(|parts| parts.service == "organizations");
        if with != ALL && with.parse::<AccountId>().is_err() && !is_organization {
            let message = format!("`{with}` is not an account id, the ARN of an organization, or `{ALL}`");
            return Err(Mistake::new(place.member("shared_with").item(index), message));
        }
    }
    Ok(())
}
