//! How a document is patched: pure and deterministic, additive, never wider than asked for.

use std::collections::BTreeSet;

use crate::access::{Audience, RequiredStatement};
use crate::arn::Partition;
use crate::policy::document::StringList;
use crate::policy::edit::{BrokenEdit, Editor};
use crate::policy::{
    ActionSet, AwsPrincipal, Condition, Effect, PolicyDocument, PrincipalElement, Statement, condition,
    pattern,
};

/// Which of the two kinds of document is read or patched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// A key policy: statements say for whom, the wanted texts are principals.
    KeyPolicy(Partition),
    /// An IAM policy: statements say for which keys, the wanted texts are key ARNs.
    Identity,
}

/// How far a document covers one required statement for one wanted principal or key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// The required actions that no statement gives.
    pub missing: ActionSet,
    /// The statements that give some of them, by index.
    pub by: Vec<usize>,
}

/// A required statement, and for whom or for what a document lacks it.
#[derive(Debug)]
pub struct Want<'a> {
    /// What is required.
    pub required: &'a RequiredStatement,
    /// The principals or keys that it is missing for.
    pub missing: Vec<String>,
    /// All that it was asked for.
    pub wanted: &'a [String],
}

/// A document prepared for questions about required statements.
#[derive(Debug)]
pub struct Reader<'d> {
    face: Face,
    document: &'d PolicyDocument,
    /// The Allow statements that name somebody or something.
    allows: Vec<Allow<'d>>,
}

#[derive(Debug)]
struct Allow<'d> {
    index: usize,
    statement: &'d Statement,
    actions: ActionSet,
    /// The list that says for whom or for what, where it can take more.
    list: Option<&'d StringList>,
    scope: Scope<'d>,
}

/// For whom, or for what, a statement is.
#[derive(Debug)]
enum Scope<'d> {
    /// Principals, an account as its root's ARN.
    Principals(BTreeSet<String>),
    /// Patterns of resources.
    Resources(Vec<&'d str>),
}

impl Allow<'_> {
    /// Whether it is for somebody or something wanted, by its principals or resources and, of an organization, by its
    /// conditions.
    fn names(&self, required: &RequiredStatement, wanted: &str) -> bool {
        self.scope.names(wanted) && required.is_named_by(&self.statement.conditions)
    }
}

impl Scope<'_> {
    fn names(&self, wanted: &str) -> bool {
        match self {
            Self::Principals(principals) => principals.contains(wanted),
            Self::Resources(patterns) => patterns.iter().any(|pattern| pattern::matches(pattern, wanted)),
        }
    }

    /// Whether it is for nothing but what is wanted.
    fn is_within(&self, wanted: &[String]) -> bool {
        match self {
            Self::Principals(principals) => principals.iter().all(|principal| wanted.contains(principal)),
            Self::Resources(patterns) => {
                patterns.iter().all(|pattern| wanted.iter().any(|wanted| wanted == pattern))
            }
        }
    }
}

impl<'d> Reader<'d> {
    /// Prepares a document.
    pub fn new(document: &'d PolicyDocument, face: Face) -> Self {
        // Where it is plain text, no request has a value with a variable in it.
        let is_idle = |statement: &Statement| {
            !document.knows_variables() && statement.conditions.iter().any(Condition::has_variable)
        };
        let allows = document
            .statements
            .iter()
            .enumerate()
            .filter(|(_, statement)| !is_idle(statement))
            .filter_map(|(index, statement)| allow(index, statement, face))
            .collect();
        Self { face, document, allows }
    }

    /// How far the document covers a required statement for a principal or key.
    pub fn cover(&self, required: &RequiredStatement, wanted: &str) -> Cover {
        let needed = required.action_set;
        let mut cover = Cover { missing: needed, by: Vec::new() };
        for allow in &self.allows {
            let useful = allow.actions.intersection(needed);
            if !useful.is_empty()
                && required.is_met_under(&allow.statement.conditions)
                && allow.names(required, wanted)
            {
                cover.missing = cover.missing.minus(useful);
                cover.by.push(allow.index);
            }
        }
        cover
    }

