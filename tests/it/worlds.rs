//! The worlds under fixtures/worlds, from what is read to what is left after everything planned was written.

use std::path::Path;

use keymend::access::{Request, UnresolvedRequest};
use keymend::cloud::Write as _;
use keymend::cloud::observer;
use keymend::cloud::sandbox::Sandbox;
use keymend::observation::Observation;
use keymend::plan::{Plan, plan};
use keymend::policy::PolicyDocument;
use serde_json::{Value, json};

use crate::scene;

/// A copy of a fixture in a folder of its own.
pub(crate) fn copy(name: &str) -> (tempfile::TempDir, Sandbox) {
    let worlds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/worlds");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("world.json");
    std::fs::copy(worlds.join(name).with_extension("json"), &file).unwrap();
    let sandbox = Sandbox::open(&file).unwrap();
    (folder, sandbox)
}

/// The copied AMI's world with so many keys like its own, and with calls that take so many milliseconds.
pub(crate) fn with_keys(count: usize, latency: u64) -> (tempfile::TempDir, Sandbox) {
    let mut world: Value = serde_json::from_str(&scene::fixture("copied-ami")).unwrap();
    multiply_keys(&mut world, count);
    let slow = |operation: &str| json!({"operation": operation, "times": 1_000_000, "fault": "latency", "milliseconds": latency});
    world["faults"] = json!([slow("kms:*"), slow("iam:*")]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("world.json");
    std::fs::write(&file, world.to_string()).unwrap();
    let sandbox = Sandbox::open(&file).unwrap();
    (folder, sandbox)
}

/// Puts more keys like its first one into a world, and asks for all.
pub(crate) fn multiply_keys(world: &mut Value, count: usize) {
    let keys = world["keys"].as_object_mut().unwrap();
    let (arn, key) = keys.iter().next().map(|(arn, key)| (arn.clone(), key.clone())).unwrap();
    for number in 1..count {
        let mut key = key.clone();
        key.as_object_mut().unwrap().remove("aliases");
        keys.insert(format!("{}{number:012x}", &arn[..arn.len() - 12]), key);
    }
    world["defaults"]["keys"] = keys.keys().cloned().collect();
}

pub(crate) async fn observe(sandbox: &Sandbox, prune_orphans: bool) -> (Request, Observation) {
    let defaults = sandbox.defaults();
    let asked = UnresolvedRequest {
        prune_orphans,
        ..UnresolvedRequest::documented(defaults.keys, defaults.grantees)
    };
    observer::observe(&asked, &keymend::observation::OrganizationPolicies::default(), sandbox).await.unwrap()
}

pub(crate) async fn plan_in(sandbox: &Sandbox, prune_orphans: bool) -> Plan {
    let (request, observation) = observe(sandbox, prune_orphans).await;
    plan(&request, &observation)
}

/// The meaning of every document in force, with what is attached to whom, as the run's grantees see it.
pub(crate) async fn documents(sandbox: &Sandbox) -> Vec<String> {
    let (_, observation) = observe(sandbox, false).await;
    let mut documents = Vec::new();
    for (key, read) in &observation.keys {
        let policy = PolicyDocument::parse(read.policy.read().unwrap().as_str()).unwrap();
        documents.push(format!("{key} {}", policy.fingerprint(key.partition)));
        let grants = read.grants.read().into_iter().flatten();
        documents.extend(grants.map(|grant| format!("{key} {} {:?}", grant.grantee, grant.operations)));
    }
    for iam in observation.accounts.values().filter_map(|iam| iam.read()) {
        for (arn, policy) in &iam.policies {
            let meaning = PolicyDocument::parse(policy.document.as_str()).unwrap().fingerprint(arn.partition);
            documents.push(format!("{arn} {meaning} {:?}", policy.attached_to));
        }
    }
    documents
}

fn calls(plan: &Plan) -> Vec<&'static str> {
    plan.changes.iter().map(|change| change.operation.api_call()).collect()
}

