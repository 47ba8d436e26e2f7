//! JSON text as a tree that knows where everything stands. It borrows what it can from the text.
//!
//! What is JSON is what `serde_json` takes for it: a literal that is not plain is left to it, and so is saying why a text
//! is none.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::mem;
use std::ops::Range;

/// A range of bytes in a document's source text.
pub type Span = Range<usize>;

/// How deep arrays and objects may stand in each other.
const DEEPEST: usize = 127;

/// So many bytes of a policy are about one value or name: room for all is made at once.
const BYTES_A_NODE: usize = 8;

/// A text that is JSON. What stands in it is kept in its order, without a list of its own for each array and object.
#[derive(Debug)]
pub(crate) struct Tree<'t> {
    text: &'t str,
    nodes: Vec<Node>,
    /// Whether a name may stand twice in an object.
    may_have_names_twice: bool,
}

/// A value, or the name of a member, which stands before the member's value.
#[derive(Debug)]
struct Node {
    kind: Kind,
    /// Whether it is a string with escapes.
    has_escapes: bool,
    start: usize,
    end: usize,
    /// How many nodes it is, with what stands in it.
    size: usize,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `null`.
    Null,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A value, where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'v, 't> {
    text: &'t str,
    node: &'v Node,
    /// The nodes behind it that stand in it.
    within: &'v [Node],
}

/// A member of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'v, 't> {
    /// A string.
    name: Value<'v, 't>,
    pub(crate) value: Value<'v, 't>,
}

impl<'t> Tree<'t> {
    /// Reads a text; none where it is not JSON.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let nodes = Vec::with_capacity(text.len() / BYTES_A_NODE);
        let mut parser = Parser { text, at: 0, depth: 0, nodes, marks: 0, may_have_names_twice: false };
        parser.skip_space();
        parser.value()?;
        parser.skip_space();
        let Parser { at, nodes, may_have_names_twice, .. } = parser;
        (at == text.len()).then_some(Self { text, nodes, may_have_names_twice })
    }

    /// The value that the text is.
    pub(crate) fn root(&self) -> Option<Value<'_, 't>> {
        Values { text: self.text, nodes: &self.nodes }.next()
    }

    /// Whether a name stands twice in an object.
    pub(crate) fn has_names_twice(&self) -> bool {
        let nodes = if self.may_have_names_twice { self.nodes.as_slice() } else { &[] };
        let mut left = Values { text: self.text, nodes };
        while let Some(value) = left.clone().next() {
            if value.name_standing_twice().is_some() {
                return true;
            }
            // What stands in the value comes next.
            left.nodes = left.nodes.get(1..).unwrap_or_default();
        }
        false
    }
}

/// Values that stand one behind the other.
#[derive(Debug, Clone)]
struct Values<'v, 't> {
    text: &'t str,
    nodes: &'v [Node],
}

impl<'v, 't> Iterator for Values<'v, 't> {
    type Item = Value<'v, 't>;

    #[inline]
    fn next(&mut self) -> Option<Value<'v, 't>> {
        let (node, behind) = self.nodes.split_first()?;
        let (within, rest) = behind.split_at_checked(node.size - 1)?;
        self.nodes = rest;
        Some(Value { text: self.text, node, within })
    }
}

/// The members of an object.
#[derive(Debug, Clone)]
struct Members<'v, 't>(Values<'v, 't>);

impl<'v, 't> Iterator for Members<'v, 't> {
    type Item = Member<'v, 't>;

    #[inline]
    fn next(&mut self) -> Option<Member<'v, 't>> {
        Some(Member { name: self.0.next()?, value: self.0.next()? })
    }
}

impl<'v, 't> Value<'v, 't> {
    /// What it is.
    pub(crate) fn kind(self) -> Kind {
        self.node.kind
    }

    /// Where it stands; a string with its quotes, an array or object with its brackets.
    pub(crate) fn span(self) -> Span {
        self.node.start..self.node.end
    }

