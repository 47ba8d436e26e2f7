//! The policy grammar: from JSON that knows where it stands to what it says.

use std::borrow::Cow;

use super::Condition;
use super::content::{Content, Effect, ListElement, PrincipalElement, PrincipalType, Statement, StringList};
use super::json::{self, Path, PolicyError, Problem, type_name};
use super::tree::{Kind, Member, Span, Tree, Value};

impl<'t, S> Content<S, Cow<'t, str>> {
    /// Reads what a policy says, without a copy of it: of each statement, with the policy's version, something is made.
    ///
    /// # Errors
    /// As [`super::PolicyDocument::parse`].
    pub fn read(
        text: &'t str,
        each: impl Fn(Option<&str>, Statement<Cow<'t, str>>) -> S,
    ) -> Result<Self, PolicyError> {
        let (reader, tree) = (Reader { text }, json::parse(text)?);
        reader.content(reader.root(&tree)?, each)
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

    fn wrong_type(&self, value: Value<'_, '_>, path: &Path<'_>, expected: &'static str) -> PolicyError {
        self.error(&value.span(), path, Problem::WrongType { expected, found: type_name(value.kind()) })
    }

    /// The policy's object.
    pub(super) fn root<'v>(&self, tree: &'v Tree<'t>) -> Result<Value<'v, 't>, PolicyError> {
        let missing = || self.error(&(0..0), &Path::Root, Problem::NotJson("empty".to_owned()));
        let root = tree.root().ok_or_else(missing)?;
        self.object(root, &Path::Root, "a policy object")?;
        Ok(root)
    }

    /// What it says, with what is made of each statement.
    pub(super) fn content<S, T: Held<'t>>(
        &self,
        object: Value<'_, 't>,
        each: impl Fn(Option<&str>, Statement<T>) -> S,
    ) -> Result<Content<S, T>, PolicyError> {
        let root = Path::Root;
        let statement = object
            .member("Statement")
            .ok_or_else(|| self.error(&object.span(), &root, Problem::Missing("Statement")))?;
        let version: Option<T> = self.optional_string(object.member("Version"), &root)?;
        let id = self.optional_string(object.member("Id"), &root)?;
        let each = |statement| each(version.as_ref().map(T::as_ref), statement);
        let statements = self.statements(statement.value, &Path::Member(&root, "Statement"), each)?;
        let is_known = |member: &Member<'_, '_>| ["Version", "Id", "Statement"].contains(&&*member.name());
        let unknown = object.members().filter(|member| !is_known(member)).map(unknown).collect();
        Ok(Content { version, id, statements, unknown })
    }

