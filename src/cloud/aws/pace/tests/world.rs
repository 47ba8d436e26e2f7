//! Writes in a world that has quotas, by turns and without.

use serde_json::{Value, json};

use super::*;
use crate::cloud::sandbox::Sandbox;
use crate::cloud::{CloudErrorKind, Write as _};
use crate::plan::{KeyPolicyUpdate, Operation};

const QUOTA: usize = 15;

/// The built-in world with quotas, and writes of a key policy and of IAM that succeed again and again.
fn world() -> (tempfile::TempDir, Sandbox) {
    let mut world: Value =
        serde_json::from_str(include_str!("../../../../../fixtures/worlds/copied-ami.json")).unwrap();
    world["quotas"] = json!({"kms:PutKeyPolicy": QUOTA, "iam:*": QUOTA});
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("world.json");
    std::fs::write(&file, world.to_string()).unwrap();
    let sandbox = Sandbox::open(&file).unwrap();
    (folder, sandbox)
}

fn put(number: usize) -> Operation {
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".parse().unwrap();
    let after = json!({"Version": "2012-10-17", "Id": format!("policy-{number}"), "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
    ]});
    Operation::UpdateKeyPolicy(KeyPolicyUpdate { key, before: String::new(), after: after.to_string() })
}

fn create(number: usize) -> Operation {
    let statement = json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"});
    Operation::CreatePolicy {
        policy: format!("arn:aws:iam::444455556666:policy/P{number}").parse().unwrap(),
        description: String::new(),
        after: json!({"Version": "2012-10-17", "Statement": [statement]}).to_string(),
    }
}

#[tokio::test(start_paused = true)]
async fn by_turns_no_write_is_refused_and_the_quota_is_used() {
    for write in [put, create] {
        let ((_folder, sandbox), pace, time) = (world(), Pace::default(), Instant::now());
        let writes = QUOTA * 20;
        for number in 0..writes {
            let operation = write(number);
            pace.turn(Some(operation.account()), operation.region(), operation.api_call()).await;
            // The world's time is the one that was waited by.
            sandbox.time().pass(time.elapsed().saturating_sub(sandbox.time().elapsed()));
            sandbox.perform(&operation).await.unwrap();
        }
        // So many seconds' calls are made at the beginning of each.
        let made_at_once = if write(0).region().is_some() { QUOTA } else { 2 * QUOTA };
        let used = number(writes - made_at_once) / time.elapsed().as_secs_f64();
        assert!(used >= 0.95 * number(QUOTA) && used <= number(QUOTA), "{used}");
    }
}

#[tokio::test]
async fn without_turns_writes_are_refused_until_time_has_passed() {
    for (write, at_once, seconds, code) in [
        (put as fn(usize) -> Operation, QUOTA, 1, "ThrottlingException"),
        (create, 2 * QUOTA, 2, "Throttling"),
    ] {
        let (_folder, sandbox) = world();
        for number in 0..at_once {
            sandbox.perform(&write(number)).await.unwrap();
        }
        for _ in 0..2 {
            let error = sandbox.perform(&write(at_once)).await.unwrap_err();
            assert_eq!((error.kind, error.code.as_deref()), (CloudErrorKind::Throttled, Some(code)));
        }
        sandbox.time().pass(Duration::from_secs(seconds));
        sandbox.perform(&write(at_once)).await.unwrap();
    }
}
