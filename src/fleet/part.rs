//! The part of one account: what is its own is read, and planned for everybody who needs it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};

use super::aside::{aside, until_wanted};
use super::asks::Asks;
use crate::access::chain::Chain;
use crate::access::{Grantee, GranteeRef, KeyRef, Part, PolicyName, Request, Terms, UnresolvedRequest};
use crate::arn::{AccountId, EntityArn, KeyArn};
use crate::cloud::observer::{ObserveError, observe_part};
use crate::cloud::{CloudError, Observe};
use crate::launch::causes;
use crate::observation::OrganizationPolicies;
use crate::plan::Case;

/// How many principals of other accounts are looked up at a time.
const LOOKED_UP: usize = 16;

/// Makes the parts of a fleet, an account at a time.
#[derive(Debug)]
pub struct Parts<'a, C> {
    asks: Arc<Asks>,
    cloud: &'a C,
    /// Whether principals exist that key policies come to name, as far as it was looked up.
    exist: RefCell<BTreeMap<EntityArn, bool>>,
}

impl<'a, C: Observe> Parts<'a, C> {
    /// Parts of what is asked, read from a cloud.
    pub fn new(asks: Arc<Asks>, cloud: &'a C) -> Self {
        Self { asks, cloud, exist: RefCell::default() }
    }

    /// Reads what is an account's own and plans it, and makes of the plan what is wanted of it: only this outlasts the
    /// account's turn, for a plan may be large.
    ///
    /// # Errors
    /// A read fails.
    pub async fn plan<T: Send + 'static>(
        &self,
        account: AccountId,
        make: impl FnOnce(Case) -> T + Send + 'static,
    ) -> Result<T, ObserveError> {
        let (asked, named) = {
            let part = part_of(&self.asks, account);
            (own(&part, self.asks.policy_name(account)), foreign(&part))
        };
        until_wanted().await;
        let missing = self.missing(named).await?;
        // Not kept while others are read: with all its pairs a part is large.
        let asks = Arc::clone(&self.asks);
        read_and_plan(asked, missing, move || part_of(&asks, account), self.cloud, make).await
    }

    /// Those users and roles of other accounts that do not exist: KMS refuses a policy that names them. What can't be
    /// looked up is taken to exist.
    async fn missing(&self, foreign: BTreeSet<EntityArn>) -> Result<BTreeSet<EntityArn>, CloudError> {
        let is_unknown = |entity: &&EntityArn| !self.exist.borrow().contains_key(*entity);
        let unknown: Vec<EntityArn> = foreign.iter().filter(is_unknown).cloned().collect();
        let look_up = async |entity: EntityArn| self.exists(&entity).await.map(|exists| (entity, exists));
        let mut found = stream::iter(unknown.into_iter().map(look_up)).buffer_unordered(LOOKED_UP);
        while let Some(found) = found.next().await {
            let (entity, exists) = found?;
            self.exist.borrow_mut().insert(entity, exists);
        }
        let exist = self.exist.borrow();
        Ok(foreign.into_iter().filter(|entity| exist.get(entity) == Some(&false)).collect())
    }

    async fn exists(&self, entity: &EntityArn) -> Result<bool, CloudError> {
        let found = match self.cloud.caller(entity.account).await {
            Ok(None) => return Ok(true),
            Ok(Some(_)) => self.cloud.entity(entity.account, &entity.entity_name()).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(found) => Ok(found.is_some_and(|found| found.arn == *entity)),
            // Another account's refusal ends nothing here.
            Err(error) if error.may_pass() => Err(error),
            Err(_) => Ok(true),
        }
    }
}

/// Reads what is an account's own once more and plans it, by what an earlier plan of it asked for.
///
/// # Errors
/// A read fails.
pub async fn plan_again(part: &Part, case: &Case, cloud: &impl Observe) -> Result<Case, ObserveError> {
    let terms = part.needing.keys().map(|key| (key.clone(), case.request.terms(key))).collect();
    let part = Part { terms, ..part.clone() };
    let asked = own(&part, case.request.policy_name.clone());
    read_and_plan(asked, case.observation.missing.clone(), move || part, cloud, |case| case).await
}

