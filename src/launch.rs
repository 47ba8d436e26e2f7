//! From what somebody has, an instance that would not start or the image it was launched from, to the keys and those
//! who need them; and every cause that is not a policy.

mod allowed_images;
mod callers;
pub mod causes;
mod denial;
mod error;
mod launcher;
mod records;
mod sharing;
mod sources;
mod state_reason;
mod targets;
pub mod trail;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::StreamExt as _;
use tokio::try_join;

use crate::access::assessment::needed_actions;
use crate::access::chain::{Chain, FoundImage, FoundSnapshot, Refusal, Requester, told_keys};
use crate::access::inquiry::who_called;
use crate::access::{GranteeRef, KeyRef, Purpose, UnresolvedRequest};
use crate::arn::AccountId;
use crate::cloud::abreast::{abreast, all_abreast};
use crate::cloud::ec2::{ObserveEc2, Viewpoint};
use crate::cloud::{CloudError, CloudErrorKind, Observe};
use crate::observation::ec2::{Image, Instance, Volume};
use crate::observation::{Reading, UnreadReason};

pub use error::LaunchError;
use launcher::{is_each_of_each, launches, starts, who_launched, who_starts};
pub use sharing::accounts as accounts_shared_with;
pub use targets::Targets;

/// Follows the way from what somebody has to the keys, and looks at everything else that a launch depends on.
///
/// # Errors
/// Something is not found; a read fails that can't be done without; or no key can be told.
pub async fn trace(
    targets: &Targets,
    asked: &UnresolvedRequest,
    cloud: &(impl Observe + ObserveEc2),
) -> Result<Chain, LaunchError> {
    let region = targets.region.clone().or_else(|| cloud.region());
    let search = Search {
        cloud,
        from: Viewpoint { account: None, region },
        others: others(targets, asked, cloud.accounts()?),
        asked,
    };
    // Whose credentials serve the others is asked meanwhile.
    let (instances, images, volumes, (groups, templates), ()) = try_join!(
        all_abreast(targets.instances.iter().map(|id| search.instance(id))),
        all_abreast(targets.images.iter().map(|id| search.image(id))),
        all_abreast(targets.volumes.iter().map(|id| search.volume(id))),
        search.launched_by(targets),
        search.get_to_know(),
    )?;
    let purpose = purpose(targets, asked.purpose, &instances)?;
    let is_launch = purpose == Purpose::Launch;
    let region = search.region();
    if asked.grantees.is_empty() && is_launch && !is_each_of_each(&launches(&instances, &groups, &region)) {
        return Err(LaunchError::Unrelated);
    }
    // Whatever an instance was launched from, it starts with the volumes that it has.
    let launched = instances.iter().filter(|_| is_launch);
    let more_images = missing_ids(launched.map(|instance| &instance.image), &targets.images);
    let told: BTreeSet<&String> = more_images.iter().copied().chain(&targets.images).collect();
    let by_templates =
        sources::images(&templates, &groups).filter(|id| !told.contains(id)).collect::<BTreeSet<_>>();
    let more_snapshots = missing_ids(sources::snapshots(&templates), &targets.snapshots);
    let more_volumes = missing_ids(instances.iter().flat_map(|instance| &instance.volumes), &targets.volumes);
    let (more_images, more_volumes) = try_join!(
        all_abreast(more_images.union(&by_templates).map(|id| search.image(id))),
        all_abreast(more_volumes.iter().map(|id| search.volume_of_instance(id, purpose))),
    )?;
    let images: Vec<(Viewpoint, Image)> = images.into_iter().chain(more_images).collect();
    let volumes: Vec<Volume> = volumes.into_iter().chain(more_volumes.into_iter().flatten()).collect();
    if asked.grantees.is_empty() && !is_launch && !is_each_of_each(&starts(&instances, &volumes, &region)) {
        return Err(LaunchError::UnrelatedStarts);
    }
    let mut accounts =
        if is_launch { launching_accounts(targets, asked, &instances) } else { BTreeSet::new() };
    accounts.extend(groups.iter().filter(|_| is_launch).map(|group| group.owner));
    let snapshots = targets.snapshots.iter().chain(more_snapshots.iter().copied());
    let ((images, requesters), snapshots) = try_join!(
        search.found_images(&images, accounts, targets),
        all_abreast(snapshots.map(|id| search.named_snapshot(id))),
    )?;
    let chain = Chain {
        region,
        purpose,
        instances,
        images,
        snapshots,
        volumes,
        by_templates: by_templates.into_iter().chain(more_snapshots).cloned().collect(),
        groups,
        templates,
        refusals: targets.refusals.clone(),
        strangers: targets.strangers.clone(),
        notices: targets.notices.clone(),
        derived_accounts: Some(BTreeSet::new()),
        requesters,
        shared: targets.shared,
        elsewhere: Vec::new(),
    };
    let unseen = chain.all_snapshots().find(|found| found.snapshot.is_none());
    match unseen {
        Some(unseen) if chain.keys().is_empty() && asked.keys.is_empty() => Err(LaunchError::NoKey {
            snapshot: unseen.id.clone(),
            owner: chain.images.first().map(|found| found.image.owner),
        }),
        _ => Ok(chain),
    }
}

