//! Policy documents at the size limit: a key policy of 32 KB that names 200 principals twice.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use keymend::access::RequiredStatement;
use keymend::arn::Partition;
use keymend::policy::PolicyDocument;
use keymend::policy::edit::Editor;
use serde_json::json;

const PRINCIPALS: usize = 200;

/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html>
const MOST_BYTES: usize = 32_768;

fn key_policy() -> String {
    let principals: Vec<String> = (0..PRINCIPALS)
        .map(|n| format!("arn:aws:iam::444455556666:role/teams/image-launchers/build-{n:03}"))
        .collect();
    let delegation = json!({
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "kms:*",
        "Resource": "*",
    });
    let [usage, attachment] = RequiredStatement::documented()
        .map(|statement| statement.for_key_policy(statement.key_policy_sid, &principals));
    let policy = json!({"Version": "2012-10-17", "Statement": [delegation, usage, attachment]});
    let text = serde_json::to_string_pretty(&policy).unwrap();
    assert!((MOST_BYTES - 4096..=MOST_BYTES).contains(&text.len()), "{} bytes", text.len());
    text
}

/// Adds a principal to every list of several, and a statement.
fn edit(document: &PolicyDocument) -> String {
    let mut editor = Editor::new(document);
    let lists = document.statements.iter().filter_map(|statement| statement.principal.as_ref()?.aws_list());
    for list in lists.filter(|list| list.iter().nth(1).is_some()) {
        editor.append_to_list(list, &["arn:aws:iam::444455556666:role/late".to_owned()]);
    }
    editor.append_statement(json!({"Effect": "Deny", "Principal": "*", "Action": "kms:Sign"}));
    editor.finish()
}

fn policy(criterion: &mut Criterion) {
    let text = key_policy();
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

criterion_group!(benches, policy);
criterion_main!(benches);
