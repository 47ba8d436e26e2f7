//! Commands of the AWS CLI that tell what an instance or a record does not: who called, and what refused it.

use super::Purpose;
use crate::shell;

/// Tells who launched or started an instance.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/cloudtrail/lookup-events.html>
pub fn who_called(purpose: Purpose, region: &str, instance: &str) -> String {
    let call = match purpose {
        Purpose::Launch => "RunInstances",
        Purpose::Start => "StartInstances",
    };
    let query = format!("Events[?EventName=='{call}'].CloudTrailEvent");
    let attribute = format!("AttributeKey=ResourceName,AttributeValue={instance}");
    let words = ["aws", "cloudtrail", "lookup-events", "--region", region, "--lookup-attributes", &attribute];
    shell::command(words.into_iter().chain(["--query", &query]))
}

/// How to see which statement made EC2 refuse a call, by the message about it that AWS encodes.
///
/// <https://docs.aws.amazon.com/cli/latest/reference/sts/decode-authorization-message.html>
pub fn how_to_decode(encoded: Option<&str>) -> String {
    match encoded {
        None => "its caller's permissions for EC2 decide: see AWS's message in the event".to_owned(),
        Some(encoded) => format!(
            "AWS tells what denied it: aws sts decode-authorization-message --encoded-message {}",
            shell::quote(encoded)
        ),
    }
}
