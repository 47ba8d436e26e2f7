//! What is kept with a session to call EC2 with.

use std::rc::Rc;

use aws_config::SdkConfig;

use super::endpoint;
use super::query::{self, Operation};

/// EC2 in one region, as it is kept with a session.
#[derive(Debug, Clone)]
pub(in crate::cloud::aws) struct Client(Rc<Operation>);

impl Client {
    /// Why there is none for the region is told in words.
    pub(in crate::cloud::aws) async fn new(config: &SdkConfig, region: &str) -> Result<Self, String> {
        let endpoint = endpoint::endpoint(config, region).await?;
        Ok(Self(Rc::new(query::operation(config, region, &endpoint))))
    }

    /// The call itself.
    pub(super) fn operation(&self) -> &Operation {
        &self.0
    }
}
