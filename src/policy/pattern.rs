//! The wildcards of policy elements: `*` for any run of characters, `?` for one.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>
//!
//! A pattern is the segments between its stars. Each is searched for once, from where the one before ended:
//! the leftmost place is always good enough, so nothing is ever tried twice.

/// A pattern, taken apart once.
#[derive(Debug, Clone, Default)]
pub struct Pattern {
    /// What stands before the first star.
    head: Segment,
    /// What stands between stars.
    middle: Vec<Segment>,
    /// What stands after the last star; without it the pattern has no star.
    tail: Option<Segment>,
}

/// A run of characters without a star.
#[derive(Debug, Clone, Default)]
struct Segment {
    /// The characters, with a `?` for any one.
    text: String,
    /// Where in the text a `?` stands for any character, in ascending order.
    wild: Vec<usize>,
}

/// Whether the whole text matches the pattern. Case counts.
pub fn matches(pattern: &str, text: &str) -> bool {
    if is_pattern(pattern) { Pattern::new(pattern).matches(text) } else { pattern == text }
}

/// Like [`matches()`], with ASCII letters equal in either case, as in action names.
pub fn matches_ignoring_case(pattern: &str, text: &str) -> bool {
    if is_pattern(pattern) {
        Pattern::new(&pattern.to_ascii_lowercase()).matches(&text.to_ascii_lowercase())
    } else {
        pattern.eq_ignore_ascii_case(text)
    }
}

/// Whether the pattern has a wildcard at all.
pub fn is_pattern(text: &str) -> bool {
    literal_head(text).is_some()
}

/// What stands before the first wildcard, where there is one.
pub fn literal_head(text: &str) -> Option<&str> {
    memchr::memchr2(b'*', b'?', text.as_bytes()).and_then(|at| text.get(..at))
}

/// Whether every text that matches one pattern is known to match a wider one too.
pub fn covers(wide: &str, narrow: &str) -> bool {
    // A star of the narrow one can stand for anything, and is only ever taken for by a star then.
    !wide.contains('?') && !narrow.contains('?') && matches(wide, narrow)
}

/// Whether it is known that no text matches both patterns.
pub fn are_apart(one: &str, other: &str) -> bool {
    if !is_pattern(one) {
        return !matches(other, one);
    }
    let starts = [one, other].map(|text| text.split(['*', '?']).next().unwrap_or_default());
    let ends = [one, other].map(|text| text.rsplit(['*', '?']).next().unwrap_or_default());
    let ([start, other_start], [end, other_end]) = (starts, ends);
    !(start.starts_with(other_start) || other_start.starts_with(start))
        || !(end.ends_with(other_end) || other_end.ends_with(end))
}

impl Pattern {
    /// Takes a text with wildcards apart.
    pub fn new(text: &str) -> Self {
        let mut pattern = Self::default();
        for (index, run) in text.split('*').enumerate() {
            if index > 0 {
                pattern.push_star();
            }
            for (index, literal) in run.split('?').enumerate() {
                if index > 0 {
                    pattern.push_any();
                }
                pattern.push_literal(literal);
            }
        }
        pattern
    }

    /// Adds characters that stand for themselves.
    pub fn push_literal(&mut self, literal: &str) {
        self.last_segment().text.push_str(literal);
    }

    /// Adds a `?`.
    pub fn push_any(&mut self) {
        let segment = self.last_segment();
        segment.wild.push(segment.text.len());
        segment.text.push('?');
    }

    /// Adds a `*`.
    pub fn push_star(&mut self) {
        // The segment before is complete now; an empty one, as between two stars, means nothing.
        if let Some(segment) = self.tail.replace(Segment::default())
            && !segment.text.is_empty()
        {
            self.middle.push(segment);
        }
    }

    /// Whether the pattern is `*`, which everything matches.
    pub fn is_anything(&self) -> bool {
        self.head.text.is_empty()
            && self.middle.is_empty()
            && self.tail.as_ref().is_some_and(|tail| tail.text.is_empty())
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        let Some(rest) = self.head.strip_from_start(text) else {
            return false;
        };
        let Some(tail) = &self.tail else {
            return rest.is_empty();
        };
        let Some(mut rest) = tail.strip_from_end(rest) else {
            return false;
        };
        self.middle.iter().all(|segment| match segment.strip_to_end_of_first(rest) {
            Some(after) => {
                rest = after;
                true
            }
            None => false,
        })
    }

