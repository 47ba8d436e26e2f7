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
mod s3;
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

use futures_util::future::LocalBoxFuture;
use tokio::join;

pub use self::pace::{NoShare, Share};
pub use self::s3::{Bucket, Made};
pub use self::settings::profile_names;

use self::errors::Call;
use self::iam::Iam;
use self::pace::Pace;
use self::session::{Session, Sessions};
use super::authorization::AuthorizationDetails;
use super::{Belongings, CloudError, CloudErrorKind, Observe, Receipt, Write};
use crate::access::{KeyRef, PolicyName};
use crate::arn::{AccountId, Child, EntityArn, EntityKind, EntityName, KeyArn, OrganizationId, PolicyArn};
use crate::observation::{Caller, Entity, IamQuotas, KeyGrant, KeyMetadata, ManagedPolicy, Tags};
use crate::plan::Operation;

/// What AWS's records tell the program's calls by, where nothing else is set.
///
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-appid.html>
pub const APP_NAME: &str = "keymend";

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

    /// Reads with what serves an account. While AWS has not said yet whose the credentials at hand are, that is asked
    /// beside the read, whose answer counts only where they turn out to be the account's.
    async fn read<T>(
        &self,
        call: &Call,
        account: AccountId,
        read: impl AsyncFn(&Session) -> Result<T, CloudError>,
    ) -> Result<T, CloudError> {
        // On the heap, for every read waits for one.
        let serving: LocalBoxFuture<'_, _> = Box::pin(self.sessions.required(call, account));
        let Some(likely) = self.sessions.likely(account) else { return read(&*serving.await?).await };
        let partition = likely.partition();
        // In this order: the SDK tells only whoever asks first what is wrong with a profile.
        let (serving, answer) = join!(biased; serving, read(&likely));
        let serving = serving?;
        if Rc::ptr_eq(&likely, &serving) && partition == serving.partition() {
            return answer;
        }
        read(&serving).await
    }

    /// Reads a key with what serves its account.
    async fn read_key<T>(
        &self,
        operation: &'static str,
        key: &KeyArn,
        read: impl AsyncFn(aws_sdk_kms::Client, &Call) -> Result<T, CloudError>,
    ) -> Result<T, CloudError> {
        let call = Call {
            operation,
            resource: key.to_string(),
            account: Some(key.account),
            region: Some(key.region.clone()),
        };
        self.read(&call, key.account, async |session| read(session.kms(&key.region), &call).await).await
    }

    /// Who asks about a key: the session of its account, else the default one.
    async fn asking_about(&self, key: &KeyRef) -> Result<Rc<Session>, CloudError> {
        let serving = match key.account() {
            Some(account) => self.sessions.serving(account).await?,
            None => None,
        };
        Ok(serving.unwrap_or_else(|| Rc::clone(self.sessions.default_session())))
    }

    async fn describe_key_as(&self, session: &Session, key: &KeyRef) -> Result<KeyMetadata, CloudError> {
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

    /// Reads IAM of an account with what serves it.
    async fn iam<T>(
        &self,
        account: AccountId,
        operation: &'static str,
        read: impl AsyncFn(Iam) -> Result<T, CloudError>,
    ) -> Result<T, CloudError> {
        let call = Call { operation, resource: "*".to_owned(), account: None, region: None };
        let iam = |session: &Session| Iam {
            client: session.iam().clone(),
            account,
            partition: session.partition(),
        };
        self.read(&call, account, async |session| read(iam(session)).await).await
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
        let asking = self.asking_about(key);
        let likely = key.account().and_then(|account| self.sessions.likely(account));
        let Some(likely) = likely else { return self.describe_key_as(&*asking.await?, key).await };
        let (asking, answer) = join!(biased; asking, self.describe_key_as(&likely, key));
        let asking = asking?;
        if Rc::ptr_eq(&likely, &asking) { answer } else { self.describe_key_as(&asking, key).await }
    }

    async fn key_policy(&self, key: &KeyArn) -> Result<String, CloudError> {
        self.read_key("kms:GetKeyPolicy", key, async |kms, call| kms::key_policy(&kms, call).await).await
    }

    async fn ram_policy(&self, key: &KeyArn) -> Result<Option<String>, CloudError> {
        self.read_key("kms:GetKeyPolicy", key, async |kms, call| kms::ram_policy(&kms, call).await).await
    }

    async fn names(&self, account: AccountId, kind: EntityKind) -> Result<Vec<String>, CloudError> {
        let call = match kind {
            EntityKind::User => "iam:ListUsers",
            EntityKind::Role => "iam:ListRoles",
            EntityKind::Group => "iam:ListGroups",
        };
        self.iam(account, call, async |iam| iam.names(kind).await).await
    }

    async fn aliases(&self, account: AccountId, region: &str) -> Result<Vec<String>, CloudError> {
        let call = Call {
            operation: "kms:ListAliases",
            resource: "*".to_owned(),
            account: Some(account),
            region: Some(region.to_owned()),
        };
        self.read(&call, account, async |session| kms::aliases(&session.kms(region), &call).await).await
    }

    async fn iam_quotas(&self, account: AccountId) -> Result<IamQuotas, CloudError> {
        self.iam(account, "iam:GetAccountSummary", async |iam| iam.quotas().await).await
    }

    async fn policies_named(
        &self,
        account: AccountId,
        name: &PolicyName,
    ) -> Result<Vec<(PolicyArn, String)>, CloudError> {
        self.iam(account, "iam:ListPolicies", async |iam| iam.policies_named(name).await).await
    }

    async fn managed_policy(
        &self,
        policy: &PolicyArn,
        default_version: Option<&str>,
    ) -> Result<Option<ManagedPolicy>, CloudError> {
        let read = async |iam: Iam| iam.managed_policy(policy, default_version).await;
        self.iam(policy.account, "iam:ListPolicyVersions", read).await
    }

    async fn entity(&self, account: AccountId, entity: &EntityName) -> Result<Option<Entity>, CloudError> {
        self.iam(account, "iam:ListAttachedRolePolicies", async |iam| iam.entity(entity).await).await
    }

    async fn entity_in_full(
        &self,
        account: AccountId,
        entity: &EntityName,
    ) -> Result<Option<(Entity, Belongings)>, CloudError> {
        self.iam(account, "iam:ListAttachedRolePolicies", async |iam| iam.entity_in_full(entity).await).await
    }

    async fn authorization_details(
        &self,
        account: AccountId,
        wanted: &BTreeSet<EntityName>,
        name: &PolicyName,
    ) -> Result<AuthorizationDetails, CloudError> {
        let read = async |iam: Iam| iam.authorization_details(wanted, name).await;
        self.iam(account, "iam:GetAccountAuthorizationDetails", read).await
    }

    async fn inline_policy(
        &self,
        account: AccountId,
        entity: &EntityName,
        policy: &str,
    ) -> Result<String, CloudError> {
        self.iam(account, "iam:GetRolePolicy", async |iam| iam.inline_policy(entity, policy).await).await
    }

    async fn policy_document(&self, account: AccountId, policy: &str) -> Result<String, CloudError> {
        self.iam(account, "iam:GetPolicy", async |iam| iam.document_in_force(policy).await).await
    }

    async fn principal_age(&self, principal: &EntityArn) -> Result<Option<Duration>, CloudError> {
        self.iam(principal.account, "iam:GetRole", async |iam| iam.principal_age(principal).await).await
    }

    async fn grants(&self, key: &KeyArn) -> Result<Vec<KeyGrant>, CloudError> {
        self.read_key("kms:ListGrants", key, async |kms, call| grants::grants(&kms, call).await).await
    }

    async fn key_tags(&self, key: &KeyArn) -> Result<Tags, CloudError> {
        self.read_key("kms:ListResourceTags", key, async |kms, call| kms::tags(&kms, call).await).await
    }

    async fn policy_tags(&self, policy: &PolicyArn) -> Result<Tags, CloudError> {
        self.iam(policy.account, "iam:GetPolicy", async |iam| iam.policy_tags(policy).await).await
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
    async fn narrow(&self, operations: &[&Operation]) {
        self.sessions.narrow(operations).await;
    }

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
