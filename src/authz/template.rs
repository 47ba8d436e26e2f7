//! Texts of a policy that are compared with the request's: wildcards and policy variables in them.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use std::collections::BTreeSet;

use crate::policy::pattern::{self, Pattern};

use super::context::{ConditionKey, Lookup, Query};
use super::truth::Truth;

/// A text of a policy, taken apart once.
#[derive(Debug, Clone)]
pub(crate) enum Template {
    /// Stands for itself.
    Text(String),
    /// Has wildcards.
    Pattern(Pattern),
    /// Has variables, whose values differ from request to request.
    Variable(Vec<Piece>),
}

/// A part of a text with variables.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    /// Characters that stand for themselves.
    Literal(String),
    /// `*`.
    Star,
    /// `?`.
    Any,
    /// `${key}`, or `${key, 'default'}`.
    Variable {
        /// The condition key whose value takes its place.
        key: ConditionKey,
        /// What takes its place where the request does not have the key.
        default: Option<String>,
    },
}

/// What has a meaning in a text besides characters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Syntax {
    /// `*` and `?` are wildcards.
    pub(crate) wildcards: bool,
    /// `${…}` is a variable: since version 2012-10-17 of the policy language.
    pub(crate) variables: bool,
}

impl Template {
    /// Whether there is nothing in a text but characters.
    pub(crate) fn stands_for_itself(text: &str, syntax: Syntax) -> bool {
        let has_variable = syntax.variables && text.contains("${");
        let has_wildcard = syntax.wildcards && pattern::is_pattern(text);
        !has_variable && !has_wildcard
    }

    pub(crate) fn new(text: &str, syntax: Syntax) -> Self {
        if syntax.variables && text.contains("${") {
            Self::of_pieces(pieces(text, syntax))
        } else if syntax.wildcards && pattern::is_pattern(text) {
            Self::Pattern(Pattern::new(text))
        } else {
            Self::Text(text.to_owned())
        }
    }

    pub(crate) fn of_pieces(pieces: Vec<Piece>) -> Self {
        if pieces.iter().any(|piece| matches!(piece, Piece::Variable { .. })) {
            return Self::Variable(pieces);
        }
        match pieces.as_slice() {
            [] => Self::Text(String::new()),
            [Piece::Literal(text)] => Self::Text(text.clone()),
            _ => {
                let mut pattern = Pattern::default();
                for piece in &pieces {
                    push(&mut pattern, piece);
                }
                Self::Pattern(pattern)
            }
        }
    }

    /// Whether a variable stands before the nth colon.
    pub(crate) fn has_variable_before_colon(&self, n: usize) -> bool {
        let Self::Variable(pieces) = self else {
            return false;
        };
        let before = pieces.iter().take_while(|piece| !matches!(piece, Piece::Variable { .. }));
        let colons = before.map(|piece| match piece {
            Piece::Literal(text) => text.matches(':').count(),
            _ => 0,
        });
        colons.sum::<usize>() < n
    }

    /// Whether it is what a pattern says of the caller's own account, with the variable for that where the pattern has
    /// its `*`.
    pub(crate) fn of_own_account(&self, like: &str) -> Truth {
        match (self, like.split_once('*')) {
            (Self::Variable(pieces), Some((before, after))) => match pieces.as_slice() {
                [Piece::Literal(start), Piece::Variable { key, .. }, Piece::Literal(end)] => {
                    (start == before && end == after && key.is_principal_account()).into()
                }
                _ => Truth::False,
            },
            _ => Truth::False,
        }
    }

    /// Whether no text that a pattern stands for is one that this may be, whatever values its variables have.
    pub(crate) fn is_apart_from(&self, like: &str) -> bool {
        let Self::Variable(pieces) = self else { return false };
        let pattern: String = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => text.as_str(),
                Piece::Any => "?",
                Piece::Star | Piece::Variable { .. } => "*",
            })
            .collect();
        pattern::are_apart(&pattern, like)
    }

    /// Whether everything matches.
    pub(crate) fn is_anything(&self) -> bool {
        matches!(self, Self::Pattern(pattern) if pattern.is_anything())
    }

    /// Whether a value matches; `unresolved` is said of a variable that has no value.
    ///
    /// "If AWS can't resolve a variable, this might cause the entire statement to be invalid."
    pub(crate) fn matches(&self, value: &str, query: &Query<'_>, unresolved: Truth) -> Truth {
        match self {
            Self::Text(text) => (text == value).into(),
            Self::Pattern(pattern) => pattern.matches(value).into(),
            Self::Variable(pieces) => match resolve(pieces, query, unresolved) {
                Ok(pattern) => pattern.matches(value).into(),
                Err(truth) => truth,
            },
        }
    }

    /// Whether a value is the text; case counts or not.
    pub(crate) fn equals(
        &self,
        value: &str,
        ignores_case: bool,
        query: &Query<'_>,
        unresolved: Truth,
    ) -> Truth {
        if !ignores_case {
            return self.matches(value, query, unresolved);
        }
        match self {
            Self::Text(text) => same_ignoring_case(text, value).into(),
            Self::Pattern(pattern) => pattern.matches(value).into(),
            Self::Variable(pieces) => match resolved_text(pieces, query, unresolved) {
                Ok(text) => same_ignoring_case(&text, value).into(),
                Err(truth) => truth,
            },
        }
    }

    /// Adds the keys of variables whose value is not known.
    pub(crate) fn unknown_keys(&self, query: &Query<'_>, keys: &mut BTreeSet<String>) {
        if let Self::Variable(pieces) = self {
            for piece in pieces {
                if let Piece::Variable { key, .. } = piece
                    && query.look_up(key).is_open()
                {
                    keys.insert(key.text.clone());
                }
            }
        }
    }
}

