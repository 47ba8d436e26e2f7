//! What is asked, and what depends on what; the dialogue itself is tested on a pseudo-terminal, with the program.

use std::collections::BTreeMap;

use super::*;
use crate::plan::gains::{GainEffect, gained};
use crate::render::testing::{self, OTHER_ROOT, USER, empty_plan};

fn plan_of_everything() -> Plan {
    Plan { changes: testing::every_operation(), ..empty_plan() }
}

#[test]
fn the_question_names_other_accounts_only() {
    let update = |grantees: &[&str]| {
        let mut change = testing::update_key_policy(String::new(), String::new());
        change.gains.clear();
        change.giving(grantees, &testing::BOTH)
    };
    let question = |changes: &[&Change], effect: GainEffect| {
        question(changes.len(), &gained(changes.iter().copied(), |_| Some(effect)), &[])
    };
    assert_eq!(question(&[&update(&[USER])], GainEffect::Access), "Apply 1 change?");
    let (both, third) = (update(&[USER, OTHER_ROOT]), update(&["arn:aws:iam::777788889999:root"]));
    assert_eq!(
        question(&[&both, &third], GainEffect::Access),
        "Apply 2 changes? This gives access to accounts 444455556666 and 777788889999."
    );
    assert_eq!(
        question(&[&third], GainEffect::OneSide),
        "Apply 1 change? This gives access to account 777788889999, once the other side allows it too."
    );
    assert_eq!(
        question(&[&third], GainEffect::Blocked),
        "Apply 1 change? This gives access to account 777788889999, once nothing else forbids it any more."
    );
    let whole = testing::finding(FindingCode::WholeAccount, "444455556666", "", None);
    let asked = super::question(
        2,
        &gained([&both, &third], |_| Some(GainEffect::Access)),
        std::slice::from_ref(&whole),
    );
    assert!(
        asked.contains("The whole account 444455556666 is let in") && asked.contains("--principal ARN"),
        "{asked}"
    );
    let deselected = super::question(1, &gained([&third], |_| Some(GainEffect::Access)), &[whole]);
    assert_eq!(deselected, "Apply 1 change? This gives access to account 777788889999.");
}

#[test]
fn what_depends_on_a_dropped_change_goes_too() {
    let plan = plan_of_everything();
    let without = |dropped: &[usize]| {
        let selection = plan.without(&dropped.iter().copied().collect());
        (selection.kept, selection.dragged)
    };
    assert_eq!(without(&[]), (vec![0, 1, 2, 3, 4, 5, 6, 7, 8], BTreeMap::new()));
    assert_eq!(without(&[0]), (vec![2, 3, 4, 5, 6, 8], [(1, 0), (7, 1)].into()));
    assert_eq!(without(&[2]), (vec![0, 1, 3, 4, 5, 7, 8], [(6, 2)].into()));
    assert_eq!(
        without(&[3]),
        (vec![0, 1, 2, 6, 7, 8], [(4, 3), (5, 4)].into()),
        "through the change between"
    );
    assert_eq!(without(&[3, 4]), (vec![0, 1, 2, 6, 7, 8], [(5, 4)].into()));
    assert_eq!(without(&[5]), (vec![0, 1, 2, 3, 4, 6, 7, 8], BTreeMap::new()));
}
