//! What a patch changes in a policy, in words: which statements come, and who or what comes into the others.

use crate::diff::Replacement;
use crate::policy::document::{StringList, label};
use crate::policy::{PolicyDocument, Statement};

/// A policy before and after, as far as each is one.
pub(super) struct Change<'t> {
    before: Side<'t>,
    after: Side<'t>,
}

struct Side<'t> {
    text: &'t str,
    statements: Vec<Statement>,
}

impl<'t> Side<'t> {
    fn of(text: &'t str) -> Self {
        let statements = PolicyDocument::parse(text).map(|document| document.statements);
        Self { text, statements: statements.unwrap_or_default() }
    }

    /// The statement in which a byte stands, with its index.
    fn around(&self, at: usize) -> Option<(usize, &Statement)> {
        self.statements.iter().enumerate().find(|(_, statement)| statement.span().contains(&at))
    }
}

impl<'t> Change<'t> {
    pub(super) fn of(before: &'t str, after: &'t str) -> Self {
        Self { before: Side::of(before), after: Side::of(after) }
    }

    /// What one replacement does.
    pub(super) fn in_words(&self, replacement: &Replacement) -> String {
        let parts: Vec<String> = self
            .values_in_words(replacement)
            .into_iter()
            .chain(self.statements_in_words(replacement))
            .collect();
        if !parts.is_empty() {
            return format!("keymend would {}", parts.join("; "));
        }
        let Replacement { at, by } = replacement.clone();
        let gone = self.before.text.get(at).map(on_one_line).unwrap_or_default();
        let come = self.after.text.get(by).map(on_one_line).unwrap_or_default();
        match (gone.as_str(), come.as_str()) {
            (gone, "") => format!("keymend would take out here: {gone}"),
            ("", come) => format!("keymend would add here: {come}"),
            (gone, come) => format!("keymend would write here, in the place of {gone}: {come}"),
        }
    }

    /// The statements that come.
    fn statements_in_words(&self, Replacement { by, .. }: &Replacement) -> Option<String> {
        let all = self.after.statements.iter().enumerate();
        let come = all.filter(|(_, statement)| by.contains(&statement.span().start));
        let come: Vec<String> =
            come.map(|(index, statement)| label(statement.sid.as_deref(), index + 1)).collect();
        (!come.is_empty()).then(|| format!("add {}", come.join(" and ")))
    }

    /// What comes into a statement and goes from it.
    fn values_in_words(&self, Replacement { at, by }: &Replacement) -> Vec<String> {
        let both = self.before.around(at.start).zip(self.after.around(by.start));
        let Some(((index, old), (_, new))) = both else { return Vec::new() };
        let (old_values, new_values) = (values(old), values(new));
        let without = |one: &[&str], other: &[&str]| {
            one.iter().filter(|value| !other.contains(value)).copied().collect::<Vec<_>>().join(", ")
        };
        let statement = label(old.sid.as_deref(), index + 1);
        let come = (without(&new_values, &old_values), format!("add to {statement}"));
        let gone = (without(&old_values, &new_values), format!("take out of {statement}"));
        let told = [come, gone].into_iter().filter(|(values, _)| !values.is_empty());
        told.map(|(values, what)| format!("{what}: {values}")).collect()
    }
}

/// Whom, what and of what a statement speaks.
fn values(statement: &Statement) -> Vec<&str> {
    let principals = statement.principal.iter().filter_map(|principal| principal.types.as_ref()).flatten();
    let lists = principals.map(|kind| &kind.list);
    let lists = lists
        .chain([&statement.action, &statement.resource].into_iter().flatten().map(|element| &element.list));
    lists.flat_map(StringList::iter).collect()
}

/// JSON without its layout. No string of it goes over a line's end.
fn on_one_line(json: &str) -> String {
    let lines: Vec<&str> = json.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}