/// What the grantees must be able to do: what was said; else to start instances where all of them are stopped and
/// nothing else that was given is for a launch.
fn purpose(targets: &Targets, said: Option<Purpose>, instances: &[Instance]) -> Result<Purpose, LaunchError> {
    let stopped = instances.iter().find(|instance| instance.is_stopped());
    let gone = instances.iter().find(|instance| instance.is_gone());
    match (said, stopped, gone) {
        (Some(Purpose::Start), _, Some(gone)) => {
            Err(LaunchError::NeverStarts { instance: gone.id.clone(), state: gone.state.clone() })
        }
        (Some(said), ..) => Ok(said),
        (None, None, _) => Ok(Purpose::Launch),
        (None, Some(stopped), _) => match launched_besides(targets, instances) {
            Some(other) => Err(LaunchError::Mixed { instance: stopped.id.clone(), other }),
            None => Ok(Purpose::Start),
        },
    }
}

/// What tells of a launch beside a stopped instance, as the rest of a sentence.
fn launched_besides(targets: &Targets, instances: &[Instance]) -> Option<String> {
    let other = instances.iter().find(|instance| !instance.is_stopped());
    let other = other.map(|instance| format!("the instance `{}` is {}", instance.id, instance.state));
    let source = || targets.images.iter().chain(&targets.snapshots).next();
    let needs_more = |refusal: &&Refusal| {
        !needed_actions(Purpose::Start).iter().any(|action| action.to_string() == refusal.action)
    };
    let refused = || targets.refusals.iter().find(needs_more);
    let template = || {
        targets.templates.first().map(|template| format!("`{template}` is what instances are launched by"))
    };
    let group = || targets.groups.first().map(|group| format!("the Auto Scaling group `{group}` launches"));
    other
        .or_else(template)
        .or_else(group)
        .or_else(|| source().map(|id| format!("`{id}` is what instances are launched from")))
        .or_else(|| refused().map(|refusal| format!("{} was refused, which no start needs", refusal.action)))
}

