//! The images of a place that are encrypted and shared, with all that a launch of them depends on.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _};

use super::{READS, Walk, of_resource};
use crate::access::chain::{FoundImage, FoundSnapshot};
use crate::arn::AccountId;
use crate::cloud::ec2::{ObserveEc2, Viewpoint};
use crate::cloud::{CloudError, Observe};
use crate::launch::accounts_shared_with;
use crate::observation::Reading;
use crate::observation::ec2::{Image, Shares};
use crate::plan::survey::Gap;

/// An image that is shared, and which of the accounts that it is shared with see it.
pub(super) struct Shared {
    pub(super) found: FoundImage,
    pub(super) sees: BTreeMap<AccountId, Reading<bool>>,
}

impl<C: Observe + ObserveEc2> Walk<'_, C> {
    /// Those that are shared, and what of them could not be read.
    pub(super) async fn shared_images(
        &self,
        from: &Viewpoint,
        images: Vec<Image>,
    ) -> (Vec<Shared>, Vec<Gap>) {
        let read = stream::iter(images).map(async |image| {
            let found = self.shared_image(from, &image).await;
            found.map_err(|error| (image, error))
        });
        let read: Vec<_> = read.buffered(READS).collect().await;
        let (mut shared, mut gaps) = (Vec::new(), Vec::new());
        for one in read {
            match one {
                Ok(found) => shared.extend(found),
                Err((image, error)) => {
                    gaps.push(of_resource(
                        image.owner,
                        from.region.as_deref().unwrap_or_default(),
                        &image.id,
                        &error,
                    ));
                }
            }
        }
        self.look_at_requesters(from, &mut shared).await;
        (shared, gaps)
    }

    /// Nothing where it is shared with nobody, or nothing of it is encrypted.
    async fn shared_image(&self, from: &Viewpoint, image: &Image) -> Result<Option<Shared>, CloudError> {
        let shares = self.cloud.launch_permissions(from, &image.id).await?;
        if shares == Shares::default() && !image.is_public {
            return Ok(None);
        }
        let mut snapshots = Vec::new();
        for id in &image.snapshots {
            let snapshot = self.cloud.snapshot(from, id).await?;
            // A launch needs no leave to make volumes of them.
            snapshots.push(FoundSnapshot { id: id.clone(), snapshot, shares: Reading::default() });
        }
        let is_plain =
            |found: &FoundSnapshot| found.snapshot.as_ref().is_some_and(|snapshot| !snapshot.is_encrypted);
        if snapshots.iter().all(is_plain) {
            return Ok(None);
        }
        let launch = Reading::Read(shares);
        let found = FoundImage { image: image.clone(), launch, usage: None, snapshots };
        Ok(Some(Shared { found, sees: BTreeMap::new() }))
    }

    /// What the accounts that images are shared with have set for themselves, and which of the images they see.
    async fn look_at_requesters(&self, from: &Viewpoint, shared: &mut [Shared]) {
        let region = from.region.as_deref().unwrap_or_default();
        let accounts: BTreeSet<AccountId> =
            shared.iter().flat_map(|shared| accounts_shared_with(&shared.found)).collect();
        let read = stream::iter(accounts).map(|account| self.settings(account, region));
        let () = read.buffered(READS).collect().await;
        for Shared { found, sees } in shared {
            let own = found.image.owner;
            let others: Vec<AccountId> =
                accounts_shared_with(found).filter(|account| *account != own).collect();
            let read = stream::iter(others).map(async |account| {
                self.sees(account, region, &found.image.id).await.map(|seen| (account, seen))
            });
            let read: Vec<_> = read.buffered(READS).collect().await;
            sees.extend(read.into_iter().flatten());
        }
    }
}
