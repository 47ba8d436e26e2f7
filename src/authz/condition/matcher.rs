//! What an operator compares a value of the request with.

use core::net::IpAddr;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::policy::pattern;

use super::super::context::Query;
use super::super::template::{Piece, Syntax, Template, pieces};
use super::super::truth::Truth;
use super::values::{Moment, Network, binary, moment, number};

/// The values of a condition, as its operator reads them; alternatives of each other. Its `sources` are the values as they
/// are written.
#[derive(Debug, Clone)]
pub(super) enum Matcher {
    /// `StringEquals`, `StringEqualsIgnoreCase`, `StringLike`.
    Text { values: Vec<Template>, ignores_case: bool },
    /// `ArnEquals` and `ArnLike`, which do the same.
    Arn(Vec<ArnTemplate>),
    /// `Bool`.
    Bool(Vec<String>),
    /// `Numeric…`.
    Number(Comparison, Vec<f64>),
    /// `Date…`.
    Date(Comparison, Vec<Moment>),
    /// `IpAddress`.
    Address(Vec<Network>),
    /// `BinaryEquals`.
    Binary(Vec<String>),
}

/// How a value of the request stands to a value of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn holds(self, ordering: Option<Ordering>) -> bool {
        ordering.is_some_and(|ordering| match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        })
    }
}

/// An ARN whose six parts are compared each by itself.
#[derive(Debug, Clone)]
pub(super) enum ArnTemplate {
    /// Six parts.
    Parts(Box<[Template; 6]>),
    /// `*`.
    Anything,
    /// Fewer parts than an ARN has, of which nothing is documented.
    Incomplete,
}

impl Matcher {
    /// The matcher of an operator and whether the operator is a negated one; none for an operator that is
    /// not known, or values that it can't have.
    pub(super) fn new(operator: &str, values: &[String], has_variables: bool) -> Option<(Self, bool)> {
        let (kind, negated, comparison) = split(operator)?;
        let text = |wildcards: bool, ignores_case: bool| {
            let syntax = Syntax { wildcards, variables: has_variables };
            let values_of = values.iter().map(|value| Template::new(value, syntax)).collect();
            Some(Self::Text { values: values_of, ignores_case })
        };
        let matcher = match (kind, comparison) {
            ("StringEquals", _) => text(false, false),
            ("StringEqualsIgnoreCase", _) => text(false, true),
            ("StringLike", _) => text(true, false),
            ("Arn", _) => {
                let values_of = values.iter().map(|value| ArnTemplate::new(value, has_variables)).collect();
                Some(Self::Arn(values_of))
            }
            ("Bool", _) => values
                .iter()
                .map(|value| Some(value.to_ascii_lowercase()).filter(|value| is_bool(value)))
                .collect::<Option<_>>()
                .map(Self::Bool),
            ("Numeric", Some(comparison)) => values
                .iter()
                .map(|value| number(value))
                .collect::<Option<_>>()
                .map(|values| Self::Number(comparison, values)),
            ("Date", Some(comparison)) => values
                .iter()
                .map(|value| moment(value))
                .collect::<Option<_>>()
                .map(|values| Self::Date(comparison, values)),
            ("IpAddress", _) => {
                values.iter().map(|value| Network::parse(value)).collect::<Option<_>>().map(Self::Address)
            }
            ("BinaryEquals", _) => values
                .iter()
                .map(|value| binary(value).map(str::to_owned))
                .collect::<Option<_>>()
                .map(Self::Binary),
            _ => None,
        };
        matcher.map(|matcher| (matcher, negated))
    }

    /// Whether a value of the request matches any value of the policy.
    ///
    /// A value that the operator can't read is not documented, so nobody can say.
    pub(super) fn matches(&self, value: &str, query: &Query<'_>, unresolved: Truth) -> Truth {
        match self {
            Self::Text { values, ignores_case } => {
                Truth::any(values.iter().map(|text| text.equals(value, *ignores_case, query, unresolved)))
            }
            Self::Arn(values) => Truth::any(values.iter().map(|arn| arn.matches(value, query, unresolved))),
            Self::Bool(values) => {
                let value = value.to_ascii_lowercase();
                if is_bool(&value) { values.contains(&value).into() } else { Truth::Unknown }
            }
            Self::Number(comparison, values) => decided(number(value), |value| {
                values.iter().any(|wanted| comparison.holds(value.partial_cmp(wanted)))
            }),
            Self::Date(comparison, values) => decided(moment(value), |value| {
                values.iter().any(|wanted| comparison.holds(value.partial_cmp(wanted)))
            }),
            Self::Address(values) => decided(value.parse::<IpAddr>().ok(), |address| {
                values.iter().any(|network| network.contains(address))
            }),
            Self::Binary(values) => {
                decided(binary(value), |value| values.iter().any(|wanted| wanted == value))
            }
        }
    }

