//! Calls of services that have no client of the SDK's here, on the SDK's own runtime: it signs, retries, times out and sends; only what
//! goes out and what comes back are ours.

use std::fmt::Debug;

use aws_config::SdkConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::retries::classifiers::{AwsErrorCodeClassifier, TRANSIENT_ERRORS};
use aws_runtime::service_clock_skew::ServiceClockSkewInterceptor;
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_sdk_sts::config::{BehaviorVersion, RuntimeComponentsBuilder};
use aws_smithy_runtime::client::orchestrator::operation::{Operation, OperationBuilder};
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::config_bag::{FrozenLayer, Layer};
use aws_types::SigningName;
use aws_types::region::{Region, SigningRegion};

use super::Service;
use super::refusal::QueryError;
use crate::cloud::aws::retries;

/// How a service is called.
#[derive(Debug)]
pub(in crate::cloud::aws) struct Serving {
    pub(in crate::cloud::aws) service: Service,
    pub(in crate::cloud::aws) signing: SigningOptions,
    /// Codes of its own after which a call is made again.
    pub(in crate::cloud::aws) passing: &'static [&'static str],
}

/// The calls of one set of credentials in one region, at an endpoint: what the request is, and what is made of the answer, is
/// the service's own.
pub(in crate::cloud::aws) fn operation<I, O>(
    config: &SdkConfig,
    serving: &Serving,
    (region, endpoint): (&str, &str),
    request: fn(I) -> Result<HttpRequest, BoxError>,
    answer: fn(&HttpResponse) -> Result<O, OrchestratorError<QueryError>>,
) -> Operation<I, O, QueryError>
where
    I: Debug + Send + Sync + 'static,
    O: Debug + Send + Sync + 'static,
{
    let plugin = StaticRuntimePlugin::new()
        .with_config(settings(config, serving, region))
        .with_runtime_components(components(config));
    let codes = AwsErrorCodeClassifier::<QueryError>::builder();
    let codes = codes.transient_errors([TRANSIENT_ERRORS, serving.passing].concat()).build();
    let mut builder = OperationBuilder::new()
        .service_name(serving.service.id)
        .operation_name("Query")
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(endpoint)
        .serializer(request)
        .deserializer(answer)
        .with_connection_poisoning()
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(TransientErrorClassifier::<QueryError>::new())
        .retry_classifier(codes)
        .interceptor(ServiceClockSkewInterceptor::new())
        .interceptor(RequestInfoInterceptor::new())
        .interceptor(InvocationIdInterceptor::new())
        .interceptor(UserAgentInterceptor::new());
    if let Some(retries) = config.retry_config() {
        builder = builder.standard_retry(retries);
    }
    if let Some(timeouts) = config.timeout_config() {
        builder = builder.timeout_config(timeouts.clone());
    }
    builder.runtime_plugin(plugin).build()
}

/// What signing has to know.
fn settings(config: &SdkConfig, serving: &Serving, region: &str) -> FrozenLayer {
    let Service { id, prefix } = serving.service;
    let mut layer = Layer::new(id);
    let region = Region::new(region.to_owned());
    layer.store_put(SigningName::from_static(prefix));
    layer.store_put(SigningRegion::from(region.clone()));
    layer.store_put(region);
    layer.store_put(ApiMetadata::new(prefix, env!("CARGO_PKG_VERSION")));
    layer.store_or_unset(config.app_name().cloned());
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(retries::partition());
    layer.store_put(SigV4OperationSigningConfig {
        signing_options: serving.signing.clone(),
        ..SigV4OperationSigningConfig::default()
    });
    layer.freeze()
}

/// Whose credentials sign, and by which means everything is sent.
fn components(config: &SdkConfig) -> RuntimeComponentsBuilder {
    let mut components = RuntimeComponentsBuilder::new("keymend");
    components.push_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()));
    components.set_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
        StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
    )));
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, SharedIdentityResolver::new(credentials));
    }
    // What is set to nothing would hide the runtime's defaults.
    if let Some(cache) = config.identity_cache() {
        components.set_identity_cache(Some(cache));
    }
    if let Some(client) = config.http_client() {
        components.set_http_client(Some(client));
    }
    if let Some(sleep) = config.sleep_impl() {
        components.set_sleep_impl(Some(sleep));
    }
    if let Some(time) = config.time_source() {
        components.set_time_source(Some(time));
    }
    components
}