/// Adds what the chain tells to what was asked for: keys, default keys of those who launch, those whom the images are
/// shared with where they are asked for, and where nobody was named, who launched or starts. A key that was named for another region is not what the image's snapshots are encrypted under, and
/// goes.
///
/// # Errors
/// A call was refused for a key that nothing tells; or whom the images are shared with is asked and not known.
pub fn complete(asked: &mut UnresolvedRequest, chain: &mut Chain) -> Result<(), LaunchError> {
    let is_elsewhere = |key: &KeyRef| key.region().is_some_and(|region| region != chain.region);
    if chain.is_in_a_region() {
        let elsewhere = asked.keys.extract_if(.., |key| is_elsewhere(key));
        chain.elsewhere = elsewhere.map(|key| key.to_string()).collect();
    }
    let found = chain.keys().into_iter().cloned().map(KeyRef::Arn).collect::<Vec<_>>();
    for key in found.into_iter().chain(sources::named_keys(chain)?) {
        if !asked.keys.contains(&key) {
            asked.keys.push(key);
        }
    }
    let refused = chain.refusals.iter().map(|refusal| refusal.principal.clone());
    let nobody_named = chain.instances.iter().filter(|_| asked.grantees.is_empty());
    let noticed = chain.notices.iter().filter(|_| asked.grantees.is_empty());
    let noticed = noticed.filter_map(|notice| notice.launcher.clone());
    let launched: Vec<GranteeRef> = match chain.purpose {
        Purpose::Launch => {
            let groups = chain.groups.iter().filter(|_| asked.grantees.is_empty());
            let of_groups = groups.map(|group| GranteeRef::Entity(group.role.clone()));
            nobody_named.map(who_launched(&chain.region)).chain(of_groups).chain(noticed).collect()
        }
        Purpose::Start => nobody_named.filter_map(who_starts(&chain.region)).chain(noticed).collect(),
    };
    asked.purpose = Some(chain.purpose);
    for grantee in refused.chain(launched) {
        if let (GranteeRef::Account(account), Some(derived)) = (&grantee, &mut chain.derived_accounts) {
            derived.insert(*account);
        }
        if !asked.grantees.contains(&grantee) {
            asked.grantees.push(grantee);
        }
    }
    for grantee in sharing::grantees(chain, asked)? {
        if !asked.grantees.contains(&grantee) {
            asked.grantees.push(grantee);
        }
    }
    let launching: BTreeSet<AccountId> = asked.grantees.iter().filter_map(GranteeRef::account).collect();
    let default_keys = launching.into_iter().filter_map(|account| {
        let key = chain.default_key(account)?.key.parse().ok()?;
        Some((account, key))
    });
    asked.default_keys = default_keys.filter(|(_, key)| !asked.keys.contains(key)).collect();
    let keyless = chain.refusals.iter().find(|refusal| refusal.key.is_none());
    match keyless {
        Some(refusal) if asked.keys.is_empty() && asked.default_keys.is_empty() => {
            Err(LaunchError::KeyUntold { action: refusal.action.clone() })
        }
        _ => Ok(()),
    }
}

/// Who is to be let in has a name: a key's own account is added only where it is named, and an instance names no more
/// than that.
///
/// # Errors
/// Nobody was named, and an instance was launched in the account of its key.
pub fn require_names(named: &[GranteeRef], chain: &Chain) -> Result<(), LaunchError> {
    let is_at_home = |instance: &&Instance| {
        instance.auto_scaling_group.is_none() && chain.keys().iter().any(|key| key.account == instance.owner)
    };
    match chain.instances.iter().find(is_at_home) {
        Some(instance) if named.is_empty() && chain.purpose == Purpose::Launch => Err(LaunchError::Unnamed {
            instance: instance.id.clone(),
            account: instance.owner,
            command: who_called(chain.purpose, &chain.region, &instance.id),
        }),
        _ => Ok(()),
    }
}

/// Whose credentials may see what the default ones don't.
fn others(targets: &Targets, asked: &UnresolvedRequest, served: BTreeSet<AccountId>) -> BTreeSet<AccountId> {
    let of_grantees = asked.grantees.iter().filter_map(GranteeRef::account);
    let of_keys = asked.keys.iter().filter_map(KeyRef::account);
    let refused = targets.refusals.iter().filter_map(|refusal| refusal.principal.account());
    let told = told_keys(&targets.refusals, &targets.strangers, &targets.notices).map(|key| key.account);
    let noticed = targets.notices.iter().filter_map(|notice| notice.launcher.as_ref()?.account());
    of_grantees.chain(of_keys).chain(refused).chain(told).chain(noticed).chain(served).collect()
}

fn launching_accounts(
    targets: &Targets,
    asked: &UnresolvedRequest,
    instances: &[Instance],
) -> BTreeSet<AccountId> {
    let named = asked.grantees.iter().filter_map(GranteeRef::account);
    let refused = targets.refusals.iter().filter_map(|refusal| refusal.principal.account());
    let noticed = targets.notices.iter().filter_map(|notice| notice.launcher.as_ref()?.account());
    named.chain(refused).chain(noticed).chain(instances.iter().map(|instance| instance.owner)).collect()
}

