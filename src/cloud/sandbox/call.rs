//! One call: who makes it, about what, and how it fails.

use std::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};

use super::authority::Asker;
use super::pages::World;
use super::refusals::Refusal;
use super::world::{CallerEntry, caller_principal};
use crate::arn::{AccountId, KeyArn};
use crate::cloud::CloudError;
use crate::observation::Caller;
use crate::policy::{AwsPrincipal, pattern};

/// A call as it is sent.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// As IAM names the permission.
    pub(super) operation: &'static str,
    /// The ARN or id it is about.
    pub(super) resource: String,
    /// The account that the resource is in, where it is known.
    pub(super) account: Option<AccountId>,
    /// For regional services.
    pub(super) region: Option<String>,
}

/// The identity that makes a call.
#[derive(Debug)]
pub(super) struct CallerIdentity<'w> {
    pub(super) account: AccountId,
    pub(super) entry: &'w CallerEntry,
    pub(super) principal: AwsPrincipal,
}

impl CallerIdentity<'_> {
    /// The caller as somebody that a key policy is about.
    pub(super) fn asker(&self) -> Asker<'_> {
        Asker { account: self.account, principal: &self.principal }
    }

    /// The caller as it is told.
    pub(super) fn to_caller(&self) -> Caller {
        Caller { account: self.account, arn: self.entry.arn.clone() }
    }
}

impl Call {
    /// A call to IAM, which has no regions.
    pub(super) fn iam(operation: &'static str, resource: impl fmt::Display, account: AccountId) -> Self {
        Self { operation, resource: resource.to_string(), account: Some(account), region: None }
    }

    /// A call to KMS about a key, with credentials of its account.
    pub(super) fn kms(operation: &'static str, key: &KeyArn) -> Self {
        Self {
            operation,
            resource: key.to_string(),
            account: Some(key.account),
            region: Some(key.region.clone()),
        }
    }

    /// The caller, if the call is within its account and it may make it.
    pub(super) fn authorized<'w>(&self, world: &'w World) -> Result<CallerIdentity<'w>, CloudError> {
        match self.account.and_then(|account| identity(world, account)) {
            Some(caller) => self.permitted(caller),
            None => Err(self.without_credentials(world)),
        }
    }

    /// The account's caller, else the default caller from outside.
    pub(super) fn authorized_across_accounts<'w>(
        &self,
        world: &'w World,
    ) -> Result<CallerIdentity<'w>, CloudError> {
        let own = self.account.and_then(|account| identity(world, account));
        match own.or_else(|| default_identity(world)) {
            Some(caller) => self.permitted(caller),
            None => Err(self.failed(None, Refusal::no_credentials())),
        }
    }

    /// The same call under another permission's name, where one read takes several calls.
    pub(super) fn as_operation(&self, operation: &'static str) -> Self {
        Self { operation, ..self.clone() }
    }

    fn permitted<'w>(&self, caller: CallerIdentity<'w>) -> Result<CallerIdentity<'w>, CloudError> {
        let denied = &caller.entry.denied;
        if !denied.iter().any(|denied| pattern::matches_ignoring_case(denied, self.operation)) {
            return Ok(caller);
        }
        let refusal = Refusal::identity_access_denied(&caller.entry.arn, self.operation, &self.resource);
        Err(self.failed(Some(caller.account), refusal))
    }

    /// IAM serves the caller's own account only; KMS is asked with the wrong credentials, and refuses.
    fn without_credentials(&self, world: &World) -> CloudError {
        match default_identity(world) {
            Some(caller) if self.operation.starts_with("kms:") => {
                let refusal = Refusal::kms_access_denied(&caller.entry.arn, self.operation, &self.resource);
                self.failed(Some(caller.account), refusal)
            }
            _ => self.failed(self.account, Refusal::no_credentials()),
        }
    }

    /// The refusal as an error of this call, made with an account's credentials.
    pub(super) fn failed(&self, account: Option<AccountId>, refusal: Refusal) -> CloudError {
        CloudError {
            kind: refusal.kind,
            operation: self.operation,
            resource: self.resource.clone(),
            account,
            region: self.region.clone(),
            profile: None,
            code: refusal.code.map(str::to_owned),
            message: refusal.message,
            request_id: refusal.code.map(|_| self.request_id()),
        }
    }

    /// An id in the form of AWS's that depends on nothing but the call, so that output is the same each time.
    pub(super) fn request_id(&self) -> String {
        let digest = Sha256::digest(format!("{} {}", self.operation, self.resource));
        let mut id = String::with_capacity(36);
        for (index, byte) in digest.iter().take(16).enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                id.push('-');
            }
            // Writing to a string does not fail.
            let _ = write!(id, "{byte:02x}");
        }
        id
    }
}

/// The caller whose credentials serve an account.
pub(super) fn identity(world: &World, account: AccountId) -> Option<CallerIdentity<'_>> {
    let entry = world.caller(account)?;
    let (principal, _, account) = caller_principal(&entry.arn)?;
    Some(CallerIdentity { account, entry, principal })
}

/// The caller whose credentials serve when no account is named.
pub(super) fn default_identity(world: &World) -> Option<CallerIdentity<'_>> {
    identity(world, world.shared().default_caller?)
}
