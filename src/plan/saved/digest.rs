//! What a plan file says as a whole, in one word, so that whatever was changed in it shows.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::mem::take;
use std::rc::Rc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::Serialize;
use serde_json::ser::Formatter;
use serde_json::{Map, Number, Serializer, Value};
use sha2::{Digest as _, Sha256};

/// The member that holds it, which says nothing of itself.
pub(super) const MEMBER: &str = "digest";

/// The SHA-256, in hexadecimal, of a document without its digest: compact, with the members of each object in the order
/// of their names. Who lays the text out otherwise changes nothing.
pub(super) fn digest(document: &impl Serialize) -> Result<String, serde_json::Error> {
    let pages = Pages::default();
    document.serialize(&mut Serializer::with_formatter(pages.clone(), InOrder(pages.clone())))?;
    let digest = Sha256::digest(&pages.0.borrow().text);
    Ok(digest.iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}")))
}

/// What is written of a document: whole objects, and what is open of others around it.
#[derive(Clone, Default)]
struct Pages(Rc<RefCell<Written>>);

#[derive(Default)]
struct Written {
    /// What was written last: of the document, or of the innermost member.
    text: Vec<u8>,
    open: Vec<Open>,
}

/// An object that is not at its end.
struct Open {
    /// What stands before it.
    before: Vec<u8>,
    /// The name of the member that is written.
    name: Vec<u8>,
    /// Its members: by name, as written.
    members: Vec<(String, Vec<u8>)>,
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

/// Compact JSON, with the members of each object in the order of their names: at the end of an object they are put in order.
struct InOrder(Pages);

impl Formatter for InOrder {
    fn begin_object<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        let mut written = self.0.0.borrow_mut();
        let before = take(&mut written.text);
        written.open.push(Open { before, name: Vec::new(), members: Vec::new() });
        Ok(())
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, _: &mut W, _: bool) -> io::Result<()> {
        Ok(())
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        let mut written = self.0.0.borrow_mut();
        let name = take(&mut written.text);
        if let Some(object) = written.open.last_mut() {
            object.name = name;
        }
        Ok(())
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        let mut written = self.0.0.borrow_mut();
        let value = take(&mut written.text);
        let is_outermost = written.open.len() == 1;
        if let Some(Open { name, members, .. }) = written.open.last_mut() {
            let by: String = serde_json::from_slice(name)?;
            if !(is_outermost && by == MEMBER) {
                members.push((by, [name.as_slice(), b":", &value].concat()));
            }
        }
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        let mut written = self.0.0.borrow_mut();
        if let Some(Open { before, mut members, .. }) = written.open.pop() {
            members.sort_unstable();
            let members: Vec<Vec<u8>> = members.into_iter().map(|(_, member)| member).collect();
            written.text = before;
            written.text.extend([b"{", members.join(&b","[..]).as_slice(), b"}"].concat());
        }
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
