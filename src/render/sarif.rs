//! What is found of documents in files, and what would become of them, in the Static Analysis Results Interchange Format:
//! GitHub and editors show it at its lines.
//!
//! SARIF 2.1.0: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html>

mod change;
mod region;
mod rules;

use std::io::{self, Write};

use serde_json::{Value, json};

use super::findings;
use crate::diff;
use crate::escape::{Escaped, EscapedJson};
use crate::plan::document::{Patched, Places};
use crate::plan::{Severity, Told};
use change::Change;
use region::Lines;
use rules::Rules;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// A file with a document in it, and what becomes of the document.
#[derive(Debug)]
pub struct CheckedFile<'a> {
    /// The file, as a reference of RFC 3986.
    pub uri: &'a str,
    /// What findings call it.
    pub name: &'a str,
    /// The document's text.
    pub text: &'a str,
    /// Whether the text is all of the file. Where it was found in something else, no place in it is one of the file.
    pub is_whole: bool,
    /// What becomes of it.
    pub patched: &'a Patched,
}

/// Writes what was found of files as one run.
///
/// # Errors
/// What the writer returns.
pub fn write(out: &mut dyn Write, files: &[CheckedFile<'_>]) -> io::Result<()> {
    let mut rules = Rules::default();
    let results: Vec<Value> = files.iter().flat_map(|file| file.results(&mut rules)).collect();
    let version = env!("CARGO_PKG_VERSION");
    let driver = json!({"name": "keymend", "semanticVersion": version, "rules": rules.told()});
    let run = json!({"tool": {"driver": driver}, "columnKind": "utf16CodeUnits", "results": results});
    let log = json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]});
    writeln!(out, "{}", EscapedJson(&serde_json::to_string_pretty(&log)?))
}

impl CheckedFile<'_> {
    /// First what was found, then what would change, each at its place.
    fn results(&self, rules: &mut Rules) -> Vec<Value> {
        let (lines, places) = (Lines::of(self.text), Places::of(self.text));
        let mut results = Vec::new();
        for (finding, told) in
            self.patched.findings.iter().zip(findings::tell_of_document(self.patched, self.name))
        {
            let spans = if self.is_whole { places.spoken_of(&finding.kind) } else { Vec::new() };
            let mut regions: Vec<Value> = spans.into_iter().map(|span| lines.shown(&span)).collect();
            if regions.is_empty() {
                regions.push(lines.first());
            }
            let (rule, level) = (rules.of_finding(told.code), level(finding.severity()));
            let message = in_words(&told);
            results.extend(regions.iter().map(|region| self.result(&rule, level, &message, region)));
        }
        let Some(after) = &self.patched.after else { return results };
        let rule = rules.of_pending_change();
        if !self.is_whole {
            let message = "keymend would patch the policy in it";
            results.push(self.result(&rule, level(Severity::LeftOver), message, &lines.first()));
            return results;
        }
        let change = Change::of(self.text, after);
        for replacement in diff::replacements(self.text, after) {
            let diff::Replacement { at, by } = &replacement;
            let message = change.in_words(&replacement);
            let mut result = self.result(&rule, level(Severity::LeftOver), &message, &lines.shown(at));
            let text = after.get(by.clone()).unwrap_or_default();
            let put_in = json!({"deletedRegion": lines.region(at), "insertedContent": {"text": text}});
            let change = json!({"artifactLocation": {"uri": self.uri}, "replacements": [put_in]});
            if let Some(result) = result.as_object_mut() {
                result.insert("fixes".to_owned(), json!([{"artifactChanges": [change]}]));
            }
            results.push(result);
        }
        results
    }

    fn result(&self, (rule, index): &(String, usize), level: &str, message: &str, region: &Value) -> Value {
        let location = json!({"artifactLocation": {"uri": self.uri}, "region": region});
        json!({
            "ruleId": rule,
            "ruleIndex": index,
            "level": level,
            "message": {"text": plain(message)},
            "locations": [{"physicalLocation": location}],
        })
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocking => "error",
        Severity::LeftOver | Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn in_words(told: &Told) -> String {
    let Some((hint, commands)) = told.way_out() else { return told.message.clone() };
    let commands: Vec<&str> = commands.lines().collect();
    let listed = if commands.is_empty() { String::new() } else { format!(": {}", commands.join("; ")) };
    format!("{}. Hint: {hint}{listed}", told.message)
}

/// A text in which a reader of the format finds neither placeholders nor links.
fn plain(text: &str) -> String {
    Escaped(text).to_string().replace('{', "{{").replace('}', "}}").replace("](", "\\](")
}
