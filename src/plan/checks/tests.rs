//! Changes that no plan of ours may come to: each is caught, by its form and by its effect.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::effect::Rewrite;
use super::violations;
use crate::access::grant::key_policy_statement;
use crate::access::{
    CoverageRule, Grantee, NewGrant, PolicyName, Profile, Purpose, Request, RequiredStatement,
    ServiceLinkedRole,
};
use crate::arn::{EntityArn, KeyArn};
use crate::observation::{Caller, KeyObservation, Observation, Reading};
use crate::plan::{Change, Finding, KeyPolicyUpdate, Operation};
use crate::policy::PolicyDocument;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ADMIN: &str = "arn:aws:iam::111122223333:role/admin";
const ROLE: &str = "arn:aws:iam::444455556666:role/app";
const STRANGER: &str = "arn:aws:iam::777788889999:user/jo";

fn key() -> KeyArn {
    KEY.parse().unwrap()
}

fn document(statements: &[Value]) -> PolicyDocument {
    PolicyDocument::parse(json!({"Version": "2012-10-17", "Statement": statements}).to_string()).unwrap()
}

/// Both documented statements for the role.
fn asked() -> Vec<Value> {
    RequiredStatement::documented()
        .iter()
        .map(|required| required.for_key_policy("", &[ROLE.to_owned()]))
        .collect()
}

fn admin() -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": ADMIN}, "Action": "kms:*", "Resource": "*"})
}

fn decrypt(principals: &Value) -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": principals}, "Action": "kms:Decrypt", "Resource": "*"})
}

fn grants(condition: bool) -> Value {
    let mut statement = json!({"Effect": "Allow", "Principal": {"AWS": STRANGER}, "Action": "kms:CreateGrant", "Resource": "*"});
    if condition {
        statement["Condition"] = json!({"Bool": {"kms:GrantIsForAWSResource": "true"}});
    }
    statement
}

fn with(mut statement: Value, member: &str, value: Value) -> Value {
    statement[member] = value;
    statement
}

/// What the check by effect says of a key policy before and after.
fn effect(before: &[Value], after: &[Value]) -> Result<(), String> {
    let asked = document(&asked());
    let (before, after) = (document(before), document(after));
    let rewrite = Rewrite { before: &before, after: &after, asked: &asked };
    rewrite.check_key_policy(&key(), &BTreeSet::from([ROLE.to_owned()]), Some(ADMIN))
}

#[test]
fn wrong_key_policies_are_caught_by_their_effect() {
    let denies = json!({"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"});
    let listed = |principals: &[&str]| decrypt(&json!(principals));
    let via = |service: &str| {
        with(listed(&[STRANGER]), "Condition", json!({"StringEquals": {"kms:ViaService": service}}))
    };
    let by_arn = |arn: &str| {
        let condition = json!({"ArnLike": {"aws:PrincipalArn": arn}});
        with(decrypt(&json!("*")), "Condition", condition)
    };
    for (story, before, after, expected) in [
        (
            "a wider action",
            vec![listed(&[STRANGER])],
            vec![with(listed(&[STRANGER]), "Action", json!("kms:*"))],
            "gets",
        ),
        ("a condition gone", vec![grants(true)], vec![grants(false)], "gets kms:CreateGrant"),
        ("another condition", vec![via("s3")], vec![via("ec2")], "kms:Decrypt"),
        ("a principal gone", vec![listed(&[ROLE, STRANGER])], vec![listed(&[ROLE])], "loses kms:Decrypt"),
        ("a statement gone", vec![listed(&[STRANGER])], vec![], "loses kms:Decrypt"),
        ("a stranger added", vec![listed(&[ROLE])], vec![listed(&[ROLE, STRANGER])], "gets kms:Decrypt"),
        (
            "a stranger's account",
            vec![listed(&[ROLE])],
            vec![listed(&[ROLE, "777788889999"])],
            "gets kms:Decrypt",
        ),
        ("the role's account", vec![], vec![decrypt(&json!("444455556666"))], "gets kms:Decrypt"),
        ("everyone", vec![listed(&[ROLE])], vec![decrypt(&json!("*"))], "gets kms:Decrypt"),
        ("a Deny", vec![listed(&[STRANGER])], vec![listed(&[STRANGER]), denies.clone()], "loses kms:Decrypt"),
        ("a Deny gone", vec![listed(&[STRANGER]), denies], vec![listed(&[STRANGER])], "gets kms:Decrypt"),
        (
            "grants for all",
            vec![],
            vec![with(grants(false), "Principal", json!({"AWS": ROLE}))],
            "gets kms:CreateGrant",
        ),
        (
            "another pattern",
            vec![by_arn(STRANGER)],
            vec![by_arn("arn:aws:iam::777788889999:user/*")],
            "gets kms:Decrypt",
        ),
        (
            "a named role's sibling",
            vec![listed(&[ROLE])],
            vec![listed(&[ROLE, "arn:aws:iam::444455556666:role/web"])],
            "role/web` gets kms:Decrypt",
        ),
        (
            "all but one",
            vec![],
            vec![
                json!({"Effect": "Allow", "NotPrincipal": {"AWS": ROLE}, "Action": "kms:Decrypt", "Resource": "*"}),
            ],
            "gets kms:Decrypt",
        ),
        (
            "all actions but one",
            vec![],
            vec![
                json!({"Effect": "Allow", "Principal": {"AWS": ROLE}, "NotAction": "kms:Sign", "Resource": "*"}),
            ],
            "which nobody asked for",
        ),
    ] {
        let surrounded = |statements: Vec<Value>| [vec![admin()], statements].concat();
        let found = effect(&surrounded(before), &surrounded(after)).expect_err(story);
        assert!(found.contains(expected), "{story}: {found}");
    }
}