    /// The statements that would cover part of a required statement, were it not for a further condition.
    pub fn narrower(&self, required: &RequiredStatement, wanted: &str) -> Vec<usize> {
        let needed = required.action_set;
        self.allows
            .iter()
            .filter(|allow| !allow.actions.intersection(needed).is_empty() && allow.names(required, wanted))
            .filter(|allow| !required.is_met_under(&allow.statement.conditions))
            .map(|allow| allow.index)
            .collect()
    }

    /// Whether the statements that cover a required statement give more than it, by index: other actions, or
    /// the same under fewer conditions.
    pub fn broader(&self, required: &RequiredStatement, wanted: &str) -> Vec<usize> {
        let covering = self.cover(required, wanted).by;
        let is_broader = |allow: &&Allow<'_>| {
            !required.action_set.contains(allow.actions)
                || !condition::same_meaning(&allow.statement.conditions, &required.conditions)
        };
        let covers = self.allows.iter().filter(|allow| covering.contains(&allow.index));
        covers.filter(is_broader).map(|allow| allow.index).collect()
    }

    /// Whether everything the document gives is the required access to the wanted keys, and nothing besides.
    pub fn gives_only(&self, required: &[RequiredStatement], wanted: &[String]) -> bool {
        let is_required = |allow: &Allow<'_>| {
            allow.scope.is_within(wanted) && required.iter().any(|required| is_exact(allow, required))
        };
        self.allows.len() == self.document.statements.len() && self.allows.iter().all(is_required)
    }

    /// The document with the required statements for everyone or everything wanted; `None` where they hold.
    ///
    /// # Errors
    /// What comes of it is no policy.
    pub fn patched(
        &self,
        required: &[RequiredStatement],
        wanted: &[String],
    ) -> Result<Option<PolicyDocument>, BrokenEdit> {
        let lacks =
            |required: &RequiredStatement, wanted: &&String| !self.cover(required, wanted).missing.is_empty();
        let wants: Vec<Want<'_>> = required
            .iter()
            .map(|required| Want {
                required,
                missing: wanted.iter().filter(|wanted| lacks(required, wanted)).cloned().collect(),
                wanted,
            })
            .collect();
        self.patched_for(&wants)
    }

    /// The document with what is missing; `None` where nothing is.
    ///
    /// # Errors
    /// What comes of it is no policy.
    pub fn patched_for(&self, wants: &[Want<'_>]) -> Result<Option<PolicyDocument>, BrokenEdit> {
        let wants: Vec<&Want<'_>> = wants.iter().filter(|want| !want.missing.is_empty()).collect();
        if wants.is_empty() {
            return Ok(None);
        }
        let mut editor = Editor::new(self.document);
        let mut sids = Sids::of(self.document, self.face);
        let mut edited = BTreeSet::new();
        for want in &wants {
            self.add(&mut editor, want, &mut sids, &mut edited);
        }
        editor.finish().map(Some)
    }

    /// One required statement: into a statement that says just this, else by completing one that is only for
    /// the wanted, else as a statement of its own.
    ///
    /// A statement that was edited for another required one no longer says what was read: it is left alone.
    fn add(&self, editor: &mut Editor<'_>, want: &Want<'_>, sids: &mut Sids, edited: &mut BTreeSet<usize>) {
        let Want { required, missing, .. } = want;
        if let Some((index, list)) = self.exact_list(required, edited) {
            editor.append_to_list(list, missing);
            edited.insert(index);
        } else if let Some((index, list, actions)) = self.completable(want, edited) {
            editor.append_to_list(list, &actions);
            edited.insert(index);
        } else {
            let sid = sids.free(self.sid(required));
            editor.append_statement(match self.face {
                Face::KeyPolicy(_) => required.for_key_policy(&sid, missing),
                Face::Identity => required.for_identity(&sid, missing),
            });
        }
    }

    fn exact_list(
        &self,
        required: &RequiredStatement,
        edited: &BTreeSet<usize>,
    ) -> Option<(usize, &'d StringList)> {
        let untouched = || self.allows.iter().filter(|allow| !edited.contains(&allow.index));
        let exact = || untouched().filter(|allow| is_exact(allow, required));
        let documented = |allow: &&Allow<'_>| allow.statement.sid.as_deref() == Some(self.sid(required));
        let found = exact().find(documented).or_else(|| exact().next())?;
        Some((found.index, found.list?))
    }

    /// A statement that names all who miss something and nobody who was not asked for, with what it lacks.
    fn completable(
        &self,
        want: &Want<'_>,
        edited: &BTreeSet<usize>,
    ) -> Option<(usize, &'d StringList, Vec<String>)> {
        let Want { required, missing, wanted } = want;
        let allow = self.allows.iter().find(|allow| {
            allow.list.is_some()
                && !edited.contains(&allow.index)
                && allow.scope.is_within(wanted)
                && missing.iter().all(|missing| allow.scope.names(missing))
                && !allow.actions.intersection(required.action_set).is_empty()
                && condition::same_meaning(&allow.statement.conditions, &required.conditions)
        })?;
        let action = allow.statement.action.as_ref().filter(|action| !action.negated)?;
        let lacking = required
            .actions
            .iter()
            .filter(|action| !allow.actions.contains(ActionSet::of_pattern(action)))
            .map(|action| (*action).to_owned())
            .collect();
        Some((allow.index, &action.list, lacking))
    }

    fn sid(&self, required: &RequiredStatement) -> &'static str {
        match self.face {
            Face::KeyPolicy(_) => required.key_policy_sid,
            Face::Identity => required.identity_sid,
        }
    }
}

