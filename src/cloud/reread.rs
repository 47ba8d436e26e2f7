//! Reads again what an earlier run wrote.

use std::collections::{BTreeMap, BTreeSet};

use super::{CloudError, CloudErrorKind, Observe};
use crate::access::NewGrant;
use crate::arn::{AccountId, EntityArn, KeyArn, PolicyArn};
use crate::observation::{
    IamObservation, IamQuotas, KeyObservation, Observation, RamPolicy, Reading, UnreadReason,
};
use crate::plan::rollback::named;
use crate::plan::{Operation, Target};
use crate::policy::PolicyDocument;

/// Reads every key policy, managed policy and attachment that the writes are about, and whether those whom a former
/// key policy names still exist.
///
/// # Errors
/// A read is refused or fails for an account that credentials serve. An account without credentials is no error: what
/// is in it is `unread`.
pub async fn reread<'o>(
    operations: impl IntoIterator<Item = &'o Operation>,
    cloud: &impl Observe,
) -> Result<Observation, CloudError> {
    let wanted = Wanted::of(operations);
    let mut observation = Observation::default();
    for account in wanted.accounts() {
        let caller = cloud.caller(account).await?;
        let is_served = caller.is_some();
        observation.callers.extend(caller.map(|caller| (account, caller)));
        let no_credentials = || UnreadReason::NoCredentials(account);
        for key in wanted.keys.iter().filter(|key| key.account == account) {
            let policy = if is_served {
                Reading::Read(cloud.key_policy(key).await?)
            } else {
                Reading::Unread(no_credentials())
            };
            let grants = match (wanted.granted.contains(key), is_served) {
                (true, true) => Reading::Read(cloud.grants(key).await?),
                (true, false) => Reading::Unread(no_credentials()),
                (false, _) => Reading::default(),
            };
            // No run ever wrote it.
            let (metadata, ram_policy) = (Reading::default(), RamPolicy::NotLookedAt);
            observation.keys.insert(key.clone(), KeyObservation { metadata, policy, ram_policy, grants });
        }
        let iam = if is_served {
            Reading::Read(read_iam(account, &wanted, cloud).await?)
        } else {
            Reading::Unread(no_credentials())
        };
        observation.accounts.insert(account, iam);
    }
    Ok(observation)
}

/// What has to be read.
#[derive(Default)]
struct Wanted {
    keys: BTreeSet<KeyArn>,
    policies: BTreeSet<PolicyArn>,
    attached: BTreeSet<EntityArn>,
    /// On which a grant was created.
    granted: BTreeSet<KeyArn>,
    /// Whom former key policies name.
    named: BTreeSet<EntityArn>,
}

impl Wanted {
    fn of<'o>(operations: impl IntoIterator<Item = &'o Operation>) -> Self {
        let mut wanted = Self::default();
        for operation in operations {
            wanted.keys.extend(operation.key().cloned());
            match operation.target() {
                Target::NewGrant(NewGrant { key, .. }) | Target::Grant { key, .. } => {
                    wanted.granted.insert(key.clone());
                }
                Target::KeyPolicy(_)
                | Target::Policy { .. }
                | Target::Version(_)
                | Target::Attachment { .. } => {}
            }
            wanted.policies.extend(operation.policy().cloned());
            wanted.attached.extend(operation.entity().cloned());
            let former = operation.key().and(operation.before());
            if let Some(Ok(former)) = former.map(PolicyDocument::parse) {
                wanted.named.extend(named(&former));
            }
        }
        wanted
    }

    /// Those that something is written in; who is named may be of others, where nothing has to be known.
    fn accounts(&self) -> BTreeSet<AccountId> {
        let keys = self.keys.iter().map(|key| key.account);
        keys.chain(self.policies.iter().map(|policy| policy.account)).collect()
    }
}

async fn read_iam(
    account: AccountId,
    wanted: &Wanted,
    cloud: &impl Observe,
) -> Result<IamObservation, CloudError> {
    let policies = wanted.policies.iter().filter(|policy| policy.account == account);
    let (quotas, entities) = (IamQuotas::default(), BTreeMap::new());
    let caller = Reading::default();
    let mut iam = IamObservation { quotas, policies: BTreeMap::new(), entities, caller };
    for policy in policies {
        iam.quotas = cloud.iam_quotas(account).await?;
        if let Some(found) = cloud.managed_policy(policy, None).await? {
            iam.policies.insert(policy.clone(), found);
        }
    }
    for entity in wanted.attached.iter().filter(|entity| entity.account == account) {
        iam.entities.insert(entity.clone(), cloud.entity(account, &entity.entity_name()).await?);
    }
    for entity in wanted.named.iter().filter(|entity| entity.account == account) {
        match cloud.entity(account, &entity.entity_name()).await {
            Ok(found) => _ = iam.entities.insert(entity.clone(), found),
            // Who owns the key need not be allowed to look into IAM; AWS itself refuses who does not exist.
            Err(error) if error.kind == CloudErrorKind::AccessDenied => {}
            Err(error) => return Err(error),
        }
    }
    Ok(iam)
}
