use std::time::{Duration, Instant};

use super::*;
use crate::cloud::{CloudErrorKind, Receipt};

fn with_faults(faults: &Value) -> Sandbox {
    changed(|world| world["faults"] = faults.clone())
}

async fn write(sandbox: &Sandbox) -> Result<Receipt, CloudError> {
    sandbox.perform(&create("P", &identity_policy())).await
}

#[tokio::test]
async fn the_calls_that_are_meant_fail_as_the_world_says() {
    let fault = json!([{"operation": "iam:Create*", "call": 2, "times": 2, "fault": "error",
                        "code": "Throttling", "message": "Rate exceeded"}]);
    let sandbox = with_faults(&fault);
    for (name, fails) in [("A", false), ("B", true), ("B", true), ("B", false)] {
        let result = sandbox.perform(&create(name, &identity_policy())).await;
        assert_eq!(result.is_err(), fails, "{name}: {result:?}");
        if let Err(error) = result {
            assert_eq!((error.kind, error.code.as_deref()), (CloudErrorKind::Throttled, Some("Throttling")));
            assert_eq!(error.message, "Rate exceeded");
        }
    }
    sandbox.key_policy(&key()).await.unwrap();
}

#[tokio::test]
async fn an_answer_may_be_lost_before_or_after_the_write() {
    for (fault, is_written) in [("no_answer", false), ("lost_answer", true)] {
        let sandbox = with_faults(&json!([{"operation": "iam:CreatePolicy", "fault": fault}]));
        let error = write(&sandbox).await.unwrap_err();
        assert_eq!((error.kind, error.code, error.request_id), (CloudErrorKind::Transient, None, None));
        let policy = "arn:aws:iam::444455556666:policy/P".parse().unwrap();
        assert_eq!(sandbox.managed_policy(&policy, None).await.unwrap().is_some(), is_written, "{fault}");
    }
}

#[tokio::test]
async fn stale_reads_show_what_was_before_the_last_write() {
    let sandbox =
        with_faults(&json!([{"operation": "iam:ListPolicyVersions", "times": 2, "fault": "stale"}]));
    write(&sandbox).await.unwrap();
    let policy = "arn:aws:iam::444455556666:policy/P".parse().unwrap();
    for is_there in [false, false, true] {
        assert_eq!(sandbox.managed_policy(&policy, None).await.unwrap().is_some(), is_there);
    }
}

#[tokio::test]
async fn latency_takes_its_time() {
    let sandbox =
        with_faults(&json!([{"operation": "kms:GetKeyPolicy", "fault": "latency", "milliseconds": 30}]));
    let begun = Instant::now();
    sandbox.key_policy(&key()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn new_principals_have_their_age() {
    let sandbox =
        changed(|world| world["accounts"]["444455556666"]["roles"]["app-instances"]["age"] = json!(7));
    for (principal, age) in [
        ("role/app-instances", Some(Duration::from_secs(7))),
        ("user/deployer", Some(Duration::from_hours(24 * 365))),
        ("role/other/app-instances", None),
        ("role/nobody", None),
    ] {
        let principal = format!("arn:aws:iam::444455556666:{principal}").parse().unwrap();
        assert_eq!(sandbox.principal_age(&principal).await.unwrap(), age, "{principal}");
    }
}
