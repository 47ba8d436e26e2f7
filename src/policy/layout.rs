//! How a document is written: indentation, line breaks, spaces. What is added to it follows.

use std::iter;

use super::tree::{Kind, Value};

/// White space of a document, read off its last statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// Between a member's name and its value: `": "`, with AWS's own printer `" : "`.
    colon: String,
    /// White space of an object that is a statement.
    statement: Bracket,
    list: ListLayout,
    newline: &'static str,
    /// One step of indentation.
    unit: String,
}

/// White space inside a pair of brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bracket {
    open: String,
    /// Between two members, with the comma.
    separator: String,
    close: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum ListLayout {
    /// An item a line.
    Lines,
    /// All items on one line.
    Inline(Bracket),
}

impl Layout {
    pub(super) fn of(text: &str, root: Value<'_, '_>) -> Self {
        let model = model_statement(root);
        let object = model.unwrap_or(root);
        let top = Bracket::of_object(text, root);
        let mut statement = Bracket::of_object(text, object);
        let multi_line = statement.open.contains('\n');
        let newline = if statement.open.contains("\r\n") { "\r\n" } else { "\n" };
        let (open, close) = (last_line(&statement.open), last_line(&statement.close));
        let unit = match open.strip_prefix(close) {
            Some(unit) if multi_line && !unit.is_empty() => unit.to_owned(),
            _ => last_line(&top.open).to_owned(),
        };
        if model.is_none() {
            // A statement of a document without any stands two steps deeper than the document's own members.
            statement = statement.deeper(&unit, 2);
        }
        let spaced = statement.separator.trim_start_matches(',').starts_with([' ', '\n', '\r']);
        let list = match model_list(root) {
            Some(array) => ListLayout::of_array(text, array, spaced),
            None if multi_line => ListLayout::Lines,
            None => ListLayout::Inline(Bracket::tight(spaced)),
        };
        Self { colon: colon(text, object), statement, list, newline, unit }
    }

    /// A statement or another object with this layout, at the depth of statements.
    pub(super) fn render_statement(&self, value: &serde_json::Value) -> String {
        self.render(value, 0)
    }

    fn render(&self, value: &serde_json::Value, depth: usize) -> String {
        match value {
            serde_json::Value::Object(members) => {
                let bracket = self.statement.deeper(&self.unit, depth);
                let members: Vec<String> = members
                    .iter()
                    .map(|(name, value)| {
                        format!("{}{}{}", quote(name), self.colon, self.render(value, depth + 1))
                    })
                    .collect();
                format!("{{{}{}{}}}", bracket.open, members.join(&bracket.separator), bracket.close)
            }
            serde_json::Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.render(item, depth + 1)).collect();
                // Members of an object at depth 0 stand on lines indented like the statement's members.
                let indent =
                    last_line(&self.statement.open).to_owned() + &self.unit.repeat(depth.saturating_sub(1));
                self.wrap(&items, &indent)
            }
            scalar => scalar.to_string(),
        }
    }

    /// An array of ready-made items whose closing bracket stands on a line indented by `indent`.
    pub(super) fn wrap(&self, items: &[String], indent: &str) -> String {
        let bracket = self.list_bracket(indent);
        format!("[{}{}{}]", bracket.open, items.join(&bracket.separator), bracket.close)
    }

    /// What goes between `[` and the first item, between items, and before `]`, as three texts.
    pub(super) fn list_parts(&self, indent: &str) -> (String, String, String) {
        let Bracket { open, separator, close } = self.list_bracket(indent);
        (open, separator, close)
    }

    fn list_bracket(&self, indent: &str) -> Bracket {
        match &self.list {
            ListLayout::Inline(bracket) => bracket.clone(),
            ListLayout::Lines => Bracket {
                open: format!("{}{indent}{}", self.newline, self.unit),
                separator: format!(",{}{indent}{}", self.newline, self.unit),
                close: format!("{}{indent}", self.newline),
            },
        }
    }

    /// Between two statements where the document shows no example.
    pub(super) fn statement_separator(&self) -> String {
        if self.statement.open.contains('\n') || self.statement.separator != "," {
            ", ".to_owned()
        } else {
            ",".to_owned()
        }
    }

    /// What surrounds the statements of a list that was empty.
    pub(super) fn empty_list_parts(&self) -> (String, String) {
        if self.statement.open.contains('\n') {
            let close = last_line(&self.statement.close);
            let outer = close.strip_suffix(self.unit.as_str()).unwrap_or(close);
            (format!("{}{close}", self.newline), format!("{}{outer}", self.newline))
        } else {
            (String::new(), String::new())
        }
    }
}

