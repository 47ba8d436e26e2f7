//! What a plan file says as a whole, in one word, so that whatever was changed in it shows.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::ops::Range;
use std::rc::Rc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::Serialize;
use serde_json::ser::Formatter;
use serde_json::{Map, Number, Serializer, Value};
use sha2::{Digest as _, Sha256};

/// The member that holds it, which says nothing of itself.
pub(super) const MEMBER: &str = "digest";

/// From this length on an object is not put in order where it stands: it is hashed in order at the end.
const LARGE: usize = 64 << 10;

/// What a document comes to.
pub(super) struct Digest {
    /// In hexadecimal.
    pub(super) digest: String,
    /// About how many bytes the document has without white space.
    pub(super) length: usize,
}

/// The SHA-256, in hexadecimal, of a document without its digest: compact, with the members of each object in the order
/// of their names. Who lays the text out otherwise changes nothing.
pub(super) fn digest(document: &impl Serialize) -> Result<Digest, serde_json::Error> {
    let pages = Pages::default();
    document.serialize(&mut Serializer::with_formatter(pages.clone(), InOrder(pages.clone())))?;
    let mut hash = Sha256::new();
    let written = pages.0.borrow();
    let length = written.text.len();
    written.put(0..length, &mut hash);
    let hex = |hex: String, byte: &u8| hex + &format!("{byte:02x}");
    Ok(Digest { digest: hash.finalize().iter().fold(String::with_capacity(64), hex), length })
}

/// What is written of a document.
#[derive(Clone, Default)]
struct Pages(Rc<RefCell<Written>>);

#[derive(Default)]
struct Written {
    text: Vec<u8>,
    open: Vec<Open>,
    /// The large objects, by where they begin: without their braces and commas.
    large: BTreeMap<usize, Large>,
}

/// A large object.
struct Large {
    end: usize,
    /// In the order of their names.
    members: Vec<Member>,
}

/// An object that is not at its end.
struct Open {
    /// Where it begins.
    at: usize,
    members: Vec<Member>,
}

/// Where a member of an object stands.
#[derive(Default)]
struct Member {
    name: Range<usize>,
    end: usize,
}

impl Member {
    /// Its name, as it is compared.
    fn name<'t>(&self, text: &'t [u8]) -> Cow<'t, str> {
        let name = text.get(self.name.clone()).unwrap_or_default();
        let plain = || str::from_utf8(name).ok()?.strip_prefix('"')?.strip_suffix('"');
        match plain().filter(|plain| !plain.contains('\\')) {
            Some(plain) => plain.into(),
            None => serde_json::from_slice::<String>(name).unwrap_or_default().into(),
        }
    }
}

impl Written {
    /// How far the text goes by now, and the last member of the innermost object.
    fn innermost(&mut self) -> Option<(usize, &mut Vec<Member>)> {
        let Open { members, .. } = self.open.last_mut()?;
        Some((self.text.len(), members))
    }

    /// Ends the innermost object.
    fn end_object(&mut self) {
        let Some(Open { at, mut members }) = self.open.pop() else { return };
        members.sort_by(|one, other| one.name(&self.text).cmp(&other.name(&self.text)));
        if self.open.is_empty() {
            members.retain(|member| member.name(&self.text) != MEMBER);
        }
        let end = self.text.len();
        if end - at >= LARGE {
            self.large.insert(at, Large { end, members });
            return;
        }
        let object = self.text.split_off(at);
        self.text.push(b'{');
        for (place, member) in members.iter().enumerate() {
            self.text.extend_from_slice(if place == 0 { b"" } else { b"," });
            let member = member.name.start - at..member.end - at;
            self.text.extend_from_slice(object.get(member).unwrap_or_default());
        }
        self.text.push(b'}');
    }

    /// Gives what stands somewhere to a hash, with each large object in order.
    fn put(&self, Range { start, end }: Range<usize>, hash: &mut Sha256) {
        let mut done = start;
        while let Some((at, Large { end, members })) = self.large.range(done..end).next() {
            hash.update(self.text.get(done..*at).unwrap_or_default());
            hash.update(b"{");
            for (place, member) in members.iter().enumerate() {
                hash.update(if place == 0 { &b""[..] } else { b"," });
                hash.update(self.text.get(member.name.clone()).unwrap_or_default());
                // What begins where the name does is the object itself.
                self.put(member.name.end..member.end, hash);
            }
            hash.update(b"}");
            done = *end;
        }
        hash.update(self.text.get(done..end).unwrap_or_default());
    }
}

impl Write for Pages {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compact JSON, with the members of each object in the order of their names: they are put in order at its end.
struct InOrder(Pages);

impl Formatter for InOrder {
    fn begin_object<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        let mut written = self.0.0.borrow_mut();
        let at = written.text.len();
        written.open.push(Open { at, members: Vec::new() });
        Ok(())
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, _: &mut W, _: bool) -> io::Result<()> {
        if let Some((here, members)) = self.0.0.borrow_mut().innermost() {
            members.push(Member { name: here..here, end: here });
        }
        Ok(())
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if let Some((here, members)) = self.0.0.borrow_mut().innermost()
            && let Some(member) = members.last_mut()
        {
            member.name.end = here;
        }
        writer.write_all(b":")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        if let Some((here, members)) = self.0.0.borrow_mut().innermost()
            && let Some(member) = members.last_mut()
        {
            member.end = here;
        }
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.0.borrow_mut().end_object();
        Ok(())
    }
}

/// A document in which no object has two members of one name.
pub(super) struct Unambiguous(pub(super) Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
                Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("no number"))
            }

            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut all = Vec::new();
                while let Some(Unambiguous(item)) = items.next_element()? {
                    all.push(item);
                }
                Ok(Value::Array(all))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
                let mut all = Map::new();
                while let Some((name, Unambiguous(member))) = members.next_entry::<String, _>()? {
                    if all.insert(name, member).is_some() {
                        return Err(de::Error::custom("a member is there twice"));
                    }
                }
                Ok(Value::Object(all))
            }
        }

        deserializer.deserialize_any(Any).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(document: &Value) -> String {
        digest(document).unwrap().digest
    }

    /// What has been put in order by itself.
    fn expected(mut document: Value) -> String {
        if let Value::Object(members) = &mut document {
            members.shift_remove(MEMBER);
        }
        document.sort_all_objects();
        let hex = |byte: &u8| format!("{byte:02x}");
        Sha256::digest(document.to_string()).iter().map(hex).collect()
    }

    #[test]
    fn members_are_in_the_order_of_their_names_however_they_came() {
        let document = json!({
            "z": {"b": [{"y": 1, "x": {}}, [], "{\"b\":1}"], "a\"quoted": null, "a\u{1}": true, "a": {"digest": "kept"}},
            "digest": "left out",
            "\u{e9}": -1, "\u{1f511}": 2, "e": {},
        });
        assert_eq!(told(&document), expected(document));
        assert_eq!(told(&json!({})), expected(json!({})));
    }

    #[test]
    fn a_large_object_is_in_order_too() {
        let small = || json!({"y": [{"d": 1, "c": 2}], "x": {}});
        let large =
            |beside: Value| json!({"z": small(), "text": "a".repeat(LARGE), "b": beside, "a": small()});
        let nested =
            large(json!([large(small()), 1, large(json!({"digest": large(small()), "c": small()}))]));
        for mut document in [large(small()), nested] {
            assert_eq!(told(&document), expected(document.clone()));
            document[MEMBER] = large(small());
            assert_eq!(told(&document), expected(document));
        }
    }
}