    /// Whether every value matches.
    pub(super) fn is_anything(&self) -> bool {
        match self {
            Self::Text { values, .. } => values.iter().any(Template::is_anything),
            Self::Arn(values) => values.iter().any(|arn| matches!(arn, ArnTemplate::Anything)),
            _ => false,
        }
    }

    /// Whether every value that a pattern stands for matches, or none.
    pub(super) fn matches_all_like(&self, sources: &[String], like: &str) -> Truth {
        match self {
            Self::Text { values, ignores_case: false } => {
                Truth::any(values.iter().zip(sources).map(|(value, source)| match value {
                    Template::Text(text) if pattern::matches(like, text) => Truth::Unknown,
                    Template::Text(_) => Truth::False,
                    Template::Pattern(_) => all_like(source, like),
                    Template::Variable(_) if value.is_apart_from(like) => Truth::False,
                    Template::Variable(_) => Truth::Unknown,
                }))
            }
            Self::Arn(values) => Truth::any(values.iter().zip(sources).map(|(value, source)| match value {
                ArnTemplate::Anything => Truth::True,
                ArnTemplate::Parts(_) if !source.contains("${") => {
                    Truth::all(source.splitn(6, ':').zip(like.splitn(6, ':')).map(|(a, b)| all_like(a, b)))
                }
                ArnTemplate::Parts(_) | ArnTemplate::Incomplete => Truth::Unknown,
            })),
            _ => Truth::Unknown,
        }
    }

    /// Whether what a pattern stands for with the caller's own account for its `*` matches, whichever account that is.
    pub(super) fn matches_of_own_account(&self, sources: &[String], like: &str) -> Truth {
        match self {
            Self::Text { values, ignores_case: false } => {
                let own = Truth::any(values.iter().map(|value| value.of_own_account(like)));
                own | self.matches_all_like(sources, like)
            }
            _ => self.matches_all_like(sources, like),
        }
    }

    /// Whether there is no value of the policy but this one.
    pub(super) fn is_about_nothing_but(&self, value: &str) -> bool {
        matches!(self, Self::Text { values, .. }
            if values.iter().all(|template| matches!(template, Template::Text(text) if text == value)))
    }

    /// Whether a value of the policy may be about a network that is nobody's own: one with a wildcard, and a range so
    /// wide that addresses of AWS lie in it.
    pub(super) fn may_match_elsewhere(&self) -> bool {
        match self {
            Self::Text { values, .. } => !values.iter().all(|value| matches!(value, Template::Text(_))),
            Self::Address(networks) => networks.iter().any(|network| network.is_wide()),
            _ => true,
        }
    }

    /// Whether a value of the policy may be about an identity-only role with an instance's id behind its name.
    ///
    /// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html#ebs-encryption-instance-permissions>
    pub(super) fn asks_for_instance(&self, sources: &[String], role_arn: &str) -> bool {
        if !self.is_of_texts() {
            return false;
        }
        let of_some_instance = format!("{role_arn}/i-00000000000000000");
        sources.iter().any(|source| {
            let (role, _) = source.rsplit_once('/').unwrap_or((source, ""));
            pattern::matches(source, &of_some_instance) || pattern::matches(role, role_arn)
        })
    }

    /// Whether a value of the policy may be about a role of this name under a path.
    ///
    /// A session's ARN leaves its role's path out; a role is taken to have none unless the policy asks for one.
    pub(super) fn asks_for_path(&self, sources: &[String], role_arn: &str, role_name: &str) -> bool {
        if !self.is_of_texts() {
            return false;
        }
        let account = role_arn.split_once("role/").map_or(role_arn, |(account, _)| account);
        sources.iter().any(|source| {
            source.split_once("role/").is_some_and(|(wanted_account, wanted)| {
                wanted.rsplit_once('/').is_some_and(|(_, name)| {
                    pattern::matches(wanted_account, account) && pattern::matches(name, role_name)
                })
            })
        })
    }

    fn is_of_texts(&self) -> bool {
        matches!(self, Self::Text { .. } | Self::Arn(_))
    }

