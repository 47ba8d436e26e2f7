//! A policy document, taken apart once and asked many times.

use std::collections::BTreeSet;
use std::sync::Arc;

use memchr::memmem;

use crate::arn::KeyArn;
use crate::policy::document::Content;
use crate::policy::{self, ActionSet, Effect, KmsAction, ListElement, PolicyDocument, PolicyError};

use super::condition::PreparedCondition;
use super::context::Query;
use super::decision::Doubt;
use super::near_miss::NearMiss;
use super::principal::Principal;
use super::principals::{Limits, Principals, Standing};
use super::template::{Syntax, Template};
use super::truth::Truth;

/// A policy document in the form that is evaluated.
///
/// It owns all it needs; [`std::rc::Rc`] and [`std::sync::Arc`] share it.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    statements: Vec<PreparedStatement>,
    /// Whether the document has an element or a version that is not known.
    is_undecidable: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct PreparedStatement {
    sid: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) actions: ActionSet,
    /// Shared by what is made of the statement.
    principals: Option<Arc<Principals>>,
    resources: Resources,
    conditions: Vec<PreparedCondition>,
    /// Whether the statement has an element that is not known.
    is_undecidable: bool,
}

/// `Resource` or `NotResource`.
#[derive(Debug, Clone, Default)]
struct Resources {
    negated: bool,
    /// As written.
    texts: Vec<String>,
    /// Which of them stand for themselves, in their order as texts: a policy may name very many keys.
    literals: Vec<usize>,
    /// The others.
    others: Vec<Template>,
    /// Whether any of them is about an alias, or looks like it.
    has_aliases: bool,
}

/// How a `Deny` statement leaves somebody out by their ARN. Conditions all have to hold, so one that does not is enough,
/// whatever else the statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exception {
    /// One more value of a condition that it has, such as `ArnNotLike` of `aws:PrincipalArn`.
    Value {
        /// The operator, as written.
        operator: String,
        /// The key, as written.
        key: String,
    },
    /// One more condition: `ArnNotEquals` of `aws:PrincipalArn`.
    Condition,
}

/// How a document is attached, which decides what its `Principal` elements mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attachment {
    /// To the resource: statements say whom they are about.
    Resource(Limits),
    /// To the principal, or its account: statements are about whoever it is.
    Principal,
}

impl Prepared {
    /// Takes a document apart.
    pub fn new(document: &PolicyDocument) -> Self {
        let has_variables = document.knows_variables();
        let statements = document.statements.iter();
        let statements =
            statements.map(|statement| PreparedStatement::new(statement, has_variables)).collect();
        Self::of(statements, document.version.as_deref(), document.unknown.is_empty())
    }

    /// Takes a text apart as if it were a document, without keeping it, for questions about these actions alone: a
    /// statement that is about none of them stands there, and says nothing.
    ///
    /// # Errors
    /// As [`PolicyDocument::parse`].
    pub fn read(text: &str, asked: ActionSet) -> Result<Self, PolicyError> {
        let Content { version, statements, unknown, .. } = Content::read(text, |version, statement| {
            if statement.effective_kms_actions().intersection(asked).is_empty() {
                PreparedStatement::about_nothing(statement.effect)
            } else {
                PreparedStatement::new(&statement, policy::knows_variables(version))
            }
        })?;
        Ok(Self::of(statements, version.as_deref(), unknown.is_empty()))
    }

    fn of(statements: Vec<PreparedStatement>, version: Option<&str>, is_known: bool) -> Self {
        let is_known_version =
            policy::knows_variables(version) || version.is_none_or(|version| version == "2008-10-17");
        Self { statements, is_undecidable: !is_known || !is_known_version }
    }

    /// Takes statements of another document in, by their index there, as if their conditions held.
    pub(crate) fn take_unconditioned(&mut self, other: &Self, indices: impl IntoIterator<Item = usize>) {
        for statement in indices.into_iter().filter_map(|index| other.statements.get(index)) {
            self.statements.push(PreparedStatement { conditions: Vec::new(), ..statement.clone() });
            self.is_undecidable |= other.is_undecidable;
        }
    }

    /// The Sid of a statement, by its index in source order.
    pub fn sid(&self, statement: usize) -> Option<&str> {
        self.statements.get(statement)?.sid.as_deref()
    }

    /// The effect of a statement, by its index in source order.
    pub fn effect(&self, statement: usize) -> Option<Effect> {
        Some(self.statements.get(statement)?.effect)
    }

    /// How many statements there are.
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    /// Whether there is no statement.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Whether each statement is about both actions or about neither.
    pub(crate) fn treats_alike(&self, one: KmsAction, other: KmsAction) -> bool {
        let (one, other) = (one.set(), other.set());
        let mut actions = self.statements.iter().map(|statement| statement.actions);
        actions.all(|actions| actions.contains(one) == actions.contains(other))
    }

