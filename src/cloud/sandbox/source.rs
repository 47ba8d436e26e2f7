//! The text of a world file: where things stand in it, and edits that keep every other byte.

use std::fmt;
use std::ops::Range;

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions};

/// A place in a JSON text, as the steps that lead to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Item(usize),
}

impl Place {
    /// The whole text's value.
    pub(super) fn root() -> Self {
        Self::default()
    }

    /// A member of the object here.
    pub(super) fn member(&self, name: impl fmt::Display) -> Self {
        self.then(Step::Member(name.to_string()))
    }

    /// An item of the array here.
    pub(super) fn item(&self, index: usize) -> Self {
        self.then(Step::Item(index))
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    fn parent(&self) -> Option<(Self, &Step)> {
        let (last, before) = self.0.split_last()?;
        Some((Self(before.to_vec()), last))
    }
}

impl From<&serde_path_to_error::Path> for Place {
    fn from(path: &serde_path_to_error::Path) -> Self {
        use serde_path_to_error::Segment;
        path.iter().fold(Self::root(), |place, segment| match segment {
            Segment::Seq { index } => place.item(*index),
            Segment::Map { key } => place.member(key),
            Segment::Enum { variant } => place.member(variant),
            Segment::Unknown => place,
        })
    }
}

impl fmt::Display for Place {
    /// As a JSON path: `$.accounts.444455556666.roles.app.attached[0]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.0.iter().try_for_each(|step| match step {
            Step::Item(index) => write!(f, "[{index}]"),
            Step::Member(name) => {
                let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                if plain { write!(f, ".{name}") } else { write!(f, "[{name:?}]") }
            }
        })
    }
}

/// A line and a column in characters, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A value to be written.
pub(super) enum NewValue<'a> {
    /// Laid out as the file is.
    Tree(serde_json::Value),
    /// JSON that stands there byte for byte.
    Verbatim(&'a str),
}

/// A JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source(pub(super) String);

impl Source {
    /// Where the value at a place begins.
    pub(super) fn position_of(&self, place: &Place) -> Option<Position> {
        let tree = self.parse()?;
        Some(self.position(find(&tree, place)?.start()))
    }

    /// The position of a byte.
    fn position(&self, offset: usize) -> Position {
        let before = self.0.get(..offset).unwrap_or(&self.0);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }

    /// The position of `serde_json`'s line and column, whose column counts bytes.
    pub(super) fn position_of_error(&self, error: &serde_json::Error) -> Position {
        let lines = self.0.split_inclusive('\n').take(error.line().saturating_sub(1));
        let mut offset = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
        offset = offset.min(self.0.len());
        while !self.0.is_char_boundary(offset) {
            offset -= 1;
        }
        self.position(offset)
    }

    /// The text with another value at a place, whose last member may be new; `None` where the place's parent
    /// is not there.
    pub(super) fn with(&self, place: &Place, value: &NewValue<'_>) -> Option<Self> {
        let tree = self.parse()?;
        if let Some(old) = find(&tree, place) {
            let indent = self.line_indent(old.start());
            return Some(self.spliced(old.start()..old.end(), &self.render(value, indent)));
        }
        let (parent, step) = place.parent()?;
        let Step::Member(name) = step else {
            return None;
        };
        let name = serde_json::Value::from(name.as_str());
        let colon = if self.is_one_line() { ":" } else { ": " };
        self.with_new(find(&tree, &parent)?, |indent| format!("{name}{colon}{}", self.render(value, indent)))
    }

    /// The text with another item at the end of the array at a place, which may be new.
    pub(super) fn with_item(&self, array: &Place, value: serde_json::Value) -> Option<Self> {
        let tree = self.parse()?;
        match find(&tree, array) {
            Some(node) => self.with_new(node, |indent| self.render(&NewValue::Tree(value), indent)),
            None => self.with(array, &NewValue::Tree(serde_json::json!([value]))),
        }
    }

    /// The text without a member or item.
    pub(super) fn without(&self, place: &Place) -> Option<Self> {
        let tree = self.parse()?;
        let (parent, step) = place.parent()?;
        let parent = find(&tree, &parent)?;
        let children = children(parent);
        let index = match (parent, step) {
            (Value::Object(object), Step::Member(name)) => {
                object.properties.iter().position(|property| property.name.as_str() == name)?
            }
            (_, Step::Item(index)) => *index,
            _ => return None,
        };
        let own = children.get(index)?.clone();
        let previous = index.checked_sub(1).and_then(|index| children.get(index));
        let gone = match (previous, children.get(index + 1)) {
            (Some(previous), _) => previous.end..own.end,
            (None, Some(next)) => own.start..next.start,
            (None, None) => parent.start() + 1..parent.end() - 1,
        };
        Some(self.spliced(gone, ""))
    }