/// Whether AWS let nothing be looked at that the account's part would write.
pub fn is_unseen(case: &Case) -> bool {
    let Case { request: Request { keys, grantees, part: Some(part), .. }, observation, .. } = case else {
        return false;
    };
    let is_left_out = |key: &KeyArn| observation.left_out.contains_key(&key.to_string());
    let mut keys = keys.iter().filter(|key| key.account == part.account);
    let mut entities =
        grantees.iter().filter_map(Grantee::attachable).filter(|own| own.account == part.account);
    !observation.left_out.is_empty()
        && keys.all(is_left_out)
        && entities.all(|entity| observation.leaves_out(entity))
}

async fn read_and_plan<T: Send + 'static>(
    asked: UnresolvedRequest,
    missing: BTreeSet<EntityArn>,
    part: impl FnOnce() -> Part + Send + 'static,
    cloud: &impl Observe,
    make: impl FnOnce(Case) -> T + Send + 'static,
) -> Result<T, ObserveError> {
    let (request, mut observation) = observe_part(&asked, &OrganizationPolicies::default(), cloud).await?;
    observation.missing = missing;
    let planned = move || causes::planned(Chain::default(), in_full(request, part()), observation);
    Ok(aside(move || make(planned())).await)
}

/// What is asked about an account.
fn part_of(asks: &Asks, account: AccountId) -> Part {
    let needing = asks.needing(account);
    let terms = needing.keys().map(|key| (key.clone(), asks.terms(key))).collect();
    Part { account, needing, terms }
}

/// The users, roles and groups of other accounts that an account's key policies are to name.
fn foreign(part: &Part) -> BTreeSet<EntityArn> {
    let own_keys = part.needing.iter().filter(|(key, _)| key.account == part.account);
    let named = own_keys.flat_map(|(_, all)| all).filter_map(Grantee::attachable);
    named.filter(|entity| entity.account != part.account).cloned().collect()
}

/// How most keys' grantees are helped; of several such, the same one always.
fn usual(terms: &BTreeMap<KeyArn, Terms>) -> Terms {
    let mut counts: BTreeMap<Terms, usize> = BTreeMap::new();
    for terms in terms.values() {
        *counts.entry(*terms).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(terms, _)| terms).unwrap_or_default()
}

/// What of an account's part is read: its keys, its users, roles and groups, and whoever's side is in the key itself.
fn own(part: &Part, policy_name: PolicyName) -> UnresolvedRequest {
    let Part { account, needing, terms } = part;
    let terms = usual(terms);
    let account = *account;
    let keys = needing.keys().filter(|key| key.account == account);
    let is_read = |grantee: &&Grantee| grantee.attachable().is_none_or(|entity| entity.account == account);
    let grantees: BTreeSet<&Grantee> = needing.values().flatten().filter(is_read).collect();
    UnresolvedRequest {
        keys: keys.cloned().map(KeyRef::Arn).collect(),
        grantees: grantees.into_iter().map(GranteeRef::from).collect(),
        purpose: Some(terms.purpose),
        policy_name,
        profile: terms.profile,
        coverage: terms.coverage,
        prune_orphans: false,
        default_keys: BTreeMap::new(),
    }
}

/// All of an account's part.
fn in_full(read: Request, mut part: Part) -> Request {
    let usual = usual(&part.terms);
    part.terms.retain(|_, terms| *terms != usual);
    let mut grantees = Vec::new();
    let mut known = BTreeSet::new();
    for grantee in part.needing.values().flatten() {
        if known.insert(grantee) {
            grantees.push(grantee.clone());
        }
    }
    let keys = part.needing.keys().cloned().collect();
    Request { keys, grantees, part: Some(part), ..read }
}
