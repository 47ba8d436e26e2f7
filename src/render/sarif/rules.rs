//! The rules that results go by: the codes of findings, and the pending change.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::level;
use crate::plan::{FindingCode, Severity};

const PENDING_CHANGE: &str = "pending_change";

/// Those that are met, in the order in which they are.
#[derive(Default)]
pub(super) struct Rules {
    met: Vec<Rule>,
    /// What each code stands for.
    meanings: BTreeMap<String, String>,
}

struct Rule {
    id: String,
    severity: Severity,
    meaning: String,
    help: &'static str,
}

impl Rules {
    /// The id and the index of a finding's rule.
    pub(super) fn of_finding(&mut self, code: FindingCode) -> (String, usize) {
        if self.meanings.is_empty() {
            self.meanings = meanings();
        }
        let id = serde_json::to_value(code).ok().and_then(|id| id.as_str().map(str::to_owned));
        let id = id.unwrap_or_default();
        let meaning = self.meanings.get(&id).cloned().unwrap_or_default();
        let help = match code.severity() {
            Severity::Blocking => {
                "AWS would not take the policy, or it denies: no file is patched before this is mended."
            }
            Severity::LeftOver => "Somebody has to do something besides.",
            Severity::Warning => "The policy can be patched all the same.",
            Severity::Note => "Good to know.",
        };
        self.index(Rule { id, severity: code.severity(), meaning, help })
    }

    /// That of what would be patched.
    pub(super) fn of_pending_change(&mut self) -> (String, usize) {
        self.index(Rule {
            id: PENDING_CHANGE.to_owned(),
            severity: Severity::LeftOver,
            meaning: "A policy lacks what was asked for.".to_owned(),
            help: "`keymend patch --in-place` writes it, with the options of the check.",
        })
    }

    fn index(&mut self, rule: Rule) -> (String, usize) {
        let id = rule.id.clone();
        let index = self.met.iter().position(|known| known.id == id).unwrap_or_else(|| {
            self.met.push(rule);
            self.met.len() - 1
        });
        (id, index)
    }

    /// As a run has them.
    pub(super) fn told(&self) -> Vec<Value> {
        let told = |Rule { id, severity, meaning, help }: &Rule| {
            json!({
                "id": id,
                "shortDescription": {"text": meaning},
                "fullDescription": {"text": meaning},
                "help": {"text": help},
                "defaultConfiguration": {"level": level(*severity)},
            })
        };
        self.met.iter().map(told).collect()
    }
}

/// What `keymend schema` says of each code.
fn meanings() -> BTreeMap<String, String> {
    let schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<FindingCode>().to_value();
    let codes = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let text = |code: &Value, name: &str| Some(code.get(name)?.as_str()?.to_owned());
    codes.filter_map(|code| Some((text(code, "const")?, text(code, "description")?))).collect()
}
