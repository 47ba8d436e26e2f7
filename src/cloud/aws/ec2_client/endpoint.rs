//! Where services are that have no client of the SDK's here.

use aws_config::SdkConfig;
use aws_sdk_kms::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_types::service_config::ServiceConfigKey;

use super::Service;

/// The endpoint in a region: the one that is configured, else AWS's own.
pub(super) async fn endpoint(config: &SdkConfig, service: Service, region: &str) -> Result<String, String> {
    if let Some(url) = configured(config, service) {
        return Ok(url);
    }
    let (fips, dual_stack) = (config.use_fips(), config.use_dual_stack());
    query(service, region, fips.unwrap_or_default(), dual_stack.unwrap_or_default()).await
}

/// As every client of the SDK finds it: `--endpoint-url`, then what is set for the service, then what is set for all.
pub(in crate::cloud::aws) fn configured(config: &SdkConfig, service: Service) -> Option<String> {
    let for_all = || config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return for_all();
    }
    let key = ServiceConfigKey::builder();
    let key = key.service_id(service.id).env("AWS_ENDPOINT_URL").profile("endpoint_url");
    let of_service = key.build().ok().and_then(|key| config.service_config()?.load_config(key));
    of_service.or_else(for_all)
}

/// <https://docs.aws.amazon.com/general/latest/gr/ec2-service.html>,
/// <https://docs.aws.amazon.com/general/latest/gr/as.html>
async fn query(service: Service, region: &str, fips: bool, dual_stack: bool) -> Result<String, String> {
    // In GovCloud the one endpoint is a FIPS endpoint, under the plain name.
    let fips = fips && (dual_stack || !region.starts_with("us-gov-"));
    of_region(service, region, fips, dual_stack).await
}

/// The services are named alike in every partition, and the SDK knows all partitions by KMS.
pub(in crate::cloud::aws) async fn of_region(
    service: Service,
    region: &str,
    fips: bool,
    dual_stack: bool,
) -> Result<String, String> {
    let params = Params::builder().region(region).use_fips(fips).use_dual_stack(dual_stack).build();
    let params = params.map_err(|error| error.to_string())?;
    let resolver = DefaultResolver::new();
    let endpoint = resolver.resolve_endpoint(&params).await.map_err(|error| error.to_string())?;
    let url = endpoint.url();
    match url.strip_prefix("https://kms") {
        Some(rest) => Ok(format!("https://{}{rest}", service.prefix)),
        None => Err(format!("no endpoint of {} is known for the region `{region}`", service.id)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Api;
    use super::*;

    #[tokio::test]
    async fn every_partition_has_its_own_domain() {
        for (region, fips, dual_stack, host) in [
            ("eu-west-1", false, false, "ec2.eu-west-1.amazonaws.com"),
            ("us-east-1", true, false, "ec2-fips.us-east-1.amazonaws.com"),
            ("eu-west-1", false, true, "ec2.eu-west-1.api.aws"),
            ("us-east-1", true, true, "ec2-fips.us-east-1.api.aws"),
            ("cn-north-1", false, false, "ec2.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", false, false, "ec2.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1", true, false, "ec2.us-gov-west-1.amazonaws.com"),
            ("us-iso-east-1", false, false, "ec2.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", false, false, "ec2.us-isob-east-1.sc2s.sgov.gov"),
            ("eu-isoe-west-1", false, false, "ec2.eu-isoe-west-1.cloud.adc-e.uk"),
            ("us-isof-south-1", false, false, "ec2.us-isof-south-1.csp.hci.ic.gov"),
            ("eusc-de-east-1", false, false, "ec2.eusc-de-east-1.amazonaws.eu"),
        ] {
            let of = async |api: Api| query(api.service(), region, fips, dual_stack).await;
            assert_eq!(of(Api::Ec2).await, Ok(format!("https://{host}")), "{region}");
            let groups = host.replacen("ec2", "autoscaling", 1);
            assert_eq!(of(Api::AutoScaling).await, Ok(format!("https://{groups}")), "{region}");
        }
        for (region, host) in [
            ("us-east-1", "organizations.us-east-1.amazonaws.com"),
            ("cn-northwest-1", "organizations.cn-northwest-1.amazonaws.com.cn"),
            ("us-gov-west-1", "organizations.us-gov-west-1.amazonaws.com"),
        ] {
            let found = query(Api::Organizations.service(), region, false, false).await;
            assert_eq!(found, Ok(format!("https://{host}")));
        }
        assert!(query(Api::Ec2.service(), "not a region!", false, false).await.is_err());
    }
}