    /// As it is written.
    pub(crate) fn source(self) -> &'t str {
        self.text.get(self.span()).unwrap_or_default()
    }

    /// What a string says.
    pub(crate) fn string(self) -> Option<Cow<'t, str>> {
        if self.node.kind != Kind::Text {
            None
        } else if self.node.has_escapes {
            serde_json::from_str(self.source()).ok().map(Cow::Owned)
        } else {
            self.text.get(self.node.start + 1..self.node.end - 1).map(Cow::Borrowed)
        }
    }

    /// What stands in an array; nothing in what is none.
    pub(crate) fn items(self) -> impl Iterator<Item = Value<'v, 't>> + use<'v, 't> {
        let is_array = self.node.kind == Kind::Array;
        Values { text: self.text, nodes: if is_array { self.within } else { &[] } }
    }

    /// What stands in an object; nothing in what is none.
    pub(crate) fn members(self) -> impl Iterator<Item = Member<'v, 't>> + use<'v, 't> {
        let is_object = self.node.kind == Kind::Object;
        Members(Values { text: self.text, nodes: if is_object { self.within } else { &[] } })
    }

    /// The first member of a name.
    pub(crate) fn member(self, name: &str) -> Option<Member<'v, 't>> {
        self.members().find(|member| member.name.is(name))
    }

    /// The place of the first member whose name stood in the object before.
    pub(crate) fn name_standing_twice(self) -> Option<usize> {
        /// So many names are compared sooner each with each than sorted.
        const FEW: usize = 16;
        let mut sorted = BTreeSet::new();
        for (place, member) in self.members().enumerate() {
            let is_twice = if place < FEW {
                self.members().take(place).any(|before| before.name() == member.name())
            } else {
                if sorted.is_empty() {
                    sorted.extend(self.members().take(place).map(Member::name));
                }
                !sorted.insert(member.name())
            };
            if is_twice {
                return Some(place);
            }
        }
        None
    }

    /// Whether it is a string that says this.
    fn is(self, text: &str) -> bool {
        // Most texts differ in length.
        let may_be = self.node.has_escapes || self.node.end - self.node.start == text.len() + 2;
        may_be && self.string().is_some_and(|own| own == text)
    }
}

impl<'t> Member<'_, 't> {
    /// Its name.
    pub(crate) fn name(self) -> Cow<'t, str> {
        self.name.string().unwrap_or_default()
    }

    /// Where the name stands, with its quotes.
    pub(crate) fn name_span(self) -> Span {
        self.name.span()
    }

    /// Where the name and the value stand.
    pub(crate) fn span(self) -> Span {
        self.name.node.start..self.value.node.end
    }
}

/// Each method reads what begins where it stands, and goes behind it; none where that is something else.
struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    nodes: Vec<Node>,
    /// The marks of the names that the object has by now in which it stands.
    marks: u64,
    may_have_names_twice: bool,
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

    fn value(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' => self.list(Kind::Object, b'}', Self::member),
            b'[' => self.list(Kind::Array, b']', Self::value),
            b't' => self.word(Kind::Boolean, "true"),
            b'f' => self.word(Kind::Boolean, "false"),
            b'n' => self.word(Kind::Null, "null"),
            _ => self.number(),
        }
    }

    /// A value in which no other stands, from a place to here.
    fn push(&mut self, kind: Kind, has_escapes: bool, start: usize) {
        self.nodes.push(Node { kind, has_escapes, start, end: self.at, size: 1 });
    }

    /// What stands between two brackets.
    fn list(&mut self, kind: Kind, close: u8, one: impl Fn(&mut Self) -> Option<()>) -> Option<()> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let (start, place) = (self.at, self.nodes.len());
        let marks = mem::take(&mut self.marks);
        self.push(kind, false, start);
        self.at += 1;
        self.skip_space();
        let mut is_empty = true;
        while is_empty || self.takes(b',') {
            if is_empty && self.peek()? == close {
                break;
            }
            one(self)?;
            is_empty = false;
        }
        // White space before the bracket is passed over by now.
        if self.peek()? != close {
            return None;
        }
        self.at += 1;
        self.depth -= 1;
        let (end, size) = (self.at, self.nodes.len() - place);
        let own = self.nodes.get_mut(place)?;
        (own.end, own.size) = (end, size);
        self.marks = marks;
        Some(())
    }

    fn member(&mut self) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at;
        self.string()?;
        let mark = self.mark(start);
        self.may_have_names_twice |= self.marks & mark != 0;
        self.marks |= mark;
        if self.takes(b':') { self.value() } else { None }
    }

    /// Of a string that ends here, some bits of 64: strings that say the same have one in common, and others seldom.
    fn mark(&self, start: usize) -> u64 {
        let last = self.text.as_bytes().get(self.at.saturating_sub(2)).copied().unwrap_or_default();
        let has_escapes = self.nodes.last().is_none_or(|string| string.has_escapes);
        if has_escapes { u64::MAX } else { 1 << ((self.at - start + usize::from(last)) % 64) }
    }

    fn word(&mut self, kind: Kind, word: &str) -> Option<()> {
        let start = self.at;
        self.at += word.len();
        if self.text.get(start..self.at)? != word {
            return None;
        }
        self.push(kind, false, start);
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        let is_of_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
        self.at += self.rest().iter().take_while(|byte| is_of_number(byte)).count();
        serde_json::from_str::<serde_json::Number>(self.text.get(start..self.at)?).ok()?;
        self.push(Kind::Number, false, start);
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        let start = self.at;
        self.at += 1;
        self.at += plain(self.rest());
        if self.peek()? == b'"' {
            self.at += 1;
            self.push(Kind::Text, false, start);
            return Some(());
        }
        while self.peek()? != b'"' {
            self.at += if self.peek()? == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        serde_json::from_str::<Cow<'_, str>>(self.text.get(start..self.at)?).ok()?;
        self.push(Kind::Text, true, start);
        Some(())
    }
}