#[test]
fn the_caller_keeps_the_policy() {
    let narrowed = with(admin(), "Action", json!(["kms:Decrypt", "kms:GetKeyPolicy"]));
    let found = effect(&[admin()], &[narrowed]).unwrap_err();
    assert!(found.contains(&format!("`{ADMIN}` loses kms:")), "{found}");
    let everything_else = with(admin(), "NotAction", json!("kms:PutKeyPolicy"));
    let mut everything_else = everything_else;
    everything_else.as_object_mut().unwrap().remove("Action");
    let found = effect(&[admin()], &[everything_else]).unwrap_err();
    assert_eq!(found, format!("the caller `{ADMIN}` loses kms:PutKeyPolicy"));
}

#[test]
fn right_key_policies_pass() {
    let others = [admin(), grants(true), decrypt(&json!([STRANGER, "AROAEXAMPLEEXAMPLE123"]))];
    let with_asked = [others.to_vec(), asked()].concat();
    assert_eq!(effect(&others, &with_asked), Ok(()));
    assert_eq!(effect(&with_asked, &with_asked), Ok(()));
    let pruned = [admin(), grants(true), decrypt(&json!(STRANGER))];
    assert_eq!(effect(&others, &pruned), Ok(()));
}

#[test]
fn an_accounts_root_stands_for_all_of_its_account() {
    let root = ["arn:aws:iam::444455556666:root".to_owned()];
    let for_root: Vec<Value> =
        RequiredStatement::documented().iter().map(|required| required.for_key_policy("", &root)).collect();
    let (before, after, asked) =
        (document(&[admin()]), document(&[vec![admin()], for_root.clone()].concat()), document(&for_root));
    let rewrite = Rewrite { before: &before, after: &after, asked: &asked };
    assert_eq!(rewrite.check_key_policy(&key(), &root.into(), None), Ok(()));
}

#[test]
fn wrong_iam_policies_are_caught_by_their_effect() {
    const OTHER: &str = "arn:aws:kms:eu-west-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321";
    let [use_the_key, attach] = RequiredStatement::documented();
    let statement = |key: &str| use_the_key.for_identity("", &[key.to_owned()]);
    let for_grants = attach.for_identity("", &[KEY.to_owned()]);
    let asked = document(&[statement(KEY), for_grants.clone()]);
    let check = |before: &[Value], after: &[Value]| {
        let (before, after) = (document(before), document(after));
        let rewrite = Rewrite { before: &before, after: &after, asked: &asked };
        rewrite.check_identity_policy("444455556666".parse().unwrap(), &[key()])
    };
    let unconditional = with(for_grants.clone(), "Condition", json!({}));
    for (story, before, after, expected) in [
        (
            "another key",
            vec![statement(OTHER)],
            vec![statement(KEY), statement(OTHER), statement(&OTHER.replace("ab0", "ab1"))],
            "which nobody asked for",
        ),
        ("every key", vec![], vec![statement("*")], "which nobody asked for"),
        ("no condition", vec![for_grants.clone()], vec![unconditional], "kms:CreateGrant"),
        ("a key gone", vec![statement(OTHER)], vec![statement(KEY)], "is lost"),
        (
            "other actions",
            vec![],
            vec![with(statement(KEY), "Action", json!("kms:*"))],
            "which nobody asked for",
        ),
    ] {
        let found = check(&before, &after).expect_err(story);
        assert!(found.contains(expected), "{story}: {found}");
    }
    assert_eq!(check(&[statement(OTHER)], &[statement(OTHER), statement(KEY), for_grants]), Ok(()));
}

