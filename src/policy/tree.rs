//! JSON text as a tree that knows where everything stands. It borrows what it can from the text.
//!
//! What is JSON is what `serde_json` takes for it: a literal that is not plain is left to it, and so is saying why a text
//! is none.

use std::borrow::Cow;
use std::ops::Range;

/// A range of bytes in a document's source text.
pub type Span = Range<usize>;

/// How deep arrays and objects may stand in each other.
const DEEPEST: usize = 127;

/// A value and where it stands.
#[derive(Debug)]
pub(crate) enum Value<'t> {
    /// A string.
    Text(Text<'t>),
    /// A number, as written.
    Number(&'t str, Span),
    /// `true` or `false`.
    Boolean(bool, Span),
    /// `null`.
    Null(Span),
    /// An array.
    Array(Array<'t>),
    /// An object.
    Object(Object<'t>),
}

/// A string, or the name of a member.
#[derive(Debug)]
pub(crate) struct Text<'t> {
    pub(crate) value: Cow<'t, str>,
    /// With its quotes.
    pub(crate) span: Span,
}

/// An array.
#[derive(Debug)]
pub(crate) struct Array<'t> {
    pub(crate) items: Vec<Value<'t>>,
    /// With its brackets.
    pub(crate) span: Span,
}

/// An object.
#[derive(Debug)]
pub(crate) struct Object<'t> {
    pub(crate) members: Vec<Member<'t>>,
    /// With its braces.
    pub(crate) span: Span,
}

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Member<'t> {
    pub(crate) name: Text<'t>,
    pub(crate) value: Value<'t>,
}

impl<'t> Value<'t> {
    /// Reads a text; none where it is not JSON.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        parser.skip_space();
        let value = parser.value()?;
        parser.skip_space();
        (parser.at == text.len()).then_some(value)
    }

    /// Where it stands.
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Text(Text { span, .. })
            | Self::Number(_, span)
            | Self::Boolean(_, span)
            | Self::Null(span)
            | Self::Array(Array { span, .. })
            | Self::Object(Object { span, .. }) => span.clone(),
        }
    }

    /// The array, where it is one.
    pub(crate) fn as_array(&self) -> Option<&Array<'t>> {
        if let Self::Array(array) = self { Some(array) } else { None }
    }

    /// The object, where it is one.
    pub(crate) fn as_object(&self) -> Option<&Object<'t>> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }
}

impl<'t> Object<'t> {
    /// The first member of a name.
    pub(crate) fn member(&self, name: &str) -> Option<&Member<'t>> {
        self.members.iter().find(|member| member.name.value == name)
    }
}

impl Member<'_> {
    /// Where the name and the value stand.
    pub(crate) fn span(&self) -> Span {
        self.name.span.start..self.value.span().end
    }
}

