//! EC2's client, as the SDK's own are: configuration in, calls out.
//!
//! Without EC2's SDK, which takes longer to compile than everything else together: the calls are few.

mod endpoint;
mod query;

use std::rc::Rc;

use aws_config::SdkConfig;

use self::query::Operation;
pub(super) use self::query::{Query, QueryError};

/// EC2 in one region, as it is kept with a session.
#[derive(Debug, Clone)]
pub(super) struct Client(Rc<Operation>);

impl Client {
    /// Why there is none for the region is told in words.
    pub(super) async fn new(config: &SdkConfig, region: &str) -> Result<Self, String> {
        let endpoint = endpoint::endpoint(config, region).await?;
        Ok(Self(Rc::new(query::operation(config, region, &endpoint))))
    }

    /// The call itself.
    pub(super) fn operation(&self) -> &Operation {
        &self.0
    }
}
