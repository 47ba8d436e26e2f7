//! Statements for anyone: whoever is no member stays out, by the form, by the effect and by trying.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::anyone::{self, request, right};
use super::{KEY, key};
use crate::access::Grantee;
use crate::arn::Members;
use crate::plan::soundness::outsiders;
use crate::policy::KmsAction;

const ORGANIZATION: &str = "o-a1b2c3d4e5";
const UNIT: &str = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/";

fn found(members: &str, statement: &Value) -> [Option<String>; 2] {
    let own: Members = members.parse().unwrap();
    let actions: Vec<KmsAction> = KmsAction::all().collect();
    anyone::found(members, statement, |_, documents| {
        outsiders::check(&key(), &BTreeSet::from([&own]), documents, &actions)
    })
}

#[test]
fn what_is_asked_for_passes() {
    for members in [ORGANIZATION, UNIT, "o-a1b2c3d4e5/*/ou-ab12-11111111/"] {
        assert_eq!(found(members, &right(members)), [None, None], "{members}");
    }
}

#[test]
fn whoever_is_no_member_stays_out() {
    let organization = |condition: Value| {
        let mut statement = right(ORGANIZATION);
        statement["Condition"] = condition;
        (ORGANIZATION, statement)
    };
    let unit = |condition: Value| {
        let mut statement = right(UNIT);
        statement["Condition"] = condition;
        (UNIT, statement)
    };
    let not_own = || json!({"aws:PrincipalAccount": "111122223333"});
    let id = || json!({"aws:PrincipalOrgID": ORGANIZATION});
    let paths = |value: &str| json!({"aws:PrincipalOrgPaths": value});
    for (story, (members, statement), expected) in [
        ("no organization", organization(json!({"StringNotEquals": not_own()})), "of no organization"),
        ("its own account too", organization(json!({"StringEquals": id()})), "of the key's own account"),
        (
            "another account is kept out",
            organization(
                json!({"StringEquals": id(), "StringNotEquals": {"aws:PrincipalAccount": "444455556666"}}),
            ),
            "of the key's own account",
        ),
        (
            "whoever begins like it",
            organization(
                json!({"StringLike": {"aws:PrincipalOrgID": "o-a1b2c3d4e5*"}, "StringNotEquals": not_own()}),
            ),
            "of `o-a1b2c3d4e50/",
        ),
        (
            "whoever has none",
            organization(json!({"StringEqualsIfExists": id(), "StringNotEquals": not_own()})),
            "of no organization",
        ),
        (
            "another one besides",
            organization(json!({
                "StringEquals": {"aws:PrincipalOrgID": [ORGANIZATION, "o-z9y8x7w6v5"]}, "StringNotEquals": not_own(),
            })),
            "of `o-z9y8x7w6v5/",
        ),
        (
            "everybody but it",
            organization(json!({"StringNotEquals": {
                "aws:PrincipalOrgID": ORGANIZATION, "aws:PrincipalAccount": "111122223333",
            }})),
            "gets kms:",
        ),
        (
            "a variable",
            organization(json!({
                "StringEquals": {"aws:PrincipalOrgID": "${aws:PrincipalOrgID}"}, "StringNotEquals": not_own(),
            })),
            "of `o-0000000000/",
        ),
        (
            "all of the organization",
            unit(json!({"StringEquals": id(), "StringNotEquals": not_own()})),
            "of `o-a1b2c3d4e5/r-ab12/`",
        ),
        (
            "the unit above",
            unit(json!({
                "StringEquals": id(), "ForAnyValue:StringLike": paths("o-a1b2c3d4e5/r-ab12/*"),
                "StringNotEquals": not_own(),
            })),
            "of `o-a1b2c3d4e5/r-ab12/`",
        ),
        (
            "units that begin like it",
            unit(json!({
                "StringEquals": id(), "ForAnyValue:StringLike": paths("o-a1b2c3d4e5/r-ab12/ou-ab12-11111111*"),
                "StringNotEquals": not_own(),
            })),
            "of `o-a1b2c3d4e5/r-ab12/ou-ab12-111111110/`",
        ),
        (
            "whoever has no path",
            unit(json!({
                "StringEqualsIfExists": id(), "ForAllValues:StringLike": paths(&format!("{UNIT}*")),
                "StringNotEquals": not_own(),
            })),
            "of no organization",
        ),
    ] {
        let [all, tried] = found(members, &statement);
        assert!(all.is_some(), "{story}");
        let tried = tried.expect(story);
        assert!(tried.contains(expected), "{story}: {tried}");
    }
}

#[test]
fn a_statement_for_anyone_is_of_the_form_that_was_asked_for() {
    let mut named = right(ORGANIZATION);
    named["Principal"]["AWS"] = json!(["arn:aws:iam::444455556666:role/app"]);
    let mut both = right(ORGANIZATION);
    both["Principal"]["AWS"] = json!(["*", "arn:aws:iam::444455556666:role/app"]);
    let mut wider = right(ORGANIZATION);
    wider["Action"] = json!("kms:*");
    for (statement, expected) in [
        (named, "a new statement is for others"),
        (both, "a new statement is for others"),
        (wider, "gives something else"),
    ] {
        let [all, _] = found(ORGANIZATION, &statement);
        assert!(all.as_deref().is_some_and(|found| found.contains(expected)), "{statement}: {all:?}");
    }
    // Nor for a key of another account.
    let other: Grantee = ORGANIZATION.parse().unwrap();
    let foreign = KEY.replace("111122223333", "444455556666").parse().unwrap();
    let [usage, _] = request(ORGANIZATION).required(&foreign, &other).try_into().unwrap();
    let [all, tried] = found(ORGANIZATION, &usage.for_key_policy("S", &[]));
    assert!(all.is_some() && tried.is_some_and(|tried| tried.contains("of the key's own account")));
}
