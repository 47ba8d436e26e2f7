//! The Query protocol of EC2 and Auto Scaling: the form that goes out and the XML that comes back.
//!
//! <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-reference.html>,
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/query-apis.html>

use aws_config::SdkConfig;
use aws_runtime::auth::SigningOptions;
use aws_smithy_runtime::client::orchestrator::operation;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Api;
use super::refusal::{QueryError, error};
use super::runtime::{self, Serving};

/// More than any answer to a question about named things; what is larger is not read.
const LARGEST_ANSWER: usize = 16 << 20;

/// What stays as it is in a form: RFC 3986's unreserved characters.
pub(in crate::cloud::aws) const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

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

/// The calls of one set of credentials in one region, at an endpoint.
pub(super) fn operation(config: &SdkConfig, api: Api, region: &str, endpoint: &str) -> Operation {
    let serving = Serving { service: api.service(), signing: SigningOptions::default(), passing: &[] };
    runtime::operation(config, &serving, (region, endpoint), request, answer)
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
}
