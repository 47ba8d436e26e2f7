//! Those whom the images are shared with, as grantees.

use std::collections::BTreeSet;

use super::launcher::is_each_of_each;
use super::{LaunchError, sources};
use crate::access::chain::{Chain, FoundImage};
use crate::access::{GranteeRef, KeyRef, UnresolvedRequest};
use crate::arn::{AccountId, Members, Partition};
use crate::observation::Reading;
use crate::observation::ec2::{Image, Shares};
use crate::observation::usage::{Usage, UsageReport};

/// The accounts that an image is shared with one by one, as far as that was read.
pub fn accounts(found: &FoundImage) -> impl Iterator<Item = AccountId> {
    found.launch.read().into_iter().flat_map(|shares| shares.accounts.iter().copied())
}

/// Everybody whom the images are shared with, where it is asked about: accounts first, each kind in its order, as EC2's
/// own is any.
///
/// An account that owns one of the keys is added only where it is named.
///
/// # Errors
/// Whom an image is shared with could not be read; or those of one image would get the keys of another one.
pub(super) fn grantees(
    chain: &Chain,
    asked: &UnresolvedRequest,
) -> Result<BTreeSet<GranteeRef>, LaunchError> {
    if !chain.shared {
        return Ok(BTreeSet::new());
    }
    let own: BTreeSet<AccountId> = asked.keys.iter().filter_map(KeyRef::account).collect();
    let mut launches = BTreeSet::new();
    for found in &chain.images {
        let keys = found.snapshots.iter().filter_map(|found| found.snapshot.as_ref()?.key.clone());
        let keys = keys.filter(|key| key.region == chain.region).map(KeyRef::Arn);
        // Nothing is settled where it is not known who uses an image.
        let Some(named) = named_by(found, &own)? else { return Ok(BTreeSet::new()) };
        launches.insert((named, keys.collect::<BTreeSet<_>>()));
    }
    let everybody = launches.iter().flat_map(|(grantees, _)| grantees.iter().cloned()).collect();
    // A template's own keys are for the account that launches by it.
    let owners = chain.named_keys().map(|(account, _)| GranteeRef::Account(account));
    let (owners, named): (BTreeSet<_>, _) = (owners.collect(), sources::named_keys(chain)?);
    if !named.is_empty() {
        launches.insert((owners, named.into_iter().collect()));
    }
    if is_each_of_each(&launches) { Ok(everybody) } else { Err(LaunchError::UnrelatedShares) }
}

/// Nobody where no report tells who uses the image.
fn named_by(
    found: &FoundImage,
    own: &BTreeSet<AccountId>,
) -> Result<Option<BTreeSet<GranteeRef>>, LaunchError> {
    let Image { id, owner, .. } = &found.image;
    let shares = match &found.launch {
        Reading::Read(shares) => shares,
        Reading::Unread(reason) => {
            return Err(LaunchError::SharesUnread {
                image: id.clone(),
                owner: *owner,
                reason: reason.clone(),
            });
        }
    };
    let accounts: Vec<AccountId> = match &found.usage {
        None => shares.accounts.clone(),
        Some(Reading::Read(Usage::Reported(report))) => Users::of(*owner, shares, report).let_in,
        Some(Reading::Read(Usage::Unreported(_))) => return Ok(None),
        Some(Reading::Unread(reason)) => {
            return Err(LaunchError::UsageUnread {
                image: id.clone(),
                owner: *owner,
                reason: reason.clone(),
            });
        }
    };
    let members = members(shares).filter(|_| found.usage.is_none());
    let members =
        members.map(|(members, partition)| GranteeRef::Members { members, partition: Some(partition) });
    let accounts = accounts.into_iter().filter(|account| !own.contains(account));
    Ok(Some(accounts.map(GranteeRef::Account).chain(members).collect()))
}

/// The organizations and OUs that an image is shared with.
pub(super) fn members(shares: &Shares) -> impl Iterator<Item = (Members, Partition)> {
    shares.organizations.iter().filter_map(|arn| Members::of_arn(arn).ok())
}

/// The accounts that an image is shared with and those that use it, each list in its order.
pub(super) struct Users {
    /// Those that use it and that it is shared with by their ids.
    pub(super) let_in: Vec<AccountId>,
    /// Those that are named and don't use it.
    pub(super) idle: Vec<AccountId>,
    /// Those that use it, and nothing names them. They may be of an organization that it is shared with, or may only have
    /// been when they launched it, so they are not let in for that.
    pub(super) unshared: Vec<AccountId>,
}

impl Users {
    pub(super) fn of(owner: AccountId, shares: &Shares, report: &UsageReport) -> Self {
        let named: BTreeSet<AccountId> = shares.accounts.iter().copied().collect();
        let users: BTreeSet<AccountId> =
            report.accounts.keys().copied().filter(|own| *own != owner).collect();
        let (let_in, unshared) = users.iter().copied().partition(|account| named.contains(account));
        Self { let_in, idle: named.difference(&users).copied().collect(), unshared }
    }
}
