//! The statements that a change is about, each with what has to make up for it.

use std::collections::{BTreeMap, BTreeSet};

use super::Rewrite;
use crate::arn::{KeyArn, Partition};
use crate::authz::{Policies, Prepared};
use crate::policy::{Condition, Effect, KmsAction, PolicyDocument, Statement};

/// The `Allow` statements that stand in one of both documents only, by index.
pub(super) struct Changed<'a> {
    gone: Vec<&'a Statement>,
    came: Vec<&'a Statement>,
    asked: Vec<&'a Statement>,
    sources: Sources<'a>,
}

/// The documents that the statements are of, in the form that is evaluated.
struct Sources<'a> {
    documents: [&'a PolicyDocument; 3],
    prepared: [Prepared; 3],
}

impl<'a> Changed<'a> {
    /// What is different, unless something is that no change of ours may touch: the document's own elements, or a
    /// `Deny`.
    pub(super) fn of(rewrite: &Rewrite<'a>, partition: Partition) -> Result<Self, String> {
        let Rewrite { before, after, asked } = *rewrite;
        let is_same_language = before.version == after.version && before.unknown == after.unknown;
        if !is_same_language && !before.statements.is_empty() {
            return Err("something beside the statements changed".to_owned());
        }
        let (gone, came) = differing(before, after, partition);
        if gone.iter().chain(&came).any(|statement| statement.effect == Effect::Deny) {
            return Err("a Deny changed".to_owned());
        }
        let documents = [before, after, asked];
        let sources = Sources { documents, prepared: documents.map(Prepared::new) };
        Ok(Self { gone, came, asked: asked.statements.iter().collect(), sources })
    }

    /// Each statement that came or went.
    pub(super) fn trials(&self) -> Vec<StatementTrial<'a>> {
        let gone = self.gone.iter().map(|statement| self.trial(statement, false, self.came.iter()));
        let given = || self.gone.iter().chain(&self.asked);
        let came = self.came.iter().map(|statement| self.trial(statement, true, given()));
        came.chain(gone).collect()
    }

    fn trial<'s>(
        &'s self,
        tried: &'a Statement,
        came: bool,
        others: impl Iterator<Item = &'s &'a Statement>,
    ) -> StatementTrial<'a>
    where
        'a: 's,
    {
        let fits = |other: &&Statement| {
            let holds = |own: &Condition| tried.conditions.iter().any(|tried| holds_wherever(own, tried));
            other.conditions.iter().all(holds) && is_as_opaque(tried, other)
        };
        let by: Vec<&'a Statement> = others.copied().filter(|other| fits(other)).collect();
        StatementTrial {
            came,
            tried: self.sources.prepared_of(&[tried]),
            by: self.sources.prepared_of(&by),
            statements: [vec![tried], by].concat(),
        }
    }
}

impl Sources<'_> {
    /// Statements by themselves, whose conditions are taken to hold.
    fn prepared_of(&self, statements: &[&Statement]) -> Prepared {
        let mut picked = Prepared::default();
        for (document, prepared) in self.documents.iter().zip(&self.prepared) {
            let indices = document.statements.iter().enumerate().filter(|(_, own)| {
                statements.iter().any(|statement| std::ptr::eq::<Statement>(*own, *statement))
            });
            picked.take_unconditioned(prepared, indices.map(|(index, _)| index));
        }
        picked
    }
}

/// A statement, and what has to give at least as much wherever it gives something.
pub(super) struct StatementTrial<'a> {
    /// Whether the statement came; else it is gone.
    pub(super) came: bool,
    pub(super) tried: Prepared,
    pub(super) by: Prepared,
    statements: Vec<&'a Statement>,
}

impl<'a> StatementTrial<'a> {
    /// The statement and those that have to make up for it.
    pub(super) fn statements(&self) -> &[&'a Statement] {
        &self.statements
    }

    /// One of each group of actions that no statement tells apart.
    pub(super) fn actions(&self) -> Vec<KmsAction> {
        let are_alike = |one: KmsAction, other: KmsAction| {
            [&self.tried, &self.by].iter().all(|document| {
                Policies { key_policy: Some(document), ..Policies::default() }.treat_alike(one, other)
            })
        };
        let mut told_apart: Vec<KmsAction> = Vec::new();
        for action in KmsAction::all() {
            if !told_apart.iter().any(|known| are_alike(*known, action)) {
                told_apart.push(action);
            }
        }
        told_apart
    }