    fn last_segment(&mut self) -> &mut Segment {
        self.tail.as_mut().unwrap_or(&mut self.head)
    }
}

impl Segment {
    /// The text after the segment, if it starts with it.
    fn strip_from_start<'t>(&self, text: &'t str) -> Option<&'t str> {
        if self.wild.is_empty() {
            return text.strip_prefix(self.text.as_str());
        }
        let mut rest = text;
        let mut from = 0;
        for &wild in &self.wild {
            rest = rest.strip_prefix(self.text.get(from..wild)?)?;
            let mut characters = rest.chars();
            characters.next()?;
            rest = characters.as_str();
            from = wild + 1;
        }
        rest.strip_prefix(self.text.get(from..)?)
    }

    /// The text before the segment, if it ends with it.
    fn strip_from_end<'t>(&self, text: &'t str) -> Option<&'t str> {
        if self.wild.is_empty() {
            return text.strip_suffix(self.text.as_str());
        }
        let count = self.text.chars().count();
        let (start, _) = text.char_indices().rev().nth(count - 1)?;
        let (before, end) = text.split_at(start);
        self.strip_from_start(end).map(|_| before)
    }

    /// The text after the first place where the segment stands.
    fn strip_to_end_of_first<'t>(&self, text: &'t str) -> Option<&'t str> {
        if self.wild.is_empty() {
            let start = text.find(self.text.as_str())?;
            return text.get(start + self.text.len()..);
        }
        text.char_indices().find_map(|(start, _)| self.strip_from_start(text.get(start..)?))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("kms:*", "kms:Decrypt", true),
            ("kms:?ecrypt", "kms:Decrypt", true),
            ("kms:?ecrypt", "kms:ecrypt", false),
            ("arn:aws:kms:*:*:key/*", "arn:aws:kms:eu-west-1:111122223333:key/1", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a*a", "a", false),
            ("", "", true),
            ("", "a", false),
            ("a", "A", false),
            ("*é?", "caféx", true),
            ("?", "é", true),
            ("*?é", "é", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} ~ {text}");
        }
        assert!(matches_ignoring_case("KMS:decrypt", "kms:Decrypt"));
        assert!(matches_ignoring_case("KMS:*CRYPT", "kms:Decrypt"));
        assert!(covers("o-1/*", "o-1/*/ou-2/*") && covers("a*c", "ab*bc") && !covers("o-1/r-2/*", "o-1/*"));
        assert!(are_apart("o-1/*", "o-2/*") && are_apart("*/a", "*/b") && !are_apart("o-1/*", "o-1/r-2/*"));
        assert!(Pattern::new("**").is_anything() && !Pattern::new("*?").is_anything());
    }

    #[test]
    fn a_hostile_pattern_costs_no_time() {
        let size = 32 * 1024;
        let text = "a".repeat(size);
        for pattern in [
            format!("{}b", "*a".repeat(size / 2)),
            format!("{}*b", "a*".repeat(size / 2)),
            format!("*{}b*", "a".repeat(size / 2)),
            format!("{}b", "*".repeat(size)),
            format!("{}*", "*?a".repeat(size / 3)),
        ] {
            let started = Instant::now();
            matches(&pattern, &text);
            // Unoptimised, and on a machine that has other things to do.
            assert!(started.elapsed() < Duration::from_millis(250), "{:?}", started.elapsed());
        }
    }

    /// What the wildcards mean, without any thought of cost.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skipped| naive(rest, &text[skipped..])),
            Some((wanted, rest)) => text
                .split_first()
                .is_some_and(|(found, text)| (*wanted == '?' || wanted == found) && naive(rest, text)),
        }
    }

    proptest! {
        #[test]
        fn means_what_the_wildcards_mean(pattern in "[ab?*é]{0,8}", text in "[abé]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &text), naive(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn what_covers_and_what_is_apart(wide in "[ab*]{0,5}|[ab?*]{0,5}", narrow in "[ab*]{0,5}", text in "[ab]{0,5}") {
            if covers(&wide, &narrow) && matches(&narrow, &text) {
                prop_assert!(matches(&wide, &text));
            }
            prop_assert!(!(are_apart(&wide, &narrow) && matches(&wide, &text) && matches(&narrow, &text)));
        }
    }
}