/// A wrong change in a plan becomes a finding that names it.
#[test]
fn a_wrong_change_is_a_bug_of_ours() {
    let request = Request {
        keys: vec![key()],
        grantees: vec![ROLE.parse().unwrap()],
        policy_name: PolicyName::default(),
        profile: Profile::Documented,
        coverage: CoverageRule::Named,
        prune_orphans: false,
        purpose: Purpose::default(),
        only_for: std::collections::BTreeMap::new(),
    };
    let text = |statements: &[Value]| document(statements).text().to_owned();
    let observed = KeyObservation {
        metadata: Reading::default(),
        policy: Reading::Read(text(&[admin()])),
        grants: Reading::default(),
    };
    let account = key().account;
    let observation = Observation {
        callers: [(account, Caller { account, arn: ADMIN.to_owned() })].into(),
        keys: [(key(), observed)].into(),
        ..Observation::default()
    };
    let grantees: Vec<Grantee> = request.grantees.clone();
    let change = |after: &[Value]| Change {
        operation: Operation::UpdateKeyPolicy(KeyPolicyUpdate {
            key: key(),
            before: text(&[admin()]),
            after: text(after),
        }),
        reason: String::new(),
        gains: Vec::new(),
    };
    let right = change(&[vec![admin()], asked()].concat());
    let wrong = change(&[admin(), decrypt(&json!(STRANGER))]);
    assert_eq!(violations(&request, &observation, &grantees, &[right]), []);
    let [found] = &violations(&request, &observation, &grantees, &[wrong])[..] else {
        panic!("one violation")
    };
    assert_eq!(found.subject, KEY);
    assert!(found.message.starts_with("a bug of keymend"), "{}", found.message);
}

const FLEET: &str =
    "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";

/// What is found wrong with a change for a service-linked role that needs the key, beside another account's that
/// needs another key.
fn violations_of(operation: Operation) -> Vec<Finding> {
    let others = FLEET.replace("444455556666", "777788889999");
    let of_its_own: KeyArn = KEY.replace("1234abcd", "9999abcd").parse().unwrap();
    let request = Request {
        keys: vec![key(), of_its_own.clone()],
        grantees: vec![FLEET.parse().unwrap(), others.parse().unwrap()],
        policy_name: PolicyName::default(),
        profile: Profile::Documented,
        coverage: CoverageRule::Named,
        prune_orphans: false,
        purpose: Purpose::default(),
        only_for: [
            (key(), ["444455556666".parse().unwrap()].into()),
            (of_its_own, ["777788889999".parse().unwrap()].into()),
        ]
        .into(),
    };
    let account = key().account;
    let observation = Observation {
        callers: [(account, Caller { account, arn: ADMIN.to_owned() })].into(),
        ..Observation::default()
    };
    let change = Change { operation, reason: String::new(), gains: Vec::new() };
    violations(&request, &observation, &request.grantees, &[change])
}

#[test]
fn grants_that_nobody_asked_for_are_caught() {
    let grant = |key: &str, role: &str| {
        let role = role.parse::<EntityArn>().unwrap().try_into().unwrap();
        NewGrant::for_launch(&key.parse().unwrap(), &role)
    };
    let found = |grant: NewGrant| violations_of(Operation::CreateGrant { grant, needs_key_policy: false });
    assert_eq!(found(grant(KEY, FLEET)), []);
    let mut wider = grant(KEY, FLEET);
    wider.operations.push("RetireGrant".to_owned());
    for (story, wrong) in [
        ("another role", grant(KEY, &format!("{FLEET}_blue"))),
        ("another key", grant(&KEY.replace("1234abcd", "0000abcd"), FLEET)),
        ("the other account's key", grant(&KEY.replace("1234abcd", "9999abcd"), FLEET)),
        ("more operations", wider),
    ] {
        assert_eq!(found(wrong).len(), 1, "{story}");
    }
}

#[test]
fn permissions_for_other_grants_are_caught() {
    let permission = |account: &str, roles: &[&str]| {
        let roles: Vec<ServiceLinkedRole> =
            roles.iter().map(|role| role.parse::<EntityArn>().unwrap().try_into().unwrap()).collect();
        let roles: Vec<&ServiceLinkedRole> = roles.iter().collect();
        key_policy_statement("Grants", &format!("arn:aws:iam::{account}:root"), &roles)
    };
    let found = |statement: &Value| {
        let text = |statements: &[Value]| document(statements).text().to_owned();
        violations_of(Operation::UpdateKeyPolicy(KeyPolicyUpdate {
            key: key(),
            before: text(&[admin()]),
            after: text(&[admin(), statement.clone()]),
        }))
    };
    let right = permission("444455556666", &[FLEET]);
    assert_eq!(found(&right), []);
    let blue = format!("{FLEET}_blue");
    let others = FLEET.replace("444455556666", "777788889999");
    let without = |operator: &str| {
        let mut statement = right.clone();
        statement["Condition"].as_object_mut().unwrap().remove(operator).unwrap();
        statement
    };
    let mut wider = right.clone();
    wider["Condition"]["ForAllValues:StringEquals"]["kms:GrantOperations"] =
        json!(["Decrypt", "RetireGrant"]);
    for (story, wrong) in [
        ("another role", permission("444455556666", &[FLEET, &blue])),
        ("the key's own account", permission("111122223333", &[FLEET])),
        ("another account", permission("777788889999", &[FLEET])),
        ("another account with its role, which needs another key", permission("777788889999", &[&others])),
        ("whatever role", without("StringEquals")),
        ("whatever operation", without("ForAllValues:StringEquals")),
        ("more operations", wider),
        ("more actions", with(right.clone(), "Action", json!(["kms:CreateGrant", "kms:RevokeGrant"]))),
        ("everybody", with(right.clone(), "Principal", json!("*"))),
    ] {
        assert_eq!(found(&wrong).len(), 1, "{story}");
    }
}