fn same_ignoring_case(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
        || (!(left.is_ascii() && right.is_ascii()) && left.to_lowercase() == right.to_lowercase())
}

fn push(pattern: &mut Pattern, piece: &Piece) {
    match piece {
        Piece::Literal(text) => pattern.push_literal(text),
        Piece::Star => pattern.push_star(),
        Piece::Any => pattern.push_any(),
        Piece::Variable { .. } => {}
    }
}

/// The pattern with the request's values in place of the variables; a wildcard in a value is none.
fn resolve(pieces: &[Piece], query: &Query<'_>, unresolved: Truth) -> Result<Pattern, Truth> {
    let mut pattern = Pattern::default();
    for piece in pieces {
        match piece {
            Piece::Variable { key, default } => {
                pattern.push_literal(value_of(key, default.as_deref(), query, unresolved)?);
            }
            other => push(&mut pattern, other),
        }
    }
    Ok(pattern)
}

fn resolved_text(pieces: &[Piece], query: &Query<'_>, unresolved: Truth) -> Result<String, Truth> {
    let mut resolved = String::new();
    for piece in pieces {
        match piece {
            Piece::Variable { key, default } => {
                resolved.push_str(value_of(key, default.as_deref(), query, unresolved)?);
            }
            Piece::Literal(text) => resolved.push_str(text),
            Piece::Star => resolved.push('*'),
            Piece::Any => resolved.push('?'),
        }
    }
    Ok(resolved)
}

fn value_of<'v>(
    key: &ConditionKey,
    default: Option<&'v str>,
    query: &'v Query<'_>,
    unresolved: Truth,
) -> Result<&'v str, Truth> {
    match query.look_up(key) {
        Lookup::One(value) => Ok(value),
        Lookup::Absent => default.ok_or(unresolved),
        // "You can't use a multivalued context key as a policy variable."
        _ => Err(Truth::Unknown),
    }
}

/// Takes a text apart.
pub(crate) fn pieces(text: &str, syntax: Syntax) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c| is_special(c, syntax)) {
        let (literal, special) = rest.split_at(at);
        push_literal(&mut pieces, literal);
        let (piece, after) = variable(special).unwrap_or_else(|| single(special));
        match piece {
            Piece::Literal(text) => push_literal(&mut pieces, &text),
            other => pieces.push(other),
        }
        rest = after;
    }
    push_literal(&mut pieces, rest);
    pieces
}

fn is_special(character: char, syntax: Syntax) -> bool {
    match character {
        '*' | '?' => syntax.wildcards,
        '$' => syntax.variables,
        _ => false,
    }
}

fn push_literal(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Literal(before)) => before.push_str(text),
        _ => pieces.push(Piece::Literal(text.to_owned())),
    }
}

/// Reads the wildcard, or the lone `$`, that the text starts with, and gives what comes after it.
fn single(text: &str) -> (Piece, &str) {
    let mut characters = text.chars();
    let piece = match characters.next() {
        Some('*') => Piece::Star,
        Some('?') => Piece::Any,
        other => Piece::Literal(other.into_iter().collect()),
    };
    (piece, characters.as_str())
}

/// Reads a variable that the text starts with, and gives what comes after it.
fn variable(text: &str) -> Option<(Piece, &str)> {
    let (inner, after) = text.strip_prefix("${")?.split_once('}')?;
    if let "*" | "?" | "$" = inner {
        return Some((Piece::Literal(inner.to_owned()), after));
    }
    let (key, default) = match inner.split_once(',') {
        None => (inner, None),
        Some((key, default)) => (key, Some(default.trim().trim_matches('\'').to_owned())),
    };
    Some((Piece::Variable { key: ConditionKey::new(key.trim()), default }, after))
}
