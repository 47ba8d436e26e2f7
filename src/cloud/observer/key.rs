//! Reads one key: what it is like, its policies, grants and tags.

use tokio::join;

use super::calling::Calling;
use super::refused::Refused;
use crate::access::KeyRef;
use crate::arn::KeyArn;
use crate::cloud::{CloudError, CloudErrorKind, Observe};
use crate::observation::{
    Caller, KeyGrant, KeyObservation, Observation, RamPolicy, Reading, Tags, UnreadReason,
};

/// What was read of one key.
pub(super) struct KeyReading {
    pub(super) arn: KeyArn,
    /// What it is like, or why it is left out.
    pub(super) key: Result<KeyObservation, UnreadReason>,
    tags: Reading<Tags>,
    caller: Option<Caller>,
}

impl KeyReading {
    pub(super) fn add_to(self, observation: &mut Observation) {
        let Self { arn, key, tags, caller } = self;
        observation.callers.extend(caller.map(|caller| (caller.account, caller)));
        observation.tags.insert(arn.to_string(), tags);
        match key {
            Ok(key) => _ = observation.keys.insert(arn, key),
            Err(reason) => _ = observation.left_out.insert(arn.to_string(), reason),
        }
    }
}

/// Reads a key, with what only credentials of its account read.
pub(super) async fn read_key(
    key: &KeyRef,
    refused: Refused,
    cloud: &impl Observe,
) -> Result<KeyReading, CloudError> {
    if let KeyRef::Arn(arn) = key {
        let error = match read_key_by_arn(arn, refused, cloud).await {
            Ok(read) => return Ok(read),
            Err(error) => error,
        };
        let caller = cloud.caller(arn.account).await?;
        let reason = refused.reason(error, caller.as_ref())?;
        let tags = Reading::Unread(reason.clone());
        return Ok(KeyReading { arn: arn.clone(), key: Err(reason), tags, caller });
    }
    let metadata = cloud.describe_key(key).await?;
    let arn = metadata.arn.clone();
    let Guarded { policy, ram_policy, grants, tags, caller } = read_guarded(&arn, refused, cloud).await?;
    let key = KeyObservation { metadata: Reading::Read(metadata), policy, ram_policy, grants };
    Ok(KeyReading { arn, key: Ok(key), tags, caller })
}

/// With the ARN at hand, description and policy are read side by side.
async fn read_key_by_arn(
    arn: &KeyArn,
    refused: Refused,
    cloud: &impl Observe,
) -> Result<KeyReading, CloudError> {
    let key = KeyRef::Arn(arn.clone());
    let (described, guarded) = join!(cloud.describe_key(&key), read_guarded(arn, refused, cloud));
    let Guarded { policy, ram_policy, grants, tags, caller } = guarded?;
    let metadata = match described {
        Ok(metadata) => Reading::Read(metadata),
        // Without credentials of its account, a key may well be out of sight: the other side is still planned.
        Err(error) if caller.is_none() && is_out_of_sight(&error) => {
            Reading::Unread(UnreadReason::NoCredentials(arn.account))
        }
        Err(error) => return Err(error),
    };
    let key = KeyObservation { metadata, policy, ram_policy, grants };
    Ok(KeyReading { arn: arn.clone(), key: Ok(key), tags, caller })
}

fn is_out_of_sight(error: &CloudError) -> bool {
    matches!(error.kind, CloudErrorKind::AccessDenied | CloudErrorKind::NotFound)
}

/// What only credentials of the key's account read.
struct Guarded {
    policy: Reading<String>,
    ram_policy: RamPolicy,
    grants: Reading<Vec<KeyGrant>>,
    tags: Reading<Tags>,
    caller: Option<Caller>,
}

async fn read_guarded(key: &KeyArn, refused: Refused, cloud: &impl Observe) -> Result<Guarded, CloudError> {
    let unread = || {
        let reason = || UnreadReason::NoCredentials(key.account);
        Guarded {
            policy: Reading::Unread(reason()),
            ram_policy: RamPolicy::Unread(reason()),
            grants: Reading::Unread(reason()),
            tags: Reading::Unread(reason()),
            caller: None,
        }
    };
    let calling = Calling::of(key.account, cloud);
    if calling.is_nobody() {
        return Ok(unread());
    }
    let (caller, policy, ram_policy, grants, tags) = join!(
        calling.caller(),
        cloud.key_policy(key),
        cloud.ram_policy(key),
        cloud.grants(key),
        cloud.key_tags(key)
    );
    let Some(caller) = caller? else { return Ok(unread()) };
    let (policy, grants, tags) = (policy?, refused.if_allowed(grants)?, refused.if_allowed(tags)?);
    let ram_policy = match refused.if_allowed(ram_policy)? {
        // A server that knows only one policy may give that, whatever it is asked for.
        Reading::Read(Some(text)) if text != policy => RamPolicy::Read(text),
        Reading::Read(_) => RamPolicy::Absent,
        Reading::Unread(reason) => RamPolicy::Unread(reason),
    };
    Ok(Guarded { policy: Reading::Read(policy), ram_policy, grants, tags, caller: Some(caller) })
}
