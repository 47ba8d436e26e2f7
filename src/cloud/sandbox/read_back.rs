//! The form in which AWS gives a key policy back.
//!
//! KMS keeps the meaning and not the text: members in its own order, white space of its own printer,
//! principals in any order, one-element lists as strings, account ids as the ARNs of their roots. IAM gives
//! documents back as they were sent.

use std::cmp::Reverse;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::arn::Partition;
use crate::policy::AwsPrincipal;

/// A policy that was accepted, as `GetKeyPolicy` will give it back; `arn_of` tells the ARN behind a unique id.
pub(super) fn key_policy(
    text: &str,
    partition: Partition,
    arn_of: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    const ORDER: [&str; 3] = ["Version", "Id", "Statement"];
    let Ok(Value::Object(document)) = serde_json::from_str(text) else {
        return None;
    };
    let mut document = ordered(document, &ORDER);
    let statements = match document.get_mut("Statement")?.take() {
        Value::Array(statements) => statements,
        only => vec![only],
    };
    let form = Form { partition, arn_of };
    let statements: Vec<Value> = statements.into_iter().map(|statement| form.statement(statement)).collect();
    document.insert("Statement".to_owned(), statements.into());
    let mut printed = String::with_capacity(text.len());
    print(&document.into(), 0, &mut printed);
    Some(printed)
}

struct Form<'a> {
    partition: Partition,
    arn_of: &'a dyn Fn(&str) -> Option<String>,
}

impl Form<'_> {
    fn statement(&self, statement: Value) -> Value {
        const ORDER: [&str; 9] = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        let Value::Object(statement) = statement else {
            return statement;
        };
        let members = ordered(statement, &ORDER).into_iter().map(|(name, value)| {
            let value = match name.as_str() {
                "Principal" | "NotPrincipal" => self.principal(value),
                "Condition" => conditions(value),
                _ => scalar_if_one(value),
            };
            (name, value)
        });
        members.collect::<Map<_, _>>().into()
    }

    fn principal(&self, value: Value) -> Value {
        let Value::Object(types) = value else {
            return Value::Object(Map::from_iter([("AWS".to_owned(), value)]));
        };
        let types = types.into_iter().map(|(name, list)| {
            let list = if name == "AWS" { self.aws(list) } else { scalar_if_one(list) };
            (name, list)
        });
        types.collect::<Map<_, _>>().into()
    }

    fn aws(&self, list: Value) -> Value {
        let Value::Array(items) = list else {
            return self.aws_principal(list);
        };
        let mut items: Vec<Value> = items.into_iter().map(|item| self.aws_principal(item)).collect();
        // AWS promises no order; this one is hardly ever the order that was sent.
        items.sort_by_key(|item| Reverse(item.to_string()));
        items.dedup();
        scalar_if_one(items.into())
    }

    fn aws_principal(&self, value: Value) -> Value {
        let Value::String(text) = &value else {
            return value;
        };
        match AwsPrincipal::parse(text) {
            AwsPrincipal::Account { id, .. } => format!("arn:{}:iam::{id}:root", self.partition).into(),
            AwsPrincipal::UniqueId(id) => (self.arn_of)(&id).map_or(value, Value::from),
            _ => value,
        }
    }
}

fn conditions(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, conditions(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => scalar_if_one(items.into_iter().map(conditions).collect()),
        Value::Bool(boolean) => boolean.to_string().into(),
        Value::Number(number) => number.to_string().into(),
        other => other,
    }
}

fn scalar_if_one(value: Value) -> Value {
    match value {
        Value::Array(mut items) if items.len() == 1 => items.pop().unwrap_or_default(),
        other => other,
    }
}

/// The members in the order given, then all others as they stood.
fn ordered(mut members: Map<String, Value>, order: &[&str]) -> Map<String, Value> {
    let first: Vec<_> = order.iter().filter_map(|name| members.shift_remove_entry(*name)).collect();
    first.into_iter().chain(members).collect()
}

/// Prints as Jackson's default pretty printer does: objects over lines, arrays inline.
fn print(value: &Value, depth: usize, out: &mut String) {
    let newline = |depth: usize| format!("\n{}", "  ".repeat(depth));
    match value {
        Value::Object(members) if members.is_empty() => out.push_str("{ }"),
        Value::Object(members) => {
            for (index, (name, value)) in members.iter().enumerate() {
                out.push_str(if index == 0 { "{" } else { "," });
                out.push_str(&newline(depth + 1));
                // Writing to a string does not fail.
                let _ = write!(out, "{} : ", Value::from(name.as_str()));
                print(value, depth + 1, out);
            }
            out.push_str(&newline(depth));
            out.push('}');
        }
        Value::Array(items) if items.is_empty() => out.push_str("[ ]"),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "[ " } else { ", " });
                print(item, depth, out);
            }
            out.push_str(" ]");
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PolicyDocument;

    fn read_back(text: &str) -> String {
        let arn_of =
            |id: &str| (id == "AROAEXAMPLEEXAMPLE123").then(|| "arn:aws:iam::111122223333:role/a".into());
        key_policy(text, Partition::Aws, &arn_of).unwrap()
    }

    const SENT: &str = r#"{
        "Statement": [
            {"Effect": "Allow", "Sid": "Allow use of the key",
             "Principal": {"AWS": ["111122223333", "arn:aws:iam::444455556666:role/b"], "Service": ["s.amazonaws.com"]},
             "Action": ["kms:Decrypt", "kms:Encrypt"], "Resource": ["*"],
             "Condition": {"Bool": {"kms:GrantIsForAWSResource": [true]}}},
            {"Effect": "Deny", "Principal": "*", "NotAction": "kms:*", "Resource": "*", "Condition": {}}
        ],
        "Version": "2012-10-17"}"#;

    #[test]
    fn the_form_is_the_printers_of_aws() {
        assert_eq!(
            read_back(SENT),
            r#"{
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Sid" : "Allow use of the key",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : [ "arn:aws:iam::444455556666:role/b", "arn:aws:iam::111122223333:root" ],
      "Service" : "s.amazonaws.com"
    },
    "Action" : [ "kms:Decrypt", "kms:Encrypt" ],
    "Resource" : "*",
    "Condition" : {
      "Bool" : {
        "kms:GrantIsForAWSResource" : "true"
      }
    }
  }, {
    "Effect" : "Deny",
    "Principal" : {
      "AWS" : "*"
    },
    "NotAction" : "kms:*",
    "Resource" : "*",
    "Condition" : { }
  } ]
}"#
        );
    }

    #[test]
    fn the_meaning_stays_and_a_second_reading_is_the_same() {
        let once = read_back(SENT);
        assert_eq!(read_back(&once), once);
        let parse = |text: &str| PolicyDocument::parse(text).unwrap();
        assert!(parse(SENT).same_meaning(&parse(&once), Partition::Aws));
    }

    #[test]
    fn one_statement_becomes_a_list_and_a_living_id_its_arn() {
        let text = r#"{"Statement": {"Effect": "Allow", "Principal": {"AWS": ["AROAEXAMPLEEXAMPLE123"]}}}"#;
        let statement =
            "{\n  \"Statement\" : [ {\n    \"Effect\" : \"Allow\",\n    \"Principal\" : {\n      \"AWS\" : ";
        assert_eq!(
            read_back(text),
            format!("{statement}\"arn:aws:iam::111122223333:role/a\"\n    }}\n  }} ]\n}}")
        );
        assert!(key_policy("[]", Partition::Aws, &|_| None).is_none());
    }
}
