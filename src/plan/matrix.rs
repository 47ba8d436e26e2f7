//! Who may do what, action by action, before and after a plan: by name, or in effect where that is what counts.

use std::collections::BTreeSet;

use super::patch::{Face, Reader};
use super::planner::{forecast, key_state};
use super::{Plan, Side, Target};
use crate::access::assessment::{Verdict, needed_actions};
use crate::access::evidence::{Evidence, Extras};
use crate::access::grant::granted_actions;
use crate::access::{CoverageRule, Grantee, Request, RequiredStatement, Terms};
use crate::arn::{EntityArn, KeyArn, PolicyArn};
use crate::authz::Gate;
use crate::observation::{IamObservation, Observation, Reading};
use crate::policy::{ActionSet, KmsAction, PolicyDocument};

/// What the grantees may do with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMatrix {
    /// The key.
    pub key: KeyArn,
    /// The actions: those that are required, or those that are needed.
    pub actions: Vec<&'static str>,
    /// The grantees, in the order asked for.
    pub rows: Vec<MatrixRow>,
}

/// What one grantee may do with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixRow {
    /// Who.
    pub grantee: Grantee,
    /// One for each action.
    pub cells: Vec<MatrixCell>,
}

/// One action of one grantee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatrixCell {
    /// As it was read.
    pub before: Sides,
    /// As the plan makes it.
    pub after: Sides,
}

impl MatrixCell {
    /// An action that is required of others alone.
    fn not_needed() -> Self {
        let sides = Sides {
            key_policy: SideAnswer::NotNeeded,
            identity: SideAnswer::NotNeeded,
            standing: CellStanding::Open,
        };
        Self { before: sides, after: sides }
    }
}

/// Both sides of one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// The key policy, by name.
    pub key_policy: SideAnswer,
    /// IAM in the grantee's account.
    pub identity: SideAnswer,
    /// What stands against it all the same.
    pub standing: CellStanding,
}

/// What stands against an action, whatever both sides say by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CellStanding {
    /// Nothing that is known.
    Open,
    /// Nobody can tell whether it is allowed.
    Unknown,
    /// A Deny, a boundary, a policy of the organization or the key's state forbids it.
    Forbidden,
}

/// What one side says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SideAnswer {
    /// It allows the action by name.
    Allows,
    /// It does not.
    Lacks,
    /// It was not read.
    Unread,
    /// It is not asked.
    NotNeeded,
}

/// The matrix of every key of a request.
pub fn matrix(request: &Request, observation: &Observation, plan: &Plan) -> Vec<KeyMatrix> {
    let before = Evidence::new(observation, &Extras::default());
    let mut after = before.clone();
    forecast::carry_out(&mut after, observation, &plan.changes);
    let table = Table { request, observation, plan, evidence: [before, after] };
    request.keys.iter().map(|key| table.of(key)).collect()
}

/// What a matrix is made from.
struct Table<'a> {
    request: &'a Request,
    observation: &'a Observation,
    plan: &'a Plan,
    /// Before and after the plan.
    evidence: [Evidence; 2],
}

/// One of the actions that a matrix tells of.
struct Column<'r> {
    /// The required statement that it belongs to.
    required: &'r RequiredStatement,
    name: &'static str,
    /// Nothing where no grant gives it to a role that grants serve.
    actions: ActionSet,
}

