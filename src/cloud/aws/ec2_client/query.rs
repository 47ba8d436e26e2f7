//! The Query protocol of EC2 and Auto Scaling on the SDK's own runtime: the SDK signs, retries, times out and sends; only the form that
//! goes out and the XML that comes back are ours.
//!
//! <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-reference.html>,
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/query-apis.html>

use std::borrow::Cow;
use std::fmt;

use aws_config::SdkConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::ServiceClockSkewInterceptor;
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_sdk_sts::config::{BehaviorVersion, RuntimeComponentsBuilder};
use aws_smithy_runtime::client::orchestrator::operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{FrozenLayer, Layer};
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SigningName;
use aws_types::region::{Region, SigningRegion};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::Api;
use crate::cloud::aws::retries;

/// More than any answer to a question about named things; what is larger is not read.
const LARGEST_ANSWER: usize = 16 << 20;

/// What stays as it is in a form: RFC 3986's unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A service in one region, with one set of credentials.
pub(super) type Operation = operation::Operation<Query, String, QueryError>;

/// One call.
#[derive(Debug, Clone)]
pub(in crate::cloud::aws) struct Query {
    api: Api,
    action: &'static str,
    parameters: Vec<(String, String)>,
}

impl Query {
    /// A call of EC2's.
    pub(in crate::cloud::aws) fn new(action: &'static str) -> Self {
        Self { api: Api::Ec2, action, parameters: Vec::new() }
    }

    /// A call of Auto Scaling's.
    pub(in crate::cloud::aws) fn of_auto_scaling(action: &'static str) -> Self {
        Self { api: Api::AutoScaling, ..Self::new(action) }
    }

    /// A call of AWS Organizations'.
    pub(in crate::cloud::aws) fn of_organizations(action: &'static str) -> Self {
        Self { api: Api::Organizations, ..Self::new(action) }
    }

    pub(in crate::cloud::aws) fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A list: `ImageId.1`, `ImageId.2`, …
    pub(in crate::cloud::aws) fn with_each(self, name: &str, values: &[String]) -> Self {
        let numbered = values.iter().enumerate();
        numbered.fold(self, |query, (index, value)| query.with(&format!("{name}.{}", index + 1), value))
    }

    /// The parameters as the JSON protocol has them.
    ///
    /// <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>
    fn json(&self) -> String {
        let members = self.parameters.iter().map(|(name, value)| (name.clone(), value.clone().into()));
        serde_json::Value::Object(members.collect()).to_string()
    }

    fn form(&self) -> String {
        let fixed = [("Action", self.action), ("Version", self.api.version())];
        let own = self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs = fixed.into_iter().chain(own).map(|(name, value)| {
            format!("{}={}", utf8_percent_encode(name, ESCAPED), utf8_percent_encode(value, ESCAPED))
        });
        pairs.collect::<Vec<_>>().join("&")
    }
}

/// What a service answers instead.
///
/// <https://docs.aws.amazon.com/ec2/latest/devguide/api-error-codes.html>
#[derive(Debug)]
pub(in crate::cloud::aws) struct QueryError(ErrorMetadata);

impl QueryError {
    /// The id in the answer itself, where no header has one.
    pub(in crate::cloud::aws) fn request_id(&self) -> Option<&str> {
        self.0.extra("request_id")
    }
}

