//! A policy document: its source text, kept byte for byte, and a typed view of it.
//!
//! Grammar: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use std::borrow::Cow;

use super::json::{self, Path, PolicyError, Problem, type_name};
use super::layout::Layout;
use super::tree::{Member, Object, Span, Value};
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

impl StatementElement {
    fn of(root: &Object<'_>) -> Self {
        let element = root.member("Statement").map(|member| &member.value);
        let is_array = element.is_some_and(|value| value.as_array().is_some());
        Self { span: element.map_or(0..0, Value::span), is_array }
    }
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

/// What a policy says, in texts that are borrowed from its own where nobody keeps it.
#[derive(Debug, Clone)]
pub struct Content<T = String> {
    /// The `Version` element.
    pub version: Option<T>,
    /// The `Id` element.
    pub id: Option<T>,
    /// The statements in source order.
    pub statements: Vec<Statement<T>>,
    /// Elements that the grammar does not know.
    pub unknown: Vec<(String, serde_json::Value)>,
}

/// One statement.
#[derive(Debug, Clone)]
pub struct Statement<T = String> {
    /// The `Sid` element; not necessarily unique.
    pub sid: Option<T>,
    /// The `Effect` element.
    pub effect: Effect,
    /// `Principal` or `NotPrincipal`, which resource policies have.
    pub principal: Option<PrincipalElement<T>>,
    /// `Action` or `NotAction`; a statement without either is inert.
    pub action: Option<ListElement<T>>,
    /// `Resource` or `NotResource`; a statement without either is inert.
    pub resource: Option<ListElement<T>>,
    /// The `Condition` element as a conjunction.
    pub conditions: Vec<Condition<T>>,
    /// Elements that the grammar does not know: nobody can say what the statement means.
    pub unknown: Vec<(String, serde_json::Value)>,
    pub(super) span: Span,
}

/// `Action`, `Resource` or their negations.
#[derive(Debug, Clone)]
pub struct ListElement<T = String> {
    /// Whether this is the `Not…` form.
    pub negated: bool,
    /// The values.
    pub list: StringList<T>,
}

/// A string, or an array of strings.
#[derive(Debug, Clone)]
pub struct StringList<T = String> {
    values: Vec<T>,
    pub(super) item_spans: Vec<Span>,
    pub(super) span: Span,
    pub(super) is_array: bool,
}

impl<T: AsRef<str>> StringList<T> {
    /// The values in source order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(T::as_ref)
    }
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone)]
pub struct PrincipalElement<T = String> {
    /// Whether this is `NotPrincipal`.
    pub negated: bool,
    /// The principals by type: `AWS`, `Service`, `Federated`, `CanonicalUser`. `None` for the bare `"*"`.
    pub types: Option<Vec<PrincipalType<T>>>,
    aws: Vec<AwsPrincipal>,
}

/// The principals of one type.
#[derive(Debug, Clone)]
pub struct PrincipalType<T = String> {
    /// `AWS`, `Service`, `Federated`, `CanonicalUser` or what else stands there.
    pub name: T,
    /// The principals.
    pub list: StringList<T>,
    pub(super) member_span: Span,
}

impl<T: AsRef<str>> PrincipalElement<T> {
    fn new(negated: bool, types: Option<Vec<PrincipalType<T>>>) -> Self {
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
    pub fn aws_list(&self) -> Option<&StringList<T>> {
        self.types.iter().flatten().find(|kind| kind.name.as_ref() == "AWS").map(|kind| &kind.list)
    }

    /// Whether nothing but AWS principals is named.
    pub fn is_aws_only(&self) -> bool {
        self.types.as_ref().is_none_or(|types| types.iter().all(|kind| kind.name.as_ref() == "AWS"))
    }
}

/// What people call a statement, by its Sid, else by its number in source order, from one.
pub fn label(sid: Option<&str>, number: usize) -> String {
    match sid {
        Some(sid) => format!("statement \"{sid}\""),
        None => format!("statement {number}"),
    }
}

impl<T: AsRef<str>> Statement<T> {
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
        label(self.sid.as_ref().map(T::as_ref), index + 1)
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
        let (content, layout, statement_element) = {
            let value = json::parse(&text)?;
            let reader = Reader { text: &text };
            let root = reader.root(&value)?;
            let content: Content = reader.content(root)?;
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

impl<'t> Content<Cow<'t, str>> {
    /// Reads what a policy says, without a copy of it.
    ///
    /// # Errors
    /// As [`PolicyDocument::parse`].
    pub fn parse(text: &'t str) -> Result<Self, PolicyError> {
        let (reader, value) = (Reader { text }, json::parse(text)?);
        reader.content(reader.root(&value)?)
    }
}

type Unknown = Vec<(String, serde_json::Value)>;

/// What a text of a policy is kept as.
trait Held<'t>: AsRef<str> + From<Cow<'t, str>> {}

impl<'t, T: AsRef<str> + From<Cow<'t, str>>> Held<'t> for T {}

struct Reader<'t> {
    text: &'t str,
}

impl<'t> Reader<'t> {
    fn error(&self, at: &Span, path: &Path<'_>, problem: Problem) -> PolicyError {
        PolicyError::at(self.text, at.start, path, problem)
    }