    /// Whether each statement is about resources that it names one by one.
    pub(crate) fn names_every_resource(&self) -> bool {
        let mut resources = self.statements.iter().map(|statement| &statement.resources);
        resources.all(|resources| {
            !resources.negated && resources.others.iter().all(|other| matches!(other, Template::Text(_)))
        })
    }

    /// How each statement of a policy on a resource names a principal without limits: equal for principals
    /// whom no statement tells apart.
    pub(crate) fn naming(&self, principal: &Principal) -> Vec<Option<(Standing, Truth)>> {
        let name = |statement: &PreparedStatement| {
            let principals = statement.principals.as_ref()?;
            principals.name(principal, statement.effect, Limits::NONE)
        };
        self.statements.iter().map(name).collect()
    }

    /// The statements that apply to a request, or may: index, effect, how they name the principal, truth.
    pub(crate) fn applicable<'p>(
        &'p self,
        query: &'p Query<'_>,
        attachment: Attachment,
    ) -> impl Iterator<Item = Applicable> + 'p {
        let action = query.action.set();
        let candidates = self.statements.iter().enumerate();
        let candidates = candidates.filter(move |(_, statement)| statement.actions.contains(action));
        candidates.filter_map(move |(index, statement)| {
            let (standing, named) = statement.names(query, attachment)?;
            let truth = match named & statement.holds(query) {
                Truth::True if self.is_undecidable => Truth::Unknown,
                truth => truth,
            };
            (truth != Truth::False).then_some(Applicable { index, effect: statement.effect, standing, truth })
        })
    }

    /// The `Allow` statements that look as if they allowed a request and do not, by their index, with each reason.
    pub(crate) fn near_misses<'p>(
        &'p self,
        query: &'p Query<'_>,
        attachment: Attachment,
    ) -> impl Iterator<Item = (usize, NearMiss)> + 'p {
        let action = query.action.set();
        let statements = self.statements.iter().enumerate();
        let allows = statements.filter(move |(_, statement)| {
            statement.effect == Effect::Allow && statement.actions.contains(action)
        });
        allows.flat_map(move |(index, statement)| {
            statement.near_misses(query, attachment).into_iter().map(move |miss| (index, miss))
        })
    }

    /// Why nobody can tell whether a statement is about whoever asks.
    pub(crate) fn doubt(&self, statement: usize, query: &Query<'_>) -> Option<Doubt> {
        let statement = self.statements.get(statement)?;
        statement.principals.as_ref()?.doubt(query.principal, statement.effect)
    }

    /// How a `Deny` statement is changed so that it leaves out somebody whom it denies, by their ARN.
    pub fn exception(&self, statement: usize) -> Exception {
        let conditions = self.statements.get(statement).map(|statement| statement.conditions.as_slice());
        let all_but = conditions.into_iter().flatten().find_map(PreparedCondition::all_but_listed_arns);
        all_but.map_or(Exception::Condition, |(operator, key)| Exception::Value {
            operator: operator.to_owned(),
            key: key.to_owned(),
        })
    }

    /// Adds the condition keys that would tell whether a statement applies.
    pub(crate) fn unknown_keys(&self, statement: usize, query: &Query<'_>, keys: &mut BTreeSet<String>) {
        let Some(statement) = self.statements.get(statement) else {
            return;
        };
        for condition in statement.conditions.iter().filter(|c| c.holds(query) == Truth::Unknown) {
            condition.unknown_keys(query, keys);
        }
        statement.resources.others.iter().for_each(|template| template.unknown_keys(query, keys));
    }
}

/// A statement that applies to a request, or may.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Applicable {
    pub(crate) index: usize,
    pub(crate) effect: Effect,
    pub(crate) standing: Standing,
    pub(crate) truth: Truth,
}

impl PreparedStatement {
    fn new<T: AsRef<str>>(statement: &policy::Statement<T>, has_variables: bool) -> Self {
        let conditions: Vec<PreparedCondition> = statement
            .conditions
            .iter()
            .map(|condition| PreparedCondition::new(condition, has_variables))
            .collect();
        Self {
            sid: statement.sid.as_ref().map(|sid| sid.as_ref().to_owned()),
            effect: statement.effect,
            actions: statement.effective_kms_actions(),
            principals: statement.principal.as_ref().map(Principals::new).map(Arc::new),
            resources: Resources::new(statement.resource.as_ref(), has_variables),
            conditions,
            is_undecidable: !statement.unknown.is_empty(),
        }
    }

    /// What stands for a statement that is about nothing anybody asks.
    fn about_nothing(effect: Effect) -> Self {
        Self {
            sid: None,
            effect,
            actions: ActionSet::EMPTY,
            principals: None,
            resources: Resources::default(),
            conditions: Vec::new(),
            is_undecidable: false,
        }
    }

