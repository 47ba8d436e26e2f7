//! How values of a world file are read where `serde` alone would let too much through, or say it badly.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Something that stands as an object; `serde` alone would take an array of its members' values too.
#[derive(Debug)]
pub(in crate::cloud::sandbox) struct Object<T>(pub(in crate::cloud::sandbox) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(access)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

pub(super) fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Object::deserialize(deserializer).map(|Object(value)| value)
}

/// An object of objects.
pub(super) fn objects<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + fmt::Display,
    V: Deserialize<'de>,
{
    let map = members::<D, K, Object<V>>(deserializer)?;
    Ok(map.into_iter().map(|(name, Object(value))| (name, value)).collect())
}

/// An object whose member names differ; `serde` alone would keep the last of two.
pub(super) fn members<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + fmt::Display,
    V: Deserialize<'de>,
{
    struct Members<K, V>(PhantomData<(K, V)>);

    impl<'de, K, V> Visitor<'de> for Members<K, V>
    where
        K: Deserialize<'de> + Ord + fmt::Display,
        V: Deserialize<'de>,
    {
        type Value = BTreeMap<K, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some(name) = access.next_key::<K>()? {
                if map.contains_key(&name) {
                    return Err(A::Error::custom(format!("the name `{name}` stands twice in this object")));
                }
                map.insert(name, access.next_value()?);
            }
            Ok(map)
        }
    }

    deserializer.deserialize_map(Members(PhantomData))
}

/// A word of AWS's: one of those that are known, or one that might be newer, which is of their form.
pub(super) fn one_of<'de, D: Deserializer<'de>>(
    deserializer: D,
    values: &'static [&'static str],
) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if values.contains(&text.as_str()) || may_be_newer(&text, values) {
        return Ok(text);
    }
    let list = values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    Err(D::Error::custom(format!("`{text}` is not one of {list}")))
}

/// Whether a word is written as the known ones are, and is none of them misspelt in case or punctuation.
pub(in crate::cloud::sandbox) fn may_be_newer(word: &str, known: &[&str]) -> bool {
    let has = |kind: fn(&char) -> bool| known.iter().any(|known| known.chars().any(|c| kind(&c)));
    let (upper, lower) = (has(char::is_ascii_uppercase), has(char::is_ascii_lowercase));
    let is_fitting = |c: char| match c {
        'A'..='Z' => upper,
        'a'..='z' => lower,
        '0'..='9' => true,
        other => known.iter().any(|known| known.contains(other)),
    };
    let begins_alike = word.chars().next().is_some_and(|first| {
        known
            .iter()
            .any(|known| known.starts_with(|c: char| c.is_ascii_uppercase() == first.is_ascii_uppercase()))
            && first.is_ascii_alphabetic()
    });
    let letters = |word: &str| word.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    let is_misspelt = known.iter().any(|known| letters(known).eq_ignore_ascii_case(&letters(word)));
    begins_alike && word.chars().all(is_fitting) && !is_misspelt
}

/// A quota.
pub(super) fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    match number.as_u64().and_then(|number| number.try_into().ok()) {
        Some(limit) => Ok(Some(limit)),
        None => {
            Err(D::Error::custom(format!("`{number}` is not a limit: expected a whole number, 0 or more")))
        }
    }
}