/// Each method reads what begins where it stands, and goes behind it; none where that is something else.
struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What comes from here on.
    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Goes behind a byte, and white space around it.
    fn takes(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_there = self.peek() == Some(byte);
        if is_there {
            self.at += 1;
            self.skip_space();
        }
        is_there
    }

    fn value(&mut self) -> Option<Value<'t>> {
        let start = self.at;
        match self.peek()? {
            b'"' => self.string().map(Value::Text),
            b'{' => {
                let members = self.list(b'}', Self::member)?;
                Some(Value::Object(Object { members, span: start..self.at }))
            }
            b'[' => {
                let items = self.list(b']', Self::value)?;
                Some(Value::Array(Array { items, span: start..self.at }))
            }
            b't' => self.word("true").map(|span| Value::Boolean(true, span)),
            b'f' => self.word("false").map(|span| Value::Boolean(false, span)),
            b'n' => self.word("null").map(Value::Null),
            _ => self.number(),
        }
    }

    /// What stands between two brackets.
    fn list<T>(&mut self, close: u8, one: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        self.at += 1;
        self.skip_space();
        let mut list = Vec::new();
        while list.is_empty() || self.takes(b',') {
            if list.is_empty() && self.peek()? == close {
                break;
            }
            list.push(one(self)?);
        }
        // White space before the bracket is passed over by now.
        if self.peek()? != close {
            return None;
        }
        self.at += 1;
        self.depth -= 1;
        Some(list)
    }

    fn member(&mut self) -> Option<Member<'t>> {
        if self.peek()? != b'"' {
            return None;
        }
        let name = self.string()?;
        if !self.takes(b':') {
            return None;
        }
        Some(Member { name, value: self.value()? })
    }

    fn word(&mut self, word: &str) -> Option<Span> {
        let start = self.at;
        self.at += word.len();
        (self.text.get(start..self.at)? == word).then_some(start..self.at)
    }

    fn number(&mut self) -> Option<Value<'t>> {
        let start = self.at;
        let is_of_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
        self.at += self.rest().iter().take_while(|byte| is_of_number(byte)).count();
        let source = self.text.get(start..self.at)?;
        serde_json::from_str::<serde_json::Number>(source).ok()?;
        Some(Value::Number(source, start..self.at))
    }

    fn string(&mut self) -> Option<Text<'t>> {
        let start = self.at;
        self.at += 1;
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
        let plain = self.rest().iter().position(is_special)?;
        self.at += plain;
        if self.peek()? == b'"' {
            let value = Cow::Borrowed(self.text.get(start + 1..self.at)?);
            self.at += 1;
            return Some(Text { value, span: start..self.at });
        }
        while self.peek()? != b'"' {
            self.at += if self.peek()? == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        let value = serde_json::from_str(self.text.get(start..self.at)?).ok()?;
        Some(Text { value: Cow::Owned(value), span: start..self.at })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same value as `serde_json` has it. Of a name that stands twice the last value counts, as there.
    fn plain(value: &Value<'_>) -> serde_json::Value {
        match value {
            Value::Text(text) => text.value.as_ref().into(),
            Value::Number(source, _) => serde_json::from_str(source).unwrap(),
            Value::Boolean(boolean, _) => (*boolean).into(),
            Value::Null(_) => serde_json::Value::Null,
            Value::Array(array) => array.items.iter().map(plain).collect(),
            Value::Object(object) => {
                let members = object.members.iter();
                members.map(|member| (member.name.value.to_string(), plain(&member.value))).collect()
            }
        }
    }

    /// What stands where a value is said to stand is that value.
    fn each_stands_where_it_says(text: &str, value: &Value<'_>) {
        assert_eq!(Value::parse(&text[value.span()]).map(|own| plain(&own)), Some(plain(value)));
        match value {
            Value::Array(array) => array.items.iter().for_each(|item| each_stands_where_it_says(text, item)),
            Value::Object(object) => {
                for member in &object.members {
                    let name: String = serde_json::from_str(&text[member.name.span.clone()]).unwrap();
                    assert_eq!(name, member.name.value);
                    assert_eq!(member.span(), member.name.span.start..member.value.span().end);
                    each_stands_where_it_says(text, &member.value);
                }
            }
            _ => {}
        }
    }

    fn is_read_as_by_serde(text: &str) {
        let ours = Value::parse(text);
        let theirs = serde_json::from_str::<serde_json::Value>(text);
        assert_eq!(ours.as_ref().map(plain), theirs.ok(), "{text}");
        if let Some(value) = &ours {
            each_stands_where_it_says(text, value);
        }
    }

    #[test]
    fn json_is_what_serde_takes_for_it() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "{}",
            " [ ] ",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "{1:1}",
            "{\"a\":1 , \"a\" :2}",
            "nul",
            "null",
            "nulll",
            "true",
            "truefalse",
            "[true,false]",
            "TRUE",
            "\"\\u00e9\\n\\\"\"",
            "\"\\ud83d\\ude00\"",
            "\"\\ud83d\"",
            "\"\\ude00\\ud83d\"",
            "\"\\x\"",
            "\"\\",
            "\"\\\"",
            "\"a\nb\"",
            "\"a\tb\"",
            "\"\u{7f}\u{80}é\u{202e}\"",
            "\"\\u12\"",
            "\"\u{0}\"",
            "'a'",
            "0",
            "-0",
            "01",
            "-",
            "+1",
            "1.",
            ".5",
            "1.50",
            "1e5",
            "1E+5",
            "1e",
            "1e999",
            "0e999",
            "1e-999",
            "-1e999",
            "1-2",
            "NaN",
            "1_0",
            "18446744073709551616",
            "1.7976931348623158e308",
            "1.7976931348623159e308",
            "{} // no",
            "/* a */ {}",
            "\u{feff}{}",
            "\u{a0}{}",
            "[\u{b}]",
            "[\"a\"\"b\"]",
            "[[],{}, [{}]]",
            "{\"\":{\"\\u0061\":[]}}",
            "{}{}",
            "\"é\\é\"",
            "\"\\😀\"",
        ] {
            is_read_as_by_serde(text);
        }
        for depth in [126, 127, 128, 129, 10_000] {
            is_read_as_by_serde(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
            is_read_as_by_serde(&format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)));
        }
        // What stands beside each other is not deep.
        is_read_as_by_serde(&format!("[{}[]]", "[],".repeat(1000)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_by_serde(text in r#"([\[\]{}:, ]|"(a|\\u0061|\\n|é|\\)?"|-?[0-9]{1,2}|true|null|\.|e|\\|\n){0,12}"#) {
            is_read_as_by_serde(&text);
        }

        #[test]
        fn json_is_read_as_by_serde(value in json(), is_pretty: bool, gone in 0_usize..200) {
            let mut text = if is_pretty { format!("{value:#}") } else { value.to_string() };
            is_read_as_by_serde(&text);
            if let Some((at, _)) = text.char_indices().nth(gone) {
                text.remove(at);
                is_read_as_by_serde(&text);
            }
        }
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<f64>().prop_map(serde_json::Value::from),
            any::<String>().prop_map(serde_json::Value::from),
            Just(serde_json::Value::Null),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }
}
