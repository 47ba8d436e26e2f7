//! Real output against its schema.

use serde_json::{Value, json};

use super::*;
use crate::access::Purpose;
use crate::access::assessment::documented_actions;
use crate::access::evidence::Extras;
use crate::access::trial::{Method, Ruling};
use crate::observation::{
    Caller, IamObservation, IamQuotas, KeyGrant, KeyManager, KeyMetadata, KeyObservation, RamPolicy, Reading,
};
use crate::plan::Plan;
use crate::plan::conclusion::check;
use crate::plan::users;
use crate::render::testing::{self, *};

fn observation() -> Observation {
    let key_account = testing::key().account;
    let other = testing::grantee(OTHER_ROOT).account().unwrap();
    let caller = Caller { account: key_account, arn: "arn:aws:iam::111122223333:user/admin".to_owned() };
    let metadata = KeyMetadata {
        arn: testing::key(),
        manager: KeyManager::Customer,
        state: "Enabled".to_owned(),
        spec: "SYMMETRIC_DEFAULT".to_owned(),
        usage: "ENCRYPT_DECRYPT".to_owned(),
        origin: "AWS_KMS".to_owned(),
        related_keys: Vec::new(),
    };
    let key = KeyObservation {
        ram_policy: RamPolicy::Absent,
        grants: Reading::default(),
        metadata: Reading::Read(metadata),
        policy: Reading::Unread("no credentials of profile secret-profile".to_owned().into()),
    };
    let iam = IamObservation {
        quotas: IamQuotas::default(),
        policies: [].into(),
        entities: [].into(),
        caller: Reading::default(),
    };
    Observation {
        callers: [(key_account, caller)].into(),
        keys: [(testing::key(), key)].into(),
        accounts: [
            (other, Reading::Unread("profile secret-profile has expired".to_owned().into())),
            (key_account, Reading::Read(iam)),
        ]
        .into(),
        ..Observation::default()
    }
}

fn full_plan() -> Plan {
    Plan {
        findings: every_severity(),
        changes: every_operation(),
        coverage: vec![
            covered(OTHER_ROOT, &["statement `Allow use of the key`"], None),
            covered(ROLE, &["statement `Allow use of the key`"], Some(&["policy KmsKeyUsagePolicy"])),
        ],
        handovers: vec![key_policy_handover(), identity_handover(), grant_handover()],
    }
}

/// What AWS answered, one action in each way.
fn trial() -> Trial {
    let action = |name: &str| name.parse().unwrap();
    Trial {
        key: testing::key(),
        grantee: testing::grantee(ROLE),
        method: Method::DryRun {
            made_by: Some("arn:aws:sts::444455556666:assumed-role/app/keymend".to_owned()),
        },
        rulings: vec![
            Ruling::proven(action("kms:Decrypt")),
            Ruling::refused(action("kms:DescribeKey"), "AWS says no"),
            Ruling::unproven(action("kms:CreateGrant"), "no call tells"),
        ],
    }
}

/// A report that fills every member.
fn full_output() -> String {
    let error = ErrorOutput {
        message: "kms:PutKeyPolicy failed".to_owned(),
        code: Some("LimitExceededException".to_owned()),
        request_id: Some("f3b2".to_owned()),
        hint: None,
    };
    let report = RunReport {
        conflicts: &[],
        proof: &[],
        trials: &[trial()],
        runs: &[],
        command: "fix",
        case: Some(&Case {
            request: testing::request(&[OTHER_ROOT, ROLE]),
            observation: observation(),
            ..testing::case(full_plan())
        }),
        fates: &[Fate::AlreadyDone, Fate::Applied, Fate::Deselected, Fate::Failed, Fate::NotStarted],
        outcome: OutcomeOutput::PartlyApplied,
        error: Some(error),
        exit_status: 1,
    };
    written(|out| write(out, &report))
}

fn failed_early() -> RunReport<'static> {
    RunReport {
        conflicts: &[],
        proof: &[],
        trials: &[],
        runs: &[],
        command: "fix",
        case: None,
        fates: &[],
        outcome: OutcomeOutput::Failed,
        error: None,
        exit_status: 1,
    }
}

fn parsed(output: &str) -> Value {
    serde_json::from_str(output).unwrap()
}

#[test]
fn the_whole_document() {
    insta::assert_snapshot!(full_output());
}

#[test]
fn the_schema() {
    insta::assert_snapshot!(format!("{:#}", schema()));
}

#[test]
fn real_output_matches_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let hostile = testing::case(hostile_plan());
    let outputs = [
        full_output(),
        written(|out| write(out, &failed_early())),
        written(|out| write(out, &RunReport { case: Some(&hostile), ..failed_early() })),
    ];
    for output in outputs {
        validator.validate(&parsed(&output)).unwrap();
    }
}