    fn statements<S, T: Held<'t>>(
        &self,
        value: Value<'_, 't>,
        path: &Path<'_>,
        each: impl Fn(Statement<T>) -> S,
    ) -> Result<Vec<S>, PolicyError> {
        match value.kind() {
            Kind::Object => Ok(vec![each(self.statement(value, path)?)]),
            Kind::Array => {
                let statements = value.items().enumerate().map(|(index, item)| {
                    let path = Path::Item(path, index);
                    self.object(item, &path, "a statement object")?;
                    self.statement(item, &path).map(&each)
                });
                statements.collect()
            }
            _ => Err(self.wrong_type(value, path, "a statement object or an array of them")),
        }
    }

    fn statement<T: Held<'t>>(
        &self,
        object: Value<'_, 't>,
        path: &Path<'_>,
    ) -> Result<Statement<T>, PolicyError> {
        let mut elements = Elements::default();
        let mut others = Unknown::new();
        for member in object.members() {
            match elements.of(&member.name()) {
                Some(place) => *place = Some(member),
                None => others.push(unknown(member)),
            }
        }
        let Elements { sid, effect, principal, action, resource, condition } = elements;
        let principal = self.either(principal, path, "Principal", "NotPrincipal")?;
        let action = self.either(action, path, "Action", "NotAction")?;
        let resource = self.either(resource, path, "Resource", "NotResource")?;
        Ok(Statement {
            sid: self.optional_string(sid, path)?,
            effect: self.effect(effect, object, path)?,
            principal: principal
                .map(|(member, negated)| self.principal(member, negated, path))
                .transpose()?,
            action: action.map(|(member, negated)| self.list_element(member, negated, path)).transpose()?,
            resource: resource
                .map(|(member, negated)| self.list_element(member, negated, path))
                .transpose()?,
            conditions: condition.map_or(Ok(Vec::new()), |member| self.conditions(member, path))?,
            unknown: others,
            span: object.span(),
        })
    }

    fn effect(
        &self,
        member: Option<Member<'_, 't>>,
        object: Value<'_, 't>,
        path: &Path<'_>,
    ) -> Result<Effect, PolicyError> {
        let missing = || self.error(&object.span(), path, Problem::Missing("Effect"));
        let value = member.ok_or_else(missing)?.value;
        let path = Path::Member(path, "Effect");
        match self.string(value, &path)?.as_ref() {
            "Allow" => Ok(Effect::Allow),
            "Deny" => Ok(Effect::Deny),
            other => Err(self.error(
                &value.span(),
                &path,
                Problem::WrongValue { expected: "`Allow` or `Deny`", found: other.to_owned() },
            )),
        }
    }

    /// The plain or the negated form of an element, which exclude each other.
    fn either<'v>(
        &self,
        forms: [Option<Member<'v, 't>>; 2],
        path: &Path<'_>,
        plain: &'static str,
        negated: &'static str,
    ) -> Result<Option<(Member<'v, 't>, bool)>, PolicyError> {
        match forms {
            [Some(_), Some(second)] => {
                Err(self.error(&second.span(), path, Problem::Exclusive(plain, negated)))
            }
            [Some(member), None] => Ok(Some((member, false))),
            [None, Some(member)] => Ok(Some((member, true))),
            [None, None] => Ok(None),
        }
    }

    fn list_element<T: Held<'t>>(
        &self,
        member: Member<'_, 't>,
        negated: bool,
        path: &Path<'_>,
    ) -> Result<ListElement<T>, PolicyError> {
        let list = self.string_list(member.value, &Path::Member(path, &member.name()))?;
        Ok(ListElement { negated, list })
    }

    fn principal<T: Held<'t>>(
        &self,
        member: Member<'_, 't>,
        negated: bool,
        path: &Path<'_>,
    ) -> Result<PrincipalElement<T>, PolicyError> {
        let name = member.name();
        let path = Path::Member(path, &name);
        let expected = "`*` or an object";
        let types = match (member.value.kind(), member.value.string()) {
            (_, Some(text)) if text == "*" => None,
            (_, Some(text)) => {
                let problem = Problem::WrongValue { expected, found: text.into_owned() };
                return Err(self.error(&member.value.span(), &path, problem));
            }
            (Kind::Object, None) => {
                let types = member.value.members().map(|kind| {
                    let name = kind.name();
                    let list = self.string_list(kind.value, &Path::Member(&path, &name))?;
                    Ok(PrincipalType { name: name.into(), list, member_span: kind.span() })
                });
                Some(types.collect::<Result<_, PolicyError>>()?)
            }
            _ => return Err(self.wrong_type(member.value, &path, expected)),
        };
        Ok(PrincipalElement::new(negated, types))
    }

    fn conditions<T: Held<'t>>(
        &self,
        member: Member<'_, 't>,
        path: &Path<'_>,
    ) -> Result<Vec<Condition<T>>, PolicyError> {
        let path = Path::Member(path, "Condition");
        let mut conditions = Vec::new();
        self.object(member.value, &path, "an object of operators")?;
        for operator in member.value.members() {
            let name = operator.name();
            let path = Path::Member(&path, &name);
            self.object(operator.value, &path, "an object of condition keys")?;
            for condition in operator.value.members() {
                let key = condition.name();
                let values = self.condition_values(condition.value, &Path::Member(&path, &key))?;
                conditions.push(Condition { operator: name.clone().into(), key: key.into(), values });
            }
        }
        Ok(conditions)
    }

    fn condition_values<T: Held<'t>>(
        &self,
        value: Value<'_, 't>,
        path: &Path<'_>,
    ) -> Result<Vec<T>, PolicyError> {
        if value.kind() != Kind::Array {
            return Ok(vec![self.condition_value(value, path)?]);
        }
        let items = value.items().enumerate();
        items.map(|(index, item)| self.condition_value(item, &Path::Item(path, index))).collect()
    }

    fn condition_value<T: Held<'t>>(&self, value: Value<'_, 't>, path: &Path<'_>) -> Result<T, PolicyError> {
        match (value.kind(), value.string()) {
            (_, Some(text)) => Ok(text.into()),
            // As they are written.
            (Kind::Boolean | Kind::Number, None) => Ok(Cow::Borrowed(value.source()).into()),
            _ => Err(self.wrong_type(value, path, "a string, a boolean or a number")),
        }
    }

    /// Refuses what is no object.
    fn object(
        &self,
        value: Value<'_, '_>,
        path: &Path<'_>,
        expected: &'static str,
    ) -> Result<(), PolicyError> {
        if value.kind() == Kind::Object { Ok(()) } else { Err(self.wrong_type(value, path, expected)) }
    }

    fn string_list<T: Held<'t>>(
        &self,
        value: Value<'_, 't>,
        path: &Path<'_>,
    ) -> Result<StringList<T>, PolicyError> {
        let mut items = Vec::with_capacity(value.items().count().max(1));
        match value.kind() {
            Kind::Text => items.push((self.string(value, path)?.into(), value.span())),
            Kind::Array => {
                for (index, item) in value.items().enumerate() {
                    items.push((self.string(item, &Path::Item(path, index))?.into(), item.span()));
                }
            }
            _ => return Err(self.wrong_type(value, path, "a string or an array of strings")),
        }
        Ok(StringList { items, span: value.span(), is_array: value.kind() == Kind::Array })
    }

    fn optional_string<T: Held<'t>>(
        &self,
        member: Option<Member<'_, 't>>,
        path: &Path<'_>,
    ) -> Result<Option<T>, PolicyError> {
        let text = |member: Member<'_, 't>| {
            self.string(member.value, &Path::Member(path, &member.name())).map(T::from)
        };
        member.map(text).transpose()
    }

    fn string(&self, value: Value<'_, 't>, path: &Path<'_>) -> Result<Cow<'t, str>, PolicyError> {
        value.string().ok_or_else(|| self.wrong_type(value, path, "a string"))
    }
}

