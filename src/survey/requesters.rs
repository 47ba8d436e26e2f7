//! What accounts that images are shared with have set for themselves, read once for each region, where credentials serve
//! them. A launch is judged without it, too; what could not be read is told.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use tokio::join;
use tokio::sync::OnceCell;

use super::Walk;
use super::credentials::{in_short, reason};
use crate::access::chain::Requester;
use crate::arn::AccountId;
use crate::cloud::ec2::{ObserveEc2, Viewpoint};
use crate::cloud::{CloudError, Observe};
use crate::observation::{Reading, UnreadReason};
use crate::plan::survey::{Gap, GapReason};

/// What is read once, whoever else waits for it.
type Asked = Rc<OnceCell<Requester>>;

/// The settings that were read, by account and region.
#[derive(Debug, Default)]
pub(super) struct Requesters {
    read: RefCell<BTreeMap<(AccountId, String), Asked>>,
    unseen: RefCell<BTreeSet<AccountId>>,
}

impl Requesters {
    /// What is known of an account by now.
    pub(super) fn known(&self, account: AccountId, region: &str) -> Option<Requester> {
        let read = self.read.borrow();
        read.get(&(account, region.to_owned())).and_then(|cell| cell.get()).cloned()
    }

    /// The accounts that no credentials serve.
    pub(super) fn into_unseen(self) -> BTreeSet<AccountId> {
        self.unseen.into_inner()
    }
}

impl<C: Observe + ObserveEc2> Walk<'_, C> {
    /// Reads what an account has set for itself in a region, unless that is known.
    pub(super) async fn settings(&self, account: AccountId, region: &str) {
        let cell = {
            let mut read = self.requesters.read.borrow_mut();
            Rc::clone(read.entry((account, region.to_owned())).or_default())
        };
        cell.get_or_init(|| self.read_settings(account, region)).await;
    }

    async fn read_settings(&self, account: AccountId, region: &str) -> Requester {
        if let Err(refused) = self.credentials.of(account, self.cloud).await {
            let reason = UnreadReason::NoCredentials(account);
            if refused.reason == GapReason::NoCredentials {
                self.requesters.unseen.borrow_mut().insert(account);
            } else {
                let (reason, message) = (refused.reason, refused.message);
                let gap = Gap { account, region: None, resource: None, reason, message };
                self.gaps.borrow_mut().push(gap);
            }
            let (ebs, allowed_images) = (Reading::Unread(reason.clone()), Reading::Unread(reason));
            return Requester { ebs, allowed_images, sees: BTreeMap::new() };
        }
        let from = Viewpoint { account: Some(account), region: Some(region.to_owned()) };
        let (ebs, allowed_images) = join!(self.cloud.ebs_defaults(&from), self.cloud.allowed_images(&from));
        Requester {
            ebs: self.worth_having(account, region, "its default EBS key", ebs),
            allowed_images: self.worth_having(account, region, "its Allowed AMIs setting", allowed_images),
            sees: BTreeMap::new(),
        }
    }

    /// Whether an account sees an image of another one; nothing where no credentials serve it.
    pub(super) async fn sees(&self, account: AccountId, region: &str, image: &str) -> Option<Reading<bool>> {
        self.credentials.of(account, self.cloud).await.ok()?;
        let from = Viewpoint { account: Some(account), region: Some(region.to_owned()) };
        let seen = self.cloud.image(&from, image).await.map(|seen| seen.is_some());
        Some(self.worth_having(account, region, image, seen))
    }

    fn worth_having<T>(
        &self,
        account: AccountId,
        region: &str,
        what: &str,
        read: Result<T, CloudError>,
    ) -> Reading<T> {
        read.map_or_else(
            |error| {
                let message = in_short(&error);
                let (region, resource) = (Some(region.to_owned()), Some(what.to_owned()));
                let gap = Gap { account, region, resource, reason: reason(&error), message: message.clone() };
                self.gaps.borrow_mut().push(gap);
                Reading::Unread(UnreadReason::Other(message))
            },
            Reading::Read,
        )
    }
}
