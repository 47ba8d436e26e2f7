//! AWS itself, by its SDK.
//!
//! Credentials and configuration come from where the AWS CLI takes them:
//! <https://docs.aws.amazon.com/cli/latest/userguide/cli-chap-configure.html>

mod age;
mod authorization;
mod clients;
mod clock;
mod credentials;
mod ec2;
mod ec2_client;
mod errors;
mod failure;
mod grants;
mod iam;
mod identity;
mod kms;
mod organizations;
mod pace;
mod prove;
mod retries;
mod role;
mod roll;
mod session;
mod settings;
mod transport;
mod trust;
mod waits;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

pub use self::pace::{NoShare, Share};
pub use self::settings::profile_names;

use self::errors::Call;
use self::iam::Iam;
use self::pace::Pace;
use self::session::{Session, Sessions, partition};
use super::authorization::AuthorizationDetails;
use super::{Belongings, CloudError, CloudErrorKind, Observe, Receipt, Write};
use crate::access::{KeyRef, PolicyName};
use crate::arn::{AccountId, Child, EntityArn, EntityKind, EntityName, KeyArn, OrganizationId, PolicyArn};
use crate::observation::{Caller, Entity, IamQuotas, KeyGrant, KeyMetadata, ManagedPolicy, Tags};
use crate::plan::Operation;

/// What departs from the configuration in the environment and in the shared files.
#[derive(Debug, Clone, Default)]
pub struct AwsOptions {
    /// The profile of the default credentials. Named here it beats keys in the environment.
    pub profile: Option<String>,
    /// The region, whatever is configured.
    pub region: Option<String>,
    /// Where every call goes, instead of to the services' own endpoints.
    pub endpoint_url: Option<String>,
    /// Profiles that serve other accounts than the default credentials.
    pub account_profiles: BTreeMap<AccountId, String>,
    /// The name, or the path and name, of a role that the default credentials assume in every account that
    /// is left.
    pub assume_role_name: Option<String>,
    /// How long a server is waited for.
    pub patience: Patience,
    /// The share of each request quota that may be used; [`Share::ALL`] where none is given.
    pub rate: Option<Share>,
    /// Profiles that only dry runs are made with, as those whose credentials they have.
    pub proving_profiles: Vec<String>,
    /// The one shared file to read, instead of the configuration and credentials files.
    pub config_file: Option<PathBuf>,
}

/// How long a server is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until there is a connection.
    pub connect: Duration,
    /// Until the next part of an answer comes.
    pub read: Duration,
}

impl Patience {
    /// How many seconds a connection may take, where nothing else is said.
    pub const CONNECT: u64 = 5;
    /// How many seconds an answer may take, where nothing else is said.
    pub const READ: u64 = 20;
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(Self::CONNECT), read: Duration::from_secs(Self::READ) }
    }
}

/// AWS as the operator's credentials let it be seen and changed.
///
/// Each identity is looked up once, when it is first needed. Reads that don't depend on each other go side by
/// side and are tried again adaptively; writes are tried once.
#[derive(Debug)]
pub struct Aws {
    sessions: Sessions,
    /// The turns of all calls.
    pace: Arc<Pace>,
}

impl Aws {
    /// Reads the configuration. No call is made yet: what is wrong with credentials shows with the first.
    ///
    /// # Errors
    /// An endpoint is configured that no client can be made for.
    pub async fn connect(options: &AwsOptions) -> Result<Self, CloudError> {
        let pace = Arc::new(Pace::of(options.rate.unwrap_or_default()));
        Ok(Self { sessions: Sessions::load(options, &pace).await?, pace })
    }

    /// The region of the default credentials, where one is configured.
    pub fn default_region(&self) -> Option<&str> {
        self.sessions.default_session().region()
    }

    /// Who asks about a key: the session of its account, else the default one.
    async fn asking_about(&self, key: &KeyRef) -> Result<Rc<Session>, CloudError> {
        let serving = match key.account() {
            Some(account) => self.sessions.serving(account).await?,
            None => None,
        };
        Ok(serving.unwrap_or_else(|| Rc::clone(self.sessions.default_session())))
    }

    async fn iam(&self, account: AccountId, operation: &'static str) -> Result<Iam, CloudError> {
        let call = Call { operation, resource: "*".to_owned(), account: None, region: None };
        let session = self.sessions.required(&call, account).await?;
        let partition = partition(&session.caller().await?);
        Ok(Iam { client: session.iam().clone(), account, partition })
    }
}

