//! The world outside: what can be read, what can be written, and how both fail.

pub(crate) mod abreast;
pub mod authorization;
pub mod aws;
mod codes;
pub mod ec2;
pub mod observer;
pub mod reread;
pub mod sandbox;
pub mod store;
pub mod traced;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use self::authorization::AuthorizationDetails;
use crate::access::trial::Simulated;
use crate::access::{KeyRef, PolicyName};
use crate::arn::{AccountId, Child, EntityArn, EntityKind, EntityName, KeyArn, OrganizationId, PolicyArn};
use crate::observation::{Caller, Entity, IamQuotas, KeyGrant, KeyMetadata, ManagedPolicy, Tags};
use crate::plan::Operation;
use crate::policy::KmsAction;

/// What calls that are made again are told under, by [`tracing`].
pub const RETRIED: &str = "keymend::retried";

/// Reads. Planner, checks and dry runs get nothing else.
pub trait Observe {
    /// The identity whose credentials serve when no account is named.
    async fn default_caller(&self) -> Result<Caller, CloudError>;

    /// The identity whose credentials serve an account; `None` where none do.
    async fn caller(&self, account: AccountId) -> Result<Option<Caller>, CloudError>;

    /// kms:DescribeKey. Works across accounts where the key's policy allows it.
    async fn describe_key(&self, key: &KeyRef) -> Result<KeyMetadata, CloudError>;

    /// kms:GetKeyPolicy for the policy named `default`, byte for byte.
    async fn key_policy(&self, key: &KeyArn) -> Result<String, CloudError>;

    /// kms:GetKeyPolicy for the policy named `AWS_RAM`, byte for byte; `None` where there is none.
    async fn ram_policy(&self, key: &KeyArn) -> Result<Option<String>, CloudError>;

    /// Names of an account's users, roles or groups, as many as one answer has (iam:ListUsers, iam:ListRoles,
    /// iam:ListGroups): for what is mistyped, and nothing is decided by it.
    async fn names(&self, account: AccountId, kind: EntityKind) -> Result<Vec<String>, CloudError>;

    /// Names of the aliases in an account and region, as many as one answer has (kms:ListAliases): likewise.
    async fn aliases(&self, account: AccountId, region: &str) -> Result<Vec<String>, CloudError>;

    /// iam:GetAccountSummary.
    async fn iam_quotas(&self, account: AccountId) -> Result<IamQuotas, CloudError>;

    /// The customer managed policies that bear this name, or it with a suffix (iam:ListPolicies), with the
    /// id of their default version.
    async fn policies_named(
        &self,
        account: AccountId,
        name: &PolicyName,
    ) -> Result<Vec<(PolicyArn, String)>, CloudError>;

    /// A customer managed policy with its versions and where it is used (iam:ListPolicyVersions,
    /// iam:GetPolicyVersion, iam:ListEntitiesForPolicy); `None` where it does not exist.
    ///
    /// Where the default version's id is known already, a round trip is saved; if the default has moved since,
    /// the policy is read anew.
    async fn managed_policy(
        &self,
        policy: &PolicyArn,
        default_version: Option<&str>,
    ) -> Result<Option<ManagedPolicy>, CloudError>;

    /// A user, role or group by its name, with the policies attached to it (iam:GetRole,
    /// iam:ListAttachedRolePolicies, …); `None` where it does not exist.
    async fn entity(&self, account: AccountId, entity: &EntityName) -> Result<Option<Entity>, CloudError>;

    /// How long ago a user or role was made (iam:GetUser, iam:GetRole); `None` where it does not exist.
    async fn principal_age(&self, principal: &EntityArn) -> Result<Option<Duration>, CloudError>;

    /// As [`Observe::entity`], and the names of all else that IAM gives and denies it (besides:
    /// iam:ListRolePolicies, iam:ListGroupsForUser, …).
    async fn entity_in_full(
        &self,
        account: AccountId,
        entity: &EntityName,
    ) -> Result<Option<(Entity, Belongings)>, CloudError>;

    /// What many of [`Observe::entity_in_full`], [`Observe::inline_policy`], [`Observe::policy_document`],
    /// [`Observe::policies_named`] and [`Observe::managed_policy`] tell of some users and roles, of all groups and of the
    /// policies that bear a name, by as many calls as the account has thousands of users, roles, groups and policies
    /// (iam:GetAccountAuthorizationDetails).
    async fn authorization_details(
        &self,
        account: AccountId,
        wanted: &BTreeSet<EntityName>,
        name: &PolicyName,
    ) -> Result<AuthorizationDetails, CloudError>;