    fn wrong_type(&self, value: &Value<'_>, path: &Path<'_>, expected: &'static str) -> PolicyError {
        self.error(&value.span(), path, Problem::WrongType { expected, found: type_name(value) })
    }

    fn root<'v>(&self, value: &'v Value<'t>) -> Result<&'v Object<'t>, PolicyError> {
        self.object(value, &Path::Root, "a policy object")
    }

    fn content<T: Held<'t>>(&self, object: &Object<'t>) -> Result<Content<T>, PolicyError> {
        let root = Path::Root;
        let statement = object
            .member("Statement")
            .ok_or_else(|| self.error(&object.span, &root, Problem::Missing("Statement")))?;
        Ok(Content {
            version: self.optional_string(object, "Version", &root)?,
            id: self.optional_string(object, "Id", &root)?,
            statements: self.statements(&statement.value, &Path::Member(&root, "Statement"))?,
            unknown: self.unknown(object, &["Version", "Id", "Statement"]),
        })
    }

    fn statements<T: Held<'t>>(
        &self,
        value: &Value<'t>,
        path: &Path<'_>,
    ) -> Result<Vec<Statement<T>>, PolicyError> {
        match value {
            Value::Object(object) => Ok(vec![self.statement(object, path)?]),
            Value::Array(array) => array
                .items
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

    fn statement<T: Held<'t>>(
        &self,
        object: &Object<'t>,
        path: &Path<'_>,
    ) -> Result<Statement<T>, PolicyError> {
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
                .map(|(member, negated)| self.principal(member, negated, path))
                .transpose()?,
            action: action.map(|(member, negated)| self.list_element(member, negated, path)).transpose()?,
            resource: resource
                .map(|(member, negated)| self.list_element(member, negated, path))
                .transpose()?,
            conditions: self.conditions(object, path)?,
            unknown: self.unknown(object, &KNOWN),
            span: object.span.clone(),
        })
    }

    fn effect(&self, object: &Object<'_>, path: &Path<'_>) -> Result<Effect, PolicyError> {
        let member = object
            .member("Effect")
            .ok_or_else(|| self.error(&object.span, path, Problem::Missing("Effect")))?;
        let path = Path::Member(path, "Effect");
        match self.string(&member.value, &path)?.as_ref() {
            "Allow" => Ok(Effect::Allow),
            "Deny" => Ok(Effect::Deny),
            other => Err(self.error(
                &member.value.span(),
                &path,
                Problem::WrongValue { expected: "`Allow` or `Deny`", found: other.to_owned() },
            )),
        }
    }

    /// The plain or the negated form of an element, which exclude each other.
    fn either<'o>(
        &self,
        object: &'o Object<'t>,
        path: &Path<'_>,
        plain: &'static str,
        negated: &'static str,
    ) -> Result<Option<(&'o Member<'t>, bool)>, PolicyError> {
        match (object.member(plain), object.member(negated)) {
            (Some(_), Some(second)) => {
                Err(self.error(&second.span(), path, Problem::Exclusive(plain, negated)))
            }
            (Some(member), None) => Ok(Some((member, false))),
            (None, Some(member)) => Ok(Some((member, true))),
            (None, None) => Ok(None),
        }
    }

    fn list_element<T: Held<'t>>(
        &self,
        member: &Member<'t>,
        negated: bool,
        path: &Path<'_>,
    ) -> Result<ListElement<T>, PolicyError> {
        let list = self.string_list(&member.value, &Path::Member(path, &member.name.value))?;
        Ok(ListElement { negated, list })
    }

    fn principal<T: Held<'t>>(
        &self,
        member: &Member<'t>,
        negated: bool,
        path: &Path<'_>,
    ) -> Result<PrincipalElement<T>, PolicyError> {
        let path = Path::Member(path, &member.name.value);
        let types = match &member.value {
            Value::Text(text) if text.value == "*" => None,
            Value::Object(object) => Some(
                object
                    .members
                    .iter()
                    .map(|kind| {
                        Ok(PrincipalType {
                            name: kind.name.value.clone().into(),
                            list: self.string_list(&kind.value, &Path::Member(&path, &kind.name.value))?,
                            member_span: kind.span(),
                        })
                    })
                    .collect::<Result<_, PolicyError>>()?,
            ),
            Value::Text(text) => {
                let problem =
                    Problem::WrongValue { expected: "`*` or an object", found: text.value.to_string() };
                return Err(self.error(&text.span, &path, problem));
            }
            other => return Err(self.wrong_type(other, &path, "`*` or an object")),
        };
        Ok(PrincipalElement::new(negated, types))
    }

    fn conditions<T: Held<'t>>(
        &self,
        object: &Object<'t>,
        path: &Path<'_>,
    ) -> Result<Vec<Condition<T>>, PolicyError> {
        let Some(member) = object.member("Condition") else {
            return Ok(Vec::new());
        };
        let path = Path::Member(path, "Condition");
        let mut conditions = Vec::new();
        for operator in &self.object(&member.value, &path, "an object of operators")?.members {
            let path = Path::Member(&path, &operator.name.value);
            for key in &self.object(&operator.value, &path, "an object of condition keys")?.members {
                conditions.push(Condition {
                    operator: operator.name.value.clone().into(),
                    key: key.name.value.clone().into(),
                    values: self.condition_values(&key.value, &Path::Member(&path, &key.name.value))?,
                });
            }
        }
        Ok(conditions)
    }

    fn condition_values<T: Held<'t>>(
        &self,
        value: &Value<'t>,
        path: &Path<'_>,
    ) -> Result<Vec<T>, PolicyError> {
        match value {
            Value::Array(array) => array
                .items
                .iter()
                .enumerate()
                .map(|(index, item)| self.condition_value(item, &Path::Item(path, index)))
                .collect(),
            scalar => Ok(vec![self.condition_value(scalar, path)?]),
        }
    }

    fn condition_value<T: Held<'t>>(&self, value: &Value<'t>, path: &Path<'_>) -> Result<T, PolicyError> {
        match value {
            Value::Text(text) => Ok(text.value.clone().into()),
            Value::Boolean(true, _) => Ok(Cow::Borrowed("true").into()),
            Value::Boolean(false, _) => Ok(Cow::Borrowed("false").into()),
            Value::Number(number, _) => Ok(Cow::Borrowed(*number).into()),
            _ => Err(self.wrong_type(value, path, "a string, a boolean or a number")),
        }
    }

    fn object<'o>(
        &self,
        value: &'o Value<'t>,
        path: &Path<'_>,
        expected: &'static str,
    ) -> Result<&'o Object<'t>, PolicyError> {
        value.as_object().ok_or_else(|| self.wrong_type(value, path, expected))
    }

    fn string_list<T: Held<'t>>(
        &self,
        value: &Value<'t>,
        path: &Path<'_>,
    ) -> Result<StringList<T>, PolicyError> {
        let (values, item_spans, is_array) = match value {
            Value::Text(text) => (vec![text.value.clone().into()], vec![text.span.clone()], false),
            Value::Array(array) => {
                let values = array
                    .items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.string(item, &Path::Item(path, index)).map(T::from))
                    .collect::<Result<_, _>>()?;
                (values, array.items.iter().map(Value::span).collect(), true)
            }
            _ => return Err(self.wrong_type(value, path, "a string or an array of strings")),
        };
        Ok(StringList { values, item_spans, span: value.span(), is_array })
    }

    fn optional_string<T: Held<'t>>(
        &self,
        object: &Object<'t>,
        name: &'static str,
        path: &Path<'_>,
    ) -> Result<Option<T>, PolicyError> {
        object
            .member(name)
            .map(|member| self.string(&member.value, &Path::Member(path, name)).map(T::from))
            .transpose()
    }

    fn string(&self, value: &Value<'t>, path: &Path<'_>) -> Result<Cow<'t, str>, PolicyError> {
        match value {
            Value::Text(text) => Ok(text.value.clone()),
            _ => Err(self.wrong_type(value, path, "a string")),
        }
    }

    fn unknown(&self, object: &Object<'_>, known: &[&str]) -> Unknown {
        object
            .members
            .iter()
            .filter(|member| !known.contains(&member.name.value.as_ref()))
            .map(|member| {
                let source = self.text.get(member.value.span()).unwrap_or_default();
                // The whole text parsed before, so its parts do.
                let value = serde_json::from_str(source).unwrap_or_default();
                (member.name.value.to_string(), value)
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
