//! Whole plans as text.

use super::*;
use crate::plan::gains::{GainEffect, Gained, gained};
use crate::plan::{Coverage, FindingCode, Side};
use crate::render::testing::{self, *};

fn whole_plan() -> Plan {
    Plan { changes: every_operation(), findings: every_severity(), ..empty_plan() }
}

fn plain(width: usize, shown: &Plan) -> String {
    written(|out| of_all(shown, |shown| plan(out, &Styles::plain(), width, shown)))
}

/// A plan for everybody, who gains all of it.
fn of_all<T>(planned: &Plan, act: impl FnOnce(&Shown<'_>) -> T) -> T {
    let request = testing::request(&[OTHER_ROOT, USER, ROLE, GROUP]);
    let gained = all_of(planned);
    act(&Shown {
        chain: &Chain::default(),
        request: &request,
        plan: planned,
        gained: &gained,
        foresight: None,
        detail: Detail::InShort,
    })
}

/// What everybody gains where nothing stands in the way.
fn all_of(plan: &Plan) -> Vec<Gained> {
    gained(&plan.changes, |_| Some(GainEffect::Access))
}

fn last_line(shown: &Plan) -> String {
    written(|out| summary_line(out, &Styles::plain(), shown))
}

#[test]
fn every_kind_of_change_and_finding() {
    insta::assert_snapshot!("every_kind", plain(80, &whole_plan()));
    insta::assert_snapshot!("every_kind_narrow", plain(60, &whole_plan()));
    insta::assert_snapshot!("every_kind_wide", plain(120, &whole_plan()));
}

#[test]
fn every_kind_in_colour() {
    let shown = Plan { handovers: vec![identity_handover()], ..whole_plan() };
    insta::assert_snapshot!(coloured(|out, styles| of_all(&shown, |shown| plan(out, styles, 80, shown))));
}

#[test]
fn colours_are_all_that_coloured_output_adds() {
    let shown = Plan { handovers: vec![identity_handover(), key_policy_handover()], ..whole_plan() };
    let coloured = written(|out| of_all(&shown, |shown| plan(out, &Styles::coloured(), 80, shown)));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain(80, &shown));
}

#[test]
fn nothing_from_outside_reaches_the_terminal_unescaped() {
    let shown = hostile_plan();
    let text = plain(80, &shown);
    assert!(!text.contains(|c: char| c != '\n' && crate::escape::is_unsafe(c)), "{text:?}");
    insta::assert_snapshot!(text);
    for change in &shown.changes {
        let line = written(|out| change_line(out, &Styles::plain(), 1, &change.operation));
        assert!(!line.contains(crate::escape::is_unsafe), "{line:?}");
        let documents = written(|out| change_documents(out, &Styles::plain(), 80, 1, change));
        assert!(!documents.contains(|c: char| c != '\n' && crate::escape::is_unsafe(c)), "{documents:?}");
    }
}