/// The Sids that a document has and is going to have.
#[derive(Debug)]
pub struct Sids {
    face: Face,
    taken: BTreeSet<String>,
}

impl Sids {
    /// Those of a document.
    pub fn of(document: &PolicyDocument, face: Face) -> Self {
        let sids = document.statements.iter().filter_map(|statement| statement.sid.clone());
        Self { face, taken: sids.collect() }
    }

    /// Those of a list of statements of its own.
    pub fn none(face: Face) -> Self {
        Self { face, taken: BTreeSet::new() }
    }

    /// A Sid, counted up while it is taken; now it is.
    pub fn free(&mut self, base: &str) -> String {
        let numbered = |number: usize| match self.face {
            Face::KeyPolicy(_) => format!("{base} ({number})"),
            Face::Identity => format!("{base}{number}"),
        };
        let mut sid = base.to_owned();
        let mut number = 1;
        while !self.taken.insert(sid.clone()) {
            number += 1;
            sid = numbered(number);
        }
        sid
    }
}

/// A statement as far as it can allow somebody named something; `None` where it can't.
fn allow(index: usize, statement: &Statement, face: Face) -> Option<Allow<'_>> {
    if statement.effect != Effect::Allow || !statement.is_effective() || !statement.unknown.is_empty() {
        return None;
    }
    let resource = statement.resource.as_ref().filter(|resource| !resource.negated)?;
    let (list, scope) = match face {
        Face::KeyPolicy(partition) => {
            // In a key policy `*` means this key, and AWS gives no other resource a meaning.
            if !resource.list.iter().any(|resource| resource == "*") {
                return None;
            }
            let principal = statement.principal.as_ref().filter(|principal| !principal.negated)?;
            let open = principal.is_aws_only() && !principal.aws().contains(&AwsPrincipal::Anyone);
            let is_for_the_key_only = resource.list.iter().all(|resource| resource == "*");
            let list = principal.aws_list().filter(|_| open && is_for_the_key_only);
            (list, Scope::Principals(named(principal, partition)))
        }
        Face::Identity => {
            if statement.principal.is_some() {
                return None;
            }
            (Some(&resource.list), Scope::Resources(resource.list.iter().collect()))
        }
    };
    Some(Allow { index, statement, actions: statement.kms_actions(), list, scope })
}