    /// The keys asked for and mentioned, and for each one that nobody mentions. A statement that names its resources gives
    /// nothing on others, and nothing has to be made up for there.
    pub(super) fn keys(&self, asked: &[KeyArn]) -> BTreeSet<KeyArn> {
        let asked = if self.tried.names_every_resource() { &[] } else { asked };
        let resources = self.statements.iter().filter_map(|statement| statement.resource.as_ref());
        let mentioned =
            resources.flat_map(|resource| resource.list.iter()).filter_map(|text| text.parse().ok());
        let known: BTreeSet<KeyArn> = mentioned.chain(asked.iter().cloned()).collect();
        let others = known
            .iter()
            .map(|key| KeyArn { id: "00000000-0000-0000-0000-000000000000".to_owned(), ..key.clone() });
        others.chain(known.iter().cloned()).collect()
    }
}

/// The statements without an equal one in the other document, by meaning: each one has one equal at most.
fn differing<'a>(
    before: &'a PolicyDocument,
    after: &'a PolicyDocument,
    partition: Partition,
) -> (Vec<&'a Statement>, Vec<&'a Statement>) {
    let mut known: BTreeMap<String, Vec<&Statement>> = BTreeMap::new();
    for statement in before.statements.iter().rev() {
        known.entry(statement.canonical(partition).to_string()).or_default().push(statement);
    }
    let mut came = Vec::new();
    for statement in &after.statements {
        let equal = known.get_mut(&statement.canonical(partition).to_string());
        if equal.and_then(Vec::pop).is_none() {
            came.push(statement);
        }
    }
    let left: Vec<&Statement> = known.into_values().flatten().collect();
    let is_left = |statement: &&Statement| left.iter().any(|own| std::ptr::eq::<Statement>(*own, *statement));
    (before.statements.iter().filter(is_left).collect(), came)
}

/// Whether a condition holds wherever another one does: it says the same, or takes more values of those of which one
/// has to be there.
fn holds_wherever(own: &Condition, other: &Condition) -> bool {
    let ((operator, key, values), (other_operator, other_key, others)) = (own.meaning(), other.meaning());
    let takes_more =
        matches!(operator, "StringEquals" | "ForAllValues:StringEquals") && values.is_superset(&others);
    operator == other_operator && key == other_key && (values == others || takes_more)
}

/// Whether what evaluation can't make sense of in one statement, so that it may go either way, stands in the other
/// one too: the same goes the same way.
fn is_as_opaque(tried: &Statement, other: &Statement) -> bool {
    let (tried_opaque, other_opaque) = (opaque(tried), opaque(other));
    let is_same_form = negations(tried) == negations(other);
    let has_the_same = match negations(tried) {
        [false, false] if is_same_form => tried_opaque.is_subset(&other_opaque),
        _ if is_same_form => tried_opaque == other_opaque,
        _ => tried_opaque.is_empty() && other_opaque.is_empty(),
    };
    has_the_same && (other.unknown.is_empty() || other.unknown == tried.unknown)
}

fn negations(statement: &Statement) -> [bool; 2] {
    let principal = statement.principal.as_ref().is_some_and(|principal| principal.negated);
    let resource = statement.resource.as_ref().is_some_and(|resource| resource.negated);
    [principal, resource]
}

/// Resources with variables, which have whatever value a request gives them, and principals of unknown types.
fn opaque(statement: &Statement) -> BTreeSet<(&str, &str)> {
    let resources = statement.resource.iter().flat_map(|resource| resource.list.iter());
    let resources = resources.filter(|text| text.contains("${")).map(|text| ("", text));
    let types = statement.principal.iter().filter_map(|principal| principal.types.as_ref()).flatten();
    let unknown = types
        .filter(|kind| !matches!(kind.name.as_str(), "AWS" | "Service" | "Federated" | "CanonicalUser"))
        .flat_map(|kind| kind.list.iter().map(|text| (kind.name.as_str(), text)));
    resources.chain(unknown).collect()
}
