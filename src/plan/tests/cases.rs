//! Each file of fixtures/planner: a world, a request, and the plan that a person expects.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::world::{ShortRequest, World, carried_out};
use crate::access::Request;
use crate::observation::Observation;
use crate::plan::{Handover, Plan, Side, plan};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[expect(dead_code, reason = "for the reader of the file")]
    story: String,
    world: World,
    request: ShortRequest,
    expected: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// The operations in words, in order.
    changes: Vec<String>,
    /// The codes, in order.
    #[serde(default)]
    findings: Vec<String>,
    /// The statements of each written document after its last change, in the order of the changes.
    #[serde(default)]
    after: Vec<Value>,
    /// Whom something is handed over for: `key_policy` or `grant`, and the account.
    #[serde(default)]
    handovers: Vec<String>,
    /// What covers the grantees already, in their order.
    #[serde(default)]
    covered_by: Vec<Vec<String>>,
}

fn check(case: &Case) -> Result<(), String> {
    let request = case.request.on(&case.world);
    let observation = case.world.observe(&request);
    let plan = plan(&request, &observation);
    let words: Vec<String> = plan.changes.iter().map(|change| change.operation.to_string()).collect();
    same("changes", &words, &case.expected.changes)?;
    let codes: Vec<String> = plan
        .findings
        .iter()
        .map(|finding| serde_json::to_value(finding.code).unwrap().as_str().unwrap().to_owned())
        .collect();
    same("findings", &codes, &case.expected.findings)?;
    if !case.expected.after.is_empty() {
        same("statements", &written(&plan), &case.expected.after)?;
    }
    let handovers: Vec<String> = plan.handovers.iter().map(handover).collect();
    same("hand-overs", &handovers, &case.expected.handovers)?;
    let covered = || plan.coverage.iter().map(|coverage| covered_by(&coverage.key_policy));
    if !case.expected.covered_by.is_empty() {
        same("coverage by the key policy or a grant", &covered().collect(), &case.expected.covered_by)?;
    }
    let again = super::super::plan(&request, &carried_out(observation, &plan));
    same("changes of the second plan", &again.changes, &Vec::new())
}

fn handover(handover: &Handover) -> String {
    let side = match handover {
        Handover::KeyPolicy { .. } => "key_policy",
        Handover::Identity { .. } => "identity",
        Handover::Grant { .. } => "grant",
    };
    format!("{side} {}", handover.account())
}

fn covered_by(side: &Side) -> Vec<String> {
    match side {
        Side::Covered(by) => by.clone(),
        Side::Planned | Side::NotNeeded | Side::Missing => Vec::new(),
    }
}

fn written(plan: &Plan) -> Vec<Value> {
    let statements = |text: &str| serde_json::from_str::<Value>(text).unwrap()["Statement"].clone();
    plan.changes.iter().filter_map(|change| change.operation.after()).map(statements).collect()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}\n  found    {found:#?}\n  expected {expected:#?}"))
    }
}

/// Every case's name, request and observation.
pub(super) fn situations() -> Vec<(String, Request, Observation)> {
    let situation = |(name, case): (String, Case)| {
        let request = case.request.on(&case.world);
        let observation = case.world.observe(&request);
        (name, request, observation)
    };
    read().into_iter().map(situation).collect()
}

fn read() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/planner");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let case = |file: &std::path::PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let case = serde_json::from_str(&std::fs::read_to_string(file).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, case)
    };
    files.iter().map(case).collect()
}

#[test]
fn every_case_of_the_fixtures() {
    let cases = read();
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|(name, case)| check(case).err().map(|failure| format!("{name}: {failure}")))
        .collect();
    assert!(cases.len() >= 30, "{} cases found", cases.len());
    assert!(failures.is_empty(), "{} of {} cases\n{}", failures.len(), cases.len(), failures.join("\n"));
}