    fn parse(&self) -> Option<Value<'_>> {
        jsonc_parser::parse_to_ast(&self.0, &CollectOptions::default(), &ParseOptions::default()).ok()?.value
    }

    /// The text with one more child at the end of an object or array; the child is told its indentation.
    fn with_new(&self, container: &Value<'_>, child: impl FnOnce(&str) -> String) -> Option<Self> {
        let children = children(container);
        let (open, close) = (container.start() + 1, container.end() - 1);
        let (Some(first), Some(last)) = (children.first(), children.last()) else {
            let outer = self.line_indent(container.start());
            if self.is_one_line() {
                return Some(self.spliced(open..close, &child("")));
            }
            let indent = format!("{outer}  ");
            let text = format!("\n{indent}{}\n{outer}", child(&indent));
            return Some(self.spliced(open..close, &text));
        };
        let gap = self.0.get(open..first.start)?;
        let separator = if gap.is_empty() && !self.is_one_line() { " " } else { gap };
        let text = format!(",{separator}{}", child(self.line_indent(first.start)));
        Some(self.spliced(last.end..last.end, &text))
    }

    fn render(&self, value: &NewValue<'_>, indent: &str) -> String {
        match value {
            NewValue::Verbatim(text) => (*text).to_owned(),
            NewValue::Tree(tree) if self.is_one_line() => tree.to_string(),
            NewValue::Tree(tree) => format!("{tree:#}").replace('\n', &format!("\n{indent}")),
        }
    }

    fn is_one_line(&self) -> bool {
        !self.0.trim_end().contains('\n')
    }

    /// The white space that the line of a byte begins with.
    fn line_indent(&self, offset: usize) -> &str {
        let before = self.0.get(..offset).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        line.get(..line.len() - line.trim_start().len()).unwrap_or_default()
    }

    fn spliced(&self, range: Range<usize>, text: &str) -> Self {
        let mut edited = self.0.clone();
        edited.replace_range(range, text);
        Self(edited)
    }
}

fn find<'v, 'a>(tree: &'v Value<'a>, place: &Place) -> Option<&'v Value<'a>> {
    place.0.iter().try_fold(tree, |value, step| match (value, step) {
        (Value::Object(object), Step::Member(name)) => object
            .properties
            .iter()
            .find(|property| property.name.as_str() == name)
            .map(|property| &property.value),
        (Value::Array(array), Step::Item(index)) => array.elements.get(*index),
        _ => None,
    })
}

/// The spans of members or items.
fn children(container: &Value<'_>) -> Vec<Range<usize>> {
    match container {
        Value::Object(object) => object.properties.iter().map(|p| p.start()..p.end()).collect(),
        Value::Array(array) => array.elements.iter().map(|item| item.start()..item.end()).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PRETTY: &str =
        "{\n  \"b\": {},\n  \"a\": [\n    1,\n    {\n      \"x\": \"y\"\n    }\n  ],\n  \"e\": []\n}\n";

    fn place(steps: &[&str]) -> Place {
        steps.iter().fold(Place::root(), |place, step| match step.parse() {
            Ok(index) => place.item(index),
            Err(_) => place.member(step),
        })
    }

    #[test]
    fn places_read_as_json_paths() {
        assert_eq!(place(&["accounts", "a b", "0"]).to_string(), "$.accounts[\"a b\"][0]");
        let source = Source(PRETTY.to_owned());
        assert_eq!(source.position_of(&place(&["a", "1", "x"])), Some(Position { line: 6, column: 12 }));
        assert_eq!(source.position_of(&place(&["a", "7"])), None);
    }

    #[test]
    fn edits_of_a_canonical_text_give_a_canonical_text() {
        let source = Source(PRETTY.to_owned());
        for edited in [
            source.with(&place(&["a", "1", "x"]), &NewValue::Tree(json!({"n": [1, {}]}))),
            source.with(&place(&["b", "new"]), &NewValue::Tree(json!({"n": [1]}))),
            source.with(&place(&["z"]), &NewValue::Tree(json!(true))),
            source.with_item(&place(&["a"]), json!({"deep": {"er": 1}})),
            source.with_item(&place(&["e"]), json!("first")),
            source.with_item(&place(&["b", "list"]), json!("first")),
            source.without(&place(&["b"])),
            source.without(&place(&["e"])),
            source.without(&place(&["a", "0"])),
            source.without(&place(&["a", "1", "x"])),
        ] {
            let text = edited.unwrap().0;
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(text, format!("{value:#}\n"));
            assert_ne!(text, PRETTY);
        }
    }

    #[test]
    fn one_line_stays_one_line_and_other_layouts_stay_as_they_are() {
        let edit = |text: &str| Source(text.to_owned()).with_item(&place(&["a"]), json!("n")).unwrap().0;
        assert_eq!(edit("{\"a\":[1]}"), "{\"a\":[1,\"n\"]}");
        assert_eq!(edit("{\"a\":[]}"), "{\"a\":[\"n\"]}");
        assert_eq!(edit("{\"b\":1}"), "{\"b\":1,\"a\":[\"n\"]}");
        assert_eq!(edit("{\n\t\"a\": [\n\t\t1\n\t]\n}"), "{\n\t\"a\": [\n\t\t1,\n\t\t\"n\"\n\t]\n}");
        assert_eq!(edit("{\n  \"a\": [1]\n}"), "{\n  \"a\": [1, \"n\"]\n}");
    }

    #[test]
    fn verbatim_values_are_not_laid_out() {
        let source = Source(PRETTY.to_owned());
        let edited = source.with(&place(&["b"]), &NewValue::Verbatim("{\n\"odd\" :1 }")).unwrap();
        assert_eq!(edited.0, PRETTY.replacen("{}", "{\n\"odd\" :1 }", 1));
    }
}
