//! Who can launch the images of a place, as `keymend check --shared` concludes it: the keys of images that have the same
//! are read once, for everybody whom one of the images is shared with.

use std::collections::{BTreeMap, BTreeSet};

use super::images::Shared;
use super::{Walk, of_resource};
use crate::access::assessment::needed_actions;
use crate::access::chain::{Chain, Requester};
use crate::access::evidence::Extras;
use crate::access::{Grantee, GranteeRef, KeyRef, Purpose, Request, UnresolvedRequest};
use crate::arn::{AccountId, Members};
use crate::cloud::Observe;
use crate::cloud::ec2::{ObserveEc2, Viewpoint};
use crate::cloud::observer::{ObserveError, observe};
use crate::launch::{self, causes};
use crate::observation::{Observation, OrganizationPolicies};
use crate::plan::conclusion::{self, Checked, Conclusion, Remedy};
use crate::plan::finding::{FindingKind, SharingFinding};
use crate::plan::survey::{Cause, Gap, GapReason, Pair, Party, SharedImage, Survey};
use crate::render::survey;

/// Images under the same keys.
#[derive(Default)]
struct Alike {
    images: Vec<usize>,
    grantees: BTreeSet<GranteeRef>,
    default_keys: BTreeMap<AccountId, KeyRef>,
}

impl<C: Observe + ObserveEc2> Walk<'_, C> {
    /// Adds the images of a place to what was found, each with what is concluded.
    pub(super) async fn conclude(&self, from: &Viewpoint, shared: &[Shared], part: &mut Survey) {
        let region = from.region.clone().unwrap_or_default();
        let mut alike: BTreeMap<BTreeSet<KeyRef>, Alike> = BTreeMap::new();
        let mut images: Vec<SharedImage> = shared.iter().map(|shared| told(shared, &region)).collect();
        for (index, shared) in shared.iter().enumerate() {
            match self.asked(shared, &region) {
                Ok((asked, _)) => {
                    let group = alike.entry(asked.keys.into_iter().collect()).or_default();
                    group.images.push(index);
                    group.grantees.extend(asked.grantees);
                    group.default_keys.extend(asked.default_keys);
                }
                Err(message) => part.gaps.push(untold(shared, &region, &message)),
            }
        }
        for (keys, group) in alike {
            let asked = UnresolvedRequest {
                keys: keys.into_iter().collect(),
                grantees: group.grantees.into_iter().collect(),
                default_keys: group.default_keys,
                ..nothing_asked()
            };
            let (read, unread) = self.read_keys(&asked, &region).await;
            for index in group.images.iter().filter(|_| !unread.is_empty()) {
                images.get_mut(*index).into_iter().for_each(|image| image.is_in_doubt = true);
            }
            part.gaps.extend(unread);
            for (request, observation) in read {
                let actions = needed_actions(request.purpose);
                let checked = conclusion::check(&request, &observation, &Extras::default(), actions);
                part.not_considered.extend(checked.iter().flat_map(survey::not_considered));
                for index in &group.images {
                    let (Some(shared), Some(image)) = (shared.get(*index), images.get_mut(*index)) else {
                        continue;
                    };
                    let Ok((own, chain)) = self.asked(shared, &region) else { continue };
                    let pairs = self.pairs(&checked, (&own, &chain), &request, &observation);
                    image.pairs.extend(pairs);
                    image.pairs.extend(self.nobody_in_particular(&chain, &request));
                }
            }
        }
        part.images.extend(images);
    }

    /// The question about one image, and what was found on the way to its keys.
    fn asked(&self, shared: &Shared, region: &str) -> Result<(UnresolvedRequest, Chain), String> {
        let accounts = shared.found.launch.read().into_iter().flat_map(|shares| &shares.accounts);
        let requesters = accounts.filter_map(|account| {
            let known = self.requesters.known(*account, region)?;
            let sees = shared.sees.get(account).cloned();
            let sees = sees.map(|seen| (shared.found.image.id.clone(), seen)).into_iter().collect();
            Some((*account, Requester { sees, ..known }))
        });
        let mut chain = Chain {
            region: region.to_owned(),
            purpose: Purpose::Launch,
            requesters: requesters.collect(),
            images: vec![shared.found.clone()],
            derived_accounts: Some(BTreeSet::new()),
            shared: true,
            ..Chain::default()
        };
        let mut asked = nothing_asked();
        launch::complete(&mut asked, &mut chain).map_err(|error| error.to_string())?;
        match (asked.keys.is_empty(), shared.found.snapshots.iter().find(|found| found.snapshot.is_none())) {
            (true, Some(unseen)) => Err(format!("its snapshot {} is not shown to its owner", unseen.id)),
            (true, None) => Err("EC2 tells no key of the region for its snapshots".to_owned()),
            (false, _) => Ok((asked, chain)),
        }
    }

    /// Reads keys together; where something of it fails, one by one, so that what fails is left out alone.
    async fn read_keys(
        &self,
        asked: &UnresolvedRequest,
        region: &str,
    ) -> (Vec<(Request, Observation)>, Vec<Gap>) {
        let organization = OrganizationPolicies::default();
        let error = match observe(asked, &organization, self.cloud).await {
            Ok(read) => return (vec![read], Vec::new()),
            Err(error) => error,
        };
        let one_by_one = one_by_one(asked);
        if let [(key, _)] = one_by_one.as_slice() {
            return (Vec::new(), unread_key(key, region, &error).into_iter().collect());
        }
        let (mut found, mut gaps) = (Vec::new(), Vec::new());
        for (key, alone) in one_by_one {
            match observe(&alone, &organization, self.cloud).await {
                Ok(read) => found.push(read),
                Err(error) => gaps.extend(unread_key(&key, region, &error)),
            }
        }
        (found, gaps)
    }

    /// What is concluded of those whom one image is shared with.
    fn pairs(
        &self,
        checked: &[Checked],
        (own, chain): (&UnresolvedRequest, &Chain),
        request: &Request,
        observation: &Observation,
    ) -> Vec<Pair> {
        let is_of_image = |checked: &&Checked| {
            let key = KeyRef::Arn(checked.assessment.key.clone());
            let grantee = &checked.assessment.grantee;
            let is_default =
                || grantee.account().and_then(|account| own.default_keys.get(&account)) == Some(&key);
            own.grantees.iter().any(|asked| is_meant(asked, grantee))
                && (own.keys.contains(&key) || is_default())
        };
        let concluded = checked.iter().filter(is_of_image).map(|checked| {
            let checked = causes::besides(checked.clone(), chain, request, observation);
            let causes = survey::causes(request, &checked);
            let Checked { assessment, conclusion, remedy, .. } = checked;
            (assessment.key, Party::Grantee(assessment.grantee), conclusion, remedy, causes)
        });
        let mut interned = self.interned.borrow_mut();
        concluded
            .map(|(key, party, conclusion, remedy, causes)| Pair {
                key: interned.key(&key),
                party: interned.party(party),
                conclusion,
                remedy,
                causes: interned.causes(causes),
            })
            .collect()
    }

    /// An image that is shared with everybody, or in a form that nobody knows yet: nobody can tell who launches.
    fn nobody_in_particular(&self, chain: &Chain, request: &Request) -> Vec<Pair> {
        let mut interned = self.interned.borrow_mut();
        let mut pairs = Vec::new();
        for finding in causes::of_sharing(chain, request) {
            let parties = match &finding.kind {
                FindingKind::Sharing(SharingFinding::Public) => vec![Party::Everybody],
                FindingKind::Sharing(SharingFinding::Newer { shares }) => {
                    shares.iter().cloned().map(Party::Newer).collect()
                }
                _ => continue,
            };
            let causes: BTreeSet<Cause> = [survey::cause(&finding)].into();
            for party in parties {
                pairs.extend(request.keys.iter().filter(|key| !request.only_for.contains_key(*key)).map(
                    |key| Pair {
                        key: interned.key(key),
                        party: interned.party(party.clone()),
                        conclusion: Conclusion::Unknown,
                        remedy: Remedy::Nothing,
                        causes: interned.causes(causes.clone()),
                    },
                ));
            }
        }
        pairs
    }
}

