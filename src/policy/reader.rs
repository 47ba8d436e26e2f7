//! The policy grammar: from JSON that knows where it stands to what it says.

use std::borrow::Cow;

use super::Condition;
use super::content::{Content, Effect, ListElement, PrincipalElement, PrincipalType, Statement, StringList};
use super::json::{self, Path, PolicyError, Problem, type_name};
use super::tree::{Member, Object, Span, Value};

impl<'t, S> Content<S, Cow<'t, str>> {
    /// Reads what a policy says, without a copy of it: of each statement, with the policy's version, something is made.
    ///
    /// # Errors
    /// As [`super::PolicyDocument::parse`].
    pub fn read(
        text: &'t str,
        each: impl Fn(Option<&str>, Statement<Cow<'t, str>>) -> S,
    ) -> Result<Self, PolicyError> {
        let (reader, value) = (Reader { text }, json::parse(text)?);
        reader.content(reader.root(&value)?, each)
    }
}

type Unknown = Vec<(String, serde_json::Value)>;

/// What a text of a policy is kept as.
pub(super) trait Held<'t>: AsRef<str> + From<Cow<'t, str>> {}

impl<'t, T: AsRef<str> + From<Cow<'t, str>>> Held<'t> for T {}

/// Reads a text whose JSON was parsed.
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
}

impl<'t> Reader<'t> {
    fn error(&self, at: &Span, path: &Path<'_>, problem: Problem) -> PolicyError {
        PolicyError::at(self.text, at.start, path, problem)
    }

    fn wrong_type(&self, value: &Value<'_>, path: &Path<'_>, expected: &'static str) -> PolicyError {
        self.error(&value.span(), path, Problem::WrongType { expected, found: type_name(value) })
    }

    /// The policy's object.
    pub(super) fn root<'v>(&self, value: &'v Value<'t>) -> Result<&'v Object<'t>, PolicyError> {
        self.object(value, &Path::Root, "a policy object")
    }

    /// What it says, with what is made of each statement.
    pub(super) fn content<S, T: Held<'t>>(
        &self,
        object: &Object<'t>,
        each: impl Fn(Option<&str>, Statement<T>) -> S,
    ) -> Result<Content<S, T>, PolicyError> {
        let root = Path::Root;
        let statement = object
            .member("Statement")
            .ok_or_else(|| self.error(&object.span, &root, Problem::Missing("Statement")))?;
        let version: Option<T> = self.optional_string(object, "Version", &root)?;
        let id = self.optional_string(object, "Id", &root)?;
        let each = |statement| each(version.as_ref().map(T::as_ref), statement);
        Ok(Content {
            statements: self.statements(&statement.value, &Path::Member(&root, "Statement"), each)?,
            version,
            id,
            unknown: self.unknown(object, &["Version", "Id", "Statement"]),
        })
    }

    fn statements<S, T: Held<'t>>(
        &self,
        value: &Value<'t>,
        path: &Path<'_>,
        each: impl Fn(Statement<T>) -> S,
    ) -> Result<Vec<S>, PolicyError> {
        match value {
            Value::Object(object) => Ok(vec![each(self.statement(object, path)?)]),
            Value::Array(array) => array
                .items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let path = Path::Item(path, index);
                    match item {
                        Value::Object(object) => self.statement(object, &path).map(&each),
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
        let (items, is_array) = match value {
            Value::Text(text) => (vec![(text.value.clone().into(), text.span.clone())], false),
            Value::Array(array) => {
                let mut items = Vec::with_capacity(array.items.len());
                for (index, item) in array.items.iter().enumerate() {
                    items.push((self.string(item, &Path::Item(path, index))?.into(), item.span()));
                }
                (items, true)
            }
            _ => return Err(self.wrong_type(value, path, "a string or an array of strings")),
        };
        Ok(StringList { items, span: value.span(), is_array })
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
