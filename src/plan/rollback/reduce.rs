//! Taking out of a document what a run added, while everything that somebody else wrote since stays.

use std::collections::BTreeSet;

use crate::arn::Partition;
use crate::policy::document::StringList;
use crate::policy::edit::{BrokenEdit, Editor};
use crate::policy::{AwsPrincipal, Documents, PolicyDocument, Statement};

/// What a document is without a run's additions.
pub(super) struct Reduced {
    /// What is left; `None` where nothing of the run's can be taken out.
    pub(super) document: Option<PolicyDocument>,
    /// Whether anything that the run added stands there unchanged.
    has_ours: bool,
    /// Additions that are no longer as they were written, in words.
    pub(super) left: Vec<String>,
}

impl Reduced {
    /// Whether nothing that the run added is there, as it was written or otherwise.
    pub(super) fn is_clean(&self) -> bool {
        !self.has_ours && self.left.is_empty()
    }
}

/// Takes out of `now` what `after` has beyond `before`, where it stands unchanged.
pub(super) fn reduced(
    documents: &Documents,
    now: &str,
    (before, after): (&str, &str),
    partition: Partition,
) -> Result<Reduced, BrokenEdit> {
    let parse = |text: &str| documents.parsed(text);
    let (Ok(now), Ok(before), Ok(after)) = (parse(now), parse(before), parse(after)) else {
        return Ok(Reduced { document: None, has_ours: false, left: vec!["the document".to_owned()] });
    };
    let mut editor = Editor::new(&now);
    let mut dropped = Vec::new();
    let mut has_shrunk = false;
    let mut left = Vec::new();
    for (index, ours) in after.statements.iter().enumerate() {
        let former = before.statements.get(index);
        if former.is_some_and(|former| former.canonical(partition) == ours.canonical(partition)) {
            continue;
        }
        let standing =
            now.statements.iter().enumerate().find(|(at, own)| {
                !dropped.contains(at) && own.canonical(partition) == ours.canonical(partition)
            });
        match (standing, former) {
            (None, _) if is_gone(&now, ours, former, partition) => {}
            (None, _) => left.push(label(ours, index)),
            (Some((at, _)), None) => dropped.push(at),
            (Some((_, standing)), Some(former)) => {
                shrink(&mut editor, standing, (former, ours), partition);
                has_shrunk = true;
            }
        }
    }
    let has_ours = has_shrunk || !dropped.is_empty();
    editor.remove_statements(&dropped);
    // A policy without a statement is refused.
    let is_possible = has_ours && dropped.len() < now.statements.len();
    let document = if is_possible { Some(editor.finish()?) } else { None };
    Ok(Reduced { document, has_ours, left })
}

/// Whether nothing is left of an addition: no statement of its name, or the statement as it was before.
fn is_gone(now: &PolicyDocument, ours: &Statement, former: Option<&Statement>, partition: Partition) -> bool {
    match former {
        Some(former) => {
            let former = former.canonical(partition);
            now.statements.iter().any(|statement| statement.canonical(partition) == former)
        }
        None => now.statements.iter().all(|statement| statement.sid != ours.sid),
    }
}

fn label(statement: &Statement, index: usize) -> String {
    let label = statement.label(index);
    if statement.sid.is_some() { format!("the {label}") } else { label }
}

/// Takes the members out of a statement's lists that it did not have before.
fn shrink(
    editor: &mut Editor<'_>,
    standing: &Statement,
    (former, ours): (&Statement, &Statement),
    partition: Partition,
) {
    let aws = |statement: &'_ Statement| statement.principal.as_ref()?.aws_list().cloned();
    let actions = |statement: &'_ Statement| statement.action.as_ref().map(|element| element.list.clone());
    let resources =
        |statement: &'_ Statement| statement.resource.as_ref().map(|element| element.list.clone());
    let by_principal = principal_meaning(partition);
    remove_added(editor, [aws(standing), aws(former), aws(ours)], &by_principal);
    remove_added(editor, [actions(standing), actions(former), actions(ours)], &str::to_ascii_lowercase);
    remove_added(editor, [resources(standing), resources(former), resources(ours)], &str::to_owned);
}

fn principal_meaning(partition: Partition) -> impl Fn(&str) -> String {
    move |text| match AwsPrincipal::parse(text) {
        AwsPrincipal::Account { partition: None, id } => format!("arn:{partition}:iam::{id}:root"),
        _ => text.to_owned(),
    }
}

fn remove_added(
    editor: &mut Editor<'_>,
    [standing, former, ours]: [Option<StringList>; 3],
    meaning: &dyn Fn(&str) -> String,
) {
    let set = |list: Option<StringList>| -> BTreeSet<String> {
        list.iter().flat_map(StringList::iter).map(meaning).collect()
    };
    let (former, ours) = (set(former), set(ours));
    let Some(standing) = standing else { return };
    let is_added = |text: &str| !former.contains(&meaning(text)) && ours.contains(&meaning(text));
    let gone: Vec<String> = standing.iter().filter(|text| is_added(text)).map(str::to_owned).collect();
    editor.remove_from_list(&standing, &gone);
}

/// Whether all that happened to a document is that principals in it were deleted: each shows as its unique id.
pub(super) fn only_deletions(
    documents: &Documents,
    written: &str,
    now: &str,
    partition: Partition,
) -> Result<bool, BrokenEdit> {
    let (Ok(written), Ok(now)) = (documents.parsed(written), documents.parsed(now)) else {
        return Ok(false);
    };
    let orphans: BTreeSet<String> = now.orphans().into_iter().collect();
    if orphans.is_empty() {
        return Ok(false);
    }
    let names = |document: &PolicyDocument| -> BTreeSet<String> {
        let principals = document.statements.iter().filter_map(|statement| statement.principal.as_ref());
        principals
            .filter_map(|principal| principal.aws_list())
            .flat_map(StringList::iter)
            .map(str::to_owned)
            .collect()
    };
    let by_meaning = principal_meaning(partition);
    let kept: BTreeSet<String> = names(&now).iter().map(|name| by_meaning(name)).collect();
    let vanished = names(&written).into_iter().filter(|name| !kept.contains(&by_meaning(name))).collect();
    Ok(without(&written, &vanished)?.same_meaning(&without(&now, &orphans)?, partition))
}

fn without(document: &PolicyDocument, gone: &BTreeSet<String>) -> Result<PolicyDocument, BrokenEdit> {
    let gone: Vec<String> = gone.iter().cloned().collect();
    let removals: Vec<(usize, Vec<String>)> =
        (0..document.statements.len()).map(|index| (index, gone.clone())).collect();
    let mut editor = Editor::new(document);
    editor.remove_principals(&removals);
    editor.finish()
}
