//! Accounts in moto, and operators who act in them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::types::KeyUsageType;
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use keymend::arn::{AccountId, KeyArn, PolicyArn};
use tempfile::TempDir;

use super::{Moto, REGION};

/// The role that operators have in every account.
pub(crate) const ROLE: &str = "operator";

/// An account that nobody else uses. moto serves whichever account a role's ARN names.
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) kms: aws_sdk_kms::Client,
}

impl Account {
    /// The next account.
    pub(crate) async fn new(moto: &Moto) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(200_000_000_001);
        let id: AccountId = NEXT.fetch_add(1, Ordering::Relaxed).to_string().parse().unwrap();
        Self::existing(moto, id).await
    }

    /// An account that came to be otherwise.
    pub(crate) async fn existing(moto: &Moto, id: AccountId) -> Self {
        let base = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static(REGION))
            .endpoint_url(moto.endpoint())
            .credentials_provider(credentials("AKIAIOSFODNN7EXAMPLE", "secret", None))
            .build();
        let assumed = aws_sdk_sts::Client::new(&base)
            .assume_role()
            .role_arn(format!("arn:aws:iam::{id}:role/{ROLE}"))
            .role_session_name("test")
            .send()
            .await
            .unwrap();
        let given = assumed.credentials().unwrap();
        let token = Some(given.session_token().to_owned());
        let credentials = credentials(given.access_key_id(), given.secret_access_key(), token);
        let config = base.into_builder().credentials_provider(credentials).build();
        Self { id, iam: aws_sdk_iam::Client::new(&config), kms: aws_sdk_kms::Client::new(&config) }
    }

    /// A customer managed key with this policy.
    pub(crate) async fn create_key(&self, policy: &str) -> KeyArn {
        // moto does not fill in the default.
        let request = self.kms.create_key().key_usage(KeyUsageType::EncryptDecrypt).policy(policy);
        let output = request.send().await.unwrap();
        output.key_metadata().unwrap().arn().unwrap().parse().unwrap()
    }

    /// A customer managed policy; its first version is `v1`.
    pub(crate) async fn create_policy(&self, name: &str, document: &str) -> PolicyArn {
        let output = self.iam.create_policy().policy_name(name).policy_document(document).send().await;
        output.unwrap().policy().unwrap().arn().unwrap().parse().unwrap()
    }

    /// A version that becomes the default.
    pub(crate) async fn create_policy_version(&self, policy: &PolicyArn, document: &str) {
        let request = self.iam.create_policy_version().policy_arn(policy.to_string());
        request.policy_document(document).set_as_default(true).send().await.unwrap();
    }

    pub(crate) async fn create_user(&self, path: &str, name: &str) {
        self.iam.create_user().path(path).user_name(name).send().await.unwrap();
    }

    pub(crate) async fn create_group(&self, name: &str) {
        self.iam.create_group().group_name(name).send().await.unwrap();
    }

    /// The role that Auto Scaling launches instances as.
    pub(crate) async fn create_role_for_autoscaling(&self) {
        let request = self.iam.create_service_linked_role().aws_service_name("autoscaling.amazonaws.com");
        request.send().await.unwrap();
    }

    pub(crate) async fn create_role(&self, path: &str, name: &str) {
        let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
        let request = self.iam.create_role().path(path).role_name(name);
        request.assume_role_policy_document(trust).send().await.unwrap();
    }
}

fn credentials(id: &str, secret: &str, token: Option<String>) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new(id, secret, token, None, "test"))
}

/// A home directory with a profile for each of some accounts, named as the account.
pub(crate) struct Operator {
    home: TempDir,
    endpoint: String,
    default: AccountId,
}

impl Operator {
    /// Acts at an endpoint, moto's or that of a proxy before it; in the first account unless told otherwise.
    pub(crate) fn new(endpoint: String, accounts: &[&Account]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut config = "[profile base]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n\
                          aws_secret_access_key = secret\n"
            .to_owned();
        for Account { id, .. } in accounts {
            write!(
                config,
                "\n[profile {id}]\nrole_arn = arn:aws:iam::{id}:role/{ROLE}\nsource_profile = base\n\
                 region = {REGION}\nendpoint_url = {endpoint}\n"
            )
            .unwrap();
        }
        fs::write(home.path().join("config"), config).unwrap();
        Self { home, endpoint, default: accounts.first().unwrap().id }
    }

    /// The file with the profiles.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.home.path().join("config")
    }

    /// The home directory.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The profile that serves when none is named.
    pub(crate) fn default_profile(&self) -> String {
        self.default.to_string()
    }

    /// Gives a command this operator's environment and no other.
    pub(crate) fn run<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command
            .env("HOME", self.home.path())
            .env("AWS_CONFIG_FILE", self.config_file())
            .env("AWS_SHARED_CREDENTIALS_FILE", self.home.path().join("credentials"))
            .env("AWS_PROFILE", self.default_profile())
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_EC2_METADATA_DISABLED", "true")
    }
}
