//! The SDK's clients, made when they are first needed.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

use aws_config::{Region, SdkConfig};

use super::retries;

/// The clients of one set of credentials.
#[derive(Debug)]
pub(super) struct Clients {
    config: SdkConfig,
    iam: OnceCell<aws_sdk_iam::Client>,
    kms: RefCell<BTreeMap<String, aws_sdk_kms::Client>>,
}

impl Clients {
    pub(super) fn of(config: SdkConfig) -> Self {
        Self { config, iam: OnceCell::new(), kms: RefCell::default() }
    }

    pub(super) fn iam(&self) -> &aws_sdk_iam::Client {
        self.iam.get_or_init(|| {
            let config = aws_sdk_iam::config::Builder::from(&self.config);
            aws_sdk_iam::Client::from_conf(config.retry_partition(retries::partition()).build())
        })
    }

    pub(super) fn kms(&self, region: &str) -> aws_sdk_kms::Client {
        let client = || {
            let config = aws_sdk_kms::config::Builder::from(&self.config);
            let config = config.region(Region::new(region.to_owned()));
            aws_sdk_kms::Client::from_conf(config.retry_partition(retries::partition()).build())
        };
        self.kms.borrow_mut().entry(region.to_owned()).or_insert_with(client).clone()
    }
}

/// A client that tells who somebody is, and lets somebody be somebody else.
pub(super) fn sts(config: &SdkConfig) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::config::Builder::from(config);
    aws_sdk_sts::Client::from_conf(config.retry_partition(retries::partition()).build())
}
