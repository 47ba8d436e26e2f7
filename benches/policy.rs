//! Policy documents at the size limit: a key policy of 32 KB that names 200 principals twice, and a plan for
//! those 200 where half of them lack the second statement.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use keymend::access::{CoverageRule, Grantee, PolicyName, Profile, Purpose, Request, RequiredStatement};
use keymend::arn::{EntityArn, KeyArn, Partition, PolicyArn};
use keymend::observation::{
    Entity, IamObservation, IamQuotas, KeyObservation, ManagedPolicy, Observation, PolicyVersion, RamPolicy,
    Reading,
};
use keymend::plan::plan;
use keymend::policy::PolicyDocument;
use keymend::policy::edit::Editor;
use serde_json::json;

const PRINCIPALS: usize = 200;

/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html>
const MOST_BYTES: usize = 32_768;

fn principals() -> Vec<String> {
    let arn = |n| format!("arn:aws:iam::444455556666:role/teams/image-launchers/build-{n:03}");
    (0..PRINCIPALS).map(arn).collect()
}

/// Both statements: for everyone, and for the first so many.
fn key_policy(attaching: usize) -> String {
    let principals = principals();
    let delegation = json!({
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "kms:*",
        "Resource": "*",
    });
    let [usage, attachment] = RequiredStatement::documented();
    let usage = usage.for_key_policy(usage.key_policy_sid, &principals);
    let attachment =
        attachment.for_key_policy(attachment.key_policy_sid, principals.get(..attaching).unwrap());
    let policy = json!({"Version": "2012-10-17", "Statement": [delegation, usage, attachment]});
    serde_json::to_string_pretty(&policy).unwrap()
}

/// Adds a principal to every list of several, and a statement.
fn edit(document: &PolicyDocument) -> PolicyDocument {
    let mut editor = Editor::new(document);
    let lists = document.statements.iter().filter_map(|statement| statement.principal.as_ref()?.aws_list());
    for list in lists.filter(|list| list.iter().nth(1).is_some()) {
        editor.append_to_list(list, &["arn:aws:iam::444455556666:role/late".to_owned()]);
    }
    editor.append_statement(json!({"Effect": "Deny", "Principal": "*", "Action": "kms:Sign"}));
    editor.finish().unwrap()
}

/// A request for all 200, whose IAM side holds already.
fn question() -> (Request, Observation) {
    let key: KeyArn =
        "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".parse().unwrap();
    let entities: Vec<EntityArn> = principals().iter().map(|arn| arn.parse().unwrap()).collect();
    let policy: PolicyArn = "arn:aws:iam::444455556666:policy/KmsKeyUsagePolicy".parse().unwrap();
    let statements = RequiredStatement::documented()
        .map(|statement| statement.for_identity(statement.identity_sid, &[key.to_string()]));
    let managed = ManagedPolicy {
        arn: policy.clone(),
        document: json!({"Version": "2012-10-17", "Statement": statements}).to_string(),
        versions: vec![PolicyVersion { id: "v1".to_owned(), is_default: true, document: None }],
        attached_to: entities.iter().map(EntityArn::entity_name).collect(),
        boundary_of: Vec::new(),
    };
    let found = |arn: &EntityArn| {
        Some(Entity { arn: arn.clone(), attached: vec![policy.to_string()], identity: Reading::default() })
    };
    let iam = IamObservation {
        quotas: IamQuotas::default(),
        policies: [(policy.clone(), managed)].into(),
        entities: entities.iter().map(|arn| (arn.clone(), found(arn))).collect(),
        caller: Reading::default(),
    };
    let observed = KeyObservation {
        ram_policy: RamPolicy::Absent,
        grants: Reading::default(),
        metadata: Reading::Unread("not needed".to_owned().into()),
        policy: Reading::Read(key_policy(PRINCIPALS / 2)),
    };
    let observation = Observation {
        keys: [(key.clone(), observed)].into(),
        accounts: [("444455556666".parse().unwrap(), Reading::Read(iam))].into(),
        ..Observation::default()
    };
    let request = Request {
        keys: vec![key],
        grantees: entities.into_iter().map(Grantee::Entity).collect(),
        policy_name: PolicyName::default(),
        profile: Profile::default(),
        coverage: CoverageRule::default(),
        prune_orphans: false,
        purpose: Purpose::default(),
        only_for: std::collections::BTreeMap::new(),
        part: None,
    };
    (request, observation)
}

fn planning(criterion: &mut Criterion) {
    let (request, observation) = question();
    assert_eq!(plan(&request, &observation).changes.len(), 1);
    criterion.bench_function("plan/200 grantees in 32 KB", |bencher| {
        bencher.iter(|| plan(black_box(&request), black_box(&observation)));
    });
}

fn policy(criterion: &mut Criterion) {
    let text = key_policy(PRINCIPALS);
    assert!((MOST_BYTES - 4096..=MOST_BYTES).contains(&text.len()), "{} bytes", text.len());
    let document = PolicyDocument::parse(text.as_str()).unwrap();
    let mut group = criterion.benchmark_group("policy");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| PolicyDocument::parse(black_box(text.as_str())).unwrap());
    });
    group.bench_function("fingerprint", |bencher| {
        bencher.iter(|| black_box(&document).fingerprint(Partition::Aws));
    });
    group.bench_function("edit", |bencher| bencher.iter(|| edit(black_box(&document))));
    group.finish();
}

criterion_group!(benches, policy, planning);
criterion_main!(benches);