#[test]
fn prose_fits_and_arns_stay_whole() {
    let shown = Plan { handovers: vec![identity_handover(), key_policy_handover()], ..whole_plan() };
    for width in [40, 60, 80, 120] {
        let text = plain(width, &shown);
        for arn in [KEY, ROLE, POLICY, GROUP] {
            assert!(text.contains(arn), "{arn} at {width}");
        }
        let words = |line: &str| line.split_whitespace().count();
        let is_prose =
            |line: &&str| words(line) > 4 && !line.contains(['"', '@']) && !line.starts_with("Plan:");
        let prose = text.lines().filter(is_prose);
        for line in prose {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn no_changes_says_what_covers_whom() {
    let coverage = vec![
        covered(
            OTHER_ROOT,
            &["statement `Allow use of the key`", "statement `Allow attachment of persistent resources`"],
            None,
        ),
        covered(ROLE, &["statement `EC2 and its persistent resources`"], Some(&["policy KmsKeyUsagePolicy"])),
    ];
    insta::assert_snapshot!(plain(80, &Plan { coverage, ..empty_plan() }));
}

#[test]
fn handovers_can_be_sent_as_they_are() {
    let coverage =
        vec![Coverage { identity: Side::Missing, ..covered(ROLE, &["statement `Allow use`"], None) }];
    let handovers = vec![key_policy_handover(), identity_handover(), grant_handover()];
    insta::assert_snapshot!(plain(80, &Plan { coverage, handovers, ..empty_plan() }));
}

#[test]
fn the_last_line_never_hides_what_is_left() {
    let one = vec![update_key_policy(String::new(), String::new())];
    let left = || vec![finding(FindingCode::Unread, KEY, "not read", None)];
    let blocked = || vec![finding(FindingCode::AwsManagedKey, KEY, "managed by AWS", None)];
    assert_eq!(last_line(&empty_plan()), "No changes.\n");
    assert_eq!(
        last_line(&Plan { handovers: vec![identity_handover(), key_policy_handover()], ..empty_plan() }),
        "No changes here; something is left for accounts 111122223333 and 444455556666.\n"
    );
    assert_eq!(
        last_line(&Plan { findings: left(), ..empty_plan() }),
        "No changes here; something is left to do by hand.\n"
    );
    assert_eq!(
        last_line(&Plan { findings: blocked(), handovers: vec![identity_handover()], ..empty_plan() }),
        "No changes here; 1 finding stands in the way.\n"
    );
    assert_eq!(
        last_line(&Plan { changes: one.clone(), ..empty_plan() }),
        "Plan: 0 to create, 1 to update, 0 to attach.\n"
    );
    assert_eq!(
        last_line(&Plan { changes: every_operation(), findings: blocked(), ..empty_plan() }),
        "Plan: 1 to create, 3 to update, 2 to attach, 1 to grant, 1 to revoke, 1 to delete. But 1 finding stands \
         in the way.\n"
    );
}

#[test]
fn one_line_for_progress() {
    let lines: Vec<String> = every_operation()
        .iter()
        .enumerate()
        .map(|(index, change)| {
            written(|out| change_line(out, &Styles::plain(), index + 1, &change.operation))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    1. ~ remove principals that no longer exist from the key policy (account 111122223333, region eu-west-1)
    2. ~ update the key policy (account 111122223333, region eu-west-1)
    3. + create the policy KmsKeyUsagePolicy-1234abcd (account 444455556666)
    4. - delete version v3 of the policy KmsKeyUsagePolicy (account 444455556666)
    5. ~ update the policy KmsKeyUsagePolicy (account 444455556666)
    6. + attach the policy KmsKeyUsagePolicy to role app (account 444455556666)
    7. + attach the policy KmsKeyUsagePolicy-1234abcd to group ops (account 444455556666)
    8. + create a grant for the role AWSServiceRoleForAutoScaling (account 444455556666, region eu-west-1)
    9. - revoke the grant 0c237476b39f8bc44e45212e08498fbe3151305030726c0590dd8d3e9f3d6a60 (account 111122223333, region eu-west-1)
    ");
}

#[test]
fn whole_documents() {
    let changes = every_operation();
    insta::assert_snapshot!(written(|out| change_documents(out, &Styles::plain(), 80, 5, &changes[4])), @r#"
    5. ~ update the policy KmsKeyUsagePolicy
         where  arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy
                account 444455556666
         why    The policy does not cover the key.

         before:
         {
           "Version": "2012-10-17",
           "Statement": [
             {
               "Sid": "AllowUseOfTheKey",
               "Effect": "Allow",
               "Action": [
                 "kms:Decrypt",
                 "kms:DescribeKey"
               ],
               "Resource": "arn:aws:kms:eu-west-1:111122223333:key/other"
             }
           ]
         }

         after:
         {
           "Version": "2012-10-17",
           "Statement": [
             {
               "Sid": "AllowUseOfTheKey",
               "Effect": "Allow",
               "Action": [
                 "kms:Decrypt",
                 "kms:DescribeKey"
               ],
               "Resource": [
                 "arn:aws:kms:eu-west-1:111122223333:key/other",
                 "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
               ]
             }
           ]
         }
    "#);
}

#[test]
fn what_is_forbidden_all_the_same_is_no_gain() {
    let changes = vec![update_key_policy(String::new(), String::new())];
    let shown: Vec<String> = [
        GainEffect::Access,
        GainEffect::OneSide,
        GainEffect::Unknown,
        GainEffect::NoLaunch,
        GainEffect::Blocked,
    ]
    .into_iter()
    .map(|effect| {
        let gained = gained(&changes, |_| Some(effect));
        written(|out| gains(out, &Styles::plain(), (100, Detail::InShort), &gained))
    })
    .collect();
    insta::assert_snapshot!(shown.join("\n"));
    assert_eq!(
        written(|out| gains(out, &Styles::plain(), (100, Detail::InShort), &gained(&changes, |_| None))),
        ""
    );
}