impl Observe for Aws {
    async fn default_caller(&self) -> Result<Caller, CloudError> {
        self.sessions.default_session().caller().await
    }

    async fn caller(&self, account: AccountId) -> Result<Option<Caller>, CloudError> {
        match self.sessions.serving(account).await? {
            Some(session) => session.caller().await.map(Some),
            None => Ok(None),
        }
    }

    async fn describe_key(&self, key: &KeyRef) -> Result<KeyMetadata, CloudError> {
        let session = self.asking_about(key).await?;
        let call = Call {
            operation: "kms:DescribeKey",
            resource: key.to_string(),
            account: session.known_caller().map(|caller| caller.account),
            region: key.region().or(session.region()).map(str::to_owned),
        };
        let region = call.region.as_deref().ok_or_else(|| {
            call.error(CloudErrorKind::Other, "no region is configured: give --region, or set AWS_REGION")
        })?;
        kms::describe_key(&session.kms(region), &call).await
    }

    async fn key_policy(&self, key: &KeyArn) -> Result<String, CloudError> {
        let call = Call {
            operation: "kms:GetKeyPolicy",
            resource: key.to_string(),
            account: Some(key.account),
            region: Some(key.region.clone()),
        };
        let session = self.sessions.required(&call, key.account).await?;
        kms::key_policy(&session.kms(&key.region), &call).await
    }

    async fn ram_policy(&self, key: &KeyArn) -> Result<Option<String>, CloudError> {
        let call = Call {
            operation: "kms:GetKeyPolicy",
            resource: key.to_string(),
            account: Some(key.account),
            region: Some(key.region.clone()),
        };
        let session = self.sessions.required(&call, key.account).await?;
        kms::ram_policy(&session.kms(&key.region), &call).await
    }

    async fn names(&self, account: AccountId, kind: EntityKind) -> Result<Vec<String>, CloudError> {
        let call = match kind {
            EntityKind::User => "iam:ListUsers",
            EntityKind::Role => "iam:ListRoles",
            EntityKind::Group => "iam:ListGroups",
        };
        self.iam(account, call).await?.names(kind).await
    }

    async fn aliases(&self, account: AccountId, region: &str) -> Result<Vec<String>, CloudError> {
        let call = Call {
            operation: "kms:ListAliases",
            resource: "*".to_owned(),
            account: Some(account),
            region: Some(region.to_owned()),
        };
        let session = self.sessions.required(&call, account).await?;
        kms::aliases(&session.kms(region), &call).await
    }

    async fn iam_quotas(&self, account: AccountId) -> Result<IamQuotas, CloudError> {
        self.iam(account, "iam:GetAccountSummary").await?.quotas().await
    }

    async fn policies_named(
        &self,
        account: AccountId,
        name: &PolicyName,
    ) -> Result<Vec<(PolicyArn, String)>, CloudError> {
        self.iam(account, "iam:ListPolicies").await?.policies_named(name).await
    }

    async fn managed_policy(
        &self,
        policy: &PolicyArn,
        default_version: Option<&str>,
    ) -> Result<Option<ManagedPolicy>, CloudError> {
        let iam = self.iam(policy.account, "iam:ListPolicyVersions").await?;
        iam.managed_policy(policy, default_version).await
    }

    async fn entity(&self, account: AccountId, entity: &EntityName) -> Result<Option<Entity>, CloudError> {
        self.iam(account, "iam:ListAttachedRolePolicies").await?.entity(entity).await
    }

    async fn entity_in_full(
        &self,
        account: AccountId,
        entity: &EntityName,
    ) -> Result<Option<(Entity, Belongings)>, CloudError> {
        self.iam(account, "iam:ListAttachedRolePolicies").await?.entity_in_full(entity).await
    }

    async fn authorization_details(
        &self,
        account: AccountId,
        wanted: &BTreeSet<EntityName>,
        name: &PolicyName,
    ) -> Result<AuthorizationDetails, CloudError> {
        let iam = self.iam(account, "iam:GetAccountAuthorizationDetails").await?;
        iam.authorization_details(wanted, name).await
    }

    async fn inline_policy(
        &self,
        account: AccountId,
        entity: &EntityName,
        policy: &str,
    ) -> Result<String, CloudError> {
        self.iam(account, "iam:GetRolePolicy").await?.inline_policy(entity, policy).await
    }