impl Table<'_> {
    fn of(&self, key: &KeyArn) -> KeyMatrix {
        let terms = self.request.terms(key);
        let required: Vec<(&Grantee, Vec<RequiredStatement>)> =
            self.request.needing(key).map(|grantee| (grantee, self.request.required(key, grantee))).collect();
        let nobody =
            if required.is_empty() { self.request.required_in(key, key.account) } else { Vec::new() };
        let mut actions: Vec<&'static str> = Vec::new();
        for column in
            required.iter().map(|(_, required)| required).chain([&nobody]).flat_map(|of| columns(terms, of))
        {
            if !actions.contains(&column.name) {
                actions.push(column.name);
            }
        }
        let row = |(grantee, required): &(&Grantee, Vec<RequiredStatement>)| {
            let mut columns = columns(terms, required);
            if grantee.served_by_grants(key).is_some() {
                let granted = granted_actions();
                for column in &mut columns {
                    column.actions = column.actions.intersection(granted);
                }
            }
            if self.is_served_already(key, grantee) {
                let cells = vec![MatrixCell::not_needed(); actions.len()];
                return MatrixRow { grantee: (*grantee).clone(), cells };
            }
            let own = self.cells(key, grantee, &columns);
            let cell = |name: &&str| {
                let at = columns.iter().position(|column| column.name == *name);
                at.and_then(|at| own.get(at)).copied().unwrap_or_else(MatrixCell::not_needed)
            };
            MatrixRow { grantee: (*grantee).clone(), cells: actions.iter().map(cell).collect() }
        };
        let rows = required.iter().map(row).collect();
        KeyMatrix { key: key.clone(), actions, rows }
    }

    /// By a key of AWS's, whose policy is asked for nothing.
    fn is_served_already(&self, key: &KeyArn, grantee: &Grantee) -> bool {
        let mut coverage = self.plan.coverage.iter();
        coverage.any(|covered| {
            covered.key == *key && covered.grantee == *grantee && covered.key_policy == Side::NotNeeded
        })
    }

    fn cells(&self, key: &KeyArn, grantee: &Grantee, columns: &[Column<'_>]) -> Vec<MatrixCell> {
        let Self { observation, plan, evidence: [before, after], .. } = self;
        let principal = grantee.key_principal().principal_text();
        let face = Face::KeyPolicy(key.partition);
        let [key_before, key_after] = key_policies(key, observation, plan)
            .map(|text| answers(columns, text.map(|text| vec![text]), face, &principal));
        let [own_before, own_after] = match grantee.attachable() {
            Some(entity) => documents(entity, observation, plan)
                .map(|texts| answers(columns, texts, Face::Identity, &key.to_string())),
            None => [vec![SideAnswer::NotNeeded; columns.len()], vec![SideAnswer::NotNeeded; columns.len()]],
        };
        let before = self.sides(before, key, grantee, columns, key_before, own_before);
        let after = self.sides(after, key, grantee, columns, key_after, own_after);
        before.into_iter().zip(after).map(|(before, after)| MatrixCell { before, after }).collect()
    }

    /// Both sides of each action, as the names in the documents say, and as evaluation shows where that counts.
    fn sides(
        &self,
        evidence: &Evidence,
        key: &KeyArn,
        grantee: &Grantee,
        columns: &[Column<'_>],
        key_policy: Vec<SideAnswer>,
        identity: Vec<SideAnswer>,
    ) -> Vec<Sides> {
        let by_name = key_policy.into_iter().zip(identity);
        // Grants, and who may make them, are a matter of evaluation.
        let counts = self.request.terms(key).coverage == CoverageRule::Effective
            || grantee.served_by_grants(key).is_some()
            || grantee.as_members_role().is_some();
        let metadata = self.observation.keys.get(key).and_then(|key| key.metadata.read());
        let is_stopped = metadata.is_some_and(key_state::stops_launches);
        let assess = |set: ActionSet| {
            let actions: Vec<KmsAction> =
                KmsAction::all().filter(|action| set.contains(action.set())).collect();
            evidence.assess(key, grantee, &actions)
        };
        let with_evaluation = |answer: SideAnswer, passes: bool| match answer {
            SideAnswer::Lacks if passes => SideAnswer::Allows,
            other => other,
        };
        by_name
            .zip(columns)
            .map(|((key_policy, identity), column)| {
                if column.actions.is_empty() {
                    return Sides {
                        key_policy: SideAnswer::NotNeeded,
                        identity,
                        standing: CellStanding::Open,
                    };
                }
                let assessed = assess(column.actions);
                let standing = match assessed.verdict() {
                    _ if is_stopped => CellStanding::Forbidden,
                    Verdict::Blocked => CellStanding::Forbidden,
                    Verdict::Unknown => CellStanding::Unknown,
                    Verdict::Able | Verdict::Missing => CellStanding::Open,
                };
                if !counts {
                    return Sides { key_policy, identity, standing };
                }
                let passes = |gate: Gate| assessed.actions.iter().all(|action| action.passes(gate));
                Sides {
                    key_policy: with_evaluation(key_policy, passes(Gate::KeyPolicy)),
                    identity: with_evaluation(identity, passes(Gate::Identity)),
                    standing,
                }
            })
            .collect()
    }
}

/// The required actions; where evaluation is what counts, those that are needed.
fn columns<'r>(terms: Terms, required: &'r [RequiredStatement]) -> Vec<Column<'r>> {
    let documented = |required: &'r RequiredStatement| {
        required.actions.iter().map(move |name| {
            let actions = ActionSet::of_pattern(name);
            Column { required, name, actions }
        })
    };
    let of_launch = |action: &KmsAction| {
        let required = required.iter().find(|required| required.action_set.contains(action.set()))?;
        Some(Column { required, name: action.name(), actions: action.set() })
    };
    match terms.coverage {
        CoverageRule::Named => required.iter().flat_map(documented).collect(),
        CoverageRule::Effective => needed_actions(terms.purpose).iter().filter_map(of_launch).collect(),
    }
}

