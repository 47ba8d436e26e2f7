//! Policies as people have them at hand: by themselves, or in what AWS's commands print; and what is no policy, though
//! one may stand in it.

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A policy's text, and what it was found in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Whether a byte order mark stood before it.
    pub has_mark: bool,
    /// The policy's own text.
    pub text: String,
    /// What it stood in, where it did not stand by itself.
    pub wrapping: Option<Wrapping>,
}

/// What a policy may stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// What `aws kms get-key-policy` prints.
    KeyPolicy,
    /// What `aws iam get-policy-version` prints.
    PolicyVersion,
    /// What `aws iam get-role-policy` and the like print.
    InlinePolicy,
    /// What `aws organizations describe-policy` prints.
    OrganizationsPolicy,
    /// A JSON string, or a text that is percent-encoded, as IAM's API gives documents back.
    Encoded,
}

impl Wrapping {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::KeyPolicy => "what `aws kms get-key-policy` prints",
            Self::PolicyVersion => "what `aws iam get-policy-version` prints",
            Self::InlinePolicy => "what `aws iam get-role-policy` and the like print",
            Self::OrganizationsPolicy => "what `aws organizations describe-policy` prints",
            Self::Encoded => "an encoded policy",
        }
    }
}

/// A text that is no policy, though it may look like one to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPolicy {
    /// Nothing is there.
    #[error("it is empty")]
    Empty,
    /// A CloudFormation template in JSON.
    #[error("it is a CloudFormation template, not a policy")]
    CloudFormation,
    /// A CloudFormation template in YAML.
    #[error("it is a CloudFormation template in YAML, not a policy in JSON")]
    CloudFormationYaml,
    /// YAML.
    #[error("it is YAML, not JSON")]
    Yaml,
    /// Terraform's language.
    #[error("it is Terraform's language, not JSON")]
    Terraform,
    /// A template with directives, which is no JSON before it is rendered.
    #[error("it is a template that has to be rendered first")]
    Template,
    /// JSON with comments.
    #[error("it has comments, which JSON does not know")]
    Comments,
    /// JSON with a comma too many.
    #[error("it has a comma before a closing bracket, which JSON does not know")]
    TrailingComma,
    /// What `aws iam get-policy` prints, which is all about a policy but the document.
    #[error("it tells of a policy, but not what the policy says")]
    WithoutDocument,
}

impl NoPolicy {
    /// What to do instead: a sentence without its period.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Empty => "`aws kms get-key-policy --key-id KEY` prints a key's policy",
            Self::CloudFormation | Self::CloudFormationYaml => {
                "put the policy document (`KeyPolicy` or `PolicyDocument`) as JSON into a file of its own, patch \
                 that, and put it back into the template"
            }
            Self::Yaml => {
                "turn the policy document into JSON first, as `yq -o=json` does, or take what AWS has: \
                 `aws kms get-key-policy --key-id KEY`"
            }
            Self::Terraform => {
                "patch the JSON that it comes to, or have `keymend fix --emit terraform` write the statements"
            }
            Self::Template => "patch what it is rendered to, and put the new statements into the template",
            Self::Comments => "take the comments out: AWS refuses them too",
            Self::TrailingComma => "take that comma out: AWS refuses it too",
            Self::WithoutDocument => {
                "`aws iam get-policy-version --policy-arn ARN --version-id ID` prints what it says"
            }
        }
    }
}

/// Finds the policy in a text. Whether it is one is not looked at: what can't be told is given back as it is.
///
/// # Errors
/// The text is known to be something else.
pub fn open(text: &str) -> Result<Opened, NoPolicy> {
    let (has_mark, text) = match text.strip_prefix('\u{feff}') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if text.trim().is_empty() {
        return Err(NoPolicy::Empty);
    }
    let (text, wrapping) = match serde_json::from_str::<Value>(text) {
        Ok(value) => unwrapped(text, &value)?,
        Err(error) => not_json(text, &error)?,
    };
    Ok(Opened { has_mark, text, wrapping })
}

