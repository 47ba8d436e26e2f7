//! Decisions on prepared documents, hostile patterns, and requests as JSON lines.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::io;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use keymend::access::RequiredStatement;
use keymend::arn::KeyArn;
use keymend::authz::{Context, Outcome, Policies, Prepared, Principal, Query, evaluate, requests};
use keymend::policy::{KmsAction, PolicyDocument};
use serde_json::{Value, json};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html>
const MOST_BYTES: usize = 32_768;

fn prepare(policy: &Value) -> Prepared {
    Prepared::new(&PolicyDocument::parse(policy.to_string()).unwrap())
}

/// The default statement and the documented two.
fn key_policy(principals: &[String]) -> Value {
    let delegation = json!({
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "kms:*",
        "Resource": "*",
    });
    let [usage, attachment] = RequiredStatement::documented()
        .map(|statement| statement.for_key_policy(statement.key_policy_sid, principals));
    json!({"Version": "2012-10-17", "Statement": [delegation, usage, attachment]})
}

fn identity_policy() -> Value {
    let statements = RequiredStatement::documented()
        .map(|statement| statement.for_identity(statement.identity_sid, &[KEY.to_owned()]));
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Roles of the other account; the last of them asks.
fn roles(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("arn:aws:iam::444455556666:role/teams/image-launchers/build-{n:03}")).collect()
}

/// Many statements, each with a condition, of which only the last is about the role that asks.
fn statements(count: usize, role: &str) -> Value {
    let statement = |principal: &str, tag: usize| {
        json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": ["kms:Decrypt", "kms:CreateGrant"],
            "Resource": "*", "Condition": {"StringLike": {"kms:ViaService": "ec2.*.amazonaws.com"},
            "StringEquals": {"kms:CallerAccount": "444455556666", "aws:PrincipalTag/n": [tag.to_string()]}}})
    };
    let mut statements: Vec<Value> = (1..count).map(|tag| statement("*", tag)).collect();
    statements
        .push(json!({"Effect": "Allow", "Principal": {"AWS": role}, "Action": "kms:*", "Resource": "*"}));
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn decide(criterion: &mut Criterion) {
    let key: KeyArn = KEY.parse().unwrap();
    let mut context = Context::for_launch("eu-west-1");
    context.set("aws:PrincipalTag/n", ["none"]);
    let identity = prepare(&identity_policy());
    let actions: Vec<KmsAction> = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:ReEncryptFrom"]
        .iter()
        .map(|action| action.parse().unwrap())
        .collect();
    let mut group = criterion.benchmark_group("authz");
    let mut cases = vec![(
        "documented".to_owned(),
        key_policy(&["arn:aws:iam::444455556666:root".to_owned()]),
        "arn:aws:iam::444455556666:role/app".to_owned(),
    )];
    // The largest of each are about as large as a key policy may be.
    for count in [50, 100, 200] {
        let roles = roles(count);
        cases.push((format!("{count} principals"), key_policy(&roles), roles[count - 1].clone()));
    }
    for count in [26, 51, 101] {
        let role = roles(1).remove(0);
        cases.push((format!("{count} statements"), statements(count, &role), role));
    }
    for (name, policy, role) in cases {
        assert!(policy.to_string().len() <= MOST_BYTES, "{name}: {}", policy.to_string().len());
        let prepared = prepare(&policy);
        let principal: Principal = role.parse().unwrap();
        let policies =
            Policies { key_policy: Some(&prepared), identity: Some(&[&identity]), ..Policies::default() };
        let query = Query::new(&principal, *actions.first().unwrap(), &key, &context);
        assert_eq!(evaluate(&query, &policies).outcome, Outcome::Allowed, "{name}");
        let queries: Vec<Query<'_>> = actions.iter().map(|action| query.about(*action)).collect();
        group.throughput(Throughput::Elements(queries.len() as u64));
        group.bench_function(format!("decide/{name}"), |bencher| {
            bencher.iter(|| {
                queries.iter().map(|query| evaluate(query, &policies).statements.len()).sum::<usize>()
            });
        });
        group.throughput(Throughput::Elements(1));
        let document = PolicyDocument::parse(policy.to_string()).unwrap();
        group.bench_function(format!("prepare/{name}"), |bencher| {
            bencher.iter(|| Prepared::new(black_box(&document)));
        });
    }
    group.finish();
}