fn missing_ids<'i>(ids: impl Iterator<Item = &'i String>, known: &[String]) -> BTreeSet<&'i String> {
    ids.filter(|id| !id.is_empty() && !known.contains(id)).collect()
}

/// Looks with the default credentials first, then with those of the other accounts.
struct Search<'s, C> {
    cloud: &'s C,
    from: Viewpoint,
    others: BTreeSet<AccountId>,
    asked: &'s UnresolvedRequest,
}

impl<C: Observe + ObserveEc2> Search<'_, C> {
    fn region(&self) -> String {
        self.from.region.clone().unwrap_or_default()
    }

    async fn get_to_know(&self) -> Result<(), LaunchError> {
        let callers = abreast(self.others.iter().map(|account| self.cloud.caller(*account)));
        let callers: Vec<_> = callers.collect().await;
        callers.into_iter().try_for_each(|caller| caller.map(|_| ())).map_err(LaunchError::from)
    }

    /// The first viewpoint from which something shows, and what it is.
    async fn find<T>(
        &self,
        look: impl AsyncFn(Viewpoint) -> Result<Option<T>, CloudError>,
    ) -> Result<Option<(Viewpoint, T)>, LaunchError> {
        let none = match look(self.from.clone()).await {
            Ok(Some(found)) => return Ok(Some((self.from.clone(), found))),
            Ok(None) => None,
            // Profiles by account may be all there is.
            Err(error) if error.kind == CloudErrorKind::NoCredentials => Some(error),
            Err(error) => return Err(error.into()),
        };
        let mut has_looked = none.is_none();
        let default = self.cloud.default_caller().await.map(|caller| caller.account).ok();
        for account in self.others.iter().filter(|account| Some(**account) != default) {
            if self.cloud.caller(*account).await?.is_none() {
                continue;
            }
            has_looked = true;
            let from = self.from.of(*account);
            if let Some(found) = look(from.clone()).await? {
                return Ok(Some((from, found)));
            }
        }
        none.filter(|_| !has_looked).map_or(Ok(None), |error| Err(error.into()))
    }

    fn not_found(&self, what: &'static str, id: &str) -> LaunchError {
        let region = self.region();
        let named = self.asked.keys.iter().filter_map(KeyRef::region);
        let other_region = named.filter(|own| *own != region).map(str::to_owned).next();
        LaunchError::NotFound { what, id: id.to_owned(), region, other_region }
    }

    async fn instance(&self, id: &str) -> Result<Instance, LaunchError> {
        let found = self.find(async |from| self.cloud.instance(&from, id).await).await?;
        found.map(|(_, instance)| instance).ok_or_else(|| self.not_found("instance", id))
    }

    async fn image(&self, id: &str) -> Result<(Viewpoint, Image), LaunchError> {
        let found = self.find(async |from| self.cloud.image(&from, id).await).await?;
        found.ok_or_else(|| self.not_found("image", id))
    }

    async fn volume(&self, id: &str) -> Result<Volume, LaunchError> {
        let found = self.find(async |from| self.cloud.volume(&from, id).await).await?;
        found.map(|(_, volume)| volume).ok_or_else(|| self.not_found("volume", id))
    }

    /// A volume that was attached to what was launched may be gone by now; one that an instance starts with is there.
    async fn volume_of_instance(&self, id: &str, purpose: Purpose) -> Result<Option<Volume>, LaunchError> {
        match purpose {
            Purpose::Launch => {
                let found = self.find(async |from| self.cloud.volume(&from, id).await).await?;
                Ok(found.map(|(_, volume)| volume))
            }
            Purpose::Start => self.volume(id).await.map(Some),
        }
    }

    async fn named_snapshot(&self, id: &str) -> Result<FoundSnapshot, LaunchError> {
        let found = self.find(async |from| self.cloud.snapshot(&from, id).await).await?;
        let (_, snapshot) = found.ok_or_else(|| self.not_found("snapshot", id))?;
        let shares =
            self.as_account(snapshot.owner, async |owner| self.cloud.volume_permissions(&owner, id).await);
        Ok(FoundSnapshot { id: id.to_owned(), shares: shares.await?, snapshot: Some(snapshot) })
    }

    /// The images, and the accounts that launch: those that are known, and where it is asked about, those that the images
    /// are shared with.
    async fn found_images(
        &self,
        images: &[(Viewpoint, Image)],
        accounts: BTreeSet<AccountId>,
        Targets { shared, in_use, .. }: &Targets,
    ) -> Result<(Vec<FoundImage>, BTreeMap<AccountId, Requester>), LaunchError> {
        let requesters = async |accounts: BTreeSet<AccountId>| {
            all_abreast(accounts.into_iter().map(|account| self.requester(account, images))).await
        };
        let found = all_abreast(images.iter().map(|(from, image)| self.found_image(from, image, *in_use)));
        let (found, known) = try_join!(found, requesters(accounts.clone()))?;
        let more = found.iter().filter(|_| *shared).flat_map(sharing::accounts);
        let more = requesters(more.filter(|account| !accounts.contains(account)).collect()).await?;
        Ok((found, known.into_iter().chain(more).collect()))
    }

    /// The image's snapshots as its owner sees them, else as whoever saw the image.
    async fn found_image(
        &self,
        from: &Viewpoint,
        image: &Image,
        in_use: bool,
    ) -> Result<FoundImage, LaunchError> {
        let from = match self.cloud.caller(image.owner).await? {
            Some(_) => self.from.of(image.owner),
            None => from.clone(),
        };
        let usage = async {
            let read = async |owner| self.cloud.image_usage(&owner, &image.id).await;
            if in_use { self.as_account(image.owner, read).await.map(Some) } else { Ok(None) }
        };
        let (usage, launch, snapshots) = try_join!(
            usage,
            self.as_account(image.owner, async |owner| self
                .cloud
                .launch_permissions(&owner, &image.id)
                .await),
            all_abreast(image.snapshots.iter().map(|id| self.snapshot_of(&from, image, id))),
        )?;
        Ok(FoundImage { image: image.clone(), launch, usage, snapshots })
    }

    async fn snapshot_of(
        &self,
        from: &Viewpoint,
        image: &Image,
        id: &str,
    ) -> Result<FoundSnapshot, LaunchError> {
        // An image's snapshots belong to its owner, so both reads can go side by side.
        let shares =
            self.as_account(image.owner, async |owner| self.cloud.volume_permissions(&owner, id).await);
        let snapshot = async { self.cloud.snapshot(from, id).await.map_err(LaunchError::from) };
        let (snapshot, shares) = try_join!(snapshot, shares)?;
        Ok(FoundSnapshot { id: id.to_owned(), snapshot, shares })
    }

    async fn requester(
        &self,
        account: AccountId,
        images: &[(Viewpoint, Image)],
    ) -> Result<(AccountId, Requester), LaunchError> {
        let foreign = images.iter().filter(|(_, image)| image.owner != account);
        let sees = all_abreast(foreign.map(async |(_, image)| {
            let look =
                async |from: Viewpoint| self.cloud.image(&from, &image.id).await.map(|seen| seen.is_some());
            self.as_account(account, look).await.map(|seen| (image.id.clone(), seen))
        }));
        let (ebs, allowed_images, sees) = try_join!(
            self.as_account(account, async |from| self.cloud.ebs_defaults(&from).await),
            self.as_account(account, async |from| self.cloud.allowed_images(&from).await),
            sees,
        )?;
        Ok((account, Requester { ebs, allowed_images, sees: sees.into_iter().collect::<BTreeMap<_, _>>() }))
    }

    /// A read that is worth having and can be done without: it may be refused, or there may be nobody to make it.
    async fn as_account<T>(
        &self,
        account: AccountId,
        read: impl AsyncFn(Viewpoint) -> Result<T, CloudError>,
    ) -> Result<Reading<T>, LaunchError> {
        if self.cloud.caller(account).await?.is_none() {
            return Ok(Reading::Unread(UnreadReason::NoCredentials(account)));
        }
        match read(self.from.of(account)).await {
            Ok(value) => Ok(Reading::Read(value)),
            Err(error) if matches!(error.kind, CloudErrorKind::AccessDenied | CloudErrorKind::Other) => {
                Ok(Reading::Unread(UnreadReason::Other(error.to_string())))
            }
            Err(error) => Err(error.into()),
        }
    }
}
