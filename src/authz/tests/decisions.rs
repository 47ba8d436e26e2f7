//! What a decision tells besides its outcome, and what was not read.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::naive::KEY;
use super::situations::prepared;
use crate::authz::{
    Boundary, Context, Decision, DocumentRef, Gate, Outcome, Policies, Principal, Query, StatementRef, Truth,
    evaluate, near_misses,
};

const ROLE: &str = "arn:aws:iam::444455556666:role/app";

fn policy(statement: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

fn open() -> Value {
    json!({"Effect": "Allow", "Action": "kms:*", "Resource": "*"})
}

fn open_to(principal: &str) -> Value {
    let mut statement = open();
    statement["Principal"] = json!({"AWS": principal});
    statement
}

fn with_query<T>(principal: &str, action: &str, ask: impl FnOnce(&Query<'_>) -> T) -> T {
    let principal: Principal = principal.parse().unwrap();
    let context = Context::for_launch("eu-west-1");
    ask(&Query::new(&principal, action.parse().unwrap(), &KEY.parse().unwrap(), &context))
}

fn decide(principal: &str, policies: &Policies<'_>) -> Decision {
    with_query(principal, "kms:Decrypt", |query| evaluate(query, policies))
}

#[test]
fn what_was_not_read_is_unknown() {
    let key_policy = prepared(&policy(&open_to(ROLE)));
    let everything = prepared(&policy(&open()));
    let read =
        Policies { key_policy: Some(&key_policy), identity: Some(&[&everything]), ..Policies::default() };
    assert_eq!(decide(ROLE, &read).outcome, Outcome::Allowed);
    assert_eq!(read.not_considered(), ["service control policies", "resource control policies", "grants"]);
    let unread = [
        (Policies { key_policy: None, ..read }, Gate::KeyPolicy),
        (Policies { identity: None, ..read }, Gate::Identity),
        (Policies { boundary: Boundary::Unread, ..read }, Gate::Boundary),
    ];
    for (policies, gate) in unread {
        let decision = decide(ROLE, &policies);
        assert_eq!(decision.outcome, Outcome::Unknown);
        assert_eq!(decision.gates, [(gate, Truth::Unknown)]);
        assert!(decision.statements.is_empty() && decision.unknown_keys.is_empty());
        assert_eq!(policies.not_considered().len(), 4);
    }
    let to_account = prepared(&policy(&open_to("444455556666")));
    let root = Policies { key_policy: Some(&to_account), identity: None, boundary: Boundary::Unread, ..read };
    assert_eq!(decide("arn:aws:iam::444455556666:root", &root).outcome, Outcome::Allowed);
}

#[test]
fn an_implicit_deny_tells_what_is_shut() {
    let to_other = prepared(&policy(&open_to("arn:aws:iam::111122223333:role/other")));
    let nothing = prepared(&json!({"Statement": []}));
    let levels = [vec![&to_other], vec![&nothing]];
    let policies = Policies {
        key_policy: Some(&to_other),
        identity: Some(&[]),
        boundary: Boundary::Document(&nothing),
        session: Some(&[&nothing]),
        scps: Some(&levels),
        ..Policies::default()
    };
    let shut = |gate| (gate, Truth::False);
    assert_eq!(
        decide(ROLE, &policies).gates,
        [
            shut(Gate::KeyPolicy),
            shut(Gate::Identity),
            shut(Gate::Boundary),
            shut(Gate::Session),
            // Such a document can't be a service control policy: it names principals.
            (Gate::Scp(0), Truth::Unknown),
            shut(Gate::Scp(1)),
        ]
    );
    let decision = with_query(ROLE, "kms:PutKeyPolicy", |query| evaluate(query, &policies));
    assert_eq!(decision.gates[0], shut(Gate::CrossAccountOperation));
    let china = decide("arn:aws-cn:iam::444455556666:role/app", &policies);
    assert_eq!(china.gates, [shut(Gate::Partition)]);
}

#[test]
fn a_condition_that_cannot_hold_is_found() {
    let through = |service: &str| {
        let mut statement = open_to(ROLE);
        statement["Sid"] = json!(service);
        statement["Condition"] = json!({"StringEquals": {"kms:ViaService": service, "aws:SourceVpce": "v"}});
        statement
    };
    let key_policy = prepared(&json!({"Version": "2012-10-17", "Statement": [
        open_to("arn:aws:iam::444455556666:role/other"),
        through("s3.eu-west-1.amazonaws.com"),
        through("ec2.eu-west-1.amazonaws.com"),
    ]}));
    let policies = Policies { key_policy: Some(&key_policy), ..Policies::default() };
    let found = with_query(ROLE, "kms:Decrypt", |query| near_misses(query, &policies));
    let statement = |index| StatementRef { document: DocumentRef::KeyPolicy, index };
    let [(missed, miss)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(*missed, statement(1));
    assert_eq!(policies.sid(*missed), Some("s3.eu-west-1.amazonaws.com"));
    assert_eq!(
        miss.told_of("statement \"X\"", "launch"),
        "the condition of statement \"X\" can't hold in a launch: it wants `kms:ViaService` = \
         `s3.eu-west-1.amazonaws.com`, and a launch has `ec2.eu-west-1.amazonaws.com` (that is another service)"
    );
    let identity = prepared(&policy(&open()));
    let decision = decide(ROLE, &Policies { identity: Some(&[&identity]), ..policies });
    assert_eq!(decision.outcome, Outcome::Unknown);
    assert_eq!(decision.statements, [statement(2)]);
    assert_eq!(decision.unknown_keys, BTreeSet::from(["aws:SourceVpce".to_owned()]));
}

#[test]
fn the_identity_only_role_needs_no_allow_and_no_deny() {
    let role = Principal::identity_only(crate::arn::Partition::Aws, "444455556666".parse().unwrap());
    let decide = |policies: &Policies<'_>, context: &Context| {
        let action = "kms:Decrypt".parse().unwrap();
        evaluate(&Query::new(&role, action, &KEY.parse().unwrap(), context), policies)
    };
    let context = Context::for_instance();
    let silent = prepared(&policy(&open_to("arn:aws:iam::111122223333:root")));
    let base = Policies { key_policy: Some(&silent), ..Policies::default() };
    assert_eq!(decide(&base, &context).outcome, Outcome::Allowed);
    // Outside of a launch nothing is taken to be granted.
    assert_eq!(decide(&base, &Context::unknown()).outcome, Outcome::ImplicitDeny);
    for principal in ["*", "444455556666"] {
        let mut deny = open_to(principal);
        deny["Effect"] = json!("Deny");
        let denying = prepared(&policy(&deny));
        let decision = decide(&Policies { key_policy: Some(&denying), ..base }, &context);
        assert_eq!(decision.outcome, Outcome::ExplicitDeny);
        assert_eq!(decision.statements.len(), 1);
    }
    let mut elsewhere = open();
    elsewhere["Action"] = json!("s3:*");
    let (kms, s3) = (prepared(&policy(&open())), prepared(&policy(&elsewhere)));
    let levels = [vec![&kms], vec![&s3]];
    let decision = decide(&Policies { scps: Some(&levels), ..base }, &context);
    assert_eq!(decision.outcome, Outcome::ImplicitDeny);
    assert_eq!(decision.gates, [(Gate::Scp(1), Truth::False)]);
    let levels = [vec![&kms]];
    assert_eq!(decide(&Policies { scps: Some(&levels), ..base }, &context).outcome, Outcome::Allowed);
    let mut deny = open();
    deny["Effect"] = json!("Deny");
    deny["Principal"] = json!("*");
    let rcp = prepared(&policy(&deny));
    let levels = [vec![&rcp]];
    assert_eq!(decide(&Policies { rcps: Some(&levels), ..base }, &context).outcome, Outcome::ExplicitDeny);
    // Neither a boundary nor policies of its own have a say.
    let unread = Policies { identity: None, boundary: Boundary::Unread, ..base };
    assert_eq!(decide(&unread, &context).outcome, Outcome::Allowed);
}