#[test]
fn mutilated_output_does_not_match_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let mutilations: [(&str, Value); 9] = [
        ("/keymend_output", json!(2)),
        ("/outcome", json!("succeeded")),
        ("/exit_status", json!("0")),
        ("/changes/0", json!({"id": 1})),
        ("/changes/0/action", json!("give")),
        ("/changes/0/status", Value::Null),
        ("/findings/0/severity", json!("fatal")),
        ("/handovers/0/side", json!("elsewhere")),
        ("/observation/keys/0/metadata/manager", json!(7)),
    ];
    for (pointer, value) in mutilations {
        let mut output = parsed(&full_output());
        *output.pointer_mut(pointer).unwrap() = value;
        assert!(!validator.is_valid(&output), "{pointer}");
    }
    for pointer in [
        "",
        "/request",
        "/observation/callers/0",
        "/changes/0",
        "/coverage/0/identity",
        "/handovers/1",
        "/error",
    ] {
        let mut unknown = parsed(&full_output());
        unknown.pointer_mut(pointer).unwrap()["unknown"] = json!(1);
        assert!(!validator.is_valid(&unknown), "an unknown member of {pointer}");
        let mut missing = parsed(&full_output());
        let members = missing.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        let last = members.keys().next_back().unwrap().clone();
        members.shift_remove(&last);
        assert!(!validator.is_valid(&missing), "a missing member of {pointer}");
    }
}

#[test]
fn texts_from_outside_survive_and_harm_no_terminal() {
    let hostile = testing::case(hostile_plan());
    let output = written(|out| write(out, &RunReport { case: Some(&hostile), ..failed_early() }));
    assert!(!output.contains(|c: char| c != '\n' && crate::escape::is_unsafe(c)));
    assert_eq!(parsed(&output)["changes"][0]["after"], json!(hostile.plan.changes[0].operation.after()));
}

#[test]
fn profiles_are_nobodys_business() {
    assert!(!full_output().contains("secret-profile"));
}

/// A check of two grantees, and who may use the key, by a policy that has some of everything.
fn check_output() -> String {
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Allow", "Effect": "Allow", "Principal": {"AWS": [OTHER_ROOT, "AROAEXAMPLEEXAMPLE123"]},
         "Action": ["kms:Decrypt", "kms:CreateGrant"], "Resource": "*",
         "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}},
        {"Effect": "Deny", "Principal": "*", "Action": "kms:ReEncryptTo", "Resource": "*"},
    ]});
    let mut observation = observation();
    let grant = KeyGrant {
        id: "1".to_owned(),
        name: None,
        grantee: ROLE.to_owned(),
        operations: vec!["Decrypt".to_owned()],
        context_equals: [("a".to_owned(), "b".to_owned())].into(),
        context_subset: [].into(),
        source_arn: None,
        unknown_constraints: Vec::new(),
    };
    for key in observation.keys.values_mut() {
        key.policy = Reading::Read(policy.to_string());
        key.grants = Reading::Read(vec![grant.clone()]);
    }
    let request = testing::request(&[OTHER_ROOT, ROLE]);
    let checked = check(&request, &observation, &Extras::default(), documented_actions(Purpose::Launch));
    let report = CheckReport {
        chain: None,
        findings: &[],
        request: Some(&request),
        observation: Some(&observation),
        checked: &checked,
        users: &users::of_keys(&observation),
        outcome: OutcomeOutput::Blocked,
        error: None,
        exit_status: 4,
    };
    written(|out| write_check(out, &report))
}

#[test]
fn a_check_matches_the_schema_and_nothing_else_does() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let output = parsed(&check_output());
    validator.validate(&output).unwrap();
    for (pointer, value) in [
        ("/checks/0/conclusion", json!("maybe")),
        ("/checks/0/remedy", Value::Null),
        ("/checks/0/actions/0/decision", json!("denied")),
        ("/users/0/users/0/place", json!("somewhere")),
        ("/users/0/users/0/kind", json!("person")),
        ("/users/0/denials/0/permission/conditions", Value::Null),
    ] {
        let mut output = output.clone();
        *output.pointer_mut(pointer).unwrap() = value;
        assert!(!validator.is_valid(&output), "{pointer}");
    }
    for pointer in ["/checks/0", "/checks/0/actions/0", "/users/0", "/users/0/users/0", "/users/0/grants/0"] {
        let mut unknown = output.clone();
        unknown.pointer_mut(pointer).unwrap()["unknown"] = json!(1);
        assert!(!validator.is_valid(&unknown), "{pointer}");
    }
}