    /// How the statement names the principal, unless it does not.
    fn names(&self, query: &Query<'_>, attachment: Attachment) -> Option<(Standing, Truth)> {
        match (attachment, &self.principals) {
            (Attachment::Principal, None) => Some((Standing::Direct, Truth::True)),
            // Such a document can't be attached to a principal, so its meaning is not documented.
            (Attachment::Principal, Some(_)) => Some((Standing::Direct, Truth::Unknown)),
            (Attachment::Resource(_), None) => None,
            (Attachment::Resource(limits), Some(principals)) => {
                principals.name(query.principal, self.effect, limits)
            }
        }
    }

    /// What alone keeps the statement from applying, where that looks like an oversight.
    fn near_misses(&self, query: &Query<'_>, attachment: Attachment) -> Vec<NearMiss> {
        let is_for_key = self.resources.include(query) == Truth::True;
        match self.names(query, attachment) {
            None if is_for_key => {
                let listed = self.principals.iter().map(Arc::as_ref);
                let sessions = listed.clone().filter(|listed| listed.lets_in_one_session(query.principal));
                let services = listed.flat_map(Principals::services).filter_map(NearMiss::of_service);
                sessions.map(|_| NearMiss::OneSession).chain(services).collect()
            }
            // Who lets another organization in is not mistaken about this one.
            Some((_, Truth::True)) if self.conditions.iter().any(|own| own.is_of_others(query)) => Vec::new(),
            Some((_, Truth::True)) => {
                let unmet: Vec<NearMiss> = self
                    .conditions
                    .iter()
                    .filter(|condition| condition.holds(query) == Truth::False)
                    .map(|condition| NearMiss::Condition(condition.unmet(query)))
                    .collect();
                if is_for_key {
                    unmet
                } else if unmet.is_empty() {
                    self.resources.near_misses(query)
                } else {
                    Vec::new()
                }
            }
            None | Some(_) => Vec::new(),
        }
    }

    /// Whether the resource and the conditions fit.
    fn holds(&self, query: &Query<'_>) -> Truth {
        let resource = self.resources.include(query);
        if resource == Truth::False {
            return Truth::False;
        }
        let conditions = Truth::all(self.conditions.iter().map(|condition| condition.holds(query)));
        let known = if self.is_undecidable { Truth::Unknown } else { Truth::True };
        resource & conditions & known
    }
}

impl Resources {
    fn new<T: AsRef<str>>(element: Option<&ListElement<T>>, has_variables: bool) -> Self {
        let syntax = Syntax { wildcards: true, variables: has_variables };
        let mut resources =
            Self { negated: element.is_some_and(|element| element.negated), ..Self::default() };
        for (index, text) in element.into_iter().flat_map(|element| element.list.iter()).enumerate() {
            resources.texts.push(text.to_owned());
            resources.has_aliases |= memmem::find(text.as_bytes(), b"alias/").is_some();
            if Template::stands_for_itself(text, syntax) {
                resources.literals.push(index);
            } else {
                resources.others.push(Template::new(text, syntax));
            }
        }
        let Self { texts, literals, .. } = &mut resources;
        literals.sort_unstable_by_key(|index| texts.get(*index));
        resources
    }

    fn near_misses(&self, query: &Query<'_>) -> Vec<NearMiss> {
        // What is about an alias, or ends in the key's id: a policy may name very many other keys.
        let looks_close = |text: &&String| self.has_aliases || text.ends_with(&query.key.arn.id);
        let texts = self.texts.iter().filter(|_| !self.negated).filter(looks_close);
        texts.filter_map(|text| NearMiss::of_resource(text, &query.key.arn)).collect()
    }

    fn include(&self, query: &Query<'_>) -> Truth {
        let unresolved = if self.negated { Truth::Unknown } else { Truth::False };
        // Some key's ARN may fit.
        let may_be = |text: &str| Truth::from(text.parse::<KeyArn>().is_ok()) & Truth::Unknown;
        let text = |index: &usize| self.texts.get(*index).map_or("", String::as_str);
        let named = if query.is_of_unknown_key() {
            Truth::any(self.literals.iter().map(|index| may_be(text(index))))
        } else {
            self.literals.binary_search_by_key(&query.resource(), text).is_ok().into()
        };
        let fitting = Truth::any(self.others.iter().map(|template| {
            if template.is_anything() {
                return Truth::True;
            }
            if query.is_of_unknown_key() {
                return if let Template::Text(text) = template { may_be(text) } else { Truth::Unknown };
            }
            let matched = template.matches(query.resource(), query, unresolved);
            // "You can't use a variable to replace parts of the ARN before the fifth colon."
            if template.has_variable_before_colon(5) { matched & Truth::Unknown } else { matched }
        }));
        let listed = named | fitting;
        if self.negated { !listed } else { listed }
    }
}
