//! What holds for any decision, on generated policies.

use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use serde_json::{Value, json};

use super::naive::{self, KEY, World};
use super::situations::prepared;
use crate::authz::{Boundary, Context, Outcome, Policies, Prepared, Principal, Query, RamDocument, evaluate};

const PRINCIPALS: [&str; 8] = [
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:role/app",
    "arn:aws:iam::111122223333:user/jo",
    "arn:aws:sts::111122223333:assumed-role/app/s1",
    "arn:aws:iam::444455556666:root",
    "arn:aws:iam::444455556666:role/app",
    "arn:aws:iam::444455556666:user/jo",
    "arn:aws:sts::444455556666:assumed-role/app/s1",
];
const NAMES: [&str; 12] = [
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:role/app",
    "arn:aws:iam::111122223333:user/jo",
    "arn:aws:sts::111122223333:assumed-role/app/s1",
    "arn:aws:iam::444455556666:root",
    "444455556666",
    "arn:aws:iam::444455556666:role/app",
    "arn:aws:iam::444455556666:user/jo",
    "arn:aws:sts::444455556666:assumed-role/app/s1",
    "*",
    "AROAEXAMPLEEXAMPLE123",
    "arn:aws-cn:iam::444455556666:root",
];
const ACTIONS: [&str; 7] = ["*", "kms:*", "kms:Decrypt", "KMS:*crypt", "kms:Put*", "kms:CreateGrant", "s3:*"];
const RESOURCES: [&str; 5] =
    ["*", KEY, "arn:aws:kms:*:111122223333:key/*", "arn:aws:kms:*:4*:key/*", "*:alias/*"];
const ASKED: [&str; 3] = ["kms:Decrypt", "kms:CreateGrant", "kms:PutKeyPolicy"];

fn some_of(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    subsequence(values, 1..=3.min(values.len())).prop_shuffle().prop_map(|list| match list.as_slice() {
        [only] => json!(only),
        _ => json!(list),
    })
}

