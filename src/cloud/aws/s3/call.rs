//! A call of S3's, on the SDK's own runtime: what goes out, and what comes back.

use aws_config::SdkConfig;
use aws_runtime::auth::SigningOptions;
use aws_smithy_runtime::client::orchestrator::operation;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::base64;
use aws_smithy_types::body::SdkBody;
use percent_encoding::{AsciiSet, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use super::S3;
use crate::cloud::aws::ec2_client::ESCAPED;
use crate::cloud::aws::ec2_client::refusal::{QueryError, error};
use crate::cloud::aws::ec2_client::runtime::{self, Serving};

/// What stays as it is in a path.
const IN_PATH: &AsciiSet = &ESCAPED.remove(b'/');

/// A call is made again after these besides: two writers came at the same time, and which was first is not decided.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
const PASSING: &[&str] = &["InternalError", "ConditionalRequestConflict"];

pub(super) type Operation = operation::Operation<Request, Vec<u8>, QueryError>;

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: &'static str,
    /// The bucket, where the path tells it.
    pub(super) bucket: Option<String>,
    /// The object; none where it is about the bucket.
    pub(super) key: Option<String>,
    pub(super) query: Vec<(&'static str, String)>,
    /// Whether nobody may have made the object before.
    pub(super) is_once: bool,
    pub(super) body: String,
}

impl Request {
    /// The path as it is sent, and as it is signed: no part of it is encoded twice or resolved.
    fn path(&self) -> String {
        let bucket = self.bucket.iter().map(String::as_str);
        let key = self.key.iter().map(String::as_str);
        let path = bucket.chain(key).map(|part| utf8_percent_encode(part, IN_PATH).to_string());
        let query = self.query.iter();
        let query = query.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, ESCAPED)));
        let (path, query) = (path.collect::<Vec<_>>().join("/"), query.collect::<Vec<_>>().join("&"));
        if query.is_empty() { format!("/{path}") } else { format!("/{path}?{query}") }
    }
}

/// The calls in one region, at an endpoint.
pub(super) fn operation(config: &SdkConfig, region: &str, endpoint: &str) -> Operation {
    // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    let mut signing = SigningOptions::default();
    signing.double_uri_encode = false;
    signing.content_sha256_header = true;
    signing.normalize_uri_path = false;
    let serving = Serving { service: S3, signing, passing: PASSING };
    runtime::operation(config, &serving, (region, endpoint), request, answer)
}

#[expect(clippy::needless_pass_by_value, reason = "the runtime hands the input over")]
fn request(asked: Request) -> Result<HttpRequest, BoxError> {
    let path = asked.path();
    let mut request = HttpRequest::new(SdkBody::from(asked.body.as_str()));
    request.set_method(asked.method)?;
    request.set_uri(path)?;
    let headers = request.headers_mut();
    if asked.method == "PUT" {
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
        headers.insert("x-amz-checksum-sha256", base64::encode(Sha256::digest(&asked.body)));
        headers.insert("x-amz-sdk-checksum-algorithm", "SHA256");
        headers.insert("content-type", "application/json");
    }
    if asked.is_once {
        headers.insert("if-none-match", "*");
    }
    Ok(request)
}

fn answer(response: &HttpResponse) -> Result<Vec<u8>, OrchestratorError<QueryError>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        Ok(body.to_vec())
    } else {
        Err(OrchestratorError::operation(error(body)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(bucket: Option<&str>, key: Option<&str>) -> Request {
        Request {
            method: "GET",
            bucket: bucket.map(str::to_owned),
            key: key.map(str::to_owned),
            query: Vec::new(),
            is_once: false,
            body: String::new(),
        }
    }

    #[test]
    fn paths_are_encoded_once() {
        for (bucket, key, path) in [
            (None, Some("fleet/fleet.json"), "/fleet/fleet.json"),
            (Some("b"), Some("fleet/fleet.json"), "/b/fleet/fleet.json"),
            (None, Some("a b/é+=?#%25/x"), "/a%20b/%C3%A9%2B%3D%3F%23%2525/x"),
            (None, None, "/"),
            (Some("my.bucket"), None, "/my.bucket"),
        ] {
            assert_eq!(get(bucket, key).path(), path);
        }
        let query = vec![("list-type", "2".to_owned()), ("prefix", "a b/c".to_owned())];
        assert_eq!(Request { query, ..get(Some("b"), None) }.path(), "/b?list-type=2&prefix=a%20b%2Fc");
    }

    #[test]
    fn an_object_is_made_once_and_checked_by_its_digest() {
        let put = Request { method: "PUT", is_once: true, body: "text".to_owned(), ..get(None, Some("k")) };
        let made = request(put).unwrap();
        assert_eq!(made.headers().get("if-none-match"), Some("*"));
        let digest = made.headers().get("x-amz-checksum-sha256");
        assert_eq!(digest, Some("mC2ePrmW9VnmM/TRlN7zdh2Qn1o7ZH0ahR/q1nwyydE="));
        let read = request(get(None, Some("k"))).unwrap();
        assert_eq!((read.headers().get("if-none-match"), read.method()), (None, "GET"));
    }
}
