//! What was read, and as whom. What could not be read is `unread`, never assumed empty.

pub mod ec2;
pub mod template;
mod unread;
pub mod usage;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::arn::{AccountId, Affiliation, EntityArn, EntityName, KeyArn, PolicyArn};

pub use unread::{RefusedRead, UnreadReason};

/// Both sides as they were read for one request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Observation {
    /// Who read, by account; an account without credentials is not here.
    pub callers: BTreeMap<AccountId, Caller>,
    /// The keys.
    pub keys: BTreeMap<KeyArn, KeyObservation>,
    /// IAM in the accounts of users, roles and groups.
    pub accounts: BTreeMap<AccountId, Reading<IamObservation>>,
    /// The tags of keys and of customer managed policies, by ARN.
    #[serde(default)]
    pub tags: BTreeMap<String, Reading<Tags>>,
    /// Policies of the organization, which are given rather than read.
    #[serde(default, skip_serializing_if = "OrganizationPolicies::is_empty")]
    pub organization: OrganizationPolicies,
    /// Where accounts stand in AWS Organizations, as far as it is known; null for one that is of no organization.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub affiliations: BTreeMap<AccountId, Affiliation>,
    /// Why where an account stands was not read, or by its id not where an OU is, or not the path of one that is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread_affiliations: BTreeMap<String, UnreadReason>,
    /// Users, roles and groups that are known not to exist, of accounts whose IAM was not read otherwise.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub missing: BTreeSet<EntityArn>,
    /// What is left out of a part of a larger request, since AWS refused to show it, and why: a key, a user, a role or a group by
    /// its ARN, or by its id an account with all of its users, roles and groups.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, UnreadReason>,
}

impl Observation {
    /// Whether a user, role or group is left out.
    pub fn leaves_out(&self, entity: &EntityArn) -> bool {
        // Most often nothing is.
        !self.left_out.is_empty()
            && [entity.to_string(), entity.account.to_string()]
                .iter()
                .any(|own| self.left_out.contains_key(own))
    }
}

/// Policies of AWS Organizations that were given. Whoever launches can't read them, and often nobody at hand can.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OrganizationPolicies {
    /// Service control policies of the grantees' accounts, from the organization's root down, a list for each
    /// level; none where they were not given.
    #[serde(default)]
    pub scps: Option<Vec<Vec<NamedDocument>>>,
    /// Resource control policies of the key's account, in the same way.
    #[serde(default)]
    pub rcps: Option<Vec<Vec<NamedDocument>>>,
}

impl OrganizationPolicies {
    /// Whether none was given.
    pub fn is_empty(&self) -> bool {
        self.scps.is_none() && self.rcps.is_none()
    }
}

/// Tags: names with their values.
pub type Tags = BTreeMap<String, String>;

/// Something that was read, or the reason why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reading<T> {
    /// As it was read.
    Read(T),
    /// Not read; the reason is a fragment for people, such as `no credentials for account 444455556666`.
    Unread(UnreadReason),
}

impl<T> Default for Reading<T> {
    fn default() -> Self {
        Self::Unread(UnreadReason::NotAsked)
    }
}

impl<T> Reading<T> {
    /// What was read, if it was.
    pub fn read(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Unread(_) => None,
        }
    }
}

/// The identity that calls are made as.
///
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Caller {
    /// The account whose credentials these are.
    pub account: AccountId,
    /// The caller's ARN: a user, an assumed-role session, the root.
    pub arn: String,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct KeyObservation {
    /// What DescribeKey tells.
    pub metadata: Reading<KeyMetadata>,
    /// The policy named `default`, byte for byte.
    pub policy: Reading<String>,
    /// The policy named `AWS_RAM`, which stands beside it.
    #[serde(default)]
    pub ram_policy: RamPolicy,
    /// The grants on the key.
    #[serde(default)]
    pub grants: Reading<Vec<KeyGrant>>,
}

/// What is known of a key's policy named `AWS_RAM`: AWS Resource Access Manager writes it, and nobody else can.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyPolicies.html>
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RamPolicy {
    /// Nobody looked.
    #[default]
    NotLookedAt,
    /// There is none, as of most keys.
    Absent,
    /// As it was read, byte for byte.
    Read(String),
    /// Whether there is one could not be read; the reason is a fragment for people.
    Unread(UnreadReason),
}

/// A grant on a key.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantListEntry.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct KeyGrant {
    /// Its id.
    pub id: String,
    /// Its name, where it was given one.
    #[serde(default)]
    pub name: Option<String>,
    /// Who may use it, as KMS tells it: an ARN, the name of a service, or a form that AWS does not document.
    pub grantee: String,
    /// The operations it allows, as KMS names them: `Decrypt`, `ReEncryptFrom`.
    pub operations: Vec<String>,
    /// The encryption context that a request must have exactly.
    pub context_equals: BTreeMap<String, String>,
    /// The encryption context that a request must have at least.
    pub context_subset: BTreeMap<String, String>,
    /// The resource on whose behalf a request must be made.
    #[serde(default)]
    pub source_arn: Option<String>,
    /// The names of constraints that are newer than this program: nobody can tell whether a request meets them.
    #[serde(default)]
    pub unknown_constraints: Vec<String>,
}

