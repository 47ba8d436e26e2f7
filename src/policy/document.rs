//! A policy document: its source text, kept byte for byte, and a typed view of it.
//!
//! Grammar: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use jsonc_parser::ast::{Object, ObjectProp, Value};

use super::json::{self, Path, PolicyError, Problem, Span, member, span, type_name};
use super::layout::Layout;
use super::{ActionSet, AwsPrincipal, Condition};

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

/// Whether a statement allows or denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// `Allow`.
    Allow,
    /// `Deny`.
    Deny,
}

impl Effect {
    /// The word in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// One statement.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The `Sid` element; not necessarily unique.
    pub sid: Option<String>,
    /// The `Effect` element.
    pub effect: Effect,
    /// `Principal` or `NotPrincipal`, which resource policies have.
    pub principal: Option<PrincipalElement>,
    /// `Action` or `NotAction`; a statement without either is inert.
    pub action: Option<ListElement>,
    /// `Resource` or `NotResource`; a statement without either is inert.
    pub resource: Option<ListElement>,
    /// The `Condition` element as a conjunction.
    pub conditions: Vec<Condition>,
    /// Elements that the grammar does not know: nobody can say what the statement means.
    pub unknown: Vec<(String, serde_json::Value)>,
    pub(super) span: Span,
}

/// `Action`, `Resource` or their negations.
#[derive(Debug, Clone)]
pub struct ListElement {
    /// Whether this is the `Not…` form.
    pub negated: bool,
    /// The values.
    pub list: StringList,
}

/// A string, or an array of strings.
#[derive(Debug, Clone)]
pub struct StringList {
    values: Vec<String>,
    pub(super) item_spans: Vec<Span>,
    pub(super) span: Span,
    pub(super) is_array: bool,
}

impl StringList {
    /// The values in source order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(String::as_str)
    }
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone)]
pub struct PrincipalElement {
    /// Whether this is `NotPrincipal`.
    pub negated: bool,
    /// The principals by type: `AWS`, `Service`, `Federated`, `CanonicalUser`. `None` for the bare `"*"`.
    pub types: Option<Vec<PrincipalType>>,
    aws: Vec<AwsPrincipal>,
}

/// The principals of one type.
#[derive(Debug, Clone)]
pub struct PrincipalType {
    /// `AWS`, `Service`, `Federated`, `CanonicalUser` or what else stands there.
    pub name: String,
    /// The principals.
    pub list: StringList,
    pub(super) member_span: Span,
}

impl PrincipalElement {
    fn new(negated: bool, types: Option<Vec<PrincipalType>>) -> Self {
        let mut element = Self { negated, types, aws: vec![AwsPrincipal::Anyone] };
        if element.types.is_some() {
            let listed = element.aws_list().into_iter().flat_map(StringList::iter);
            element.aws = listed.map(AwsPrincipal::parse).collect();
        }
        element
    }

    /// The members of the `AWS` list; the bare `"*"` is one.
    pub fn aws(&self) -> &[AwsPrincipal] {
        &self.aws
    }

    /// The `AWS` list as it stands in the source.
    pub fn aws_list(&self) -> Option<&StringList> {
        self.types.iter().flatten().find(|kind| kind.name == "AWS").map(|kind| &kind.list)
    }

    /// Whether nothing but AWS principals is named.
    pub fn is_aws_only(&self) -> bool {
        self.types.as_ref().is_none_or(|types| types.iter().all(|kind| kind.name == "AWS"))
    }
}

/// What people call a statement, by its Sid, else by its number in source order, from one.
pub fn label(sid: Option<&str>, number: usize) -> String {
    match sid {
        Some(sid) => format!("statement \"{sid}\""),
        None => format!("statement {number}"),
    }
}

impl Statement {
    /// The KMS actions the statement is about; empty where `Action` is missing.
    pub fn kms_actions(&self) -> ActionSet {
        self.action.as_ref().map_or(ActionSet::EMPTY, |action| {
            let named = ActionSet::of_patterns(action.list.iter());
            if action.negated { ActionSet::all().minus(named) } else { named }
        })
    }