#[tokio::test]
async fn each_world_is_mended_as_its_story_says() {
    const PUT: &str = "kms:PutKeyPolicy";
    const CREATE: &str = "iam:CreatePolicy";
    const ATTACH_ROLE: &str = "iam:AttachRolePolicy";
    for (name, expected) in [
        ("copied-ami", [PUT, CREATE, ATTACH_ROLE].as_slice()),
        ("already-mended", &[]),
        ("five-versions", &[PUT, "iam:DeletePolicyVersion", "iam:CreatePolicyVersion"]),
        ("shared-policy", &[PUT, CREATE, ATTACH_ROLE]),
        ("no-requester-credentials", &[PUT]),
        ("same-account", &[PUT, CREATE, ATTACH_ROLE]),
        ("group-grantee", &[PUT, CREATE, "iam:AttachGroupPolicy"]),
        ("identity-center-role", &[PUT, CREATE]),
        ("organization", &[PUT]),
        ("autoscaling", &[PUT]),
        ("autoscaling-across-accounts", &[PUT, "kms:CreateGrant"]),
        ("autoscaling-not-permitted", &[PUT]),
        ("autoscaling-no-credentials", &[PUT]),
    ] {
        let (_folder, sandbox) = copy(name);
        let planned = plan_in(&sandbox, false).await;
        assert!(!planned.is_blocked(), "{name}: {:?}", planned.findings);
        assert_eq!(calls(&planned), expected, "{name}");
        for change in &planned.changes {
            sandbox.perform(&change.operation).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        assert_eq!(calls(&plan_in(&sandbox, false).await), Vec::<&str>::new(), "{name}: planned again");
    }
}

#[tokio::test]
async fn some_worlds_no_change_may_mend() {
    for name in ["aws-managed-key", "disabled-key", "orphaned-principal", "autoscaling-role-missing"] {
        let (_folder, sandbox) = copy(name);
        assert!(plan_in(&sandbox, false).await.is_blocked(), "{name}");
    }
}

#[tokio::test]
async fn orphans_go_where_that_is_asked_for() {
    let (_folder, sandbox) = copy("orphaned-principal");
    let planned = plan_in(&sandbox, true).await;
    assert!(!planned.is_blocked(), "{:?}", planned.findings);
    for change in &planned.changes {
        sandbox.perform(&change.operation).await.unwrap();
    }
    assert_eq!(calls(&plan_in(&sandbox, true).await), Vec::<&str>::new());
}

#[tokio::test]
async fn accounts_without_credentials_leave_work() {
    let (_folder, sandbox) = copy("no-requester-credentials");
    let planned = plan_in(&sandbox, false).await;
    assert!(planned.leaves_work() && !planned.handovers.is_empty());
}

#[test]
fn reads_that_a_quota_refuses_are_made_again_in_the_time_of_the_world() {
    // Each write is read back for longer than its quota asks; what is refused are the reads.
    let scene = scene::Scene::changed("copied-ami", |world| {
        multiply_keys(world, 6);
        world["quotas"] = json!({"kms:PutKeyPolicy": 1, "kms:Get*": 2, "iam:*": 1});
    });
    let begun = std::time::Instant::now();
    let ran = scene.fix("--yes");
    assert_eq!(ran.status, 0, "{ran}");
    assert!(begun.elapsed() < std::time::Duration::from_mins(1), "nothing waits");
    let mended = scene.fix("--dry-run --detailed-exitcode");
    assert_eq!(mended.status, 0, "{mended}");
    // A quota that is no number of calls, and one of no call.
    for (quotas, told) in [
        (
            json!({"kms:PutKeyPolicy": 0}),
            "a quota is 1 call a second or more at $.quotas[\"kms:PutKeyPolicy\"]",
        ),
        (
            json!({"PutKeyPolicy": 1}),
            "`PutKeyPolicy` is not a permission such as `iam:CreatePolicy` at $.quotas.PutKeyPolicy",
        ),
    ] {
        scene.change(|world| world["quotas"] = quotas);
        let ran = scene.fix("--dry-run");
        assert!(ran.status == 1 && ran.stderr.contains(told), "{ran}");
    }
}
