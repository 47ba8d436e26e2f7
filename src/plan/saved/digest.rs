//! What a plan file says as a whole, in one word, so that whatever was changed in it shows.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use sha2::{Digest as _, Sha256};

/// The member that holds it, which says nothing of itself.
pub(super) const MEMBER: &str = "digest";

/// The SHA-256, in hexadecimal, of a document without its digest: compact, with the members of each object in the order
/// of their names. Who lays the text out otherwise changes nothing.
pub(super) fn digest(mut document: Value) -> String {
    if let Value::Object(members) = &mut document {
        members.shift_remove(MEMBER);
    }
    document.sort_all_objects();
    let digest = Sha256::digest(document.to_string());
    digest.iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}"))
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