/// An element that the grammar does not know.
fn unknown(member: Member<'_, '_>) -> (String, serde_json::Value) {
    // The whole text parsed before, so its parts do.
    (member.name().into_owned(), serde_json::from_str(member.value.source()).unwrap_or_default())
}

/// The elements of a statement that the grammar knows; the plain form first where there are two.
#[derive(Default)]
struct Elements<'v, 't> {
    sid: Option<Member<'v, 't>>,
    effect: Option<Member<'v, 't>>,
    principal: [Option<Member<'v, 't>>; 2],
    action: [Option<Member<'v, 't>>; 2],
    resource: [Option<Member<'v, 't>>; 2],
    condition: Option<Member<'v, 't>>,
}

impl<'v, 't> Elements<'v, 't> {
    /// Where the element of a name belongs.
    fn of(&mut self, name: &str) -> Option<&mut Option<Member<'v, 't>>> {
        let Self { sid, effect, principal, action, resource, condition } = self;
        let [principal, not_principal] = principal;
        let [action, not_action] = action;
        let [resource, not_resource] = resource;
        Some(match name {
            "Sid" => sid,
            "Effect" => effect,
            "Principal" => principal,
            "NotPrincipal" => not_principal,
            "Action" => action,
            "NotAction" => not_action,
            "Resource" => resource,
            "NotResource" => not_resource,
            "Condition" => condition,
            _ => return None,
        })
    }
}