/// What stands for a value that a template gets when it is rendered: `${account_id}`. Policy variables do not.
pub fn placeholder(text: &str) -> Option<&str> {
    let starts = text.match_indices("${").map(|(at, _)| at);
    let mut whole = starts.filter_map(|at| {
        let rest = text.get(at..)?;
        rest.get(..=rest.find('}')?)
    });
    whole.find(|whole| !is_policy_variable(whole.trim_start_matches("${").trim_end_matches('}')))
}

/// `aws:username`, `aws:PrincipalTag/team, 'none'`, `*`.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>
fn is_policy_variable(inner: &str) -> bool {
    let key = inner.split(',').next().unwrap_or_default().trim();
    let is_key = key.split_once(':').is_some_and(|(service, name)| {
        let is_word = !service.is_empty()
            && service.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        is_word && name.starts_with(|first: char| first.is_ascii_alphanumeric())
    });
    matches!(inner, "*" | "?" | "$") || is_key
}

/// Where JSON holds a policy.
fn unwrapped(text: &str, value: &Value) -> Result<(String, Option<Wrapping>), NoPolicy> {
    let as_it_is = || Ok((text.to_owned(), None));
    let object = match value {
        Value::String(inner) => return Ok((decoded(inner), Some(Wrapping::Encoded))),
        Value::Object(object) if !object.contains_key("Statement") => object,
        _ => return as_it_is(),
    };
    if object.contains_key("AWSTemplateFormatVersion") || object.contains_key("Resources") {
        return Err(NoPolicy::CloudFormation);
    }
    let places: [(&[&str], Wrapping); 6] = [
        (&["PolicyVersion", "Document"], Wrapping::PolicyVersion),
        (&["PolicyDocument"], Wrapping::InlinePolicy),
        (&["Policy", "Content"], Wrapping::OrganizationsPolicy),
        (&["Content"], Wrapping::OrganizationsPolicy),
        (&["Document"], Wrapping::PolicyVersion),
        (&["Policy"], Wrapping::KeyPolicy),
    ];
    for (path, wrapping) in places {
        let held = path.iter().try_fold(value, |value, name| value.get(name));
        match held {
            Some(Value::String(inner)) => return Ok((decoded(inner), Some(wrapping))),
            Some(Value::Object(inner)) if inner.contains_key("Statement") => {
                let Some(source) = super::json::source_of(text, path) else { continue };
                return Ok((outdented(source), Some(wrapping)));
            }
            _ => {}
        }
    }
    if object.get("Policy").is_some_and(|policy| policy.get("DefaultVersionId").is_some()) {
        return Err(NoPolicy::WithoutDocument);
    }
    as_it_is()
}

/// A policy's text, which may be percent-encoded after RFC 3986: `+` stays `+`.
///
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_PolicyVersion.html>
fn decoded(text: &str) -> String {
    let is_encoded = text.trim_start().starts_with("%7B") || text.trim_start().starts_with("%7b");
    let decoded = is_encoded.then(|| percent_decode_str(text.trim()).decode_utf8());
    match decoded {
        Some(Ok(decoded)) => decoded.into_owned(),
        _ => text.to_owned(),
    }
}

