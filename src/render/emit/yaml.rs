//! Values in YAML as CloudFormation reads it, in which no text from outside is anything but text.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html>

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// How far each level stands in.
const STEP: usize = 2;

/// A string in double quotes, in ASCII alone: a template that is read back from CloudFormation has lost the rest.
///
/// <https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/814>,
/// <https://yaml.org/spec/1.1/#id872840>
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            ' '..='~' => quoted.push(character),
            other => _ = write!(quoted, "\\U{:08x}", u32::from(other)),
        }
    }
    quoted.push('"');
    quoted
}

/// `NAME: VALUE` in block style, with the line's end.
pub(super) fn entry(indent: usize, name: &str, value: &Value) -> String {
    let mut text = String::new();
    write_entry(&mut text, indent, name, value);
    text
}

fn write_entry(out: &mut String, indent: usize, name: &str, value: &Value) {
    // A name of more characters is one in this form alone: https://yaml.org/spec/1.1/#id896876
    const LONGEST: usize = 1024;
    let name = key(name);
    _ = match name.len() {
        ..LONGEST => write!(out, "{:indent$}{name}:", ""),
        _ => write!(out, "{:indent$}? {name}\n{:indent$}:", "", ""),
    };
    if let Some(flat) = flat(value) {
        _ = writeln!(out, " {flat}");
    } else {
        out.push('\n');
        write_block(out, indent + STEP, value);
    }
}

fn write_block(out: &mut String, indent: usize, value: &Value) {
    match value {
        Value::Object(members) => write_members(out, indent, members),
        Value::Array(items) => items.iter().for_each(|item| write_item(out, indent, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn write_members(out: &mut String, indent: usize, members: &Map<String, Value>) {
    members.iter().for_each(|(name, value)| write_entry(out, indent, name, value));
}

fn write_item(out: &mut String, indent: usize, item: &Value) {
    let mut block = flat(item).map(|flat| format!("{flat}\n")).unwrap_or_default();
    if block.is_empty() {
        write_block(&mut block, indent + STEP, item);
    }
    // The first line of what a dash begins stands right behind it.
    _ = write!(out, "{:indent$}- {}", "", block.trim_start_matches(' '));
}

/// What fits behind its name; `None` for what takes lines of its own.
fn flat(value: &Value) -> Option<String> {
    match value {
        Value::Object(members) if members.is_empty() => Some("{}".to_owned()),
        Value::Array(items) if items.is_empty() => Some("[]".to_owned()),
        Value::Object(_) | Value::Array(_) => None,
        Value::String(text) => Some(quote(text)),
        // YAML 1.1 reads some forms of fractions as strings, and policies take a number's text for the number.
        Value::Number(number) if number.is_f64() => Some(quote(&number.to_string())),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
    }
}

/// A name as it is where every reader of YAML takes it for text, else quoted.
fn key(name: &str) -> String {
    // https://yaml.org/type/bool.html, https://yaml.org/type/null.html
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let is_plain =
        name.starts_with(|c: char| c.is_ascii_uppercase()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_word = WORDS.iter().any(|word| name.eq_ignore_ascii_case(word));
    if is_plain && !is_word { name.to_owned() } else { quote(name) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_stay_texts() {
        assert_eq!(quote("!Ref a: ${b} # c"), "\"!Ref a: ${b} # c\"");
        assert_eq!(quote("\"\\\n\r\t"), r#""\"\\\n\r\t""#);
        assert_eq!(quote("é\u{202e}\u{1f600}\0"), r#""\U000000e9\U0000202e\U0001f600\U00000000""#);
    }

    #[test]
    fn names_of_any_length_are_names() {
        let long = "x".repeat(1100);
        assert_eq!(
            entry(0, "A", &json!([{"B": 1, &long: {"C": [2]}}, {&long: 3}])),
            format!(
                "A:\n  - B: 1\n    ? \"{long}\"\n    :\n      C:\n        - 2\n  - ? \"{long}\"\n    : 3\n"
            )
        );
    }

    #[test]
    fn values_are_blocks() {
        let value = json!({
            "Version": "2012-10-17",
            "Statement": [{"Sid": "a", "Action": ["b", ["c", "d"], {}], "Condition": {"Bool": {"x:y": true}}}, 7, 0.5, null],
            "No": [],
        });
        assert_eq!(
            entry(2, "KeyPolicy", &value),
            "  KeyPolicy:\n    Version: \"2012-10-17\"\n    Statement:\n      - Sid: \"a\"\n        Action:\n          - \"b\"\n          - - \"c\"\n            - \"d\"\n          - {}\n        Condition:\n          Bool:\n            \"x:y\": true\n      - 7\n      - \"0.5\"\n      - null\n    \"No\": []\n"
        );
    }
}
