//! Documents in their prepared form, for texts that come again.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::value::RawValue;

use super::super::Prepared;
use crate::policy::{ActionSet, KmsAction, PolicyError};

/// How many bytes of documents are kept in their prepared form before they are forgotten.
pub(in super::super) const MOST_CACHED: usize = 16 << 20;

/// How many texts are known to have been there before they are forgotten.
const MOST_MET: usize = 1 << 16;

/// The documents that were met, each in its prepared form from the second time on: most that come once never come again,
/// and what is kept of them would be in the way of all else.
#[derive(Default)]
pub(super) struct Cache {
    /// By a sum of their texts.
    met: HashMap<u64, Option<Kept>>,
    bytes: usize,
}

/// A member of a request that should be a policy, and is none.
#[derive(Debug, thiserror::Error)]
#[error("{document}: {error}")]
pub(super) struct NotAPolicy {
    document: String,
    error: PolicyError,
}

struct Kept {
    text: Box<str>,
    prepared: Rc<Prepared>,
}

impl Cache {
    /// A text's prepared form, whole where it is kept, else for an action.
    fn prepared(
        &mut self,
        text: &RawValue,
        action: KmsAction,
        name: impl Fn() -> String,
    ) -> Result<Rc<Prepared>, NotAPolicy> {
        let text = text.get();
        let sum = sum(text);
        let met = self.met.get(&sum);
        if let Some(Some(kept)) = met
            && *kept.text == *text
        {
            return Ok(Rc::clone(&kept.prepared));
        }
        let comes_again = matches!(met, Some(None));
        let asked = if comes_again { ActionSet::all() } else { action.set() };
        let prepared = Prepared::read(text, asked).map_err(|error| NotAPolicy { document: name(), error })?;
        let prepared = Rc::new(prepared);
        if self.bytes + text.len() > MOST_CACHED || self.met.len() == MOST_MET {
            self.met.clear();
            self.bytes = 0;
        }
        if comes_again {
            self.bytes += text.len();
            self.met.insert(sum, Some(Kept { text: text.into(), prepared: Rc::clone(&prepared) }));
        } else {
            // Where two texts have one sum, the one that is kept stays.
            self.met.entry(sum).or_insert(None);
        }
        Ok(prepared)
    }

    pub(super) fn optional(
        &mut self,
        text: Option<&RawValue>,
        action: KmsAction,
        name: &str,
    ) -> Result<Option<Rc<Prepared>>, NotAPolicy> {
        text.map(|text| self.prepared(text, action, || name.to_owned())).transpose()
    }

    pub(super) fn list(
        &mut self,
        texts: &[&RawValue],
        action: KmsAction,
        name: impl Fn() -> String,
    ) -> Result<Vec<Rc<Prepared>>, NotAPolicy> {
        let texts = texts.iter().enumerate();
        texts.map(|(index, text)| self.prepared(text, action, || format!("{}[{index}]", name()))).collect()
    }

    pub(super) fn levels(
        &mut self,
        levels: Option<&[Vec<&RawValue>]>,
        action: KmsAction,
        name: &str,
    ) -> Result<Option<Vec<Vec<Rc<Prepared>>>>, NotAPolicy> {
        let Some(levels) = levels else {
            return Ok(None);
        };
        let levels = levels.iter().enumerate();
        levels
            .map(|(level, texts)| self.list(texts, action, || format!("{name}[{level}]")))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// How many bytes of documents are kept.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let kept = self.met.values().flatten().map(|kept| kept.text.len()).sum();
        assert_eq!(self.bytes, kept);
        kept
    }
}

/// A sum of a text. Texts with the same sum are told apart by themselves, so it has to be fast and no more.
fn sum(text: &str) -> u64 {
    /// The golden ratio's digits, as Fibonacci hashing has them.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let rest = rest.iter().map(|byte| u64::from(*byte));
    let start = u64::try_from(text.len()).unwrap_or_default();
    words.chain(rest).fold(start, |sum, word| (sum.rotate_left(5) ^ word).wrapping_mul(FACTOR))
}
