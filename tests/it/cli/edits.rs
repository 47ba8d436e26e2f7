//! Saved plans that were changed since: whatever it was, nothing of them is applied.

use std::fs;

use keymend::access::Request;
use keymend::access::chain::Chain;
use keymend::launch::causes;
use keymend::plan::saved::{SavedPlan, SavedPlanError};
use keymend::render::findings::tell;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::scene::Scene;

/// Worlds with further arguments whose plans differ much from each other.
const PLANS: [(&str, &str); 3] = [
    ("copied-ami", "--ami ami-0123456789abcdef0"),
    ("autoscaling-across-accounts", ""),
    ("five-versions", "--least-privilege --scp scp.json"),
];

/// Every plan's file.
fn saved() -> Vec<(String, String)> {
    let plan = |(world, arguments): (&str, &str)| {
        let scene = Scene::of(world);
        let scp = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
        fs::write(scene.path("scp.json"), scp.to_string()).unwrap();
        let ran = scene.fix(&format!("{arguments} --dry-run --out plan.json"));
        let text =
            fs::read_to_string(scene.path("plan.json")).unwrap_or_else(|error| panic!("{error}: {ran}"));
        (ran.to_string(), text)
    };
    PLANS.map(plan).into()
}

fn way(_: &Chain, _: &Request) -> String {
    String::new()
}

/// Why a text is refused, before anything is planned from it.
fn refusal(text: &str) -> Option<SavedPlanError> {
    SavedPlan::parse(text, "plan.json", |_, _, _| panic!("taken for what was saved: {text}"), tell, way).err()
}

/// A step into a document.
#[derive(Debug, Clone)]
enum Step {
    Member(String),
    Item(usize),
}

fn at<'v>(document: &'v mut Value, path: &[Step]) -> &'v mut Value {
    path.iter().fold(document, |value, step| match step {
        Step::Member(name) => &mut value[name],
        Step::Item(index) => &mut value[index],
    })
}

/// The way to each value in a document.
fn paths(value: &Value) -> Vec<Vec<Step>> {
    let below: Vec<(Step, &Value)> = match value {
        Value::Object(members) => {
            members.iter().map(|(name, member)| (Step::Member(name.clone()), member)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (Step::Item(index), item)).collect()
        }
        _ => Vec::new(),
    };
    let mut all = vec![Vec::new()];
    for (step, value) in below {
        all.extend(paths(value).into_iter().map(|path| [vec![step.clone()], path].concat()));
    }
    all
}

/// What a value may become by an edit of itself; members and items that stay are edited where they are.
fn edits(value: &Value) -> Vec<Value> {
    let mut edits = vec![json!(null), json!("other"), json!(7)];
    match value {
        Value::Null => edits.extend([json!(false), json!([]), json!({})]),
        Value::Bool(value) => edits.extend([json!(!value), json!(value.to_string())]),
        Value::String(text) => {
            edits.extend(
                [format!("{text} "), text.to_uppercase(), text.chars().skip(1).collect()].map(Value::from),
            );
        }
        Value::Number(number) => {
            edits.extend([json!(number.as_u64().unwrap() + 1), json!(number.to_string())]);
        }
        Value::Array(items) => {
            for index in 0..items.len() {
                let mut fewer = items.clone();
                fewer.remove(index);
                let mut more = items.clone();
                more.insert(index, items[index].clone());
                let mut swapped = items.clone();
                swapped.swap(0, index);
                edits.extend([fewer, more, swapped].map(Value::from));
            }
            edits.extend([[items.clone(), vec![json!("more")]].concat().into(), json!({})]);
        }
        Value::Object(members) => {
            for name in members.keys() {
                let mut fewer = members.clone();
                fewer.shift_remove(name);
                edits.push(fewer.into());
            }
            let mut more = members.clone();
            more.insert("note".to_owned(), json!("reviewed"));
            edits.extend([more.into(), json!([])]);
        }
    }
    edits.retain(|edit| edit != value);
    edits
}

#[test]
fn every_edit_of_every_part_is_refused() {
    let mut tried = 0;
    for (ran, text) in saved() {
        let plan: Value = serde_json::from_str(&text).unwrap();
        for path in paths(&plan) {
            for edit in edits(at(&mut plan.clone(), &path)) {
                let mut edited = plan.clone();
                *at(&mut edited, &path) = edit;
                let refused = refusal(&edited.to_string()).unwrap();
                let is_told = match edited.get("keymend_plan") {
                    Some(version) if *version == plan["keymend_plan"] => {
                        matches!(refused, SavedPlanError::Edited { .. })
                    }
                    Some(_) => matches!(refused, SavedPlanError::Version { .. }),
                    None => matches!(refused, SavedPlanError::Malformed { .. }),
                };
                assert!(is_told, "{refused}: {path:?} of {ran}");
                tried += 1;
            }
        }
    }
    assert!(tried > 3_000, "{tried} edits");
}

#[test]
fn a_member_that_is_there_twice_is_refused() {
    const MARK: &str = "a member of no plan";
    for (ran, text) in saved() {
        let plan: Value = serde_json::from_str(&text).unwrap();
        for path in paths(&plan) {
            let Value::Object(members) = at(&mut plan.clone(), &path).clone() else { continue };
            for (name, member) in &members {
                // The last one, which most readers take, says what was saved.
                let with_other = [(MARK.to_owned(), json!("other"))].into_iter().chain(members.clone());
                let mut same = members.clone();
                same.insert(MARK.to_owned(), member.clone());
                for twice in [with_other.collect::<Map<_, _>>(), same] {
                    let mut edited = plan.clone();
                    *at(&mut edited, &path) = twice.into();
                    let edited = edited.to_string().replacen(MARK, name, 1);
                    assert!(
                        matches!(refusal(&edited), Some(SavedPlanError::Edited { .. })),
                        "{name} at {path:?} of {ran}"
                    );
                }
            }
        }
    }
}

fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            members.iter().rev().map(|(name, member)| (name.clone(), reversed(member))).collect()
        }
        Value::Array(items) => items.iter().map(reversed).collect(),
        _ => value.clone(),
    }
}

#[test]
fn another_layout_is_no_edit() {
    for (ran, text) in saved() {
        let plan: Value = serde_json::from_str(&text).unwrap();
        let as_saved = SavedPlan::parse(&text, "plan.json", causes::planned, tell, way).unwrap();
        for laid_out in [
            plan.to_string(),
            reversed(&plan).to_string(),
            format!("\r\n{:#}", reversed(&plan)).replace('\n', "\r\n\t"),
            text.replace("\"arn:", "\"\\u0061rn:"),
        ] {
            assert_ne!(laid_out, text);
            let read = SavedPlan::parse(&laid_out, "plan.json", causes::planned, tell, way);
            assert_eq!(read.as_ref(), Ok(&as_saved), "{laid_out} of {ran}");
        }
    }
}

/// What docs/plan-file.md says that it is.
pub(super) fn digest(plan: &Value) -> String {
    let mut rest = plan.clone();
    rest.as_object_mut().unwrap().shift_remove("digest").unwrap();
    rest.sort_all_objects();
    Sha256::digest(rest.to_string()).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

#[test]
fn what_another_version_says_is_not_passed_over() {
    for (ran, text) in saved() {
        let mut plan: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(plan["digest"], digest(&plan), "{ran}");
        plan["request"]["later"] = json!(true);
        plan["digest"] = digest(&plan).into();
        let read = SavedPlan::parse(&plan.to_string(), "plan.json", causes::planned, tell, way);
        assert!(matches!(read, Err(SavedPlanError::Different { .. })), "{read:?}: {ran}");
    }
}
