//! Elements as they stand, for those parts of an answer where what is new must not be passed over.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// An element: its text, and what stands in it, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Node {
    pub(super) text: String,
    pub(super) children: Vec<(String, Node)>,
}

impl Node {
    /// The text of an element in it; empty where there is none.
    pub(super) fn text_of(&self, name: &str) -> String {
        let found = self.children.iter().find(|(own, _)| own == name);
        found.map(|(_, child)| child.text.clone()).unwrap_or_default()
    }

    /// Every text in it, however deep.
    pub(super) fn texts(&self) -> Vec<String> {
        let own = (!self.text.is_empty()).then(|| self.text.clone());
        own.into_iter().chain(self.children.iter().flat_map(|(_, child)| child.texts())).collect()
    }

    /// The texts of a list, `<item>…</item>`; the names of whatever else stands there.
    pub(super) fn items(&self, unknown: &mut Vec<String>) -> Vec<String> {
        let mut items = Vec::new();
        for (name, child) in &self.children {
            if name == "item" && child.children.is_empty() {
                items.push(child.text.clone());
            } else {
                unknown.push(name.clone());
            }
        }
        items
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Bounded(0).deserialize(deserializer)
    }
}

/// An element at a depth, below which nothing is kept: no answer of EC2's is nearly as deep.
struct Bounded(u8);

const DEEPEST: u8 = 32;

impl<'de> DeserializeSeed<'de> for Bounded {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        if self.0 < DEEPEST {
            return deserializer.deserialize_any(self);
        }
        IgnoredAny::deserialize(deserializer)?;
        Ok(Node::default())
    }
}

impl<'de> Visitor<'de> for Bounded {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an element")
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node { text: text.to_owned(), children: Vec::new() })
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut node = Node::default();
        while let Some(name) = access.next_key::<String>()? {
            let child = access.next_value_seed(Self(self.0 + 1))?;
            match name.as_str() {
                "$text" => node.text.push_str(&child.text),
                attribute if attribute.starts_with('@') => {}
                _ => node.children.push((name, child)),
            }
        }
        Ok(node)
    }
}
