//! Types that are seen in the whole crate and have one name.

use std::collections::BTreeMap;

/// Every name that more than one file, given by its path with its text, gives to a type that the whole crate sees.
pub(super) fn shared(files: &[(String, String)]) -> Vec<String> {
    let mut homes: BTreeMap<String, usize> = BTreeMap::new();
    for (file, text) in files {
        if file.split(['/', '.']).any(|part| part == "tests" || part == "testing") {
            continue;
        }
        for name in text.lines().filter_map(declared) {
            *homes.entry(name.to_owned()).or_default() += 1;
        }
    }
    homes.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect()
}

/// The type that a line at the margin declares for the whole crate.
fn declared(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) "))?;
    let (kind, rest) = rest.split_once(' ')?;
    if !["struct", "enum", "trait", "type"].contains(&kind) {
        return None;
    }
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(one: &str, other: &str) -> Vec<String> {
        shared(&[("a.rs".to_owned(), one.to_owned()), ("b.rs".to_owned(), other.to_owned())])
    }

    #[test]
    fn only_what_the_whole_crate_sees_counts() {
        assert_eq!(of("pub struct A<T>(T);", "pub(crate) enum A {"), ["A"]);
        assert_eq!(of("pub type A = u8;", "pub trait A {}"), ["A"]);
        for other in
            ["struct A;", "pub(super) struct A;", "    pub struct A;", "pub struct Ab;", "pub fn A() {}"]
        {
            assert!(of("pub struct A;", other).is_empty(), "{other}");
        }
    }
}
