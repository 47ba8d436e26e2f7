//! What was asked for, and what was read.

use schemars::JsonSchema;
use serde::Serialize;

use super::texts;
use crate::access::{CoverageRule, Profile, Purpose, Request};
use crate::observation::{KeyManager, KeyMetadata, KeyObservation, Observation, RamPolicy, Reading};

/// What was asked for, with aliases and sessions resolved.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestOutput {
    /// ARNs of the keys, in the order asked for.
    keys: Vec<String>,
    /// ARNs of those who must be able to launch; an account is its root's ARN.
    grantees: Vec<String>,
    /// What the grantees must be able to do.
    purpose: Purpose,
    /// The name of the customer managed policy in requester accounts.
    policy_name: String,
    /// What the grantees must be allowed.
    profile: Profile,
    /// What counts as being allowed it already.
    coverage: CoverageRule,
    /// Whether principals that no longer exist are taken out of key policies.
    prune_orphans: bool,
}

impl From<&Request> for RequestOutput {
    fn from(request: &Request) -> Self {
        Self {
            keys: texts(&request.keys),
            grantees: texts(&request.grantees),
            purpose: request.purpose,
            policy_name: request.policy_name.to_string(),
            profile: request.profile,
            coverage: request.coverage,
            prune_orphans: request.prune_orphans,
        }
    }
}

/// What was read, and as whom.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ObservationOutput {
    /// The identities that calls were made as, one for each account with credentials.
    callers: Vec<CallerOutput>,
    /// The keys.
    keys: Vec<KeyOutput>,
    /// The accounts whose IAM was needed.
    accounts: Vec<AccountOutput>,
}

/// The identity that calls in one account were made as.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CallerOutput {
    /// The account's id.
    account: String,
    /// The caller's ARN.
    arn: String,
}

/// A key as it was read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeyOutput {
    /// The key's ARN.
    arn: String,
    /// What DescribeKey tells; null where it could not be read.
    metadata: Option<MetadataOutput>,
    /// Whether the key policy was read.
    policy_read: bool,
    /// What is known of the policy `AWS_RAM` beside it.
    ram_policy: RamPolicyOutput,
}

/// What is known of the policy of a key that AWS Resource Access Manager writes.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum RamPolicyOutput {
    /// It was read.
    Read,
    /// There is none.
    Absent,
    /// It could not be read.
    Unread,
    /// Nobody looked.
    NotLookedAt,
}

/// What DescribeKey tells about a key.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MetadataOutput {
    /// Who manages the key.
    manager: KeyManager,
    /// `Enabled`, `Disabled`, `PendingDeletion` and so on.
    state: String,
    /// `SYMMETRIC_DEFAULT`, `RSA_2048` and so on.
    spec: String,
    /// `ENCRYPT_DECRYPT`, `SIGN_VERIFY` and so on.
    usage: String,
    /// `AWS_KMS`, `EXTERNAL` and so on.
    origin: String,
    /// ARNs of the other keys of a multi-Region key.
    related_keys: Vec<String>,
}

/// An account whose IAM was needed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AccountOutput {
    /// The account's id.
    account: String,
    /// Whether its IAM was read.
    read: bool,
}

impl From<&Observation> for ObservationOutput {
    fn from(observation: &Observation) -> Self {
        let caller = |(account, arn): (String, String)| CallerOutput { account, arn };
        let callers =
            observation.callers.iter().map(|(account, caller)| (account.to_string(), caller.arn.clone()));
        let accounts = observation.accounts.iter();
        Self {
            callers: callers.map(caller).collect(),
            keys: observation.keys.iter().map(|(arn, key)| KeyOutput::new(arn.to_string(), key)).collect(),
            accounts: accounts
                .map(|(account, iam)| AccountOutput {
                    account: account.to_string(),
                    read: matches!(iam, Reading::Read(_)),
                })
                .collect(),
        }
    }
}

impl KeyOutput {
    fn new(arn: String, key: &KeyObservation) -> Self {
        Self {
            arn,
            metadata: key.metadata.read().map(MetadataOutput::from),
            policy_read: matches!(key.policy, Reading::Read(_)),
            ram_policy: match key.ram_policy {
                RamPolicy::Read(_) => RamPolicyOutput::Read,
                RamPolicy::Absent => RamPolicyOutput::Absent,
                RamPolicy::Unread(_) => RamPolicyOutput::Unread,
                RamPolicy::NotLookedAt => RamPolicyOutput::NotLookedAt,
            },
        }
    }
}

impl From<&KeyMetadata> for MetadataOutput {
    fn from(metadata: &KeyMetadata) -> Self {
        Self {
            manager: metadata.manager.clone(),
            state: metadata.state.clone(),
            spec: metadata.spec.clone(),
            usage: metadata.usage.clone(),
            origin: metadata.origin.clone(),
            related_keys: texts(&metadata.related_keys),
        }
    }
}
