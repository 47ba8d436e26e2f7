//! Positions and paths in JSON text, and the errors that name them.

use std::fmt;
use std::ops::Range;

use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions};

/// A range of bytes in a document's source text.
pub type Span = Range<usize>;

/// What is wrong with a text that should be a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text is not JSON; the reason is the JSON parser's.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// The value has another type than the policy grammar asks for.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What the grammar asks for.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// An element that every policy or statement has is not there.
    #[error("the element `{0}` is missing")]
    Missing(&'static str),
    /// The same name stands twice in one object, so the meaning is not defined.
    #[error("the key `{0}` stands twice in this object")]
    DuplicateKey(String),
    /// Two elements that exclude each other.
    #[error("`{0}` and `{1}` exclude each other")]
    Exclusive(&'static str, &'static str),
    /// A value outside the few that the grammar allows.
    #[error("`{found}` is not {expected}")]
    WrongValue {
        /// What the grammar allows.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
}

/// A text is not a policy: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at {path}, line {line}, column {column}")]
pub struct PolicyError {
    /// What is wrong.
    pub problem: Problem,
    /// The place as a JSON path: `$.Statement[0].Action`.
    pub path: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
}

impl PolicyError {
    pub(super) fn at(text: &str, offset: usize, path: &Path<'_>, problem: Problem) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            problem,
            path: path.to_string(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }
}

/// A place in a JSON document, as a chain that lives on the stack.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => f.write_str("$"),
            Path::Member(parent, name) => {
                let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                if plain { write!(f, "{parent}.{name}") } else { write!(f, "{parent}[{name:?}]") }
            }
            Path::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Parses strict JSON into a tree that knows where everything stands.
///
/// `jsonc-parser` lets comments through, so `serde_json` judges what is JSON.
pub(super) fn parse(text: &str) -> Result<Value<'_>, PolicyError> {
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        let offset = offset_of(text, error.line(), error.column());
        let reason = error.to_string();
        let reason = reason.rsplit_once(" at line").map_or(reason.as_str(), |(reason, _)| reason);
        return Err(PolicyError::at(text, offset, &Path::Root, Problem::NotJson(reason.to_owned())));
    }
    let not_json = |reason: String| PolicyError::at(text, 0, &Path::Root, Problem::NotJson(reason));
    let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default())
        .map_err(|error| not_json(error.to_string()))?;
    let value = parsed.value.ok_or_else(|| not_json("empty".to_owned()))?;
    refuse_duplicate_keys(text, &value, &Path::Root)?;
    Ok(value)
}

/// The source of what stands at a path of members.
pub(super) fn source_of<'t>(text: &'t str, path: &[&str]) -> Option<&'t str> {
    let parsed =
        jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).ok()?;
    let value = parsed.value?;
    let held = path.iter().try_fold(&value, |value, name| Some(&member(value.as_object()?, name)?.value))?;
    text.get(span(held))
}

/// Whether a text is JSON but for comments, or what else is let through besides.
pub(super) fn parses_but_for_comments(text: &str) -> bool {
    let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default());
    parsed.is_ok() && (text.contains("//") || text.contains("/*"))
}

/// The byte offset of `serde_json`'s line and column, both counted from 1 and the column in bytes.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let line_start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut offset = (line_start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

fn refuse_duplicate_keys(text: &str, value: &Value<'_>, path: &Path<'_>) -> Result<(), PolicyError> {
    match value {
        Value::Object(object) => {
            let mut names = std::collections::BTreeSet::new();
            for property in &object.properties {
                let name = property.name.as_str();
                let path = Path::Member(path, name);
                if !names.insert(name) {
                    let problem = Problem::DuplicateKey(name.to_owned());
                    return Err(PolicyError::at(text, property.start(), &path, problem));
                }
                refuse_duplicate_keys(text, &property.value, &path)?;
            }
            Ok(())
        }
        Value::Array(array) => array
            .elements
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| refuse_duplicate_keys(text, item, &Path::Item(path, index))),
        _ => Ok(()),
    }
}

pub(super) fn span(node: &impl jsonc_parser::common::Ranged) -> Span {
    node.start()..node.end()
}

pub(super) fn member<'o, 'a>(object: &'o Object<'a>, name: &str) -> Option<&'o ObjectProp<'a>> {
    object.properties.iter().find(|property| property.name.as_str() == name)
}

pub(super) fn type_name(value: &Value<'_>) -> &'static str {
    match value {
        Value::StringLit(_) => "a string",
        Value::NumberLit(_) => "a number",
        Value::BooleanLit(_) => "a boolean",
        Value::Object(_) => "an object",
        Value::Array(_) => "an array",
        Value::NullKeyword(_) => "null",
    }
}
