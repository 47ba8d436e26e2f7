//! What may stand in a CloudFormation template.

use serde_json::Value;

/// Why something can't be put into a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// CloudFormation would take it for something else than text, and has no way to say that it is not.
    #[error("`{resource}` has `{text}`, which CloudFormation would replace with something else")]
    Replaced {
        /// The ARN of what has it.
        resource: String,
        /// What it has.
        text: String,
    },
    /// IAM takes no document of this size.
    #[error("`{policy}` would have {size} characters without white space, and IAM takes {most}")]
    TooLarge {
        /// The policy's name.
        policy: String,
        /// Its size.
        size: usize,
        /// The most there may be.
        most: usize,
    },
    /// A document is not JSON.
    #[error("the document of `{resource}` is no JSON: {message}")]
    NoJson {
        /// The ARN of what has it.
        resource: String,
        /// What the parser says.
        message: String,
    },
}

/// A document as a value that means the same in a template.
pub(super) fn document(resource: &str, text: &str) -> Result<Value, TemplateError> {
    let value: Value = serde_json::from_str(text).map_err(|error| TemplateError::NoJson {
        resource: resource.to_owned(),
        message: error.to_string(),
    })?;
    check(resource, &value)?;
    Ok(value)
}

/// Nothing in a value is a function or a reference, which no quotes would keep CloudFormation from following.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>,
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html>
pub(super) fn check(resource: &str, value: &Value) -> Result<(), TemplateError> {
    let replaced =
        |text: &str| TemplateError::Replaced { resource: resource.to_owned(), text: text.to_owned() };
    let is_reference = |text: &str| text.contains("{{resolve:");
    match value {
        Value::String(text) if is_reference(text) => Err(replaced(text)),
        Value::Array(items) => items.iter().try_for_each(|item| check(resource, item)),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            if name == "Ref" || name.starts_with("Fn::") || is_reference(name) {
                return Err(replaced(name));
            }
            check(resource, value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cloudformation_would_replace_is_refused() {
        for (value, text) in [
            (json!({"Sid": "a {{resolve:ssm:x}}"}), "a {{resolve:ssm:x}}"),
            (json!({"Condition": {"StringEquals": {"Ref": "a"}}}), "Ref"),
            (json!({"Condition": {"StringEquals": {"Fn::Sub": "a"}}}), "Fn::Sub"),
            (json!([[{"{{resolve:secretsmanager:x}}": 1}]]), "{{resolve:secretsmanager:x}}"),
        ] {
            let error = document("arn", &value.to_string()).unwrap_err();
            assert_eq!(error, TemplateError::Replaced { resource: "arn".to_owned(), text: text.to_owned() });
        }
        for value in
            [json!({"Sid": "${AWS::AccountId} !Ref a {{x}} Ref Fn::Sub"}), json!({"ref": {"a": null}})]
        {
            assert_eq!(document("arn", &value.to_string()), Ok(value));
        }
        assert!(matches!(document("arn", "{"), Err(TemplateError::NoJson { .. })));
    }
}