impl ProvideErrorMetadata for QueryError {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for QueryError {}

/// The calls of one set of credentials in one region, at an endpoint.
pub(super) fn operation(config: &SdkConfig, api: Api, region: &str, endpoint: &str) -> Operation {
    let plugin = StaticRuntimePlugin::new()
        .with_config(settings(config, api, region))
        .with_runtime_components(components(config));
    let mut builder = operation::Operation::builder()
        .service_name(api.service_id())
        .operation_name("Query")
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(endpoint)
        .serializer(request)
        .deserializer(answer)
        .with_connection_poisoning()
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(TransientErrorClassifier::<QueryError>::new())
        .retry_classifier(AwsErrorCodeClassifier::<QueryError>::new())
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
fn settings(config: &SdkConfig, api: Api, region: &str) -> FrozenLayer {
    let mut layer = Layer::new(api.service_id());
    let region = Region::new(region.to_owned());
    layer.store_put(SigningName::from_static(api.prefix()));
    layer.store_put(SigningRegion::from(region.clone()));
    layer.store_put(region);
    layer.store_put(ApiMetadata::new(api.prefix(), env!("CARGO_PKG_VERSION")));
    layer.store_or_unset(config.app_name().cloned());
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(retries::partition());
    layer.store_put(SigV4OperationSigningConfig {
        signing_options: SigningOptions::default(),
        ..SigV4OperationSigningConfig::default()
    });
    layer.freeze()
}

/// Whose credentials sign, and by which means everything is sent.
fn components(config: &SdkConfig) -> RuntimeComponentsBuilder {
    let mut components = RuntimeComponentsBuilder::new("Query");
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

#[expect(clippy::needless_pass_by_value, reason = "the runtime hands the input over")]
fn request(query: Query) -> Result<HttpRequest, BoxError> {
    let (body, kind) = match query.api {
        Api::Ec2 | Api::AutoScaling => (query.form(), "application/x-www-form-urlencoded"),
        Api::Organizations => (query.json(), "application/x-amz-json-1.1"),
    };
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().insert("content-type", kind);
    if query.api == Api::Organizations {
        let target = format!("AWSOrganizationsV20161128.{}", query.action);
        request.headers_mut().insert("x-amz-target", target);
    }
    Ok(request)
}

fn answer(response: &HttpResponse) -> Result<String, OrchestratorError<QueryError>> {
    let body = response.body().bytes().unwrap_or_default();
    if !response.status().is_success() {
        return Err(OrchestratorError::operation(error(body)));
    }
    if body.len() > LARGEST_ANSWER {
        return Err(OrchestratorError::other(format!("an answer of {} bytes is not read", body.len())));
    }
    match std::str::from_utf8(body) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(OrchestratorError::other(error)),
    }
}

/// An error of the JSON protocol.
#[derive(Deserialize)]
struct JsonError {
    #[serde(rename = "__type")]
    kind: String,
    #[serde(default, alias = "Message")]
    message: String,
}

/// Its code may stand behind the name of its space.
fn in_json(JsonError { kind, message }: JsonError) -> QueryError {
    let code = kind.rsplit('#').next().unwrap_or_default();
    QueryError(ErrorMetadata::builder().code(code).message(message).build())
}

/// An error as EC2 wraps it, in a list, or as Auto Scaling does, alone; what is not one has no code, and the status tells.
fn error(body: &[u8]) -> QueryError {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Response {
        #[serde(rename = "Errors")]
        errors: Errors,
        #[serde(rename = "Error")]
        alone: Option<Error>,
        #[serde(rename = "RequestID", alias = "RequestId")]
        request_id: Option<String>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Errors {
        #[serde(rename = "Error")]
        error: Error,
    }
    #[derive(Deserialize, Default)]
    #[serde(default, rename_all = "PascalCase")]
    struct Error {
        code: Option<String>,
        message: Option<String>,
    }
    if let Ok(error) = serde_json::from_slice(body) {
        return in_json(error);
    }
    let text = body.get(..body.len().min(LARGEST_ANSWER)).map(String::from_utf8_lossy);
    let response: Response =
        text.and_then(|text: Cow<'_, str>| quick_xml::de::from_str(&text).ok()).unwrap_or_default();
    let Error { code, message } = response.alone.unwrap_or(response.errors.error);
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = code {
        metadata = metadata.code(code);
    }
    if let Some(message) = message {
        metadata = metadata.message(message);
    }
    if let Some(id) = response.request_id {
        metadata = metadata.custom("request_id", id);
    }
    QueryError(metadata.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_encoded() {
        let query = Query::new("DescribeImages")
            .with_each("ImageId", &["ami-1".to_owned(), "a b&c=é+".to_owned()])
            .with("NextToken", "x/y");
        assert_eq!(
            query.form(),
            "Action=DescribeImages&Version=2016-11-15&ImageId.1=ami-1&ImageId.2=a%20b%26c%3D%C3%A9%2B&NextToken=x%2Fy"
        );
        let query = Query::of_auto_scaling("DescribeAutoScalingGroups");
        assert_eq!(query.form(), "Action=DescribeAutoScalingGroups&Version=2011-01-01");
    }

    #[test]
    fn errors_keep_code_message_and_request_id() {
        let wrapped = error(
            b"<?xml version=\"1.0\"?><Response><Errors><Error><Code>InvalidAMIID.NotFound</Code><Message>The image \
              id '[ami-1]' does not exist</Message></Error></Errors><RequestID>ea966190</RequestID></Response>",
        );
        assert_eq!(wrapped.code(), Some("InvalidAMIID.NotFound"));
        assert_eq!(wrapped.message(), Some("The image id '[ami-1]' does not exist"));
        assert_eq!(wrapped.request_id(), Some("ea966190"));
        let alone = error(
            b"<ErrorResponse xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\"><Error><Type>Sender</Type>\
              <Code>AccessDenied</Code><Message>no</Message></Error><RequestId>5fcb</RequestId></ErrorResponse>",
        );
        assert_eq!((alone.code(), alone.message()), (Some("AccessDenied"), Some("no")));
        assert_eq!(alone.request_id(), Some("5fcb"));
        let json = error(
            br#"{"__type":"com.amazonaws.organizations#AWSOrganizationsNotInUseException","Message":"not a member"}"#,
        );
        assert_eq!(json.code(), Some("AWSOrganizationsNotInUseException"));
        assert_eq!(json.message(), Some("not a member"));
        for text in [
            "{}",
            "",
            "<html><body>502</body></html>",
            "<Response>",
            "no XML",
            "<Response><Errors/></Response>",
        ] {
            assert_eq!(error(text.as_bytes()).code(), None, "{text}");
        }
    }
}
