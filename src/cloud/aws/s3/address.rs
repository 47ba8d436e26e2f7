//! Where a bucket is.

use aws_config::SdkConfig;

use super::S3;
use crate::cloud::aws::ec2_client::endpoint;

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) endpoint: String,
    /// The bucket, where the path tells it and the host does not.
    pub(super) bucket_in_path: Option<String>,
}

impl Address {
    /// At an endpoint that is configured for S3, else at AWS's own in a region.
    pub(super) async fn of(config: &SdkConfig, bucket: &str, region: &str) -> Result<Self, String> {
        if let Some(endpoint) = endpoint::configured(config, S3) {
            return Ok(Self { endpoint, bucket_in_path: Some(bucket.to_owned()) });
        }
        let (fips, dual_stack) = (config.use_fips(), config.use_dual_stack());
        Self::in_region(bucket, region, fips.unwrap_or_default(), dual_stack.unwrap_or_default()).await
    }

    /// The bucket is the first part of the host's name, unless no certificate would be for that.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>,
    /// <https://docs.aws.amazon.com/general/latest/gr/s3.html>,
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/dual-stack-endpoints.html>
    async fn in_region(bucket: &str, region: &str, fips: bool, dual_stack: bool) -> Result<Self, String> {
        let plain = endpoint::of_region(S3, region, fips, false).await?;
        let host = plain.strip_prefix("https://").unwrap_or(&plain);
        let (service, rest) = host.split_once('.').unwrap_or((host, ""));
        let dual_stack = if dual_stack { ".dualstack" } else { "" };
        let host = format!("{service}{dual_stack}.{rest}");
        Ok(if bucket.contains('.') {
            Self { endpoint: format!("https://{host}"), bucket_in_path: Some(bucket.to_owned()) }
        } else {
            Self { endpoint: format!("https://{bucket}.{host}"), bucket_in_path: None }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bucket_is_part_of_its_host() {
        for (bucket, region, fips, dual_stack, expected, in_path) in [
            ("fleet", "us-east-1", false, false, "fleet.s3.us-east-1.amazonaws.com", false),
            ("fleet", "eu-west-1", false, false, "fleet.s3.eu-west-1.amazonaws.com", false),
            ("my.fleet", "eu-west-1", false, false, "s3.eu-west-1.amazonaws.com", true),
            ("fleet", "us-east-1", true, false, "fleet.s3-fips.us-east-1.amazonaws.com", false),
            ("fleet", "eu-west-1", false, true, "fleet.s3.dualstack.eu-west-1.amazonaws.com", false),
            ("fleet", "us-east-2", true, true, "fleet.s3-fips.dualstack.us-east-2.amazonaws.com", false),
            ("fleet", "cn-north-1", false, false, "fleet.s3.cn-north-1.amazonaws.com.cn", false),
            ("fleet", "us-gov-west-1", false, false, "fleet.s3.us-gov-west-1.amazonaws.com", false),
            ("fleet", "us-gov-west-1", true, false, "fleet.s3-fips.us-gov-west-1.amazonaws.com", false),
            ("fleet", "us-iso-east-1", false, false, "fleet.s3.us-iso-east-1.c2s.ic.gov", false),
            ("fleet", "eusc-de-east-1", false, false, "fleet.s3.eusc-de-east-1.amazonaws.eu", false),
        ] {
            let address = Address::in_region(bucket, region, fips, dual_stack).await.unwrap();
            let bucket_in_path = in_path.then(|| bucket.to_owned());
            assert_eq!(address, Address { endpoint: format!("https://{expected}"), bucket_in_path });
        }
        assert!(Address::in_region("fleet", "not a region!", false, false).await.is_err());
    }

    #[tokio::test]
    async fn at_an_endpoint_of_ones_own_the_path_tells_the_bucket() {
        let config = SdkConfig::builder().endpoint_url("http://127.0.0.1:5000").build();
        let address = Address::of(&config, "fleet", "eu-west-1").await.unwrap();
        assert_eq!(address.endpoint, "http://127.0.0.1:5000");
        assert_eq!(address.bucket_in_path.as_deref(), Some("fleet"));
    }
}