/// Each key by itself, for everybody who needs it.
fn one_by_one(asked: &UnresolvedRequest) -> Vec<(KeyRef, UnresolvedRequest)> {
    let nothing = UnresolvedRequest { keys: Vec::new(), default_keys: BTreeMap::new(), ..asked.clone() };
    let keys = asked
        .keys
        .iter()
        .map(|key| (key.clone(), UnresolvedRequest { keys: vec![key.clone()], ..nothing.clone() }));
    let default_keys = asked.default_keys.iter().map(|(account, key)| {
        let default_keys = [(*account, key.clone())].into();
        (key.clone(), UnresolvedRequest { default_keys, ..nothing.clone() })
    });
    keys.chain(default_keys).collect()
}

/// Whether a grantee as it was resolved is the one that was asked for.
fn is_meant(asked: &GranteeRef, grantee: &Grantee) -> bool {
    match (asked, grantee) {
        (GranteeRef::Account(asked), Grantee::Account { id, .. }) => asked == id,
        // Where an OU is may have been looked up.
        (
            GranteeRef::Members { members: Members::Unit(asked), .. },
            Grantee::Members(Members::Unit(unit)),
        ) => asked.organization() == unit.organization() && asked.id() == unit.id(),
        (GranteeRef::Members { members, .. }, Grantee::Members(found)) => members == found,
        _ => false,
    }
}

fn told(shared: &Shared, region: &str) -> SharedImage {
    let image = &shared.found.image;
    SharedImage {
        id: image.id.clone(),
        name: image.name.clone(),
        owner: image.owner,
        region: region.to_owned(),
        is_in_doubt: false,
        pairs: Vec::new(),
    }
}

fn untold(shared: &Shared, region: &str, message: &str) -> Gap {
    let image = &shared.found.image;
    Gap {
        account: image.owner,
        region: Some(region.to_owned()),
        resource: Some(image.id.clone()),
        reason: GapReason::Other,
        message: format!("its key can't be told: {message}"),
    }
}

fn unread_key(key: &KeyRef, region: &str, error: &ObserveError) -> Option<Gap> {
    let account = key.account()?;
    Some(match error {
        ObserveError::Cloud(error) => of_resource(account, region, key, error),
        ObserveError::NoSuchRole(_) | ObserveError::UnreadRole(_) | ObserveError::OtherPartition(_) => Gap {
            account,
            region: Some(region.to_owned()),
            resource: Some(key.to_string()),
            reason: GapReason::Other,
            message: error.to_string(),
        },
    })
}

fn nothing_asked() -> UnresolvedRequest {
    let nothing = UnresolvedRequest::documented(Vec::new(), Vec::new());
    UnresolvedRequest { purpose: Some(Purpose::Launch), ..nothing }
}