fn condition() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("StringEquals"),
        Just("StringNotEquals"),
        Just("StringLike"),
        Just("StringNotLike"),
        Just("StringEqualsIfExists"),
        Just("StringNotEqualsIfExists"),
        Just("ForAllValues:StringLike"),
        Just("ForAnyValue:StringLike"),
        Just("ForAnyValue:StringNotEquals"),
        Just("ForAllValues:StringNotEqualsIfExists"),
    ];
    let values = some_of(&["a", "b", "a*", "*"]);
    prop_oneof![
        4 => (text, prop_oneof![Just("k:x"), Just("K:Y")], values)
            .prop_map(|(operator, key, values)| json!({operator: {key: values}})),
        1 => Just(json!({"Null": {"k:x": "true"}})),
        1 => Just(json!({"Null": {"k:y": false}})),
        1 => Just(json!({"BoolIfExists": {"k:b": true}, "StringLike": {"k:x": "*"}})),
        1 => Just(json!({"NumericLessThan": {"k:n": 3}})),
        1 => Just(json!({"StringEquals": {"kms:CallerAccount": "444455556666"}})),
        1 => Just(json!({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/app"}})),
        1 => Just(json!({"Bool": {"kms:GrantIsForAWSResource": "true"}})),
    ]
}

fn statement() -> impl Strategy<Value = Value> {
    let condition = prop_oneof![2 => Just(None), 1 => condition().prop_map(Some)];
    (some_of(&ACTIONS), some_of(&RESOURCES), condition, 0..16_u8).prop_map(
        |(actions, resources, condition, form)| {
            let mut statement = json!({"Effect": if form < 3 { "Deny" } else { "Allow" }});
            statement[if form == 3 { "NotAction" } else { "Action" }] = actions;
            if form != 4 {
                statement[if form == 5 { "NotResource" } else { "Resource" }] = resources;
            }
            if let Some(condition) = condition {
                statement["Condition"] = condition;
            }
            statement
        },
    )
}

fn resource_statement() -> impl Strategy<Value = Value> {
    let principal = prop_oneof![
        6 => some_of(&NAMES).prop_map(|aws| json!({"AWS": aws})),
        1 => Just(json!("*")),
    ];
    (statement(), principal, 0..8_u8).prop_map(|(mut statement, principal, form)| {
        statement[if form == 0 { "NotPrincipal" } else { "Principal" }] = principal;
        statement
    })
}

fn document(statement: impl Strategy<Value = Value>, most: usize) -> impl Strategy<Value = Value> {
    proptest::collection::vec(statement, 1..=most)
        .prop_map(|statements| json!({"Version": "2012-10-17", "Statement": statements}))
}

/// A document that often allows everything, for else most requests are denied whatever happens.
fn open_document(
    statement: impl Strategy<Value = Value>,
    most: usize,
    everything: Value,
) -> impl Strategy<Value = Value> {
    (document(statement, most), any::<bool>()).prop_map(move |(mut document, is_open)| {
        if is_open {
            document["Statement"].as_array_mut().unwrap().push(everything.clone());
        }
        document
    })
}

fn everything() -> Value {
    json!({"Effect": "Allow", "Action": "*", "Resource": "*"})
}

fn everything_to_everybody() -> Value {
    json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"})
}

/// Mostly without limits, so that much is allowed.
fn levels(statement: impl Strategy<Value = Value>) -> impl Strategy<Value = Vec<Vec<Value>>> {
    let all = everything_to_everybody();
    let documents = proptest::collection::vec(document(statement, 2), 0..2);
    (documents, 0..16_u8).prop_map(move |(documents, form)| {
        let mut open = all.clone();
        if documents.iter().all(|d| d["Statement"][0].get("Principal").is_none()) {
            open.as_object_mut().unwrap().remove("Principal");
        }
        let open = json!({"Statement": [open]});
        let mut levels: Vec<Vec<Value>> =
            documents.into_iter().map(|document| vec![open.clone(), document]).collect();
        if form == 0 {
            levels.push(Vec::new());
        }
        levels
    })
}

fn context() -> impl Strategy<Value = Vec<(&'static str, Vec<String>)>> {
    let text = |values: &'static [&'static str]| {
        subsequence(values, 0..=1)
            .prop_map(|values| values.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    (
        text(&["a", "b", "ab"]),
        text(&["a", "b", "ab"]),
        text(&["true", "false"]),
        text(&["2", "3"]),
        text(&["true"]),
    )
        .prop_map(|(x, y, b, n, g)| {
            vec![("k:x", x), ("k:y", y), ("k:b", b), ("k:n", n), ("kms:grantisforawsresource", g)]
        })
}

fn world() -> impl Strategy<Value = World> {
    let limit =
        || prop_oneof![1 => Just(None), 1 => open_document(statement(), 2, everything()).prop_map(Some)];
    (
        (proptest::sample::select(&PRINCIPALS[..]), proptest::sample::select(&ASKED[..])),
        open_document(resource_statement(), 4, everything_to_everybody()),
        proptest::collection::vec(open_document(statement(), 3, everything()), 0..=2),
        (limit(), limit()),
        (levels(statement()), levels(resource_statement())),
        context(),
    )
        .prop_map(
            |((principal, action), key_policy, identity, (boundary, session), (scps, rcps), context)| World {
                principal: principal.to_owned(),
                action: action.to_owned(),
                key_policy,
                identity,
                boundary,
                session,
                scps,
                rcps,
                context: context
                    .into_iter()
                    .filter(|(key, _)| *key != "kms:grantisforawsresource" || action == "kms:CreateGrant")
                    .map(|(key, values)| (key.to_owned(), values))
                    .collect(),
            },
        )
}

/// What becomes of the request if only some keys are known; all, where none is hidden.
fn outcome(world: &World, hidden: &[&str]) -> Outcome {
    let all = |documents: &[Value]| documents.iter().map(prepared).collect::<Vec<_>>();
    let key_policy = prepared(&world.key_policy);
    let identity = all(&world.identity);
    let identity: Vec<&Prepared> = identity.iter().collect();
    let (boundary, session) = (world.boundary.as_ref().map(prepared), world.session.as_ref().map(prepared));
    let session: Option<Vec<&Prepared>> = session.as_ref().map(|document| vec![document]);
    let scps: Vec<Vec<Prepared>> = world.scps.iter().map(|level| all(level)).collect();
    let rcps: Vec<Vec<Prepared>> = world.rcps.iter().map(|level| all(level)).collect();
    let scps: Vec<Vec<&Prepared>> = scps.iter().map(|level| level.iter().collect()).collect();
    let rcps: Vec<Vec<&Prepared>> = rcps.iter().map(|level| level.iter().collect()).collect();
    let mut context = if hidden.is_empty() { Context::complete() } else { Context::unknown() };
    for (key, values) in world.context.iter().filter(|(key, _)| !hidden.contains(&key.as_str())) {
        context.set(key, values);
    }
    let policies = Policies {
        key_policy: Some(&key_policy),
        ram_policy: RamDocument::None,
        identity: Some(&identity),
        boundary: boundary.as_ref().map_or(Boundary::None, Boundary::Document),
        session: session.as_deref(),
        scps: Some(&scps),
        rcps: Some(&rcps),
        grants: None,
    };
    let principal: Principal = world.principal.parse().unwrap();
    let query = Query::new(&principal, world.action.parse().unwrap(), &KEY.parse().unwrap(), &context);
    evaluate(&query, &policies).outcome
}

/// The world with a statement added, and with one about everything, in each document in turn.
fn with_one_more(world: &World, effect: &str, statements: [Value; 2]) -> Vec<World> {
    let mut worlds = Vec::new();
    for (of_resource, statement) in [false, true].into_iter().zip(statements) {
        let everything = if of_resource { everything_to_everybody() } else { everything() };
        for at in 0..documents(&mut world.clone(), of_resource).len() {
            for added in [&statement, &everything] {
                let mut more = world.clone();
                let document = documents(&mut more, of_resource).swap_remove(at);
                let mut added = added.clone();
                added["Effect"] = json!(effect);
                document["Statement"].as_array_mut().unwrap().push(added);
                worlds.push(more);
            }
        }
    }
    worlds
}

/// Those of the key, or those of the principal.
fn documents(world: &mut World, of_resource: bool) -> Vec<&mut Value> {
    if of_resource {
        std::iter::once(&mut world.key_policy).chain(world.rcps.iter_mut().flatten()).collect()
    } else {
        let own = world.identity.iter_mut().chain(&mut world.boundary).chain(&mut world.session);
        own.chain(world.scps.iter_mut().flatten()).collect()
    }
}

/// From least to most access; an unknown one may be either.
fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::ExplicitDeny | Outcome::ImplicitDeny => 0,
        Outcome::Unknown => 1,
        Outcome::Allowed => 2,
    }
}

fn reverse(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.reverse();
            items.iter_mut().for_each(reverse);
        }
        Value::Object(members) => {
            let reversed: Vec<_> = std::mem::take(members).into_iter().rev().collect();
            members.extend(reversed);
            members.values_mut().for_each(reverse);
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn agrees_with_a_second_evaluator(world in world()) {
        prop_assert_eq!(outcome(&world, &[]), naive::outcome(&world));
    }

    #[test]
    fn what_is_decided_stays_decided_when_more_is_known(
        world in world(),
        hidden in subsequence(vec!["k:x", "k:y", "k:b", "k:n", "kms:grantisforawsresource"], 1..=5),
        shown in any::<Index>(),
    ) {
        let little = outcome(&world, &hidden);
        let mut fewer = hidden.clone();
        fewer.remove(shown.index(hidden.len()));
        let more = outcome(&world, &fewer);
        prop_assert!(little == Outcome::Unknown || rank(little) == rank(more), "{little:?} -> {more:?}");
    }

    #[test]
    fn an_allow_takes_no_access_away(world in world(), own in statement(), of_resource in resource_statement()) {
        let before = rank(outcome(&world, &[]));
        for more in with_one_more(&world, "Allow", [own, of_resource]) {
            prop_assert!(before <= rank(outcome(&more, &[])), "{more:?}");
        }
    }

    #[test]
    fn a_deny_gives_no_access(world in world(), own in statement(), of_resource in resource_statement()) {
        let before = rank(outcome(&world, &[]));
        for more in with_one_more(&world, "Deny", [own, of_resource]) {
            prop_assert!(before >= rank(outcome(&more, &[])), "{more:?}");
        }
    }

    #[test]
    fn a_condition_adds_no_access(world in world()) {
        let before = rank(outcome(&world, &[]));
        for effect in ["Allow", "Deny"] {
            let mut bare = world.clone();
            for of_resource in [true, false] {
                for document in documents(&mut bare, of_resource) {
                    let statements = document["Statement"].as_array_mut().unwrap();
                    let statements = statements.iter_mut().filter(|statement| statement["Effect"] == effect);
                    statements.for_each(|statement| _ = statement.as_object_mut().unwrap().remove("Condition"));
                }
            }
            let after = rank(outcome(&bare, &[]));
            prop_assert!(if effect == "Allow" { before <= after } else { before >= after }, "{bare:?}");
        }
    }

    #[test]
    fn order_never_matters(world in world()) {
        let mut reversed = world.clone();
        reverse(&mut reversed.key_policy);
        reversed.identity.iter_mut().chain(&mut reversed.boundary).chain(&mut reversed.session).for_each(reverse);
        reversed.scps.iter_mut().chain(&mut reversed.rcps).flatten().for_each(reverse);
        reversed.identity.reverse();
        prop_assert_eq!(outcome(&world, &[]), outcome(&reversed, &[]));
    }
}
