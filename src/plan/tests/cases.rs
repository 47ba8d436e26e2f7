//! Each file of fixtures/planner: a world, a request, and the plan that a person expects.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::world::{ShortRequest, World, carried_out};
use crate::access::chain::Chain;
use crate::access::{Grantee, Request};
use crate::observation::Observation;
use crate::plan::document::{patch_identity_policy, patch_key_policy};
use crate::plan::matrix::{MatrixCell, SideAnswer, matrix};
use crate::plan::saved::{PlanBackend, SavedPlan};
use crate::plan::{Handover, Operation, Plan, Side, plan};
use crate::render::findings::{tell, tell_of_document};

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
        .map(|finding| serde_json::to_value(finding.code()).unwrap().as_str().unwrap().to_owned())
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
    same_as_patched(&request, &observation, &plan)?;
    survives_its_file(&request, &observation, &plan)?;
    same_as_in_the_matrix(&request, &observation, &plan)?;
    let again = super::super::plan(&request, &carried_out(observation, &plan));
    same("changes of the second plan", &again.changes, &Vec::new())
}

/// Patching the key policy alone, or a policy alone, gives what the plan writes.
fn same_as_patched(request: &Request, observation: &Observation, plan: &Plan) -> Result<(), String> {
    const FILE: &str = "policy.json";
    // Where accounts stand no file tells.
    let unplaced = Observation { affiliations: [].into(), ..observation.clone() };
    let replanned = super::super::plan(request, &unplaced);
    let plan = if observation.affiliations.is_empty() { plan } else { &replanned };
    for (key, observed) in &observation.keys {
        let Some(text) = observed.policy.read() else { continue };
        let alone = Request { keys: vec![key.clone()], ..request.clone() };
        let last = plan.changes.iter().rev().find_map(|change| match &change.operation {
            Operation::PruneOrphans(update) | Operation::UpdateKeyPolicy(update) if update.key == *key => {
                Some(update.after.clone())
            }
            _ => None,
        });
        let patched = patch_key_policy(text, FILE, &alone);
        let told = tell_of_document(&patched, FILE).into_iter();
        let leaked = told.map(|told| told.message).find(|message| message.contains(&key.to_string()));
        same("findings that name the key", &leaked, &None)?;
        if last.is_some() && !plan.is_blocked() {
            same("patched key policies", &patched.after, &last)?;
        }
    }
    for change in &plan.changes {
        if let Operation::CreatePolicyVersion { policy, before, after, .. } = &change.operation {
            let patched = patch_identity_policy(before, FILE, request, policy.account);
            same("patched policies", &patched.after, &Some(after.clone()))?;
        }
    }
    Ok(())
}

/// Each side of the coverage is the same side of every action in the matrix.
fn same_as_in_the_matrix(request: &Request, observation: &Observation, plan: &Plan) -> Result<(), String> {
    let rows = matrix(request, observation, plan).into_iter();
    let rows = rows.flat_map(|of| of.rows.into_iter().map(move |row| (of.key.clone(), row)));
    for (key, row) in rows {
        let mut coverage = plan.coverage.iter();
        let covered = coverage.find(|covered| covered.key == key && covered.grantee == row.grantee).unwrap();
        let is_service_linked =
            matches!(&row.grantee, Grantee::ServiceLinkedRole(_) | Grantee::MembersRole(_));
        let answers = |of: fn(&MatrixCell) -> (SideAnswer, SideAnswer)| row.cells.iter().map(of).unzip();
        let key_policy = answers(|cell| (cell.before.key_policy, cell.after.key_policy));
        let identity = answers(|cell| (cell.before.identity, cell.after.identity));
        for (side, answers) in [(&covered.key_policy, key_policy), (&covered.identity, identity)] {
            let (mut before, mut after): (Vec<SideAnswer>, Vec<SideAnswer>) = answers;
            if is_service_linked && *side != Side::NotNeeded {
                // What others need besides, or what no grant gives, is not asked of the key's side.
                before.retain(|answer| *answer != SideAnswer::NotNeeded);
                after.retain(|answer| *answer != SideAnswer::NotNeeded);
                same("the operations of a grant in the matrix", &after.is_empty(), &false)?;
            }
            let allows = |answers: &[SideAnswer]| answers.iter().all(|answer| *answer == SideAnswer::Allows);
            let what = format!("{side:?} of {} in the matrix", row.grantee);
            match side {
                Side::Covered(_) => same(&what, &(allows(&before), allows(&after)), &(true, true))?,
                Side::Planned => same(&what, &(allows(&before), allows(&after)), &(false, true))?,
                Side::Missing => same(&what, &allows(&before), &false)?,
                Side::Elsewhere => {}
                Side::NotNeeded => {
                    let is_settled =
                        |answer: &SideAnswer| matches!(answer, SideAnswer::NotNeeded | SideAnswer::Allows);
                    same(&what, &after.iter().all(is_settled), &true)?;
                }
            }
        }
    }
    Ok(())
}

fn survives_its_file(request: &Request, observation: &Observation, plan: &Plan) -> Result<(), String> {
    let case = |chain, request, observation| {
        let plan = crate::plan::plan(&request, &observation);
        crate::plan::Case { chain, request, observation, plan }
    };
    let saved = SavedPlan {
        backend: PlanBackend::Aws,
        case: crate::plan::Case {
            plan: plan.clone(),
            chain: Chain::default(),
            request: request.clone(),
            observation: observation.clone(),
        },
    };
    let text =
        saved.clone().to_text("2026-01-02T03:04:05Z".to_owned(), tell).map_err(|error| error.to_string())?;
    let read = SavedPlan::parse(&text, "plan.json", case, tell, |_, _| String::new())
        .map_err(|error| error.to_string())?;
    same("saved plan", &read, &saved)
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
        Side::Planned | Side::NotNeeded | Side::Missing | Side::Elsewhere => Vec::new(),
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
