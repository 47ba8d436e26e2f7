//! One record, and its members however they are written: `userIdentity.arn`, `useridentity_arn`, `useridentity` with
//! JSON or a struct of SQL as its text.

use serde_json::{Map, Value};

use super::table;

/// An event of CloudTrail, or a notification of EventBridge.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::launch) struct Record(Map<String, Value>);

impl Record {
    pub(super) fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    pub(super) fn into_members(self) -> Map<String, Value> {
        self.0
    }

    /// Whether it is an event or a notification itself, and nothing around one.
    pub(super) fn is_record(&self) -> bool {
        if self.find(&["CloudTrailEvent"]).is_some() {
            return false;
        }
        match self.text(&["eventSource"]) {
            // Records of queues and streams, whose bodies are looked into.
            Some(source) => !source.starts_with("aws:"),
            None => self.is_row_of_an_event() || self.is_notification(),
        }
    }

    /// A query need not have asked for the event's source.
    fn is_row_of_an_event(&self) -> bool {
        let told = [&["userIdentity"][..], &["userIdentity", "arn"], &["errorCode"], &["errorMessage"]];
        self.text(&["eventName"]).is_some() && told.into_iter().any(|path| self.find(path).is_some())
    }

    fn is_notification(&self) -> bool {
        let is_event = || self.text(&["detail", "eventSource"]).is_some();
        (self.text(&["detail-type"]).is_some() && self.find(&["detail"]).is_some() && !is_event())
            || (self.text(&["AutoScalingGroupName"]).is_some() && self.text(&["StatusMessage"]).is_some())
    }

    /// A member's text, if it has one.
    pub(in crate::launch) fn text(&self, path: &[&str]) -> Option<String> {
        match self.find(path)? {
            Value::String(text) if !text.is_empty() => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// The items of a member that is a list, or the text of one.
    pub(in crate::launch) fn list(&self, path: &[&str]) -> Vec<Value> {
        let list = match self.find(path) {
            Some(Value::String(text)) => table::structure(&text),
            other => other,
        };
        match list {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        }
    }

    /// A member.
    pub(in crate::launch) fn find(&self, path: &[&str]) -> Option<Value> {
        find(&self.0, path)
    }
}

/// The member at a path; several of its names may stand as one, and in any case.
fn find(members: &Map<String, Value>, path: &[&str]) -> Option<Value> {
    (1..=path.len()).find_map(|taken| {
        let (names, rest) = path.split_at_checked(taken)?;
        let wanted = squashed(&names.concat());
        let (_, value) = members.iter().find(|(name, value)| squashed(name) == wanted && !value.is_null())?;
        within(value, rest)
    })
}

fn within(value: &Value, path: &[&str]) -> Option<Value> {
    match (value, path) {
        (value, []) => Some(value.clone()),
        (Value::Object(members), _) => find(members, path),
        (Value::String(text), _) => match table::structure(text)? {
            Value::Object(members) => find(&members, path),
            _ => None,
        },
        _ => None,
    }
}

/// A name without what tells its words apart.
fn squashed(name: &str) -> String {
    let kept = name.chars().filter(|letter| !matches!(letter, '.' | '_' | '-'));
    kept.map(|letter| letter.to_ascii_lowercase()).collect()
}
