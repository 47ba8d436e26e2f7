//! Those whom the images are shared with, as grantees.

use std::collections::BTreeSet;

use super::launcher::is_each_of_each;
use super::{LaunchError, sources};
use crate::access::chain::{Chain, FoundImage};
use crate::access::{GranteeRef, KeyRef, UnresolvedRequest};
use crate::arn::{AccountId, Members};
use crate::observation::Reading;
use crate::observation::ec2::{Image, Shares};

/// The accounts that an image is shared with one by one, as far as that was read.
pub(super) fn accounts(found: &FoundImage) -> impl Iterator<Item = AccountId> {
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
        launches.insert((named_by(found, &own)?, keys.collect::<BTreeSet<_>>()));
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

fn named_by(found: &FoundImage, own: &BTreeSet<AccountId>) -> Result<BTreeSet<GranteeRef>, LaunchError> {
    let Shares { accounts, organizations, .. } = match &found.launch {
        Reading::Read(shares) => shares,
        Reading::Unread(reason) => {
            let Image { id, owner, .. } = &found.image;
            return Err(LaunchError::SharesUnread {
                image: id.clone(),
                owner: *owner,
                reason: reason.clone(),
            });
        }
    };
    let accounts = accounts.iter().filter(|account| !own.contains(account));
    let members = organizations.iter().filter_map(|arn| Members::of_arn(arn).ok());
    let members =
        members.map(|(members, partition)| GranteeRef::Members { members, partition: Some(partition) });
    Ok(accounts.map(|account| GranteeRef::Account(*account)).chain(members).collect())
}