impl KeyGrant {
    /// Whether it asks nothing of requests.
    pub fn is_unconstrained(&self) -> bool {
        self.context_equals.is_empty()
            && self.context_subset.is_empty()
            && self.source_arn.is_none()
            && self.unknown_constraints.is_empty()
    }
}

/// What DescribeKey tells about a key.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct KeyMetadata {
    /// The key's ARN, whatever it was asked by.
    pub arn: KeyArn,
    /// Who manages the key.
    pub manager: KeyManager,
    /// `Enabled`, `Disabled`, `PendingDeletion`, `PendingImport`, …
    pub state: String,
    /// `SYMMETRIC_DEFAULT`, `RSA_2048`, `HMAC_256`, …
    pub spec: String,
    /// `ENCRYPT_DECRYPT`, `SIGN_VERIFY`, …
    pub usage: String,
    /// `AWS_KMS`, `EXTERNAL`, `AWS_CLOUDHSM`, `EXTERNAL_KEY_STORE`.
    pub origin: String,
    /// The other keys of a multi-Region key; each has a policy of its own.
    pub related_keys: Vec<KeyArn>,
}

/// Who manages a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyManager {
    /// An AWS managed key such as `aws/ebs`: its policy can't be changed.
    Aws,
    /// A customer managed key.
    Customer,
    /// Somebody whom this program does not know, in AWS's word.
    #[serde(untagged)]
    Other(String),
}

impl From<String> for KeyManager {
    /// Reads AWS's word.
    fn from(word: String) -> Self {
        match word.as_str() {
            "AWS" => Self::Aws,
            "CUSTOMER" => Self::Customer,
            _ => Self::Other(word),
        }
    }
}

/// IAM in one account, as far as the request touches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IamObservation {
    /// The account's limits.
    pub quotas: IamQuotas,
    /// Customer managed policies of the request's policy name, by ARN.
    pub policies: BTreeMap<PolicyArn, ManagedPolicy>,
    /// Each user, role and group of the request; `None` where it does not exist.
    pub entities: BTreeMap<EntityArn, Option<Entity>>,
    /// All that IAM gives and denies to whoever calls, where it was asked for: who has to create a grant needs
    /// the permission for it.
    #[serde(default)]
    pub caller: Reading<IdentityPolicies>,
}

/// The account's limits.
///
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IamQuotas {
    /// Managed policies that can be attached to a user.
    pub attached_per_user: usize,
    /// Managed policies that can be attached to a role.
    pub attached_per_role: usize,
    /// Managed policies that can be attached to a group.
    pub attached_per_group: usize,
    /// Characters of a managed policy, white space not counted.
    pub policy_size: usize,
    /// Versions of a managed policy.
    pub versions_per_policy: usize,
}

impl Default for IamQuotas {
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
    fn default() -> Self {
        Self {
            attached_per_user: 10,
            attached_per_role: 10,
            attached_per_group: 10,
            policy_size: 6144,
            versions_per_policy: 5,
        }
    }
}

/// A customer managed policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ManagedPolicy {
    /// The policy's ARN.
    pub arn: PolicyArn,
    /// The default version's document, decoded, byte for byte.
    pub document: String,
    /// All versions, oldest first.
    pub versions: Vec<PolicyVersion>,
    /// The users, roles and groups it is attached to.
    pub attached_to: Vec<EntityName>,
    /// The users and roles whose permissions boundary it is.
    pub boundary_of: Vec<EntityName>,
}

/// One version of a managed policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PolicyVersion {
    /// `v1`, `v2`, …
    pub id: String,
    /// Whether this is the version in force.
    pub is_default: bool,
    /// The document; read only for the version that would have to go.
    pub document: Option<String>,
}

/// A user, role or group that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Entity {
    /// Its real ARN: the path may differ from what was typed.
    pub arn: EntityArn,
    /// Attached managed policies by ARN, AWS's own included.
    pub attached: Vec<String>,
    /// All that IAM gives and denies it, where it was asked for.
    #[serde(default)]
    pub identity: Reading<IdentityPolicies>,
}

/// Every policy that belongs to a user, role or group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IdentityPolicies {
    /// Managed and inline policies, its own and those of its groups.
    pub documents: Vec<NamedDocument>,
    /// The permissions boundary.
    pub boundary: Option<NamedDocument>,
}

/// A policy document with the name that people know it by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NamedDocument {
    /// The ARN of a managed policy; `inline policy NAME of role app` for an inline one; the file of a given one.
    pub name: String,
    /// The document, decoded, byte for byte.
    pub text: String,
}