/// A key's policy before and after; `None` where it was not read.
fn key_policies<'t>(key: &KeyArn, observation: &'t Observation, plan: &'t Plan) -> [Option<&'t str>; 2] {
    let before = observation.keys.get(key).and_then(|observed| observed.policy.read()).map(String::as_str);
    let written = plan.changes.iter().rev().find_map(|change| match change.operation.target() {
        Target::KeyPolicy(update) => (update.key == *key).then_some(update.after.as_str()),
        Target::Policy { .. }
        | Target::Version(_)
        | Target::Attachment { .. }
        | Target::NewGrant(_)
        | Target::Grant { .. } => None,
    });
    [before, written.or(before)]
}

/// The policies of the request's name that are attached to an entity, before and after; `None` where its account
/// was not read.
fn documents<'t>(
    entity: &EntityArn,
    observation: &'t Observation,
    plan: &'t Plan,
) -> [Option<Vec<&'t str>>; 2] {
    let Some(Reading::Read(iam)) = observation.accounts.get(&entity.account) else { return [None, None] };
    let name = entity.entity_name();
    let is_attached = |policy: &&PolicyArn| {
        iam.policies.get(*policy).is_some_and(|policy| policy.attached_to.contains(&name))
    };
    let before: BTreeSet<&PolicyArn> = iam.policies.keys().filter(is_attached).collect();
    let mut after = before.clone();
    for change in &plan.changes {
        match change.operation.target() {
            Target::Attachment { policy, entity: own, is_made: true } if own == entity => {
                after.insert(policy);
            }
            Target::Attachment { policy, entity: own, is_made: false } if own == entity => {
                after.remove(policy);
            }
            Target::Attachment { .. }
            | Target::KeyPolicy(_)
            | Target::Policy { .. }
            | Target::Version(_)
            | Target::NewGrant(_)
            | Target::Grant { .. } => {}
        }
    }
    let now = |policy: &PolicyArn| read(iam, policy);
    let then = |policy: &PolicyArn| written(plan, policy).or_else(|| read(iam, policy));
    [Some(before.into_iter().filter_map(now).collect()), Some(after.into_iter().filter_map(then).collect())]
}

fn read<'t>(iam: &'t IamObservation, policy: &PolicyArn) -> Option<&'t str> {
    iam.policies.get(policy).map(|policy| policy.document.as_str())
}

fn written<'t>(plan: &'t Plan, policy: &PolicyArn) -> Option<&'t str> {
    plan.changes.iter().find_map(|change| match change.operation.target() {
        Target::Policy { policy: own, after } => after.filter(|_| own == policy),
        Target::KeyPolicy(_)
        | Target::Version(_)
        | Target::Attachment { .. }
        | Target::NewGrant(_)
        | Target::Grant { .. } => None,
    })
}

/// What documents together say of each action.
fn answers(columns: &[Column<'_>], texts: Option<Vec<&str>>, face: Face, wanted: &str) -> Vec<SideAnswer> {
    let documents: Option<Vec<PolicyDocument>> =
        texts.map(|texts| texts.into_iter().filter_map(|text| PolicyDocument::parse(text).ok()).collect());
    let answer = |Column { required, actions, .. }: &Column<'_>| {
        let Some(documents) = &documents else { return SideAnswer::Unread };
        let missing = documents.iter().fold(*actions, |missing, document| {
            missing.intersection(Reader::new(document, face).cover(required, wanted).missing)
        });
        if missing.is_empty() { SideAnswer::Allows } else { SideAnswer::Lacks }
    };
    columns.iter().map(answer).collect()
}
