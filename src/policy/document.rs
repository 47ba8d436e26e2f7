//! A policy document: its source text, kept byte for byte, and a typed view of it.
//!
//! Grammar: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use super::AwsPrincipal;
use super::json;
use super::layout::Layout;
use super::reader::Reader;
use super::tree::{Kind, Span, Value};

pub use super::content::{
    Content, Effect, ListElement, PrincipalElement, PrincipalType, Statement, StringList, label,
};
use super::json::PolicyError;

/// A key policy, an identity policy, a service or resource control policy.
#[derive(Debug, Clone)]
pub struct PolicyDocument {
    text: String,
    /// The `Version` element.
    pub version: Option<String>,
    /// The `Id` element.
    pub id: Option<String>,
    /// The statements in source order.
    pub statements: Vec<Statement>,
    /// Elements that the grammar does not know.
    pub unknown: Vec<(String, serde_json::Value)>,
    pub(super) layout: Layout,
    pub(super) statement_element: StatementElement,
}

/// Where the `Statement` element's value stands.
#[derive(Debug, Clone)]
pub(super) struct StatementElement {
    pub(super) span: Span,
    /// An array of statements, or one statement by itself.
    pub(super) is_array: bool,
}

impl StatementElement {
    fn of(root: Value<'_, '_>) -> Self {
        let element = root.member("Statement").map(|member| member.value);
        let is_array = element.is_some_and(|value| value.kind() == Kind::Array);
        Self { span: element.map_or(0..0, Value::span), is_array }
    }
}

#[cfg(test)]
thread_local! {
    /// The texts that this test has read, each as often as it was.
    pub(crate) static PARSED: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}

impl PolicyDocument {
    /// Reads a policy.
    ///
    /// # Errors
    /// The text is not JSON, has a key twice in an object, or is not of the policy grammar.
    pub fn parse(text: impl Into<String>) -> Result<Self, PolicyError> {
        let text = text.into();
        #[cfg(test)]
        PARSED.with_borrow_mut(|parsed| parsed.push(text.clone()));
        let (content, layout, statement_element) = {
            let tree = json::parse(&text)?;
            let reader = Reader { text: &text };
            let root = reader.root(&tree)?;
            let content: Content = reader.content(root, |_, statement| statement)?;
            (content, Layout::of(&text, root), StatementElement::of(root))
        };
        let Content { version, id, statements, unknown } = content;
        Ok(Self { text, version, id, statements, unknown, layout, statement_element })
    }

    /// The source text, byte for byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a statement has this Sid.
    pub fn has_sid(&self, sid: &str) -> bool {
        self.statements.iter().any(|statement| statement.sid.as_deref() == Some(sid))
    }

    /// The unique ids that deleted principals left behind, in source order, each once.
    pub fn orphans(&self) -> Vec<String> {
        let mut orphans = Vec::new();
        let principals = self.statements.iter().filter_map(|statement| statement.principal.as_ref());
        for principal in principals.flat_map(PrincipalElement::aws) {
            if let AwsPrincipal::UniqueId(id) = principal
                && !orphans.contains(id)
            {
                orphans.push(id.clone());
            }
        }
        orphans
    }
}

impl PartialEq for PolicyDocument {
    /// Byte for byte; for equality by meaning see [`super::Fingerprint`].
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for PolicyDocument {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::ActionSet;

    fn error(text: &str) -> String {
        PolicyDocument::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_a_policy_is_told_with_its_place() {
        assert_eq!(error("{"), "not JSON: EOF while parsing an object at $, line 1, column 1");
        assert_eq!(error("[]"), "expected a policy object, found an array at $, line 1, column 1");
        assert_eq!(
            error("{\"Version\": \"2012-10-17\"}"),
            "the element `Statement` is missing at $, line 1, column 1"
        );
        assert_eq!(
            error("{\n  \"Statement\": [{\"Effect\": \"Allow\", \"Action\": [1]}]\n}"),
            "expected a string, found a number at $.Statement[0].Action[0], line 2, column 48"
        );
        assert_eq!(
            error("{\"Statement\": {\"Effect\": \"Allow\", \"Effect\": \"Deny\"}}"),
            "the key `Effect` stands twice in this object at $.Statement.Effect, line 1, column 35"
        );
        assert_eq!(
            error("{\"Statement\": {\"Effect\": \"allow\"}}"),
            "`allow` is not `Allow` or `Deny` at $.Statement.Effect, line 1, column 26"
        );
        assert_eq!(
            error("{\"Statement\": {\"Effect\": \"Deny\", \"Action\": \"a\", \"NotAction\": \"b\"}}"),
            "`Action` and `NotAction` exclude each other at $.Statement, line 1, column 49"
        );
        assert_eq!(
            error("{\"Statement\": {\"Effect\": \"Deny\", \"Condition\": {\"Bool\": {\"a:b\": null}}}}"),
            "expected a string, a boolean or a number, found null at $.Statement.Condition.Bool[\"a:b\"], \
             line 1, column 64"
        );
        assert_eq!(error("{} // no"), "not JSON: trailing characters at $, line 1, column 4");
        assert_eq!(error(""), "not JSON: EOF while parsing a value at $, line 1, column 1");
    }

    #[test]
    fn every_form_of_the_grammar_is_read() {
        let document = PolicyDocument::parse(
            r#"{"Id": "k", "Statement": {"Sid": "a b", "Effect": "Deny", "Surprise": {"x": [1]},
                "NotPrincipal": {"AWS": ["111122223333", "AIDAEXAMPLEEXAMPLE12"], "Service": "ec2.amazonaws.com"},
                "NotAction": "kms:Decrypt", "NotResource": ["a", "b"],
                "Condition": {"Bool": {"aws:SecureTransport": true}, "NumericLessThan": {"k:n": [1.50, "2"]}}}}"#,
        )
        .unwrap();
        let [statement] = document.statements.as_slice() else { panic!("one statement") };
        assert_eq!(statement.sid.as_deref(), Some("a b"));
        assert_eq!(statement.unknown[0].0, "Surprise");
        let principal = statement.principal.as_ref().unwrap();
        assert!(principal.negated && !principal.is_aws_only());
        assert_eq!(document.orphans(), ["AIDAEXAMPLEEXAMPLE12"]);
        assert!(!statement.kms_actions().contains(ActionSet::of_pattern("kms:Decrypt")));
        assert_eq!(statement.conditions[0].values, ["true"]);
        assert_eq!(statement.conditions[1].values, ["1.50", "2"]);
    }
}
