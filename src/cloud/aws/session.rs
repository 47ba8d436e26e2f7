//! Credentials, and which account each set of them serves.

mod assume;
mod narrow;

use std::cell::RefCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fmt, iter};

use aws_config::identity::IdentityCache;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::TlsContext;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::app_name::AppName;
use futures_util::future;
use tokio::sync::OnceCell;

use super::clients::{Clients, sts};
use super::ec2_client::{self, Api};
use super::errors::Call;
use super::pace::Pace;
use super::retries;
use super::roll::Told;
use super::settings::{self, CA_BUNDLE, MAX_ATTEMPTS};
use super::transport::{Carriage, Connections, Reads};
use super::trust;
use super::{APP_NAME, AwsOptions, Patience};
use crate::arn::{AccountId, ArnParts, Partition};
use crate::cloud::{CloudError, CloudErrorKind};
use crate::observation::Caller;

/// Where the AWS CLI sends calls of global services when no region is set.
const GLOBAL_REGION: &str = "us-east-1";

/// Where credentials come from, as it is told in messages.
#[derive(Debug)]
pub(super) enum Whose {
    /// From wherever the AWS CLI finds them.
    Default,
    /// From a profile.
    Profile(String),
    /// From a role that was assumed.
    Role(String),
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default credentials"),
            Self::Profile(profile) => write!(f, "profile {profile}"),
            Self::Role(arn) => write!(f, "role {arn}"),
        }
    }
}

/// One set of credentials.
#[derive(Debug)]
pub(super) struct Session {
    whose: Whose,
    config: SdkConfig,
    carriage: Carriage,
    /// The region that was configured.
    region: Option<String>,
    /// Who it is, where assuming the role told it already.
    known: Option<Caller>,
    /// Who it is by GetCallerIdentity.
    identity: OnceCell<Result<Caller, CloudError>>,
    /// What it was told of its account's organization.
    pub(super) organizations: Told,
    clients: Clients,
    /// Clients of the Query protocol, by service and region.
    query: RefCell<BTreeMap<(Api, String), ec2_client::Client>>,
}

impl Session {
    pub(super) fn new(
        whose: Whose,
        config: SdkConfig,
        carriage: Carriage,
        region: Option<String>,
        known: Option<Caller>,
    ) -> Self {
        let config = config.into_builder().http_client(carriage.client()).build();
        if let Some(caller) = &known {
            carriage.belongs_to(caller.account);
        }
        Self {
            whose,
            carriage,
            region,
            known,
            identity: OnceCell::new(),
            organizations: Told::default(),
            clients: Clients::of(config.clone()),
            query: RefCell::default(),
            config,
        }
    }

    /// The region that was configured.
    pub(super) fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Who the credentials say they are.
    pub(super) async fn caller(&self) -> Result<Caller, CloudError> {
        match &self.known {
            Some(caller) => Ok(caller.clone()),
            None => self.identity().await,
        }
    }

    /// Who the credentials are, as far as that is known without a call.
    pub(super) fn known_caller(&self) -> Option<&Caller> {
        self.known.as_ref().or_else(|| self.identity.get()?.as_ref().ok())
    }

    /// The partition of the account, by the region while nobody said whose the credentials are.
    pub(super) fn partition(&self) -> Partition {
        let of_region = || self.region().map_or(Partition::Aws, Partition::of_region);
        self.known_caller().map_or_else(of_region, partition)
    }

    /// Whether it was told, or could not be told, whose the credentials are.
    fn is_known(&self) -> bool {
        self.known.is_some() || self.identity.initialized()
    }

    /// Who AWS says the credentials are.
    pub(super) async fn identity(&self) -> Result<Caller, CloudError> {
        self.identity.get_or_init(|| self.ask_identity()).await.clone()
    }