    /// An inline policy of a user, role or group, byte for byte (iam:GetUserPolicy, iam:GetRolePolicy,
    /// iam:GetGroupPolicy).
    async fn inline_policy(
        &self,
        account: AccountId,
        entity: &EntityName,
        policy: &str,
    ) -> Result<String, CloudError>;

    /// The document in force of any managed policy, AWS's own included, byte for byte (iam:GetPolicy,
    /// iam:GetPolicyVersion), with the credentials of an account that may use it.
    async fn policy_document(&self, account: AccountId, policy: &str) -> Result<String, CloudError>;

    /// The grants on a key (kms:ListGrants), in AWS's order.
    async fn grants(&self, key: &KeyArn) -> Result<Vec<KeyGrant>, CloudError>;

    /// The tags of a key (kms:ListResourceTags).
    async fn key_tags(&self, key: &KeyArn) -> Result<Tags, CloudError>;

    /// The tags of a customer managed policy (iam:GetPolicy).
    async fn policy_tags(&self, policy: &PolicyArn) -> Result<Tags, CloudError>;

    /// The organization that an account is a member of; none where it is known to be of none
    /// (organizations:DescribeOrganization; of other accounts organizations:ListAccounts).
    async fn organization(&self, account: AccountId) -> Result<Option<OrganizationId>, CloudError>;

    /// The organization of the default caller's account, and every account in it but those that were closed for good
    /// (organizations:DescribeOrganization, organizations:ListAccounts).
    async fn organization_accounts(&self) -> Result<(OrganizationId, Vec<AccountId>), CloudError>;

    /// The path to the root or OU that an account or OU of an organization is in, with a slash at its end
    /// (organizations:ListParents).
    async fn organization_path(
        &self,
        organization: &OrganizationId,
        child: &Child,
    ) -> Result<String, CloudError>;
}

/// What belongs to a user, role or group besides its attached policies, by name.
///
/// Who may read an entity may still lack the permissions for the rest, so each list has an end of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Belongings {
    /// The ARN of the policy that is its permissions boundary.
    pub boundary: Option<String>,
    /// The names of its inline policies.
    pub inline: Result<Vec<String>, CloudError>,
    /// The names of the groups that a user is in.
    pub groups: Result<Vec<String>, CloudError>,
}

/// Writes.
pub trait Write {
    /// Has what writes do no more than these operations, as far as that can be had (sts:AssumeRole with a policy, where a role
    /// was assumed). Where it can't, everything stays as it is.
    async fn narrow(&self, operations: &[&Operation]);

    /// Makes sure that what writes in an operation's account is that account's own (sts:GetCallerIdentity, once a set of
    /// credentials), and waits for the write's turn at its quota: before every attempt, so that nothing is asked and
    /// nothing waits between the last read of a document and its write.
    async fn get_ready(&self, operation: &Operation) -> Result<(), CloudError>;

    /// Performs one change, once: a failed call is not tried again here.
    async fn perform(&self, operation: &Operation) -> Result<Receipt, CloudError>;
}

/// Questions about access that only the services themselves answer; none of them changes anything.
pub trait Prove {
    /// Makes sure that calls can be made as somebody (sts:AssumeRole, sts:GetCallerIdentity). Tells whom AWS sees.
    async fn act_as(&self, actor: &Actor) -> Result<Caller, CloudError>;

    /// Makes a call on a key as somebody, which KMS checks and does not carry out.
    ///
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/testing-permissions.html>
    async fn dry_run(&self, actor: &Actor, call: LaunchCall, key: &KeyArn) -> Result<(), CloudError>;

    /// Has IAM evaluate the policies of a user, role or group for a launch with a key
    /// (iam:SimulatePrincipalPolicy).
    async fn simulate(
        &self,
        principal: &EntityArn,
        key: &KeyArn,
        actions: &[KmsAction],
    ) -> Result<Vec<Simulated>, CloudError>;
}

/// Whose credentials a call is made with, for the sake of proof.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// Those that serve an account in any case.
    Account(AccountId),
    /// Those of a profile.
    Profile(String),
    /// Those of a role, assumed by what serves its account.
    Role(EntityArn),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "whoever serves account {account}"),
            Self::Profile(profile) => write!(f, "profile {profile}"),
            Self::Role(role) => write!(f, "{role}"),
        }
    }
}