impl Bracket {
    fn of_object(text: &str, object: Value<'_, '_>) -> Self {
        let gap = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
        let mut members = object.members();
        let (Some(first), Some(last)) = (members.next(), object.members().last()) else {
            return Self::tight(true);
        };
        let spaced = colon(text, object).ends_with(char::is_whitespace);
        let open = gap(object.span().start + 1, first.span().start);
        let close = gap(last.span().end, object.span().end - 1);
        let separator = match members.next() {
            Some(second) => gap(first.span().end, second.span().start),
            None if open.is_empty() => Self::tight(spaced).separator,
            None => format!(",{open}"),
        };
        Self { open, separator, close }
    }

    fn tight(spaced: bool) -> Self {
        let separator = if spaced { ", " } else { "," };
        Self { open: String::new(), separator: separator.to_owned(), close: String::new() }
    }

    fn deeper(&self, unit: &str, steps: usize) -> Self {
        let deeper = |text: &str| {
            if text.contains('\n') { text.to_owned() + &unit.repeat(steps) } else { text.to_owned() }
        };
        Self { open: deeper(&self.open), separator: deeper(&self.separator), close: deeper(&self.close) }
    }
}

impl ListLayout {
    fn of_array(text: &str, array: Value<'_, '_>, spaced: bool) -> Self {
        let gap = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
        let mut items = array.items();
        let (Some(first), Some(last)) = (items.next(), array.items().last()) else {
            return Self::Inline(Bracket::tight(spaced));
        };
        let open = gap(array.span().start + 1, first.span().start);
        if open.contains('\n') {
            return Self::Lines;
        }
        let separator = items.next().map(|second| gap(first.span().end, second.span().start));
        Self::Inline(Bracket {
            open,
            separator: separator.unwrap_or_else(|| Bracket::tight(spaced).separator),
            close: gap(last.span().end, array.span().end - 1),
        })
    }
}

/// The statement that new ones are modelled on: the last one.
fn model_statement<'v, 't>(root: Value<'v, 't>) -> Option<Value<'v, 't>> {
    statements(root).into_iter().rfind(|statement| statement.members().next().is_some())
}

/// The list that new ones are modelled on: the first with two members, else the first with one.
fn model_list<'v, 't>(root: Value<'v, 't>) -> Option<Value<'v, 't>> {
    let elements = statements(root).into_iter().flat_map(Value::members).map(|element| element.value);
    // An element that is a list itself, or an object of lists.
    let within = |element: Value<'v, 't>| element.members().map(|member| member.value);
    let values = elements.flat_map(|element| iter::once(element).chain(within(element)));
    let lists: Vec<Value<'v, 't>> = values.filter(|value| value.kind() == Kind::Array).collect();
    let with = |count: usize| lists.iter().find(|list| list.items().nth(count - 1).is_some()).copied();
    with(2).or_else(|| with(1))
}

fn statements<'v, 't>(root: Value<'v, 't>) -> Vec<Value<'v, 't>> {
    let Some(element) = root.member("Statement").map(|member| member.value) else { return Vec::new() };
    match element.kind() {
        Kind::Object => vec![element],
        _ => element.items().filter(|item| item.kind() == Kind::Object).collect(),
    }
}

fn colon(text: &str, object: Value<'_, '_>) -> String {
    let first = object.members().next();
    let between = first.and_then(|member| text.get(member.name_span().end..member.value.span().start));
    between.unwrap_or(": ").to_owned()
}

/// The part after the last line break: the indentation that a gap leads to.
fn last_line(gap: &str) -> &str {
    gap.rsplit('\n').next().filter(|_| gap.contains('\n')).unwrap_or_default()
}

pub(super) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