    /// Whether every action pattern stands for KMS actions of the pinned table, and nothing besides.
    pub fn has_only_known_kms_actions(&self) -> bool {
        self.action.as_ref().is_some_and(|action| {
            !action.negated
                && action.list.iter().all(|pattern| {
                    pattern.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("kms:"))
                        && !ActionSet::of_pattern(pattern).is_empty()
                })
        })
    }

    /// What people call the statement, by its Sid, else by its index in source order.
    pub fn label(&self, index: usize) -> String {
        label(self.sid.as_deref(), index + 1)
    }

    /// Whether the statement has an action and a resource, without which it does nothing.
    pub fn is_effective(&self) -> bool {
        self.action.is_some() && self.resource.is_some()
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
        let mut document = {
            let value = json::parse(&text)?;
            Reader { text: &text }.document(&value)?
        };
        document.text = text;
        Ok(document)
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

type Unknown = Vec<(String, serde_json::Value)>;

struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn error(
        &self,
        node: &impl jsonc_parser::common::Ranged,
        path: &Path<'_>,
        problem: Problem,
    ) -> PolicyError {
        PolicyError::at(self.text, node.start(), path, problem)
    }

    fn wrong_type(&self, value: &Value<'_>, path: &Path<'_>, expected: &'static str) -> PolicyError {
        self.error(value, path, Problem::WrongType { expected, found: type_name(value) })
    }

    /// The document without its text, which the caller still lends out.
    fn document(&self, value: &Value<'_>) -> Result<PolicyDocument, PolicyError> {
        let root = Path::Root;
        let Value::Object(object) = value else {
            return Err(self.wrong_type(value, &root, "a policy object"));
        };
        let statement = member(object, "Statement")
            .ok_or_else(|| self.error(object, &root, Problem::Missing("Statement")))?;
        Ok(PolicyDocument {
            text: String::new(),
            version: self.optional_string(object, "Version", &root)?,
            id: self.optional_string(object, "Id", &root)?,
            statements: self.statements(&statement.value, &Path::Member(&root, "Statement"))?,
            unknown: self.unknown(object, &["Version", "Id", "Statement"]),
            layout: Layout::of(self.text, object),
            statement_element: StatementElement {
                span: span(&statement.value),
                is_array: statement.value.as_array().is_some(),
            },
        })
    }

    fn statements(&self, value: &Value<'_>, path: &Path<'_>) -> Result<Vec<Statement>, PolicyError> {
        match value {
            Value::Object(object) => Ok(vec![self.statement(object, path)?]),
            Value::Array(array) => array
                .elements
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let path = Path::Item(path, index);
                    match item {
                        Value::Object(object) => self.statement(object, &path),
                        _ => Err(self.wrong_type(item, &path, "a statement object")),
                    }
                })
                .collect(),
            _ => Err(self.wrong_type(value, path, "a statement object or an array of them")),
        }
    }

    fn statement(&self, object: &Object<'_>, path: &Path<'_>) -> Result<Statement, PolicyError> {
        const KNOWN: [&str; 9] = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        let principal = self.either(object, path, "Principal", "NotPrincipal")?;
        let action = self.either(object, path, "Action", "NotAction")?;
        let resource = self.either(object, path, "Resource", "NotResource")?;
        Ok(Statement {
            sid: self.optional_string(object, "Sid", path)?,
            effect: self.effect(object, path)?,
            principal: principal
                .map(|(property, negated)| self.principal(property, negated, path))
                .transpose()?,
            action: action
                .map(|(property, negated)| self.list_element(property, negated, path))
                .transpose()?,
            resource: resource
                .map(|(property, negated)| self.list_element(property, negated, path))
                .transpose()?,
            conditions: self.conditions(object, path)?,
            unknown: self.unknown(object, &KNOWN),
            span: span(object),
        })
    }

    fn effect(&self, object: &Object<'_>, path: &Path<'_>) -> Result<Effect, PolicyError> {
        let property =
            member(object, "Effect").ok_or_else(|| self.error(object, path, Problem::Missing("Effect")))?;
        let path = Path::Member(path, "Effect");
        match self.string(&property.value, &path)?.as_str() {
            "Allow" => Ok(Effect::Allow),
            "Deny" => Ok(Effect::Deny),
            other => Err(self.error(
                &property.value,
                &path,
                Problem::WrongValue { expected: "`Allow` or `Deny`", found: other.to_owned() },
            )),
        }
    }

    /// The plain or the negated form of an element, which exclude each other.
    fn either<'o, 'a>(
        &self,
        object: &'o Object<'a>,
        path: &Path<'_>,
        plain: &'static str,
        negated: &'static str,
    ) -> Result<Option<(&'o ObjectProp<'a>, bool)>, PolicyError> {
        match (member(object, plain), member(object, negated)) {
            (Some(_), Some(second)) => Err(self.error(second, path, Problem::Exclusive(plain, negated))),
            (Some(property), None) => Ok(Some((property, false))),
            (None, Some(property)) => Ok(Some((property, true))),
            (None, None) => Ok(None),
        }
    }

    fn list_element(
        &self,
        property: &ObjectProp<'_>,
        negated: bool,
        path: &Path<'_>,
    ) -> Result<ListElement, PolicyError> {
        let list = self.string_list(&property.value, &Path::Member(path, property.name.as_str()))?;
        Ok(ListElement { negated, list })
    }

    fn principal(
        &self,
        property: &ObjectProp<'_>,
        negated: bool,
        path: &Path<'_>,
    ) -> Result<PrincipalElement, PolicyError> {
        let path = Path::Member(path, property.name.as_str());
        let types = match &property.value {
            Value::StringLit(text) if text.value == "*" => None,
            Value::Object(object) => Some(
                object
                    .properties
                    .iter()
                    .map(|kind| {
                        Ok(PrincipalType {
                            name: kind.name.as_str().to_owned(),
                            list: self.string_list(&kind.value, &Path::Member(&path, kind.name.as_str()))?,
                            member_span: span(kind),
                        })
                    })
                    .collect::<Result<_, PolicyError>>()?,
            ),
            Value::StringLit(text) => {
                let problem =
                    Problem::WrongValue { expected: "`*` or an object", found: text.value.to_string() };
                return Err(self.error(&property.value, &path, problem));
            }
            other => return Err(self.wrong_type(other, &path, "`*` or an object")),
        };
        Ok(PrincipalElement::new(negated, types))
    }

    fn conditions(&self, object: &Object<'_>, path: &Path<'_>) -> Result<Vec<Condition>, PolicyError> {
        let Some(property) = member(object, "Condition") else {
            return Ok(Vec::new());
        };
        let path = Path::Member(path, "Condition");
        let mut conditions = Vec::new();
        for operator in &self.object(&property.value, &path, "an object of operators")?.properties {
            let path = Path::Member(&path, operator.name.as_str());
            for key in &self.object(&operator.value, &path, "an object of condition keys")?.properties {
                conditions.push(Condition {
                    operator: operator.name.as_str().to_owned(),
                    key: key.name.as_str().to_owned(),
                    values: self.condition_values(&key.value, &Path::Member(&path, key.name.as_str()))?,
                });
            }
        }
        Ok(conditions)
    }

    fn condition_values(&self, value: &Value<'_>, path: &Path<'_>) -> Result<Vec<String>, PolicyError> {
        match value {
            Value::Array(array) => array
                .elements
                .iter()
                .enumerate()
                .map(|(index, item)| self.condition_value(item, &Path::Item(path, index)))
                .collect(),
            scalar => Ok(vec![self.condition_value(scalar, path)?]),
        }
    }

    fn condition_value(&self, value: &Value<'_>, path: &Path<'_>) -> Result<String, PolicyError> {
        match value {
            Value::StringLit(text) => Ok(text.value.to_string()),
            Value::BooleanLit(boolean) => Ok(boolean.value.to_string()),
            Value::NumberLit(number) => Ok(number.value.to_owned()),
            _ => Err(self.wrong_type(value, path, "a string, a boolean or a number")),
        }
    }

    fn object<'o, 'a>(
        &self,
        value: &'o Value<'a>,
        path: &Path<'_>,
        expected: &'static str,
    ) -> Result<&'o Object<'a>, PolicyError> {
        value.as_object().ok_or_else(|| self.wrong_type(value, path, expected))
    }

    fn string_list(&self, value: &Value<'_>, path: &Path<'_>) -> Result<StringList, PolicyError> {
        let (values, item_spans, is_array) = match value {
            Value::StringLit(text) => (vec![text.value.to_string()], vec![span(text)], false),
            Value::Array(array) => {
                let values = array
                    .elements
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.string(item, &Path::Item(path, index)))
                    .collect::<Result<_, _>>()?;
                (values, array.elements.iter().map(span).collect(), true)
            }
            _ => return Err(self.wrong_type(value, path, "a string or an array of strings")),
        };
        Ok(StringList { values, item_spans, span: span(value), is_array })
    }

    fn optional_string(
        &self,
        object: &Object<'_>,
        name: &'static str,
        path: &Path<'_>,
    ) -> Result<Option<String>, PolicyError> {
        member(object, name)
            .map(|property| self.string(&property.value, &Path::Member(path, name)))
            .transpose()
    }

    fn string(&self, value: &Value<'_>, path: &Path<'_>) -> Result<String, PolicyError> {
        match value {
            Value::StringLit(text) => Ok(text.value.to_string()),
            _ => Err(self.wrong_type(value, path, "a string")),
        }
    }

    fn unknown(&self, object: &Object<'_>, known: &[&str]) -> Unknown {
        object
            .properties
            .iter()
            .filter(|property| !known.contains(&property.name.as_str()))
            .map(|property| {
                let source = self.text.get(span(&property.value)).unwrap_or_default();
                // The whole text parsed before, so its parts do.
                let value = serde_json::from_str(source).unwrap_or_default();
                (property.name.as_str().to_owned(), value)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
