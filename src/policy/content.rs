//! What a policy says: its statements and their elements, as typed views of texts.

use std::sync::OnceLock;

use super::tree::Span;
use super::{ActionSet, AwsPrincipal, Condition};

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

/// What a policy says: its statements, or what is made of them, and texts, borrowed from its own where nobody keeps it.
#[derive(Debug, Clone)]
pub struct Content<S = Statement, T = String> {
    /// The `Version` element.
    pub version: Option<T>,
    /// The `Id` element.
    pub id: Option<T>,
    /// The statements in source order.
    pub statements: Vec<S>,
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
    /// Each with where it stands.
    pub(super) items: Vec<(T, Span)>,
    pub(super) span: Span,
    pub(super) is_array: bool,
}

impl<T: AsRef<str>> StringList<T> {
    /// The values in source order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(|(value, _)| value.as_ref())
    }

    /// The values in source order, each with where it stands in the source text, quotes included.
    pub fn placed(&self) -> impl Iterator<Item = (&str, Span)> {
        self.items.iter().map(|(value, span)| (value.as_ref(), span.clone()))
    }

    pub(super) fn item_spans(&self) -> Vec<Span> {
        self.items.iter().map(|(_, span)| span.clone()).collect()
    }
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone)]
pub struct PrincipalElement<T = String> {
    /// Whether this is `NotPrincipal`.
    pub negated: bool,
    /// The principals by type: `AWS`, `Service`, `Federated`, `CanonicalUser`. `None` for the bare `"*"`.
    pub types: Option<Vec<PrincipalType<T>>>,
    /// Taken apart when it is first asked for.
    aws: OnceLock<Vec<AwsPrincipal>>,
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
    pub(super) fn new(negated: bool, types: Option<Vec<PrincipalType<T>>>) -> Self {
        Self { negated, types, aws: OnceLock::new() }
    }

    /// The members of the `AWS` list; the bare `"*"` is one.
    pub fn aws(&self) -> &[AwsPrincipal] {
        self.aws.get_or_init(|| {
            if self.types.is_none() {
                return vec![AwsPrincipal::Anyone];
            }
            self.aws_list().into_iter().flat_map(StringList::iter).map(AwsPrincipal::parse).collect()
        })
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

    /// The KMS actions that the statement allows or denies: "If either of the required Resource or Action elements are
    /// missing from a key policy statement, the policy statement has no effect."
    ///
    /// <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html>
    pub fn effective_kms_actions(&self) -> ActionSet {
        if self.is_effective() { self.kms_actions() } else { ActionSet::EMPTY }
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

    /// Where the statement stands in the source text, with its braces.
    pub fn span(&self) -> Span {
        self.span.clone()
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