    async fn ask_identity(&self) -> Result<Caller, CloudError> {
        let call = self.identity_call();
        let output = sts(&self.config)
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| CloudError { profile: self.profile(), ..call.failed(&error) })?;
        let account = output.account().unwrap_or_default().parse().map_err(|error| call.unexpected(error))?;
        self.carriage.belongs_to(account);
        let arn = output.arn().ok_or_else(|| call.unexpected("no ARN"))?.to_owned();
        Ok(Caller { account, arn })
    }

    fn profile(&self) -> Option<String> {
        match &self.whose {
            Whose::Profile(profile) => Some(profile.clone()),
            Whose::Default | Whose::Role(_) => None,
        }
    }

    fn identity_call(&self) -> Call {
        identity_call(&self.whose, self.region.clone())
    }

    /// The same credentials and settings for calls that wait behind none of the others.
    pub(super) fn apart(&self) -> SdkConfig {
        self.config.to_builder().http_client(self.carriage.apart().client()).build()
    }

    pub(super) fn iam(&self) -> &aws_sdk_iam::Client {
        self.clients.iam()
    }

    pub(super) fn kms(&self, region: &str) -> aws_sdk_kms::Client {
        self.clients.kms(region)
    }

    /// Why there is no client for the region is told in words.
    pub(super) async fn query(&self, api: Api, region: &str) -> Result<ec2_client::Client, String> {
        let whose = (api, region.to_owned());
        if let Some(client) = self.query.borrow().get(&whose) {
            return Ok(client.clone());
        }
        let client = ec2_client::Client::new(&self.config, api, region).await?;
        Ok(self.query.borrow_mut().entry(whose).or_insert(client).clone())
    }
}

fn identity_call(whose: &Whose, region: Option<String>) -> Call {
    Call { operation: "sts:GetCallerIdentity", resource: whose.to_string(), account: None, region }
}

type Assumption = Rc<OnceCell<Result<Rc<Session>, CloudError>>>;

/// Everybody whose credentials may serve. Identities are asked for once each, when first needed.
#[derive(Debug)]
pub(super) struct Sessions {
    default: Rc<Session>,
    profiles: BTreeMap<AccountId, Rc<Session>>,
    /// Profiles that calls are only made with for the sake of proof, by name.
    proving: BTreeMap<String, Rc<Session>>,
    assume_role_name: Option<String>,
    assumed: RefCell<BTreeMap<String, Assumption>>,
    /// What writes in an account instead of what reads there.
    writing: RefCell<BTreeMap<AccountId, Rc<Session>>>,
    /// The accounts that the default credentials were taken for before it was known whose they are.
    guessed: RefCell<BTreeSet<AccountId>>,
}

impl Sessions {
    /// Reads configuration; asks AWS for nothing.
    pub(super) async fn load(options: &AwsOptions, pace: &Arc<Pace>) -> Result<Self, CloudError> {
        let shared = Shared { reads: Reads::new(Arc::clone(pace)), connections: RefCell::default() };
        let load = async |profile| load(options, profile, &shared).await.map(Rc::new);
        let profiles = future::try_join_all(
            options
                .account_profiles
                .iter()
                .map(async |(account, profile)| Ok((*account, load(Some(profile)).await?))),
        );
        let proving = future::try_join_all(
            options
                .proving_profiles
                .iter()
                .map(async |profile| Ok((profile.clone(), load(Some(profile)).await?))),
        );
        let default = load(options.profile.as_deref());
        let (default, profiles, proving) = future::try_join3(default, profiles, proving).await?;
        let sessions = Self {
            default,
            profiles: profiles.into_iter().collect(),
            proving: proving.into_iter().collect(),
            assume_role_name: options.assume_role_name.clone(),
            assumed: RefCell::default(),
            writing: RefCell::default(),
            guessed: RefCell::default(),
        };
        let named = sessions.profiles.values().chain(sessions.proving.values());
        match empty_endpoint(iter::once(&sessions.default).chain(named), env::vars_os()) {
            Some(error) => Err(error),
            None => Ok(sessions),
        }
    }

    /// The accounts that profiles were given for.
    pub(super) fn named(&self) -> impl Iterator<Item = AccountId> {
        self.profiles.keys().copied()
    }