/// A pattern of 32 KB in each place that has one, from its text to the decision.
fn hostile(criterion: &mut Criterion) {
    let key: KeyArn = KEY.parse().unwrap();
    let pattern = format!("{}*b", "*a".repeat(MOST_BYTES / 2 - 200));
    let long = "a".repeat(MOST_BYTES);
    let context = Context::complete().with("aws:UserAgent", [long]);
    let principal: Principal = "arn:aws:iam::111122223333:role/app".parse().unwrap();
    let query = Query::new(&principal, "kms:Decrypt".parse().unwrap(), &key, &context);
    let mut group = criterion.benchmark_group("authz");
    for place in ["Action", "Resource", "StringLike"] {
        let mut statement = json!({"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"});
        match place {
            "StringLike" => statement["Condition"] = json!({"StringLike": {"aws:UserAgent": pattern}}),
            "Action" => statement["Action"] = json!(format!("kms:{pattern}")),
            _ => statement[place] = json!(pattern),
        }
        let text = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        group.bench_function(format!("hostile/{place}"), |bencher| {
            bencher.iter(|| {
                let prepared = Prepared::new(&PolicyDocument::parse(black_box(text.as_str())).unwrap());
                let policies =
                    Policies { key_policy: Some(&prepared), identity: Some(&[]), ..Policies::default() };
                evaluate(&query, &policies).outcome
            });
        });
    }
    group.finish();
}

fn requests(criterion: &mut Criterion) {
    const LINES: u32 = 1000;
    let policy = key_policy(&["arn:aws:iam::444455556666:root".to_owned()]);
    let lines: Vec<String> = (0..LINES)
        .map(|id| {
            let request = json!({"id": id, "principal": format!("arn:aws:iam::444455556666:role/app-{id}"),
                "action": "kms:Decrypt", "key": KEY, "key_policy": policy,
                "identity_policies": [identity_policy()],
                "context": {"kms:ViaService": "ec2.eu-west-1.amazonaws.com"}});
            format!("{request}\n")
        })
        .collect();
    let lines = lines.concat();
    let mut group = criterion.benchmark_group("authz");
    group.throughput(Throughput::Elements(u64::from(LINES)));
    group.bench_function("requests", |bencher| {
        bencher.iter_batched(
            || lines.as_bytes(),
            |input| requests::answer(input, io::sink()).unwrap(),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// Requests of which no two have a document in common.
fn distinct(criterion: &mut Criterion) {
    const LINES: u64 = 5000;
    // As in `Numerical Recipes`, so that each run has the same lines.
    let mut state: u64 = 1;
    let mut below = |limit: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    let lines: Vec<String> = (0..LINES)
        .map(|id| {
            let (owner, account) = (100_000_000_000 + below(1 << 30), 500_000_000_000 + below(1 << 30));
            let key = format!("arn:aws:kms:eu-west-1:{owner}:key/{:08x}-12ab-34cd-56ef-1234567890ab", below(1 << 31));
            let role = format!("arn:aws:iam::{account}:role/teams/build-{id}");
            let policy = key_policy(std::slice::from_ref(&role)).to_string().replace("111122223333", &owner.to_string());
            let identity = identity_policy().to_string().replace(KEY, &key);
            let line = format!(
                "{{\"id\":{id},\"principal\":\"{role}\",\"action\":\"kms:Decrypt\",\"key\":\"{key}\",\"key_policy\":{policy},\
                 \"identity_policies\":[{identity}],\"context\":{{\"kms:ViaService\":\"ec2.eu-west-1.amazonaws.com\"}}}}\n"
            );
            assert!(line.len() <= 2048, "{}", line.len());
            line
        })
        .collect();
    let lines = lines.concat();
    let mut group = criterion.benchmark_group("authz");
    group.throughput(Throughput::Elements(LINES));
    group.bench_function("requests/distinct", |bencher| {
        bencher.iter(|| {
            let found = requests::answer(lines.as_bytes(), io::sink()).unwrap();
            assert_eq!(u64::try_from(found.allowed).unwrap(), LINES);
        });
    });
    group.finish();
}

criterion_group!(benches, decide, hostile, requests, distinct);
criterion_main!(benches);