    async fn policy_document(&self, account: AccountId, policy: &str) -> Result<String, CloudError> {
        self.iam(account, "iam:GetPolicy").await?.document_in_force(policy).await
    }

    async fn principal_age(&self, principal: &EntityArn) -> Result<Option<Duration>, CloudError> {
        self.iam(principal.account, "iam:GetRole").await?.principal_age(principal).await
    }

    async fn grants(&self, key: &KeyArn) -> Result<Vec<KeyGrant>, CloudError> {
        let call = Call {
            operation: "kms:ListGrants",
            resource: key.to_string(),
            account: Some(key.account),
            region: Some(key.region.clone()),
        };
        let session = self.sessions.required(&call, key.account).await?;
        grants::grants(&session.kms(&key.region), &call).await
    }

    async fn key_tags(&self, key: &KeyArn) -> Result<Tags, CloudError> {
        let call = Call {
            operation: "kms:ListResourceTags",
            resource: key.to_string(),
            account: Some(key.account),
            region: Some(key.region.clone()),
        };
        let session = self.sessions.required(&call, key.account).await?;
        kms::tags(&session.kms(&key.region), &call).await
    }

    async fn policy_tags(&self, policy: &PolicyArn) -> Result<Tags, CloudError> {
        self.iam(policy.account, "iam:GetPolicy").await?.policy_tags(policy).await
    }

    async fn organization(&self, account: AccountId) -> Result<Option<OrganizationId>, CloudError> {
        self.read_organization(account).await
    }

    async fn organization_accounts(&self) -> Result<(OrganizationId, Vec<AccountId>), CloudError> {
        self.read_organization_accounts().await
    }

    async fn organization_path(
        &self,
        organization: &OrganizationId,
        child: &Child,
    ) -> Result<String, CloudError> {
        self.read_path(organization, child).await
    }
}

/// The call that performs an operation.
fn write_call(operation: &Operation) -> Call {
    Call {
        operation: operation.api_call(),
        resource: operation.resource(),
        account: Some(operation.account()),
        region: operation.region().map(str::to_owned),
    }
}

impl Write for Aws {
    async fn get_ready(&self, operation: &Operation) -> Result<(), CloudError> {
        let call = write_call(operation);
        self.sessions.writing(&call, operation.account()).await?;
        self.pace.turn(call.account, call.region.as_deref(), call.operation).await;
        Ok(())
    }

    async fn perform(&self, operation: &Operation) -> Result<Receipt, CloudError> {
        let call = write_call(operation);
        let written = self.write(operation, &call).await;
        if written.as_ref().is_err_and(|error| error.kind == CloudErrorKind::Throttled) {
            self.pace.throttled(call.account, call.region.as_deref(), call.operation);
        }
        written
    }
}

impl Aws {
    async fn write(&self, operation: &Operation, call: &Call) -> Result<Receipt, CloudError> {
        let session = self.sessions.writing(call, operation.account()).await?;
        let (iam, kms) = (session.iam(), |key: &KeyArn| session.kms(&key.region));
        match operation {
            Operation::PruneOrphans(update)
            | Operation::UpdateKeyPolicy(update)
            | Operation::RestoreKeyPolicy(update)
            | Operation::ReduceKeyPolicy(update) => {
                kms::put_key_policy(&kms(&update.key), call, &update.after).await
            }
            Operation::CreatePolicy { policy, description, after } => {
                write::create_policy(iam, call, policy, description, after).await
            }
            Operation::DeletePolicyVersion { version, .. }
            | Operation::WithdrawPolicyVersion { version, .. } => {
                write::delete_policy_version(iam, call, version).await
            }
            Operation::CreatePolicyVersion { after, .. } => {
                write::create_policy_version(iam, call, after).await
            }
            Operation::AttachPolicy { entity, .. } => write::attach_policy(iam, call, entity).await,
            Operation::CreateGrant { grant, .. } => kms::create_grant(&kms(&grant.key), call, grant).await,
            Operation::RevokeGrant { key, grant } => kms::revoke_grant(&kms(key), call, &grant.id).await,
            Operation::DetachPolicy { entity, .. } => write::detach_policy(iam, call, entity).await,
            Operation::DeletePolicy { .. } => write::delete_policy(iam, call).await,
            Operation::SetDefaultVersion { version, .. } => {
                write::set_default_version(iam, call, version).await
            }
        }
    }
}