    /// Adds the keys of variables whose value is not known.
    pub(super) fn unknown_keys(&self, query: &Query<'_>, keys: &mut BTreeSet<String>) {
        match self {
            Self::Text { values, .. } => values.iter().for_each(|text| text.unknown_keys(query, keys)),
            Self::Arn(values) => {
                for arn in values {
                    if let ArnTemplate::Parts(parts) = arn {
                        for part in parts.iter() {
                            part.unknown_keys(query, keys);
                        }
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether every text that a pattern stands for matches another one, or none.
fn all_like(pattern: &str, like: &str) -> Truth {
    if pattern::covers(pattern, like) {
        Truth::True
    } else if pattern::are_apart(pattern, like) {
        Truth::False
    } else {
        Truth::Unknown
    }
}

/// The operator without its negation, whether it is negated, and its comparison.
fn split(operator: &str) -> Option<(&'static str, bool, Option<Comparison>)> {
    let plain = |kind| Some((kind, false, None));
    let negated = |kind| Some((kind, true, None));
    match operator {
        "StringEquals" => plain("StringEquals"),
        "StringNotEquals" => negated("StringEquals"),
        "StringEqualsIgnoreCase" => plain("StringEqualsIgnoreCase"),
        "StringNotEqualsIgnoreCase" => negated("StringEqualsIgnoreCase"),
        "StringLike" => plain("StringLike"),
        "StringNotLike" => negated("StringLike"),
        "ArnEquals" | "ArnLike" => plain("Arn"),
        "ArnNotEquals" | "ArnNotLike" => negated("Arn"),
        "Bool" => plain("Bool"),
        "IpAddress" => plain("IpAddress"),
        "NotIpAddress" => negated("IpAddress"),
        "BinaryEquals" => plain("BinaryEquals"),
        _ => {
            let (kind, comparison) = ["Numeric", "Date"]
                .into_iter()
                .find_map(|kind| operator.strip_prefix(kind).map(|comparison| (kind, comparison)))?;
            let (negated, comparison) = match comparison {
                "Equals" => (false, Comparison::Equal),
                "NotEquals" => (true, Comparison::Equal),
                "LessThan" => (false, Comparison::Less),
                "LessThanEquals" => (false, Comparison::LessOrEqual),
                "GreaterThan" => (false, Comparison::Greater),
                "GreaterThanEquals" => (false, Comparison::GreaterOrEqual),
                _ => return None,
            };
            Some((kind, negated, Some(comparison)))
        }
    }
}

fn is_bool(text: &str) -> bool {
    text == "true" || text == "false"
}

fn decided<T>(value: Option<T>, matches: impl FnOnce(T) -> bool) -> Truth {
    value.map_or(Truth::Unknown, |value| matches(value).into())
}

impl ArnTemplate {
    fn new(text: &str, has_variables: bool) -> Self {
        if text == "*" {
            return Self::Anything;
        }
        let mut parts: Vec<Vec<Piece>> = vec![Vec::new()];
        for piece in pieces(text, Syntax { wildcards: true, variables: has_variables }) {
            push_parts(&mut parts, &piece);
        }
        let parts: Vec<Template> = parts.into_iter().map(Template::of_pieces).collect();
        parts.try_into().map_or(Self::Incomplete, |parts| Self::Parts(Box::new(parts)))
    }

    fn matches(&self, value: &str, query: &Query<'_>, unresolved: Truth) -> Truth {
        match self {
            Self::Anything => Truth::True,
            Self::Incomplete => Truth::Unknown,
            Self::Parts(parts) => {
                let mut values = value.splitn(6, ':');
                let part = |template: &Template| {
                    let Some(value) = values.next() else { return Truth::False };
                    template.matches(value, query, unresolved)
                };
                Truth::all(parts.iter().map(part))
            }
        }
    }
}

/// Adds a piece to the last part of an ARN, with a new part at each of the first five colons.
fn push_parts(parts: &mut Vec<Vec<Piece>>, piece: &Piece) {
    let Piece::Literal(text) = piece else {
        parts.last_mut().into_iter().for_each(|part| part.push(piece.clone()));
        return;
    };
    let colons_left = 6 - parts.len();
    for (index, literal) in text.splitn(colons_left + 1, ':').enumerate() {
        if index > 0 {
            parts.push(Vec::new());
        }
        if !literal.is_empty() {
            parts.last_mut().into_iter().for_each(|part| part.push(Piece::Literal(literal.to_owned())));
        }
    }
}
