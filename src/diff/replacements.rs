//! The difference of two texts as what is replaced by what: the way from the one to the other, byte for byte.

use std::ops::Range;

use similar::{Algorithm, TextDiff};

/// A piece of a text that another one takes the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// Which bytes go; none where something is put in.
    pub at: Range<usize>,
    /// What comes there: which bytes of the other text.
    pub by: Range<usize>,
}

/// What is replaced, from top to bottom, so that the one text becomes the other.
pub fn replacements(before: &str, after: &str) -> Vec<Replacement> {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_slices(&old, &new);
    let bytes = |lines: &[&str], to: usize| lines.iter().take(to).map(|line| line.len()).sum::<usize>();
    let changed = diff.ops().iter().map(|op| (op.old_range(), op.new_range()));
    changed
        .filter_map(|(gone, come)| {
            let gone = bytes(&old, gone.start)..bytes(&old, gone.end);
            let come = bytes(&new, come.start)..bytes(&new, come.end);
            narrowed((before, gone), (after, come))
        })
        .collect()
}

/// Without what both have at their beginnings and ends; nothing where that is all.
fn narrowed(
    (before, gone): (&str, Range<usize>),
    (after, come): (&str, Range<usize>),
) -> Option<Replacement> {
    let (old, new) = (before.get(gone.clone())?, after.get(come.clone())?);
    let start = shared(old.chars(), new.chars());
    let (old, new) = (old.get(start..)?, new.get(start..)?);
    let end = shared(old.chars().rev(), new.chars().rev());
    let (at, by) = (gone.start + start..gone.end - end, come.start + start..come.end - end);
    (!at.is_empty() || !by.is_empty()).then_some(Replacement { at, by })
}

/// How many bytes two texts have in common before they differ.
fn shared(one: impl Iterator<Item = char>, other: impl Iterator<Item = char>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).map(|(same, _)| same.len_utf8()).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn applied(before: &str, after: &str) -> String {
        let mut text = before.to_owned();
        for Replacement { at, by } in replacements(before, after).into_iter().rev() {
            text.replace_range(at, &after[by]);
        }
        text
    }

    #[test]
    fn only_what_differs_is_replaced() {
        fn replaced<'t>(before: &'t str, after: &'t str) -> Vec<(&'t str, &'t str)> {
            replacements(before, after).into_iter().map(|one| (&before[one.at], &after[one.by])).collect()
        }
        assert_eq!(replaced("[1]\r\n", "[1,\r\n2]\r\n"), [("", ",\r\n2")]);
        assert_eq!(replaced("{\"ä\": 1}", "{\"ö\": 1}"), [("ä", "ö")]);
        assert_eq!(replaced("a\nb\nc\n", "a\nc\n"), [("b\n", "")]);
        assert_eq!(replaced("a\nb\nc\n", "A\nb\nC\n"), [("a", "A"), ("c", "C")]);
        assert_eq!(replaced("a\n", "a\n"), []);
    }

    proptest! {
        #[test]
        fn they_lead_from_the_one_to_the_other(before in "[ab\r\nä😀]{0,30}", after in "[ab\r\nä😀]{0,30}") {
            prop_assert_eq!(applied(&before, &after), after);
        }
    }
}
