//! Files that import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::module_path;
use super::source::Source;

/// What a file takes from which other one.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Every circle among files, given by their path under `src` with their text: the files of each.
///
/// What a file only hands on (`pub use`) is no import of its own, and who takes it takes it from where it is made.
pub(super) fn circles(files: &BTreeMap<String, String>) -> Vec<Vec<String>> {
    let arrows = arrows(files);
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        arrows.keys().map(|file| (file, reached_from(file, &arrows))).collect();
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for (file, others) in &reached {
        let circle: Vec<String> = others
            .iter()
            .filter(|other| reached[*other].contains(file))
            .map(|other| (*other).clone())
            .collect();
        if !circle.is_empty() {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

fn reached_from<'a>(file: &'a String, arrows: &'a Arrows) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![file];
    while let Some(file) = next.pop() {
        next.extend(arrows[file].iter().filter(|target| reached.insert(*target)));
    }
    reached
}

fn arrows(files: &BTreeMap<String, String>) -> Arrows {
    let is_test = |file: &String| module_path(file).iter().any(|part| part == "tests" || part == "testing");
    let sources: BTreeMap<Vec<String>, (&String, Source)> = files
        .iter()
        .filter(|(file, _)| !is_test(file))
        .map(|(file, text)| (module_path(file), (file, Source::parse(&module_path(file), text))))
        .collect();
    let mut arrows = Arrows::new();
    for (module, (file, source)) in &sources {
        let taken = source.paths_gone().filter_map(|path| made_in(path, module, &sources, 0));
        // A module and those inside it are one: it calls them, and they take its types.
        let taken =
            taken.filter(|target| !module.starts_with(target)).map(|target| sources[&target].0.clone());
        arrows.insert((*file).clone(), taken.collect());
    }
    arrows
}

/// The module that makes what a path of another module leads to.
fn made_in(
    path: &[String],
    from: &[String],
    sources: &BTreeMap<Vec<String>, (&String, Source)>,
    depth: usize,
) -> Option<Vec<String>> {
    if depth > 8 {
        return None;
    }
    let (first, rest) = path.split_first()?;
    let absolute: Vec<String> = if first == "crate" {
        rest.to_vec()
    } else {
        let child = [from, std::slice::from_ref(first)].concat();
        if sources.contains_key(&child) {
            [&child, rest].concat()
        } else {
            let stands_for = sources.get(from)?.1.imported(first)?;
            // A name that stands for itself is of another crate.
            if stands_for.first() == Some(first) && stands_for.len() == 1 {
                return None;
            }
            return made_in(&[stands_for, rest].concat(), from, sources, depth + 1);
        }
    };
    let module = (0..=absolute.len())
        .rev()
        .map(|length| &absolute[..length])
        .find(|module| sources.contains_key(*module))?;
    match absolute.get(module.len()).and_then(|item| sources[module].1.imported(item)) {
        Some(further) => made_in(further, module, sources, depth + 1).or_else(|| Some(module.to_vec())),
        None => Some(module.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let files = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
        circles(&files.collect())
    }

    #[test]
    fn every_kind_of_circle_is_seen() {
        let circle = [vec!["a/b.rs".to_owned(), "a/c.rs".to_owned()]];
        for (b, c) in [
            ("use super::c::C;", "use super::b::B;"),
            ("fn f(c: super::c::C) {}", "use crate::a::b;"),
            ("fn f() {} use super::c::C;", "fn g(a: (u8,)) {} use super::b::B;"),
            ("use super::c; fn f() { c::f() }", "use super::{b::B as Other};"),
            // By way of what their parent hands on.
            ("use super::C;", "use crate::a::B;"),
        ] {
            let parent = "mod b; mod c; pub use b::B; pub(crate) use c::C;";
            assert_eq!(of(&[("a.rs", parent), ("a/b.rs", b), ("a/c.rs", c)]), circle, "{b} {c}");
        }
        let long = [("a.rs", "use crate::b::B;"), ("b.rs", "use crate::c::C;"), ("c.rs", "use crate::a::A;")];
        assert_eq!(of(&long).len(), 1);
    }

    #[test]
    fn what_is_no_circle() {
        let inside = [("a.rs", "mod b; struct A; fn f() { b::f() }"), ("a/b.rs", "use super::A;")];
        assert!(of(&inside).is_empty(), "a module and what is inside it are one");
        let handed_on = [("a.rs", "pub use crate::b::B; pub struct A;"), ("b.rs", "use crate::a::A;")];
        assert!(of(&handed_on).is_empty(), "what is handed on is no import");
        let tested = [("a.rs", "#[cfg(test)] use crate::b::B;"), ("b.rs", "use crate::a::A;")];
        assert!(of(&tested).is_empty(), "tests may use what they like");
    }
}