/// How many bytes stand before the first that ends a string or has another meaning in it: eight are looked at at once.
fn plain(text: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = 0x8080_8080_8080_8080;
    // A byte's highest bit is set where the byte is below another one, up to the first that is.
    let below = |word: u64, byte: u8| word.wrapping_sub(ONES * u64::from(byte)) & !word & HIGHEST;
    let equal = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let (words, rest) = text.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let special = below(word, 0x20) | equal(word, b'"') | equal(word, b'\\');
        if special != 0 {
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    at + rest.iter().position(is_special).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same value as `serde_json` has it. Of a name that stands twice the last value counts, as there.
    fn as_by_serde(value: Value<'_, '_>) -> serde_json::Value {
        match value.kind() {
            Kind::Text => value.string().unwrap().into(),
            Kind::Number | Kind::Boolean | Kind::Null => serde_json::from_str(value.source()).unwrap(),
            Kind::Array => value.items().map(as_by_serde).collect(),
            Kind::Object => {
                let members = value.members();
                members.map(|member| (member.name().into_owned(), as_by_serde(member.value))).collect()
            }
        }
    }

    fn read(text: &str) -> Option<serde_json::Value> {
        Some(as_by_serde(Tree::parse(text)?.root().unwrap()))
    }

    /// What stands where a value is said to stand is that value.
    fn each_stands_where_it_says(text: &str, value: Value<'_, '_>) {
        assert_eq!(read(&text[value.span()]), Some(as_by_serde(value)));
        value.items().for_each(|item| each_stands_where_it_says(text, item));
        for member in value.members() {
            let name: String = serde_json::from_str(&text[member.name_span()]).unwrap();
            assert_eq!(name, member.name());
            assert_eq!(member.span(), member.name_span().start..member.value.span().end);
            each_stands_where_it_says(text, member.value);
        }
    }

    fn is_read_as_by_serde(text: &str) {
        let ours = Tree::parse(text);
        let theirs = serde_json::from_str::<serde_json::Value>(text);
        assert_eq!(read(text), theirs.ok(), "{text}");
        if let Some(tree) = &ours {
            each_stands_where_it_says(text, tree.root().unwrap());
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

    #[test]
    fn names_that_stand_twice() {
        let many = |last: &str| {
            let names: Vec<String> = (0..40).map(|name| format!("\"{name}\":[{name}]")).collect();
            format!("[1,{{{},\"{last}\":{{}}}}]", names.join(","))
        };
        let twice = |text: &str| Tree::parse(text).unwrap().has_names_twice();
        for text in ["{}", "{\"a\":{\"a\":1},\"b\":1,\"ab\":\"a\"}", "[\"a\",\"a\"]", &many("40")] {
            assert!(!twice(text), "{text}");
        }
        for text in [
            "{\"a\":1,\"a\":1}",
            "{\"a\":1,\"b\":1,\"\\u0061\":1}",
            "[{\"x\":[{\"\":1,\"\":2}]}]",
            &many("7"),
            &many("39"),
        ] {
            assert!(twice(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_string_is_plain_up_to_what_is_special(text in r#"[a-c"\\\n\x7f\xe9\u{100}]{0,30}"#) {
            let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
            let bytes = text.as_bytes();
            prop_assert_eq!(plain(bytes), bytes.iter().position(is_special).unwrap_or(bytes.len()));
        }

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
