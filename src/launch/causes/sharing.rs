//! Why less is let in than the images' launch permissions say.

use crate::access::chain::{Chain, FoundImage};
use crate::access::{Grantee, Request};
use crate::arn::{AccountId, Members};
use crate::launch::sharing::{Users, members};
use crate::observation::Reading;
use crate::observation::ec2::{Image, Shares};
use crate::observation::usage::Usage;
use crate::plan::Finding;
use crate::plan::finding::{Placed, SharingFinding};

/// What is to be said of them, where those whom the images are shared with are asked about.
pub(in crate::launch) fn of(chain: &Chain, request: &Request) -> Vec<Finding> {
    let images = chain.images.iter().filter(|_| chain.shared);
    images.flat_map(|found| of_image(found, &chain.region, request)).collect()
}

fn of_image(found: &FoundImage, region: &str, request: &Request) -> Vec<Finding> {
    let Some(shares) = found.launch.read() else { return Vec::new() };
    let image = &found.image;
    let mut kinds = Vec::new();
    if shares.all || image.is_public {
        kinds.push(SharingFinding::Public);
    } else if *shares == Shares::default() {
        let placed = Placed::new(region, &image.id);
        kinds.push(SharingFinding::Nobody { image: placed, owner: image.owner });
    }
    kinds.extend(found.usage.as_ref().map_or_else(Vec::new, |usage| of_usage(usage, shares, image, region)));
    let strange = shares.organizations.iter().filter(|arn| Members::of_arn(arn).is_err());
    let strange: Vec<String> = strange.chain(&shares.unknown).cloned().collect();
    if !strange.is_empty() {
        kinds.push(SharingFinding::Newer { shares: strange });
    }
    let is_left_out = |account: &AccountId| {
        let is_it = |grantee: &Grantee| matches!(grantee, Grantee::Account { id, .. } if id == account);
        request.keys.iter().any(|key| key.account == *account) && !request.grantees.iter().any(is_it)
    };
    let left_out = shares.accounts.iter().copied().filter(is_left_out);
    kinds.extend(left_out.map(|account| SharingFinding::KeyAccount { account }));
    kinds.into_iter().map(|kind| Finding::new(&image.id, kind)).collect()
}

/// Who is let in for using an image, and who is not.
fn of_usage(usage: &Reading<Usage>, shares: &Shares, image: &Image, region: &str) -> Vec<SharingFinding> {
    let report = match usage.read() {
        Some(Usage::Reported(report)) => report,
        Some(Usage::Unreported(none)) => {
            let (none, placed) = (*none, Placed::new(region, &image.id));
            return vec![SharingFinding::Unreported { image: placed, owner: image.owner, none }];
        }
        None => return Vec::new(),
    };
    let Users { let_in, idle, unshared } = Users::of(image.owner, shares, report);
    let members: Vec<Members> = members(shares).map(|(members, _)| members).collect();
    let reported = SharingFinding::Reported { report: report.id.clone(), age: report.age, users: let_in };
    let idle = (!idle.is_empty()).then_some(SharingFinding::Idle { accounts: idle });
    let unshared = (!unshared.is_empty()).then_some(if members.is_empty() {
        SharingFinding::Unshared { accounts: unshared }
    } else {
        SharingFinding::PerhapsMembers { accounts: unshared, members }
    });
    [Some(reported), idle, unshared].into_iter().flatten().collect()
}
