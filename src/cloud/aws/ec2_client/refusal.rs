//! What a service answers instead of what it was asked for.

use std::borrow::Cow;
use std::fmt;

use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::Deserialize;

/// What is larger is no error of a service's.
const LARGEST: usize = 1 << 20;

/// What a service answers instead.
///
/// <https://docs.aws.amazon.com/ec2/latest/devguide/api-error-codes.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
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

/// An error as EC2 wraps it, in a list, as Auto Scaling does, alone, or as S3 has it, bare; what is not one has no code, and the
/// status tells.
pub(in crate::cloud::aws) fn error(body: &[u8]) -> QueryError {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Response {
        #[serde(rename = "Errors")]
        errors: Errors,
        #[serde(rename = "Error")]
        alone: Option<Error>,
        #[serde(rename = "RequestID", alias = "RequestId")]
        request_id: Option<String>,
        #[serde(rename = "Code")]
        code: Option<String>,
        #[serde(rename = "Message")]
        message: Option<String>,
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
    let text = body.get(..body.len().min(LARGEST)).map(String::from_utf8_lossy);
    let response: Response =
        text.and_then(|text: Cow<'_, str>| quick_xml::de::from_str(&text).ok()).unwrap_or_default();
    let Error { code, message } = match (response.alone, response.code) {
        (Some(alone), _) => alone,
        (None, Some(code)) => Error { code: Some(code), message: response.message },
        (None, None) => response.errors.error,
    };
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
        let bare = error(
            b"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>gone</Message><Key>k</Key><RequestId>4442</RequestId>\
              </Error>",
        );
        assert_eq!((bare.code(), bare.message()), (Some("NoSuchKey"), Some("gone")));
        assert_eq!(bare.request_id(), Some("4442"));
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