    /// Everybody who may be asked about others: who serves by default first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Rc<Session>> {
        iter::once(&self.default).chain(self.profiles.values())
    }

    /// The session that serves when no account is named.
    pub(super) fn default_session(&self) -> &Rc<Session> {
        &self.default
    }

    /// The session that serves an account; `None` where none does.
    pub(super) async fn serving(&self, account: AccountId) -> Result<Option<Rc<Session>>, CloudError> {
        if let Some(session) = self.profiles.get(&account) {
            belongs_to(session, session.caller().await?.account, account)?;
            return Ok(Some(Rc::clone(session)));
        }
        let caller = match self.default.caller().await {
            Ok(caller) => caller,
            // Profiles by account may be all there is.
            Err(error) if error.kind == CloudErrorKind::NoCredentials && !self.profiles.is_empty() => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if caller.account == account {
            return Ok(Some(Rc::clone(&self.default)));
        }
        match &self.assume_role_name {
            Some(name) => self.assumed(account, name, &caller).await.map(Some),
            None => Ok(None),
        }
    }

    /// The session that is likely to serve an account, where nobody said yet whose its credentials are: what is read with it
    /// counts only where it is the one that does serve it. Of accounts that no profile is named for, only the first two are
    /// guessed at, which are a key's and a requester's: so a wrong guess costs a few calls, however many accounts there are.
    pub(super) fn likely(&self, account: AccountId) -> Option<Rc<Session>> {
        const GUESSES: usize = 2;
        let session = self.profiles.get(&account).unwrap_or(&self.default);
        if session.is_known() {
            return None;
        }
        let mut guessed = self.guessed.borrow_mut();
        if !self.profiles.contains_key(&account) && guessed.len() < GUESSES {
            guessed.insert(account);
        }
        let is_guessed = self.profiles.contains_key(&account) || guessed.contains(&account);
        is_guessed.then(|| Rc::clone(session))
    }

    /// The session that writes in an account, after AWS itself has said that it is that account's.
    pub(super) async fn writing(&self, call: &Call, account: AccountId) -> Result<Rc<Session>, CloudError> {
        let narrowed = self.writing.borrow().get(&account).map(Rc::clone);
        let session = match narrowed {
            Some(session) => session,
            None => self.required(call, account).await?,
        };
        belongs_to(&session, session.identity().await?.account, account)?;
        Ok(session)
    }

    /// The session that serves an account, which there has to be.
    pub(super) async fn required(&self, call: &Call, account: AccountId) -> Result<Rc<Session>, CloudError> {
        self.serving(account).await?.ok_or_else(|| {
            call.error(CloudErrorKind::NoCredentials, format!("no credentials serve account {account}"))
        })
    }

    /// The session of a profile that is there for the sake of proof.
    pub(super) fn proving(&self, profile: &str) -> Option<&Rc<Session>> {
        self.proving.get(profile)
    }
}

/// The SDK panics over an endpoint that is set to nothing.
fn empty_endpoint<'s>(
    mut sessions: impl Iterator<Item = &'s Rc<Session>>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Option<CloudError> {
    let variable = variables.into_iter().find_map(|(name, value)| {
        let name = name.into_string().ok()?;
        (value.is_empty() && name.starts_with("AWS_ENDPOINT_URL")).then_some(name)
    });
    let session = sessions.find(|session| variable.is_some() || session.config.endpoint_url() == Some(""))?;
    let what = variable.unwrap_or("the endpoint URL".to_owned());
    let message = format!("{what} is set, but empty");
    Some(session.identity_call().error(CloudErrorKind::Other, message))
}

/// The partition of a caller's ARN.
pub(super) fn partition(caller: &Caller) -> Partition {
    ArnParts::parse(&caller.arn).map_or(Partition::Aws, |parts| parts.partition)
}

fn belongs_to(session: &Session, is: AccountId, wanted: AccountId) -> Result<(), CloudError> {
    if is == wanted {
        return Ok(());
    }
    let message = format!("these credentials are of account {is}, not of account {wanted}");
    Err(session.identity_call().error(CloudErrorKind::Other, message))
}

/// What all sessions share.
#[derive(Debug)]
struct Shared {
    reads: Reads,
    /// Connections by whose certificates are believed: those in a file, or those that the system believes.
    connections: RefCell<BTreeMap<Option<String>, SharedHttpClient>>,
}

