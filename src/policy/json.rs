//! Positions and paths in JSON text, and the errors that name them.

use std::fmt;

use jsonc_parser::{CollectOptions, ParseOptions};

use super::tree::{Kind, Tree, Value};

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
    /// The place in the source text: a byte, counted from 0.
    pub offset: usize,
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
            offset: before.len(),
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

/// Parses strict JSON into a tree that knows where everything stands, and has no name twice in an object.
pub(super) fn parse(text: &str) -> Result<Tree<'_>, PolicyError> {
    let tree = Tree::parse(text).ok_or_else(|| not_json(text))?;
    if tree.has_names_twice()
        && let Some(root) = tree.root()
    {
        refuse_duplicate_keys(text, root, &Path::Root)?;
    }
    Ok(tree)
}

/// Why a text is not JSON, as `serde_json` puts it.
fn not_json(text: &str) -> PolicyError {
    let Err(error) = serde_json::from_str::<serde_json::Value>(text) else {
        return PolicyError::at(text, 0, &Path::Root, Problem::NotJson("unreadable".to_owned()));
    };
    let offset = offset_of(text, error.line(), error.column());
    let reason = error.to_string();
    let reason = reason.rsplit_once(" at line").map_or(reason.as_str(), |(reason, _)| reason);
    PolicyError::at(text, offset, &Path::Root, Problem::NotJson(reason.to_owned()))
}

/// The source of what stands at a path of members.
pub(super) fn source_of<'t>(text: &'t str, path: &[&str]) -> Option<&'t str> {
    let tree = Tree::parse(text)?;
    let held = path.iter().try_fold(tree.root()?, |value, name| Some(value.member(name)?.value))?;
    Some(held.source())
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

fn refuse_duplicate_keys(text: &str, value: Value<'_, '_>, path: &Path<'_>) -> Result<(), PolicyError> {
    let is_twice = value.name_standing_twice();
    for (index, member) in value.members().enumerate() {
        let name = member.name();
        let path = Path::Member(path, &name);
        if is_twice == Some(index) {
            let problem = Problem::DuplicateKey(name.to_string());
            return Err(PolicyError::at(text, member.name_span().start, &path, problem));
        }
        refuse_duplicate_keys(text, member.value, &path)?;
    }
    let mut items = value.items().enumerate();
    items.try_for_each(|(index, item)| refuse_duplicate_keys(text, item, &Path::Item(path, index)))
}

pub(super) fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a string",
        Kind::Number => "a number",
        Kind::Boolean => "a boolean",
        Kind::Object => "an object",
        Kind::Array => "an array",
        Kind::Null => "null",
    }
}
