//! Which changes of a plan go side by side.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{Operation, Plan, Target};

/// Changes of one thing, one after the other, each with its place in the plan.
pub(super) type Lane<'p> = Vec<(usize, &'p Operation)>;

/// Changes of which none waits for one in another lane.
#[derive(Debug, PartialEq)]
pub(super) struct Stage<'p> {
    /// What goes side by side.
    pub(super) lanes: Vec<Lane<'p>>,
    /// How many lanes at a time.
    pub(super) side_by_side: usize,
}

/// The kinds of what is written to. A stage is of one kind, and begins when the one before has ended: a plan has them in
/// the order in which they need each other, and in which a refusal is likely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    KeyPolicies,
    Policies,
    Attachments,
    Grants,
}

impl Kind {
    /// Enough for the quota of kms:PutKeyPolicy, 15 calls a second, where a write is read back for two seconds and more.
    /// IAM publishes no quota, and its documents are few.
    ///
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html>
    fn side_by_side(self) -> usize {
        match self {
            Self::KeyPolicies | Self::Grants => 60,
            Self::Policies | Self::Attachments => 10,
        }
    }
}

/// The kind, and the one thing that no two changes touch at a time.
fn whereabouts(operation: &Operation) -> (Kind, String) {
    match operation.target() {
        Target::KeyPolicy(update) => (Kind::KeyPolicies, update.key.to_string()),
        Target::Policy { policy, .. } | Target::Version(policy) => (Kind::Policies, policy.to_string()),
        Target::Attachment { policy, entity, .. } => (Kind::Attachments, format!("{policy} {entity}")),
        Target::NewGrant(grant) => (Kind::Grants, format!("{} {}", grant.key, grant.grantee)),
        Target::Grant { key, grant } => (Kind::Grants, format!("{key} {}", grant.grantee)),
    }
}

/// The selected changes of a plan, in stages.
pub(super) fn stages<'p>(plan: &'p Plan, selected: &BTreeSet<usize>) -> Vec<Stage<'p>> {
    let steps: Vec<(Kind, String, (usize, &Operation))> = plan
        .changes
        .iter()
        .enumerate()
        .filter(|(index, _)| selected.contains(index))
        .map(|(index, change)| {
            let (kind, thing) = whereabouts(&change.operation);
            (kind, thing, (index, &change.operation))
        })
        .collect();
    steps.chunk_by(|(one, ..), (other, ..)| one == other).map(stage).collect()
}

/// A lane for each thing, in the order in which the plan comes to them.
fn stage<'p>(steps: &[(Kind, String, (usize, &'p Operation))]) -> Stage<'p> {
    let mut lanes: BTreeMap<&str, Lane<'p>> = BTreeMap::new();
    for (_, thing, step) in steps {
        lanes.entry(thing).or_default().push(*step);
    }
    let mut lanes: Vec<Lane<'p>> = lanes.into_values().collect();
    lanes.sort_by_key(|lane| lane.first().map(|(index, _)| *index));
    let side_by_side = steps.first().map_or(1, |(kind, ..)| kind.side_by_side());
    Stage { lanes, side_by_side }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Change;
    use crate::render::testing::{empty_plan, every_operation, every_way_back};

    fn stages_of(plan: &Plan) -> Vec<Vec<Vec<usize>>> {
        let all = (0..plan.changes.len()).collect();
        let numbers = |lane: &Lane<'_>| lane.iter().map(|(index, _)| *index).collect();
        stages(plan, &all).iter().map(|stage| stage.lanes.iter().map(numbers).collect()).collect()
    }

    fn with(changes: Vec<Change>) -> Plan {
        Plan { changes, ..empty_plan() }
    }

    /// Each of the changes, once more on something else.
    fn twice(changes: Vec<Change>) -> Plan {
        let text = serde_json::to_string(&changes).unwrap();
        let elsewhere =
            [("1234abcd-12ab", "4321abcd-12ab"), ("KmsKeyUsagePolicy", "OtherPolicy"), ("/app", "/web")];
        let other = elsewhere.iter().fold(text, |text, (from, to)| text.replace(from, to));
        with([changes, serde_json::from_str(&other).unwrap()].concat())
    }

    #[test]
    fn what_depends_on_something_never_goes_beside_it() {
        for plan in [every_operation(), every_way_back()].map(twice) {
            let stages = stages_of(&plan);
            let place = |index: usize| {
                let lane = |stage: &Vec<Vec<usize>>| stage.iter().position(|lane| lane.contains(&index));
                stages.iter().enumerate().find_map(|(at, stage)| Some((at, lane(stage)?))).unwrap()
            };
            let mut needs = 0;
            for (later, change) in plan.changes.iter().enumerate() {
                for (earlier, other) in plan.changes.iter().enumerate().take(later) {
                    if change.operation.depends_on(&other.operation) {
                        let ((before, lane), (after, own)) = (place(earlier), place(later));
                        assert!(
                            before < after || (before == after && lane == own),
                            "{later} after {earlier}"
                        );
                        needs += 1;
                    }
                }
            }
            assert!(needs > 3, "{needs}");
            let mut all: Vec<usize> = stages.concat().concat();
            all.sort_unstable();
            assert_eq!(all, (0..plan.changes.len()).collect::<Vec<_>>(), "each once");
        }
    }

    #[test]
    fn a_plan_for_two_keys_has_two_lanes_and_goes_on_where_both_have_ended() {
        let [key, create, attach] =
            ["kms:PutKeyPolicy", "iam:CreatePolicy", "iam:AttachRolePolicy"].map(|call| {
                every_operation().into_iter().find(|change| change.operation.api_call() == call).unwrap()
            });
        let Plan { changes, .. } = twice(vec![key]);
        let plan = with([changes, vec![create, attach]].concat());
        assert_eq!(stages_of(&plan), [vec![vec![0], vec![1]], vec![vec![2]], vec![vec![3]]]);
        let some = stages(&plan, &BTreeSet::from([1, 3]));
        assert_eq!(some.iter().map(|stage| stage.lanes.len()).collect::<Vec<_>>(), [1, 1]);
    }
}
