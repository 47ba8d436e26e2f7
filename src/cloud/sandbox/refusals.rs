//! What AWS refuses, with its error codes and its words.

mod identity_policy;
mod key_policy;

use super::source::{Place, Source};
use crate::arn::{AccountId, EntityKind, EntityName, KeyArn, OrganizationId, PolicyArn};
use crate::cloud::CloudErrorKind;

pub(super) use identity_policy::check as identity_policy;
pub(super) use key_policy::{Proposal, check as key_policy};

/// The edited text; it is refused where the world's file has no such place.
pub(super) fn edited(source: Option<Source>, place: &Place) -> Result<Source, Refusal> {
    source.ok_or_else(|| Refusal::broken_world(format!("the world has no place {place}")))
}

/// AWS's answer to a call it does not perform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) kind: CloudErrorKind,
    /// `None` where the call never reaches AWS.
    pub(super) code: Option<&'static str>,
    pub(super) message: String,
}

impl Refusal {
    fn new(kind: CloudErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code: Some(code), message: message.into() }
    }

    /// No credentials serve the account.
    pub(super) fn no_credentials() -> Self {
        Self {
            kind: CloudErrorKind::NoCredentials,
            code: None,
            message: "the world has no caller for this account".to_owned(),
        }
    }

    /// More calls than the quota takes.
    ///
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/throttling.html>
    pub(super) fn throttled(operation: &str) -> Self {
        let (code, message) = match operation.split_once(':') {
            Some(("kms", _)) => (
                "ThrottlingException",
                "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
            ),
            Some(("ec2", _)) => ("RequestLimitExceeded", "Request limit exceeded."),
            Some(("organizations", _)) => ("TooManyRequestsException", "Too many requests."),
            _ => ("Throttling", "Rate exceeded"),
        };
        Self::new(CloudErrorKind::Throttled, code, message)
    }

    /// The sandbox's own file fails.
    pub(super) fn broken_world(message: String) -> Self {
        Self { kind: CloudErrorKind::Other, code: None, message }
    }

    /// KMS: nothing allows the caller to do it.
    pub(super) fn kms_access_denied(caller: &str, operation: &str, resource: &str) -> Self {
        let message = format!(
            "User: {caller} is not authorized to perform: {operation} on resource: {resource} because no \
             resource-based policy allows the {operation} action"
        );
        Self::new(CloudErrorKind::AccessDenied, "AccessDeniedException", message)
    }

    /// The caller's own policies don't allow it.
    pub(super) fn identity_access_denied(caller: &str, operation: &str, resource: &str) -> Self {
        let code = match operation.split_once(':') {
            Some(("kms", _)) => "AccessDeniedException",
            Some(("ec2", _)) => "UnauthorizedOperation",
            _ => "AccessDenied",
        };
        let message = format!(
            "User: {caller} is not authorized to perform: {operation} on resource: {resource} because no \
             identity-based policy allows the {operation} action"
        );
        Self::new(CloudErrorKind::AccessDenied, code, message)
    }

    /// An attribute of an image or a snapshot of another account, or of none.
    pub(super) fn not_the_owner(id: &str) -> Self {
        Self::new(CloudErrorKind::AccessDenied, "AuthFailure", format!("Not authorized for {id}"))
    }

    /// Organizations: neither the management account nor a delegated administrator asks, or no member at all.
    pub(super) fn organizations_denied() -> Self {
        let message = "You don't have permissions to access this resource.";
        Self::new(CloudErrorKind::AccessDenied, "AccessDeniedException", message)
    }

    /// Organizations: the caller's account is a member of none.
    pub(super) fn no_organization() -> Self {
        let message = "Your account is not a member of an organization.";
        Self::new(CloudErrorKind::Other, "AWSOrganizationsNotInUseException", message)
    }

    /// Organizations: no account or OU of this id in the caller's organization.
    pub(super) fn no_child() -> Self {
        let message = "You specified a child that doesn't exist.";
        Self::new(CloudErrorKind::NotFound, "ChildNotFoundException", message)
    }

    /// All of an organization's accounts were listed, and the account is none of them.
    pub(super) fn no_member(account: AccountId, organization: &OrganizationId) -> Self {
        Self {
            kind: CloudErrorKind::NotFound,
            code: None,
            message: format!("account {account} is no member of {organization}"),
        }
    }

    /// No key of this ARN.
    pub(super) fn no_such_key(key: &KeyArn) -> Self {
        Self::key_not_found(format!("Key '{key}' does not exist"))
    }

    /// No alias of this ARN.
    pub(super) fn no_such_alias(arn: &str) -> Self {
        Self::key_not_found(format!("Alias {arn} is not found."))
    }

    /// A text that names no key in the caller's account and region.
    pub(super) fn invalid_key_id(id: &str) -> Self {
        Self::key_not_found(format!("Invalid keyId '{id}'"))
    }

    /// No grant of this id.
    pub(super) fn no_such_grant(id: &str) -> Self {
        Self::key_not_found(format!("Grant with id {id} is not found"))
    }

    /// The key can't be used as it is.
    ///
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html#key-state-table>
    pub(super) fn unusable_key(key: &KeyArn, state: &str) -> Self {
        if state == "Disabled" {
            return Self::new(CloudErrorKind::Other, "DisabledException", format!("{key} is disabled."));
        }
        let message = format!("{key} is in the state {state}.");
        Self::new(CloudErrorKind::Other, "KMSInvalidStateException", message)
    }

    /// A grant for a principal that is not there.
    pub(super) fn no_such_grantee(arn: &str) -> Self {
        let message = format!("ARN does not refer to a valid principal: {arn}");
        Self::new(CloudErrorKind::InvalidPrincipal, "InvalidArnException", message)
    }

    fn key_not_found(message: String) -> Self {
        Self::new(CloudErrorKind::NotFound, "NotFoundException", message)
    }

    /// No user, role or group of this name.
    pub(super) fn no_such_entity(entity: &EntityName) -> Self {
        let EntityName { kind, name } = entity;
        Self::no_such(format!("The {kind} with name {name} cannot be found."))
    }

    /// No policy of this ARN.
    pub(super) fn no_such_policy(policy: &PolicyArn) -> Self {
        Self::no_such(format!("Policy {policy} does not exist or is not attachable."))
    }

    /// No inline policy of this name.
    pub(super) fn no_such_inline_policy(name: &str) -> Self {
        Self::no_such(format!("The policy with name {name} cannot be found."))
    }

    /// One of AWS's own policies, which the world does not describe.
    pub(super) fn untold_policy(policy: &str) -> Self {
        Self {
            kind: CloudErrorKind::Other,
            code: None,
            message: format!("the world has no document for `{policy}` in `aws_policies`"),
        }
    }

    /// No such version of a policy that exists.
    pub(super) fn no_such_version(policy: &PolicyArn, version: &str) -> Self {
        Self::no_such(format!("Policy {policy} version {version} does not exist or is not attachable."))
    }

    fn no_such(message: String) -> Self {
        Self::new(CloudErrorKind::NotFound, "NoSuchEntity", message)
    }

    /// A policy of this name exists, whatever its path and its name's case.
    pub(super) fn policy_exists(name: &str) -> Self {
        let message = format!("A policy called {name} already exists. Duplicate names are not allowed.");
        Self::new(CloudErrorKind::AlreadyExists, "EntityAlreadyExists", message)
    }

    /// All versions that a policy may have are there.
    pub(super) fn too_many_versions(limit: usize) -> Self {
        let message = format!(
            "A managed policy can have up to {limit} versions. Before you create a new version, you must \
             delete an existing version."
        );
        Self::new(CloudErrorKind::LimitExceeded, "LimitExceeded", message)
    }

    /// As many policies are attached as may be.
    pub(super) fn too_many_attached(kind: EntityKind, limit: usize) -> Self {
        let quota = match kind {
            EntityKind::User => "PoliciesPerUser",
            EntityKind::Role => "PoliciesPerRole",
            EntityKind::Group => "PoliciesPerGroup",
        };
        let message = format!("Cannot exceed quota for {quota}: {limit}");
        Self::new(CloudErrorKind::LimitExceeded, "LimitExceeded", message)
    }

    /// What is to be detached is not attached.
    pub(super) fn not_attached(policy: &PolicyArn) -> Self {
        Self::no_such(format!("Policy {policy} was not found."))
    }

    /// A policy that is attached, or somebody's boundary, can't go.
    pub(super) fn policy_in_use() -> Self {
        let message = "Cannot delete a policy attached to entities.";
        Self::new(CloudErrorKind::Conflict, "DeleteConflict", message)
    }

    /// A policy with more than its default version can't go.
    pub(super) fn versions_left() -> Self {
        let message = "This policy has more than one version. Before you delete a policy, you must delete the \
                       policy's versions. The default version is deleted with the policy.";
        Self::new(CloudErrorKind::Conflict, "DeleteConflict", message)
    }

    /// The version in force can't go.
    pub(super) fn default_version() -> Self {
        let message = "Cannot delete the default version of a policy.";
        Self::new(CloudErrorKind::Conflict, "DeleteConflict", message)
    }

    /// Service-linked roles and those of IAM Identity Center belong to AWS.
    pub(super) fn protected_role(name: &str) -> Self {
        let message = format!(
            "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
        );
        Self::new(CloudErrorKind::Unmodifiable, "UnmodifiableEntity", message)
    }
}

/// The characters of KMS's and IAM's policy parameters: tab, line feed, carriage return, U+0020 to U+00FF.
///
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html#KMS-PutKeyPolicy-request-Policy>
fn has_policy_characters(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}'))
}
