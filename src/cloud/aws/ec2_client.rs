//! The clients of EC2, Auto Scaling and AWS Organizations, as the SDK's own are: configuration in, calls out.
//!
//! Without their SDKs, of which EC2's takes longer to compile than everything else together: the calls are few.

pub(super) mod endpoint;
mod query;
pub(super) mod refusal;
pub(super) mod runtime;

use std::rc::Rc;

use aws_config::SdkConfig;

use self::query::Operation;
pub(super) use self::query::{ESCAPED, Query};
pub(super) use self::refusal::QueryError;

/// A service that speaks the Query protocol, or of which the calls are few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Api {
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html>
    Ec2,
    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/Welcome.html>
    AutoScaling,
    /// <https://docs.aws.amazon.com/organizations/latest/APIReference/Welcome.html>
    Organizations,
}

impl Api {
    fn service(self) -> Service {
        match self {
            Self::Ec2 => Service { id: "EC2", prefix: "ec2" },
            Self::AutoScaling => Service { id: "Auto Scaling", prefix: "autoscaling" },
            Self::Organizations => Service { id: "Organizations", prefix: "organizations" },
        }
    }

    /// Its only version.
    fn version(self) -> &'static str {
        match self {
            Self::Ec2 => "2016-11-15",
            Self::AutoScaling => "2011-01-01",
            Self::Organizations => "2016-11-28",
        }
    }

    /// The service of a permission.
    pub(super) fn of(permission: &str) -> Self {
        if permission.starts_with("autoscaling:") { Self::AutoScaling } else { Self::Ec2 }
    }
}

/// A service by its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Service {
    /// What the SDKs call it, in settings too.
    pub(super) id: &'static str,
    /// In permissions, signatures and endpoints.
    pub(super) prefix: &'static str,
}

/// A service in one region, as it is kept with a session.
#[derive(Debug, Clone)]
pub(super) struct Client(Rc<Operation>);

impl Client {
    /// Why there is none for the region is told in words.
    pub(super) async fn new(config: &SdkConfig, api: Api, region: &str) -> Result<Self, String> {
        let endpoint = endpoint::endpoint(config, api.service(), region).await?;
        Ok(Self(Rc::new(query::operation(config, api, region, &endpoint))))
    }

    /// The call itself.
    pub(super) fn operation(&self) -> &Operation {
        &self.0
    }
}
