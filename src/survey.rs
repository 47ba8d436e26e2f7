//! All that is shared: accounts and regions are gone through, the encrypted images that each owns are found, whom each is
//! shared with, and whether they can launch it, by the evaluation that `keymend check --shared` makes of one image.
//!
//! Nothing is written. One account at a time is held in memory as it was read; what is kept of it is compact. Whatever
//! can't be read ends nothing but itself and is told: an answer that failed is never taken for an empty one.

mod conclude;
mod credentials;
mod images;
mod intern;
mod requesters;

use std::cell::RefCell;

use futures_util::stream::{self, StreamExt as _};

use crate::arn::AccountId;
use crate::cloud::ec2::{ObserveEc2, Viewpoint};
use crate::cloud::{CloudError, Observe};
use crate::plan::survey::{Gap, GapReason, Survey, SurveyedPlace};

use credentials::{Credentials, in_short, reason};
use intern::Interned;
use requesters::Requesters;

/// So many accounts are gone through at the same time.
const ACCOUNTS: usize = 4;

/// So many reads of one account are made at the same time.
const READS: usize = 16;

/// What is gone through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The accounts, in the order in which they are told of.
    pub accounts: Vec<AccountId>,
    /// The regions of each.
    pub regions: Vec<String>,
}

/// Goes through accounts and regions.
pub async fn survey(scope: &Scope, cloud: &(impl Observe + ObserveEc2)) -> Survey {
    let walk = Walk {
        cloud,
        credentials: Credentials::default(),
        requesters: Requesters::default(),
        gaps: RefCell::default(),
        interned: RefCell::default(),
    };
    let mut found = Survey::default();
    let mut parts = stream::iter(&scope.accounts)
        .map(|account| walk.account(*account, &scope.regions))
        .buffered(ACCOUNTS);
    while let Some(part) = parts.next().await {
        found.append(part);
    }
    drop(parts);
    let mut gaps = walk.gaps.into_inner();
    gaps.sort();
    gaps.dedup();
    found.gaps.extend(gaps);
    found.unseen = walk.requesters.into_unseen();
    found
}

struct Walk<'c, C> {
    cloud: &'c C,
    credentials: Credentials,
    requesters: Requesters,
    /// What could not be read of accounts that images are shared with.
    gaps: RefCell<Vec<Gap>>,
    interned: RefCell<Interned>,
}

impl<C: Observe + ObserveEc2> Walk<'_, C> {
    async fn account(&self, account: AccountId, regions: &[String]) -> Survey {
        let mut part = Survey::default();
        let caller = match self.credentials.of(account, self.cloud).await {
            Ok(caller) => caller,
            Err(refused) => {
                let (reason, message) = (refused.reason, refused.message);
                part.gaps.push(Gap { account, region: None, resource: None, reason, message });
                return part;
            }
        };
        for region in regions {
            let from = Viewpoint { account: Some(account), region: Some(region.clone()) };
            let images = match self.cloud.images_owned(&from).await {
                Ok(images) => images,
                Err(error) => {
                    part.gaps.push(of_place(account, region, &error));
                    continue;
                }
            };
            let encrypted = images.len();
            let (found, gaps) = self.shared_images(&from, images).await;
            let (region, shared, caller) = (region.clone(), found.len(), caller.arn.clone());
            part.places.push(SurveyedPlace { account, region, encrypted, shared, caller });
            part.gaps.extend(gaps);
            self.conclude(&from, &found, &mut part).await;
        }
        part
    }
}

/// An account's region of which nothing could be listed. Of credentials that STS knows, EC2 says in a region that is not
/// enabled for their account that they are none.
///
/// <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>
fn of_place(account: AccountId, region: &str, error: &CloudError) -> Gap {
    const UNKNOWN_THERE: [&str; 4] =
        ["AuthFailure", "OptInRequired", "InvalidClientTokenId", "UnrecognizedClientException"];
    let is_unknown = error.code.as_deref().is_some_and(|code| UNKNOWN_THERE.contains(&code));
    let (reason, message) = match reason(error) {
        GapReason::Other if is_unknown => (
            GapReason::RegionNotEnabled,
            format!("the region seems not to be enabled for the account: {}", in_short(error)),
        ),
        other => (other, in_short(error)),
    };
    Gap { account, region: Some(region.to_owned()), resource: None, reason, message }
}

/// A thing in an account's region that could not be read.
fn of_resource(account: AccountId, region: &str, resource: &dyn ToString, error: &CloudError) -> Gap {
    Gap {
        account,
        region: Some(region.to_owned()),
        resource: Some(resource.to_string()),
        reason: reason(error),
        message: in_short(error),
    }
}