impl Shared {
    /// # Errors
    /// Why the file can't serve, in words.
    fn carriage(&self, bundle: Option<String>) -> Result<Carriage, String> {
        let mut connections = self.connections.borrow_mut();
        let client = match connections.entry(bundle) {
            Entry::Occupied(entry) => entry.get().clone(),
            Entry::Vacant(entry) => {
                let tls = entry.key().as_deref().map_or_else(|| Ok(TlsContext::default()), trust::only)?;
                entry.insert(SharedHttpClient::new(Connections::new(tls))).clone()
            }
        };
        Ok(Carriage::new(client, self.reads.clone()))
    }
}

async fn load(options: &AwsOptions, profile: Option<&str>, shared: &Shared) -> Result<Session, CloudError> {
    let whose = profile.map_or(Whose::Default, |profile| Whose::Profile(profile.to_owned()));
    let (bundle, named_by) = settings::get(options, profile, CA_BUNDLE).await.unzip();
    let carriage = shared.carriage(bundle.clone()).map_err(|why| {
        let (file, named_by) = (bundle.unwrap_or_default(), named_by.unwrap_or_default());
        let message = format!("the certificates in `{file}`, which {named_by} names, can't be used: {why}");
        identity_call(&whose, None).error(CloudErrorKind::Other, message)
    })?;
    let http = carriage.client();
    let config = loader(options, profile, &http).load().await;
    let region = config.region().map(ToString::to_string).filter(|region| !region.is_empty());
    let config = if region.is_some() {
        config
    } else {
        loader(options, profile, &http).region(Region::from_static(GLOBAL_REGION)).load().await
    };
    let mut builder = config.to_builder();
    let has_attempts = settings::get(options, profile, MAX_ATTEMPTS).await.is_some();
    builder.set_retry_config(Some(retries::of_reads(config.retry_config(), has_attempts)));
    builder.set_app_name(config.app_name().cloned().or_else(|| AppName::new(APP_NAME).ok()));
    if let Some(profile) = profile {
        builder.set_credentials_provider(Some(profile_credentials(options, profile, &config, &http)));
    }
    Ok(Session::new(whose, builder.build(), carriage, region, None))
}

fn loader(options: &AwsOptions, profile: Option<&str>, http: &SharedHttpClient) -> ConfigLoader {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http.clone())
        .timeout_config(timeouts(options.patience))
        .identity_cache(identity_cache());
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &options.endpoint_url {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(files) = settings::files(options) {
        loader = loader.profile_files(files);
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    loader
}

/// A profile that is asked for by name beats keys in the environment, unlike in the SDK's own chain.
///
/// <https://docs.aws.amazon.com/cli/latest/userguide/cli-chap-configure.html#configure-precedence>
fn profile_credentials(
    options: &AwsOptions,
    profile: &str,
    config: &SdkConfig,
    http: &SharedHttpClient,
) -> SharedCredentialsProvider {
    let provider_config = ProviderConfig::default()
        .with_http_client(http.clone())
        .with_region(config.region().cloned())
        .with_use_fips(config.use_fips())
        .with_use_dual_stack(config.use_dual_stack())
        .with_timeout_config(timeouts(options.patience));
    let mut builder =
        ProfileFileCredentialsProvider::builder().configure(&provider_config).profile_name(profile);
    if let Some(files) = settings::files(options) {
        builder = builder.profile_files(files);
    }
    SharedCredentialsProvider::new(builder.build())
}

/// A call with all its attempts has two minutes, or the time for three of them.
fn timeouts(patience: Patience) -> TimeoutConfig {
    let Patience { connect, read } = patience;
    TimeoutConfig::builder()
        .connect_timeout(connect)
        .read_timeout(read)
        .operation_timeout(((connect + read) * 3).max(Duration::from_mins(2)))
        .build()
}

/// Room for a `credential_process` that asks a human.
fn identity_cache() -> aws_sdk_sts::config::SharedIdentityCache {
    IdentityCache::lazy().load_timeout(Duration::from_secs(90)).build()
}

#[cfg(test)]
mod tests;