/// The principals that an element names, an account as its root's ARN. `*` is itself, and names nobody: only with the
/// conditions that an organization's members meet it stands for these.
fn named(principal: &PrincipalElement, partition: Partition) -> BTreeSet<String> {
    let text = |principal: &AwsPrincipal| match principal {
        AwsPrincipal::Anyone => Audience::PRINCIPAL.to_owned(),
        AwsPrincipal::Account { partition: own, id } => {
            format!("arn:{}:iam::{id}:root", own.unwrap_or(partition))
        }
        AwsPrincipal::Entity(entity) => entity.to_string(),
        AwsPrincipal::Session(session) => session.to_string(),
        AwsPrincipal::UniqueId(text) | AwsPrincipal::Other(text) => text.clone(),
    };
    principal.aws().iter().map(text).collect()
}

/// Whether adding to the statement's list gives exactly the required access.
fn is_exact(allow: &Allow<'_>, required: &RequiredStatement) -> bool {
    allow.list.is_some()
        && allow.actions == required.action_set
        && allow.statement.has_only_known_kms_actions()
        && condition::same_meaning(&allow.statement.conditions, &required.conditions)
}

/// A key policy without principals that no longer exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// The document without them.
    pub document: PolicyDocument,
    /// The unique ids that went.
    pub gone: Vec<String>,
}

/// The orphans of Allow statements, by statement; Deny and `NotPrincipal` are never touched.
fn removable_orphans(document: &PolicyDocument) -> Vec<(usize, Vec<String>)> {
    let statements = document.statements.iter().enumerate();
    let allows = statements.filter(|(_, statement)| statement.effect == Effect::Allow);
    let removals = allows.filter_map(|(index, statement)| {
        let principal = statement.principal.as_ref().filter(|principal| !principal.negated)?;
        let orphans: Vec<String> = principal.aws().iter().filter_map(orphan).collect();
        (!orphans.is_empty()).then_some((index, orphans))
    });
    removals.collect()
}

/// The orphans that stand nowhere but where they can be taken out.
pub fn orphans_that_can_go(document: &PolicyDocument) -> BTreeSet<String> {
    let stand = |statement: &Statement| -> Vec<String> {
        statement.principal.iter().flat_map(PrincipalElement::aws).filter_map(orphan).collect()
    };
    let removable = removable_orphans(document);
    let stays = |index: &usize| !removable.iter().any(|(own, _)| own == index);
    let kept: BTreeSet<String> = document
        .statements
        .iter()
        .enumerate()
        .filter(|(index, _)| stays(index))
        .flat_map(|(_, statement)| stand(statement))
        .collect();
    removable.into_iter().flat_map(|(_, orphans)| orphans).filter(|orphan| !kept.contains(orphan)).collect()
}

/// Takes orphans out of Allow statements. `None` where none goes.
///
/// # Errors
/// What comes of it is no policy.
pub fn prune_orphans(document: &PolicyDocument) -> Result<Option<Pruned>, BrokenEdit> {
    let removals = removable_orphans(document);
    let gone: BTreeSet<String> = removals.iter().flat_map(|(_, orphans)| orphans).cloned().collect();
    if gone.is_empty() {
        return Ok(None);
    }
    let mut editor = Editor::new(document);
    editor.remove_principals(&removals);
    Ok(Some(Pruned { document: editor.finish()?, gone: gone.into_iter().collect() }))
}

fn orphan(principal: &AwsPrincipal) -> Option<String> {
    match principal {
        AwsPrincipal::UniqueId(id) => Some(id.clone()),
        _ => None,
    }
}