/// An object that stood further in, with its lines moved out.
fn outdented(source: &str) -> String {
    let last = source.rsplit('\n').next().unwrap_or_default();
    let indent: String = last.chars().take_while(|c| c.is_whitespace()).collect();
    if indent.is_empty() || !source.contains('\n') {
        return source.to_owned();
    }
    // No string of JSON goes over a line's end.
    let lines = source.split('\n').map(|line| line.strip_prefix(indent.as_str()).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// What else a text may be that is not JSON.
fn not_json(text: &str, error: &serde_json::Error) -> Result<(String, Option<Wrapping>), NoPolicy> {
    if let Some(policy) = printed_as_text(text) {
        return Ok((policy.to_owned(), Some(Wrapping::KeyPolicy)));
    }
    let start = text.trim_start();
    if start.starts_with("%7B") || start.starts_with("%7b") {
        return Ok((decoded(text), Some(Wrapping::Encoded)));
    }
    let is_of_cloudformation = text.contains("AWSTemplateFormatVersion") || text.contains("Type: AWS::");
    if text.contains("%{") {
        return Err(NoPolicy::Template);
    }
    if !start.starts_with(['{', '[', '"']) {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        return Err(if is_of_cloudformation {
            NoPolicy::CloudFormationYaml
        } else if is_terraform(text) {
            NoPolicy::Terraform
        } else if lines.any(is_yaml_member) {
            NoPolicy::Yaml
        } else if is_comment(start) {
            NoPolicy::Comments
        } else {
            return Ok((text.to_owned(), None));
        });
    }
    if error.to_string().starts_with("trailing comma") {
        return Err(NoPolicy::TrailingComma);
    }
    let has_comment =
        text.lines().any(|line| is_comment(line.trim_start())) || super::json::parses_but_for_comments(text);
    if has_comment { Err(NoPolicy::Comments) } else { Ok((text.to_owned(), None)) }
}

/// `aws kms get-key-policy --output text` prints the policy, a tab and the policy's name.
fn printed_as_text(text: &str) -> Option<&str> {
    let (policy, name) = text.trim_end().rsplit_once('\t')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name && serde_json::from_str::<Value>(policy).is_ok_and(|value| value.is_object())).then_some(policy)
}

fn is_comment(line: &str) -> bool {
    line.starts_with("//") || line.starts_with("/*") || line.starts_with('#')
}

fn is_terraform(text: &str) -> bool {
    const BLOCKS: [&str; 6] =
        ["resource \"", "data \"", "locals {", "variable \"", "module \"", "jsonencode("];
    let mut lines = text.lines().map(str::trim_start);
    lines.any(|line| BLOCKS.iter().any(|block| line.starts_with(block)) || line.contains("= jsonencode("))
}

/// `Statement:`, `- Effect: Allow`, `---`.
fn is_yaml_member(line: &str) -> bool {
    let member = line.trim_start_matches("- ");
    let is_member = member.split_once(':').is_some_and(|(name, rest)| {
        let name = name.trim_matches(['"', '\'']);
        let is_word = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        is_word && (rest.is_empty() || rest.starts_with(' '))
    });
    line == "---" || is_member
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const POLICY: &str = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": []\n}";

    fn opened(text: &str) -> (String, Option<Wrapping>) {
        let found = open(text).unwrap();
        (found.text, found.wrapping)
    }

    #[test]
    fn a_policy_by_itself_is_as_it_is() {
        let crlf = POLICY.replace('\n', "\r\n");
        let with_tabs = POLICY.replace("  ", "\t");
        for text in
            [POLICY, &crlf, &with_tabs, "{\"Statement\":[]}\n\n", "{}", "[1]", "no policy at all", "{"]
        {
            assert_eq!(opened(text), (text.to_owned(), None));
            let marked = open(&format!("\u{feff}{text}")).unwrap();
            assert_eq!((marked.has_mark, marked.text.as_str()), (true, text));
        }
        // A policy's own member is no wrapping.
        let odd = json!({"Statement": [], "Policy": "{\"Statement\": {}}"}).to_string();
        assert_eq!(opened(&odd), (odd.clone(), None));
    }

    #[test]
    fn what_commands_print_is_unwrapped() {
        let encoded = "%7B%22Statement%22%3A%5B%5D%2C%22Id%22%3A%22a+b%22%7D";
        let plain = "{\"Statement\":[],\"Id\":\"a+b\"}";
        let nested: serde_json::Value = serde_json::from_str(POLICY).unwrap();
        for (printed, text, wrapping) in [
            (json!({"Policy": POLICY, "PolicyName": "default"}), POLICY, Wrapping::KeyPolicy),
            (
                json!({"PolicyVersion": {"Document": encoded, "VersionId": "v1"}}),
                plain,
                Wrapping::PolicyVersion,
            ),
            (json!({"Document": encoded, "VersionId": "v1"}), plain, Wrapping::PolicyVersion),
            (json!({"RoleName": "app", "PolicyDocument": encoded}), plain, Wrapping::InlinePolicy),
            (
                json!({"Policy": {"Content": POLICY, "PolicySummary": {}}}),
                POLICY,
                Wrapping::OrganizationsPolicy,
            ),
            (json!(POLICY), POLICY, Wrapping::Encoded),
        ] {
            for laid_out in [printed.to_string(), format!("{printed:#}")] {
                assert_eq!(opened(&laid_out), (text.to_owned(), Some(wrapping)), "{laid_out}");
            }
        }
        for (printed, wrapping) in [
            (json!({"PolicyVersion": {"VersionId": "v1", "Document": nested}}), Wrapping::PolicyVersion),
            (json!({"PolicyDocument": nested}), Wrapping::InlinePolicy),
        ] {
            let (text, found) = opened(&format!("{printed:#}"));
            assert_eq!(found, Some(wrapping));
            assert_eq!(text, format!("{nested:#}"), "its lines are moved out");
        }
        assert_eq!(opened(&format!("{POLICY}\tdefault\n")), (POLICY.to_owned(), Some(Wrapping::KeyPolicy)));
        assert_eq!(opened(encoded), (plain.to_owned(), Some(Wrapping::Encoded)));
    }

    #[test]
    fn what_is_something_else_is_told() {
        let template = json!({"Resources": {"Key": {"Type": "AWS::KMS::Key"}}}).to_string();
        for (text, expected) in [
            ("", NoPolicy::Empty),
            (" \n", NoPolicy::Empty),
            (template.as_str(), NoPolicy::CloudFormation),
            ("AWSTemplateFormatVersion: '2010-09-09'\nResources: {}", NoPolicy::CloudFormationYaml),
            ("Resources:\n  Key:\n    Type: AWS::KMS::Key\n", NoPolicy::CloudFormationYaml),
            ("Version: '2012-10-17'\nStatement:\n- Effect: Allow\n", NoPolicy::Yaml),
            ("# the key's\n---\nStatement: []\n", NoPolicy::Yaml),
            ("resource \"aws_kms_key\" \"a\" {\n  policy = jsonencode({})\n}", NoPolicy::Terraform),
            ("{\"Statement\": [%{ for a in accounts }\"${a}\",%{ endfor }]}", NoPolicy::Template),
            ("{\n  // EBS key\n  \"Statement\": []\n}", NoPolicy::Comments),
            ("{\"Statement\": [] /* none */}", NoPolicy::Comments),
            ("// EBS key\n{\"Statement\": []}", NoPolicy::Comments),
            ("{\"Statement\": [],}", NoPolicy::TrailingComma),
            ("{\"Statement\": [\n{},\n]}", NoPolicy::TrailingComma),
            (
                "{\"Policy\": {\"PolicyName\": \"a\", \"DefaultVersionId\": \"v1\"}}",
                NoPolicy::WithoutDocument,
            ),
        ] {
            assert_eq!(open(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn placeholders_are_told_from_policy_variables() {
        for (text, expected) in [
            ("arn:aws:iam::${account_id}:root", Some("${account_id}")),
            (
                "${aws:username} ${data.aws_caller_identity.current.account_id}",
                Some("${data.aws_caller_identity.current.account_id}"),
            ),
            ("arn:aws:iam::${AWS::AccountId}:root", Some("${AWS::AccountId}")),
            ("${aws:PrincipalTag/team, 'none'} ${*} ${$} ${kms:CallerAccount}", None),
            ("${cognito-identity.amazonaws.com:sub}", None),
            ("${unfinished", None),
        ] {
            assert_eq!(placeholder(text), expected, "{text}");
        }
    }
}
