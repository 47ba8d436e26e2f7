//! Every operation with every fault that a world can have: success, or a clear end from which a way leads back.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;

use keymend::access::Request;
use keymend::access::chain::Chain;
use keymend::apply::journal::{Backend, Beginning, History, Journal, Origin};
use keymend::apply::recent::Recent;
use keymend::apply::{self, Run, RunOutcome, StepResult, Watcher};
use keymend::cloud::reread::reread;
use keymend::cloud::sandbox::Sandbox;
use keymend::observation::Observation;
use keymend::plan::rollback::{self, Extent};
use keymend::plan::{Case, Plan};
use keymend::render::findings::tell;
use serde_json::{Value, json};

use super::RecordingClock;
use crate::worlds;

const WORLDS: [(&str, &[&str]); 4] = [
    (
        "copied-ami",
        &[
            "kms:PutKeyPolicy",
            "iam:CreatePolicy",
            "iam:AttachRolePolicy",
            "kms:GetKeyPolicy",
            "iam:ListPolicyVersions",
            "iam:GetPolicyVersion",
            "iam:ListEntitiesForPolicy",
            "iam:GetRole",
            "iam:ListAttachedRolePolicies",
        ],
    ),
    (
        "five-versions",
        &["kms:PutKeyPolicy", "iam:DeletePolicyVersion", "iam:CreatePolicyVersion", "iam:ListPolicyVersions"],
    ),
    ("autoscaling-across-accounts", &["kms:PutKeyPolicy", "kms:CreateGrant", "kms:ListGrants"]),
    ("group-grantee", &["iam:AttachGroupPolicy", "iam:GetGroup", "iam:ListAttachedGroupPolicies"]),
];

/// Errors as AWS names them, each with whether waiting helps a write.
const CODES: [(&str, &str, bool); 14] = [
    ("ThrottlingException", "", true),
    ("Throttling", "Rate exceeded", true),
    ("KMSInternalException", "", true),
    ("ServiceUnavailable", "", true),
    ("DependencyTimeoutException", "", true),
    ("EntityTemporarilyUnmodifiable", "", true),
    ("ConcurrentModification", "", true),
    ("AccessDenied", "", false),
    ("ExpiredTokenException", "", false),
    ("InvalidSignatureException", "Signature not yet current", false),
    ("LimitExceeded", "", false),
    ("NoSuchEntity", "", false),
    (
        "MalformedPolicyDocumentException",
        "Policy contains a statement with one or more invalid principals.",
        false,
    ),
    (
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
        false,
    ),
];

/// The faults, each with whether a write gets over it.
fn faults(operation: &str) -> Vec<(Value, bool)> {
    let mut faults = Vec::new();
    for (code, message, passes) in CODES {
        let fault = json!({"operation": operation, "fault": "error", "code": code, "message": message});
        // A grant is refused until the key policy that permits it has spread.
        let passes = passes || (operation, code) == ("kms:CreateGrant", "AccessDenied");
        faults.push((fault, passes));
    }
    for times in [1, 3] {
        for fault in ["no_answer", "lost_answer", "stale"] {
            faults.push((json!({"operation": operation, "fault": fault, "times": times}), true));
        }
    }
    faults.push((
        json!({"operation": operation, "fault": "error", "code": "Throttling", "times": 1000}),
        false,
    ));
    faults.push((json!({"operation": operation, "fault": "latency", "milliseconds": 1}), true));
    faults
}

async fn carry_out(
    sandbox: &Sandbox,
    (request, observation): &(Request, Observation),
    folder: &Path,
    (origin, plan): (Origin, &Plan),
) -> RunOutcome {
    let selected: BTreeSet<usize> = (0..plan.changes.len()).collect();
    let case = Case {
        chain: Chain::default(),
        request: request.clone(),
        observation: observation.clone(),
        plan: plan.clone(),
    };
    let beginning = Beginning { backend: Backend::Aws, origin, case: &case, tell, selected: &selected };
    let mut journal = Journal::begin(folder, &beginning).await.unwrap();
    let watcher = Watcher { progress: &mut |_| {}, is_interrupted: &|| false, may_write: None };
    let clock = RecordingClock::default();
    let run = Run::new(&clock, Some(&mut journal), Recent::default(), watcher);
    apply::apply(plan, &selected, sandbox, &run).await
}

fn set_faults(file: &Path, faults: &Value) {
    let mut world: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    world["faults"] = faults.clone();
    std::fs::write(file, world.to_string()).unwrap();
}

/// Whether the run was done.
async fn plays_well(name: &str, operation: &str, (fault, passes): (Value, bool)) -> bool {
    let (folder, sandbox) = worlds::copy(name);
    let file = folder.path().join("world.json");
    let before = worlds::documents(&sandbox).await;
    let asked = worlds::observe(&sandbox, false).await;
    let plan = worlds::plan_in(&sandbox, false).await;
    let journal = folder.path().join("journal");

    set_faults(&file, &json!([fault]));
    let sandbox = Sandbox::open(&file).unwrap();
    let outcome = carry_out(&sandbox, &asked, &journal, (Origin::Request, &plan)).await;
    assert_eq!(outcome.journal_error, None);
    let is_clear = |step: &StepResult| {
        matches!(step, StepResult::Failed(_) | StepResult::Unsettled { .. } | StepResult::Stale(_))
    };
    assert!(outcome.is_success() || outcome.steps.iter().any(is_clear), "{fault}: {outcome:?}");
    let is_write = plan.changes.iter().any(|change| change.operation.api_call() == operation);
    assert!(!is_write || outcome.is_success() == passes, "{fault}: {outcome:?}");

    set_faults(&file, &json!([]));
    let sandbox = Sandbox::open(&file).unwrap();
    if outcome.is_success() {
        assert_eq!(worlds::plan_in(&sandbox, false).await.changes, [], "{fault}: what is done holds");
    }
    let history = History::read(&journal, &Backend::Aws).unwrap();
    let run = history.last().unwrap();
    let written = history.written(run);
    let observation = reread(written.iter().map(|write| &write.operation), &sandbox).await.unwrap();
    let back = rollback::plan(&written, &observation, Extent::Everything);
    assert_eq!(back.conflicts, [], "{fault}");
    let origin = Origin::Undoes(run.run.clone());
    let undone = carry_out(&sandbox, &asked, &journal, (origin, &back.plan)).await;
    assert!(undone.is_success(), "{fault}: {undone:?}");
    assert_eq!(worlds::documents(&sandbox).await, before, "{name}: {fault}");
    outcome.is_success()
}

/// Each operation on a thread of its own: most of the time is the disk's.
#[test]
fn every_operation_with_every_fault_ends_well_or_leads_back() {
    let play = |name: &'static str, operation: &'static str| {
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let ends = faults(operation)
                .into_iter()
                .map(|fault| runtime.block_on(plays_well(name, operation, fault)));
            ends.collect::<Vec<bool>>()
        })
    };
    let threads: Vec<_> = WORLDS
        .into_iter()
        .flat_map(|(name, operations)| operations.iter().map(move |operation| play(name, operation)))
        .collect();
    let ends: Vec<bool> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let done = ends.iter().filter(|done| **done).count();
    assert!(done > 100 && ends.len() - done > 50, "{done} of {} done", ends.len());
}