/// A call that EC2 makes in a launch and that anybody can make as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaunchCall {
    /// kms:Decrypt
    Decrypt,
    /// kms:DescribeKey; it reads in any case.
    DescribeKey,
    /// kms:GenerateDataKeyWithoutPlaintext
    GenerateDataKeyWithoutPlaintext,
    /// kms:ReEncrypt under the same key: `kms:ReEncryptFrom` and `kms:ReEncryptTo`.
    ReEncrypt,
}

impl LaunchCall {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Decrypt, Self::DescribeKey, Self::GenerateDataKeyWithoutPlaintext, Self::ReEncrypt];

    /// The API's name for it.
    pub fn operation(self) -> &'static str {
        match self {
            Self::Decrypt => "kms:Decrypt",
            Self::DescribeKey => "kms:DescribeKey",
            Self::GenerateDataKeyWithoutPlaintext => "kms:GenerateDataKeyWithoutPlaintext",
            Self::ReEncrypt => "kms:ReEncrypt",
        }
    }

    /// Whether the call needs the permission for an action.
    pub fn needs(self, action: KmsAction) -> bool {
        match self {
            Self::ReEncrypt => ["ReEncryptFrom", "ReEncryptTo"].contains(&action.name()),
            _ => self.operation().strip_prefix("kms:") == Some(action.name()),
        }
    }
}

/// What AWS said of a write that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    /// The id to give to AWS's support.
    pub request_id: Option<String>,
    /// The id of the policy version that was made, where one was.
    pub version: Option<String>,
    /// The id of the grant that was made, where one was.
    pub grant: Option<String>,
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudError {
    /// Which kind of failure.
    pub kind: CloudErrorKind,
    /// The call, as IAM names its permission: `kms:GetKeyPolicy`.
    pub operation: &'static str,
    /// The ARN or id it was about.
    pub resource: String,
    /// The account whose credentials made the call, where known.
    pub account: Option<AccountId>,
    /// The region, for regional services.
    pub region: Option<String>,
    /// The profile, where the call was to tell whose credentials it has.
    pub profile: Option<String>,
    /// AWS's error code, such as `MalformedPolicyDocumentException`.
    pub code: Option<String>,
    /// AWS's message, or what went wrong before AWS answered.
    pub message: String,
    /// AWS's request id.
    pub request_id: Option<String>,
}

impl CloudError {
    /// Of several reasons why nobody told something, the one that says most: an answer rather than a refusal.
    pub(crate) fn more_telling(known: Option<Self>, other: Self) -> Self {
        match known {
            Some(known)
                if known.kind == CloudErrorKind::NotFound || other.kind != CloudErrorKind::NotFound =>
            {
                known
            }
            _ => other,
        }
    }

    /// Whether the same call may be answered a while later.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self.kind, CloudErrorKind::Throttled | CloudErrorKind::Transient)
    }

    /// Whether AWS says that the caller's account is a member of no organization, which is an answer.
    ///
    /// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html>
    pub(crate) fn is_of_no_organization(&self) -> bool {
        self.code.as_deref() == Some("AWSOrganizationsNotInUseException")
    }
}

/// The kinds of failure that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudErrorKind {
    /// The caller lacks a permission.
    AccessDenied,
    /// The thing does not exist.
    NotFound,
    /// The thing exists already.
    AlreadyExists,
    /// A policy names a principal that AWS does not know (yet).
    InvalidPrincipal,
    /// The key policy would lock the caller out. Never retried, never bypassed.
    Lockout,
    /// The document is refused for another reason.
    Malformed,
    /// A quota.
    LimitExceeded,
    /// Something else has to go first: a policy that is still attached, a version that is in force.
    Conflict,
    /// The thing can't be changed: an AWS managed key, a service-linked role.
    Unmodifiable,
    /// No credentials are found.
    NoCredentials,
    /// The credentials have expired.
    ExpiredCredentials,
    /// This machine's clock is so far off that AWS refuses the signature.
    ClockSkew,
    /// Throttled.
    Throttled,
    /// A fault on the way or on AWS's side: the answer may be lost, the write may have happened.
    Transient,
    /// Anything else.
    Other,
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, resource, account, region, code, message, request_id, .. } = self;
        write!(f, "{operation} on `{resource}`")?;
        if let Some(account) = account {
            write!(f, " in account {account}")?;
        }
        if let Some(region) = region {
            write!(f, ", region {region}")?;
        }
        f.write_str(" failed: ")?;
        if let Some(code) = code {
            write!(f, "{code}: ")?;
        }
        f.write_str(message)?;
        if let Some(request_id) = request_id {
            write!(f, " (request id {request_id})")?;
        }
        Ok(())
    }
}

impl std::error::Error for CloudError {}
